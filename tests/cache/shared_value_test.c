/* SPDX-License-Identifier: Apache-2.0 */
/* Values that the cache shares with its callers, and who keeps them alive. */
#include "tests/cache/cache_support.h"

static void set_view_shares_the_callers_memory(void **state)
{
    (void)state;
    static char bytes[4000];
    unsigned int released = 0;
    memset(bytes, 'f', sizeof bytes);
    struct brisk_view mine, got;
    assert_ok(brisk_view_adopt(&mine, bytes, sizeof bytes, count_release, &released));
    struct brisk_cache *cache = new_cache(NULL);
    assert_ok(brisk_cache_set_view(cache, text("key"), &mine, NULL));
    brisk_view_release(&mine);
    assert_u64(released, 0);
    assert_true(stats_of(cache).bytes >= sizeof bytes);

    assert_ok(brisk_cache_get(cache, text("key"), &got));
    assert_ptr_equal(got.data, bytes);
    brisk_cache_free(cache);
    assert_u64(released, 0);
    assert_int_equal(got.data[3999], 'f');
    brisk_view_release(&got);
    assert_u64(released, 1);
}

static void views_outlive_their_entry_and_the_cache(void **state)
{
    (void)state;
    static uint8_t large[5000];
    memset(large, 'L', sizeof large);
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_DEFAULT, 1);
    struct brisk_view small_view, large_view;
    set_text(cache, "small", "bytes");
    assert_ok(brisk_cache_get(cache, text("small"), &small_view));
    assert_ok(brisk_cache_set(cache, text("large"), brisk_bytes_of(large, sizeof large), NULL));
    assert_ok(brisk_cache_get(cache, text("large"), &large_view));
    assert_u64(stats_of(cache).pinned_bytes, 0);
    assert_ok(brisk_cache_delete(cache, text("large")));
    assert_true(stats_of(cache).pinned_bytes >= sizeof large);
    brisk_cache_free(cache);

    assert_bytes(brisk_view_bytes(&small_view), text("bytes"));
    assert_bytes(brisk_view_bytes(&large_view), brisk_bytes_of(large, sizeof large));
    brisk_view_release(&small_view);
    brisk_view_release(&large_view);
}

static void a_borrowed_view_is_stored_without_a_copy(void **state)
{
    (void)state;
    static const char bytes[5000] = "these bytes stay where they are";
    struct brisk_cache *cache = new_cache(NULL);
    for (size_t length = 1; length <= sizeof bytes; length += 1023) {
        struct brisk_view view = brisk_view_borrow(brisk_bytes_of(bytes, length)), got;
        assert_ok(brisk_cache_set_view(cache, text("key"), &view, NULL));
        assert_true(stats_of(cache).bytes >= length);
        assert_ok(brisk_cache_get(cache, text("key"), &got));
        assert_ptr_equal(got.data, bytes);
        assert_size(got.length, length);
        brisk_view_release(&got);
    }
    brisk_cache_free(cache);
}

/* However little of it is shown. */
static void a_slice_counts_with_all_that_it_keeps_alive(void **state)
{
    (void)state;
    static char bytes[20000];
    unsigned int released = 0;
    struct brisk_cache_options options = brisk_cache_options_default();
    options.max_bytes = 50000;
    struct brisk_cache *cache = new_cache(&options);
    struct brisk_view whole, slice;
    assert_ok(brisk_view_adopt(&whole, bytes, sizeof bytes, count_release, &released));
    assert_ok(brisk_view_slice(&slice, &whole, 100, 5));
    brisk_view_release(&whole);
    assert_ok(brisk_cache_set_view(cache, text("key"), &slice, NULL));
    assert_true(stats_of(cache).bytes >= sizeof bytes);

    assert_ok(brisk_cache_resize(cache, 0, sizeof bytes, 0));
    assert_status(has(cache, "key"), BRISK_MISS);
    assert_status(brisk_cache_set_view(cache, text("key"), &slice, NULL), BRISK_ERR_TOO_BIG);
    assert_u64(released, 0);
    brisk_view_release(&slice);
    assert_u64(released, 1);
    brisk_cache_free(cache);
}

static void a_view_that_is_not_stored_stays_the_callers_alone(void **state)
{
    (void)state;
    static char bytes[3000];
    unsigned int released = 0;
    struct brisk_entry_options wrong = brisk_entry_options_default();
    struct brisk_cache_options options = brisk_cache_options_default();
    struct brisk_view view;
    wrong.size = 1;
    options.max_bytes = 2000;
    struct brisk_cache *cache = new_cache(&options);
    assert_ok(brisk_view_adopt(&view, bytes, sizeof bytes, count_release, &released));

    assert_status(brisk_cache_set_view(cache, text("key"), &view, NULL), BRISK_ERR_TOO_BIG);
    assert_status(brisk_cache_set_view(cache, text("key"), &view, &wrong), BRISK_ERR_INVALID);
    assert_status(brisk_cache_set_view(cache, text(""), &view, NULL), BRISK_ERR_INVALID);

    assert_ptr_equal(view.data, bytes);
    assert_u64(released, 0);
    brisk_view_release(&view);
    assert_u64(released, 1);
    brisk_cache_free(cache);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(set_view_shares_the_callers_memory),
    cmocka_unit_test(views_outlive_their_entry_and_the_cache),
    cmocka_unit_test(a_borrowed_view_is_stored_without_a_copy),
    cmocka_unit_test(a_slice_counts_with_all_that_it_keeps_alive),
    cmocka_unit_test(a_view_that_is_not_stored_stays_the_callers_alone))
