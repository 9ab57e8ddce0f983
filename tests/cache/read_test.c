/* SPDX-License-Identifier: Apache-2.0 */
/* The four ways to read: what they fill in and what they answer. */
#include "tests/cache/cache_support.h"

static void get_into_says_how_much_room_a_value_needs(void **state)
{
    (void)state;
    static uint8_t large[3000];
    char buffer[8] = "unused";
    size_t length = 0;
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_DEFAULT, 10);
    set_text(cache, "small", "0123456789");
    assert_ok(brisk_cache_set(cache, text("large"), brisk_bytes_of(large, sizeof large), NULL));

    assert_status(
        brisk_cache_get_into(cache, text("small"), buffer, sizeof buffer, &length),
        BRISK_ERR_SHORT_BUFFER);
    assert_size(length, 10);
    assert_status(
        brisk_cache_get_into(cache, text("small"), NULL, 0, &length), BRISK_ERR_SHORT_BUFFER);
    assert_size(length, 10);
    assert_status(
        brisk_cache_get_into(cache, text("large"), buffer, sizeof buffer, &length),
        BRISK_ERR_SHORT_BUFFER);
    assert_size(length, sizeof large);
    assert_u64(stats_of(cache).hits, 3);
    assert_u64(stats_of(cache).misses, 0);
    brisk_cache_free(cache);
}

static void get_into_fits_a_buffer_exactly_and_writes_no_further(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    for (size_t length = 0; length <= 1100; length++) {
        uint8_t value[1100];
        memset(value, (int)(length & 0x7f), sizeof value);
        assert_ok(brisk_cache_set(cache, text("key"), brisk_bytes_of(value, length), NULL));
        uint8_t *buffer = malloc(length + 1);
        assert_non_null(buffer);
        buffer[length] = 0xee;
        size_t got;
        assert_ok(brisk_cache_get_into(cache, text("key"), buffer, length, &got));
        assert_bytes(brisk_bytes_of(buffer, got), brisk_bytes_of(value, length));
        assert_int_equal(buffer[length], 0xee);
        free(buffer);
    }
    brisk_cache_free(cache);
}

static void a_miss_leaves_the_view_empty(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    for (int round = 0; round < 2; round++) {
        struct brisk_view view;
        memset(&view, 0xee, sizeof view);
        assert_status(brisk_cache_get(cache, text("key"), &view), BRISK_MISS);
        assert_null(view.data);
        assert_null(view.buffer);
        assert_size(view.length, 0);
    }
    brisk_cache_free(cache);
}

/* More keys than one batch: there, missing, invalid, too long, large, known twice. */
static void get_many_answers_as_single_gets_would(void **state)
{
    (void)state;
    enum {
        KEYS = 53
    };
    static char bytes[BRISK_CACHE_KEY_MAX + 1], large[2000];
    uint64_t numbers[KEYS];
    struct brisk_bytes keys[KEYS];
    struct brisk_view views[KEYS];
    enum brisk_status statuses[KEYS];
    memset(large, 'l', sizeof large);
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_DEFAULT, 1000);
    for (size_t i = 0; i < KEYS; i++) {
        numbers[i] = i / 2;
        keys[i] = number_key(&numbers[i]);
        if (i % 3 == 0)
            assert_ok(brisk_cache_set(
                cache, keys[i], i % 5 == 0 ? brisk_bytes_of(large, sizeof large) : keys[i], NULL));
    }
    keys[7] = brisk_bytes_of(NULL, 0);
    keys[40] = brisk_bytes_of(bytes, sizeof bytes);

    size_t found = brisk_cache_get_many(cache, keys, KEYS, views, statuses);

    size_t expected = 0;
    for (size_t i = 0; i < KEYS; i++) {
        struct brisk_view single;
        assert_status(statuses[i], brisk_cache_get(cache, keys[i], &single));
        assert_bytes(brisk_view_bytes(&views[i]), brisk_view_bytes(&single));
        expected += statuses[i] == BRISK_OK;
        brisk_view_release(&single);
        brisk_view_release(&views[i]);
    }
    assert_size(found, expected);
    assert_size(brisk_cache_get_many(cache, keys, 0, views, statuses), 0);
    brisk_cache_free(cache);
}

static void get_many_into_packs_values_at_multiples_of_eight(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_bytes keys[] = {text("a"), text("none"), text("b"), text("c"), text("d")};
    struct brisk_bytes values[5];
    enum brisk_status statuses[5];
    _Alignas(8) char buffer[32];
    set_text(cache, "a", "12345");
    set_text(cache, "b", "12345678");
    set_text(cache, "c", "a value that finds no room");
    set_text(cache, "d", "wxyz");

    size_t found = brisk_cache_get_many_into(
        cache, keys, 5, buffer, sizeof buffer, values, statuses);

    assert_size(found, 3);
    assert_bytes(values[0], text("12345"));
    assert_status(statuses[1], BRISK_MISS);
    assert_null(values[1].data);
    assert_bytes(values[2], text("12345678"));
    assert_ptr_equal(values[2].data, buffer + 8);
    assert_status(statuses[3], BRISK_ERR_SHORT_BUFFER);
    assert_null(values[3].data);
    assert_size(values[3].length, 26);
    assert_bytes(values[4], text("wxyz"));
    assert_ptr_equal(values[4].data, buffer + 16);
    brisk_cache_free(cache);
}

static void get_many_into_uses_room_to_the_last_byte(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_bytes keys[] = {text("a"), text("a"), text("empty")};
    struct brisk_bytes values[3];
    enum brisk_status statuses[3];
    set_text(cache, "a", "12345");
    set_text(cache, "empty", "");
    char *buffer = malloc(13); /* 5, padded to 8, and 5 */
    assert_non_null(buffer);
    assert_size(brisk_cache_get_many_into(cache, keys, 3, buffer, 13, values, statuses), 3);
    assert_bytes(values[1], text("12345"));
    assert_size(values[2].length, 0);
    assert_size(brisk_cache_get_many_into(cache, keys, 3, buffer, 12, values, statuses), 2);
    assert_status(statuses[1], BRISK_ERR_SHORT_BUFFER);
    assert_size(values[1].length, 5);
    free(buffer);
    brisk_cache_free(cache);
}

/*
 * An index of a few buckets in which every bucket has sent an entry on to the
 * next: a lookup of what is not there must come to an end.
 */
static void a_lookup_ends_however_full_the_index_is(void **state)
{
    (void)state;
    struct test_random random = test_random_seeded(11);
    for (size_t capacity = 30; capacity <= 60; capacity++) {
        struct brisk_cache *cache = new_cache_of(BRISK_POLICY_FIFO, capacity);
        for (int i = 0; i < 4000; i++) {
            uint64_t key = test_random_next(&random) | 1, absent = test_random_next(&random) & ~1U;
            struct brisk_view view;
            set_number(cache, key);
            assert_status(brisk_cache_get(cache, number_key(&absent), &view), BRISK_MISS);
            if (i % 3 == 0)
                brisk_cache_delete(cache, number_key(&key));
        }
        brisk_cache_free(cache);
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(get_into_says_how_much_room_a_value_needs),
    cmocka_unit_test(get_into_fits_a_buffer_exactly_and_writes_no_further),
    cmocka_unit_test(a_miss_leaves_the_view_empty),
    cmocka_unit_test(get_many_answers_as_single_gets_would),
    cmocka_unit_test(get_many_into_packs_values_at_multiples_of_eight),
    cmocka_unit_test(get_many_into_uses_room_to_the_last_byte),
    cmocka_unit_test(a_lookup_ends_however_full_the_index_is))
