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

static void set_in_group(struct brisk_cache *cache, const char *key, uint64_t group)
{
    struct brisk_entry_options options = brisk_entry_options_default();
    options.group = group;
    assert_ok(brisk_cache_set(cache, text(key), text("old"), &options));
}

static void verbs_take_an_invalidated_entry_for_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = new_cache_of(every_policy[i], 100);
        static const char *const keys[] = {"touched", "replaced", "deleted", "added", "set"};
        for (int k = 0; k < 5; k++)
            set_in_group(cache, keys[k], 9);
        brisk_cache_invalidate_group(cache, 9);

        assert_status(brisk_cache_touch(cache, text("touched"), 100), BRISK_MISS);
        assert_status(
            brisk_cache_replace(cache, text("replaced"), text("new"), NULL), BRISK_NOT_STORED);
        assert_status(brisk_cache_delete(cache, text("deleted")), BRISK_MISS);
        assert_ok(brisk_cache_add(cache, text("added"), text("new"), NULL));
        set_text(cache, "set", "new");

        assert_u64(stats_of(cache).entries, 2); /* each gave its memory back */
        assert_u64(stats_of(cache).evicted_invalidated, 5);
        assert_u64(stats_of(cache).replaces, 0);
        assert_holds_text(cache, "added", "new");
        assert_holds_text(cache, "set", "new");
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

/* Their memory is in use until they leave, and then it was not for want of room. */
static void invalidated_entries_count_until_a_store_takes_their_place(void **state)
{
    (void)state;
    static const enum brisk_policy in_order[] = {BRISK_POLICY_LRU, BRISK_POLICY_FIFO};
    for (int i = 0; i < 2; i++) {
        struct brisk_cache *cache = new_cache_of(in_order[i], 10);
        static const char *const keys[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
        for (int k = 0; k < 10; k++)
            set_in_group(cache, keys[k], 3);
        uint64_t bytes = stats_of(cache).bytes;
        brisk_cache_invalidate_group(cache, 3);
        assert_u64(stats_of(cache).entries, 10);
        assert_u64(stats_of(cache).bytes, bytes);

        for (uint64_t k = 0; k < 14; k++)
            set_number(cache, k);

        assert_u64(stats_of(cache).entries, 10);
        assert_u64(stats_of(cache).evicted_invalidated, 10);
        assert_u64(stats_of(cache).evicted_capacity, 4);
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

static void a_smaller_limit_lets_invalidated_entries_go_as_such(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_FIFO, 10);
    set_in_group(cache, "a", 3);
    set_in_group(cache, "b", 4);
    set_text(cache, "c", "stays");
    brisk_cache_invalidate_group(cache, 3);
    assert_ok(brisk_cache_resize(cache, 1, 0, 0));
    assert_u64(stats_of(cache).evicted_invalidated, 1);
    assert_u64(stats_of(cache).evicted_capacity, 1);
    assert_holds_text(cache, "c", "stays");
    brisk_cache_free(cache);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_group_is_invalidated_at_once),
    cmocka_unit_test(what_enters_a_group_after_its_invalidation_is_valid),
    cmocka_unit_test(many_groups_come_and_go),
    cmocka_unit_test(verbs_take_an_invalidated_entry_for_nothing),
    cmocka_unit_test(invalidated_entries_count_until_a_store_takes_their_place),
    cmocka_unit_test(a_smaller_limit_lets_invalidated_entries_go_as_such))
