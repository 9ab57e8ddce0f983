/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_ARENA_H
#define BK_CACHE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/entry.h"
#include "cache/region.h"

/*
 * The blocks of one shard's entries: chunks of 64 KiB, each cut into blocks of
 * one size. Guarded by the shard's lock, but for readers of stale blocks.
 */
enum {
    BK_CHUNK_BYTES = 64 * 1024,
    BK_SIZE_CLASSES = 33 + 48,
    BK_ARENA_FINE_BYTES = 256,     /* up to here there is a size for every multiple of 8 */
    BK_ARENA_TOLERATED_CHUNKS = 1, /* so much may be free in each size */
    /* Readable behind the last chunk, because a stale reader may trust a wrong length. */
    BK_ARENA_GUARD_BYTES = 16 * 1024,
};

struct bk_chunk {
    uint32_t next, previous; /* among the chunks of its class that have room */
    uint32_t free_block;     /* a handle; the next one is in the block's first word */
    uint16_t live_count;
    uint16_t carved_count; /* blocks that were handed out at least once */
    uint16_t block_limit;
    uint8_t size_class;
    bool has_room;
};

struct bk_arena {
    struct bk_region region;
    struct bk_chunk *chunks; /* chunk 0 is not used: handle 0 is none */
    uint32_t chunk_count;
    uint32_t chunk_capacity;
    uint32_t unused_chunk; /* head of the chunks of no class, by `next` */
    uint32_t spare_chunk;  /* one empty chunk whose pages were kept, or 0 */
    uint32_t emptying_chunk;
    uint32_t with_room[BK_SIZE_CLASSES];
    uint32_t free_blocks[BK_SIZE_CLASSES];
    uint32_t live_blocks[BK_SIZE_CLASSES];
    size_t free_bytes;   /* in blocks that were used and are free now */
    uint32_t kept_block; /* the last one released: free, but still counted as live; or 0 */
};

bool bk_arena_init(struct bk_arena *arena, size_t wanted_bytes);
void bk_arena_free(struct bk_arena *arena);

/* What a block for `bytes` really takes. */
size_t bk_arena_coarse_block_bytes(size_t bytes);

static inline size_t bk_arena_block_bytes(size_t bytes)
{
    return bytes <= BK_ARENA_FINE_BYTES ? (bytes + 7) / 8 * 8 : bk_arena_coarse_block_bytes(bytes);
}

/* A handle, or 0 if there is no memory. The content is what the last owner left. */
uint32_t bk_arena_allocate(struct bk_arena *arena, size_t bytes);
void bk_arena_release(struct bk_arena *arena, uint32_t handle);

/*
 * Whether bk_arena_sparse_chunk may find one, at once: most of the time there is
 * little that is free.
 */
static inline bool bk_arena_may_be_sparse(const struct bk_arena *arena)
{
    return arena->free_bytes >= BK_ARENA_TOLERATED_CHUNKS * (size_t)BK_CHUNK_BYTES;
}

/* Whether every chunk has been used that there is address space for. */
static inline bool bk_arena_is_exhausted(const struct bk_arena *arena)
{
    size_t end = ((size_t)arena->chunk_count + 1) * BK_CHUNK_BYTES + BK_ARENA_GUARD_BYTES;
    return end > arena->region.reserved_bytes;
}

/*
 * A chunk that should be emptied by moving its live blocks elsewhere, because of
 * the blocks of this size more than a quarter are free, or a chunk's worth where
 * no more chunks can be had; 0 if there is none.
 */
uint32_t bk_arena_sparse_chunk(struct bk_arena *arena, size_t block_bytes);

/*
 * Emptying a chunk: hold it back from allocation, then allocate and release for
 * each live block. `bk_arena_next_live` walks them; 0 ends.
 */
void bk_arena_begin_emptying(struct bk_arena *arena, uint32_t chunk);
uint32_t bk_arena_next_live(const struct bk_arena *arena, uint32_t chunk, uint32_t after);
void bk_arena_end_emptying(struct bk_arena *arena, uint32_t chunk);

/* Releases every block at once. */
void bk_arena_clear(struct bk_arena *arena);

#endif
