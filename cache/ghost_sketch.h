/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_GHOST_SKETCH_H
#define BK_CACHE_GHOST_SKETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Keys that were evicted, and from which queue, in one byte each: a bit for the
 * queue and seven bits of the hash. Two of them share a bucket, where a newcomer
 * pushes the older one out.
 *
 * It errs on both sides, and both are harmless to a policy that takes a ghost as
 * a hint. A key that never was here is found once in 64 lookups. And a bucket
 * forgets in its own time: of as many keys as there are bytes, added one after
 * the other, about a quarter has been pushed out.
 *
 * Guarded by the shard's lock.
 */
enum bk_origin {
    BK_ORIGIN_NONE, /* not known */
    BK_ORIGIN_SMALL,
    BK_ORIGIN_MAIN
};

struct bk_ghost_sketch {
    uint16_t *buckets; /* the newer byte is the lower one; 0: empty */
    uint32_t bucket_count;
    uint32_t small_count, main_count; /* bytes in use, by origin */
};

/* Room for `capacity` keys. False if there is no memory. */
bool bk_ghost_sketch_init(struct bk_ghost_sketch *sketch, uint64_t capacity);
/* Starts anew with room for `capacity` keys if that is another number of buckets. */
void bk_ghost_sketch_resize(struct bk_ghost_sketch *sketch, uint64_t capacity);
void bk_ghost_sketch_free(struct bk_ghost_sketch *sketch);
void bk_ghost_sketch_clear(struct bk_ghost_sketch *sketch);
void bk_ghost_sketch_add(struct bk_ghost_sketch *sketch, uint64_t hash, enum bk_origin origin);
/*
 * Where it came from; it is forgotten. `is_late`: the other key in its bucket came
 * after it. With a third of the capacity added since, that is as likely as not.
 */
enum bk_origin bk_ghost_sketch_take(struct bk_ghost_sketch *sketch, uint64_t hash, bool *is_late);

static inline size_t bk_ghost_sketch_bytes(const struct bk_ghost_sketch *sketch)
{
    return sketch->bucket_count * sizeof *sketch->buckets;
}

#endif
