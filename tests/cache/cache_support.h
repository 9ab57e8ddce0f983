/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_SUPPORT_H
#define CACHE_SUPPORT_H

/* What the tests of the cache have in common. */
#include <brisk/cache.h>

#include "tests/support/brisk_test.h"

enum {
    INLINE_MAX = 1023 /* values up to this are kept beside their key */
};

static inline struct brisk_cache *new_cache(const struct brisk_cache_options *options)
{
    struct brisk_error error = {0};
    struct brisk_cache *cache = brisk_cache_new(options, &error);
    assert_that(cache != NULL, "no cache: %s", error.message);
    return cache;
}

static inline struct brisk_cache *new_cache_of(enum brisk_policy policy, size_t max_entries)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.policy = policy;
    options.max_entries = max_entries;
    options.hash_seed = 1;
    return new_cache(&options);
}

static inline struct brisk_bytes text(const char *characters)
{
    return brisk_bytes_text(characters);
}

static inline struct brisk_bytes number_key(const uint64_t *number)
{
    return brisk_bytes_of(number, sizeof *number);
}

static inline void set_text(struct brisk_cache *cache, const char *key, const char *value)
{
    assert_ok(brisk_cache_set(cache, text(key), text(value), NULL));
}

/* A key that is its own value. */
static inline void set_number(struct brisk_cache *cache, uint64_t number)
{
    assert_ok(brisk_cache_set(cache, number_key(&number), number_key(&number), NULL));
}

static inline void set_number_with_ttl(struct brisk_cache *cache, uint64_t number, uint64_t ttl)
{
    struct brisk_entry_options options = brisk_entry_options_default();
    options.ttl = ttl;
    assert_ok(brisk_cache_set(cache, number_key(&number), number_key(&number), &options));
}

static inline enum brisk_status
set_with_ttl(struct brisk_cache *cache, const char *key, const char *value, uint64_t ttl)
{
    struct brisk_entry_options options = brisk_entry_options_default();
    options.ttl = ttl;
    return brisk_cache_set(cache, text(key), text(value), &options);
}

static inline uint64_t weigh_length(struct brisk_bytes key, struct brisk_bytes value, void *ctx)
{
    (void)key, (void)ctx;
    return value.length;
}

/* What get answers; the value itself is not looked at. */
static inline enum brisk_status probe(struct brisk_cache *cache, const char *key)
{
    struct brisk_view view;
    enum brisk_status status = brisk_cache_get(cache, text(key), &view);
    brisk_view_release(&view);
    return status;
}

static inline enum brisk_status has(struct brisk_cache *cache, const char *key)
{
    return brisk_cache_contains(cache, text(key));
}

static inline void
assert_holds(struct brisk_cache *cache, struct brisk_bytes key, struct brisk_bytes value)
{
    struct brisk_view view;
    assert_ok(brisk_cache_get(cache, key, &view));
    assert_bytes(brisk_view_bytes(&view), value);
    brisk_view_release(&view);
}

static inline void assert_holds_text(struct brisk_cache *cache, const char *key, const char *value)
{
    assert_holds(cache, text(key), text(value));
}

/* As a program would: get, and on a miss set. Whether it was a hit. */
static inline bool request(struct brisk_cache *cache, uint64_t key)
{
    char value[8];
    size_t length;
    enum brisk_status status = brisk_cache_get_into(
        cache, number_key(&key), value, sizeof value, &length);
    if (status != BRISK_OK)
        set_number(cache, key);
    return status == BRISK_OK;
}

/* A loader: there is no such value. */
static inline enum brisk_status find_none(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    (void)key, (void)out, (void)entry, (void)ctx;
    return BRISK_MISS;
}

/* A release function that counts its calls in *ctx, an unsigned int. */
static inline void count_release(void *data, size_t length, void *ctx)
{
    (void)data, (void)length;
    ++*(unsigned int *)ctx;
}

static inline struct brisk_cache_stats stats_of(struct brisk_cache *cache)
{
    struct brisk_cache_stats stats = {.size = sizeof stats};
    brisk_cache_read_stats(cache, &stats);
    return stats;
}

static inline uint64_t evicted_in_all(const struct brisk_cache_stats *stats)
{
    return stats->evicted_capacity + stats->evicted_expired + stats->evicted_replaced +
           stats->evicted_deleted + stats->evicted_cleared + stats->evicted_invalidated;
}

/* The invariant that include/brisk/cache.h states: of the library's sums, not of what was stored.
 */
static inline void assert_balance(struct brisk_cache *cache)
{
    struct brisk_cache_stats stats = stats_of(cache);
    assert_u64(stats.inserts - evicted_in_all(&stats) + stats.evicted_replaced, stats.entries);
    assert_u64(stats.evicted_replaced, stats.replaces);
}

static const enum brisk_policy every_policy[] = {
    BRISK_POLICY_DEFAULT, BRISK_POLICY_LRU,   BRISK_POLICY_LFU,
    BRISK_POLICY_FIFO,    BRISK_POLICY_SIEVE, BRISK_POLICY_S3FIFO,
};

enum {
    POLICIES = sizeof every_policy / sizeof every_policy[0]
};

#endif
