/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_PROXY_EVENTS_H
#define BK_PROXY_EVENTS_H

#include <sys/epoll.h>

#include <brisk/status.h>

#include "harness/proxy_timer.h"

/*
 * Waits for descriptors and points in time, of one thread. Both are members of what they belong
 * to, which stays in memory until the round is over: several events of a round may be its own.
 */
struct bk_watch {
    int fd;
    void (*ready)(struct bk_watch *watch, uint32_t events); /* NULL: not watched */
};

struct bk_alarm {
    struct bk_timer timer;
    void (*ring)(struct bk_alarm *alarm); /* once; sets itself again */
};

struct bk_events {
    int epoll_fd;
    int timer_fd;
    uint64_t armed_ns; /* when timer_fd fires */
    struct bk_timers timers;
};

/* BRISK_ERR_SYSTEM, with nothing left open. */
enum brisk_status bk_events_open(struct bk_events *events, struct brisk_error *error);
void bk_events_close(struct bk_events *events);

/* `what` of epoll_ctl(2). False if the kernel has no memory for it. */
bool bk_events_watch(struct bk_events *events, struct bk_watch *watch, uint32_t what);

/* Also of one that is not watched. */
void bk_events_unwatch(struct bk_events *events, struct bk_watch *watch);

/* Waits until something is ready or due, and calls what is. */
void bk_events_round(struct bk_events *events);

/* CLOCK_MONOTONIC. */
uint64_t bk_events_now_ns(void);

#endif
