/* SPDX-License-Identifier: Apache-2.0 */
#include "zerocopy/buffer.h"

#include "tests/support/brisk_test.h"
#include "zerocopy/adopted.h"

static void the_bytes_of_a_new_buffer_are_aligned_and_counted(void **state)
{
    (void)state;
    struct brisk_buffer *buffer = bk_buffer_new(100);

    assert_u64((uintptr_t)bk_buffer_data(buffer) % 8, 0);
    assert_size(buffer->held_bytes, sizeof *buffer + 100);
    assert_true(bk_buffer_is_unique(buffer));
    memset(bk_buffer_data(buffer), 1, 100);
    bk_buffer_release(buffer);
}

static void a_buffer_is_one_allocation(void **state)
{
    (void)state;
    uint64_t before = allocation_count();

    struct brisk_buffer *buffer = bk_buffer_new(1000);

    assert_u64(allocation_count() - before, 1);
    bk_buffer_release(buffer);
}

static void a_buffer_of_an_absurd_length_is_null(void **state)
{
    (void)state;
    static const volatile size_t lengths[] = {
        SIZE_MAX, SIZE_MAX - sizeof(struct brisk_buffer),
        SIZE_MAX - sizeof(struct brisk_buffer) + 1, PTRDIFF_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        assert_null(bk_buffer_new(lengths[i]));
}

static void a_view_takes_over_the_reference(void **state)
{
    (void)state;
    struct brisk_buffer *buffer = bk_buffer_new(5);
    uint8_t *data = bk_buffer_data(buffer);
    memcpy(data, "value", 5);

    struct brisk_view view = bk_view_of(buffer, data, 5);

    assert_true(bk_buffer_is_unique(buffer));
    assert_bytes(brisk_view_bytes(&view), brisk_bytes_text("value"));
    brisk_view_release(&view);
}

static void an_account_counts_a_buffer_until_its_last_view_goes(void **state)
{
    (void)state;
    struct bk_account *account = bk_account_new();
    struct brisk_buffer *buffer = bk_buffer_new(5);
    struct brisk_view view = bk_view_of(buffer, bk_buffer_data(buffer), 5);
    struct brisk_view slice;
    memset(bk_buffer_data(buffer), 'v', 5);
    assert_ok(brisk_view_slice(&slice, &view, 1, 1));

    assert_u64(bk_account_pinned_bytes(account), 0);
    bk_buffer_charge(buffer, account);
    assert_u64(bk_account_pinned_bytes(account), sizeof *buffer + 5);
    brisk_view_release(&view);
    assert_u64(bk_account_pinned_bytes(account), sizeof *buffer + 5);
    brisk_view_release(&slice);

    assert_u64(bk_account_pinned_bytes(account), 0);
    bk_account_release(account);
}

static void a_buffer_is_charged_to_the_first_account_only(void **state)
{
    (void)state;
    struct bk_account *first = bk_account_new(), *second = bk_account_new();
    struct brisk_buffer *buffer = bk_buffer_new(8);

    bk_buffer_charge(buffer, first);
    bk_buffer_charge(buffer, first);
    bk_buffer_charge(buffer, second);

    assert_u64(bk_account_pinned_bytes(first), buffer->held_bytes);
    assert_u64(bk_account_pinned_bytes(second), 0);
    bk_account_release(second);
    bk_buffer_release(buffer);
    assert_u64(bk_account_pinned_bytes(first), 0);
    bk_account_release(first);
}

static void an_account_lives_as_long_as_what_is_charged_to_it(void **state)
{
    (void)state;
    struct bk_account *account = bk_account_new();
    struct brisk_buffer *buffer = bk_buffer_new(8);
    bk_buffer_charge(buffer, account);

    bk_account_release(account);

    assert_u64(bk_account_pinned_bytes(account), buffer->held_bytes);
    bk_buffer_release(buffer);
}

static void nothing(void *data, size_t length, void *ctx)
{
    (void)data;
    (void)length;
    (void)ctx;
}

static void adopted_memory_counts_as_held(void **state)
{
    (void)state;
    static char text[1000];
    struct bk_account *account = bk_account_new();
    struct brisk_view view;
    assert_ok(brisk_view_adopt(&view, text, sizeof text, nothing, NULL));

    bk_buffer_charge(view.buffer, account);

    assert_u64(bk_account_pinned_bytes(account), sizeof(struct bk_adopted_buffer) + sizeof text);
    brisk_view_release(&view);
    assert_u64(bk_account_pinned_bytes(account), 0);
    bk_account_release(account);
}

static void an_account_without_memory_is_null(bool is_failing, void *ctx)
{
    (void)ctx;
    struct bk_account *account = bk_account_new();
    assert_true(account != NULL || is_failing);
    bk_account_release(account);
}

static void an_account_needs_memory(void **state)
{
    (void)state;
    for_each_allocation_failure(an_account_without_memory_is_null, NULL);
}

static void a_count_that_was_leaked_full_never_frees(void **state)
{
    (void)state;
    struct brisk_buffer *buffer = bk_buffer_new(8);
    atomic_store(&buffer->references, UINT32_MAX - 1);

    for (int i = 0; i < 10; i++)
        bk_buffer_retain(buffer);
    assert_true(atomic_load(&buffer->references) >= BK_BUFFER_SATURATED);
    for (int i = 0; i < 100; i++)
        bk_buffer_release(buffer);

    assert_true(atomic_load(&buffer->references) >= BK_BUFFER_SATURATED);
    atomic_store(&buffer->references, 1);
    bk_buffer_release(buffer);
}

struct shared {
    struct brisk_view view;
    _Atomic unsigned int released;
    struct bk_account *account;
};

static void count_release(void *data, size_t length, void *ctx)
{
    struct shared *shared = ctx;
    /* Plain writes: the last release must come after every other thread's reads. */
    memset(data, 0, length);
    atomic_fetch_add(&shared->released, 1);
}

static enum brisk_status slice_and_release(unsigned int index, void *ctx)
{
    struct shared *shared = ctx;
    struct brisk_view own = brisk_view_retain(&shared->view);
    for (unsigned int i = 0; i < scaled(20000); i++) {
        struct brisk_view slice;
        thread_expect(brisk_view_slice(&slice, &own, i % 60, 4) == BRISK_OK);
        thread_expect(slice.data[0] == 'x');
        if (i == 100 + index)
            bk_buffer_charge(slice.buffer, shared->account);
        brisk_view_release(&slice);
    }
    brisk_view_release(&own);
    return BRISK_OK;
}

static void many_threads_share_a_buffer_and_it_is_released_once(void **state)
{
    (void)state;
    static char text[64];
    memset(text, 'x', sizeof text);
    struct shared shared = {.account = bk_account_new()};
    assert_ok(brisk_view_adopt(&shared.view, text, sizeof text, count_release, &shared));

    run_threads(4, slice_and_release, &shared);

    assert_u64(shared.released, 0);
    brisk_view_release(&shared.view);
    assert_u64(shared.released, 1);
    assert_u64(bk_account_pinned_bytes(shared.account), 0);
    bk_account_release(shared.account);
}

struct handed {
    struct brisk_view views[4];
    _Atomic unsigned int released;
};

static void count_handed(void *data, size_t length, void *ctx)
{
    struct handed *handed = ctx;
    memset(data, 0, length);
    atomic_fetch_add(&handed->released, 1);
}

static enum brisk_status read_and_release(unsigned int index, void *ctx)
{
    struct handed *handed = ctx;
    bool was_right = handed->views[index].data[63] == 'x';
    brisk_view_release(&handed->views[index]);
    return was_right ? BRISK_OK : BRISK_ERR_CORRUPT;
}

static void the_last_of_several_threads_releases(void **state)
{
    (void)state;
    static char text[64];
    for (unsigned int round = 0; round < scaled(300); round++) {
        struct handed handed = {.released = 0};
        memset(text, 'x', sizeof text);
        assert_ok(brisk_view_adopt(&handed.views[0], text, sizeof text, count_handed, &handed));
        for (int i = 1; i < 4; i++)
            handed.views[i] = brisk_view_retain(&handed.views[0]);

        run_threads(4, read_and_release, &handed);

        assert_u64(handed.released, 1);
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(the_bytes_of_a_new_buffer_are_aligned_and_counted),
    cmocka_unit_test(a_buffer_is_one_allocation),
    cmocka_unit_test(a_buffer_of_an_absurd_length_is_null),
    cmocka_unit_test(a_view_takes_over_the_reference),
    cmocka_unit_test(an_account_counts_a_buffer_until_its_last_view_goes),
    cmocka_unit_test(a_buffer_is_charged_to_the_first_account_only),
    cmocka_unit_test(an_account_lives_as_long_as_what_is_charged_to_it),
    cmocka_unit_test(adopted_memory_counts_as_held), cmocka_unit_test(an_account_needs_memory),
    cmocka_unit_test(a_count_that_was_leaked_full_never_frees),
    cmocka_unit_test(many_threads_share_a_buffer_and_it_is_released_once),
    cmocka_unit_test(the_last_of_several_threads_releases))
