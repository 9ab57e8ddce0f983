/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/cache/cache_support.h"

enum {
    MOST_KEYS = 4096
};

/* How often each key, a number below MOST_KEYS, was seen. */
struct seen {
    unsigned int times[MOST_KEYS];
    unsigned int visits;
    unsigned int stop_after; /* 0: never */
    bool is_wrong;           /* a value was not the one of its key */
    struct brisk_cache *cache;
};

static struct brisk_cache_options options_for_walks(void)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.hash_seed = 1;
    return options;
}

static struct brisk_bytes key_of(const uint32_t *number)
{
    return brisk_bytes_of(number, sizeof *number);
}

/* Values of `length` bytes, each the low byte of the key. */
static void put(struct brisk_cache *cache, uint32_t number, size_t length)
{
    uint8_t value[8000];
    memset(value, (int)(number & 0xff), length);
    assert_ok(brisk_cache_set(cache, key_of(&number), brisk_bytes_of(value, length), NULL));
}

static bool note(struct brisk_bytes key, const struct brisk_view *value, void *ctx)
{
    struct seen *seen = ctx;
    uint32_t number;
    memcpy(&number, key.data, sizeof number);
    seen->is_wrong |= key.length != sizeof number || number >= MOST_KEYS;
    for (size_t i = 0; i < value->length; i++)
        seen->is_wrong |= value->data[i] != (uint8_t)number;
    seen->times[number % MOST_KEYS]++;
    return ++seen->visits != seen->stop_after;
}

static void every_entry_is_visited_once(void **state)
{
    static const enum brisk_policy policies[] = {
        BRISK_POLICY_DEFAULT, BRISK_POLICY_LRU, BRISK_POLICY_LFU, BRISK_POLICY_SIEVE};
    (void)state;

    for (size_t p = 0; p < sizeof policies / sizeof policies[0]; p++) {
        struct brisk_cache_options options = options_for_walks();
        options.policy = policies[p];
        options.shards = policies[p] == BRISK_POLICY_DEFAULT ? 8 : 0;
        struct brisk_cache *cache = new_cache(&options);
        for (uint32_t i = 0; i < 3000; i++)
            put(cache, i, i % 3 == 0 ? 0 : i % 1100); /* inline and shared values */
        struct seen seen = {0};

        assert_ok(brisk_cache_for_each(cache, note, &seen));

        assert_u64(seen.visits, 3000);
        for (uint32_t i = 0; i < 3000; i++)
            assert_that(seen.times[i] == 1, "key %u: %u times", i, seen.times[i]);
        assert_false(seen.is_wrong);
        brisk_cache_free(cache);
    }
}

static void an_empty_cache_has_nothing_to_visit(void **state)
{
    struct brisk_cache_options options = options_for_walks();
    struct brisk_cache *cache = new_cache(&options);
    struct seen seen = {0};
    (void)state;

    assert_ok(brisk_cache_for_each(cache, note, &seen));

    assert_u64(seen.visits, 0);
    brisk_cache_free(cache);
}

static void keys_of_every_length_are_shown(void **state)
{
    static uint8_t longest[BRISK_CACHE_KEY_MAX];
    struct brisk_cache_options options = options_for_walks();
    struct brisk_cache *cache = new_cache(&options);
    (void)state;
    for (size_t length = 4; length <= sizeof longest; length = length * 2 - 1)
        assert_ok(
            brisk_cache_set(cache, brisk_bytes_of(longest, length), brisk_bytes_of(NULL, 0), NULL));
    assert_ok(brisk_cache_set(
        cache, brisk_bytes_of(longest, sizeof longest), brisk_bytes_of(NULL, 0), NULL));
    struct brisk_cache_stats stats = stats_of(cache);
    struct seen seen = {0};

    assert_ok(brisk_cache_for_each(cache, note, &seen));

    assert_u64(seen.visits, stats.entries);
    brisk_cache_free(cache);
}

static void a_visit_can_stop_the_walk(void **state)
{
    struct brisk_cache_options options = options_for_walks();
    struct brisk_cache *cache = new_cache(&options);
    (void)state;
    for (uint32_t i = 0; i < 10; i++)
        put(cache, i, 10);
    struct seen seen = {.stop_after = 3};

    assert_status(brisk_cache_for_each(cache, note, &seen), BRISK_ERR_CANCELLED);

    assert_u64(seen.visits, 3);
    brisk_cache_free(cache);
}

static void expired_and_invalidated_entries_are_passed_over(void **state)
{
    struct fake_clock clock = {.now = 1000};
    struct brisk_cache_options options = options_for_walks();
    options.clock = fake_clock_now;
    options.clock_ctx = &clock;
    struct brisk_cache *cache = new_cache(&options);
    struct brisk_entry_options short_lived = brisk_entry_options_default();
    struct brisk_entry_options grouped = brisk_entry_options_default();
    uint32_t expired = 1, invalidated = 2;
    (void)state;
    short_lived.ttl = 5;
    grouped.group = 7;
    put(cache, 0, 10);
    assert_ok(brisk_cache_set(cache, key_of(&expired), brisk_bytes_text("\1\1"), &short_lived));
    assert_ok(brisk_cache_set(cache, key_of(&invalidated), brisk_bytes_text("\2\2"), &grouped));
    struct seen before = {0}, after = {0};

    assert_ok(brisk_cache_for_each(cache, note, &before));
    fake_clock_advance(&clock, 5);
    brisk_cache_invalidate_group(cache, 7);
    assert_ok(brisk_cache_for_each(cache, note, &after));

    assert_u64(before.visits, 3);
    assert_u64(after.visits, 1);
    assert_u64(after.times[0], 1);
    assert_false(before.is_wrong || after.is_wrong);
    brisk_cache_free(cache);
}

/* Past the range of a near deadline, which is kept in 32 bits. */
static void an_entry_stays_expired_when_the_clock_jumps_far(void **state)
{
    struct fake_clock clock = {.now = 1000};
    struct brisk_cache_options options = options_for_walks();
    options.clock = fake_clock_now;
    options.clock_ctx = &clock;
    options.ttl = 100;
    struct brisk_cache *cache = new_cache(&options);
    struct seen seen = {0};
    (void)state;
    put(cache, 1, 10);

    fake_clock_advance(&clock, (UINT64_C(3) << 30) + 5);
    assert_ok(brisk_cache_for_each(cache, note, &seen));

    assert_u64(seen.visits, 0);
    brisk_cache_free(cache);
}

static void what_is_known_to_be_missing_is_not_shown(void **state)
{
    struct brisk_cache_options options = options_for_walks();
    options.negative_ttl = 1000;
    struct brisk_cache *cache = new_cache(&options);
    uint32_t number = 1;
    struct brisk_view view;
    struct seen seen = {0};
    (void)state;
    assert_status(
        brisk_cache_get_or_load(cache, key_of(&number), &view, find_none, NULL), BRISK_MISS);

    assert_ok(brisk_cache_for_each(cache, note, &seen));

    assert_u64(seen.visits, 0);
    brisk_cache_free(cache);
}

static void a_walk_does_not_count_as_reads(void **state)
{
    struct fake_clock clock = {.now = 1000};
    struct brisk_cache_options options = options_for_walks();
    options.clock = fake_clock_now;
    options.clock_ctx = &clock;
    options.idle_ttl = 10;
    options.max_entries = 2;
    options.policy = BRISK_POLICY_LRU;
    struct brisk_cache *cache = new_cache(&options);
    struct seen seen = {0};
    uint32_t zero = 0, one = 1;
    (void)state;
    put(cache, 0, 10);
    put(cache, 1, 10);
    assert_ok(brisk_cache_for_each(cache, note, &seen));
    put(cache, 2, 10); /* the oldest leaves, whatever order the walk had */
    fake_clock_advance(&clock, 9);
    assert_ok(brisk_cache_for_each(cache, note, &seen));

    struct brisk_cache_stats stats = stats_of(cache);
    enum brisk_status first = brisk_cache_contains(cache, key_of(&zero));
    fake_clock_advance(&clock, 1);
    enum brisk_status second = brisk_cache_contains(cache, key_of(&one));

    assert_u64(stats.hits + stats.misses, 0);
    assert_status(first, BRISK_MISS);
    assert_status(second, BRISK_MISS); /* not used for ten ticks */
    brisk_cache_free(cache);
}

static bool delete_and_add(struct brisk_bytes key, const struct brisk_view *value, void *ctx)
{
    struct seen *seen = ctx;
    uint32_t number, fresh;
    memcpy(&number, key.data, sizeof number);
    note(key, value, ctx);
    fresh = number + MOST_KEYS / 2;
    if (number < MOST_KEYS / 2)
        put(seen->cache, fresh, 10);
    number ^= 1; /* the neighbour goes: it was seen already, or never will be */
    brisk_cache_delete(seen->cache, key_of(&number));
    return true;
}

static void a_visit_may_change_the_cache(void **state)
{
    struct brisk_cache_options options = options_for_walks();
    struct brisk_cache *cache = new_cache(&options);
    struct seen seen = {.cache = cache};
    (void)state;
    for (uint32_t i = 0; i < 1000; i++)
        put(cache, i, 10);

    assert_ok(brisk_cache_for_each(cache, delete_and_add, &seen));

    for (uint32_t i = 0; i < 1000; i += 2)
        assert_that(
            seen.times[i] + seen.times[i + 1] == 1, "keys %u and %u: %u and %u times", i, i + 1,
            seen.times[i], seen.times[i + 1]);
    assert_false(seen.is_wrong);
    brisk_cache_free(cache);
}

static void walk_while_told(
    struct brisk_bytes key, const struct brisk_view *value, enum brisk_evict_reason reason,
    void *ctx)
{
    struct seen *seen = ctx;
    (void)key, (void)value, (void)reason;
    if (seen->cache != NULL)
        (void)brisk_cache_for_each(seen->cache, note, seen);
}

/* The listener runs when its entry has left, but before the memory is free. */
static void an_entry_that_has_left_is_not_shown_to_its_listener(void **state)
{
    struct seen seen = {0};
    struct brisk_cache_options options = options_for_walks();
    options.on_evict = walk_while_told;
    options.on_evict_ctx = &seen;
    struct brisk_cache *cache = new_cache(&options);
    uint32_t one = 1;
    (void)state;
    put(cache, 1, 10);
    put(cache, 2, 10);
    seen.cache = cache;

    assert_ok(brisk_cache_delete(cache, key_of(&one)));

    seen.cache = NULL;
    assert_u64(seen.times[1], 0);
    assert_u64(seen.times[2], 1);
    brisk_cache_free(cache);
}

static void walk(bool is_failing, void *ctx)
{
    struct seen seen = {0};
    enum brisk_status status = brisk_cache_for_each(ctx, note, &seen);
    if (is_failing && status == BRISK_ERR_NOMEM)
        return;
    assert_ok(status);
    assert_u64(seen.visits, 20);
}

static void failing_allocations_are_answered(void **state)
{
    struct brisk_cache_options options = options_for_walks();
    options.shards = 4;
    struct brisk_cache *cache = new_cache(&options);
    (void)state;
    for (uint32_t i = 0; i < 20; i++)
        put(cache, i, 10);

    for_each_allocation_failure(walk, cache);

    brisk_cache_free(cache);
}

enum {
    STEADY = 512,
    WRITES = 20000
};

/* Thread 0 walks; the others store, delete and evict beside the steady keys. */
static enum brisk_status walk_or_write(unsigned int index, void *ctx)
{
    struct brisk_cache *cache = ctx;
    uint8_t value[1500];
    if (index == 0) {
        for (unsigned int round = 0; round < scaled(50); round++) {
            struct seen *seen = calloc(1, sizeof *seen);
            thread_expect(seen != NULL);
            enum brisk_status status = brisk_cache_for_each(cache, note, seen);
            bool is_exact = status == BRISK_OK && !seen->is_wrong;
            for (uint32_t i = 0; i < MOST_KEYS; i++)
                is_exact = is_exact && seen->times[i] <= 1 && (i >= STEADY || seen->times[i] == 1);
            free(seen);
            thread_expect(is_exact);
        }
        return BRISK_OK;
    }
    struct test_random random = test_random_seeded(index);
    for (unsigned int i = 0; i < scaled(WRITES); i++) {
        uint32_t number = (uint32_t)(STEADY + test_random_below(&random, MOST_KEYS - STEADY));
        size_t length = test_random_below(&random, sizeof value);
        memset(value, (int)(number & 0xff), length);
        if (test_random_below(&random, 4) == 0)
            brisk_cache_delete(cache, key_of(&number));
        else
            thread_expect(
                brisk_cache_set(cache, key_of(&number), brisk_bytes_of(value, length), NULL) ==
                BRISK_OK);
    }
    return BRISK_OK;
}

static void what_stays_is_visited_once_while_others_write(void **state)
{
    struct brisk_cache_options options = options_for_walks();
    options.shards = 4;
    struct brisk_cache *cache = new_cache(&options);
    (void)state;
    for (uint32_t i = 0; i < STEADY; i++)
        put(cache, i, i % 2 == 0 ? 20 : 1200);

    run_threads(3, walk_or_write, cache);

    brisk_cache_free(cache);
}

static bool clear_all(struct brisk_bytes key, const struct brisk_view *value, void *ctx)
{
    struct seen *seen = ctx;
    brisk_cache_clear(seen->cache);
    return note(key, value, ctx);
}

static void what_a_visit_clears_is_not_visited(void **state)
{
    struct brisk_cache_options options = options_for_walks();
    struct brisk_cache *cache = new_cache(&options);
    struct seen seen = {.cache = cache};
    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        put(cache, i, i % 2 == 0 ? 10 : 2000);

    assert_ok(brisk_cache_for_each(cache, clear_all, &seen));

    assert_u64(seen.visits, 1);
    assert_false(seen.is_wrong); /* the value was still there to be read */
    brisk_cache_free(cache);
}

static bool walk_again(struct brisk_bytes key, const struct brisk_view *value, void *ctx)
{
    struct seen *seen = ctx;
    (void)key, (void)value;
    return brisk_cache_for_each(seen->cache, note, seen) == BRISK_OK;
}

static void a_visit_may_walk_as_well(void **state)
{
    struct brisk_cache_options options = options_for_walks();
    options.shards = 4;
    struct brisk_cache *cache = new_cache(&options);
    struct seen seen = {.cache = cache};
    (void)state;
    for (uint32_t i = 0; i < 50; i++)
        put(cache, i, 10);

    assert_ok(brisk_cache_for_each(cache, walk_again, &seen));

    for (uint32_t i = 0; i < 50; i++)
        assert_u64(seen.times[i], 50);
    brisk_cache_free(cache);
}

/* Every entry moves to a block of another size, before its visit or after. */
static bool replace_another(struct brisk_bytes key, const struct brisk_view *value, void *ctx)
{
    struct seen *seen = ctx;
    uint32_t number;
    memcpy(&number, key.data, sizeof number);
    put(seen->cache, (number + 1) % 1000, 10 + 7 * (number % 300));
    return note(key, value, ctx);
}

static void entries_that_are_replaced_meanwhile_are_visited_once(void **state)
{
    struct brisk_cache_options options = options_for_walks();
    options.shards = 4;
    struct brisk_cache *cache = new_cache(&options);
    struct seen seen = {.cache = cache};
    (void)state;
    for (uint32_t i = 0; i < 1000; i++)
        put(cache, i, 10);

    assert_ok(brisk_cache_for_each(cache, replace_another, &seen));

    for (uint32_t i = 0; i < 1000; i++)
        assert_that(seen.times[i] == 1, "key %u: %u times", i, seen.times[i]);
    assert_u64(seen.visits, 1000);
    assert_false(seen.is_wrong);
    brisk_cache_free(cache);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(every_entry_is_visited_once),
    cmocka_unit_test(an_empty_cache_has_nothing_to_visit),
    cmocka_unit_test(keys_of_every_length_are_shown), cmocka_unit_test(a_visit_can_stop_the_walk),
    cmocka_unit_test(expired_and_invalidated_entries_are_passed_over),
    cmocka_unit_test(an_entry_stays_expired_when_the_clock_jumps_far),
    cmocka_unit_test(what_is_known_to_be_missing_is_not_shown),
    cmocka_unit_test(a_walk_does_not_count_as_reads),
    cmocka_unit_test(a_visit_may_change_the_cache),
    cmocka_unit_test(an_entry_that_has_left_is_not_shown_to_its_listener),
    cmocka_unit_test(failing_allocations_are_answered),
    cmocka_unit_test(what_stays_is_visited_once_while_others_write),
    cmocka_unit_test(what_a_visit_clears_is_not_visited),
    cmocka_unit_test(a_visit_may_walk_as_well),
    cmocka_unit_test(entries_that_are_replaced_meanwhile_are_visited_once))
