/* SPDX-License-Identifier: Apache-2.0 */
/* The curve of a cache in use: what it sees of the lookups, and what it makes of them. */
#include "tests/cache/timed_support.h"

enum {
    VERBS = 5,
    KEYS = 300
};

static struct brisk_curve_reading reading_of(struct brisk_cache *cache, uint64_t entries)
{
    struct brisk_curve_reading reading = {.size = sizeof reading};
    assert_ok(brisk_cache_read_curve(cache, entries, &reading));
    return reading;
}

static struct brisk_cache_options options_with_curve(enum brisk_policy policy, double sample_rate)
{
    struct brisk_cache_options options = options_at(1000);
    options.policy = policy;
    options.has_curve = true;
    options.curve_sample_rate = sample_rate;
    options.negative_ttl = 50;
    return options;
}

static void look_up_many(struct brisk_cache *cache, struct brisk_bytes key, bool is_view)
{
    struct brisk_bytes keys[2] = {key, {NULL, 0}}; /* the second is none */
    enum brisk_status statuses[2];
    if (is_view) {
        struct brisk_view views[2];
        brisk_cache_get_many(cache, keys, 2, views, statuses);
        brisk_view_release(&views[0]);
    } else {
        struct brisk_bytes values[2];
        char buffer[64];
        brisk_cache_get_many_into(cache, keys, 2, buffer, sizeof buffer, values, statuses);
    }
}

static void look_up(struct brisk_cache *cache, uint64_t key, unsigned int verb)
{
    struct brisk_view view = {0};
    char buffer[64];
    size_t length;
    enum brisk_status status = BRISK_OK;
    if (verb == 0)
        status = brisk_cache_get(cache, number_key(&key), &view);
    else if (verb == 1)
        status = brisk_cache_get_into(cache, number_key(&key), buffer, sizeof buffer, &length);
    else if (verb == 2)
        status = brisk_cache_get_or_load(cache, number_key(&key), &view, find_none, NULL);
    else
        look_up_many(cache, number_key(&key), verb == 3);
    assert_true(status == BRISK_OK || status == BRISK_MISS || status == BRISK_ERR_SHORT_BUFFER);
    brisk_view_release(&view);
}

/* Entries of every kind, in turn. */
static void store(struct brisk_cache *cache, uint64_t key, uint64_t kind)
{
    static const char bytes[2000];
    struct brisk_entry_options entry = brisk_entry_options_default();
    size_t length = 8;
    if (kind % 6 == 1)
        entry.ttl = 3000;
    if (kind % 6 == 2)
        entry.ttl = UINT64_C(1) << 40;
    if (kind % 6 == 3)
        entry.group = 7;
    if (kind % 6 == 4)
        length = sizeof bytes; /* shared */
    assert_ok(brisk_cache_set(cache, number_key(&key), brisk_bytes_of(bytes, length), &entry));
    if (kind % 12 == 5)
        assert_ok(brisk_cache_touch(cache, number_key(&key), 500));
    if (kind % 12 == 7) /* had a deadline */
        assert_ok(brisk_cache_touch(cache, number_key(&key), BRISK_TTL_FOREVER));
}

static void the_curve_sees_every_lookup_of_a_sampled_key_and_none_of_the_others(void **state)
{
    (void)state;
    for (int p = 0; p < POLICIES; p++) {
        struct brisk_cache_options options = options_with_curve(every_policy[p], 0.25);
        options.max_entries = 10 * KEYS;
        struct brisk_cache *cache = new_cache(&options);
        uint64_t sampled_keys = 0;
        for (uint64_t key = 0; key < KEYS; key++) {
            uint64_t before = reading_of(cache, 0).sampled_requests;
            for (unsigned int verb = 0; verb < VERBS; verb++)
                look_up(cache, key, verb); /* it is not there */
            for (uint64_t kind = 0; kind < 12; kind++) {
                store(cache, key, kind);
                for (unsigned int verb = 0; verb < VERBS; verb++)
                    look_up(cache, key, verb);
            }
            advance(600);
            look_up(cache, key, 1);
            uint64_t seen = reading_of(cache, 0).sampled_requests - before;
            assert_that(
                seen == 0 || seen == 13 * VERBS + 1, "policy %d, key %d: %d lookups of %d", p,
                (int)key, (int)seen, 13 * VERBS + 1);
            sampled_keys += seen != 0;
        }
        struct brisk_curve_reading reading = reading_of(cache, 0);
        assert_u64(reading.sampled_keys, sampled_keys);
        assert_u64(reading.requests, KEYS * (13 * VERBS + 1));
        assert_true(sampled_keys > KEYS / 8 && sampled_keys < KEYS / 2);
        brisk_cache_free(cache);
    }
}

static void other_verbs_are_no_lookups(void **state)
{
    (void)state;
    struct brisk_cache_options options = options_with_curve(BRISK_POLICY_DEFAULT, 1);
    struct brisk_cache *cache = new_cache(&options);
    set_text(cache, "key", "value");
    assert_ok(has(cache, "key"));
    assert_ok(brisk_cache_touch(cache, text("key"), 5));
    assert_ok(brisk_cache_delete(cache, text("key")));
    assert_u64(reading_of(cache, 0).requests, 0);
    assert_u64(reading_of(cache, 0).sampled_requests, 0);
    brisk_cache_free(cache);
}

/* The same keys in the same order as one that stands alone, which its own test compares. */
static void the_curve_of_all_keys_is_that_of_the_same_lookups_alone(void **state)
{
    (void)state;
    for (int p = 0; p < POLICIES; p++) {
        struct test_random random = test_random_seeded(3);
        struct brisk_cache_options options = options_with_curve(every_policy[p], 1);
        options.max_entries = 400;
        struct brisk_cache *cache = new_cache(&options);
        struct brisk_curve *alone = brisk_curve_new(NULL, NULL);
        for (int i = 0; i < 30000; i++) {
            double share = test_random_unit(&random);
            uint64_t key = (uint64_t)(share * share * 2000);
            brisk_curve_add(alone, number_key(&key));
            request(cache, key);
        }
        for (uint64_t size = 1; size < 5000; size += 1 + size / 7) {
            double wanted = brisk_curve_miss_ratio(alone, size);
            double got = reading_of(cache, size).miss_ratio;
            assert_that(got == wanted, "size %d: %f, not %f", (int)size, got, wanted);
        }
        if (every_policy[p] == BRISK_POLICY_LRU) { /* what is estimated is what happens */
            struct brisk_cache_stats stats = stats_of(cache);
            double truth = (double)stats.misses / (double)(stats.hits + stats.misses);
            double estimate = reading_of(cache, 0).miss_ratio;
            assert_that(
                estimate > truth - 0.005 && estimate < truth + 0.005, "%f, not %f", estimate,
                truth);
        }
        brisk_curve_free(alone);
        brisk_cache_free(cache);
    }
}

static void a_curve_of_more_keys_than_it_follows_samples_fewer(void **state)
{
    (void)state;
    struct brisk_cache_options options = options_with_curve(BRISK_POLICY_DEFAULT, 1);
    options.max_entries = 100000;
    struct brisk_cache *cache = new_cache(&options);
    uint64_t keys = 40000;
    for (uint64_t i = 0; i < 2 * keys; i++)
        request(cache, i % keys);
    struct brisk_curve_reading reading = reading_of(cache, 0);
    assert_true(reading.sampled_keys > 7000 && reading.sampled_keys <= 8192);
    assert_true(reading.sample_rate < 0.25 && reading.sample_rate > 0.15);
    assert_true(reading.unique_keys > keys * 9 / 10 && reading.unique_keys < keys * 11 / 10);
    assert_u64(reading.requests, 2 * keys);
    assert_true(reading.miss_ratio > 0.45 && reading.miss_ratio < 0.55);
    assert_true(reading_of(cache, keys / 2).miss_ratio > 0.9); /* a loop over more than that */
    brisk_cache_free(cache);
}

static void the_default_rate_follows_a_key_of_512(void **state)
{
    (void)state;
    struct brisk_cache_options options = options_with_curve(BRISK_POLICY_DEFAULT, 0);
    struct brisk_cache *cache = new_cache(&options);
    for (uint64_t i = 0; i < 60000; i++)
        request(cache, i);
    struct brisk_curve_reading reading = reading_of(cache, 0);
    assert_true(reading.sampled_keys > 60 && reading.sampled_keys < 180);
    assert_true(reading.has_low_confidence);
    brisk_cache_free(cache);
}

static void few_lookups_stay_in_0_to_1_with_low_confidence(void **state)
{
    (void)state;
    for (int rate = 0; rate < 2; rate++) {
        struct brisk_cache_options options = options_with_curve(BRISK_POLICY_DEFAULT, rate);
        struct brisk_cache *cache = new_cache(&options);
        for (uint64_t i = 0; i < 200; i++) {
            struct brisk_curve_reading reading = reading_of(cache, i);
            assert_true(reading.has_low_confidence);
            for (int p = 0; p < BRISK_CURVE_POINTS; p++)
                assert_true(reading.points[p].miss_ratio >= 0 && reading.points[p].miss_ratio <= 1);
            request(cache, i / 2);
        }
        brisk_cache_free(cache);
    }
}

static void the_size_in_question_is_the_room_that_there_is(void **state)
{
    (void)state;
    struct brisk_cache_options options = options_with_curve(BRISK_POLICY_LRU, 1);
    options.max_entries = 5000;
    options.max_weight = 16000;
    options.weigh = weigh_length;
    struct brisk_cache *cache = new_cache(&options);
    assert_u64(reading_of(cache, 0).entries, 5000);
    for (uint64_t i = 0; i < 100; i++)
        set_number(cache, i); /* which weighs 8 */
    assert_u64(reading_of(cache, 0).entries, 2000);
    assert_u64(reading_of(cache, 0).points[4].entries, 4000);
    assert_u64(reading_of(cache, 77).entries, 77);
    assert_ok(brisk_cache_resize(cache, 1000, 0, 0));
    assert_u64(reading_of(cache, 0).entries, 1000);
    brisk_cache_free(cache);

    options = options_with_curve(BRISK_POLICY_DEFAULT, 1);
    options.max_bytes = 10 << 20;
    cache = new_cache(&options);
    assert_u64(reading_of(cache, 0).entries, 0); /* nobody knows how large they will be */
    for (uint64_t i = 0; i < 1000000 && stats_of(cache).evicted_capacity == 0; i += 1000)
        for (uint64_t k = 0; k < 1000; k++)
            set_number(cache, i + k);
    double room = (double)reading_of(cache, 0).entries / (double)stats_of(cache).entries;
    assert_that(room > 0.98 && room < 1.1, "%f", room);
    brisk_cache_free(cache);
}

static void a_cache_without_a_curve_says_so(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_curve_reading reading = {.size = sizeof reading};
    assert_status(brisk_cache_read_curve(cache, 0, &reading), BRISK_ERR_UNSUPPORTED);
    brisk_cache_free(cache);
}

static enum brisk_status look_up_in_thread(unsigned int index, void *ctx)
{
    for (uint64_t i = 0; i < scaled(60000); i++) {
        uint64_t key = i * (index + 1) % 3000;
        char value[8];
        size_t length;
        enum brisk_status status = brisk_cache_get_into(
            ctx, number_key(&key), value, sizeof value, &length);
        if (status == BRISK_MISS)
            status = brisk_cache_set(ctx, number_key(&key), number_key(&key), NULL);
        thread_expect(status == BRISK_OK);
        if (i % 5000 == 0)
            brisk_cache_tick(ctx);
    }
    return BRISK_OK;
}

/* Who finds his ring full while another drains goes on without. */
static void threads_look_up_while_others_read_the_curve(void **state)
{
    (void)state;
    struct brisk_cache_options options = options_with_curve(BRISK_POLICY_DEFAULT, 0.2);
    options.max_entries = 2000;
    struct brisk_cache *cache = new_cache(&options);
    for (int round = 0; round < 3; round++)
        run_threads(4, look_up_in_thread, cache);
    struct brisk_curve_reading reading = reading_of(cache, 0);
    assert_u64(reading.requests, 3 * 4 * (uint64_t)scaled(60000));
    double share = (double)reading.sampled_requests / (double)reading.requests;
    print_message("%f of the lookups\n", share);
    assert_true(share > 0.1 && share < 0.3);
    assert_true(reading.sampled_keys > 400 && reading.sampled_keys < 800);
    brisk_cache_free(cache);
}

static void use_without_memory(bool is_failing, void *ctx)
{
    (void)ctx;
    struct brisk_cache_options options = options_with_curve(BRISK_POLICY_DEFAULT, 1);
    struct brisk_error error = {0};
    struct brisk_cache *cache = brisk_cache_new(&options, &error);
    if (cache == NULL) {
        assert_true(is_failing && error.status == BRISK_ERR_NOMEM);
        return;
    }
    char buffer[8];
    size_t length;
    uint64_t key = 5;
    assert_status(
        brisk_cache_get_into(cache, number_key(&key), buffer, sizeof buffer, &length), BRISK_MISS);
    enum brisk_status status = brisk_cache_set(cache, number_key(&key), number_key(&key), NULL);
    assert_true(status == BRISK_OK || is_failing);
    assert_status(
        brisk_cache_get_into(cache, number_key(&key), buffer, sizeof buffer, &length),
        status == BRISK_OK ? BRISK_OK : BRISK_MISS);
    struct brisk_curve_reading reading = reading_of(cache, 1);
    assert_u64(reading.requests, 2);
    assert_true(reading.sampled_requests == 2 || is_failing);
    brisk_cache_free(cache);
}

static void without_memory_lookups_go_on_and_the_curve_goes_without(void **state)
{
    (void)state;
    for_each_allocation_failure(use_without_memory, NULL);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(the_curve_sees_every_lookup_of_a_sampled_key_and_none_of_the_others),
    cmocka_unit_test(other_verbs_are_no_lookups),
    cmocka_unit_test(the_curve_of_all_keys_is_that_of_the_same_lookups_alone),
    cmocka_unit_test(a_curve_of_more_keys_than_it_follows_samples_fewer),
    cmocka_unit_test(the_default_rate_follows_a_key_of_512),
    cmocka_unit_test(few_lookups_stay_in_0_to_1_with_low_confidence),
    cmocka_unit_test(the_size_in_question_is_the_room_that_there_is),
    cmocka_unit_test(a_cache_without_a_curve_says_so),
    cmocka_unit_test(threads_look_up_while_others_read_the_curve),
    cmocka_unit_test(without_memory_lookups_go_on_and_the_curve_goes_without))
