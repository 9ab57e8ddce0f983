/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_PROXY_CONTROL_H
#define BK_PROXY_CONTROL_H

#include "base/text.h"
#include "harness/proxy_relay.h"

/*
 * How a running proxy is told what to do: requests of a line each, over a stream socket.
 *
 *     fault latency=50ms jitter=10ms     -> ok
 *     clear                              -> ok
 *     status                             -> lines of "name value", then ok
 *     fault sloth                        -> error 'sloth' is no fault; ...
 *
 * The answer's last line begins with "ok" or "error"; it comes when the request is done.
 */
enum {
    BK_CONTROL_MAX_LINE = 1024,
    BK_CONTROL_MAX_ANSWER = 2048
};

/* The answer to a request without its '\n'; the text must have room for it. */
void bk_control_answer(struct bk_relay *relay, const char *request, struct bk_text *answer);

/*
 * The server's side, in the events of the relay. `owner_fd` is a connection that is there from
 * the start, and taken over: when its other end is closed, is_orphaned becomes true.
 */
struct bk_control {
    struct bk_relay *relay;
    struct bk_watch listener;
    struct bk_session *sessions;
    struct bk_session *closed_sessions; /* to be freed after the round */
    struct bk_address address;
    bool has_listener;
    bool is_orphaned;
};

/* `address`: of a UNIX socket, or NULL for the owner alone. What failed has left nothing open. */
enum brisk_status bk_control_open(
    struct bk_control *control, struct bk_relay *relay, const struct bk_address *address,
    int owner_fd, struct brisk_error *error);
void bk_control_close(struct bk_control *control);

/* Of one that another process goes on with: frees and closes only. */
void bk_control_abandon(struct bk_control *control);

/* Frees what was closed; between two rounds. */
void bk_control_sweep(struct bk_control *control);

/*
 * The client's side: sends a request over a connected, blocking socket and waits for the answer,
 * `timeout_ms` for each part. The lines before "ok" go to `answer`, if it is not NULL.
 * BRISK_ERR_INVALID with the text of an "error" (or for a request with a line break),
 * BRISK_ERR_UNREACHABLE if the proxy is gone, BRISK_ERR_TIMEOUT.
 */
enum brisk_status bk_control_ask(
    int fd, const char *request, unsigned int timeout_ms, struct bk_text *answer,
    struct brisk_error *error);

#endif
