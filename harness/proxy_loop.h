/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_PROXY_LOOP_H
#define BK_PROXY_LOOP_H

#include "harness/proxy.h"
#include "harness/proxy_control.h"

/* What the loop of a proxy has, and nobody else while it runs. */
struct bk_loop {
    struct bk_events events;
    struct bk_relay relay;
    struct bk_control control;
};

/*
 * Takes over `owner_fd`, one end of a socket pair, also when it fails: requests come in there,
 * and the loop ends when the other end is closed. NULL as bk_proxy_open.
 */
struct bk_loop *
bk_loop_open(const struct bk_proxy_options *options, int owner_fd, struct brisk_error *error);

/* Runs until the owner is gone; frees. */
void bk_loop_run(struct bk_loop *loop);

/* Of one that does not run: ends what it holds. NULL is fine. */
void bk_loop_close(struct bk_loop *loop);

/* Of one that runs in another process: frees what this process has of it. */
void bk_loop_abandon(struct bk_loop *loop);

#endif
