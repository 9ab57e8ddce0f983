/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/ticker.h"

#include <signal.h>

#include "base/error.h"
#include "base/memory.h"
#include "cache/monotonic.h"

struct bk_ticker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_stopping;
    unsigned int interval_ms;
    struct brisk_cache *cache;
};

static void *run(void *argument)
{
    struct bk_ticker *ticker = argument;
    pthread_mutex_lock(&ticker->lock);
    while (!ticker->is_stopping) {
        struct timespec deadline = bk_monotonic_after_ms(ticker->interval_ms);
        while (!ticker->is_stopping &&
               pthread_cond_timedwait(&ticker->wake, &ticker->lock, &deadline) == 0)
            ;
        if (ticker->is_stopping)
            break;
        pthread_mutex_unlock(&ticker->lock);
        brisk_cache_tick(ticker->cache);
        pthread_mutex_lock(&ticker->lock);
    }
    pthread_mutex_unlock(&ticker->lock);
    return NULL;
}

static struct bk_ticker *new_ticker(struct brisk_cache *cache, unsigned int interval_ms)
{
    struct bk_ticker *ticker = bk_calloc(1, sizeof *ticker);
    if (ticker == NULL)
        return NULL;
    ticker->interval_ms = interval_ms;
    ticker->cache = cache;
    pthread_mutex_init(&ticker->lock, NULL);
    bk_cond_init_monotonic(&ticker->wake);
    return ticker;
}

static void free_ticker(struct bk_ticker *ticker)
{
    pthread_cond_destroy(&ticker->wake);
    pthread_mutex_destroy(&ticker->lock);
    bk_free(ticker);
}

/* The application's signals are for its own threads. */
static int start_without_signals(struct bk_ticker *ticker)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int result = pthread_create(&ticker->thread, NULL, run, ticker);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return result;
}

bool bk_ticker_start(struct brisk_cache *cache, unsigned int interval_ms, struct brisk_error *error)
{
    struct bk_ticker *ticker = new_ticker(cache, interval_ms);
    if (ticker == NULL) {
        bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory for a cache");
        return false;
    }
    int result = start_without_signals(ticker);
    if (result != 0) {
        bk_error_set(error, BRISK_ERR_SYSTEM, result, "cannot start the cache's tick thread");
        free_ticker(ticker);
        return false;
    }
    cache->ticker = ticker;
    return true;
}

void bk_ticker_stop(struct brisk_cache *cache)
{
    struct bk_ticker *ticker = cache->ticker;
    if (ticker == NULL)
        return;
    pthread_mutex_lock(&ticker->lock);
    ticker->is_stopping = true;
    pthread_cond_signal(&ticker->wake);
    pthread_mutex_unlock(&ticker->lock);
    pthread_join(ticker->thread, NULL);
    free_ticker(ticker);
    cache->ticker = NULL;
}
