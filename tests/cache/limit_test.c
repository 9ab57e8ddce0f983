/* SPDX-License-Identifier: Apache-2.0 */
/* Limits in entries, bytes and weight: what fits, what leaves, what is too big. */
#include "tests/cache/cache_support.h"

static void a_value_that_does_not_fit_takes_the_old_one_along(void **state)
{
    (void)state;
    static uint8_t large[1 << 16];
    struct brisk_cache_options options = brisk_cache_options_default();
    options.max_bytes = 8192;
    struct brisk_cache *cache = new_cache(&options);
    set_text(cache, "key", "old");
    set_text(cache, "other", "stays");
    assert_status(
        brisk_cache_set(cache, text("key"), brisk_bytes_of(large, sizeof large), NULL),
        BRISK_ERR_TOO_BIG);
    assert_status(probe(cache, "key"), BRISK_MISS);
    assert_holds_text(cache, "other", "stays");
    assert_u64(stats_of(cache).rejected, 1);
    assert_balance(cache);
    brisk_cache_free(cache);
}

/* Walks up to the largest value that is stored; one byte more is too big, and only that. */
static void one_entry_may_take_the_whole_budget_and_not_a_byte_more(void **state)
{
    (void)state;
    static uint8_t bytes[16384];
    struct brisk_cache_options options = brisk_cache_options_default();
    options.max_bytes = 16384;
    options.policy = BRISK_POLICY_LRU;
    struct brisk_cache *cache = new_cache(&options);
    size_t low = 8000, high = sizeof bytes;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        enum brisk_status status = brisk_cache_set(
            cache, text("key"), brisk_bytes_of(bytes, middle), NULL);
        assert_true(status == BRISK_OK || status == BRISK_ERR_TOO_BIG);
        *(status == BRISK_OK ? &low : &high) = middle;
    }
    assert_true(low > 15000);
    set_text(cache, "other", "leaves");
    assert_ok(brisk_cache_set(cache, text("key"), brisk_bytes_of(bytes, low), NULL));
    assert_status(has(cache, "other"), BRISK_MISS);
    assert_u64(stats_of(cache).entries, 1);
    assert_true(stats_of(cache).bytes <= 16384);
    assert_status(
        brisk_cache_set(cache, text("key"), brisk_bytes_of(bytes, high), NULL), BRISK_ERR_TOO_BIG);
    assert_status(has(cache, "key"), BRISK_MISS);
    brisk_cache_free(cache);
}

/* The length alone decides: the bytes do not exist, so nobody can have copied them. */
static void a_value_of_four_gigabytes_is_too_big_and_not_copied(void **state)
{
    (void)state;
    struct brisk_bytes value = brisk_bytes_of("x", (size_t)1 << 32);
    struct brisk_cache *cache = new_cache(NULL);
    set_text(cache, "key", "old");
    uint64_t before = allocation_count();
    assert_status(brisk_cache_set(cache, text("key"), value, NULL), BRISK_ERR_TOO_BIG);
    assert_status(brisk_cache_add(cache, text("new"), value, NULL), BRISK_ERR_TOO_BIG);
    value.length = SIZE_MAX;
    assert_status(brisk_cache_set(cache, text("key"), value, NULL), BRISK_ERR_TOO_BIG);
    assert_u64(allocation_count(), before);
    assert_status(probe(cache, "key"), BRISK_MISS);
    struct brisk_view view = brisk_view_borrow(brisk_bytes_of("x", (size_t)1 << 32));
    assert_status(brisk_cache_set_view(cache, text("key"), &view, NULL), BRISK_ERR_TOO_BIG);
    brisk_cache_free(cache);
}

static void limits_are_never_exceeded_when_a_call_returns(void **state)
{
    (void)state;
    static uint8_t bytes[3000];
    struct test_random random = test_random_seeded(3);
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache_options options = brisk_cache_options_default();
        options.policy = every_policy[i];
        options.max_bytes = 100000;
        options.max_entries = 300;
        options.max_weight = 60000;
        options.weigh = weigh_length;
        struct brisk_cache *cache = new_cache(&options);
        for (int k = 0; k < 3000; k++) {
            uint64_t key = test_random_below(&random, 600);
            size_t length = test_random_below(&random, k % 2 == 0 ? 100 : 3000);
            assert_ok(
                brisk_cache_set(cache, number_key(&key), brisk_bytes_of(bytes, length), NULL));
            struct brisk_cache_stats stats = stats_of(cache);
            assert_true(stats.bytes <= 100000);
            assert_true(stats.entries <= 300);
            assert_true(stats.weight <= 60000);
            assert_ok(brisk_cache_contains(cache, number_key(&key)));
        }
        assert_true(stats_of(cache).evicted_capacity_bytes > 100000);
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

static void an_entry_heavier_than_the_limit_is_too_big(void **state)
{
    (void)state;
    struct brisk_cache_options options = brisk_cache_options_default();
    options.max_weight = 10;
    options.weigh = weigh_length;
    struct brisk_cache *cache = new_cache(&options);
    set_text(cache, "a", "0123456789");
    assert_u64(stats_of(cache).weight, 10);
    assert_status(brisk_cache_set(cache, text("b"), text("0123456789x"), NULL), BRISK_ERR_TOO_BIG);
    assert_holds_text(cache, "a", "0123456789");
    set_text(cache, "b", "");
    assert_holds_text(cache, "a", "0123456789");
    set_text(cache, "c", "x");
    assert_u64(stats_of(cache).weight, 1);
    assert_status(has(cache, "a"), BRISK_MISS);
    brisk_cache_free(cache);
}

static void a_replaced_entry_has_its_new_weight(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache_options options = brisk_cache_options_default();
        options.policy = every_policy[i];
        options.max_weight = 100;
        options.weigh = weigh_length;
        struct brisk_cache *cache = new_cache(&options);
        static const char *const values[] = {"1234", "12", "123456", "1", "12345678"};
        for (int k = 0; k < 5; k++) {
            set_text(cache, "key", values[k]);
            assert_u64(stats_of(cache).weight, strlen(values[k]));
        }
        brisk_cache_clear(cache);
        assert_u64(stats_of(cache).weight, 0);
        brisk_cache_free(cache);
    }
}

struct weighed {
    unsigned int times;
    uint64_t weight;
};

static uint64_t weigh_and_count(struct brisk_bytes key, struct brisk_bytes value, void *ctx)
{
    struct weighed *weighed = ctx;
    (void)key, (void)value;
    weighed->times++;
    return weighed->weight;
}

/* Its answer may be another one each time: the first one counts until the entry leaves. */
static void an_entry_is_weighed_once_and_keeps_its_weight(void **state)
{
    (void)state;
    static uint8_t bytes[INLINE_MAX + 1];
    for (int i = 0; i < POLICIES; i++) {
        struct weighed weighed = {.weight = 7};
        struct brisk_cache_options options = brisk_cache_options_default();
        options.policy = every_policy[i];
        options.max_weight = 100;
        options.weigh = weigh_and_count;
        options.weigh_ctx = &weighed;
        struct brisk_cache *cache = new_cache(&options);
        set_text(cache, "small", "value");
        assert_ok(brisk_cache_set(cache, text("large"), brisk_bytes_of(bytes, sizeof bytes), NULL));
        assert_u64(weighed.times, 2);

        weighed.weight = 50;
        assert_ok(probe(cache, "small"));
        assert_ok(brisk_cache_touch(cache, text("small"), 1000));
        assert_ok(brisk_cache_resize(cache, 10, 0, 100));

        assert_u64(stats_of(cache).weight, 14);
        assert_ok(brisk_cache_delete(cache, text("large")));
        assert_u64(stats_of(cache).weight, 7);
        assert_u64(weighed.times, 2);
        brisk_cache_free(cache);
    }
}

static void the_greatest_weights_do_not_wrap_around(void **state)
{
    (void)state;
    struct weighed weighed = {.weight = UINT64_MAX - 1};
    struct brisk_cache_options options = brisk_cache_options_default();
    options.max_weight = UINT64_MAX - 1;
    options.weigh = weigh_and_count;
    options.weigh_ctx = &weighed;
    options.shards = 1;
    struct brisk_cache *cache = new_cache(&options);
    set_text(cache, "a", "1");
    set_text(cache, "b", "2");
    assert_status(has(cache, "a"), BRISK_MISS);
    assert_u64(stats_of(cache).weight, UINT64_MAX - 1);
    weighed.weight = UINT64_MAX;
    assert_status(brisk_cache_set(cache, text("c"), text("3"), NULL), BRISK_ERR_TOO_BIG);
    assert_ok(has(cache, "b"));
    brisk_cache_free(cache);
}

static void an_entry_takes_at_most_the_share_of_a_shard(void **state)
{
    (void)state;
    static uint8_t bytes[40000];
    struct brisk_cache_options options = brisk_cache_options_default();
    options.max_bytes = 80000;
    options.shards = 4;
    struct brisk_cache *cache = new_cache(&options);
    for (uint64_t key = 0; key < 16; key++) {
        assert_ok(brisk_cache_set(cache, number_key(&key), brisk_bytes_of(bytes, 19000), NULL));
        assert_status(
            brisk_cache_set(cache, number_key(&key), brisk_bytes_of(bytes, 20000), NULL),
            BRISK_ERR_TOO_BIG);
    }
    assert_u64(stats_of(cache).rejected, 16);
    brisk_cache_free(cache);
}

/* Without a limit in bytes it is the memory that says no. */
static void an_absurd_length_is_refused_by_a_cache_without_a_limit_in_bytes(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_LRU, 10);
    set_text(cache, "other", "stays");
    for (size_t length = SIZE_MAX; length > SIZE_MAX / 4; length -= SIZE_MAX / 64) {
        struct brisk_bytes value = brisk_bytes_of("x", length);
        set_text(cache, "key", "old");
        enum brisk_status status = length % 2 == 0
                                       ? brisk_cache_set(cache, text("key"), value, NULL)
                                       : brisk_cache_replace(cache, text("key"), value, NULL);
        assert_that(
            status == BRISK_ERR_NOMEM || status == BRISK_ERR_TOO_BIG, "%zu bytes: %s", length,
            brisk_status_name(status));
        assert_status(has(cache, "key"), BRISK_MISS);
    }
    assert_holds_text(cache, "other", "stays");
    assert_balance(cache);
    brisk_cache_free(cache);
}

enum {
    LEAST_BYTES = 1536
};

static void a_limit_in_bytes_below_the_least_is_refused(void **state)
{
    (void)state;
    struct brisk_cache_options options = brisk_cache_options_default();
    struct brisk_error error;
    options.shards = 4;
    options.max_bytes = 4 * LEAST_BYTES - 1;
    assert_null(brisk_cache_new(&options, &error));
    assert_status(error.status, BRISK_ERR_INVALID);
    assert_non_null(strstr(error.message, "max_bytes"));
    options.max_bytes++;
    struct brisk_cache *cache = new_cache(&options);
    assert_status(brisk_cache_resize(cache, 0, 4 * LEAST_BYTES - 1, 0), BRISK_ERR_INVALID);
    brisk_cache_free(cache);
}

static void a_cache_too_small_for_a_value_answers_and_can_grow(void **state)
{
    (void)state;
    static uint8_t bytes[LEAST_BYTES];
    struct brisk_bytes value = brisk_bytes_of(bytes, sizeof bytes);
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache_options options = brisk_cache_options_default();
        options.policy = every_policy[i];
        options.max_bytes = LEAST_BYTES;
        options.shards = 1;
        struct brisk_cache *cache = new_cache(&options);
        assert_status(brisk_cache_set(cache, text("key"), value, NULL), BRISK_ERR_TOO_BIG);
        assert_status(brisk_cache_add(cache, text("key"), value, NULL), BRISK_ERR_TOO_BIG);
        assert_status(brisk_cache_replace(cache, text("key"), value, NULL), BRISK_NOT_STORED);
        assert_status(probe(cache, "key"), BRISK_MISS);
        brisk_cache_clear(cache);
        assert_u64(stats_of(cache).entries, 0);

        assert_ok(brisk_cache_resize(cache, 0, 1 << 16, 0));
        set_text(cache, "key", "value");
        assert_holds_text(cache, "key", "value");
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

/* Too many bytes, or too much weight: small enough for a block of its own either way. */
static void a_short_value_that_does_not_fit_takes_the_old_one_along(void **state)
{
    (void)state;
    static uint8_t bytes[INLINE_MAX];
    static char long_text[300];
    memset(long_text, 'k', sizeof long_text - 1);
    struct brisk_bytes value = brisk_bytes_of(bytes, sizeof bytes);
    struct brisk_bytes key = text(long_text);
    for (int i = 0; i < 4; i++) {
        struct brisk_cache_options options = brisk_cache_options_default();
        options.policy = BRISK_POLICY_FIFO;
        options.max_bytes = i < 2 ? LEAST_BYTES : 100000;
        options.max_weight = i < 2 ? 100000 : 1000;
        options.weigh = weigh_length;
        struct brisk_cache *cache = new_cache(&options);
        set_text(cache, long_text, "old");
        set_text(cache, "other", "stays");

        enum brisk_status status = i % 2 == 0 ? brisk_cache_set(cache, key, value, NULL)
                                              : brisk_cache_replace(cache, key, value, NULL);

        assert_status(status, BRISK_ERR_TOO_BIG);
        assert_status(has(cache, long_text), BRISK_MISS);
        assert_holds_text(cache, "other", "stays");
        assert_u64(stats_of(cache).rejected, 1);
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

/* As with a limit in bytes: what can never fit is refused before its bytes are looked at. */
static void a_value_that_is_too_heavy_is_refused_without_a_copy(void **state)
{
    (void)state;
    struct brisk_cache_options options = brisk_cache_options_default();
    options.max_weight = 1000;
    options.weigh = weigh_length;
    struct brisk_cache *cache = new_cache(&options);
    static uint8_t bytes[1 << 20];
    set_text(cache, "key", "old");
    uint64_t before = allocation_count();
    enum brisk_status status = brisk_cache_set(
        cache, text("key"), brisk_bytes_of(bytes, sizeof bytes), NULL);
    assert_status(status, BRISK_ERR_TOO_BIG);
    assert_u64(allocation_count(), before);
    assert_status(has(cache, "key"), BRISK_MISS);
    brisk_cache_free(cache);
}

/* Its length and the bytes of its entry are more than a size_t holds. */
static void a_borrowed_view_of_the_greatest_length_is_too_big(void **state)
{
    (void)state;
    for (size_t less = 0; less < 100; less++) {
        struct brisk_cache *cache = new_cache(NULL);
        struct brisk_view view = brisk_view_borrow(brisk_bytes_of("x", SIZE_MAX - less));
        assert_status(brisk_cache_set_view(cache, text("key"), &view, NULL), BRISK_ERR_TOO_BIG);
        assert_u64(stats_of(cache).entries, 0);
        brisk_cache_free(cache);
    }
}

static void the_least_limits_in_bytes_are_kept_to(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        for (size_t limit = LEAST_BYTES; limit <= 4096; limit += 512) {
            struct brisk_cache_options options = brisk_cache_options_default();
            options.policy = every_policy[i];
            options.max_bytes = limit;
            struct brisk_cache *cache = new_cache(&options);
            for (uint64_t key = 0; key < 1000; key++)
                set_number(cache, key);
            uint64_t bytes = stats_of(cache).bytes;
            assert_that(bytes <= limit, "policy %d: %d bytes, limit %d", i, (int)bytes, (int)limit);
            brisk_cache_free(cache);
        }
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_value_that_does_not_fit_takes_the_old_one_along),
    cmocka_unit_test(one_entry_may_take_the_whole_budget_and_not_a_byte_more),
    cmocka_unit_test(a_value_of_four_gigabytes_is_too_big_and_not_copied),
    cmocka_unit_test(limits_are_never_exceeded_when_a_call_returns),
    cmocka_unit_test(an_entry_heavier_than_the_limit_is_too_big),
    cmocka_unit_test(a_replaced_entry_has_its_new_weight),
    cmocka_unit_test(an_entry_is_weighed_once_and_keeps_its_weight),
    cmocka_unit_test(the_greatest_weights_do_not_wrap_around),
    cmocka_unit_test(an_entry_takes_at_most_the_share_of_a_shard),
    cmocka_unit_test(an_absurd_length_is_refused_by_a_cache_without_a_limit_in_bytes),
    cmocka_unit_test(a_limit_in_bytes_below_the_least_is_refused),
    cmocka_unit_test(a_cache_too_small_for_a_value_answers_and_can_grow),
    cmocka_unit_test(a_short_value_that_does_not_fit_takes_the_old_one_along),
    cmocka_unit_test(a_value_that_is_too_heavy_is_refused_without_a_copy),
    cmocka_unit_test(a_borrowed_view_of_the_greatest_length_is_too_big),
    cmocka_unit_test(the_least_limits_in_bytes_are_kept_to))
