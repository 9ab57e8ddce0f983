/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_PROXY_H
#define BK_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include <brisk/status.h>

#include "base/text.h"

/*
 * A proxy that stands between a client and a server and makes the connection bad on purpose.
 * Faults are written as in harness/proxy_fault.h, and changed while it runs.
 *
 *     struct bk_proxy_options options = {.listen = "127.0.0.1:0", .server = "127.0.0.1:11211"};
 *     struct bk_proxy *proxy = bk_proxy_open(&options, &error);
 *     bk_proxy_start(proxy, &error);
 *     connect_to(bk_proxy_address(proxy));
 *     bk_proxy_fault(proxy, "latency=50ms direction=down", &error);
 *     bk_proxy_close(proxy);
 *
 * The work is one loop, that of bk_proxy_run. It runs in a thread (bk_proxy_start), or in a forked
 * child: there bk_proxy_run is called, and the parent calls bk_proxy_forked. Either way
 * the other functions work as before, and the loop ends with bk_proxy_close or the owner's death.
 */
struct bk_proxy;

struct bk_proxy_options {
    const char *listen;  /* as bk_address_read; port 0 is a free one */
    const char *server;  /* in the same form; need not be there yet */
    const char *control; /* the path of a UNIX socket for other processes; NULL: none */
    const char *faults;  /* from the start; NULL: none */
    uint64_t seed;
};

/*
 * From now on clients may connect; they are answered when the loop runs. Strings are copied.
 * NULL: BRISK_ERR_INVALID (address, fault), BRISK_ERR_SYSTEM (the address is in use, no
 * descriptors), BRISK_ERR_NOMEM.
 */
struct bk_proxy *bk_proxy_open(const struct bk_proxy_options *options, struct brisk_error *error);

/* Ends the loop and all connections; frees. NULL is fine. */
void bk_proxy_close(struct bk_proxy *proxy);

/* Where clients connect, with its real port; lives as long as the proxy. */
const char *bk_proxy_address(const struct bk_proxy *proxy);
unsigned int bk_proxy_port(const struct bk_proxy *proxy);

/* Runs the loop in a thread that receives no signal. */
enum brisk_status bk_proxy_start(struct bk_proxy *proxy, struct brisk_error *error);

/*
 * The loop, in this thread, until the owner closes or ends. For a forked child that has nothing
 * else to do; SIGPIPE is blocked in it. Frees the proxy.
 */
void bk_proxy_run(struct bk_proxy *proxy);

/* In the parent of such a child: gives up what the child has now. */
void bk_proxy_forked(struct bk_proxy *proxy);

/*
 * Changes the faults; done when it returns. Any thread.
 * BRISK_ERR_INVALID: the message says what to write; nothing has changed. BRISK_ERR_UNREACHABLE:
 * the loop is gone, BRISK_ERR_TIMEOUT: it does not answer, or was never started.
 */
enum brisk_status
bk_proxy_fault(struct bk_proxy *proxy, const char *specification, struct brisk_error *error);

/* All faults off. */
enum brisk_status bk_proxy_clear(struct bk_proxy *proxy, struct brisk_error *error);

struct bk_proxy_status {
    uint64_t seed;
    uint64_t connections; /* open now */
    uint64_t accepted;
    uint64_t unreachable;          /* accepted, but the server was not there */
    uint64_t bytes_up, bytes_down; /* that have left */
};

enum brisk_status bk_proxy_read_status(
    struct bk_proxy *proxy, struct bk_proxy_status *status, struct brisk_error *error);

/* Lines of "name value": first "faults", as they could be written, then those counts. */
enum brisk_status
bk_proxy_print_status(struct bk_proxy *proxy, struct bk_text *text, struct brisk_error *error);

/*
 * A request to the proxy of another process, over its control socket: "fault latency=50ms",
 * "clear", "status". The lines of the answer go to `answer`, which may be NULL.
 */
enum brisk_status bk_proxy_ask_at(
    const char *control, const char *request, struct bk_text *answer, struct brisk_error *error);

#endif
