/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and values of every length and content; what is no key. */
#include "tests/cache/cache_support.h"

static void keys_and_values_may_hold_zero_bytes(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_bytes first = brisk_bytes_of("a\0b", 3), second = brisk_bytes_of("a\0c", 3);
    assert_ok(brisk_cache_set(cache, first, brisk_bytes_of("\0\0", 2), NULL));
    assert_ok(brisk_cache_set(cache, second, brisk_bytes_of("\0", 1), NULL));
    assert_holds(cache, first, brisk_bytes_of("\0\0", 2));
    assert_holds(cache, second, brisk_bytes_of("\0", 1));
    assert_status(probe(cache, "a"), BRISK_MISS);
    brisk_cache_free(cache);
}

/* Every length around a word, a block and the limits. */
static void keys_of_every_length_are_told_apart(void **state)
{
    (void)state;
    static uint8_t bytes[BRISK_CACHE_KEY_MAX];
    memset(bytes, 'k', sizeof bytes);
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_LRU, 100000);
    for (size_t length = 1; length <= BRISK_CACHE_KEY_MAX; length += length < 300 ? 1 : 263)
        assert_ok(brisk_cache_set(
            cache, brisk_bytes_of(bytes, length), brisk_bytes_of(&length, sizeof length), NULL));
    for (size_t length = 1; length <= BRISK_CACHE_KEY_MAX; length += length < 300 ? 1 : 263)
        assert_holds(cache, brisk_bytes_of(bytes, length), brisk_bytes_of(&length, sizeof length));
    brisk_cache_free(cache);
}

static void values_of_every_length_come_back_whole(void **state)
{
    (void)state;
    static uint8_t bytes[5000], got[5000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + 1);
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_SIEVE, 10);
    for (size_t length = 0; length <= sizeof bytes; length += length < 1100 ? 1 : 97) {
        struct brisk_bytes value = brisk_bytes_of(bytes, length);
        assert_ok(brisk_cache_set(cache, text("key"), value, NULL));
        assert_holds(cache, text("key"), value);
        size_t got_length = 0;
        assert_ok(brisk_cache_get_into(cache, text("key"), got, sizeof got, &got_length));
        assert_bytes(brisk_bytes_of(got, got_length), value);
    }
    brisk_cache_free(cache);
}

static void a_key_of_the_greatest_length_is_stored(void **state)
{
    (void)state;
    static char bytes[BRISK_CACHE_KEY_MAX];
    memset(bytes, 'k', sizeof bytes);
    struct brisk_bytes key = brisk_bytes_of(bytes, sizeof bytes);
    static uint8_t value[INLINE_MAX];
    struct brisk_cache *cache = new_cache(NULL);
    assert_ok(brisk_cache_set(cache, key, brisk_bytes_of(value, sizeof value), NULL));
    assert_holds(cache, key, brisk_bytes_of(value, sizeof value));
    brisk_cache_free(cache);
}

static enum brisk_status load_nothing(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    (void)key, (void)out, (void)entry, (void)ctx;
    return BRISK_ERR_CORRUPT;
}

/* Each function that takes a key, by number. */
static enum brisk_status call_with(struct brisk_cache *cache, int function, struct brisk_bytes key)
{
    struct brisk_view view = {0};
    struct brisk_bytes value = text("v"), got;
    enum brisk_status status = BRISK_OK;
    size_t length;
    char buffer[64];
    switch (function) {
    case 0:
        return brisk_cache_get(cache, key, &view);
    case 1:
        return brisk_cache_get_into(cache, key, buffer, sizeof buffer, &length);
    case 2:
        brisk_cache_get_many(cache, &key, 1, &view, &status);
        return status;
    case 3:
        brisk_cache_get_many_into(cache, &key, 1, buffer, sizeof buffer, &got, &status);
        return status;
    case 4:
        return brisk_cache_set(cache, key, value, NULL);
    case 5:
        view = brisk_view_borrow(value);
        return brisk_cache_set_view(cache, key, &view, NULL);
    case 6:
        return brisk_cache_add(cache, key, value, NULL);
    case 7:
        return brisk_cache_replace(cache, key, value, NULL);
    case 8:
        return brisk_cache_delete(cache, key);
    case 9:
        return brisk_cache_contains(cache, key);
    case 10:
        return brisk_cache_touch(cache, key, 5);
    default:
        return brisk_cache_get_or_load(cache, key, &view, load_nothing, NULL);
    }
}

enum {
    FUNCTIONS_WITH_A_KEY = 12
};

static void an_empty_key_and_one_without_bytes_are_invalid_everywhere(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    for (int warm = 0; warm < 2; warm++) {
        for (int function = 0; function < FUNCTIONS_WITH_A_KEY; function++) {
            const struct brisk_bytes empty[] = {{NULL, 0}, {"x", 0}, {NULL, 5}, {NULL, 8}};
            for (int i = 0; i < 4; i++) {
                enum brisk_status status = call_with(cache, function, empty[i]);
                assert_that(
                    status == BRISK_ERR_INVALID, "function %d: %s", function,
                    brisk_status_name(status));
            }
        }
        assert_status(probe(cache, "x"), BRISK_MISS); /* now this cache is the thread's last */
    }
    assert_u64(stats_of(cache).entries, 0);
    brisk_cache_free(cache);
}

static void a_value_without_its_bytes_is_invalid_and_changes_nothing(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_bytes value = brisk_bytes_of(NULL, 5);
    struct brisk_view view = brisk_view_borrow(value);
    set_text(cache, "key", "old");
    assert_status(brisk_cache_set(cache, text("key"), value, NULL), BRISK_ERR_INVALID);
    assert_status(brisk_cache_add(cache, text("new"), value, NULL), BRISK_ERR_INVALID);
    assert_status(brisk_cache_replace(cache, text("key"), value, NULL), BRISK_ERR_INVALID);
    assert_status(brisk_cache_set_view(cache, text("key"), &view, NULL), BRISK_ERR_INVALID);
    assert_holds_text(cache, "key", "old");
    assert_ok(brisk_cache_set(cache, text("key"), brisk_bytes_of(NULL, 0), NULL));
    assert_holds_text(cache, "key", "");
    brisk_cache_free(cache);
}

/* The bytes are not there: nobody may look at them. */
static void a_key_that_is_too_long_is_too_big_everywhere_and_never_read(void **state)
{
    (void)state;
    static const size_t lengths[] = {
        BRISK_CACHE_KEY_MAX + 1, 1U << 16, UINT64_C(1) << 32, (UINT64_C(1) << 32) + 8, SIZE_MAX};
    char *bytes = malloc(BRISK_CACHE_KEY_MAX);
    assert_non_null(bytes);
    memset(bytes, 'k', BRISK_CACHE_KEY_MAX);
    struct brisk_cache *cache = new_cache(NULL);
    for (int warm = 0; warm < 2; warm++) {
        for (int function = 0; function < FUNCTIONS_WITH_A_KEY; function++) {
            for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
                enum brisk_status status = call_with(
                    cache, function, brisk_bytes_of(bytes, lengths[i]));
                assert_that(
                    status == BRISK_ERR_TOO_BIG, "function %d, %zu bytes: %s", function, lengths[i],
                    brisk_status_name(status));
            }
        }
        assert_status(probe(cache, "x"), BRISK_MISS);
    }
    assert_u64(stats_of(cache).entries, 0);
    brisk_cache_free(cache);
    free(bytes);
}

static void a_value_without_bytes_is_a_hit(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_view view;
    size_t length = 99;
    assert_ok(brisk_cache_set(cache, text("key"), brisk_bytes_of(NULL, 0), NULL));
    assert_ok(brisk_cache_get(cache, text("key"), &view));
    assert_size(view.length, 0);
    brisk_view_release(&view);
    assert_ok(brisk_cache_get_into(cache, text("key"), NULL, 0, &length));
    assert_size(length, 0);
    view = (struct brisk_view){0};
    assert_ok(brisk_cache_set_view(cache, text("view"), &view, NULL));
    assert_ok(brisk_cache_get_into(cache, text("view"), NULL, 0, &length));
    assert_size(length, 0);
    brisk_cache_free(cache);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(keys_and_values_may_hold_zero_bytes),
    cmocka_unit_test(keys_of_every_length_are_told_apart),
    cmocka_unit_test(values_of_every_length_come_back_whole),
    cmocka_unit_test(a_key_of_the_greatest_length_is_stored),
    cmocka_unit_test(an_empty_key_and_one_without_bytes_are_invalid_everywhere),
    cmocka_unit_test(a_value_without_its_bytes_is_invalid_and_changes_nothing),
    cmocka_unit_test(a_key_that_is_too_long_is_too_big_everywhere_and_never_read),
    cmocka_unit_test(a_value_without_bytes_is_a_hit))
