/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy_events.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

enum {
    EVENTS_PER_ROUND = 64
};

#define NS_PER_S UINT64_C(1000000000)

uint64_t bk_events_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Its expiry ends the wait; nobody reads it, as edge-triggered events need no one to. */
static bool watch_timer(struct bk_events *events)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data = {.ptr = NULL}};
    return epoll_ctl(events->epoll_fd, EPOLL_CTL_ADD, events->timer_fd, &event) == 0;
}

enum brisk_status bk_events_open(struct bk_events *events, struct brisk_error *error)
{
    *events = (struct bk_events){.armed_ns = BK_TIMER_NEVER};
    events->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    events->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (events->epoll_fd >= 0 && events->timer_fd >= 0 && watch_timer(events))
        return BRISK_OK;
    int sys_errno = errno;
    bk_events_close(events);
    return bk_error_set(
        error, BRISK_ERR_SYSTEM, sys_errno, "no epoll or timer for the proxy; see `ulimit -n`");
}

void bk_events_close(struct bk_events *events)
{
    if (events->timer_fd >= 0)
        close(events->timer_fd);
    if (events->epoll_fd >= 0)
        close(events->epoll_fd);
    bk_timers_free(&events->timers);
}

bool bk_events_watch(struct bk_events *events, struct bk_watch *watch, uint32_t what)
{
    struct epoll_event event = {.events = what, .data = {.ptr = watch}};
    return epoll_ctl(events->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) == 0;
}

/* Closing a descriptor is not enough: a forked process may hold it, too. */
void bk_events_unwatch(struct bk_events *events, struct bk_watch *watch)
{
    if (watch->ready == NULL)
        return;
    watch->ready = NULL;
    epoll_ctl(events->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
}

/* How long epoll waits: not at all, or until the timer or an event wakes it up. */
static int arm(struct bk_events *events)
{
    uint64_t next_ns = bk_timers_next_ns(&events->timers);
    if (next_ns != BK_TIMER_NEVER && next_ns <= bk_events_now_ns())
        return 0;
    if (next_ns == events->armed_ns)
        return -1;
    struct itimerspec when = {.it_value = {.tv_sec = 0}};
    if (next_ns != BK_TIMER_NEVER) {
        when.it_value.tv_sec = (time_t)(next_ns / NS_PER_S);
        when.it_value.tv_nsec = (long)(next_ns % NS_PER_S);
    }
    timerfd_settime(events->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
    events->armed_ns = next_ns;
    return -1;
}

static void ring_due(struct bk_events *events)
{
    if (events->timers.count == 0)
        return;
    uint64_t now_ns = bk_events_now_ns();
    struct bk_timer *due = bk_timers_take_due(&events->timers, now_ns);
    for (; due != NULL; due = bk_timers_take_due(&events->timers, now_ns)) {
        struct bk_alarm *alarm = (struct bk_alarm *)due;
        alarm->ring(alarm);
    }
}

void bk_events_round(struct bk_events *events)
{
    struct epoll_event ready[EVENTS_PER_ROUND];
    int count = epoll_wait(events->epoll_fd, ready, EVENTS_PER_ROUND, arm(events));
    for (int i = 0; i < count; i++) {
        struct bk_watch *watch = ready[i].data.ptr;
        if (watch == NULL)
            events->armed_ns = BK_TIMER_NEVER; /* it has fired */
        else if (watch->ready != NULL)
            watch->ready(watch, ready[i].events);
    }
    ring_due(events);
}
