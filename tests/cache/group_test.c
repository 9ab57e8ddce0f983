/* SPDX-License-Identifier: Apache-2.0 */
/* Entries that are invalidated together. */
#include "tests/cache/cache_support.h"

static void a_group_is_invalidated_at_once(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_entry_options options = brisk_entry_options_default();
    for (uint64_t k = 0; k < 100; k++) {
        options.group = k % 4; /* 0 is none */
        assert_ok(brisk_cache_set(cache, number_key(&k), number_key(&k), &options));
    }
    brisk_cache_invalidate_group(cache, 2);
    brisk_cache_invalidate_group(cache, 0);
    brisk_cache_invalidate_group(cache, 77);
    assert_u64(stats_of(cache).entries, 100);
    for (uint64_t k = 0; k < 100; k++)
        assert_status(
            brisk_cache_contains(cache, number_key(&k)), k % 4 == 2 ? BRISK_MISS : BRISK_OK);
    for (uint64_t k = 0; k < 100; k++) {
        struct brisk_view view;
        assert_status(
            brisk_cache_get(cache, number_key(&k), &view), k % 4 == 2 ? BRISK_MISS : BRISK_OK);
        brisk_view_release(&view);
    }
    assert_u64(stats_of(cache).entries, 75);
    assert_u64(stats_of(cache).evicted_invalidated, 25);
    assert_balance(cache);
    brisk_cache_free(cache);
}

static void what_enters_a_group_after_its_invalidation_is_valid(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_entry_options options = brisk_entry_options_default();
    options.group = 5;
    for (int round = 0; round < 10; round++) {
        assert_ok(brisk_cache_set(cache, text("a"), text("1"), &options));
        assert_ok(brisk_cache_set(cache, text("b"), text("2"), &options));
        assert_holds_text(cache, "a", "1");
        brisk_cache_invalidate_group(cache, 5);
        assert_status(probe(cache, "a"), BRISK_MISS);
        assert_ok(brisk_cache_add(cache, text("b"), text("3"), &options));
        assert_holds_text(cache, "b", "3");
        assert_status(brisk_cache_delete(cache, text("a")), BRISK_MISS);
    }
    /* A set without a group takes the entry out of it. */
    set_text(cache, "b", "free");
    brisk_cache_invalidate_group(cache, 5);
    assert_holds_text(cache, "b", "free");
    assert_balance(cache);
    brisk_cache_free(cache);
}

static void many_groups_come_and_go(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_LRU, 500);
    struct brisk_entry_options options = brisk_entry_options_default();
    for (uint64_t k = 0; k < 5000; k++) {
        options.group = k + 1;
        assert_ok(brisk_cache_set(cache, number_key(&k), number_key(&k), &options));
        if (k % 3 == 0)
            brisk_cache_invalidate_group(cache, k + 1);
        assert_status(
            brisk_cache_contains(cache, number_key(&k)), k % 3 == 0 ? BRISK_MISS : BRISK_OK);
    }
    assert_balance(cache);
    brisk_cache_free(cache);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_group_is_invalidated_at_once),
    cmocka_unit_test(what_enters_a_group_after_its_invalidation_is_valid),
    cmocka_unit_test(many_groups_come_and_go))
