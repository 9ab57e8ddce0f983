/* SPDX-License-Identifier: Apache-2.0 */
/* What policies remember: it is counted, hits take no more of it, and it is given back. */
#include "tests/cache/cache_support.h"

static struct brisk_cache *cache_of_bytes(enum brisk_policy policy, size_t max_bytes)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.policy = policy;
    options.max_bytes = max_bytes;
    options.shards = 1;
    options.hash_seed = 1;
    return new_cache(&options);
}

static void hit(struct brisk_cache *cache, uint64_t key)
{
    char value[8];
    size_t length;
    enum brisk_status status = brisk_cache_get_into(
        cache, number_key(&key), value, sizeof value, &length);
    assert_true(status != BRISK_ERR_NOMEM);
}

static void hit_within(struct brisk_cache *cache, uint64_t key)
{
    hit(cache, key);
    struct brisk_cache_stats stats = stats_of(cache);
    assert_that(
        stats.bytes <= stats.max_bytes, "%llu bytes, limit %llu", (unsigned long long)stats.bytes,
        (unsigned long long)stats.max_bytes);
}

static void set_numbers(struct brisk_cache *cache, uint64_t first, uint64_t end)
{
    for (uint64_t key = first; key < end; key++)
        set_number(cache, key);
}

enum {
    KEYS = 500
};

/* As many different numbers of hits as there are entries. */
static void hit_each_as_often_as_no_other(struct brisk_cache *cache)
{
    for (uint64_t key = 0; key < KEYS; key++)
        for (uint64_t i = 0; i < key; i++)
            hit_within(cache, key);
}

static void hit_at_random(struct brisk_cache *cache)
{
    struct test_random random = test_random_seeded(5);
    for (int i = 0; i < 100 * KEYS; i++)
        hit_within(cache, test_random_below(&random, KEYS));
}

static void hit_one_a_million_times(struct brisk_cache *cache)
{
    for (int i = 0; i < 1000000; i++)
        (i % 100 == 0 ? hit_within : hit)(cache, KEYS - 1);
}

/* Few entries are hit by most of the requests. */
static void hit_some_more_than_others(struct brisk_cache *cache)
{
    struct test_random random = test_random_seeded(6);
    for (int i = 0; i < 100 * KEYS; i++)
        hit_within(cache, test_random_below(&random, 1 + test_random_below(&random, KEYS)));
}

static void hits_take_no_bytes_and_no_entry_its_room(void **state)
{
    (void)state;
    static void (*const hits[])(struct brisk_cache *) = {
        hit_each_as_often_as_no_other, hit_at_random, hit_one_a_million_times,
        hit_some_more_than_others};
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = cache_of_bytes(every_policy[i], 48 * KEYS);
        set_numbers(cache, 0, KEYS);
        for (size_t k = 0; k < sizeof hits / sizeof hits[0]; k++) {
            uint64_t bytes = stats_of(cache).bytes, entries = stats_of(cache).entries;
            assert_true(entries > KEYS / 2);
            hits[k](cache);
            assert_u64(stats_of(cache).bytes, bytes);
            set_number(cache, 2 * KEYS + k);
            assert_true(stats_of(cache).entries >= entries);
        }
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

static void a_cache_of_the_least_bytes_stays_usable_after_hits(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = cache_of_bytes(every_policy[i], 1536);
        set_numbers(cache, 0, 200);
        for (uint64_t key = 0; key < 200; key++)
            for (uint64_t k = 0; k < key; k++)
                hit_within(cache, key);
        uint64_t entries = stats_of(cache).entries;
        assert_that(entries >= 4, "policy %d: %d entries", i, (int)entries);
        set_number(cache, 1000);
        assert_u64(stats_of(cache).entries, entries);
        brisk_cache_free(cache);
    }
}

static uint64_t weigh_nothing(struct brisk_bytes key, struct brisk_bytes value, void *ctx)
{
    (void)key, (void)value, (void)ctx;
    return 0;
}

/* A word for the weight takes what a word for the number of hits takes. */
static void what_lfu_needs_beside_its_entries_is_counted(void **state)
{
    (void)state;
    struct brisk_cache_options options = brisk_cache_options_default();
    options.max_entries = KEYS;
    options.hash_seed = 1;
    options.policy = BRISK_POLICY_LFU;
    struct brisk_cache *lfu = new_cache(&options);
    options.policy = BRISK_POLICY_LRU;
    options.max_weight = 1;
    options.weigh = weigh_nothing;
    struct brisk_cache *lru = new_cache(&options);
    assert_true(stats_of(lfu).bytes > stats_of(lru).bytes);
    set_numbers(lfu, 0, KEYS);
    set_numbers(lru, 0, KEYS);
    uint64_t more = stats_of(lfu).bytes - stats_of(lru).bytes;
    assert_true(more >= 4 * KEYS);
    assert_true(more <= 8 * KEYS);
    brisk_cache_free(lfu);
    brisk_cache_free(lru);
}

/* The order of what is left is as it was, in an index that is much smaller. */
static void lfu_keeps_its_counts_when_it_shrinks(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_LFU, KEYS);
    set_numbers(cache, 0, KEYS);
    for (uint64_t key = 0; key < KEYS; key++)
        for (uint64_t i = 0; i < key; i++)
            hit(cache, key);
    uint64_t bytes = stats_of(cache).bytes;
    assert_ok(brisk_cache_resize(cache, 100, 0, 0));
    assert_true(stats_of(cache).bytes < bytes / 3);
    for (uint64_t i = 0; i < KEYS; i++)
        hit(cache, KEYS - 100);
    assert_ok(brisk_cache_resize(cache, 50, 0, 0));
    for (uint64_t key = 0; key < KEYS; key++)
        assert_status(
            brisk_cache_contains(cache, number_key(&key)),
            key > KEYS - 50 || key == KEYS - 100 ? BRISK_OK : BRISK_MISS);
    brisk_cache_free(cache);
}

enum {
    FEW = 58 /* the index grows once, and for the counts there may be no memory then */
};

/* All have another number of hits, but for the first two, which have the most. */
static bool fill_with_different_counts(struct brisk_cache *cache)
{
    bool is_complete = true;
    for (uint64_t key = 0; key < FEW; key++) {
        enum brisk_status status = brisk_cache_set(cache, number_key(&key), text("value"), NULL);
        assert_true(status == BRISK_OK || status == BRISK_ERR_NOMEM);
        is_complete &= status == BRISK_OK;
        for (uint64_t i = 0; i < 3 * key; i++)
            hit(cache, key);
        for (uint64_t i = 0; i <= key; i++)
            hit(cache, i);
        for (uint64_t i = 0; i < 20; i++)
            hit(cache, i % 2);
    }
    return is_complete;
}

/* Some hits are not counted then; nothing else goes wrong. */
static void use_lfu_without_memory(bool is_failing, void *ctx)
{
    (void)ctx;
    struct brisk_cache_options options = brisk_cache_options_default();
    options.policy = BRISK_POLICY_LFU;
    options.max_entries = 100;
    struct brisk_cache *cache = brisk_cache_new(&options, NULL);
    assert_true(cache != NULL || is_failing);
    if (cache == NULL)
        return;
    bool is_complete = fill_with_different_counts(cache);
    assert_true(is_complete || is_failing);
    assert_true(stats_of(cache).entries >= FEW - 1);
    assert_ok(brisk_cache_resize(cache, 2, 0, 0));
    assert_u64(stats_of(cache).entries, 2);
    for (uint64_t key = 0; is_complete && key < 2; key++)
        assert_ok(brisk_cache_contains(cache, number_key(&key)));
    assert_balance(cache);
    brisk_cache_free(cache);
}

static void lfu_without_memory_for_more_counts_goes_on(void **state)
{
    (void)state;
    for_each_allocation_failure(use_lfu_without_memory, NULL);
}

static void keep_quiet(
    struct brisk_bytes key, const struct brisk_view *value, enum brisk_evict_reason reason,
    void *ctx)
{
    (void)key, (void)value, (void)reason, (void)ctx;
}

static void clear_gives_back_what_many_entries_have_taken(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * POLICIES; i++) {
        struct brisk_cache_options options = brisk_cache_options_default();
        options.policy = every_policy[i / 2];
        options.max_bytes = 1 << 20;
        options.on_evict = i % 2 == 0 ? NULL : keep_quiet;
        struct brisk_cache *cache = new_cache(&options);
        uint64_t empty = stats_of(cache).bytes;
        set_numbers(cache, 0, 20 * KEYS);
        for (uint64_t key = 0; key < 20 * KEYS; key++)
            for (uint64_t k = 0; k < key % 16; k++)
                hit(cache, key);
        brisk_cache_clear(cache);
        assert_u64(stats_of(cache).bytes, empty);
        set_numbers(cache, 0, 20 * KEYS);
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

static enum brisk_status set_length(struct brisk_cache *cache, size_t length)
{
    static uint8_t bytes[1 << 18];
    return brisk_cache_set(cache, text("large"), brisk_bytes_of(bytes, length), NULL);
}

/* By halves, in a cache that nobody has used. */
static size_t largest_value(enum brisk_policy policy, size_t max_bytes, size_t max_entries)
{
    size_t low = 0, high = max_bytes;
    while (high - low > 1) {
        struct brisk_cache *cache = cache_of_bytes(policy, max_bytes);
        assert_ok(brisk_cache_resize(cache, max_entries, max_bytes, 0));
        size_t middle = (low + high) / 2;
        *(set_length(cache, middle) == BRISK_OK ? &low : &high) = middle;
        brisk_cache_free(cache);
    }
    return low;
}

static void what_fits_does_not_depend_on_what_was_there(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * POLICIES; i++) {
        enum brisk_policy policy = every_policy[i / 2];
        size_t max_entries = i % 2 == 0 ? 0 : 20;
        size_t largest = largest_value(policy, 1 << 18, max_entries);
        assert_true(largest > (1 << 18) - 2000);
        struct brisk_cache *cache = cache_of_bytes(policy, 1 << 18);
        for (int round = 0; round < 2; round++) {
            assert_ok(brisk_cache_resize(cache, 0, 1 << 18, 0));
            set_numbers(cache, 0, 20 * KEYS);
            assert_true(stats_of(cache).entries > KEYS);
            assert_ok(brisk_cache_resize(cache, max_entries, 1 << 18, 0));
            for (uint64_t key = 0; key < 20 * KEYS; key++)
                for (uint64_t k = 0; k < key % 16; k++)
                    hit(cache, key);
            assert_ok(set_length(cache, largest));
            assert_u64(stats_of(cache).entries, 1);
            assert_true(stats_of(cache).bytes <= 1 << 18);
            assert_status(set_length(cache, largest + 1), BRISK_ERR_TOO_BIG);
        }
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(clear_gives_back_what_many_entries_have_taken),
    cmocka_unit_test(what_fits_does_not_depend_on_what_was_there),
    cmocka_unit_test(hits_take_no_bytes_and_no_entry_its_room),
    cmocka_unit_test(a_cache_of_the_least_bytes_stays_usable_after_hits),
    cmocka_unit_test(what_lfu_needs_beside_its_entries_is_counted),
    cmocka_unit_test(lfu_keeps_its_counts_when_it_shrinks),
    cmocka_unit_test(lfu_without_memory_for_more_counts_goes_on))
