/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_GHOST_H
#define BK_CACHE_GHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Keys that were evicted, oldest forgotten first: an exact queue of 64-bit
 * hashes with a hash table over it, 28 bytes per key. Guarded by the shard's lock.
 */
struct bk_ghost_key {
    uint64_t hash;
    uint32_t newer, older; /* in the queue; 0: none */
    uint32_t following;    /* in its chain, or among the unused */
};

struct bk_ghost {
    struct bk_ghost_key *keys; /* key 0 is not used */
    uint32_t *chains;
    uint32_t chain_mask;
    uint32_t capacity;
    uint32_t count;
    uint32_t carved;
    uint32_t unused;
    uint32_t newest, oldest;
};

bool bk_ghost_init(struct bk_ghost *ghost, uint64_t capacity);
void bk_ghost_free(struct bk_ghost *ghost);
void bk_ghost_clear(struct bk_ghost *ghost);
void bk_ghost_add(struct bk_ghost *ghost, uint64_t hash);
/* Whether it was there; it is not any more. */
bool bk_ghost_take(struct bk_ghost *ghost, uint64_t hash);

static inline uint32_t *bk_ghost_chain(const struct bk_ghost *ghost, uint64_t hash)
{
    return &ghost->chains[(hash ^ hash >> 32) & ghost->chain_mask];
}

/* What it takes with room for `capacity` keys. */
size_t bk_ghost_bytes_for(uint64_t capacity);

static inline size_t bk_ghost_bytes(const struct bk_ghost *ghost)
{
    if (ghost->keys == NULL)
        return 0;
    return (ghost->capacity + (size_t)1) * sizeof *ghost->keys +
           (ghost->chain_mask + (size_t)1) * sizeof *ghost->chains;
}

#endif
