/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/brisk_subject.h"

#include <brisk/cache.h>

#include "bench/loops.h"
#include "bench/runner.h"

enum {
    MANY = 16
};

static void *open_cache(const struct subject_options *options)
{
    struct brisk_cache_options cache_options = brisk_cache_options_default();
    struct brisk_error error;
    struct brisk_cache *cache;

    cache_options.max_entries = options->capacity;
    cache_options.shards = options->shards;
    cache_options.ttl = options->ttl_ms;
    cache_options.has_curve = options->has_curve;
    cache_options.curve_sample_rate = options->has_curve ? 1.0 / SUBJECT_KEYS_PER_SAMPLE : 0;
    cache = brisk_cache_new(&cache_options, &error);
    if (cache == NULL)
        bench_fail("%s", error.message);
    return cache;
}

static void close_cache(void *store)
{
    brisk_cache_free(store);
}

static struct brisk_cache_stats stats_of(void *store)
{
    struct brisk_cache_stats stats = {.size = sizeof stats};

    brisk_cache_read_stats(store, &stats);
    return stats;
}

static size_t entries(void *store)
{
    return (size_t)stats_of(store).entries;
}

static size_t bytes(void *store)
{
    return (size_t)stats_of(store).bytes;
}

LOOP_INLINE bool get(void *store, const void *key, size_t length, void *value)
{
    size_t value_length;

    return brisk_cache_get_into(
               store, brisk_bytes_of(key, length), value, SUBJECT_VALUE_SIZE, &value_length) ==
           BRISK_OK;
}

static void set(void *store, const void *key, size_t length, const void *value)
{
    enum brisk_status status = brisk_cache_set(
        store, brisk_bytes_of(key, length), brisk_bytes_of(value, SUBJECT_VALUE_SIZE), NULL);

    if (status != BRISK_OK)
        bench_fail("brisk_cache_set: %s", brisk_status_name(status));
}

LOOPS_DEFINE(get, get, set)

typedef enum brisk_status
read_fn(struct brisk_cache *cache, struct brisk_bytes key, struct brisk_view *view);

LOOP_INLINE uint64_t
read_views(void *store, const struct workload *workload, size_t first, size_t count, read_fn *read)
{
    const uint64_t *ids = workload->ids + first;
    uint64_t hits = 0;

    for (size_t i = 0; i < count; i++) {
        struct brisk_view view;

        if (read(store, brisk_bytes_of(&ids[i], sizeof ids[i]), &view) != BRISK_OK)
            continue;
        hits += loop_is_right(&ids[i], view.data);
        brisk_view_release(&view);
    }
    return hits;
}

uint64_t brisk_read_view(void *store, const struct workload *workload, size_t first, size_t count)
{
    return read_views(store, workload, first, count, brisk_cache_get);
}

uint64_t brisk_read_many(void *store, const struct workload *workload, size_t first, size_t count)
{
    const uint64_t *ids = workload->ids + first;
    _Alignas(64) char buffer[MANY * SUBJECT_VALUE_SIZE];
    struct brisk_bytes keys[MANY];
    struct brisk_bytes values[MANY];
    enum brisk_status statuses[MANY];
    uint64_t hits = 0;

    for (size_t i = 0; i < count; i += MANY) {
        size_t batch = count - i < MANY ? count - i : MANY;

        for (size_t k = 0; k < batch; k++)
            keys[k] = brisk_bytes_of(&ids[i + k], sizeof ids[i + k]);
        brisk_cache_get_many_into(store, keys, batch, buffer, sizeof buffer, values, statuses);
        loop_use(buffer);
        for (size_t k = 0; k < batch; k++)
            hits += statuses[k] == BRISK_OK && loop_is_right(&ids[i + k], values[k].data);
    }
    return hits;
}

static enum brisk_status load_nothing(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    (void)key;
    (void)out;
    (void)entry;
    (void)ctx;
    return BRISK_MISS;
}

static enum brisk_status
get_or_load(struct brisk_cache *cache, struct brisk_bytes key, struct brisk_view *view)
{
    return brisk_cache_get_or_load(cache, key, view, load_nothing, NULL);
}

uint64_t brisk_read_load(void *store, const struct workload *workload, size_t first, size_t count)
{
    return read_views(store, workload, first, count, get_or_load);
}

uint64_t brisk_replay(void *store, const uint64_t *keys, size_t count)
{
    uint64_t hits = 0;

    for (size_t i = 0; i < count; i++) {
        struct brisk_bytes key = brisk_bytes_of(&keys[i], sizeof keys[i]);
        char value;
        size_t length;

        if (brisk_cache_get_into(store, key, &value, sizeof value, &length) == BRISK_OK)
            hits += value == *(const char *)key.data;
        else if (brisk_cache_set(store, key, brisk_bytes_of(key.data, 1), NULL) != BRISK_OK)
            bench_fail("brisk_cache_set refused a request of a trace");
    }
    return hits;
}

const struct subject subject_brisk = {
    .name = "brisk",
    .open = open_cache,
    .close = close_cache,
    .entries = entries,
    .bytes = bytes,
    LOOPS,
};
