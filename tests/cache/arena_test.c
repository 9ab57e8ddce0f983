/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of cache/arena.h against a list of them; the region that they lie in. */
#include <sys/mman.h>
#include <unistd.h>

#include "cache/arena.h"
#include "tests/support/brisk_test.h"

enum {
    BLOCKS = 4000,
    LARGEST_BLOCK = 16 + 8191 + 1023 + 64,
    ARENA_BYTES = 256 << 20,
};

struct block {
    uint32_t handle; /* 0: not in use */
    size_t bytes;
    uint8_t mark;
};

struct yard {
    struct bk_arena arena;
    struct block blocks[BLOCKS];
    struct test_random random;
    size_t largest;
};

static uint8_t *bytes_of(struct yard *yard, uint32_t handle)
{
    return yard->arena.region.base + (size_t)handle * 8;
}

/* A live block has a meta word that is not 0; the rest is the mark. */
static void paint(struct yard *yard, const struct block *block)
{
    memset(bytes_of(yard, block->handle), block->mark, block->bytes);
}

static void assert_painted(struct yard *yard, const struct block *block)
{
    const uint8_t *bytes = bytes_of(yard, block->handle);
    for (size_t i = 0; i < block->bytes; i++)
        assert_that(
            bytes[i] == block->mark, "block %u: byte %zu of %zu is %d, not %d", block->handle, i,
            block->bytes, bytes[i], block->mark);
}

static size_t random_bytes(struct yard *yard)
{
    size_t most = test_random_below(&yard->random, 4) == 0 ? yard->largest : 300;
    size_t bytes = 16 + test_random_below(&yard->random, most < 16 ? 1 : most - 15);
    return (bytes + 7) / 8 * 8;
}

static void allocate(struct yard *yard, struct block *block)
{
    block->bytes = random_bytes(yard);
    block->mark = (uint8_t)(1 + test_random_below(&yard->random, 255));
    block->handle = bk_arena_allocate(&yard->arena, block->bytes);
    assert_true(block->handle != 0);
    assert_true(bk_arena_block_bytes(block->bytes) >= block->bytes);
    assert_true((size_t)block->handle * 8 + block->bytes <= yard->arena.region.usable_bytes);
    paint(yard, block);
}

static void release(struct yard *yard, struct block *block)
{
    assert_painted(yard, block);
    bk_arena_release(&yard->arena, block->handle);
    block->handle = 0;
}

static struct block *find_block(struct yard *yard, uint32_t handle)
{
    for (size_t i = 0; i < BLOCKS; i++)
        if (yard->blocks[i].handle == handle)
            return &yard->blocks[i];
    assert_that(false, "block %u is live and nobody's", handle);
    return NULL;
}

/* As the cache does: every live block of a sparse chunk moves elsewhere. */
static void compact(struct yard *yard, size_t bytes)
{
    uint32_t chunk = bk_arena_sparse_chunk(&yard->arena, bytes);
    if (chunk == 0)
        return;
    bk_arena_begin_emptying(&yard->arena, chunk);
    uint32_t live = 0;
    while ((live = bk_arena_next_live(&yard->arena, chunk, live)) != 0) {
        struct block *block = find_block(yard, live);
        uint32_t fresh = bk_arena_allocate(&yard->arena, block->bytes);
        assert_true(fresh != 0 && fresh / (BK_CHUNK_BYTES / 8) != chunk);
        memcpy(bytes_of(yard, fresh), bytes_of(yard, live), block->bytes);
        bk_arena_release(&yard->arena, live);
        block->handle = fresh;
    }
    bk_arena_end_emptying(&yard->arena, chunk);
    assert_size(yard->arena.chunks[chunk].live_count, 0);
}

static int compare_handles(const void *a, const void *b)
{
    uint32_t left = ((const struct block *)a)->handle, right = ((const struct block *)b)->handle;
    return (left > right) - (left < right);
}

static void assert_apart(const struct yard *yard)
{
    static struct block sorted[BLOCKS];
    memcpy(sorted, yard->blocks, sizeof sorted);
    qsort(sorted, BLOCKS, sizeof sorted[0], compare_handles);
    for (size_t i = 1; i < BLOCKS; i++)
        if (sorted[i - 1].handle != 0)
            assert_true(sorted[i - 1].handle * 8 + sorted[i - 1].bytes <= sorted[i].handle * 8);
}

static void assert_counts(struct yard *yard)
{
    uint32_t live = 0, wanted = yard->arena.kept_block != 0;
    size_t free_bytes = 0;
    for (unsigned int c = 0; c < BK_SIZE_CLASSES; c++)
        live += yard->arena.live_blocks[c];
    for (size_t i = 0; i < BLOCKS; i++)
        wanted += yard->blocks[i].handle != 0;
    assert_u64(live, wanted);
    for (uint32_t n = 1; n < yard->arena.chunk_count; n++)
        assert_true(yard->arena.chunks[n].live_count <= yard->arena.chunks[n].block_limit);
    free_bytes = yard->arena.free_bytes;
    assert_true(free_bytes <= yard->arena.region.usable_bytes);
}

static struct yard *open_yard(size_t largest)
{
    static struct yard yard;
    memset(&yard, 0, sizeof yard);
    yard.random = test_random_new();
    yard.largest = largest;
    assert_true(bk_arena_init(&yard.arena, ARENA_BYTES));
    return &yard;
}

static void close_yard(struct yard *yard)
{
    for (size_t i = 0; i < BLOCKS; i++)
        if (yard->blocks[i].handle != 0)
            release(yard, &yard->blocks[i]);
    assert_counts(yard);
    assert_int_equal(bk_arena_sparse_chunk(&yard->arena, 8), 0); /* gives the kept block back */
    assert_size(yard->arena.free_bytes, 0);
    bk_arena_free(&yard->arena);
}

static void blocks_never_overlap_and_keep_their_bytes(void **state)
{
    (void)state;
    struct yard *yard = open_yard(LARGEST_BLOCK);
    for (unsigned int i = 0; i < scaled(300000); i++) {
        struct block *block = &yard->blocks[test_random_below(&yard->random, BLOCKS)];
        size_t bytes = block->bytes;
        if (block->handle == 0)
            allocate(yard, block);
        else
            release(yard, block);
        if (block->handle == 0 && i % 3 == 0)
            compact(yard, bytes);
        if (i % 20000 == 0)
            assert_apart(yard);
    }
    assert_apart(yard);
    assert_counts(yard);
    close_yard(yard);
}

/* Grows with small blocks, then with others in the same space. */
static void a_change_of_sizes_reuses_the_chunks(void **state)
{
    (void)state;
    struct yard *yard = open_yard(64);
    uint32_t chunks = 0;
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            struct block *block = &yard->blocks[i];
            block->bytes = (size_t)(round % 2 == 0 ? 256 : 1024);
            block->mark = 7;
            block->handle = bk_arena_allocate(&yard->arena, block->bytes);
            assert_true(block->handle != 0);
            paint(yard, block);
        }
        if (round == 1)
            chunks = yard->arena.chunk_count;
        for (size_t i = 0; i < BLOCKS; i++)
            release(yard, &yard->blocks[i]);
    }
    assert_u64(yard->arena.chunk_count, chunks);
    close_yard(yard);
}

/* With most blocks gone, what is left is moved together and chunks become free. */
static void sparse_chunks_can_be_emptied(void **state)
{
    (void)state;
    struct yard *yard = open_yard(64);
    for (size_t i = 0; i < BLOCKS; i++) {
        yard->blocks[i] = (struct block){.bytes = 200, .mark = (uint8_t)(1 + i % 255)};
        yard->blocks[i].handle = bk_arena_allocate(&yard->arena, 200);
        paint(yard, &yard->blocks[i]);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        if (i % 10 != 0)
            release(yard, &yard->blocks[i]);
    for (unsigned int i = 0; i < 100; i++)
        compact(yard, 200);
    assert_u64(bk_arena_sparse_chunk(&yard->arena, 200), 0);
    assert_true(yard->arena.free_bytes <= 3 * (size_t)BK_CHUNK_BYTES);
    assert_apart(yard);
    close_yard(yard);
}

static void an_arena_that_is_full_says_so_and_goes_on(void **state)
{
    (void)state;
    struct bk_arena arena;
    assert_true(bk_arena_init(&arena, 16 * (size_t)BK_CHUNK_BYTES));
    uint32_t last = 0, handle, count = 0;
    while ((handle = bk_arena_allocate(&arena, 4096)) != 0) {
        last = handle;
        count++;
    }
    assert_true(count >= 14 * 16);
    assert_u64(bk_arena_allocate(&arena, 64), 0);
    bk_arena_release(&arena, last);
    assert_u64(bk_arena_allocate(&arena, 4096), last);
    bk_arena_free(&arena);
}

static void block_sizes_waste_less_than_an_eighth(void **state)
{
    (void)state;
    for (size_t bytes = 16; bytes <= LARGEST_BLOCK; bytes += 8) {
        size_t block = bk_arena_block_bytes(bytes);
        assert_true(block >= bytes);
        assert_true(block % 8 == 0);
        assert_true(bytes > 256 ? (block - bytes) * 8 < bytes : block == bytes);
        assert_size(bk_arena_block_bytes(block), block);
    }
}

static void discarded_pages_read_as_zeros(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = 8 * page;
    for (int is_locked = 0; is_locked < 2; is_locked++) {
        struct bk_region region;
        assert_true(bk_region_reserve(&region, 1 << 20, bytes, 0));
        assert_true(bk_region_grow(&region, bytes));
        memset(region.base, 0xaa, bytes);
        /* As mlockall does for a whole process; then the kernel keeps the pages. */
        if (is_locked && mlock(region.base, bytes) != 0)
            print_message("mlock is not allowed here\n");
        bk_region_discard(&region, page, 6 * page);
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(region.base[i], i < page || i >= 7 * page ? 0xaa : 0);
        bk_region_free(&region);
    }
}

static void a_region_takes_less_address_space_where_there_is_less(void **state)
{
    (void)state;
    struct bk_region region;
    assert_true(bk_region_reserve(&region, SIZE_MAX / 4, 1 << 16, 0));
    assert_true(region.reserved_bytes >= 1 << 16);
    assert_true(!bk_region_grow(&region, region.reserved_bytes + 1));
    assert_true(bk_region_grow(&region, 1));
    region.base[0] = 1;
    bk_region_free(&region);
    assert_true(!bk_region_reserve(&region, SIZE_MAX / 4, SIZE_MAX / 8, 0));
    bk_region_free(&region);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(blocks_never_overlap_and_keep_their_bytes),
    cmocka_unit_test(a_change_of_sizes_reuses_the_chunks),
    cmocka_unit_test(sparse_chunks_can_be_emptied),
    cmocka_unit_test(an_arena_that_is_full_says_so_and_goes_on),
    cmocka_unit_test(block_sizes_waste_less_than_an_eighth),
    cmocka_unit_test(discarded_pages_read_as_zeros),
    cmocka_unit_test(a_region_takes_less_address_space_where_there_is_less))
