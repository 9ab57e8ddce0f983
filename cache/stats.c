/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cache.h"

static uint64_t sum_counter(struct brisk_cache *cache, enum bk_counter counter)
{
    uint64_t sum = atomic_load_explicit(
        &cache->shared_counters.values[counter], memory_order_relaxed);
    for (unsigned int i = 0; i < BK_COUNTER_PAGES; i++) {
        struct bk_counters *page = atomic_load(&cache->counter_pages[i]);
        for (unsigned int j = 0; page != NULL && j < BK_COUNTERS_PER_PAGE; j++)
            sum += atomic_load_explicit(&page[j].values[counter], memory_order_relaxed);
    }
    return sum;
}

static void add_shard(struct bk_shard *shard, struct brisk_cache_stats *stats)
{
    bk_shard_lock(shard);
    const struct bk_shard_counts *counts = &shard->counts;
    stats->ghost_hits += counts->ghost_hits;
    stats->rejected += counts->rejected;
    stats->evicted_capacity += counts->evicted[BRISK_EVICT_CAPACITY];
    stats->evicted_capacity_bytes += counts->evicted_capacity_bytes;
    stats->evicted_expired += counts->evicted[BRISK_EVICT_EXPIRED];
    stats->evicted_replaced += counts->evicted[BRISK_EVICT_REPLACED];
    stats->evicted_deleted += counts->evicted[BRISK_EVICT_DELETED];
    stats->evicted_cleared += counts->evicted[BRISK_EVICT_CLEARED];
    stats->evicted_invalidated += counts->evicted[BRISK_EVICT_INVALIDATED];
    stats->entries += shard->entries;
    stats->bytes += bk_shard_bytes(shard);
    stats->weight += shard->weight;
    bk_shard_unlock(shard);
}

/* Who was inserted is still there or has left; who was replaced has left to another. */
static void add_stores(struct brisk_cache_stats *stats)
{
    stats->replaces = stats->evicted_replaced;
    stats->inserts = stats->entries + stats->evicted_capacity + stats->evicted_expired +
                     stats->evicted_deleted + stats->evicted_cleared + stats->evicted_invalidated;
}

static void add_lookups(struct brisk_cache *cache, struct brisk_cache_stats *stats)
{
    stats->hits = sum_counter(cache, BK_HITS);
    stats->misses = sum_counter(cache, BK_MISSES);
    stats->expired = sum_counter(cache, BK_EXPIRED_LOOKUPS);
    stats->stale_hits = sum_counter(cache, BK_STALE_HITS);
    stats->loads = sum_counter(cache, BK_LOADS);
    stats->load_failures = sum_counter(cache, BK_LOAD_FAILURES);
    stats->load_waits = sum_counter(cache, BK_LOAD_WAITS);
    stats->load_ns = sum_counter(cache, BK_LOAD_NS);
    if (stats->loads != 0)
        stats->saved_ns =
            (uint64_t)((double)stats->load_ns / (double)stats->loads * (double)sum_counter(cache, BK_LOADED_HITS));
}

void brisk_cache_read_stats(struct brisk_cache *cache, struct brisk_cache_stats *out)
{
    struct brisk_cache_stats stats = {0};
    brisk_cache_tick(cache);
    for (unsigned int i = 0; i < cache->shard_count; i++)
        add_shard(&cache->shards[i], &stats);
    add_stores(&stats);
    add_lookups(cache, &stats);
    stats.pinned_bytes = bk_account_pinned_bytes(cache->settings.account);

    pthread_mutex_lock(&cache->resize_lock);
    stats.max_entries = cache->max_entries;
    stats.max_bytes = cache->max_bytes;
    stats.max_weight = cache->max_weight;
    pthread_mutex_unlock(&cache->resize_lock);

    stats.size = out->size;
    size_t known = out->size < sizeof stats ? out->size : sizeof stats;
    memset((char *)out + known, 0, stats.size - known);
    memcpy(out, &stats, known);
}
