/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/arena.h"

#include "base/memory.h"

enum {
    HANDLES_PER_CHUNK = BK_CHUNK_BYTES / 8,
    /* A class keeps up to this share of its blocks free before it gives chunks back. */
    FREE_SHARE_DIVISOR = 4,
};

/*
 * Every 8 bytes up to 256, then eight steps per doubling: what a block wastes is
 * below an eighth, and nothing at all in the range where entries are many.
 */
static unsigned int class_of(size_t bytes)
{
    if (bytes <= BK_ARENA_FINE_BYTES)
        return (unsigned int)((bytes + 7) / 8);
    unsigned int doubling = 63U - (unsigned int)__builtin_clzll(bytes - 1);
    unsigned int step = (unsigned int)((bytes - 1) >> (doubling - 3)) & 7;
    return 33 + (doubling - 8) * 8 + step;
}

static size_t class_bytes(unsigned int size_class)
{
    if (size_class < 33)
        return (size_t)size_class * 8;
    unsigned int doubling = 8 + (size_class - 33) / 8;
    return ((size_t)8 + (size_class - 33) % 8 + 1) << (doubling - 3);
}

size_t bk_arena_coarse_block_bytes(size_t bytes)
{
    return class_bytes(class_of(bytes));
}

bool bk_arena_init(struct bk_arena *arena, size_t wanted_bytes)
{
    *arena = (struct bk_arena){.chunk_count = 1};
    /* Chunk 0 is mapped from the start: empty slots of the index point there. */
    return bk_region_reserve(
               &arena->region, wanted_bytes, 16 * (size_t)BK_CHUNK_BYTES, BK_CHUNK_BYTES) &&
           bk_region_grow(&arena->region, BK_CHUNK_BYTES);
}

void bk_arena_free(struct bk_arena *arena)
{
    bk_region_free(&arena->region);
    bk_free(arena->chunks);
    arena->chunks = NULL;
}

static bool reserve_chunk_record(struct bk_arena *arena)
{
    if (arena->chunk_count < arena->chunk_capacity)
        return true;
    uint32_t capacity = arena->chunk_capacity == 0 ? 8 : arena->chunk_capacity * 2;
    struct bk_chunk *chunks = bk_realloc(arena->chunks, capacity * sizeof *chunks);
    if (chunks == NULL)
        return false;
    arena->chunks = chunks;
    arena->chunk_capacity = capacity;
    return true;
}

/* Chunk 1 begins at a huge page's address; chunk 0 never holds anything. */
static void collapse_before(struct bk_arena *arena, uint32_t chunk)
{
    size_t begin = ((size_t)chunk - 1) * BK_CHUNK_BYTES;
    if (chunk > 1 && begin % BK_HUGE_PAGE_BYTES == 0)
        bk_region_collapse(&arena->region, begin + BK_CHUNK_BYTES - BK_HUGE_PAGE_BYTES);
}

/* The number of a chunk that no class uses, or 0. */
static uint32_t take_chunk(struct bk_arena *arena)
{
    uint32_t chunk = arena->spare_chunk;
    if (chunk != 0) {
        arena->spare_chunk = 0;
        return chunk;
    }
    chunk = arena->unused_chunk;
    if (chunk != 0) {
        arena->unused_chunk = arena->chunks[chunk].next;
        return chunk;
    }
    size_t end = ((size_t)arena->chunk_count + 1) * BK_CHUNK_BYTES + BK_ARENA_GUARD_BYTES;
    if (!reserve_chunk_record(arena) || !bk_region_grow(&arena->region, end))
        return 0;
    collapse_before(arena, arena->chunk_count);
    return arena->chunk_count++;
}

static void link_with_room(struct bk_arena *arena, uint32_t number)
{
    struct bk_chunk *chunk = &arena->chunks[number];
    uint32_t *head = &arena->with_room[chunk->size_class];
    chunk->has_room = true;
    chunk->previous = 0;
    chunk->next = *head;
    if (*head != 0)
        arena->chunks[*head].previous = number;
    *head = number;
}

static void unlink_with_room(struct bk_arena *arena, uint32_t number)
{
    struct bk_chunk *chunk = &arena->chunks[number];
    chunk->has_room = false;
    if (chunk->previous != 0)
        arena->chunks[chunk->previous].next = chunk->next;
    else
        arena->with_room[chunk->size_class] = chunk->next;
    if (chunk->next != 0)
        arena->chunks[chunk->next].previous = chunk->previous;
}

static uint32_t add_chunk(struct bk_arena *arena, unsigned int size_class)
{
    uint32_t number = take_chunk(arena);
    if (number == 0)
        return 0;
    arena->chunks[number] = (struct bk_chunk){
        .size_class = (uint8_t)size_class,
        .block_limit = (uint16_t)(BK_CHUNK_BYTES / class_bytes(size_class)),
    };
    link_with_room(arena, number);
    return number;
}

uint32_t bk_arena_allocate(struct bk_arena *arena, size_t bytes)
{
    unsigned int size_class = class_of(bytes);
    uint32_t kept = arena->kept_block;
    if (kept != 0 && arena->chunks[kept / HANDLES_PER_CHUNK].size_class == size_class) {
        arena->kept_block = 0;
        return kept;
    }
    uint32_t number = arena->with_room[size_class];
    if (number == 0 && (number = add_chunk(arena, size_class)) == 0)
        return 0;

    struct bk_chunk *chunk = &arena->chunks[number];
    uint32_t handle = chunk->free_block;
    if (handle != 0) {
        chunk->free_block = bk_load32(&bk_entry_at(arena->region.base, handle)->prev);
        arena->free_blocks[size_class]--;
        arena->free_bytes -= class_bytes(size_class);
    } else {
        handle = number * HANDLES_PER_CHUNK +
                 chunk->carved_count++ * (uint32_t)(class_bytes(size_class) / 8);
        bk_store32(&bk_entry_at(arena->region.base, handle)->meta, 0); /* of the chunk's last use */
    }
    arena->live_blocks[size_class]++;
    if (++chunk->live_count == chunk->block_limit)
        unlink_with_room(arena, number);
    return handle;
}

/*
 * An empty chunk leaves its class. The last one keeps its pages for the next
 * class that asks, so that a cache of a handful of entries does not map and
 * unmap a page with every store.
 */
static void retire_chunk(struct bk_arena *arena, uint32_t number)
{
    struct bk_chunk *chunk = &arena->chunks[number];
    if (chunk->has_room)
        unlink_with_room(arena, number);
    arena->free_blocks[chunk->size_class] -= chunk->carved_count;
    arena->free_bytes -= chunk->carved_count * class_bytes(chunk->size_class);

    if (arena->spare_chunk == 0) {
        arena->spare_chunk = number;
        return;
    }
    bk_region_discard(&arena->region, (size_t)number * BK_CHUNK_BYTES, BK_CHUNK_BYTES);
    chunk->next = arena->unused_chunk;
    arena->unused_chunk = number;
}

static void settle_chunk(struct bk_arena *arena, uint32_t number)
{
    if (arena->chunks[number].live_count == 0)
        retire_chunk(arena, number);
    else if (!arena->chunks[number].has_room)
        link_with_room(arena, number);
}

static void give_back(struct bk_arena *arena, uint32_t handle)
{
    uint32_t number = handle / HANDLES_PER_CHUNK;
    struct bk_chunk *chunk = &arena->chunks[number];
    bk_store32(&bk_entry_at(arena->region.base, handle)->prev, chunk->free_block);
    chunk->free_block = handle;
    chunk->live_count--;
    arena->live_blocks[chunk->size_class]--;
    arena->free_blocks[chunk->size_class]++;
    arena->free_bytes += class_bytes(chunk->size_class);
    if (number != arena->emptying_chunk)
        settle_chunk(arena, number);
}

/*
 * One block is kept back: in a full cache the next one that is wanted has its
 * size, and most of what a store does here is saved.
 */
void bk_arena_release(struct bk_arena *arena, uint32_t handle)
{
    bk_store32(&bk_entry_at(arena->region.base, handle)->meta, 0);
    if (arena->emptying_chunk == 0) {
        uint32_t kept = arena->kept_block;
        arena->kept_block = handle;
        handle = kept;
    }
    if (handle != 0)
        give_back(arena, handle);
}

static void give_back_kept(struct bk_arena *arena)
{
    uint32_t kept = arena->kept_block;
    arena->kept_block = 0;
    if (kept != 0)
        give_back(arena, kept);
}

uint32_t bk_arena_sparse_chunk(struct bk_arena *arena, size_t block_bytes)
{
    give_back_kept(arena);
    unsigned int size_class = class_of(block_bytes);
    uint32_t per_chunk = BK_CHUNK_BYTES / (uint32_t)class_bytes(size_class);
    uint32_t free_blocks = arena->free_blocks[size_class];
    uint32_t tolerated = BK_ARENA_TOLERATED_CHUNKS * per_chunk;
    uint32_t share = arena->live_blocks[size_class] / (FREE_SHARE_DIVISOR - 1);
    if (free_blocks < tolerated || (free_blocks < share && !bk_arena_is_exhausted(arena)))
        return 0;

    uint32_t best = 0;
    for (uint32_t n = arena->with_room[size_class]; n != 0; n = arena->chunks[n].next)
        if (best == 0 || arena->chunks[n].live_count < arena->chunks[best].live_count)
            best = n;
    return best;
}

void bk_arena_begin_emptying(struct bk_arena *arena, uint32_t chunk)
{
    unlink_with_room(arena, chunk);
    arena->emptying_chunk = chunk;
}

uint32_t bk_arena_next_live(const struct bk_arena *arena, uint32_t chunk, uint32_t after)
{
    const struct bk_chunk *record = &arena->chunks[chunk];
    uint32_t step = (uint32_t)(class_bytes(record->size_class) / 8);
    uint32_t first = chunk * HANDLES_PER_CHUNK;
    uint32_t end = first + record->carved_count * step;
    for (uint32_t handle = after == 0 ? first : after + step; handle < end; handle += step)
        if (bk_load32(&bk_entry_at(arena->region.base, handle)->meta) != 0)
            return handle;
    return 0;
}

void bk_arena_end_emptying(struct bk_arena *arena, uint32_t chunk)
{
    arena->emptying_chunk = 0;
    settle_chunk(arena, chunk);
}

void bk_arena_clear(struct bk_arena *arena)
{
    struct bk_region region = arena->region;
    struct bk_chunk *chunks = arena->chunks;
    uint32_t capacity = arena->chunk_capacity;
    bk_region_discard(&region, 0, region.usable_bytes);
    *arena = (struct bk_arena){
        .region = region, .chunks = chunks, .chunk_capacity = capacity, .chunk_count = 1};
}
