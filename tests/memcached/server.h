/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_MEMCACHED_SERVER_H
#define TEST_MEMCACHED_SERVER_H

#include <pthread.h>
#include <sys/types.h>

#include "tests/support/brisk_test.h"

#include <brisk/memcached.h>

/* A real memcached of the test's own, on a free port of 127.0.0.1 or a UNIX socket. */
struct server {
    pid_t pid; /* 0: not running */
    uint16_t port;
    char folder[64]; /* of the socket; "" if there is none */
    char address[128];
};

/* Returns when it answers. It ends with the test at the latest. */
void server_start(struct server *server);
void server_start_on_socket(struct server *server);
/* The same address again. */
void server_restart(struct server *server);
void server_kill(struct server *server);
/* It is stopped when this returns, not only told to stop. */
void server_pause(struct server *server);
void server_resume(struct server *server);
/* Kills it and removes its socket. */
void server_end(struct server *server);

/* Options for these servers. */
struct brisk_memcached_options options_for(
    const struct server *const *servers, size_t count, struct brisk_memcached_server *storage);
struct brisk_memcached *client_of(const struct server *server);
struct brisk_memcached *client_with(const struct brisk_memcached_options *options);

/*
 * A server that says what the test wants: "version" gets an honest answer, every
 * other request `reply`, of which only the first `length` bytes are sent.
 */
enum liar_end {
    LIAR_GOES_ON,
    LIAR_CLOSES,
    LIAR_HANGS /* reads, and says nothing more on this connection */
};

struct liar {
    int listener;
    uint16_t port;
    char address[64];
    pthread_t thread;
    pthread_mutex_t lock; /* of the following */
    char reply[4096];
    size_t length;
    unsigned int pause_ms; /* between single bytes; 0: all at once */
    enum liar_end end;
    _Atomic unsigned int connections;
    _Atomic unsigned int requests;
};

void liar_start(struct liar *liar);
void liar_say(struct liar *liar, const char *reply, size_t length, enum liar_end end);
/* After the clients are closed. */
void liar_stop(struct liar *liar);

uint64_t now_ms(void);

/* For values and keys in tests: the text without its '\0'. */
#define T(text) brisk_bytes_text(text)

#endif
