/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_ENTRY_H
#define BK_CACHE_ENTRY_H

#include <stdbool.h>

#include <brisk/view.h>

#include "cache/word.h"

/*
 * One entry: a block of words in a shard's arena, named by a handle, its offset
 * in units of 8 bytes. Handle 0 is none.
 *
 *     prev, next | meta, aux | extra words | key, padded | value, padded
 *
 * Which extra words there are depends on the entry, so a plain one pays for
 * none. In this order: wheel links (if it has a deadline), deadline (if wide),
 * the last deadline that reading may lead to (if the cache has an idle time),
 * group, a spare one (if the key is sampled for the curve, see cache/sampler.h),
 * weight (if the cache weighs), the policy's word (LFU).
 */
struct bk_entry {
    bk_word32 prev, next; /* in the policy's queue: the older and the newer one */
    bk_word32 meta;       /* lengths and flags, below; 0 in a free block */
    bk_word32 aux;        /* the low half of a near deadline */
    bk_word64 words[];
};

enum {
    BK_ENTRY_HEADER_BYTES = 16,
    BK_EXTERNAL_BYTES = 24, /* data, length and buffer of a struct brisk_view */
    BK_ENTRY_KEY_MAX = (1 << 13) - 1,
    BK_ENTRY_INLINE_MAX = (1 << 10) - 1,
};

/* meta: value length 10 bits, key length 13 bits, extra words 3 bits, flags. */
#define BK_META_KEY_SHIFT 10
#define BK_META_KEY_MASK ((uint32_t)BK_ENTRY_KEY_MAX << BK_META_KEY_SHIFT)
#define BK_META_EXTRA_SHIFT 23
#define BK_META_EXTRA_MASK (7U << BK_META_EXTRA_SHIFT)
#define BK_META_EXTERNAL (1U << 26) /* the value is a view, stored as three words */
#define BK_META_DEADLINE (1U << 27) /* it expires; there are wheel links */
#define BK_META_WIDE (1U << 28)     /* the deadline is a word of 64 bits */
#define BK_META_GROUP (1U << 29)
#define BK_META_NEGATIVE (1U << 30) /* known to be missing; no value */
#define BK_META_MAIN (1U << 31)     /* the policy's second queue */
/* A hit on an entry without these needs neither the clock nor a lock. */
#define BK_META_SPECIAL (BK_META_EXTERNAL | BK_META_DEADLINE | BK_META_GROUP | BK_META_NEGATIVE)

static inline struct bk_entry *bk_entry_at(uint8_t *arena, uint32_t handle)
{
    return (struct bk_entry *)(void *)(arena + (size_t)handle * 8);
}

static inline size_t bk_meta_key_length(uint32_t meta)
{
    return meta >> BK_META_KEY_SHIFT & BK_ENTRY_KEY_MAX;
}

static inline size_t bk_meta_value_length(uint32_t meta)
{
    return meta & BK_ENTRY_INLINE_MAX;
}

static inline size_t bk_meta_extra_words(uint32_t meta)
{
    return meta >> BK_META_EXTRA_SHIFT & 7;
}

static inline bk_word64 *bk_entry_key(struct bk_entry *entry, uint32_t meta)
{
    return entry->words + bk_meta_extra_words(meta);
}

static inline bk_word64 *bk_entry_value(struct bk_entry *entry, uint32_t meta)
{
    return bk_entry_key(entry, meta) + bk_words_of(bk_meta_key_length(meta));
}

/*
 * Deadlines. A near one is kept as its low 32 bits, relative to a clock that is
 * less than 2^31 ticks away; a wide one as a word.
 */
static inline uint64_t bk_entry_deadline(const struct bk_entry *entry, uint32_t meta, uint64_t now)
{
    if ((meta & BK_META_WIDE) != 0)
        return bk_load64(&entry->words[1]);
    int32_t ahead = (int32_t)(bk_load32(&entry->aux) - (uint32_t)now);
    return now + (uint64_t)(int64_t)ahead;
}

static inline void bk_entry_set_deadline(struct bk_entry *entry, uint32_t meta, uint64_t deadline)
{
    if ((meta & BK_META_WIDE) != 0)
        bk_store64(&entry->words[1], deadline);
    else
        bk_store32(&entry->aux, (uint32_t)deadline);
}

/* Behind the wheel links, the deadline and, if the cache has an idle time, its limit. */
static inline bk_word64 *bk_entry_group(struct bk_entry *entry, uint32_t meta, bool has_idle)
{
    size_t before = (meta & BK_META_DEADLINE) != 0;
    before += (meta & BK_META_WIDE) != 0;
    return entry->words + before + has_idle;
}

/* A reader without a lock may see a view that was never stored; it must check first. */
static inline struct brisk_view bk_entry_view(struct bk_entry *entry, uint32_t meta)
{
    bk_word64 *words = bk_entry_value(entry, meta);
    return (struct brisk_view){
        .data = (const uint8_t *)(uintptr_t)bk_load64(&words[0]),
        .length = (size_t)bk_load64(&words[1]),
        .buffer = (struct brisk_buffer *)(uintptr_t)bk_load64(&words[2]),
    };
}

static inline void
bk_entry_set_view(struct bk_entry *entry, uint32_t meta, const struct brisk_view *view)
{
    bk_word64 *words = bk_entry_value(entry, meta);
    bk_store64(&words[0], (uintptr_t)view->data);
    bk_store64(&words[1], view->length);
    bk_store64(&words[2], (uintptr_t)view->buffer);
}

static inline size_t bk_meta_block_bytes(uint32_t meta)
{
    size_t value = (meta & BK_META_EXTERNAL) != 0 ? BK_EXTERNAL_BYTES : bk_meta_value_length(meta);
    return BK_ENTRY_HEADER_BYTES + 8 * (bk_meta_extra_words(meta) +
                                        bk_words_of(bk_meta_key_length(meta)) + bk_words_of(value));
}

#endif
