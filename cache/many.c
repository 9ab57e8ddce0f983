/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/match.h"
#include "cache/read.h"

enum {
    /* Lookups whose cache misses overlap: enough to fill a core's miss buffers. */
    BATCH = 16,
};

/*
 * The lines that lookups will need, fetched ahead: first all buckets, then the
 * entries that their tags promise. What is read here may be stale; nothing
 * depends on it but speed.
 */
static void prefetch_entry(const struct bk_index *index, uint64_t hash)
{
    struct bk_bucket *bucket = bk_index_home(index, hash);
    unsigned int slots = bk_match_tags(
        bk_load64(&bucket->tags), bk_load64(&bucket->state), bk_hash_tag(hash));
    if (slots == 0)
        return;
    uint32_t handle = bk_load32(&bucket->handles[__builtin_ctz(slots)]);
    const char *entry = (const char *)bk_entry_at(index->arena, handle);
    __builtin_prefetch(entry);
    __builtin_prefetch(entry + 64);
}

static void
prefetch(struct brisk_cache *cache, const struct brisk_bytes *keys, size_t count, uint64_t *hashes)
{
    for (size_t i = 0; i < count; i++) {
        hashes[i] = bk_check_key(keys[i]) == BRISK_OK ? bk_cache_hash(cache, keys[i]) : 0;
        __builtin_prefetch(bk_index_home(bk_cache_index(cache, hashes[i]), hashes[i]));
    }
    for (size_t i = 0; i < count; i++)
        prefetch_entry(bk_cache_index(cache, hashes[i]), hashes[i]);
}

size_t brisk_cache_get_many(
    struct brisk_cache *cache, const struct brisk_bytes *keys, size_t count, struct brisk_view *out,
    enum brisk_status *statuses)
{
    size_t found = 0;
    for (size_t first = 0; first < count; first += BATCH) {
        size_t batch = count - first < BATCH ? count - first : BATCH;
        uint64_t hashes[BATCH];
        prefetch(cache, keys + first, batch, hashes);
        for (size_t i = first; i < first + batch; i++) {
            uint64_t remaining;
            out[i] = (struct brisk_view){0};
            statuses[i] = bk_check_key(keys[i]);
            if (statuses[i] == BRISK_OK)
                statuses[i] = bk_read_view(cache, hashes[i - first], keys[i], &out[i], &remaining);
            found += statuses[i] == BRISK_OK;
        }
    }
    return found;
}

/* A value's place is at a multiple of 8, which aligned copies and typed access want. */
static size_t pad(size_t length, size_t room)
{
    size_t padded = length + (-length & 7);
    return padded < room ? padded : room;
}

size_t brisk_cache_get_many_into(
    struct brisk_cache *cache, const struct brisk_bytes *keys, size_t count, void *buffer,
    size_t capacity, struct brisk_bytes *values, enum brisk_status *statuses)
{
    size_t found = 0;
    size_t used = 0;
    for (size_t first = 0; first < count; first += BATCH) {
        size_t batch = count - first < BATCH ? count - first : BATCH;
        uint64_t hashes[BATCH];
        prefetch(cache, keys + first, batch, hashes);
        for (size_t i = first; i < first + batch; i++) {
            char *place = (char *)buffer + used;
            size_t length = 0;
            statuses[i] = bk_check_key(keys[i]);
            if (statuses[i] == BRISK_OK)
                statuses[i] = bk_read_into(
                    cache, hashes[i - first], keys[i], place, capacity - used, &length);
            values[i] = brisk_bytes_of(statuses[i] == BRISK_OK ? place : NULL, length);
            if (statuses[i] != BRISK_OK)
                continue;
            used += pad(length, capacity - used);
            found++;
        }
    }
    return found;
}
