/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Curves against models of a few lines: an exact one, a list of keys by their last use,
 * and the same on a sample.
 */
#include <math.h>

#include <brisk/curve.h>

#include "tests/support/brisk_test.h"

enum {
    MOST_KEYS = 20000,
    MOST_REQUESTS = 100000
};

/* Keys, newest first, and how far down each request found its own. */
struct naive {
    uint64_t keys[MOST_KEYS];
    size_t count;
    struct {
        double distance, weight;
    } reuses[MOST_REQUESTS];
    size_t reuse_count;
    size_t requests;
    double weight;
    size_t max_keys;
    uint64_t threshold;
};

static struct naive *naive_new(size_t max_keys)
{
    struct naive *naive = calloc(1, sizeof *naive);
    assert_non_null(naive);
    naive->max_keys = max_keys;
    naive->threshold = UINT64_MAX;
    return naive;
}

static double rate_of(const struct naive *naive)
{
    return (double)naive->threshold / 18446744073709551616.0;
}

static void move_to_front(struct naive *naive, size_t at, uint64_t hash)
{
    memmove(naive->keys + 1, naive->keys, at * sizeof *naive->keys);
    naive->keys[0] = hash;
}

static void drop_an_eighth(struct naive *naive)
{
    size_t kept = 0;
    naive->threshold -= naive->threshold / 8;
    for (size_t i = 0; i < naive->count; i++)
        if (naive->keys[i] < naive->threshold)
            naive->keys[kept++] = naive->keys[i];
    naive->count = kept;
}

static void naive_add(struct naive *naive, uint64_t hash)
{
    naive->requests++;
    if (hash >= naive->threshold)
        return;
    double keys_per_sample = 1 / rate_of(naive);
    size_t at = 0;
    while (at < naive->count && naive->keys[at] != hash)
        at++;
    naive->weight += keys_per_sample;
    if (at < naive->count) {
        naive->reuses[naive->reuse_count].distance = floor(((double)at + 0.5) * keys_per_sample);
        naive->reuses[naive->reuse_count++].weight = keys_per_sample;
    } else {
        naive->count++;
    }
    move_to_front(naive, at, hash);
    while (naive->count > naive->max_keys)
        drop_an_eighth(naive);
}

static double naive_miss_ratio(const struct naive *naive, double entries)
{
    double hits = (double)naive->requests - naive->weight;
    for (size_t i = 0; i < naive->reuse_count; i++)
        if (naive->reuses[i].distance < entries)
            hits += naive->reuses[i].weight;
    double ratio = 1 - hits / (double)naive->requests;
    return ratio < 0 ? 0 : ratio > 1 ? 1 : ratio;
}

static uint64_t hash_of(uint64_t key)
{
    struct test_random random = test_random_seeded(key);
    return test_random_next(&random);
}

static struct brisk_curve *curve_of(unsigned int max_keys)
{
    struct brisk_curve_options options = brisk_curve_options_default();
    struct brisk_error error = {0};
    options.max_keys = max_keys;
    struct brisk_curve *curve = brisk_curve_new(&options, &error);
    assert_that(curve != NULL, "%s", error.message);
    return curve;
}

static struct brisk_curve_reading reading_of(const struct brisk_curve *curve, uint64_t entries)
{
    struct brisk_curve_reading reading = {.size = sizeof reading};
    brisk_curve_read(curve, entries, &reading);
    return reading;
}

/* Small keys are frequent, so that distances of all lengths occur. */
static uint64_t skewed(struct test_random *random, uint64_t keys)
{
    double share = test_random_unit(random);
    return (uint64_t)((double)keys * share * share * share);
}

/* A bucket is less than two percent wide, and cut off evenly. */
static void assert_close(const struct brisk_curve *curve, const struct naive *naive, uint64_t size)
{
    double got = brisk_curve_miss_ratio(curve, size);
    double most = naive_miss_ratio(naive, (double)size / 1.02 - 1);
    double least = naive_miss_ratio(naive, (double)size * 1.02 + 1);
    if (size < 128)
        most = least = naive_miss_ratio(naive, (double)size);
    assert_that(
        got >= least - 1e-9 && got <= most + 1e-9, "size %d: %f, not %f to %f", (int)size, got,
        least, most);
}

static void compare(unsigned int max_keys, uint64_t keys, size_t requests)
{
    struct test_random random = test_random_new();
    struct brisk_curve *curve = curve_of(max_keys);
    struct naive *naive = naive_new(max_keys);
    for (size_t i = 0; i < requests; i++) {
        uint64_t hash = hash_of(i % 3 == 0 ? keys + i % 700 : skewed(&random, keys));
        brisk_curve_add_hash(curve, hash);
        naive_add(naive, hash);
    }
    for (uint64_t size = 1; size < 2 * keys; size += 1 + size / 40)
        assert_close(curve, naive, size);
    struct brisk_curve_reading reading = reading_of(curve, 100);
    assert_u64(reading.requests, requests);
    assert_u64(reading.sampled_keys, naive->count);
    assert_true(fabs(reading.sample_rate - rate_of(naive)) < 1e-12);
    free(naive);
    brisk_curve_free(curve);
}

static void a_curve_of_all_keys_is_that_of_a_list_by_last_use(void **state)
{
    (void)state;
    compare(16384, 3000, scaled(60000));
    compare(16384, 100, 20000);
}

static void a_curve_of_a_sample_is_that_of_a_list_of_the_same_sample(void **state)
{
    (void)state;
    compare(2000, 10000, scaled(60000));
    compare(16, 5000, 20000);
    compare(17, 50, 20000);
    compare(1000, 1000, 20000);
}

/* What SHARDS promises: a few thousand keys stand for any number. */
static void a_sample_is_near_the_exact_curve(void **state)
{
    (void)state;
    enum {
        KEYS = 15000
    };
    struct test_random random = test_random_seeded(1);
    struct brisk_curve *curve = curve_of(2048);
    struct naive *naive = naive_new(SIZE_MAX);
    for (size_t i = 0; i < scaled(MOST_REQUESTS); i++) {
        uint64_t hash = hash_of(skewed(&random, KEYS));
        brisk_curve_add_hash(curve, hash);
        naive_add(naive, hash);
    }

    double sum = 0;
    for (int i = 1; i <= 100; i++) {
        uint64_t size = KEYS / 100 * (uint64_t)i;
        sum += fabs(brisk_curve_miss_ratio(curve, size) - naive_miss_ratio(naive, (double)size));
    }

    struct brisk_curve_reading reading = reading_of(curve, 100);
    print_message("mean error %f, keys %d\n", sum / 100, (int)reading.sampled_keys);
    assert_true(sum / 100 < 0.02);
    assert_true(reading.sampled_keys > 1500 && reading.sampled_keys <= 2048);
    double unique = (double)reading.unique_keys / (double)naive->count;
    assert_that(unique > 0.9 && unique < 1.1, "%f of the unique keys", unique);
    assert_false(reading.has_low_confidence);
    free(naive);
    brisk_curve_free(curve);
}

static void assert_sane(const struct brisk_curve *curve)
{
    static const uint64_t sizes[] = {0, 1, 2, 3, 100, 1000000, UINT64_C(1) << 40, UINT64_MAX};
    double last = 1;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        double ratio = brisk_curve_miss_ratio(curve, sizes[i]);
        assert_that(ratio >= 0 && ratio <= last, "%f after %f", ratio, last);
        last = ratio;
    }
}

static void assert_says_low_confidence(const struct brisk_curve *curve, bool wanted)
{
    char text[1024];
    size_t length;
    struct brisk_curve_reading reading = reading_of(curve, 50);
    assert_ok(brisk_curve_write_text(&reading, text, sizeof text, &length));
    assert_that(
        (strstr(text, "low confidence") != NULL) == wanted && reading.has_low_confidence == wanted,
        "%s", text);
}

static void no_requests_and_few_keys_stay_in_0_to_1_with_low_confidence(void **state)
{
    (void)state;
    struct brisk_curve *curve = curve_of(0);
    assert_sane(curve);
    assert_says_low_confidence(curve, true);
    assert_true(brisk_curve_miss_ratio(curve, 10) == 1);
    for (uint64_t key = 0; key < 201; key++) {
        for (int i = 0; i < 3; i++)
            brisk_curve_add_hash(curve, hash_of(key));
        assert_sane(curve);
        if (key == 0 || key == 199)
            assert_says_low_confidence(curve, true);
    }
    assert_says_low_confidence(curve, false);
    brisk_curve_free(curve);
}

/* A sample without the one hot key, and one with it, are as wrong as samples can be. */
static void a_sample_that_misses_or_has_the_hot_key_stays_in_0_to_1(void **state)
{
    (void)state;
    struct brisk_curve_options options = brisk_curve_options_default();
    options.sample_rate = 0.01;
    for (uint64_t hot = 0; hot < 2; hot++) {
        struct brisk_curve *curve = brisk_curve_new(&options, NULL);
        for (uint64_t i = 0; i < 30000; i++)
            brisk_curve_add_hash(curve, i % 10 == 0 ? hash_of(i) : hot * UINT64_MAX / 2 + 1);
        assert_sane(curve);
        brisk_curve_free(curve);
    }
}

static void a_curve_without_sampled_requests_claims_no_hits(void **state)
{
    (void)state;
    struct brisk_curve_options options = brisk_curve_options_default();
    options.sample_rate = 1e-300;
    struct brisk_curve *curve = brisk_curve_new(&options, NULL);
    for (uint64_t i = 0; i < 1000; i++)
        brisk_curve_add_hash(curve, hash_of(i % 10));
    assert_true(brisk_curve_miss_ratio(curve, 1000) == 1);
    struct brisk_curve_reading reading = reading_of(curve, 10);
    assert_u64(reading.sampled_keys, 0);
    assert_u64(reading.unique_keys, 0);
    assert_u64(reading.requests, 1000);
    assert_says_low_confidence(curve, true);
    brisk_curve_free(curve);
}

/* Hashes that are not random, as somebody may feed them. */
static void any_hashes_are_survived(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        struct brisk_curve *curve = curve_of(16);
        for (uint64_t i = 0; i < 5000; i++)
            brisk_curve_add_hash(
                curve, kind == 0   ? i
                       : kind == 1 ? UINT64_MAX - i
                                   : i << 52 | 0xff);
        assert_sane(curve);
        assert_true(reading_of(curve, 1).sampled_keys <= 16);
        brisk_curve_free(curve);
    }
}

static void keys_are_bytes(void **state)
{
    (void)state;
    struct brisk_curve *curve = curve_of(0);
    static const char *const keys[] = {"a", "b", "a", "", "a", ""};
    for (size_t i = 0; i < 6; i++)
        brisk_curve_add(curve, brisk_bytes_text(keys[i]));
    /* "a" after b, "a" after "", "" after a: one other key each. */
    assert_true(brisk_curve_miss_ratio(curve, 1) == 1);
    assert_true(brisk_curve_miss_ratio(curve, 2) == 0.5);
    assert_u64(reading_of(curve, 2).unique_keys, 3);
    brisk_curve_free(curve);
}

static void a_reading_shows_sizes_around_the_one_in_question(void **state)
{
    (void)state;
    struct brisk_curve *curve = curve_of(0);
    for (uint64_t i = 0; i < 4000; i++)
        brisk_curve_add_hash(curve, hash_of(i % 1000));
    struct brisk_curve_reading reading = reading_of(curve, 600);
    static const uint64_t sizes[BRISK_CURVE_POINTS] = {75, 150, 300, 600, 1200, 2400, 4800};
    for (int i = 0; i < BRISK_CURVE_POINTS; i++) {
        assert_u64(reading.points[i].entries, sizes[i]);
        assert_true(reading.points[i].miss_ratio == brisk_curve_miss_ratio(curve, sizes[i]));
    }
    assert_true(reading.points[4].times == 2 && reading.points[0].times == 0.125);
    assert_true(reading.miss_ratio == 1 && reading.points[4].miss_ratio == 0.25);
    assert_u64(reading_of(curve, 1).points[0].entries, 1);
    assert_u64(reading_of(curve, UINT64_MAX).points[6].entries, UINT64_MAX);
    brisk_curve_free(curve);
}

static void a_reading_is_text_for_people(void **state)
{
    (void)state;
    struct brisk_curve_reading reading = {
        .size = sizeof reading,
        .entries = 1000,
        .miss_ratio = 0.4321,
        .points =
            {{0.125, 125, 0.9},
             {0.25, 250, 0.5},
             {0.5, 500, 0.4421},
             {1, 1000, 0.4321},
             {2, 2000, 0.3621},
             {4, 4000, 0.4301},
             {8, 8000, 0}},
        .requests = 5000000,
        .sampled_keys = 8000,
        .unique_keys = 123456,
        .sample_rate = 0.06};
    static const char wanted[] = "with 1000 entries: 43.2 % of lookups miss\n"
                                 "0.125x the size: +47 points\n"
                                 "0.25x the size: +7 points\n"
                                 "0.5x the size: +1 point\n"
                                 "2x the size: -7 points\n"
                                 "4x the size: 0 points\n"
                                 "8x the size: -43 points\n"
                                 "as LRU, estimated from 8000 of about 123456 keys in 5000000 "
                                 "lookups\n";
    char text[sizeof wanted];
    size_t length;

    assert_ok(brisk_curve_write_text(&reading, text, sizeof text, &length));

    assert_string_equal(text, wanted);
    assert_size(length, sizeof wanted - 1);
    assert_status(
        brisk_curve_write_text(&reading, text, sizeof text - 1, &length), BRISK_ERR_SHORT_BUFFER);
    assert_size(length, sizeof wanted - 1);
    assert_status(brisk_curve_write_text(&reading, NULL, 0, &length), BRISK_ERR_SHORT_BUFFER);

    reading.entries = 0;
    reading.sample_rate = 1;
    assert_ok(brisk_curve_write_text(&reading, text, sizeof text, &length));
    assert_string_equal(
        text, "the size is not known yet\n"
              "as LRU, estimated from 8000 of 123456 keys in 5000000 lookups\n");
}

static void programs_with_another_reading_get_what_they_know(void **state)
{
    (void)state;
    struct brisk_curve *curve = curve_of(0);
    struct {
        struct brisk_curve_reading reading;
        uint64_t more;
    } newer = {.reading = {.size = sizeof newer}, .more = 5};
    brisk_curve_read(curve, 10, &newer.reading);
    assert_u64(newer.more, 0);

    struct brisk_curve_reading older = {.size = offsetof(struct brisk_curve_reading, points)};
    older.requests = 77;
    brisk_curve_read(curve, 10, &older);
    assert_u64(older.entries, 10);
    assert_u64(older.requests, 77);
    brisk_curve_free(curve);
}

static void the_default_takes_at_most_400_kb(void **state)
{
    (void)state;
    struct brisk_curve *curve = brisk_curve_new(NULL, NULL);
    struct brisk_curve_reading reading = reading_of(curve, 1);
    assert_true(reading.memory_bytes < 310000);
    uint64_t before = allocation_count();
    for (uint64_t i = 0; i < 20000; i++)
        brisk_curve_add_hash(curve, hash_of(i));
    assert_u64(allocation_count() - before, 0);
    brisk_curve_free(curve);
    brisk_curve_free(NULL);
}

static void options_out_of_range_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        unsigned int max_keys;
        double rate;
        const char *name;
    } rows[] = {
        {15, 0, "max_keys is 15"},
        {1048577, 0, "max_keys is 1048577"},
        {0, -0.5, "sample_rate is -0.5"},
        {0, 1.5, "sample_rate is 1.5"},
        {0, (double)NAN, "sample_rate is "}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct brisk_curve_options options = brisk_curve_options_default();
        struct brisk_error error = {0};
        options.max_keys = rows[i].max_keys;
        options.sample_rate = rows[i].rate;
        struct brisk_curve *curve = brisk_curve_new(&options, &error);
        assert_null(curve);
        assert_status(error.status, BRISK_ERR_INVALID);
        assert_that(strstr(error.message, rows[i].name) != NULL, "%s", error.message);
    }
    struct brisk_curve *largest = curve_of(1048576);
    brisk_curve_add_hash(largest, 5);
    brisk_curve_free(largest);
}

static void make(bool is_failing, void *ctx)
{
    (void)ctx;
    struct brisk_error error = {0};
    struct brisk_curve *curve = brisk_curve_new(NULL, &error);
    if (curve == NULL)
        assert_true(is_failing && error.status == BRISK_ERR_NOMEM);
    brisk_curve_free(curve);
}

static void no_memory_is_told(void **state)
{
    (void)state;
    for_each_allocation_failure(make, NULL);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_curve_of_all_keys_is_that_of_a_list_by_last_use),
    cmocka_unit_test(a_curve_of_a_sample_is_that_of_a_list_of_the_same_sample),
    cmocka_unit_test(a_sample_is_near_the_exact_curve),
    cmocka_unit_test(no_requests_and_few_keys_stay_in_0_to_1_with_low_confidence),
    cmocka_unit_test(a_sample_that_misses_or_has_the_hot_key_stays_in_0_to_1),
    cmocka_unit_test(a_curve_without_sampled_requests_claims_no_hits),
    cmocka_unit_test(any_hashes_are_survived), cmocka_unit_test(keys_are_bytes),
    cmocka_unit_test(a_reading_shows_sizes_around_the_one_in_question),
    cmocka_unit_test(a_reading_is_text_for_people),
    cmocka_unit_test(programs_with_another_reading_get_what_they_know),
    cmocka_unit_test(the_default_takes_at_most_400_kb),
    cmocka_unit_test(options_out_of_range_are_refused_by_name), cmocka_unit_test(no_memory_is_told))
