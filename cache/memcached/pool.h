/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_MC_POOL_H
#define BK_MC_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* The start of whatever is pooled. */
struct bk_mc_pooled {
    struct bk_mc_pooled *next;
    uint32_t epoch; /* when it was connected; 0: it is not */
};

struct bk_mc_pool_waiter;

/*
 * Up to a number of connections, given out last in, first out, so that few stay
 * warm; who waits for one is served first come, first served.
 * Thread safety: any thread.
 */
struct bk_mc_pool {
    pthread_mutex_t lock;
    struct bk_mc_pooled *idle;
    unsigned int unmade; /* how many more there may be */
    struct bk_mc_pool_waiter *first;
    struct bk_mc_pool_waiter **end;
};

bool bk_mc_pool_init(struct bk_mc_pool *pool, unsigned int most);
void bk_mc_pool_free(struct bk_mc_pool *pool); /* after taking all idle ones */

enum bk_mc_pool_answer {
    BK_MC_POOL_FOUND,
    BK_MC_POOL_MAKE, /* the caller makes one and gives it back as any other */
    BK_MC_POOL_TIMEOUT
};

/*
 * One that was connected no later than `newest_epoch`, if there is one idle, else any.
 * `deadline_ns` is of CLOCK_MONOTONIC.
 */
enum bk_mc_pool_answer bk_mc_pool_take(
    struct bk_mc_pool *pool, uint32_t newest_epoch, uint64_t deadline_ns,
    struct bk_mc_pooled **out);

void bk_mc_pool_give(struct bk_mc_pool *pool, struct bk_mc_pooled *one);
/* In place of giving one back: it could not be made. */
void bk_mc_pool_forgo(struct bk_mc_pool *pool);
/* All that are idle, as a list; those that are made in their place are new. */
struct bk_mc_pooled *bk_mc_pool_drain(struct bk_mc_pool *pool);

#endif
