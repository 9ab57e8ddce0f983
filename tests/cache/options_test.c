/* SPDX-License-Identifier: Apache-2.0 */
/* What the options of a cache and of an entry ask for, and which are refused. */
#include "tests/cache/cache_support.h"

static void without_a_capacity_it_is_64_mib(void **state)
{
    (void)state;
    struct brisk_cache_options options = brisk_cache_options_default();
    struct brisk_cache *caches[] = {new_cache(NULL), new_cache(&options)};
    for (int i = 0; i < 2; i++) {
        struct brisk_cache_stats stats = stats_of(caches[i]);
        assert_u64(stats.max_bytes, 64 << 20);
        assert_u64(stats.max_entries, 0);
        assert_u64(stats.max_weight, 0);
        brisk_cache_free(caches[i]);
    }
    brisk_cache_free(NULL);
}

struct order {
    uint64_t keys[1000];
    size_t count;
};

static bool note_key(struct brisk_bytes key, const struct brisk_view *value, void *ctx)
{
    struct order *order = ctx;
    (void)value;
    memcpy(&order->keys[order->count++], key.data, sizeof order->keys[0]);
    return true;
}

static void list_keys(uint64_t hash_seed, struct order *order)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.shards = 16;
    options.hash_seed = hash_seed;
    struct brisk_cache *cache = new_cache(&options);
    order->count = 0;
    for (uint64_t key = 0; key < 1000; key++)
        set_number(cache, key);
    assert_ok(brisk_cache_for_each(cache, note_key, order));
    assert_size(order->count, 1000);
    brisk_cache_free(cache);
}

/* Which shows in the shards that keys come to. */
static void each_cache_hashes_with_a_secret_of_its_own_unless_it_has_a_seed(void **state)
{
    (void)state;
    static struct order first, second;
    list_keys(0, &first);
    list_keys(0, &second);
    assert_memory_not_equal(first.keys, second.keys, sizeof first.keys);
    list_keys(5, &first);
    list_keys(5, &second);
    assert_memory_equal(first.keys, second.keys, sizeof first.keys);
}

struct wrong_options {
    const char *field; /* what the message must name */
    struct brisk_cache_options options;
};

static void wrong_options_are_refused_by_name(void **state)
{
    (void)state;
    const size_t size = sizeof(struct brisk_cache_options);
    const struct wrong_options rows[] = {
        {"policy", {.size = size, .policy = (enum brisk_policy)6}},
        {"policy", {.size = size, .policy = (enum brisk_policy) - 1}},
        {"ttl_jitter_percent", {.size = size, .ttl_jitter_percent = 101}},
        {"weigh", {.size = size, .max_weight = 5}},
        {"max_weight", {.size = size, .weigh = weigh_length}},
        {"stale", {.size = size, .stale = 5}},
        {"refresh_ahead", {.size = size, .ttl = 5, .refresh_ahead = 5}},
        {"refresh_ahead", {.size = size, .refresh_ahead = 5}},
        {"shards", {.size = size, .shards = 257}},
        {"shards", {.size = size, .shards = 2, .policy = BRISK_POLICY_LRU}},
        {"shards", {.size = size, .shards = 4, .policy = BRISK_POLICY_LFU}},
        {"shards", {.size = size, .shards = 8, .policy = BRISK_POLICY_FIFO}},
        {"shards", {.size = size, .shards = 2, .policy = BRISK_POLICY_SIEVE}},
        {"shards", {.size = size, .shards = 5, .max_entries = 7}},
        {"curve_sample_rate", {.size = size, .has_curve = true, .curve_sample_rate = 1.01}},
        {"curve_sample_rate", {.size = size, .has_curve = true, .curve_sample_rate = -1}},
        {"has_curve", {.size = size, .curve_sample_rate = 0.5}},
        {"size", {.size = 0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct brisk_error error = {0};
        assert_null(brisk_cache_new(&rows[i].options, &error));
        assert_status(error.status, BRISK_ERR_INVALID);
        assert_that(
            strstr(error.message, rows[i].field) != NULL, "row %zu: \"%s\" does not name %s", i,
            error.message, rows[i].field);
        assert_null(brisk_cache_new(&rows[i].options, NULL));
    }
}

static void shards_are_rounded_up_to_a_power_of_two(void **state)
{
    (void)state;
    struct brisk_cache_options options = brisk_cache_options_default();
    options.shards = 5;
    options.max_entries = 803;
    struct brisk_cache *cache = new_cache(&options);
    for (uint64_t k = 0; k < 20000; k++)
        set_number(cache, k);
    assert_u64(stats_of(cache).entries, 803);
    assert_status(brisk_cache_resize(cache, 7, 0, 0), BRISK_ERR_INVALID);
    assert_ok(brisk_cache_resize(cache, 8, 0, 0));
    assert_u64(stats_of(cache).entries, 8);
    brisk_cache_free(cache);
}

static void wrong_entry_options_change_nothing(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_entry_options options = brisk_entry_options_default();
    options.size = 3;
    set_text(cache, "key", "old");
    assert_status(brisk_cache_set(cache, text("key"), text("new"), &options), BRISK_ERR_INVALID);
    assert_status(
        brisk_cache_replace(cache, text("key"), text("new"), &options), BRISK_ERR_INVALID);
    assert_holds_text(cache, "key", "old");
    brisk_cache_free(cache);
}

static void a_fixed_seed_repeats_the_same_evictions(void **state)
{
    (void)state;
    uint64_t misses[2];
    for (int round = 0; round < 2; round++) {
        struct brisk_cache_options options = brisk_cache_options_default();
        options.max_entries = 4000;
        options.shards = 4;
        options.hash_seed = 77;
        struct brisk_cache *cache = new_cache(&options);
        struct test_random random = test_random_seeded(5);
        for (int i = 0; i < 30000; i++) {
            uint64_t key = test_random_below(&random, test_random_below(&random, 20000) + 1);
            struct brisk_view view;
            if (brisk_cache_get(cache, number_key(&key), &view) == BRISK_MISS)
                set_number(cache, key);
            brisk_view_release(&view);
        }
        misses[round] = stats_of(cache).misses;
        brisk_cache_free(cache);
    }
    assert_u64(misses[0], misses[1]);
}

static void wrong_entry_options_are_refused_by_every_store(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_entry_options options = brisk_entry_options_default();
    struct brisk_view view = brisk_view_borrow(text("new"));
    options.size = 3;
    set_text(cache, "key", "old");
    assert_status(brisk_cache_add(cache, text("other"), text("new"), &options), BRISK_ERR_INVALID);
    assert_status(brisk_cache_add(cache, text("key"), text("new"), &options), BRISK_ERR_INVALID);
    assert_status(brisk_cache_set_view(cache, text("key"), &view, &options), BRISK_ERR_INVALID);
    assert_holds_text(cache, "key", "old");
    assert_status(has(cache, "other"), BRISK_MISS);
    assert_u64(stats_of(cache).rejected, 0);
    brisk_cache_free(cache);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(each_cache_hashes_with_a_secret_of_its_own_unless_it_has_a_seed),
    cmocka_unit_test(without_a_capacity_it_is_64_mib),
    cmocka_unit_test(wrong_options_are_refused_by_name),
    cmocka_unit_test(shards_are_rounded_up_to_a_power_of_two),
    cmocka_unit_test(wrong_entry_options_change_nothing),
    cmocka_unit_test(a_fixed_seed_repeats_the_same_evictions),
    cmocka_unit_test(wrong_entry_options_are_refused_by_every_store))
