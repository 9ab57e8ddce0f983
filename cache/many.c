/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/match.h"
#include "cache/read.h"

enum {
    /* Lookups whose cache misses overlap: enough to fill a core's miss buffers. */
    BATCH = 16,
};

/*
 * Lookups go through their steps together, so that the lines they need are all
 * on the way at once: first the buckets, then the entries that their tags
 * promise. What a step has found holds if the bucket is the same at the end.
 */
struct batch {
    struct brisk_cache *cache;
    const struct brisk_bytes *keys;
    size_t count;
    size_t plain_hits; /* not counted yet */
    uint64_t hashes[BATCH];
    bool is_aimed[BATCH]; /* never for a key that is not valid */
    struct bk_match matches[BATCH];
};

static void fetch_entry(const struct bk_match *match)
{
    const char *entry = (const char *)match->entry;
    __builtin_prefetch(entry);
    __builtin_prefetch(entry + 64);
}

static void batch_aim(struct batch *batch)
{
    struct brisk_cache *cache = batch->cache;
    bool is_lock_free = cache->settings.has_lock_free_hits;
    for (size_t i = 0; i < batch->count; i++) {
        struct brisk_bytes key = batch->keys[i];
        bool is_valid = bk_check_key(key) == BRISK_OK;
        uint64_t hash = is_valid ? bk_cache_hash(cache, key) : 0;
        batch->hashes[i] = hash;
        batch->is_aimed[i] = is_valid && is_lock_free;
        __builtin_prefetch(bk_index_home(bk_cache_index(cache, hash), hash));
    }
    for (size_t i = 0; i < batch->count; i++) {
        uint64_t hash = batch->hashes[i];
        const struct bk_index *index = bk_cache_index(cache, hash);
        if (batch->is_aimed[i] && bk_match_aim(index, hash, &batch->matches[i]) == BK_FOUND)
            fetch_entry(&batch->matches[i]);
        else
            batch->is_aimed[i] = false;
    }
}

static void
batch_begin(struct batch *batch, const struct brisk_bytes *keys, size_t first, size_t count)
{
    batch->keys = keys + first;
    batch->count = count - first < BATCH ? count - first : BATCH;
    batch_aim(batch);
}

/* Whether the value of key `i` is at hand, to be read and then confirmed. */
static inline bool batch_has_plain(struct batch *batch, size_t i)
{
    struct brisk_bytes key = batch->keys[i];
    return batch->is_aimed[i] && bk_match_is_plain(&batch->matches[i], key.data, key.length);
}

static inline bool batch_confirm(struct batch *batch, size_t i)
{
    if (!bk_match_plain_holds(&batch->matches[i]))
        return false;
    bk_place_count_hit(batch->matches[i].place);
    batch->plain_hits++;
    return true;
}

static enum brisk_status get_one(struct batch *batch, size_t i, struct brisk_view *out)
{
    const struct bk_match *match = &batch->matches[i];
    struct brisk_bytes key = batch->keys[i];
    if (batch_has_plain(batch, i)) {
        size_t length = bk_meta_value_length(match->meta);
        struct brisk_buffer *buffer = bk_buffer_new(length);
        if (buffer == NULL) {
            batch->plain_hits++; /* it was there */
            return BRISK_ERR_NOMEM;
        }
        uint8_t *data = bk_buffer_data(buffer);
        bk_words_read(data, bk_match_plain_value(match, key.length), length);
        *out = bk_view_of(buffer, data, length);
        if (batch_confirm(batch, i))
            return BRISK_OK;
        brisk_view_release(out);
    }
    uint64_t remaining;
    enum brisk_status status = bk_check_key(key);
    return status != BRISK_OK ? status
                              : bk_read_view(batch->cache, batch->hashes[i], key, out, &remaining);
}

size_t brisk_cache_get_many(
    struct brisk_cache *cache, const struct brisk_bytes *keys, size_t count, struct brisk_view *out,
    enum brisk_status *statuses)
{
    size_t found = 0;
    struct batch batch;
    batch.cache = cache;
    batch.plain_hits = 0;
    for (size_t first = 0; first < count; first += BATCH) {
        batch_begin(&batch, keys, first, count);
        for (size_t i = 0; i < batch.count; i++) {
            out[first + i] = (struct brisk_view){0};
            statuses[first + i] = get_one(&batch, i, &out[first + i]);
            found += statuses[first + i] == BRISK_OK;
        }
    }
    bk_cache_count(cache, BK_HITS, batch.plain_hits);
    return found;
}

static inline enum brisk_status
get_one_into(struct batch *batch, size_t i, void *buffer, size_t capacity, size_t *length)
{
    const struct bk_match *match = &batch->matches[i];
    struct brisk_bytes key = batch->keys[i];
    if (batch_has_plain(batch, i) && bk_meta_value_length(match->meta) <= capacity) {
        *length = bk_meta_value_length(match->meta);
        bk_words_read(buffer, bk_match_plain_value(match, key.length), *length);
        if (batch_confirm(batch, i))
            return BRISK_OK;
    }
    *length = 0;
    enum brisk_status status = bk_check_key(key);
    return status != BRISK_OK
               ? status
               : bk_read_into(batch->cache, batch->hashes[i], key, buffer, capacity, length);
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
    struct batch batch;
    batch.cache = cache;
    batch.plain_hits = 0;
    for (size_t first = 0; first < count; first += BATCH) {
        batch_begin(&batch, keys, first, count);
        for (size_t i = 0; i < batch.count; i++) {
            char *place = (char *)buffer + used;
            size_t length;
            enum brisk_status status = get_one_into(&batch, i, place, capacity - used, &length);
            statuses[first + i] = status;
            values[first + i] = brisk_bytes_of(status == BRISK_OK ? place : NULL, length);
            if (status != BRISK_OK)
                continue;
            used += pad(length, capacity - used);
            found++;
        }
    }
    bk_cache_count(cache, BK_HITS, batch.plain_hits);
    return found;
}
