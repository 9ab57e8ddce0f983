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

static void resize_evicts_what_the_policy_would(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_LRU, 100);
    for (uint64_t k = 0; k < 100; k++)
        set_number(cache, k);
    for (uint64_t k = 5; k < 100; k += 10)
        assert_true(request(cache, k));

    assert_ok(brisk_cache_resize(cache, 10, 0, 0));

    for (uint64_t k = 0; k < 100; k++)
        assert_status(
            brisk_cache_contains(cache, number_key(&k)), k % 10 == 5 ? BRISK_OK : BRISK_MISS);
    brisk_cache_free(cache);
}

/* From entries to bytes to both, and back: whatever is limited now is kept to. */
static void a_limit_may_change_its_unit(void **state)
{
    (void)state;
    static const struct {
        size_t entries, bytes;
    } limits[] = {{300, 0}, {0, 60000}, {50, 30000}, {0, 20000}, {1000, 0}, {20, 0}};
    static uint8_t bytes[2000];
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = new_cache_of(every_policy[i], 200);
        struct test_random random = test_random_seeded(8);
        for (size_t k = 0; k < sizeof limits / sizeof limits[0]; k++) {
            assert_ok(brisk_cache_resize(cache, limits[k].entries, limits[k].bytes, 0));
            for (int step = 0; step < 500; step++) {
                uint64_t key = test_random_below(&random, 2000);
                size_t length = test_random_below(&random, sizeof bytes);
                assert_ok(
                    brisk_cache_set(cache, number_key(&key), brisk_bytes_of(bytes, length), NULL));
                struct brisk_cache_stats stats = stats_of(cache);
                assert_true(limits[k].entries == 0 || stats.entries <= limits[k].entries);
                assert_true(limits[k].bytes == 0 || stats.bytes <= limits[k].bytes);
            }
        }
        assert_u64(stats_of(cache).entries, 20);
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

enum {
    ROUNDS = 300
};

struct busy {
    struct brisk_cache *cache;
    _Atomic unsigned int rounds;
};

/* Thread 0 resizes and looks at once; the others store and read. */
static enum brisk_status resize_or_use(unsigned int index, void *ctx)
{
    struct busy *busy = ctx;
    struct test_random random = test_random_seeded(index);
    const unsigned int rounds = scaled(ROUNDS);
    while (index != 0 && atomic_load(&busy->rounds) < rounds) {
        uint64_t key = test_random_below(&random, 5000), got = 0;
        size_t length;
        enum brisk_status status = brisk_cache_get_into(
            busy->cache, number_key(&key), &got, sizeof got, &length);
        thread_expect(status == BRISK_MISS || (status == BRISK_OK && got == key));
        thread_expect(
            brisk_cache_set(busy->cache, number_key(&key), number_key(&key), NULL) == BRISK_OK);
    }
    for (unsigned int i = 0; index == 0 && i < rounds; i++) {
        size_t limit = 8 + test_random_below(&random, i % 2 == 0 ? 100 : 4000);
        enum brisk_status status = brisk_cache_resize(busy->cache, limit, 0, 0);
        struct brisk_cache_stats stats = stats_of(busy->cache);
        atomic_fetch_add(&busy->rounds, 1);
        if (status != BRISK_OK || stats.entries > limit || stats.max_entries != limit)
            atomic_store(&busy->rounds, rounds);
        thread_expect(status == BRISK_OK);
        thread_expect(stats.entries <= limit);
        thread_expect(stats.max_entries == limit);
    }
    return BRISK_OK;
}

static void a_new_limit_holds_at_once_while_others_store(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache_options options = brisk_cache_options_default();
        options.policy = every_policy[i];
        options.max_entries = 4000;
        options.shards = every_policy[i] == BRISK_POLICY_DEFAULT ? 8 : 0;
        struct busy busy = {.cache = new_cache(&options)};
        run_threads(3, resize_or_use, &busy);
        assert_balance(busy.cache);
        brisk_cache_free(busy.cache);
    }
}

/* What the policy remembers of keys that left counts as well. */
static void a_new_limit_in_bytes_holds_when_resize_returns(void **state)
{
    (void)state;
    static uint8_t bytes[2000];
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = new_cache_of(every_policy[i], 200);
        struct test_random random = test_random_seeded(8);
        for (size_t limit = 60000; limit >= 10000; limit -= 1000) {
            assert_ok(brisk_cache_resize(cache, 50, limit, 0));
            for (int step = 0; step < 100; step++) {
                uint64_t key = test_random_below(&random, 2000);
                size_t length = test_random_below(&random, sizeof bytes);
                assert_ok(
                    brisk_cache_set(cache, number_key(&key), brisk_bytes_of(bytes, length), NULL));
            }
            assert_ok(brisk_cache_resize(cache, 0, limit - 1000, 0));
            uint64_t used = stats_of(cache).bytes;
            assert_that(
                used <= limit - 1000, "policy %d: %d bytes, limit %d", i, (int)used,
                (int)limit - 1000);
        }
        brisk_cache_free(cache);
    }
}

/* An index, or what the policy remembers, that was made for more shrinks with the entries. */
static void half_the_bytes_hold_nearly_half_the_entries(void **state)
{
    (void)state;
    unsigned int bad = 0;
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache_options options = brisk_cache_options_default();
        options.policy = every_policy[i];
        options.max_bytes = 4 << 20;
        options.hash_seed = 1;
        options.shards = 1;
        struct brisk_cache *cache = new_cache(&options);
        for (uint64_t key = 0; key < 150000; key++)
            set_number(cache, key);
        uint64_t before = stats_of(cache).entries;
        assert_ok(brisk_cache_resize(cache, 0, 2 << 20, 0));
        uint64_t after = stats_of(cache).entries;
        print_message("policy %d: %d of %d entries stay\n", i, (int)after, (int)before);
        bad += after < before * 4 / 10;
        brisk_cache_free(cache);
    }
    assert_u64(bad, 0);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(resize_evicts_at_once_and_lets_grow_again),
    cmocka_unit_test(an_empty_cache_that_was_resized_takes_entries_again),
    cmocka_unit_test(resize_to_no_limit_at_all_is_invalid),
    cmocka_unit_test(resize_evicts_what_the_policy_would),
    cmocka_unit_test(a_limit_may_change_its_unit),
    cmocka_unit_test(a_new_limit_holds_at_once_while_others_store),
    cmocka_unit_test(a_new_limit_in_bytes_holds_when_resize_returns),
    cmocka_unit_test(half_the_bytes_hold_nearly_half_the_entries))
