/* SPDX-License-Identifier: Apache-2.0 */
/* What each verb stores, finds and removes. */
#include "tests/cache/cache_support.h"

static void a_value_comes_back_until_it_is_deleted(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = new_cache_of(every_policy[i], 10);
        assert_status(probe(cache, "key"), BRISK_MISS);
        set_text(cache, "key", "value");
        assert_holds_text(cache, "key", "value");
        assert_ok(brisk_cache_delete(cache, text("key")));
        assert_status(probe(cache, "key"), BRISK_MISS);
        assert_status(brisk_cache_delete(cache, text("key")), BRISK_MISS);
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

static void a_second_set_replaces_the_value(void **state)
{
    (void)state;
    static const char *const values[] = {"one", "two", "", "a longer one", "x", ""};
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = new_cache_of(every_policy[i], 10);
        for (size_t k = 0; k < 6; k++) {
            set_text(cache, "key", values[k]);
            assert_holds_text(cache, "key", values[k]);
        }
        struct brisk_cache_stats stats = stats_of(cache);
        assert_u64(stats.inserts, 1);
        assert_u64(stats.replaces, 5);
        assert_u64(stats.entries, 1);
        brisk_cache_free(cache);
    }
}

static void add_stores_only_what_is_missing(void **state)
{
    (void)state;
    static uint8_t large[2000];
    struct brisk_cache *cache = new_cache(NULL);
    assert_ok(brisk_cache_add(cache, text("key"), text("first"), NULL));
    assert_status(brisk_cache_add(cache, text("key"), text("second"), NULL), BRISK_NOT_STORED);
    assert_status(
        brisk_cache_add(cache, text("key"), brisk_bytes_of(large, sizeof large), NULL),
        BRISK_NOT_STORED);
    assert_holds_text(cache, "key", "first");
    assert_ok(brisk_cache_delete(cache, text("key")));
    assert_ok(brisk_cache_add(cache, text("key"), text("third"), NULL));
    assert_holds_text(cache, "key", "third");
    assert_balance(cache);
    brisk_cache_free(cache);
}

static void replace_stores_only_what_is_there(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    assert_status(brisk_cache_replace(cache, text("key"), text("x"), NULL), BRISK_NOT_STORED);
    assert_status(has(cache, "key"), BRISK_MISS);
    set_text(cache, "key", "first");
    assert_ok(brisk_cache_replace(cache, text("key"), text("second"), NULL));
    assert_holds_text(cache, "key", "second");
    assert_balance(cache);
    brisk_cache_free(cache);
}

/* The condition comes first: whether the value would fit is not the question. */
static void add_and_replace_judge_the_key_before_the_size(void **state)
{
    (void)state;
    static uint8_t large[1 << 16];
    struct brisk_bytes value = brisk_bytes_of(large, sizeof large);
    struct brisk_cache_options options = brisk_cache_options_default();
    options.max_bytes = 4096;
    struct brisk_cache *cache = new_cache(&options);
    set_text(cache, "there", "value");
    assert_status(brisk_cache_add(cache, text("there"), value, NULL), BRISK_NOT_STORED);
    assert_holds_text(cache, "there", "value");
    assert_status(brisk_cache_replace(cache, text("absent"), value, NULL), BRISK_NOT_STORED);
    assert_status(brisk_cache_add(cache, text("absent"), value, NULL), BRISK_ERR_TOO_BIG);
    assert_status(brisk_cache_replace(cache, text("there"), value, NULL), BRISK_ERR_TOO_BIG);
    assert_status(has(cache, "there"), BRISK_MISS);
    assert_balance(cache);
    brisk_cache_free(cache);
}

static void contains_counts_as_no_read(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_LRU, 2);
    set_text(cache, "a", "1");
    set_text(cache, "b", "2");
    assert_ok(has(cache, "a"));
    assert_status(has(cache, "c"), BRISK_MISS);
    set_text(cache, "c", "3");
    assert_status(has(cache, "a"), BRISK_MISS);
    assert_ok(has(cache, "b"));
    assert_u64(stats_of(cache).hits + stats_of(cache).misses, 0);
    brisk_cache_free(cache);
}

static void clear_drops_every_entry_and_the_cache_goes_on(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = new_cache_of(every_policy[i], 1000);
        for (int round = 0; round < 3; round++) {
            for (uint64_t k = 0; k < 1500; k++)
                set_number(cache, k);
            assert_u64(stats_of(cache).entries, 1000);
            brisk_cache_clear(cache);
            assert_u64(stats_of(cache).entries, 0);
            for (uint64_t k = 0; k < 1500; k++)
                assert_status(brisk_cache_contains(cache, number_key(&k)), BRISK_MISS);
        }
        assert_u64(stats_of(cache).evicted_cleared, 3000);
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_value_comes_back_until_it_is_deleted),
    cmocka_unit_test(a_second_set_replaces_the_value),
    cmocka_unit_test(add_stores_only_what_is_missing),
    cmocka_unit_test(replace_stores_only_what_is_there),
    cmocka_unit_test(add_and_replace_judge_the_key_before_the_size),
    cmocka_unit_test(contains_counts_as_no_read),
    cmocka_unit_test(clear_drops_every_entry_and_the_cache_goes_on))
