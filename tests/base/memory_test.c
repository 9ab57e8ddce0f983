/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include "tests/support/brisk_test.h"

struct counter {
    unsigned int allocated, reallocated, released;
    bool is_empty;
};

static void *count_allocate(size_t length, void *ctx)
{
    struct counter *counter = ctx;
    counter->allocated++;
    return counter->is_empty ? NULL : malloc(length);
}

static void *count_reallocate(void *memory, size_t length, void *ctx)
{
    struct counter *counter = ctx;
    counter->reallocated++;
    return counter->is_empty ? NULL : realloc(memory, length);
}

static void count_release(void *memory, void *ctx)
{
    struct counter *counter = ctx;
    counter->released++;
    free(memory);
}

static void use_counter(struct counter *counter)
{
    struct brisk_allocator hook = {count_allocate, count_reallocate, count_release, counter};
    assert_ok(brisk_set_allocator(&hook));
}

static void without_a_hook_memory_comes_from_malloc(void **state)
{
    (void)state;
    uint64_t before = allocation_count();

    void *memory = bk_malloc(10);
    memory = bk_realloc(memory, 1000);
    void *zeroed = bk_calloc(10, 10);

    assert_u64(allocation_count() - before, 3);
    assert_non_null(memory);
    assert_non_null(zeroed);
    bk_free(memory);
    bk_free(zeroed);
}

static void a_hook_gets_every_call_with_its_context(void **state)
{
    (void)state;
    struct counter counter = {0};
    use_counter(&counter);

    void *memory = bk_malloc(10);
    memory = bk_realloc(memory, 1000);
    void *zeroed = bk_calloc(10, 10);
    char *copy = bk_strdup("text");
    bk_free(memory);
    bk_free(zeroed);
    bk_free(copy);
    bk_free(NULL);

    assert_ok(brisk_set_allocator(NULL));
    assert_u64(counter.allocated, 3);
    assert_u64(counter.reallocated, 1);
    assert_u64(counter.released, 4);
}

static void a_view_takes_its_memory_from_the_hook(void **state)
{
    (void)state;
    struct counter counter = {0};
    use_counter(&counter);
    struct brisk_view view;

    assert_ok(brisk_view_copy(&view, brisk_bytes_text("value")));
    brisk_view_release(&view);

    assert_ok(brisk_set_allocator(NULL));
    assert_u64(counter.allocated, 1);
    assert_u64(counter.released, 1);
}

static void a_hook_without_memory_gives_null(void **state)
{
    (void)state;
    struct counter counter = {.is_empty = true};
    use_counter(&counter);

    void *memory = bk_malloc(10);
    void *zeroed = bk_calloc(10, 10);
    char *copy = bk_strdup("text");

    assert_ok(brisk_set_allocator(NULL));
    assert_null(memory);
    assert_null(zeroed);
    assert_null(copy);
}

static void calloc_zeroes_what_a_hook_gives(void **state)
{
    (void)state;
    struct counter counter = {0};
    use_counter(&counter);
    unsigned char *bytes = bk_malloc(64);
    memset(bytes, 0xff, 64);
    bk_free(bytes);

    bytes = bk_calloc(8, 8);

    assert_ok(brisk_set_allocator(NULL));
    for (int i = 0; i < 64; i++)
        assert_u64(bytes[i], 0);
    free(bytes);
}

static void calloc_of_more_than_there_are_addresses_gives_null(void **state)
{
    (void)state;
    struct counter counter = {0};
    use_counter(&counter);

    void *memory = bk_calloc(SIZE_MAX / 2, 3);

    assert_ok(brisk_set_allocator(NULL));
    assert_null(memory);
    assert_u64(counter.allocated, 0);
}

static void a_hook_that_lacks_a_function_is_refused(void **state)
{
    (void)state;
    const struct brisk_allocator incomplete[] = {
        {NULL, count_reallocate, count_release, NULL},
        {count_allocate, NULL, count_release, NULL},
        {count_allocate, count_reallocate, NULL, NULL}};
    struct counter counter = {0};
    use_counter(&counter);

    for (size_t i = 0; i < 3; i++)
        assert_status(brisk_set_allocator(&incomplete[i]), BRISK_ERR_INVALID);

    bk_free(bk_malloc(1));
    assert_u64(counter.allocated, 1);
    assert_ok(brisk_set_allocator(NULL));
}

static void aligned_memory_is_aligned_zeroed_and_freed_once(void **state)
{
    (void)state;
    struct counter counter = {0};
    use_counter(&counter);
    for (size_t alignment = 8; alignment <= 4096; alignment *= 2) {
        unsigned char *bytes = bk_aligned_calloc(alignment, 100);

        assert_u64((uintptr_t)bytes % alignment, 0);
        for (int i = 0; i < 100; i++)
            assert_u64(bytes[i], 0);
        memset(bytes, 0xff, 100);
        bk_aligned_free(bytes);
    }
    bk_aligned_free(NULL);

    assert_ok(brisk_set_allocator(NULL));
    assert_u64(counter.allocated, 10);
    assert_u64(counter.released, 10);
}

static void aligned_memory_of_an_absurd_length_is_null(void **state)
{
    (void)state;
    assert_null(bk_aligned_calloc(64, SIZE_MAX));
    assert_null(bk_aligned_calloc(64, SIZE_MAX - 64));
}

BRISK_TEST_MAIN(
    cmocka_unit_test(without_a_hook_memory_comes_from_malloc),
    cmocka_unit_test(a_hook_gets_every_call_with_its_context),
    cmocka_unit_test(a_view_takes_its_memory_from_the_hook),
    cmocka_unit_test(a_hook_without_memory_gives_null),
    cmocka_unit_test(calloc_zeroes_what_a_hook_gives),
    cmocka_unit_test(calloc_of_more_than_there_are_addresses_gives_null),
    cmocka_unit_test(a_hook_that_lacks_a_function_is_refused),
    cmocka_unit_test(aligned_memory_is_aligned_zeroed_and_freed_once),
    cmocka_unit_test(aligned_memory_of_an_absurd_length_is_null))
