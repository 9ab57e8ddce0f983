/* SPDX-License-Identifier: Apache-2.0 */
/* Entries that live for as long as they are used. */
#include "tests/cache/timed_support.h"

static void reading_prolongs_an_idle_time_and_looking_does_not(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES * 4; i++) {
        struct brisk_cache_options options = options_at(starts[i % STARTS]);
        options.policy = every_policy[i / 4];
        options.idle_ttl = 10;
        struct brisk_cache *cache = new_cache(&options);
        set_text(cache, "key", "value");
        for (int round = 0; round < 30; round++) {
            advance(9);
            read_with(cache, i % 4, BRISK_OK);
        }
        for (int round = 0; round < 9; round++) {
            advance(1);
            assert_ok(has(cache, "key"));
            assert_size(brisk_cache_tick(cache), 0);
        }
        assert_status(brisk_cache_add(cache, text("key"), text("x"), NULL), BRISK_NOT_STORED);
        advance(1);
        assert_status(has(cache, "key"), BRISK_MISS);
        assert_u64(stats_of(cache).evicted_expired, 1);
        brisk_cache_free(cache);
    }
}

static void reading_prolongs_no_further_than_the_time_to_live(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES * 4; i++) {
        struct brisk_cache_options options = options_at(starts[i % STARTS]);
        options.policy = every_policy[i / 4];
        options.idle_ttl = 10;
        options.ttl = 25;
        struct brisk_cache *cache = new_cache(&options);
        set_text(cache, "key", "value");
        for (int round = 0; round < 24; round++) {
            advance(1);
            read_with(cache, i % 4, BRISK_OK);
        }
        advance(1);
        read_with(cache, i % 4, BRISK_MISS);
        assert_u64(stats_of(cache).expired, 1);
        brisk_cache_free(cache);
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(reading_prolongs_an_idle_time_and_looking_does_not),
    cmocka_unit_test(reading_prolongs_no_further_than_the_time_to_live))
