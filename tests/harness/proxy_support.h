/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_SUPPORT_H
#define PROXY_SUPPORT_H

#include "harness/proxy.h"
#include "tests/support/brisk_test.h"

/*
 * A server that the test plays itself, a proxy in front of it, and clients. All sockets block,
 * for 30 s at most: then the test has failed.
 */
struct stage {
    char folder[64]; /* of sockets; gone after stage_end */
    int server_fd;   /* listens */
    char server[128];
    struct bk_proxy *proxy;
};

enum stage_kind {
    STAGE_TCP,
    STAGE_UNIX
};

/* With a proxy that runs in a thread; `faults` may be NULL. */
struct stage stage_begin(enum stage_kind kind, const char *faults);
void stage_end(struct stage *stage);

/* Asserts that it is done. */
void stage_fault(struct stage *stage, const char *specification);
struct bk_proxy_status stage_status(struct stage *stage);

/* The open connections of the proxy are so many, soon. */
void stage_await_connections(struct stage *stage, uint64_t count);

/* A client's connection, and the server's end of it. */
struct pair {
    int client;
    int server;
};

struct pair stage_connect(struct stage *stage);
void pair_close(struct pair *pair);

/* A client's socket, or -1 if it was refused: any other failure fails the test. */
int stage_try_connect(struct stage *stage);
int stage_accept(struct stage *stage);

void send_text(int fd, const char *text);

/* Exactly that comes next. */
void expect_text(int fd, const char *text);
void expect_end(int fd);
void expect_reset(int fd);
/* Nothing has come yet, and no end. */
void expect_silence(int fd);

/* Everything up to the end or error; the number of bytes. *sys_errno is 0 after an end. */
size_t read_all(int fd, void *bytes, size_t capacity, int *sys_errno);

/* Reads and throws away up to `length` bytes; how many came before the end. */
void read_exactly(int fd, void *bytes, size_t length);

uint64_t now_ns(void);

#endif
