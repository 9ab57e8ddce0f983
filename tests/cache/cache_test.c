/* SPDX-License-Identifier: Apache-2.0 */
/* Every verb and every status of include/brisk/cache.h, one thread. */
#include "tests/cache/cache_support.h"

static void a_value_comes_back_until_it_is_deleted(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = new_cache_of(every_policy[i], 10);
        assert_status(probe(cache, "key"), BRISK_MISS);
        set_text(cache, "key", "value");
        assert_holds_text(cache, "key", "value");
        assert_ok(brisk_cache_delete(cache, text("key")));
        assert_status(probe(cache, "key"), BRISK_MISS);
        assert_status(brisk_cache_delete(cache, text("key")), BRISK_MISS);
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

static void a_second_set_replaces_the_value(void **state)
{
    (void)state;
    static const char *const values[] = {"one", "two", "", "a longer one", "x", ""};
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = new_cache_of(every_policy[i], 10);
        for (size_t k = 0; k < 6; k++) {
            set_text(cache, "key", values[k]);
            assert_holds_text(cache, "key", values[k]);
        }
        struct brisk_cache_stats stats = stats_of(cache);
        assert_u64(stats.inserts, 1);
        assert_u64(stats.replaces, 5);
        assert_u64(stats.entries, 1);
        brisk_cache_free(cache);
    }
}

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

static void an_empty_key_is_invalid_everywhere(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    for (int warm = 0; warm < 2; warm++) {
        for (int function = 0; function < FUNCTIONS_WITH_A_KEY; function++) {
            const struct brisk_bytes empty[] = {{NULL, 0}, {"x", 0}};
            for (int i = 0; i < 2; i++) {
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

static void add_stores_only_what_is_missing(void **state)
{
    (void)state;
    static uint8_t large[2000];
    struct brisk_cache *cache = new_cache(NULL);
    assert_ok(brisk_cache_add(cache, text("key"), text("first"), NULL));
    assert_status(brisk_cache_add(cache, text("key"), text("second"), NULL), BRISK_NOT_STORED);
    assert_status(
        brisk_cache_add(cache, text("key"), brisk_bytes_of(large, sizeof large), NULL),
        BRISK_NOT_STORED);
    assert_holds_text(cache, "key", "first");
    assert_ok(brisk_cache_delete(cache, text("key")));
    assert_ok(brisk_cache_add(cache, text("key"), text("third"), NULL));
    assert_holds_text(cache, "key", "third");
    assert_balance(cache);
    brisk_cache_free(cache);
}

static void replace_stores_only_what_is_there(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    assert_status(brisk_cache_replace(cache, text("key"), text("x"), NULL), BRISK_NOT_STORED);
    assert_status(has(cache, "key"), BRISK_MISS);
    set_text(cache, "key", "first");
    assert_ok(brisk_cache_replace(cache, text("key"), text("second"), NULL));
    assert_holds_text(cache, "key", "second");
    assert_balance(cache);
    brisk_cache_free(cache);
}

/* The condition comes first: whether the value would fit is not the question. */
static void add_and_replace_judge_the_key_before_the_size(void **state)
{
    (void)state;
    static uint8_t large[1 << 16];
    struct brisk_bytes value = brisk_bytes_of(large, sizeof large);
    struct brisk_cache_options options = brisk_cache_options_default();
    options.max_bytes = 4096;
    struct brisk_cache *cache = new_cache(&options);
    set_text(cache, "there", "value");
    assert_status(brisk_cache_add(cache, text("there"), value, NULL), BRISK_NOT_STORED);
    assert_holds_text(cache, "there", "value");
    assert_status(brisk_cache_replace(cache, text("absent"), value, NULL), BRISK_NOT_STORED);
    assert_status(brisk_cache_add(cache, text("absent"), value, NULL), BRISK_ERR_TOO_BIG);
    assert_status(brisk_cache_replace(cache, text("there"), value, NULL), BRISK_ERR_TOO_BIG);
    assert_status(has(cache, "there"), BRISK_MISS);
    assert_balance(cache);
    brisk_cache_free(cache);
}

static void contains_counts_as_no_read(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_LRU, 2);
    set_text(cache, "a", "1");
    set_text(cache, "b", "2");
    assert_ok(has(cache, "a"));
    assert_status(has(cache, "c"), BRISK_MISS);
    set_text(cache, "c", "3");
    assert_status(has(cache, "a"), BRISK_MISS);
    assert_ok(has(cache, "b"));
    assert_u64(stats_of(cache).hits + stats_of(cache).misses, 0);
    brisk_cache_free(cache);
}

static void clear_drops_every_entry_and_the_cache_goes_on(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = new_cache_of(every_policy[i], 1000);
        for (int round = 0; round < 3; round++) {
            for (uint64_t k = 0; k < 1500; k++)
                assert_ok(brisk_cache_set(cache, number_key(&k), number_key(&k), NULL));
            assert_u64(stats_of(cache).entries, 1000);
            brisk_cache_clear(cache);
            assert_u64(stats_of(cache).entries, 0);
            for (uint64_t k = 0; k < 1500; k++)
                assert_status(brisk_cache_contains(cache, number_key(&k)), BRISK_MISS);
        }
        assert_u64(stats_of(cache).evicted_cleared, 3000);
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

static void a_group_is_invalidated_at_once(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_entry_options options = brisk_entry_options_default();
    for (uint64_t k = 0; k < 100; k++) {
        options.group = k % 4; /* 0 is none */
        assert_ok(brisk_cache_set(cache, number_key(&k), number_key(&k), &options));
    }
    brisk_cache_invalidate_group(cache, 2);
    brisk_cache_invalidate_group(cache, 0);
    brisk_cache_invalidate_group(cache, 77);
    assert_u64(stats_of(cache).entries, 100);
    for (uint64_t k = 0; k < 100; k++)
        assert_status(
            brisk_cache_contains(cache, number_key(&k)), k % 4 == 2 ? BRISK_MISS : BRISK_OK);
    for (uint64_t k = 0; k < 100; k++) {
        struct brisk_view view;
        assert_status(
            brisk_cache_get(cache, number_key(&k), &view), k % 4 == 2 ? BRISK_MISS : BRISK_OK);
        brisk_view_release(&view);
    }
    assert_u64(stats_of(cache).entries, 75);
    assert_u64(stats_of(cache).evicted_invalidated, 25);
    assert_balance(cache);
    brisk_cache_free(cache);
}

static void what_enters_a_group_after_its_invalidation_is_valid(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_entry_options options = brisk_entry_options_default();
    options.group = 5;
    for (int round = 0; round < 10; round++) {
        assert_ok(brisk_cache_set(cache, text("a"), text("1"), &options));
        assert_ok(brisk_cache_set(cache, text("b"), text("2"), &options));
        assert_holds_text(cache, "a", "1");
        brisk_cache_invalidate_group(cache, 5);
        assert_status(probe(cache, "a"), BRISK_MISS);
        assert_ok(brisk_cache_add(cache, text("b"), text("3"), &options));
        assert_holds_text(cache, "b", "3");
        assert_status(brisk_cache_delete(cache, text("a")), BRISK_MISS);
    }
    /* A set without a group takes the entry out of it. */
    set_text(cache, "b", "free");
    brisk_cache_invalidate_group(cache, 5);
    assert_holds_text(cache, "b", "free");
    assert_balance(cache);
    brisk_cache_free(cache);
}

static void many_groups_come_and_go(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_LRU, 500);
    struct brisk_entry_options options = brisk_entry_options_default();
    for (uint64_t k = 0; k < 5000; k++) {
        options.group = k + 1;
        assert_ok(brisk_cache_set(cache, number_key(&k), number_key(&k), &options));
        if (k % 3 == 0)
            brisk_cache_invalidate_group(cache, k + 1);
        assert_status(
            brisk_cache_contains(cache, number_key(&k)), k % 3 == 0 ? BRISK_MISS : BRISK_OK);
    }
    assert_balance(cache);
    brisk_cache_free(cache);
}

struct foreign {
    char bytes[4000];
    unsigned int released;
};

static void release_foreign(void *data, size_t length, void *ctx)
{
    (void)data, (void)length;
    ((struct foreign *)ctx)->released++;
}

static void set_view_shares_the_callers_memory(void **state)
{
    (void)state;
    static struct foreign foreign;
    foreign.released = 0;
    memset(foreign.bytes, 'f', sizeof foreign.bytes);
    struct brisk_view mine, got;
    assert_ok(
        brisk_view_adopt(&mine, foreign.bytes, sizeof foreign.bytes, release_foreign, &foreign));
    struct brisk_cache *cache = new_cache(NULL);
    assert_ok(brisk_cache_set_view(cache, text("key"), &mine, NULL));
    brisk_view_release(&mine);
    assert_u64(foreign.released, 0);
    assert_true(stats_of(cache).bytes >= sizeof foreign.bytes);

    assert_ok(brisk_cache_get(cache, text("key"), &got));
    assert_ptr_equal(got.data, foreign.bytes);
    brisk_cache_free(cache);
    assert_u64(foreign.released, 0);
    assert_int_equal(got.data[3999], 'f');
    brisk_view_release(&got);
    assert_u64(foreign.released, 1);
}

static void views_outlive_their_entry_and_the_cache(void **state)
{
    (void)state;
    static uint8_t large[5000];
    memset(large, 'L', sizeof large);
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_DEFAULT, 1);
    struct brisk_view small_view, large_view;
    set_text(cache, "small", "bytes");
    assert_ok(brisk_cache_get(cache, text("small"), &small_view));
    assert_ok(brisk_cache_set(cache, text("large"), brisk_bytes_of(large, sizeof large), NULL));
    assert_ok(brisk_cache_get(cache, text("large"), &large_view));
    assert_u64(stats_of(cache).pinned_bytes, 0);
    assert_ok(brisk_cache_delete(cache, text("large")));
    assert_true(stats_of(cache).pinned_bytes >= sizeof large);
    brisk_cache_free(cache);

    assert_bytes(brisk_view_bytes(&small_view), text("bytes"));
    assert_bytes(brisk_view_bytes(&large_view), brisk_bytes_of(large, sizeof large));
    brisk_view_release(&small_view);
    brisk_view_release(&large_view);
}

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

struct wrong_options {
    const char *field; /* what the message must name */
    struct brisk_cache_options options;
};

static uint64_t weigh_length(struct brisk_bytes key, struct brisk_bytes value, void *ctx)
{
    (void)key, (void)ctx;
    return value.length;
}

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
        assert_ok(brisk_cache_set(cache, number_key(&k), number_key(&k), NULL));
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

static void resize_evicts_at_once_and_lets_grow_again(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = new_cache_of(every_policy[i], 1000);
        for (uint64_t k = 0; k < 1000; k++)
            assert_ok(brisk_cache_set(cache, number_key(&k), number_key(&k), NULL));
        assert_ok(brisk_cache_resize(cache, 100, 0, 0));
        assert_u64(stats_of(cache).entries, 100);
        assert_u64(stats_of(cache).max_entries, 100);
        assert_u64(stats_of(cache).evicted_capacity, 900);
        assert_ok(brisk_cache_resize(cache, 500, 0, 0));
        for (uint64_t k = 0; k < 2000; k++)
            assert_ok(brisk_cache_set(cache, number_key(&k), number_key(&k), NULL));
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
                assert_ok(brisk_cache_set(cache, number_key(&k), number_key(&k), NULL));
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
        assert_ok(brisk_cache_set(cache, number_key(&k), number_key(&k), NULL));
    assert_u64(stats_of(cache).entries, 100);
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
            assert_ok(brisk_cache_set(cache, number_key(&key), number_key(&key), NULL));
            assert_status(brisk_cache_get(cache, number_key(&absent), &view), BRISK_MISS);
            if (i % 3 == 0)
                brisk_cache_delete(cache, number_key(&key));
        }
        brisk_cache_free(cache);
    }
}

static void every_lookup_is_a_hit_or_a_miss(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_bytes keys[] = {text("a"), text("b"), text("c")}, values[3];
    struct brisk_view views[3];
    enum brisk_status statuses[3];
    char buffer[64];
    size_t length;
    set_text(cache, "a", "1");
    assert_ok(probe(cache, "a"));
    assert_status(probe(cache, "b"), BRISK_MISS);
    assert_ok(brisk_cache_get_into(cache, keys[0], buffer, sizeof buffer, &length));
    assert_status(brisk_cache_get_into(cache, keys[1], buffer, sizeof buffer, &length), BRISK_MISS);
    assert_size(brisk_cache_get_many(cache, keys, 3, views, statuses), 1);
    brisk_view_release(&views[0]);
    assert_size(
        brisk_cache_get_many_into(cache, keys, 3, buffer, sizeof buffer, values, statuses), 1);
    struct brisk_cache_stats stats = stats_of(cache);
    assert_u64(stats.hits, 4);
    assert_u64(stats.misses, 6);
    brisk_cache_free(cache);
}

static void a_key_that_comes_back_soon_after_its_eviction_is_a_ghost_hit(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_S3FIFO, 10);
    for (uint64_t key = 0; key < 15; key++)
        assert_ok(brisk_cache_set(cache, number_key(&key), number_key(&key), NULL));
    assert_u64(stats_of(cache).ghost_hits, 0);
    uint64_t evicted = 4, fresh = 99;
    assert_ok(brisk_cache_set(cache, number_key(&fresh), number_key(&fresh), NULL));
    assert_u64(stats_of(cache).ghost_hits, 0);
    assert_ok(brisk_cache_set(cache, number_key(&evicted), number_key(&evicted), NULL));
    assert_u64(stats_of(cache).ghost_hits, 1);
    brisk_cache_free(cache);
}

static void statistics_fill_only_the_size_that_the_caller_knows(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_cache_stats stats;
    memset(&stats, 0xee, sizeof stats);
    stats.size = offsetof(struct brisk_cache_stats, misses);
    assert_ok(brisk_cache_set(cache, text("a"), text("b"), NULL));
    assert_ok(probe(cache, "a"));
    brisk_cache_read_stats(cache, &stats);
    assert_u64(stats.hits, 1);
    assert_u64(stats.misses, UINT64_C(0xeeeeeeeeeeeeeeee));
    brisk_cache_free(cache);
}

/* The last cache of a thread must not be taken for another one at the same address. */
static void caches_that_follow_each_other_count_for_themselves(void **state)
{
    (void)state;
    struct brisk_cache *other = new_cache(NULL);
    for (uint64_t i = 0; i < 20; i++) {
        struct brisk_cache *cache = new_cache(NULL);
        for (uint64_t k = 0; k <= i; k++) {
            assert_status(probe(cache, "x"), BRISK_MISS);
            assert_status(probe(other, "x"), BRISK_MISS);
        }
        assert_u64(stats_of(cache).misses, i + 1);
        brisk_cache_free(cache);
    }
    assert_u64(stats_of(other).misses, 20 * 21 / 2);
    brisk_cache_free(other);
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
                assert_ok(brisk_cache_set(cache, number_key(&key), number_key(&key), NULL));
            brisk_view_release(&view);
        }
        misses[round] = stats_of(cache).misses;
        brisk_cache_free(cache);
    }
    assert_u64(misses[0], misses[1]);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_value_comes_back_until_it_is_deleted),
    cmocka_unit_test(a_second_set_replaces_the_value),
    cmocka_unit_test(keys_and_values_may_hold_zero_bytes),
    cmocka_unit_test(keys_of_every_length_are_told_apart),
    cmocka_unit_test(values_of_every_length_come_back_whole),
    cmocka_unit_test(a_key_of_the_greatest_length_is_stored),
    cmocka_unit_test(an_empty_key_is_invalid_everywhere),
    cmocka_unit_test(a_key_that_is_too_long_is_too_big_everywhere_and_never_read),
    cmocka_unit_test(get_into_says_how_much_room_a_value_needs),
    cmocka_unit_test(get_into_fits_a_buffer_exactly_and_writes_no_further),
    cmocka_unit_test(a_value_without_bytes_is_a_hit),
    cmocka_unit_test(a_miss_leaves_the_view_empty),
    cmocka_unit_test(get_many_answers_as_single_gets_would),
    cmocka_unit_test(get_many_into_packs_values_at_multiples_of_eight),
    cmocka_unit_test(get_many_into_uses_room_to_the_last_byte),
    cmocka_unit_test(add_stores_only_what_is_missing),
    cmocka_unit_test(replace_stores_only_what_is_there),
    cmocka_unit_test(add_and_replace_judge_the_key_before_the_size),
    cmocka_unit_test(contains_counts_as_no_read),
    cmocka_unit_test(clear_drops_every_entry_and_the_cache_goes_on),
    cmocka_unit_test(a_group_is_invalidated_at_once),
    cmocka_unit_test(what_enters_a_group_after_its_invalidation_is_valid),
    cmocka_unit_test(many_groups_come_and_go), cmocka_unit_test(set_view_shares_the_callers_memory),
    cmocka_unit_test(views_outlive_their_entry_and_the_cache),
    cmocka_unit_test(a_value_that_does_not_fit_takes_the_old_one_along),
    cmocka_unit_test(one_entry_may_take_the_whole_budget_and_not_a_byte_more),
    cmocka_unit_test(a_value_of_four_gigabytes_is_too_big_and_not_copied),
    cmocka_unit_test(without_a_capacity_it_is_64_mib),
    cmocka_unit_test(wrong_options_are_refused_by_name),
    cmocka_unit_test(shards_are_rounded_up_to_a_power_of_two),
    cmocka_unit_test(wrong_entry_options_change_nothing),
    cmocka_unit_test(limits_are_never_exceeded_when_a_call_returns),
    cmocka_unit_test(an_entry_heavier_than_the_limit_is_too_big),
    cmocka_unit_test(a_replaced_entry_has_its_new_weight),
    cmocka_unit_test(resize_evicts_at_once_and_lets_grow_again),
    cmocka_unit_test(an_empty_cache_that_was_resized_takes_entries_again),
    cmocka_unit_test(resize_to_no_limit_at_all_is_invalid),
    cmocka_unit_test(a_lookup_ends_however_full_the_index_is),
    cmocka_unit_test(every_lookup_is_a_hit_or_a_miss),
    cmocka_unit_test(a_key_that_comes_back_soon_after_its_eviction_is_a_ghost_hit),
    cmocka_unit_test(statistics_fill_only_the_size_that_the_caller_knows),
    cmocka_unit_test(caches_that_follow_each_other_count_for_themselves),
    cmocka_unit_test(a_fixed_seed_repeats_the_same_evictions))
