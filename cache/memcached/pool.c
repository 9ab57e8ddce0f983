/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/memcached/pool.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

/* On the stack of the thread that waits. */
struct bk_mc_pool_waiter {
    struct bk_mc_pool_waiter *next;
    pthread_cond_t is_served;
    bool has_one;
    struct bk_mc_pooled *one; /* NULL: to be made */
};

bool bk_mc_pool_init(struct bk_mc_pool *pool, unsigned int most)
{
    *pool = (struct bk_mc_pool){.unmade = most};
    pool->end = &pool->first;
    return pthread_mutex_init(&pool->lock, NULL) == 0;
}

void bk_mc_pool_free(struct bk_mc_pool *pool)
{
    pthread_mutex_destroy(&pool->lock);
}

static struct bk_mc_pooled *pop_idle(struct bk_mc_pool *pool, uint32_t newest_epoch)
{
    struct bk_mc_pooled **link = &pool->idle;
    while (*link != NULL && (*link)->epoch > newest_epoch)
        link = &(*link)->next;
    if (*link == NULL)
        link = &pool->idle;
    struct bk_mc_pooled *one = *link;
    if (one != NULL)
        *link = one->next;
    return one;
}

static void unlink_waiter(struct bk_mc_pool *pool, struct bk_mc_pool_waiter *waiter)
{
    struct bk_mc_pool_waiter **link = &pool->first;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
    if (pool->end == &waiter->next)
        pool->end = link;
}

/* With the lock held. Hands `one`, or the right to make one, to who waits longest. */
static bool serve_first(struct bk_mc_pool *pool, struct bk_mc_pooled *one)
{
    struct bk_mc_pool_waiter *waiter = pool->first;
    if (waiter == NULL)
        return false;
    unlink_waiter(pool, waiter);
    waiter->one = one;
    waiter->has_one = true;
    pthread_cond_signal(&waiter->is_served);
    return true;
}

static bool init_monotonic(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    bool is_ready = pthread_cond_init(condition, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return is_ready;
}

/* With the lock held. */
static enum bk_mc_pool_answer
wait_in_line(struct bk_mc_pool *pool, uint64_t deadline_ns, struct bk_mc_pooled **out)
{
    struct bk_mc_pool_waiter waiter = {.has_one = false};
    if (!init_monotonic(&waiter.is_served))
        return BK_MC_POOL_TIMEOUT;
    *pool->end = &waiter;
    pool->end = &waiter.next;
    struct timespec until = {(time_t)(deadline_ns / 1000000000), (long)(deadline_ns % 1000000000)};
    while (!waiter.has_one)
        if (pthread_cond_timedwait(&waiter.is_served, &pool->lock, &until) == ETIMEDOUT)
            break;
    if (!waiter.has_one)
        unlink_waiter(pool, &waiter);
    pthread_cond_destroy(&waiter.is_served);
    if (!waiter.has_one)
        return BK_MC_POOL_TIMEOUT;
    *out = waiter.one;
    return waiter.one != NULL ? BK_MC_POOL_FOUND : BK_MC_POOL_MAKE;
}

enum bk_mc_pool_answer bk_mc_pool_take(
    struct bk_mc_pool *pool, uint32_t newest_epoch, uint64_t deadline_ns, struct bk_mc_pooled **out)
{
    enum bk_mc_pool_answer answer = BK_MC_POOL_FOUND;
    pthread_mutex_lock(&pool->lock);
    *out = pop_idle(pool, newest_epoch);
    if (*out == NULL && pool->unmade > 0) {
        pool->unmade--;
        answer = BK_MC_POOL_MAKE;
    } else if (*out == NULL) {
        answer = wait_in_line(pool, deadline_ns, out);
    }
    pthread_mutex_unlock(&pool->lock);
    return answer;
}

void bk_mc_pool_give(struct bk_mc_pool *pool, struct bk_mc_pooled *one)
{
    pthread_mutex_lock(&pool->lock);
    if (!serve_first(pool, one)) {
        one->next = pool->idle;
        pool->idle = one;
    }
    pthread_mutex_unlock(&pool->lock);
}

void bk_mc_pool_forgo(struct bk_mc_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    if (!serve_first(pool, NULL))
        pool->unmade++;
    pthread_mutex_unlock(&pool->lock);
}

struct bk_mc_pooled *bk_mc_pool_drain(struct bk_mc_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct bk_mc_pooled *all = pool->idle;
    pool->idle = NULL;
    for (struct bk_mc_pooled *one = all; one != NULL; one = one->next)
        pool->unmade++;
    pthread_mutex_unlock(&pool->lock);
    return all;
}
