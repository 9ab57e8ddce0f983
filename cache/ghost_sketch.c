/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/ghost_sketch.h"

#include <string.h>

#include "base/memory.h"
#include "cache/hash.h"

enum {
    FROM_MAIN = 0x80,
    FINGERPRINT_MASK = 0x7f,
    /* A shard's arena has no room for more entries. */
    MOST_BUCKETS = 1 << 28,
};

static uint32_t buckets_for(uint64_t capacity)
{
    uint64_t count = capacity / 2 + capacity % 2;
    return count > MOST_BUCKETS ? MOST_BUCKETS : (uint32_t)count;
}

bool bk_ghost_sketch_init(struct bk_ghost_sketch *sketch, uint64_t capacity)
{
    *sketch = (struct bk_ghost_sketch){0};
    uint32_t count = buckets_for(capacity);
    if (count == 0)
        return true;
    sketch->buckets = bk_calloc(count, sizeof *sketch->buckets);
    if (sketch->buckets == NULL)
        return false;
    sketch->bucket_count = count;
    return true;
}

void bk_ghost_sketch_resize(struct bk_ghost_sketch *sketch, uint64_t capacity)
{
    struct bk_ghost_sketch fresh;
    if (buckets_for(capacity) == sketch->bucket_count || !bk_ghost_sketch_init(&fresh, capacity))
        return;
    bk_ghost_sketch_free(sketch);
    *sketch = fresh;
}

void bk_ghost_sketch_free(struct bk_ghost_sketch *sketch)
{
    bk_free(sketch->buckets);
    *sketch = (struct bk_ghost_sketch){0};
}

void bk_ghost_sketch_clear(struct bk_ghost_sketch *sketch)
{
    if (sketch->buckets != NULL)
        memset(sketch->buckets, 0, bk_ghost_sketch_bytes(sketch));
    sketch->small_count = sketch->main_count = 0;
}

static uint16_t *bucket_of(struct bk_ghost_sketch *sketch, uint64_t hash)
{
    return &sketch->buckets[bk_hash_bucket(hash, sketch->bucket_count)];
}

static uint32_t *count_of(struct bk_ghost_sketch *sketch, unsigned int key)
{
    return (key & FROM_MAIN) != 0 ? &sketch->main_count : &sketch->small_count;
}

void bk_ghost_sketch_add(struct bk_ghost_sketch *sketch, uint64_t hash, enum bk_origin origin)
{
    if (sketch->bucket_count == 0)
        return;
    uint16_t *bucket = bucket_of(sketch, hash);
    unsigned int newer = *bucket & 0xff, older = *bucket >> 8;
    if (older != 0)
        --*count_of(sketch, older);
    unsigned int key = bk_hash_fingerprint(hash);
    if (origin == BK_ORIGIN_MAIN)
        key |= FROM_MAIN;
    *bucket = (uint16_t)(newer << 8 | key);
    ++*count_of(sketch, key);
}

static enum bk_origin forget(struct bk_ghost_sketch *sketch, unsigned int key)
{
    --*count_of(sketch, key);
    return (key & FROM_MAIN) != 0 ? BK_ORIGIN_MAIN : BK_ORIGIN_SMALL;
}

enum bk_origin bk_ghost_sketch_take(struct bk_ghost_sketch *sketch, uint64_t hash, bool *is_late)
{
    if (sketch->bucket_count == 0)
        return BK_ORIGIN_NONE;
    uint16_t *bucket = bucket_of(sketch, hash);
    unsigned int newer = *bucket & 0xff, older = *bucket >> 8;
    unsigned int fingerprint = bk_hash_fingerprint(hash);
    *is_late = (newer & FINGERPRINT_MASK) != fingerprint;
    if (!*is_late) {
        *bucket = (uint16_t)older;
        return forget(sketch, newer);
    }
    if ((older & FINGERPRINT_MASK) == fingerprint) {
        *bucket = (uint16_t)newer;
        return forget(sketch, older);
    }
    return BK_ORIGIN_NONE;
}
