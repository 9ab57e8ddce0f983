/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_CACHE_H
#define BK_CACHE_CACHE_H

#include "base/thread_slot.h"
#include "cache/shard.h"

/* What lookups and loads count: per thread, so that no line is shared. */
enum bk_counter {
    BK_HITS,
    BK_MISSES,
    BK_EXPIRED_LOOKUPS,
    BK_STALE_HITS,
    BK_LOADED_HITS, /* hits of get_or_load */
    BK_LOADS,
    BK_LOAD_FAILURES,
    BK_LOAD_NS,
    BK_LOAD_WAITS,
    BK_COUNTERS
};

struct bk_counters {
    alignas(64) bk_word64 values[BK_COUNTERS];
};

enum {
    BK_COUNTERS_PER_PAGE = 16,
    BK_COUNTER_PAGES = BK_THREAD_SLOTS / BK_COUNTERS_PER_PAGE,
};

struct bk_sampler;
struct bk_ticker;

struct brisk_cache {
    struct bk_index *indexes; /* one per shard */
    size_t shard_mask;
    uint64_t id; /* never used again in this process */
    struct bk_shard *shards;
    unsigned int shard_count;
    struct bk_settings settings;
    char *name;
    uint64_t registration; /* id in the registry */
    struct bk_ticker *ticker;
    struct bk_sampler *sampler;                  /* NULL: no curve */
    uint64_t max_entries, max_bytes, max_weight; /* 0: none; guarded by resize_lock */
    pthread_mutex_t resize_lock;
    struct bk_counters shared_counters; /* of threads without a slot or a page */
    _Atomic(struct bk_counters *) counter_pages[BK_COUNTER_PAGES];
};

/*
 * The calling thread's counters; NULL: count in the shared ones, atomically.
 * Which cache a thread used last, and where it counts, is remembered; by id,
 * since another cache may have its address by now.
 */
struct bk_counters *bk_cache_find_counters(struct brisk_cache *cache);
/* What the thread remembers is not to be used any more: its slot goes to another. */
void bk_counters_forget(void);

struct bk_last_counters {
    uint64_t cache_id;
    struct bk_counters *counters;
};
extern _Thread_local struct bk_last_counters bk_last_counters
    __attribute__((visibility("hidden"), tls_model("initial-exec")));

/* Whether the thread's last counters are this cache's; only if its hits take no lock. */
static inline bool bk_cache_was_last(const struct brisk_cache *cache)
{
    return __builtin_expect(bk_last_counters.cache_id == cache->id, 1);
}

static inline struct bk_counters *bk_cache_counters(struct brisk_cache *cache)
{
    return bk_cache_was_last(cache) ? bk_last_counters.counters : bk_cache_find_counters(cache);
}

static inline void
bk_cache_count(struct brisk_cache *cache, enum bk_counter counter, uint64_t amount)
{
    struct bk_counters *counters = bk_cache_counters(cache);
    if (__builtin_expect(counters != NULL, 1))
        bk_count(&counters->values[counter], amount);
    else
        atomic_fetch_add_explicit(
            &cache->shared_counters.values[counter], amount, memory_order_relaxed);
}

static inline struct bk_shard *bk_cache_shard(struct brisk_cache *cache, uint64_t hash)
{
    return &cache->shards[bk_hash_shard(hash, cache->shard_mask)];
}

static inline struct bk_index *bk_cache_index(struct brisk_cache *cache, uint64_t hash)
{
    return &cache->indexes[bk_hash_shard(hash, cache->shard_mask)];
}

static inline uint64_t bk_cache_hash(const struct brisk_cache *cache, struct brisk_bytes key)
{
    return bk_hash(&cache->settings.hash_key, key.data, key.length);
}

/* BRISK_OK, or what every function answers to such a key. */
static inline enum brisk_status bk_check_key(struct brisk_bytes key)
{
    if (__builtin_expect(key.length - 1 < BRISK_CACHE_KEY_MAX && key.data != NULL, 1))
        return BRISK_OK;
    return key.length <= BRISK_CACHE_KEY_MAX ? BRISK_ERR_INVALID : BRISK_ERR_TOO_BIG;
}

#endif
