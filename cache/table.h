/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_TABLE_H
#define BK_CACHE_TABLE_H

#include <stdalign.h>
#include <stdbool.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "cache/entry.h"
#include "cache/hash.h"
#include "cache/region.h"

/*
 * The index of one shard: open addressing over buckets of one cache line each.
 * A lookup compares eleven one-byte tags at once, then follows the handle of the
 * slot that matches. Where a bucket is full, entries go on to the next one; an
 * overflow count says that lookups must do so too, which makes deleting exact
 * without tombstones (as in F14, Bronson and Shi 2019). A slot that becomes free
 * takes back an entry that had to go on: without that, a cache that is always
 * full would have half of its entries far from home after a while.
 *
 * Each bucket is a sequence lock: its version is odd while it changes, and a
 * reader whose version is not the same before and after must try again. Growing
 * goes from one reserved array to the other, behind a sequence lock of its own,
 * the generation.
 *
 * Writers hold the shard's lock. A reader who pins a shared value holds the
 * version odd for a moment as well, so where such values exist writers take the
 * version by compare and exchange.
 */
enum {
    BK_SLOTS = 11,
    /* That an entry may use away from its home bucket: those with a bit to say so. */
    BK_AWAY_SLOTS = 10,
    BK_SLOTS_MASK = (1 << BK_SLOTS) - 1,
    /*
     * Entries per hundred buckets at which the index is full: 6.7 bytes per entry,
     * where about one lookup in twelve reads a second bucket.
     */
    BK_ENTRIES_PER_100_BUCKETS = 950,
};

struct bk_bucket {
    bk_word64 tags;        /* slots 0 to 7 */
    bk_word64 state;       /* tags of slots 8 to 10, overflow count, version */
    bk_word32 frequencies; /* two bits per slot; then a bit for slots 0 to 9: not its home */
    bk_word32 handles[BK_SLOTS];
};

#define BK_STATE_OVERFLOW_SHIFT 24
#define BK_STATE_OVERFLOW_MASK (UINT64_C(0xff) << BK_STATE_OVERFLOW_SHIFT)
#define BK_STATE_OVERFLOW_ONE (UINT64_C(1) << BK_STATE_OVERFLOW_SHIFT)
#define BK_STATE_LOCKED (UINT64_C(1) << 32)
#define BK_STATE_VERSION_ONE (UINT64_C(2) << 32)

/* What readers without a lock see of a shard: a line that is seldom written. */
struct bk_index {
    alignas(64) bk_word64 generation; /* odd while buckets and count change */
    _Atomic(struct bk_bucket *) buckets;
    bk_word64 bucket_count;
    uint8_t *arena;   /* where the handles point */
    bk_word64 turned; /* when the shard last removed what was due */
};

/* The hash of the entry that `handle` names. */
typedef uint64_t bk_rehash_fn(void *ctx, uint32_t handle);

struct bk_table {
    struct bk_index *index;
    bk_rehash_fn *rehash;
    void *rehash_ctx;
    uint32_t used_slots;
    unsigned int current; /* which of the regions is in use */
    struct bk_region regions[2];
};

enum {
    BK_TABLE_FIRST_BUCKETS = 4
};

/* Where an entry is. */
struct bk_place {
    struct bk_bucket *bucket;
    unsigned int slot;
};

bool bk_table_init(
    struct bk_table *table, struct bk_index *index, uint8_t *arena, size_t wanted_bytes,
    bk_rehash_fn *rehash, void *rehash_ctx);
void bk_table_free(struct bk_table *table);

/* The number of buckets for `entries`. */
uint32_t bk_table_buckets_for(size_t entries);

static inline uint32_t bk_table_bucket_count(const struct bk_table *table)
{
    return (uint32_t)bk_load64(&table->index->bucket_count);
}

/*
 * The home bucket of a hash, and the one after a bucket. A reader without the
 * lock may see the array and the count of different generations; that address is
 * mapped too.
 */
static inline struct bk_bucket *bk_index_home(const struct bk_index *index, uint64_t hash)
{
    struct bk_bucket *first = atomic_load_explicit(&index->buckets, memory_order_acquire);
    return first + bk_hash_bucket(hash, bk_load64(&index->bucket_count));
}

static inline struct bk_bucket *
bk_index_following(const struct bk_index *index, struct bk_bucket *bucket)
{
    struct bk_bucket *first = atomic_load_explicit(&index->buckets, memory_order_acquire);
    return bucket + 1 >= first + bk_load64(&index->bucket_count) ? first : bucket + 1;
}

/*
 * A bit for each slot whose tag is `tag`. Empty slots have the tag 0 and the
 * handle 0, which leads to an entry that is nobody's.
 */
static inline unsigned int bk_match_tags(uint64_t tags, uint64_t state, uint8_t tag)
{
#ifdef __SSE2__
    __m128i have = _mm_set_epi64x((int64_t)state, (int64_t)tags);
    __m128i equal = _mm_cmpeq_epi8(have, _mm_set1_epi8((char)tag));
    return (unsigned int)_mm_movemask_epi8(equal) & BK_SLOTS_MASK;
#else
    unsigned int matches = 0;
    for (unsigned int i = 0; i < BK_SLOTS; i++) {
        uint64_t word = i < 8 ? tags >> 8 * i : state >> 8 * (i - 8);
        matches |= (unsigned int)((uint8_t)word == tag) << i;
    }
    return matches;
#endif
}

static inline uint32_t bk_place_handle(struct bk_place place)
{
    return bk_load32(&place.bucket->handles[place.slot]);
}

/* Two bits per slot: how often it was hit since the policy last looked. */
static inline unsigned int bk_place_frequency(struct bk_place place)
{
    return bk_load32(&place.bucket->frequencies) >> (2 * place.slot) & 3;
}

static inline void bk_place_set_frequency(struct bk_place place, unsigned int frequency)
{
    uint32_t others = bk_load32(&place.bucket->frequencies) & ~(3U << (2 * place.slot));
    bk_store32(&place.bucket->frequencies, others | frequency << (2 * place.slot));
}

/*
 * Counts a hit, up to three. Readers do this without a lock, and a count is lost
 * when two of them meet in one bucket: it steers the policy, nothing else. A hot
 * entry has its three and so is never written.
 */
static inline void bk_place_count_hit(struct bk_place place)
{
    uint32_t frequencies = bk_load32(&place.bucket->frequencies);
    if ((frequencies >> (2 * place.slot) & 3) != 3)
        bk_store32(&place.bucket->frequencies, frequencies + (1U << (2 * place.slot)));
}

/*
 * Everything below needs the shard's lock. `has_pins` says that readers may pin
 * values in this shard.
 */
uint64_t bk_bucket_wait_and_lock(struct bk_bucket *bucket);

static inline uint64_t bk_bucket_lock(struct bk_bucket *bucket, bool has_pins)
{
    if (has_pins)
        return bk_bucket_wait_and_lock(bucket);
    uint64_t state = bk_load64(&bucket->state);
    bk_store64(&bucket->state, state | BK_STATE_LOCKED);
    return state;
}

static inline void bk_bucket_unlock(struct bk_bucket *bucket, uint64_t locked_state)
{
    bk_store64(&bucket->state, (locked_state & ~BK_STATE_LOCKED) + BK_STATE_VERSION_ONE);
}

/* The entry of this key, or a place with bucket NULL. */
struct bk_place
bk_table_find(const struct bk_table *table, uint64_t hash, const void *key, size_t length);
/* The place of an entry that is in the table. */
struct bk_place bk_table_locate(const struct bk_table *table, uint64_t hash, uint32_t handle);

/* The caller has made sure that there is room. */
struct bk_place
bk_table_insert(struct bk_table *table, uint64_t hash, uint32_t handle, bool has_pins);
void bk_table_remove(struct bk_table *table, uint64_t hash, struct bk_place place, bool has_pins);
void bk_table_replace(struct bk_place place, uint32_t handle, bool has_pins);

static inline bool bk_table_has_room(const struct bk_table *table)
{
    return (uint64_t)table->used_slots * 100 <
           (uint64_t)bk_table_bucket_count(table) * BK_ENTRIES_PER_100_BUCKETS;
}

/*
 * Moves all entries to an index of `bucket_count` buckets; frequencies go along.
 * Readers use the old one until the new one is complete. False if there is no
 * memory: the old one stays.
 */
bool bk_table_rebuild(struct bk_table *table, uint32_t bucket_count, bool has_pins);
/* Forgets all entries. */
void bk_table_clear(struct bk_table *table, bool has_pins);

static inline size_t bk_table_bytes(const struct bk_table *table)
{
    return (size_t)bk_table_bucket_count(table) * sizeof(struct bk_bucket);
}

#endif
