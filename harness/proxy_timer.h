/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_PROXY_TIMER_H
#define BK_PROXY_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * When is the next of many due: a binary heap of timers that live in what they wake up.
 * Does not look at a clock.
 */
struct bk_timer {
    uint64_t due_ns;
    size_t place; /* in the heap, from 1; 0: not set */
};

struct bk_timers {
    struct bk_timer **heap;
    size_t count;
    size_t capacity;
};

#define BK_TIMER_NEVER UINT64_MAX

void bk_timers_free(struct bk_timers *timers);

/*
 * Room for `count` timers in all. False if there is no memory. So that setting one cannot
 * fail, whoever makes a timer asks for its room first.
 */
bool bk_timers_reserve(struct bk_timers *timers, size_t count);

/* Sets or moves it. */
void bk_timer_set(struct bk_timers *timers, struct bk_timer *timer, uint64_t due_ns);

/* Does nothing if it is not set. */
void bk_timer_unset(struct bk_timers *timers, struct bk_timer *timer);

/* BK_TIMER_NEVER if none is set. */
uint64_t bk_timers_next_ns(const struct bk_timers *timers);

/* One that is due, now no longer set; NULL if there is none. */
struct bk_timer *bk_timers_take_due(struct bk_timers *timers, uint64_t now_ns);

#endif
