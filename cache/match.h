/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_MATCH_H
#define BK_CACHE_MATCH_H

#include "cache/table.h"

/*
 * Lookups without the shard's lock. What they read may change meanwhile and is
 * worth nothing until bk_match_holds has said that it did not.
 */
struct bk_match {
    struct bk_place place;
    struct bk_entry *entry;
    uint64_t state;      /* of the bucket, when it was first read */
    uint64_t generation; /* of the index */
    uint32_t meta;
};

enum bk_found {
    BK_ABSENT, /* for certain */
    BK_FOUND,
    BK_RACED /* a writer is at it: try again */
};

/*
 * Neither the bucket nor the index has changed, and the bucket was not being
 * written. A pin that came and went meanwhile left the version as it was.
 */
static inline __attribute__((always_inline)) bool
bk_match_holds(const struct bk_index *index, const struct bk_match *match)
{
    return bk_load64(&match->place.bucket->state) == (match->state & ~BK_STATE_LOCKED) &&
           bk_load64(&index->generation) == (match->generation & ~UINT64_C(1));
}

/* Looks among the slots of one bucket that have the tag. */
static inline bool bk_match_slots(
    const struct bk_index *index, struct bk_match *match, unsigned int slots, const void *key,
    size_t length)
{
    for (; slots != 0; slots &= slots - 1) {
        unsigned int slot = (unsigned int)__builtin_ctz(slots);
        uint32_t handle = bk_load32(&match->place.bucket->handles[slot]);
        struct bk_entry *entry = bk_entry_at(index->arena, handle);
        uint32_t meta = bk_load32(&entry->meta);
        if (bk_meta_key_length(meta) == length &&
            bk_words_equal(bk_entry_key(entry, meta), key, length)) {
            match->place.slot = slot;
            match->entry = entry;
            match->meta = meta;
            return true;
        }
    }
    return false;
}

/* Looks in one bucket; BK_ABSENT says nothing of the other. */
static inline enum bk_found bk_match_bucket(
    const struct bk_index *index, struct bk_match *match, uint8_t tag, const void *key,
    size_t length)
{
    struct bk_bucket *bucket = match->place.bucket;
    match->state = bk_load64(&bucket->state);
    unsigned int slots = bk_match_tags(bk_load64(&bucket->tags), match->state, tag);
    bool is_locked = (match->state & BK_STATE_LOCKED) != 0;
    if (slots != 0 && bk_match_slots(index, match, slots, key, length))
        return is_locked ? BK_RACED : BK_FOUND;
    return is_locked || !bk_match_holds(index, match) ? BK_RACED : BK_ABSENT;
}

/*
 * An entry may move from one of its buckets to the other while it is looked for
 * in between, but never without a change of its home.
 */
static inline enum bk_found bk_match_find(
    const struct bk_index *index, uint64_t hash, const void *key, size_t length,
    struct bk_match *match)
{
    match->generation = bk_load64(&index->generation);
    struct bk_buckets buckets = bk_index_buckets(index);
    struct bk_bucket *home = bk_home_of(buckets, hash);
    uint8_t tag = bk_hash_tag(hash);
    match->place.bucket = home;
    enum bk_found found = bk_match_bucket(index, match, tag, key, length);
    if (found != BK_ABSENT || !bk_state_has_abroad(match->state))
        return found;

    uint64_t home_state = match->state;
    match->place.bucket = bk_other_of(buckets, home, tag);
    found = bk_match_bucket(index, match, tag, key, length);
    if (found == BK_ABSENT && bk_load64(&home->state) != home_state)
        return BK_RACED;
    return found;
}

/*
 * The first attempt at a plain entry, which is nearly all there is to do: the
 * first slot with the tag in one of its buckets, an entry without extra words.
 * BK_RACED stands for everything else, for bk_match_find to look into.
 *
 * What limits lookups is how many of them a core overlaps while their lines are
 * on the way, so this has few instructions, and none of its addresses depends on
 * what the entry says: the key's length is the caller's, and that there are no
 * extra words is checked, not used.
 *
 * A hit needs no generation: the pages of an old index are given back, and so read
 * as zeros, before anything is stored or removed under the new one, and the state
 * of a bucket in use is never zero. An absence does: the bucket may be the wrong
 * one, found with the array of one generation and the count of another.
 */

/* The first half: BK_FOUND says which entry it is if it is any. */
static inline __attribute__((always_inline)) enum bk_found
bk_match_aim(const struct bk_index *index, uint64_t hash, struct bk_match *match)
{
    uint64_t generation = bk_load64(&index->generation);
    struct bk_buckets buckets = bk_index_buckets(index);
    struct bk_bucket *home = bk_home_of(buckets, hash);
    uint64_t home_state = bk_load64(&home->state);
    unsigned int slots = bk_match_tags(bk_load64(&home->tags), home_state, bk_hash_tag(hash));
    match->place.bucket = home;
    match->state = home_state;
    if (__builtin_expect(slots == 0 && bk_state_has_abroad(home_state), 0)) {
        struct bk_bucket *other = bk_other_of(buckets, home, bk_hash_tag(hash));
        match->place.bucket = other;
        match->state = bk_load64(&other->state);
        slots = bk_match_tags(bk_load64(&other->tags), match->state, bk_hash_tag(hash));
    }
    if (__builtin_expect(slots == 0, 0)) {
        bool is_certain = ((home_state | match->state) & BK_STATE_LOCKED) == 0 && home_state != 0 &&
                          generation % 2 == 0 &&
                          bk_load64(&match->place.bucket->state) == match->state &&
                          bk_load64(&home->state) == home_state &&
                          bk_load64(&index->generation) == generation;
        return is_certain ? BK_ABSENT : BK_RACED;
    }
    match->place.slot = (unsigned int)__builtin_ctz(slots);
    match->entry = bk_entry_at(
        index->arena, bk_load32(&match->place.bucket->handles[(size_t)match->place.slot]));
    return BK_FOUND;
}

/* The second half: whether it is the one, and plain. */
static inline __attribute__((always_inline)) bool
bk_match_is_plain(struct bk_match *match, const void *key, size_t length)
{
    match->meta = bk_load32(&match->entry->meta);
    bool is_plain = (match->meta & (BK_META_KEY_MASK | BK_META_EXTRA_MASK | BK_META_SPECIAL)) ==
                    (uint32_t)length << BK_META_KEY_SHIFT;
    return is_plain && bk_words_equal(match->entry->words, key, length);
}

static inline __attribute__((always_inline)) enum bk_found bk_match_plain(
    const struct bk_index *index, uint64_t hash, const void *key, size_t length,
    struct bk_match *match)
{
    enum bk_found found = bk_match_aim(index, hash, match);
    if (found != BK_FOUND)
        return found;
    return __builtin_expect(bk_match_is_plain(match, key, length), 1) ? BK_FOUND : BK_RACED;
}

/* Where the value of a plain entry is. */
static inline const bk_word64 *bk_match_plain_value(const struct bk_match *match, size_t key_length)
{
    return match->entry->words + bk_words_of(key_length);
}

/* Likewise of an entry that has a near deadline and nothing else beyond its bytes. */
static inline __attribute__((always_inline)) bool
bk_match_is_timed(struct bk_match *match, const void *key, size_t length)
{
    match->meta = bk_load32(&match->entry->meta);
    bool is_timed = (match->meta &
                     (BK_META_KEY_MASK | BK_META_EXTRA_MASK | BK_META_SPECIAL | BK_META_WIDE)) ==
                    ((uint32_t)length << BK_META_KEY_SHIFT | 1U << BK_META_EXTRA_SHIFT |
                     BK_META_DEADLINE);
    return is_timed && bk_words_equal(match->entry->words + 1, key, length);
}

static inline const bk_word64 *bk_match_timed_value(const struct bk_match *match, size_t key_length)
{
    return match->entry->words + 1 + bk_words_of(key_length);
}

static inline __attribute__((always_inline)) bool bk_match_plain_holds(const struct bk_match *match)
{
    return bk_load64(&match->place.bucket->state) == (match->state & ~BK_STATE_LOCKED);
}

static inline bool bk_match_set_state(const struct bk_match *match, uint64_t from, uint64_t to)
{
    bk_word64 *word = &match->place.bucket->state;
    BK_WORD_STEP(word, 1);
    return atomic_compare_exchange_strong_explicit(
        word, &from, to, memory_order_acq_rel, memory_order_relaxed);
}

/*
 * Takes the bucket of a match as a writer would, for a few instructions; false
 * if it has changed since. What other readers rely on must not be changed.
 *
 * If the index has another array by now, nobody waits for this bucket any more,
 * and its page may be gone at any moment: it must then stay as empty as it is.
 */
static inline bool bk_match_seize(const struct bk_index *index, const struct bk_match *match)
{
    uint64_t locked = match->state | BK_STATE_LOCKED;
    if (!bk_match_set_state(match, match->state, locked))
        return false;
    if (bk_load64(&index->generation) == (match->generation & ~UINT64_C(1)))
        return true;
    bk_match_set_state(match, locked, match->state);
    return false;
}

static inline void bk_match_let_go(const struct bk_match *match)
{
    bk_store64(&match->place.bucket->state, match->state);
}

#endif
