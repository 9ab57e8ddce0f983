/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_DEADLINE_H
#define BK_CACHE_DEADLINE_H

#include "cache/shard.h"

/* When an entry expires, and how that is kept in it. */
struct bk_deadline {
    uint32_t flags; /* BK_META_DEADLINE and BK_META_WIDE, or none */
    uint64_t time;
    uint64_t idle_limit; /* the last time that reading may lead to */
};

/*
 * For an entry that is stored or touched now, with `ttl` ticks to live (0: the
 * cache's own). *now is the clock, read again if the cache has not known of
 * deadlines before. Without the lock.
 */
struct bk_deadline
bk_deadline_after(struct bk_shard *shard, uint64_t hash, uint64_t ttl, uint64_t *now);

static inline struct bk_deadline
bk_deadline_of(struct bk_shard *shard, uint64_t hash, uint64_t ttl, uint64_t *now)
{
    const struct bk_settings *settings = shard->settings;
    if (ttl == 0 && settings->ttl == 0 && settings->idle_ttl == 0)
        return (struct bk_deadline){0};
    return bk_deadline_after(shard, hash, ttl, now);
}

#endif
