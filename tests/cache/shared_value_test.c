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

BRISK_TEST_MAIN(
    cmocka_unit_test(set_view_shares_the_callers_memory),
    cmocka_unit_test(views_outlive_their_entry_and_the_cache))
