/* SPDX-License-Identifier: Apache-2.0 */
/* The time to live of an entry: when it begins, when it ends, how far jitter shortens it. */
#include "tests/cache/timed_support.h"

/* The last tick before, and the first after, in one jump each. */
static void an_entry_is_gone_at_its_deadline_and_not_before(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES * STARTS * TTLS; i++) {
        uint64_t start = starts[i % STARTS], ttl = ttls[i / STARTS % TTLS];
        struct brisk_cache *cache = timed_cache(every_policy[i / STARTS / TTLS], start);
        assert_ok(set_with_ttl(cache, "key", "value", ttl));
        set_clock(start + ttl - 1);
        assert_ok(has(cache, "key"));
        assert_holds_text(cache, "key", "value");
        set_clock(start + ttl);
        assert_status(has(cache, "key"), BRISK_MISS);
        assert_status(probe(cache, "key"), BRISK_MISS);
        assert_u64(stats_of(cache).evicted_expired, 1);
        brisk_cache_free(cache);
    }
}

/* A clock far from zero when the first entry with a deadline comes. */
static void the_first_deadline_ever_is_kept_like_any_other(void **state)
{
    (void)state;
    for (int s = 0; s < STARTS; s++) {
        struct brisk_cache *cache = timed_cache(BRISK_POLICY_LRU, starts[s]);
        assert_ok(set_with_ttl(cache, "first", "1", 100));
        advance(50);
        assert_ok(set_with_ttl(cache, "second", "2", 100));
        assert_size(brisk_cache_tick(cache), 0);
        assert_holds_text(cache, "first", "1");
        advance(50);
        assert_size(brisk_cache_tick(cache), 1);
        advance(50);
        assert_size(brisk_cache_tick(cache), 1);
        advance(UINT64_C(3) << 31); /* an empty wheel is left far behind */
        assert_ok(set_with_ttl(cache, "third", "3", 100));
        advance(99);
        assert_size(brisk_cache_tick(cache), 0);
        assert_holds_text(cache, "third", "3");
        advance(1);
        assert_size(brisk_cache_tick(cache), 1);
        brisk_cache_free(cache);
    }
}

static void an_entry_has_its_own_time_or_the_caches(void **state)
{
    (void)state;
    struct brisk_cache_options options = options_at(0);
    options.ttl = 10;
    struct brisk_cache *cache = new_cache(&options);
    set_text(cache, "cache's", "1");
    assert_ok(set_with_ttl(cache, "shorter", "2", 5));
    assert_ok(set_with_ttl(cache, "longer", "3", 15));
    assert_ok(set_with_ttl(cache, "for ever", "4", BRISK_TTL_FOREVER));
    advance(5);
    assert_status(has(cache, "shorter"), BRISK_MISS);
    assert_ok(has(cache, "cache's"));
    advance(5);
    assert_status(has(cache, "cache's"), BRISK_MISS);
    assert_ok(has(cache, "longer"));
    advance(5);
    assert_status(has(cache, "longer"), BRISK_MISS);
    advance(UINT64_C(1) << 60);
    assert_holds_text(cache, "for ever", "4");
    brisk_cache_free(cache);
}

static void a_replaced_entry_has_only_its_new_time(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = timed_cache(every_policy[i], 0);
        assert_ok(set_with_ttl(cache, "longer", "1", 10));
        assert_ok(set_with_ttl(cache, "shorter", "1", 10));
        assert_ok(set_with_ttl(cache, "none", "1", 10));
        assert_ok(set_with_ttl(cache, "longer", "2", 20));
        assert_ok(set_with_ttl(cache, "shorter", "2", 5));
        assert_ok(set_with_ttl(cache, "none", "2", BRISK_TTL_FOREVER));
        advance(5);
        assert_size(brisk_cache_tick(cache), 1);
        advance(14);
        assert_size(brisk_cache_tick(cache), 0);
        assert_holds_text(cache, "longer", "2");
        advance(1);
        assert_size(brisk_cache_tick(cache), 1);
        assert_holds_text(cache, "none", "2");
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

static void an_expired_lookup_is_one_miss(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES * 4; i++) {
        struct brisk_cache *cache = timed_cache(every_policy[i / 4], 0);
        assert_ok(set_with_ttl(cache, "key", "value", 10));
        advance(10);
        read_with(cache, i % 4, BRISK_MISS);
        struct brisk_cache_stats stats = stats_of(cache);
        assert_u64(stats.hits, 0);
        assert_u64(stats.misses, 1);
        assert_u64(stats.expired, 1);
        assert_u64(stats.evicted_expired, 1);
        assert_u64(stats.entries, 0);
        read_with(cache, i % 4, BRISK_MISS);
        assert_u64(stats_of(cache).expired, 1);
        assert_u64(stats_of(cache).misses, 2);
        brisk_cache_free(cache);
    }
}

static void jitter_shortens_by_up_to_its_share(void **state)
{
    (void)state;
    enum {
        ENTRIES = 2000
    };
    struct brisk_cache_options options = options_at(5000);
    options.ttl = 1000;
    options.ttl_jitter_percent = 20;
    struct brisk_cache *cache = new_cache(&options);
    for (uint64_t i = 0; i < ENTRIES; i++)
        set_number(cache, i);
    advance(799);
    assert_size(brisk_cache_tick(cache), 0);
    advance(101); /* half of the range */
    size_t first_half = brisk_cache_tick(cache);
    assert_true(first_half > ENTRIES * 4 / 10 && first_half < ENTRIES * 6 / 10);
    advance(99);
    size_t second_half = brisk_cache_tick(cache);
    assert_true(first_half + second_half < ENTRIES);
    advance(1);
    brisk_cache_tick(cache);
    assert_u64(stats_of(cache).entries, 0);
    brisk_cache_free(cache);
}

static void the_greatest_jitter_leaves_a_tick_at_least(void **state)
{
    (void)state;
    for (uint64_t ttl = 1; ttl < 5; ttl++) {
        struct brisk_cache_options options = options_at(77);
        options.ttl = ttl;
        options.ttl_jitter_percent = 100;
        struct brisk_cache *cache = new_cache(&options);
        for (uint64_t i = 0; i < 200; i++)
            set_number(cache, i);
        assert_size(brisk_cache_tick(cache), 0);
        advance(ttl);
        assert_size(brisk_cache_tick(cache), 200);
        brisk_cache_free(cache);
    }
}

/* Also where it is kept to serve as stale. */
static void verbs_take_an_expired_entry_for_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES * 2; i++) {
        struct brisk_cache_options options = options_at(1000);
        options.policy = every_policy[i / 2];
        options.ttl = 10;
        options.stale = i % 2 == 0 ? 0 : 50;
        struct brisk_cache *cache = new_cache(&options);
        static const char *const keys[] = {"touched", "replaced", "deleted", "added", "set"};
        for (int k = 0; k < 5; k++)
            set_text(cache, keys[k], "old");
        advance(10);

        assert_status(brisk_cache_touch(cache, text("touched"), 100), BRISK_MISS);
        assert_status(
            brisk_cache_replace(cache, text("replaced"), text("new"), NULL), BRISK_NOT_STORED);
        assert_status(brisk_cache_delete(cache, text("deleted")), BRISK_MISS);
        assert_ok(brisk_cache_add(cache, text("added"), text("new"), NULL));
        set_text(cache, "set", "new");

        for (int k = 0; k < 5; k++)
            assert_status(has(cache, keys[k]), k < 3 ? BRISK_MISS : BRISK_OK);
        assert_holds_text(cache, "added", "new");
        assert_holds_text(cache, "set", "new");
        assert_u64(stats_of(cache).inserts, 7); /* nothing was replaced */
        assert_u64(stats_of(cache).replaces, 0);
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

static void jitter_shortens_an_entrys_own_time_and_a_touched_one_but_not_for_ever(void **state)
{
    (void)state;
    enum {
        ENTRIES = 2000
    };
    struct brisk_cache_options options = options_at(5000);
    options.ttl_jitter_percent = 50;
    struct brisk_cache *cache = new_cache(&options);
    for (uint64_t i = 0; i < 2 * ENTRIES; i++)
        set_number_with_ttl(cache, i, i < ENTRIES ? 1000 : 4000);
    for (uint64_t i = ENTRIES; i < 2 * ENTRIES; i++)
        assert_ok(brisk_cache_touch(cache, number_key(&i), 1000));
    set_text(cache, "for ever", "value");

    advance(499);
    assert_size(brisk_cache_tick(cache), 0);
    advance(251); /* half of the range */
    size_t set = ENTRIES, touched = ENTRIES;
    for (uint64_t i = 0; i < 2 * ENTRIES; i++)
        *(i < ENTRIES ? &set : &touched) -= brisk_cache_contains(cache, number_key(&i)) == BRISK_OK;
    advance(250);
    brisk_cache_tick(cache);

    assert_true(set > ENTRIES * 4 / 10 && set < ENTRIES * 6 / 10);
    assert_true(touched > ENTRIES * 4 / 10 && touched < ENTRIES * 6 / 10);
    assert_u64(stats_of(cache).entries, 1);
    brisk_cache_free(cache);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(an_entry_is_gone_at_its_deadline_and_not_before),
    cmocka_unit_test(the_first_deadline_ever_is_kept_like_any_other),
    cmocka_unit_test(an_entry_has_its_own_time_or_the_caches),
    cmocka_unit_test(a_replaced_entry_has_only_its_new_time),
    cmocka_unit_test(an_expired_lookup_is_one_miss),
    cmocka_unit_test(jitter_shortens_by_up_to_its_share),
    cmocka_unit_test(the_greatest_jitter_leaves_a_tick_at_least),
    cmocka_unit_test(verbs_take_an_expired_entry_for_nothing),
    cmocka_unit_test(jitter_shortens_an_entrys_own_time_and_a_touched_one_but_not_for_ever))
