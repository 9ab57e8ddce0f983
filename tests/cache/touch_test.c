/* SPDX-License-Identifier: Apache-2.0 */
/* A new time to live, and nothing else. */
#include "tests/cache/timed_support.h"

/* From each time to live to each other; 0 is none. */
static void touch_shortens_extends_gives_and_takes_a_deadline(void **state)
{
    (void)state;
    static const uint64_t times[] = {
        BRISK_TTL_FOREVER, 10, 100, NEAR_TICKS + 5, (UINT64_C(1) << 33) + 5};
    for (int i = 0; i < POLICIES * 25; i++) {
        uint64_t before = times[i % 5], after = times[i / 5 % 5];
        struct brisk_cache *cache = timed_cache(every_policy[i / 25], starts[i % STARTS]);
        assert_ok(set_with_ttl(cache, "key", "value", before));
        assert_ok(set_with_ttl(cache, "neighbour", "other", before));
        advance(5);
        uint64_t lookups = stats_of(cache).hits + stats_of(cache).misses;
        assert_ok(brisk_cache_touch(cache, text("key"), after));
        assert_u64(stats_of(cache).hits + stats_of(cache).misses, lookups);
        assert_holds_text(cache, "key", "value");
        assert_holds_text(cache, "neighbour", "other");
        if (after == BRISK_TTL_FOREVER) {
            advance(UINT64_C(1) << 50);
            assert_holds_text(cache, "key", "value");
        } else {
            advance(after - 1);
            assert_holds_text(cache, "key", "value");
            advance(1);
            assert_status(probe(cache, "key"), BRISK_MISS);
        }
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

static void touch_without_a_time_gives_the_caches(void **state)
{
    (void)state;
    struct brisk_cache_options options = options_at(0);
    options.ttl = 50;
    struct brisk_cache *cache = new_cache(&options);
    assert_ok(set_with_ttl(cache, "key", "value", 10));
    advance(9);
    assert_ok(brisk_cache_touch(cache, text("key"), 0));
    advance(49);
    assert_ok(has(cache, "key"));
    advance(1);
    assert_status(has(cache, "key"), BRISK_MISS);
    assert_status(brisk_cache_touch(cache, text("key"), 10), BRISK_MISS);
    assert_status(brisk_cache_touch(cache, text("none"), 10), BRISK_MISS);
    brisk_cache_free(cache);
}

static uint64_t weigh_three(struct brisk_bytes key, struct brisk_bytes value, void *ctx)
{
    (void)key, (void)value, (void)ctx;
    return 3;
}

/* Group, weight, idle time, a large value: all stay with the entry. */
static void touch_changes_nothing_but_the_time(void **state)
{
    (void)state;
    static uint8_t large[3000];
    memset(large, 'L', sizeof large);
    for (int i = 0; i < POLICIES * 4; i++) {
        struct brisk_cache_options options = options_at(100);
        options.policy = every_policy[i / 4];
        options.max_weight = 1000;
        options.weigh = weigh_three;
        options.idle_ttl = i % 2 == 0 ? 0 : 1000;
        struct brisk_cache *cache = new_cache(&options);
        struct brisk_entry_options entry = brisk_entry_options_default();
        entry.group = 9;
        struct brisk_bytes value = brisk_bytes_of(large, i % 4 < 2 ? 40 : sizeof large);
        assert_ok(brisk_cache_set(cache, text("key"), value, &entry));
        uint64_t bytes = stats_of(cache).bytes;
        static const uint64_t times[] = {50, BRISK_TTL_FOREVER, UINT64_C(1) << 40, 60};
        for (int k = 0; k < 4; k++) {
            assert_ok(brisk_cache_touch(cache, text("key"), times[k]));
            assert_holds(cache, text("key"), value);
            assert_u64(stats_of(cache).weight, 3);
            assert_u64(stats_of(cache).entries, 1);
        }
        assert_ok(brisk_cache_touch(cache, text("key"), BRISK_TTL_FOREVER));
        assert_u64(stats_of(cache).bytes, bytes);
        brisk_cache_invalidate_group(cache, 9);
        assert_status(probe(cache, "key"), BRISK_MISS);
        assert_u64(stats_of(cache).weight, 0);
        brisk_cache_free(cache);
    }
}

static void touch_is_no_read(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_LRU, 2);
    set_text(cache, "a", "1");
    set_text(cache, "b", "2");
    assert_ok(brisk_cache_touch(cache, text("a"), 1000));
    set_text(cache, "c", "3");
    assert_status(has(cache, "a"), BRISK_MISS);
    assert_ok(has(cache, "b"));
    brisk_cache_free(cache);
}

/* The words for a deadline count as well. */
static void touch_never_exceeds_a_limit_in_bytes(void **state)
{
    (void)state;
    static uint8_t bytes[1023];
    struct test_random random = test_random_seeded(4);
    for (size_t length = 0; length <= sizeof bytes; length += 11) {
        struct brisk_cache_options options = options_at(5);
        options.max_bytes = 20000;
        options.policy = BRISK_POLICY_LRU;
        struct brisk_cache *cache = new_cache(&options);
        for (uint64_t i = 0; i < 600; i++)
            assert_ok(brisk_cache_set(cache, number_key(&i), brisk_bytes_of(bytes, length), NULL));
        for (int i = 0; i < 300; i++) {
            uint64_t key = test_random_below(&random, 600);
            static const uint64_t times[] = {BRISK_TTL_FOREVER, 1000, UINT64_C(1) << 40};
            (void)!brisk_cache_touch(cache, number_key(&key), times[i % 3]);
            assert_true(stats_of(cache).bytes <= 20000);
        }
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(touch_shortens_extends_gives_and_takes_a_deadline),
    cmocka_unit_test(touch_without_a_time_gives_the_caches),
    cmocka_unit_test(touch_changes_nothing_but_the_time), cmocka_unit_test(touch_is_no_read),
    cmocka_unit_test(touch_never_exceeds_a_limit_in_bytes))
