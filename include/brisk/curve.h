/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_CURVE_H
#define BRISK_CURVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <brisk/view.h>

BRISK_BEGIN

/*
 * A miss ratio curve: what share of lookups a cache of any size would miss,
 * estimated from the keys that are looked up, in constant memory. Each key is
 * one entry, none expires, and the least recently used one leaves first.
 *
 * The method is SHARDS with a fixed size and its adjustment (Waldspurger et al.,
 * "Efficient MRC construction with SHARDS", FAST 2015): of all keys those whose
 * hash is small are followed exactly, and the result is scaled up. Until there are
 * more than max_keys different keys nothing is left out, and the curve is exact.
 *
 * Thread safety: one thread at a time. Signals: not in a handler.
 */
struct brisk_curve;

/* Zero in a field means the default, which may improve between releases. */
struct brisk_curve_options {
    size_t size; /* set by brisk_curve_options_default */

    /* Keys that are followed, 16 to 1,048,576. Default 8,192, which takes 280 KB. */
    unsigned int max_keys;
    /*
     * The share of keys to begin with, above 0 and at most 1, for those who would
     * rather not follow every key of a small set. Default 1.
     */
    double sample_rate;
};

static inline struct brisk_curve_options brisk_curve_options_default(void)
{
    struct brisk_curve_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    return options;
}

BRISK_API void brisk_curve_free(struct brisk_curve *curve);

/* NULL on failure, with the reason in *error. Both arguments may be NULL. */
BRISK_API struct brisk_curve *
brisk_curve_new(const struct brisk_curve_options *options, struct brisk_error *error)
    BRISK_NEW(brisk_curve_free);

/* One lookup. Takes no memory. `key` may be empty. */
BRISK_API void brisk_curve_add(struct brisk_curve *curve, struct brisk_bytes key) BRISK_NONNULL(1);

/*
 * The same for callers who have a hash of the key: all 64 bits must be as if drawn at
 * random. Not to be mixed with brisk_curve_add on one curve.
 */
BRISK_API void brisk_curve_add_hash(struct brisk_curve *curve, uint64_t hash) BRISK_NONNULL(1);

/*
 * The share of lookups so far that a cache with room for so many entries would have
 * missed, in [0, 1]: first lookups included, which miss at any size. 1 if there were none.
 */
BRISK_API double brisk_curve_miss_ratio(const struct brisk_curve *curve, uint64_t entries)
    BRISK_NONNULL(1);

enum {
    BRISK_CURVE_POINTS = 7
};

struct brisk_curve_point {
    double times;     /* of the size in question: 1/8, 1/4, 1/2, 1, 2, 4, 8 */
    uint64_t entries; /* at least 1 */
    double miss_ratio;
};

/* What a curve says about a size. */
struct brisk_curve_reading {
    size_t size; /* set by the caller to sizeof(struct brisk_curve_reading) */

    uint64_t entries; /* the size in question; 0: it is not known yet */
    double miss_ratio;
    struct brisk_curve_point points[BRISK_CURVE_POINTS];

    /* 200 keys or fewer are followed: the curve is a guess. */
    bool has_low_confidence;
    uint64_t requests;
    uint64_t sampled_requests;
    uint64_t sampled_keys; /* that are followed now */
    uint64_t unique_keys;  /* estimate of the different keys so far */
    double sample_rate;    /* share of the keys that are followed */
    uint64_t memory_bytes; /* that the curve takes */
};

/* Fills the first reading->size bytes. */
BRISK_API void brisk_curve_read(
    const struct brisk_curve *curve, uint64_t entries, struct brisk_curve_reading *reading)
    BRISK_NONNULL(1, 3);

/*
 * A reading as lines of text, such as "2x the size: -7 points", with a final '\0'
 * that *length does not count. BRISK_ERR_SHORT_BUFFER: *length + 1 bytes are
 * needed; nothing was written.
 */
BRISK_API enum brisk_status brisk_curve_write_text(
    const struct brisk_curve_reading *reading, char *buffer, size_t capacity, size_t *length)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 4);

BRISK_END

#endif
