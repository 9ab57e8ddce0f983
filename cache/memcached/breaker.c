/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/memcached/breaker.h"

#include "cache/memcached/clock.h"

bool bk_breaker_init(struct bk_breaker *breaker, const struct bk_breaker_options *options)
{
    *breaker = (struct bk_breaker){
        .failure_limit = options->failures,
        .wait_ns = options->wait_ns,
        .first_wait_ns = options->wait_ns,
        .most_wait_ns = options->most_wait_ns,
        .random = options->seed};
    return pthread_mutex_init(&breaker->lock, NULL) == 0;
}

void bk_breaker_free(struct bk_breaker *breaker)
{
    pthread_mutex_destroy(&breaker->lock);
}

bool bk_breaker_allows(struct bk_breaker *breaker, uint64_t now_ns)
{
    pthread_mutex_lock(&breaker->lock);
    bool is_allowed = breaker->state == BRISK_BREAKER_CLOSED;
    if (breaker->state == BRISK_BREAKER_OPEN && now_ns >= breaker->until_ns) {
        breaker->state = BRISK_BREAKER_PROBING;
        is_allowed = true;
    }
    pthread_mutex_unlock(&breaker->lock);
    return is_allowed;
}

/* Half of the wait is random, so that clients do not come back together. */
static void open_up(struct bk_breaker *breaker, uint64_t now_ns)
{
    uint64_t half = breaker->wait_ns / 2;
    breaker->until_ns = now_ns + breaker->wait_ns - bk_mc_random(&breaker->random) % (half + 1);
    breaker->state = BRISK_BREAKER_OPEN;
    breaker->wait_ns *= 2;
    if (breaker->wait_ns > breaker->most_wait_ns)
        breaker->wait_ns = breaker->most_wait_ns;
}

static bool note_failure(struct bk_breaker *breaker, uint64_t now_ns)
{
    breaker->failures++;
    if (breaker->state == BRISK_BREAKER_PROBING) {
        open_up(breaker, now_ns);
        return false; /* it has been open all the time */
    }
    /* Calls that were on their way when it opened say nothing new. */
    if (breaker->state == BRISK_BREAKER_OPEN || breaker->failures < breaker->failure_limit)
        return false;
    open_up(breaker, now_ns);
    return true;
}

bool bk_breaker_report(struct bk_breaker *breaker, enum bk_mc_verdict verdict, uint64_t now_ns)
{
    bool has_opened = false;
    pthread_mutex_lock(&breaker->lock);
    if (verdict == BK_MC_FAILED) {
        has_opened = note_failure(breaker, now_ns);
    } else if (verdict == BK_MC_ALIVE) {
        breaker->state = BRISK_BREAKER_CLOSED;
        breaker->failures = 0;
        breaker->wait_ns = breaker->first_wait_ns;
    } else if (breaker->state == BRISK_BREAKER_PROBING) {
        breaker->state = BRISK_BREAKER_OPEN; /* the next call tries */
    }
    pthread_mutex_unlock(&breaker->lock);
    return has_opened;
}

enum brisk_breaker bk_breaker_state(struct bk_breaker *breaker)
{
    pthread_mutex_lock(&breaker->lock);
    enum brisk_breaker state = breaker->state;
    pthread_mutex_unlock(&breaker->lock);
    return state;
}
