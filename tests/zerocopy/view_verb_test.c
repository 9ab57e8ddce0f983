/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/cache.h>

#include "tests/support/brisk_test.h"
#include "zerocopy/buffer.h"

static void count_release(void *data, size_t length, void *ctx)
{
    (void)data;
    (void)length;
    (*(unsigned int *)ctx)++;
}

static struct brisk_view copy_of(const char *text)
{
    struct brisk_view view;
    assert_ok(brisk_view_copy(&view, brisk_bytes_text(text)));
    return view;
}

static void assert_text(const struct brisk_view *view, const char *text)
{
    assert_bytes(brisk_view_bytes(view), brisk_bytes_text(text));
}

static void split_cuts_a_view_in_two_that_share_the_memory(void **state)
{
    (void)state;
    struct brisk_view view = copy_of("header,body");
    const uint8_t *data = view.data;
    struct brisk_view front;

    assert_ok(brisk_view_split(&view, 7, &front));

    assert_text(&front, "header,");
    assert_text(&view, "body");
    assert_ptr_equal(front.data, data);
    assert_ptr_equal(view.data, data + 7);
    brisk_view_release(&view);
    assert_text(&front, "header,");
    brisk_view_release(&front);
}

static void split_at_an_edge_leaves_one_side_empty(void **state)
{
    (void)state;
    struct brisk_view view = copy_of("abc");
    struct brisk_view front;

    assert_ok(brisk_view_split(&view, 0, &front));
    assert_null(front.buffer);
    assert_text(&view, "abc");
    assert_ok(brisk_view_split(&view, 3, &front));
    assert_null(view.buffer);
    assert_text(&front, "abc");

    brisk_view_release(&front);
}

static void split_beyond_the_end_changes_nothing(void **state)
{
    (void)state;
    struct brisk_view view = copy_of("abc");
    struct brisk_view front;

    assert_status(brisk_view_split(&view, 4, &front), BRISK_ERR_INVALID);
    assert_null(front.data);
    assert_status(brisk_view_split(&view, 1, &view), BRISK_ERR_INVALID);

    assert_text(&view, "abc");
    brisk_view_release(&view);
}

static void advance_and_truncate_drop_from_both_ends(void **state)
{
    (void)state;
    struct brisk_view view = copy_of("[body]");

    assert_ok(brisk_view_advance(&view, 1));
    assert_ok(brisk_view_truncate(&view, 4));

    assert_text(&view, "body");
    assert_status(brisk_view_advance(&view, 5), BRISK_ERR_INVALID);
    assert_status(brisk_view_truncate(&view, 5), BRISK_ERR_INVALID);
    assert_text(&view, "body");
    brisk_view_release(&view);
}

static void a_view_that_loses_its_last_byte_lets_go(void **state)
{
    (void)state;
    char text[] = "abc";
    unsigned int released = 0;
    struct brisk_view view;

    assert_ok(brisk_view_adopt(&view, text, 3, count_release, &released));
    assert_ok(brisk_view_advance(&view, 3));
    assert_u64(released, 1);
    assert_ok(brisk_view_adopt(&view, text, 3, count_release, &released));
    assert_ok(brisk_view_truncate(&view, 0));
    assert_u64(released, 2);
    assert_null(view.buffer);
}

static void the_only_view_is_written_to_in_place(void **state)
{
    (void)state;
    struct brisk_view view = copy_of("abc");
    uint64_t allocations = allocation_count();
    uint8_t *data;

    assert_ok(brisk_view_make_mutable(&view, &data));
    data[0] = 'x';

    assert_u64(allocation_count(), allocations);
    assert_text(&view, "xbc");
    brisk_view_release(&view);
}

static void a_shared_view_is_copied_before_it_is_written_to(void **state)
{
    (void)state;
    struct brisk_view view = copy_of("abc");
    struct brisk_view other = brisk_view_retain(&view);
    uint8_t *data;

    assert_ok(brisk_view_make_mutable(&view, &data));
    data[0] = 'x';

    assert_text(&view, "xbc");
    assert_text(&other, "abc");
    brisk_view_release(&view);
    brisk_view_release(&other);
}

static void foreign_memory_is_written_to_only_if_its_owner_said_so(void **state)
{
    (void)state;
    char text[] = "abc";
    unsigned int released = 0;
    struct brisk_view view;
    uint8_t *data;

    assert_ok(brisk_view_adopt(&view, text, 3, count_release, &released));
    assert_ok(brisk_view_make_mutable(&view, &data));
    assert_u64(released, 1);
    data[0] = 'x';
    assert_string_equal(text, "abc");
    brisk_view_release(&view);

    assert_ok(brisk_view_adopt_as(&view, text, 3, BRISK_ADOPT_WRITABLE, count_release, &released));
    assert_ok(brisk_view_make_mutable(&view, &data));
    data[0] = 'x';
    assert_string_equal(text, "xbc");
    brisk_view_release(&view);
    assert_u64(released, 2);
}

static void static_text_is_copied_before_it_is_written_to(void **state)
{
    (void)state;
    struct brisk_view view = brisk_view_borrow(brisk_bytes_text("static"));
    uint8_t *data;

    assert_ok(brisk_view_make_mutable(&view, &data));
    data[0] = 'x';

    assert_text(&view, "xtatic");
    brisk_view_release(&view);
    assert_ok(brisk_view_make_mutable(&view, &data));
    assert_null(data);
}

static void a_view_says_how_much_it_pins(void **state)
{
    (void)state;
    struct brisk_view view = copy_of("0123456789");
    struct brisk_view part;
    struct brisk_view borrowed = brisk_view_borrow(brisk_bytes_text("abc"));

    assert_ok(brisk_view_slice(&part, &view, 0, 1));

    assert_size(brisk_view_pinned_bytes(&part), 10 + sizeof(struct brisk_buffer));
    assert_size(brisk_view_pinned_bytes(&borrowed), 0);
    brisk_view_release(&part);
    brisk_view_release(&view);
    assert_size(brisk_view_pinned_bytes(&view), 0);
}

static void compact_lets_go_of_a_large_buffer_for_a_small_slice(void **state)
{
    (void)state;
    static char large[100000] = "slice";
    unsigned int released = 0;
    struct brisk_view view;

    assert_ok(brisk_view_adopt(&view, large, sizeof large, count_release, &released));
    assert_ok(brisk_view_truncate(&view, 5));
    assert_ok(brisk_view_compact(&view, 200000));
    assert_u64(released, 0);
    assert_ok(brisk_view_compact(&view, 1000));

    assert_u64(released, 1);
    assert_text(&view, "slice");
    assert_true(brisk_view_pinned_bytes(&view) < 100);
    brisk_view_release(&view);
}

static void local_memory_is_counted_and_released_once(void **state)
{
    (void)state;
    char text[] = "abcdef";
    unsigned int released = 0;
    struct brisk_view view, part, other;

    assert_ok(brisk_view_adopt_as(&view, text, 6, BRISK_ADOPT_LOCAL, count_release, &released));
    assert_ok(brisk_view_slice(&part, &view, 2, 2));
    other = brisk_view_retain(&part);
    brisk_view_release(&view);
    brisk_view_release(&part);
    assert_u64(released, 0);
    assert_text(&other, "cd");
    brisk_view_release(&other);

    assert_u64(released, 1);
}

static void a_local_count_that_was_leaked_full_never_frees(void **state)
{
    (void)state;
    char text[] = "abc";
    unsigned int released = 0;
    struct brisk_view view;
    assert_ok(brisk_view_adopt_as(&view, text, 3, BRISK_ADOPT_LOCAL, count_release, &released));
    struct brisk_buffer *buffer = view.buffer;
    atomic_store(&buffer->references, BK_BUFFER_SATURATED);

    struct brisk_view other = brisk_view_retain(&view);
    brisk_view_release(&other);
    brisk_view_release(&view);

    assert_u64(released, 0);
    bk_free(buffer);
}

static void adopting_with_an_unknown_flag_is_invalid(void **state)
{
    (void)state;
    char text[] = "abc";
    unsigned int released = 0;
    struct brisk_view view;

    assert_status(
        brisk_view_adopt_as(&view, text, 3, 8, count_release, &released), BRISK_ERR_INVALID);

    assert_u64(released, 0);
}

static enum brisk_status load_local(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    static char text[] = "local";
    (void)key;
    (void)entry;
    return brisk_view_adopt_as(out, text, 5, BRISK_ADOPT_LOCAL, count_release, ctx);
}

static void a_cache_refuses_local_memory(void **state)
{
    (void)state;
    char text[] = "abc";
    unsigned int released = 0;
    struct brisk_view view, out;
    struct brisk_cache *cache = brisk_cache_new(NULL, NULL);
    struct brisk_bytes key = brisk_bytes_text("key");
    assert_ok(brisk_view_adopt_as(&view, text, 3, BRISK_ADOPT_LOCAL, count_release, &released));

    assert_status(brisk_cache_set_view(cache, key, &view, NULL), BRISK_ERR_INVALID);
    assert_status(
        brisk_cache_get_or_load(cache, key, &out, load_local, &released), BRISK_ERR_INVALID);

    assert_u64(released, 1);
    assert_status(brisk_cache_get(cache, key, &out), BRISK_MISS);
    brisk_view_release(&view);
    brisk_cache_free(cache);
}

static void change_under_failing_allocations(bool is_failing, void *ctx)
{
    (void)ctx;
    char text[] = "abcdef";
    unsigned int released = 0;
    struct brisk_view view;
    uint8_t *data;
    enum brisk_status status = brisk_view_adopt_as(
        &view, text, 6, BRISK_ADOPT_LOCAL, count_release, &released);
    if (status == BRISK_OK) {
        assert_ok(brisk_view_advance(&view, 3));
        status = brisk_view_compact(&view, 0);
        assert_text(&view, "def");
    }
    if (status == BRISK_OK)
        assert_ok(brisk_view_make_mutable(&view, &data));
    assert_status(status, is_failing && status != BRISK_OK ? BRISK_ERR_NOMEM : BRISK_OK);
    brisk_view_release(&view);
}

static void a_view_stays_as_it_is_when_memory_runs_out(void **state)
{
    (void)state;
    for_each_allocation_failure(change_under_failing_allocations, NULL);
}

static void arguments_that_are_missing_are_invalid(void **state)
{
    (void)state;
    struct brisk_view view = {0};
    uint8_t *data;

    assert_status(brisk_view_split(NULL, 0, &view), BRISK_ERR_INVALID);
    assert_status(brisk_view_split(&view, 0, NULL), BRISK_ERR_INVALID);
    assert_status(brisk_view_advance(NULL, 0), BRISK_ERR_INVALID);
    assert_status(brisk_view_truncate(NULL, 0), BRISK_ERR_INVALID);
    assert_status(brisk_view_make_mutable(NULL, &data), BRISK_ERR_INVALID);
    assert_status(brisk_view_make_mutable(&view, NULL), BRISK_ERR_INVALID);
    assert_status(brisk_view_compact(NULL, 0), BRISK_ERR_INVALID);
    assert_size(brisk_view_pinned_bytes(NULL), 0);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(split_cuts_a_view_in_two_that_share_the_memory),
    cmocka_unit_test(split_at_an_edge_leaves_one_side_empty),
    cmocka_unit_test(split_beyond_the_end_changes_nothing),
    cmocka_unit_test(advance_and_truncate_drop_from_both_ends),
    cmocka_unit_test(a_view_that_loses_its_last_byte_lets_go),
    cmocka_unit_test(the_only_view_is_written_to_in_place),
    cmocka_unit_test(a_shared_view_is_copied_before_it_is_written_to),
    cmocka_unit_test(foreign_memory_is_written_to_only_if_its_owner_said_so),
    cmocka_unit_test(static_text_is_copied_before_it_is_written_to),
    cmocka_unit_test(a_view_says_how_much_it_pins),
    cmocka_unit_test(compact_lets_go_of_a_large_buffer_for_a_small_slice),
    cmocka_unit_test(local_memory_is_counted_and_released_once),
    cmocka_unit_test(a_local_count_that_was_leaked_full_never_frees),
    cmocka_unit_test(adopting_with_an_unknown_flag_is_invalid),
    cmocka_unit_test(a_cache_refuses_local_memory),
    cmocka_unit_test(a_view_stays_as_it_is_when_memory_runs_out),
    cmocka_unit_test(arguments_that_are_missing_are_invalid))
