/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_TALK_H
#define BK_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <brisk/status.h>

/*
 * A conversation with a daemon: connect, send, expect. Whoever waits does other things
 * meanwhile: `wait` returns true when the descriptor is ready, false if the talk is to end
 * (the deadline has passed, or the daemon has ended).
 */
typedef bool bk_talk_wait_fn(void *ctx, int fd, short events, uint64_t deadline_ns);

enum {
    BK_TALK_BYTES = 16384,
};

struct bk_talk {
    int fd; /* -1 before the connect */
    uint64_t deadline_ns;
    bk_talk_wait_fn *wait;
    void *ctx;
    size_t received; /* bytes in `buffer` that nobody has expected yet */
    char buffer[BK_TALK_BYTES];
};

/* To a UNIX socket, if `socket_path` is not NULL, else to BK_PORT_HOST. */
bool bk_talk_connect(struct bk_talk *talk, const char *socket_path, uint16_t port);
void bk_talk_close(struct bk_talk *talk);

bool bk_talk_send(struct bk_talk *talk, const char *bytes, size_t length);
/* Receives until `bytes` has come, and drops what came up to it. */
bool bk_talk_expect(struct bk_talk *talk, const char *bytes, size_t length);
/* Receives until `length` bytes are in the buffer; at most BK_TALK_BYTES. */
bool bk_talk_need(struct bk_talk *talk, size_t length);
void bk_talk_drop(struct bk_talk *talk, size_t length);

#endif
