/* SPDX-License-Identifier: Apache-2.0 */
/* How expired entries leave: by ticks, by lookups and stores beside them. */
#include "tests/cache/timed_support.h"

static void a_tick_removes_exactly_what_is_due(void **state)
{
    (void)state;
    for (int s = 0; s < STARTS; s++) {
        struct brisk_cache *cache = timed_cache(BRISK_POLICY_DEFAULT, starts[s]);
        for (uint64_t i = 0; i < TTLS; i++) {
            set_number_with_ttl(cache, i, ttls[i]);
        }
        for (uint64_t i = 0; i < TTLS; i++) {
            set_clock(starts[s] + ttls[i] - 1);
            assert_size(brisk_cache_tick(cache), 0);
            assert_ok(brisk_cache_contains(cache, number_key(&i)));
            set_clock(starts[s] + ttls[i]);
            assert_size(brisk_cache_tick(cache), 1);
            assert_status(brisk_cache_contains(cache, number_key(&i)), BRISK_MISS);
        }
        brisk_cache_free(cache);
    }
}

/* Whatever is in between: each tick on its own, or all in one. */
static void entries_leave_one_by_one_or_all_in_one_jump(void **state)
{
    (void)state;
    enum {
        ENTRIES = 700
    };
    for (int jumps = 0; jumps < 2; jumps++) {
        for (int s = 0; s < STARTS; s++) {
            struct brisk_cache *cache = timed_cache(BRISK_POLICY_SIEVE, starts[s]);
            for (uint64_t i = 1; i <= ENTRIES; i++) {
                set_number_with_ttl(cache, i, i);
            }
            for (uint64_t i = 1; i <= ENTRIES && !jumps; i++) {
                set_clock(starts[s] + i);
                assert_size(brisk_cache_tick(cache), 1);
            }
            set_clock(starts[s] + ENTRIES);
            assert_size(brisk_cache_tick(cache), jumps ? ENTRIES : 0);
            assert_u64(stats_of(cache).entries, 0);
            brisk_cache_free(cache);
        }
    }
}

static _Atomic unsigned int told;

static void count_told(
    struct brisk_bytes key, const struct brisk_view *value, enum brisk_evict_reason reason,
    void *ctx)
{
    (void)key, (void)value, (void)ctx;
    if (reason == BRISK_EVICT_EXPIRED)
        atomic_fetch_add(&told, 1);
}

static void a_million_entries_expire_at_once(void **state)
{
    (void)state;
    const uint64_t entries = scaled(1000000);
    struct brisk_cache_options options = options_at(UINT64_C(1700000000000));
    options.max_bytes = (size_t)1 << 30;
    options.ttl = 60000;
    options.shards = 0;
    struct brisk_cache *cache = new_cache(&options);
    for (uint64_t i = 0; i < entries; i++)
        set_number(cache, i);
    advance(59999);
    assert_size(brisk_cache_tick(cache), 0);
    assert_u64(stats_of(cache).entries, entries);
    advance(1);
    assert_size(brisk_cache_tick(cache), entries);
    assert_u64(stats_of(cache).entries, 0);
    assert_balance(cache);
    brisk_cache_free(cache);
}

static void one_lookup_removes_no_more_than_a_few_of_many_expired(void **state)
{
    (void)state;
    struct brisk_cache_options options = options_at(0);
    options.ttl = 100;
    options.on_evict = count_told;
    struct brisk_cache *cache = new_cache(&options);
    for (uint64_t i = 0; i < 5000; i++)
        set_number(cache, i);
    advance(100);
    atomic_store(&told, 0);
    uint64_t key = 17;
    struct brisk_view view;
    assert_status(brisk_cache_get(cache, number_key(&key), &view), BRISK_MISS);
    assert_true(told <= 32);
    set_text(cache, "new", "1");
    assert_true(told <= 64);
    brisk_cache_free(cache);
}

/* Blocks move while others are given back; what is read meanwhile must be the right one. */
static void survivors_stay_readable_while_their_neighbours_expire(void **state)
{
    (void)state;
    enum {
        ENTRIES = 20000
    };
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = timed_cache(every_policy[i], 1000);
        for (uint64_t k = 0; k < ENTRIES; k++) {
            set_number_with_ttl(cache, k, k % 10 == 0 ? 100000 : 100 + k % 3);
        }
        advance(200);
        for (uint64_t k = 0; k < ENTRIES; k += 10) {
            assert_holds(cache, number_key(&k), number_key(&k));
            assert_ok(brisk_cache_touch(cache, number_key(&k), 100000));
            uint64_t twice = 2 * k;
            if (k % 30 == 0)
                assert_ok(brisk_cache_replace(cache, number_key(&k), number_key(&twice), NULL));
        }
        for (uint64_t k = 0; k < ENTRIES; k += 10) {
            uint64_t value = k % 30 == 0 ? 2 * k : k;
            assert_holds(cache, number_key(&k), number_key(&value));
        }
        assert_u64(stats_of(cache).entries, ENTRIES / 10);
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

static void a_thread_of_the_cache_ticks_by_itself(void **state)
{
    (void)state;
    struct brisk_cache_options options = options_at(0);
    options.tick_interval_ms = 1;
    options.on_evict = count_told;
    atomic_store(&told, 0);
    struct brisk_cache *cache = new_cache(&options);
    assert_ok(set_with_ttl(cache, "key", "value", 10));
    advance(10);
    assert_true(wait_for_count(&told, 1));
    assert_u64(stats_of(cache).entries, 0);
    brisk_cache_free(cache);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_tick_removes_exactly_what_is_due),
    cmocka_unit_test(entries_leave_one_by_one_or_all_in_one_jump),
    cmocka_unit_test(a_million_entries_expire_at_once),
    cmocka_unit_test(one_lookup_removes_no_more_than_a_few_of_many_expired),
    cmocka_unit_test(survivors_stay_readable_while_their_neighbours_expire),
    cmocka_unit_test(a_thread_of_the_cache_ticks_by_itself))
