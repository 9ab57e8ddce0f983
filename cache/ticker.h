/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_TICKER_H
#define BK_CACHE_TICKER_H

#include "cache/cache.h"

/* The optional thread of a cache that calls brisk_cache_tick. */
bool bk_ticker_start(
    struct brisk_cache *cache, unsigned int interval_ms, struct brisk_error *error);
/* Waits for the thread to end. Does nothing if there is none. */
void bk_ticker_stop(struct brisk_cache *cache);

#endif
