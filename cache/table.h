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
 * The index of one shard: a hash table over buckets of one cache line each. A
 * lookup compares eleven one-byte tags at once, then follows the handle of the
 * slot that matches. An entry is in one of two buckets: its home, which its hash
 * says, or, as a guest, the other one that home and tag lead to (partial-key
 * cuckoo hashing: Fan, Andersen, Kaminsky and Mitzenmacher 2014). A home counts
 * its entries that are guests elsewhere, so that most lookups of missing keys
 * read one bucket, and none reads more than two. Where a newcomer finds its home
 * full, guests there are sent home before anybody else has to move.
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
    BK_SLOTS_MASK = (1 << BK_SLOTS) - 1,
    /* Entries per hundred buckets at which the index is full: 6.4 bytes per entry. */
    BK_ENTRIES_PER_100_BUCKETS = 1000,
};

struct bk_bucket {
    bk_word64 tags;        /* slots 0 to 7 */
    bk_word64 state;       /* tags of slots 8 to 10; the rest as below */
    bk_word32 frequencies; /* two bits per slot */
    bk_word32 handles[BK_SLOTS];
};

/* How many of the bucket's own entries are guests elsewhere. */
#define BK_STATE_ABROAD_SHIFT 24
#define BK_STATE_ABROAD_MASK (UINT64_C(0x1f) << BK_STATE_ABROAD_SHIFT)
#define BK_STATE_ABROAD_ONE (UINT64_C(1) << BK_STATE_ABROAD_SHIFT)
/* A bit for each slot with a guest. */
#define BK_STATE_GUESTS_SHIFT 29
#define BK_STATE_LOCKED (UINT64_C(1) << 40)
#define BK_STATE_VERSION_SHIFT 41
#define BK_STATE_VERSION_ONE (UINT64_C(1) << BK_STATE_VERSION_SHIFT)

static inline bool bk_state_has_abroad(uint64_t state)
{
    return (state & BK_STATE_ABROAD_MASK) != 0;
}

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
 * The buckets as a lookup finds them. A reader without the lock may see the array
 * and the count of different generations; what they lead to is mapped too.
 */
struct bk_buckets {
    struct bk_bucket *first;
    uint64_t count;
};

static inline struct bk_buckets bk_index_buckets(const struct bk_index *index)
{
    BK_WORD_STEP(&index->buckets, 0);
    return (struct bk_buckets){
        atomic_load_explicit(&index->buckets, memory_order_acquire),
        bk_load64(&index->bucket_count)};
}

static inline struct bk_bucket *bk_home_of(struct bk_buckets buckets, uint64_t hash)
{
    return buckets.first + bk_hash_bucket(hash, buckets.count);
}

/*
 * Where an entry with this tag may be if it is not in `bucket`: from its home to
 * the other and from there to its home. The same bucket has no other for some tags.
 */
static inline struct bk_bucket *
bk_other_of(struct bk_buckets buckets, const struct bk_bucket *bucket, uint8_t tag)
{
    uint32_t spread = (tag + UINT32_C(1)) * UINT32_C(0x9e3779b1);
    size_t sum = bk_hash_bucket(spread, buckets.count);
    size_t number = (size_t)(bucket - buckets.first);
    size_t other = sum >= number ? sum - number : sum + buckets.count - number;
    return buckets.first + other;
}

static inline struct bk_bucket *bk_index_home(const struct bk_index *index, uint64_t hash)
{
    return bk_home_of(bk_index_buckets(index), hash);
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

/*
 * An empty slot for an entry of this hash, for which others move if need be;
 * bucket NULL: the index must grow.
 */
struct bk_place bk_table_slot(const struct bk_table *table, uint64_t hash, bool has_pins);
/* Into a slot that bk_table_slot has said, with no other change in between. */
void bk_table_insert(
    const struct bk_table *table, struct bk_place place, uint64_t hash, uint32_t handle,
    bool has_pins);
void bk_table_remove(
    const struct bk_table *table, uint64_t hash, struct bk_place place, bool has_pins);
void bk_table_replace(struct bk_place place, uint32_t handle, bool has_pins);

/* Whether it takes one more than so many entries. */
static inline bool bk_table_has_room(const struct bk_table *table, uint64_t entries)
{
    return entries * 100 < (uint64_t)bk_table_bucket_count(table) * BK_ENTRIES_PER_100_BUCKETS;
}

/*
 * No index is large enough for two dozen keys of the very same hash; so one that
 * is nearly empty does not grow for them.
 */
static inline bool bk_table_may_grow(const struct bk_table *table, uint64_t entries)
{
    return bk_table_bucket_count(table) <= entries + BK_TABLE_FIRST_BUCKETS;
}

/* Whether there is address space for so many buckets. */
static inline bool bk_table_may_reach(const struct bk_table *table, uint32_t bucket_count)
{
    return bucket_count <= table->regions[0].reserved_bytes / sizeof(struct bk_bucket) &&
           bucket_count <= table->regions[1].reserved_bytes / sizeof(struct bk_bucket);
}

/*
 * Moves all entries to an index of `bucket_count` buckets, or more if they do not
 * fit; frequencies go along. Readers use the old one until the new one is
 * complete. False if there is no memory: the old one stays.
 */
bool bk_table_rebuild(struct bk_table *table, uint32_t bucket_count, bool has_pins);
/* Forgets all entries. */
void bk_table_clear(struct bk_table *table, bool has_pins);

static inline size_t bk_table_bytes(const struct bk_table *table)
{
    return (size_t)bk_table_bucket_count(table) * sizeof(struct bk_bucket);
}

#endif
