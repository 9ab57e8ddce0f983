/* SPDX-License-Identifier: Apache-2.0 */
/* Limits that change while the cache is in use. */
#include "tests/cache/cache_support.h"

static void resize_evicts_at_once_and_lets_grow_again(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = new_cache_of(every_policy[i], 1000);
        for (uint64_t k = 0; k < 1000; k++)
            set_number(cache, k);
        assert_ok(brisk_cache_resize(cache, 100, 0, 0));
        assert_u64(stats_of(cache).entries, 100);
        assert_u64(stats_of(cache).max_entries, 100);
        assert_u64(stats_of(cache).evicted_capacity, 900);
        assert_ok(brisk_cache_resize(cache, 500, 0, 0));
        for (uint64_t k = 0; k < 2000; k++)
            set_number(cache, k);
        assert_u64(stats_of(cache).entries, 500);
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

/* An index that has shrunk must be able to grow: from nothing to many, twice. */
static void an_empty_cache_that_was_resized_takes_entries_again(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = new_cache_of(every_policy[i], 200);
        for (int round = 0; round < 2; round++) {
            assert_ok(brisk_cache_resize(cache, 200, 0, 0));
            for (uint64_t k = 0; k < 200; k++)
                set_number(cache, k);
            for (uint64_t k = 0; k < 200; k++)
                assert_ok(brisk_cache_contains(cache, number_key(&k)));
            brisk_cache_clear(cache);
        }
        brisk_cache_free(cache);
    }
}

static void resize_to_no_limit_at_all_is_invalid(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_DEFAULT, 10);
    assert_status(brisk_cache_resize(cache, 0, 0, 0), BRISK_ERR_INVALID);
    assert_status(brisk_cache_resize(cache, 0, 0, 5), BRISK_ERR_INVALID); /* it does not weigh */
    assert_u64(stats_of(cache).max_entries, 10);
    assert_ok(brisk_cache_resize(cache, 0, 1 << 20, 0));
    assert_u64(stats_of(cache).max_entries, 0);
    assert_u64(stats_of(cache).max_bytes, 1 << 20);
    for (uint64_t k = 0; k < 100; k++)
        set_number(cache, k);
    assert_u64(stats_of(cache).entries, 100);
    brisk_cache_free(cache);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(resize_evicts_at_once_and_lets_grow_again),
    cmocka_unit_test(an_empty_cache_that_was_resized_takes_entries_again),
    cmocka_unit_test(resize_to_no_limit_at_all_is_invalid))
