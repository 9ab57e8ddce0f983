/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cache.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "cache/sampler.h"
#include "cache/ticker.h"

enum {
    DEFAULT_MAX_BYTES = 64 << 20,
    DEFAULT_LOAD_TIMEOUT_MS = 30000,
    MOST_SHARDS = 256,
    /* Below these a shard's share is too uneven, or too small for a large value. */
    SHARD_MIN_ENTRIES = 1024,
    SHARD_MIN_BYTES = 16 << 20,
    SHARDS_PER_CPU = 8,
    LEAST_SHARD_BYTES = 1536, /* what an empty one takes, under any policy */
};

static bool has_one_order(enum brisk_policy policy)
{
    return policy == BRISK_POLICY_LRU || policy == BRISK_POLICY_LFU ||
           policy == BRISK_POLICY_FIFO || policy == BRISK_POLICY_SIEVE;
}

static unsigned int default_shards(const struct brisk_cache_options *options)
{
    if (has_one_order(options->policy))
        return 1;
    uint64_t wanted = (uint64_t)get_nprocs() * SHARDS_PER_CPU;
    if (options->max_entries != 0 && options->max_entries / SHARD_MIN_ENTRIES < wanted)
        wanted = options->max_entries / SHARD_MIN_ENTRIES;
    if (options->max_weight != 0 && options->max_weight / SHARD_MIN_ENTRIES < wanted)
        wanted = options->max_weight / SHARD_MIN_ENTRIES;
    if (options->max_bytes != 0 && options->max_bytes / SHARD_MIN_BYTES < wanted)
        wanted = options->max_bytes / SHARD_MIN_BYTES;
    if (wanted > MOST_SHARDS)
        wanted = MOST_SHARDS;
    unsigned int shards = 1;
    while (shards * 2 <= wanted)
        shards *= 2;
    return shards;
}

static uint64_t share_of(uint64_t limit, unsigned int shards, unsigned int index)
{
    if (limit == 0)
        return UINT64_MAX;
    return limit / shards + (index < limit % shards);
}

static struct bk_limits limits_of(const struct brisk_cache *cache, unsigned int index)
{
    unsigned int shards = cache->shard_count;
    return (struct bk_limits){
        .entries = share_of(cache->max_entries, shards, index),
        .bytes = share_of(cache->max_bytes, shards, index),
        .weight = share_of(cache->max_weight, shards, index),
    };
}

static enum brisk_status
check_numbers(const struct brisk_cache_options *options, struct brisk_error *error)
{
    if ((unsigned int)options->policy > BRISK_POLICY_S3FIFO)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "policy is %d, which is none of enum brisk_policy",
            (int)options->policy);
    if (options->ttl_jitter_percent > 100)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "ttl_jitter_percent is %u, more than 100",
            options->ttl_jitter_percent);
    if ((options->weigh == NULL) != (options->max_weight == 0))
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "weigh and max_weight must be set together");
    if (!(options->curve_sample_rate >= 0 && options->curve_sample_rate <= 1))
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "curve_sample_rate is %g, not 0 to 1",
            options->curve_sample_rate);
    if (options->curve_sample_rate != 0 && !options->has_curve)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "curve_sample_rate is set, but has_curve is not");
    if (options->stale != 0 && options->ttl == 0)
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "stale needs a ttl");
    if (options->refresh_ahead != 0 && options->refresh_ahead >= options->ttl)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "refresh_ahead is %llu, not less than ttl %llu",
            (unsigned long long)options->refresh_ahead, (unsigned long long)options->ttl);
    return BRISK_OK;
}

static unsigned int power_of_two(unsigned int at_least)
{
    unsigned int power = 1;
    while (power < at_least)
        power *= 2;
    return power;
}

/* A limit that an empty shard does not keep to would be none. */
static bool
have_shards_room(uint64_t max_entries, uint64_t max_bytes, uint64_t max_weight, unsigned int shards)
{
    return (max_entries == 0 || max_entries >= shards) &&
           (max_weight == 0 || max_weight >= shards) &&
           (max_bytes == 0 || max_bytes >= (uint64_t)LEAST_SHARD_BYTES * shards);
}

static enum brisk_status
check_shards(const struct brisk_cache_options *options, struct brisk_error *error)
{
    if (options->shards > MOST_SHARDS)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "shards is %u, more than %d", options->shards,
            MOST_SHARDS);
    if (options->shards > 1 && has_one_order(options->policy))
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            "shards is %u, but LRU, LFU, FIFO and SIEVE keep one order; leave it 0, or take the "
            "default policy",
            options->shards);
    unsigned int shards = power_of_two(options->shards);
    if (!have_shards_room(options->max_entries, options->max_bytes, options->max_weight, shards))
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            "the capacity is too small for shards, which is %u; each needs a max_bytes of %d",
            shards, LEAST_SHARD_BYTES);
    return BRISK_OK;
}

static void apply(struct brisk_cache *cache, const struct brisk_cache_options *options)
{
    unsigned int shards = options->shards != 0 ? options->shards : default_shards(options);
    cache->shard_count = power_of_two(shards);
    cache->shard_mask = cache->shard_count - 1;
    cache->max_entries = options->max_entries;
    cache->max_bytes = options->max_bytes;
    cache->max_weight = options->max_weight;

    struct bk_settings *settings = &cache->settings;
    bk_hash_key_init(&settings->hash_key, options->hash_seed);
    settings->policy = options->policy;
    settings->has_lock_free_hits = bk_policy_hits_are_lock_free(options->policy);
    settings->ttl = options->ttl;
    settings->idle_ttl = options->idle_ttl;
    settings->negative_ttl = options->negative_ttl;
    settings->stale = options->stale;
    settings->refresh_ahead = options->refresh_ahead;
    settings->ttl_jitter_percent = options->ttl_jitter_percent;
    settings->load_timeout_ms = options->load_timeout_ms != 0 ? options->load_timeout_ms
                                                              : DEFAULT_LOAD_TIMEOUT_MS;
    settings->clock = options->clock != NULL ? options->clock : brisk_clock_ms;
    settings->clock_ctx = options->clock_ctx;
    settings->weigh = options->weigh;
    settings->weigh_ctx = options->weigh_ctx;
    settings->entry_words = bk_policy_extra_words(options->policy) + (options->weigh != NULL);
    settings->on_evict = options->on_evict;
    settings->on_evict_ctx = options->on_evict_ctx;
}

static bool init_shards(struct brisk_cache *cache)
{
    unsigned int count = cache->shard_count;
    cache->indexes = bk_aligned_calloc(alignof(struct bk_index), count * sizeof *cache->indexes);
    cache->shards = bk_aligned_calloc(alignof(struct bk_shard), count * sizeof *cache->shards);
    if (cache->indexes == NULL || cache->shards == NULL)
        return false;
    for (unsigned int i = 0; i < count; i++) {
        struct bk_limits limits = limits_of(cache, i);
        if (!bk_shard_init(&cache->shards[i], &cache->indexes[i], &cache->settings, &limits)) {
            cache->shard_count = i; /* so many are to be freed */
            return false;
        }
    }
    return true;
}

/*
 * How much address space a cache may reserve: without a limit (ulimit -v) what
 * its parts like, else half of it, so that each gets its share and something is
 * left.
 */
static size_t address_space(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    return (size_t)limit.rlim_cur / 2;
}

static bool init_curve(struct brisk_cache *cache, double sample_rate)
{
    cache->sampler = bk_sampler_new(sample_rate);
    if (cache->sampler == NULL)
        return false;
    atomic_store_explicit(
        &cache->settings.sample_below, bk_sampler_below(cache->sampler), memory_order_relaxed);
    return true;
}

static bool init_parts(struct brisk_cache *cache, const struct brisk_cache_options *options)
{
    size_t space = address_space();
    cache->settings.shard_address_space = space / cache->shard_count;
    if (!bk_groups_init(&cache->settings.groups, space / 8))
        return false;
    pthread_mutex_init(&cache->resize_lock, NULL);
    if (options->has_curve && !init_curve(cache, options->curve_sample_rate))
        return false;
    cache->name = bk_strdup(options->name != NULL ? options->name : "cache");
    cache->settings.account = bk_account_new();
    return cache->name != NULL && cache->settings.account != NULL && init_shards(cache);
}

static void free_parts(struct brisk_cache *cache)
{
    for (unsigned int i = 0; cache->shards != NULL && i < cache->shard_count; i++)
        bk_shard_free(&cache->shards[i]);
    bk_aligned_free(cache->shards);
    bk_aligned_free(cache->indexes);
    bk_sampler_free(cache->sampler);
    for (unsigned int i = 0; i < BK_COUNTER_PAGES; i++)
        bk_aligned_free(atomic_load(&cache->counter_pages[i]));
    if (cache->settings.account != NULL)
        bk_account_release(cache->settings.account);
    if (cache->settings.groups.region.base != NULL) {
        bk_groups_free(&cache->settings.groups);
        pthread_mutex_destroy(&cache->resize_lock);
    }
    bk_free(cache->name);
    bk_aligned_free(cache);
}

static enum brisk_status
describe(void *cache, enum brisk_format format, char *buffer, size_t capacity, size_t *length)
{
    return brisk_cache_write_stats(cache, format, buffer, capacity, length);
}

/* What other threads may do with the cache from here on: ask for its statistics, and tick. */
static bool
go_public(struct brisk_cache *cache, unsigned int tick_interval_ms, struct brisk_error *error)
{
    cache->registration = brisk_registry_add("cache", cache->name, cache, describe, error);
    if (cache->registration == 0)
        return false;
    return tick_interval_ms == 0 || bk_ticker_start(cache, tick_interval_ms, error);
}

static uint64_t next_id(void)
{
    static bk_word64 last;
    return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

struct brisk_cache *
brisk_cache_new(const struct brisk_cache_options *options, struct brisk_error *error)
{
    struct brisk_cache_options known = {0};
    if (options != NULL &&
        bk_options_read(&known, sizeof known, options, sizeof known, error) != BRISK_OK)
        return NULL;
    if (known.max_entries == 0 && known.max_bytes == 0 && known.max_weight == 0)
        known.max_bytes = DEFAULT_MAX_BYTES;
    if (check_numbers(&known, error) != BRISK_OK || check_shards(&known, error) != BRISK_OK)
        return NULL;

    struct brisk_cache *cache = bk_aligned_calloc(alignof(struct brisk_cache), sizeof *cache);
    if (cache == NULL) {
        bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory for a cache");
        return NULL;
    }
    apply(cache, &known);
    if (!init_parts(cache, &known)) {
        bk_error_set(
            error, BRISK_ERR_NOMEM, errno,
            "no memory or address space for a cache of %u shards; see ulimit -v and "
            "vm.max_map_count",
            (unsigned int)cache->shard_mask + 1);
        free_parts(cache);
        return NULL;
    }
    cache->id = next_id();
    bk_thread_slot_on_release(bk_counters_forget);
    if (!go_public(cache, known.tick_interval_ms, error)) {
        brisk_cache_free(cache);
        return NULL;
    }
    return cache;
}

void brisk_cache_free(struct brisk_cache *cache)
{
    if (cache == NULL)
        return;
    bk_ticker_stop(cache);
    brisk_registry_remove(cache->registration);
    brisk_cache_clear(cache);
    cache->settings.on_evict = NULL; /* it may have stored what nobody is to be told of */
    brisk_cache_clear(cache);
    free_parts(cache);
}

/* To the latest limits, which another thread may have changed again. No lock is left held. */
static void resize_shard(struct brisk_cache *cache, unsigned int index)
{
    struct bk_shard *shard = &cache->shards[index];
    struct bk_departed departed = {0};
    pthread_mutex_lock(&cache->resize_lock);
    struct bk_limits limits = limits_of(cache, index);
    bk_shard_lock(shard);
    bk_shard_set_limits(shard, &limits, &departed);
    bk_shard_unlock(shard);
    pthread_mutex_unlock(&cache->resize_lock);
    bk_shard_settle(shard, &departed);
}

enum brisk_status brisk_cache_resize(
    struct brisk_cache *cache, size_t max_entries, size_t max_bytes, uint64_t max_weight)
{
    unsigned int shards = cache->shard_count;
    bool has_weight = cache->settings.weigh != NULL;
    if ((max_entries == 0 && max_bytes == 0 && max_weight == 0) ||
        (max_weight != 0 && !has_weight) ||
        !have_shards_room(max_entries, max_bytes, max_weight, shards))
        return BRISK_ERR_INVALID;

    pthread_mutex_lock(&cache->resize_lock);
    cache->max_entries = max_entries;
    cache->max_bytes = max_bytes;
    cache->max_weight = max_weight;
    pthread_mutex_unlock(&cache->resize_lock);
    for (unsigned int i = 0; i < shards; i++)
        resize_shard(cache, i);
    return BRISK_OK;
}
