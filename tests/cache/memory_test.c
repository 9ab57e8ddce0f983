/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each allocation fails once, in a script of operations from brisk_cache_new on:
 * a store that finds no memory removes its own key and nothing else.
 */
#include "tests/cache/cache_support.h"

enum {
    KEYS = 60,
    SMALL = 40,
    LARGE = 3000
};

/* What a key should hold: a value of `length` bytes `mark`; nothing if mark is 0. */
struct expected {
    uint8_t mark;
    size_t length;
};

struct script {
    enum brisk_policy policy;
    bool has_time, has_weight;
    struct brisk_cache *cache;
    struct expected expected[KEYS];
    struct fake_clock clock;
    bool is_failing;
};

static uint64_t weigh_one(struct brisk_bytes key, struct brisk_bytes value, void *ctx)
{
    (void)key, (void)value, (void)ctx;
    return 1;
}

static bool open_script(struct script *script)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    struct brisk_error error = {0};
    options.policy = script->policy;
    options.max_entries = 1000;
    options.shards = 1;
    options.hash_seed = 3;
    options.clock = fake_clock_now;
    options.clock_ctx = &script->clock;
    options.negative_ttl = 100;
    if (script->has_time) {
        options.ttl = 1000;
        options.idle_ttl = 1000;
    }
    if (script->has_weight) {
        options.max_weight = 1000;
        options.weigh = weigh_one;
    }
    memset(script->expected, 0, sizeof script->expected);
    script->cache = brisk_cache_new(&options, &error);
    if (script->cache != NULL)
        return true;
    assert_true(script->is_failing);
    assert_status(error.status, BRISK_ERR_NOMEM);
    assert_true(error.message[0] != '\0');
    return false;
}

/* Either it came through, or memory failed. */
static bool came_through(const struct script *script, enum brisk_status status)
{
    if (status == BRISK_OK)
        return true;
    assert_status(status, BRISK_ERR_NOMEM);
    assert_true(script->is_failing);
    return false;
}

static void note(struct script *script, uint64_t key, bool is_stored, uint8_t mark, size_t length)
{
    script->expected[key] = is_stored ? (struct expected){mark, length} : (struct expected){0, 0};
}

static void store(struct script *script, uint64_t key, uint8_t mark, size_t length, uint64_t group)
{
    static uint8_t bytes[LARGE];
    struct brisk_entry_options options = brisk_entry_options_default();
    options.group = group;
    memset(bytes, mark, length);
    enum brisk_status status = brisk_cache_set(
        script->cache, number_key(&key), brisk_bytes_of(bytes, length), &options);
    note(script, key, came_through(script, status), mark, length);
}

/* Only if the key's presence is what `is_there` says; the script knows that it is. */
static void
store_if(struct script *script, uint64_t key, bool is_there, uint8_t mark, size_t length)
{
    static uint8_t bytes[LARGE];
    bool was_there = script->expected[key].mark != 0;
    memset(bytes, mark, length);
    struct brisk_bytes value = brisk_bytes_of(bytes, length);
    enum brisk_status status = is_there
                                   ? brisk_cache_replace(
                                         script->cache, number_key(&key), value, NULL)
                                   : brisk_cache_add(script->cache, number_key(&key), value, NULL);
    if (was_there != is_there)
        assert_true(status == BRISK_NOT_STORED || !came_through(script, status));
    if (status != BRISK_NOT_STORED)
        note(script, key, came_through(script, status), mark, length);
}

static void store_view(struct script *script, uint64_t key, uint8_t mark)
{
    static uint8_t bytes[LARGE];
    struct brisk_view view;
    memset(bytes, mark, sizeof bytes);
    if (!came_through(script, brisk_view_copy(&view, brisk_bytes_of(bytes, sizeof bytes))))
        return;
    enum brisk_status status = brisk_cache_set_view(script->cache, number_key(&key), &view, NULL);
    brisk_view_release(&view);
    note(script, key, came_through(script, status), mark, sizeof bytes);
}

static enum brisk_status load_bytes(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    uint8_t bytes[SMALL];
    (void)key, (void)entry, (void)ctx;
    memset(bytes, 'l', sizeof bytes);
    return brisk_view_copy(out, brisk_bytes_of(bytes, sizeof bytes));
}

/* Its result is handed out even if there is no memory to keep it. */
static void load(struct script *script, uint64_t key)
{
    struct brisk_view view;
    enum brisk_status status = brisk_cache_get_or_load(
        script->cache, number_key(&key), &view, load_bytes, NULL);
    if (came_through(script, status))
        assert_size(view.length, SMALL);
    brisk_view_release(&view);
    bool is_kept = brisk_cache_contains(script->cache, number_key(&key)) == BRISK_OK;
    assert_true(is_kept || script->is_failing);
    note(script, key, is_kept, 'l', SMALL);

    key++;
    status = brisk_cache_get_or_load(script->cache, number_key(&key), &view, find_none, NULL);
    assert_true(status == BRISK_MISS || !came_through(script, status));
    note(script, key, false, 0, 0);
}

static void read_views(struct script *script, uint64_t key)
{
    struct brisk_view views[2];
    struct brisk_bytes keys[2] = {number_key(&key), number_key(&key)};
    enum brisk_status statuses[2];
    brisk_cache_get_many(script->cache, keys, 2, views, statuses);
    for (int i = 0; i < 2; i++) {
        if (script->expected[key].mark == 0)
            assert_status(statuses[i], BRISK_MISS);
        else if (came_through(script, statuses[i]))
            assert_size(views[i].length, script->expected[key].length);
        brisk_view_release(&views[i]);
    }
}

static void touch(struct script *script, uint64_t key, uint64_t ttl)
{
    enum brisk_status status = brisk_cache_touch(script->cache, number_key(&key), ttl);
    if (script->expected[key].mark == 0)
        assert_true(status == BRISK_MISS || !came_through(script, status));
    else
        came_through(script, status); /* and its value stays in any case */
}

static bool visit(struct brisk_bytes key, const struct brisk_view *value, void *ctx)
{
    const struct script *script = ctx;
    uint64_t number;
    memcpy(&number, key.data, sizeof number);
    assert_size(value->length, script->expected[number].length);
    return true;
}

static void assert_intact(struct script *script)
{
    uint8_t got[LARGE], wanted[LARGE];
    uint64_t entries = 0;
    for (uint64_t key = 0; key < KEYS; key++) {
        const struct expected *expected = &script->expected[key];
        size_t length = 0;
        enum brisk_status status = brisk_cache_get_into(
            script->cache, number_key(&key), got, sizeof got, &length);
        assert_that(
            status == (expected->mark != 0 ? BRISK_OK : BRISK_MISS), "key %d: %s", (int)key,
            brisk_status_name(status));
        memset(wanted, expected->mark, expected->length);
        if (status == BRISK_OK)
            assert_bytes(brisk_bytes_of(got, length), brisk_bytes_of(wanted, expected->length));
        entries += expected->mark != 0;
    }
    uint64_t there = stats_of(script->cache).entries;
    assert_true(there == entries || there == entries + 1); /* a known absence */
    assert_balance(script->cache);
}

static void run_script(bool is_failing, void *ctx)
{
    struct script *script = ctx;
    script->is_failing = is_failing;
    if (!open_script(script))
        return;
    for (uint64_t key = 0; key < 50; key++) /* the index grows */
        store(script, key, 1, SMALL, key % 5);
    store(script, 3, 2, SMALL, 0);
    store(script, 4, 3, 900, 7);
    store(script, 5, 4, LARGE, 0);
    store(script, 5, 5, SMALL, 0);
    store(script, 6, 6, LARGE, 8);
    store_view(script, 7, 7);
    store_view(script, 55, 8);
    store_if(script, 12, true, 10, LARGE);
    store_if(script, 13, true, 11, 900);
    store_if(script, 14, false, 12, SMALL);
    store_if(script, 52, false, 13, LARGE);
    store_if(script, 53, false, 14, SMALL);
    store_if(script, 54, true, 15, SMALL);
    load(script, 56);
    for (uint64_t key = 5; key < 9; key++)
        read_views(script, key);
    touch(script, 8, 500);
    touch(script, 9, UINT64_C(1) << 40);
    touch(script, 10, BRISK_TTL_FOREVER);
    touch(script, 59, 5);
    if (came_through(script, brisk_cache_resize(script->cache, 100, 0, script->has_weight * 100)))
        store(script, 11, 9, SMALL, 0);
    enum brisk_status status = brisk_cache_for_each(script->cache, visit, script);
    came_through(script, status);
    assert_intact(script);
    brisk_cache_clear(script->cache);
    assert_u64(stats_of(script->cache).entries, 0);
    brisk_cache_free(script->cache);
}

static void run_with_every_policy(bool has_time, bool has_weight)
{
    for (int i = 0; i < POLICIES; i++) {
        static struct script script;
        memset(&script, 0, sizeof script);
        script.policy = every_policy[i];
        script.has_time = has_time;
        script.has_weight = has_weight;
        for_each_allocation_failure(run_script, &script);
    }
}

static void no_memory_harms_no_other_entry(void **state)
{
    (void)state;
    run_with_every_policy(false, false);
}

static void nor_where_entries_have_deadlines(void **state)
{
    (void)state;
    run_with_every_policy(true, false);
}

static void nor_where_they_have_weights(void **state)
{
    (void)state;
    run_with_every_policy(true, true);
}

/* The thread of its own cannot be had either. */
static void new_ticker(bool is_failing, void *ctx)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    struct brisk_error error = {0};
    (void)ctx;
    options.tick_interval_ms = 60000;
    options.name = "ticking";
    struct brisk_cache *cache = brisk_cache_new(&options, &error);
    if (cache == NULL)
        assert_true(is_failing && error.status < 0);
    brisk_cache_free(cache);
}

static void a_cache_that_cannot_be_made_leaves_nothing_behind(void **state)
{
    (void)state;
    for_each_allocation_failure(new_ticker, NULL);
}

static void get_into_allocates_nothing(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    char buffer[LARGE];
    size_t length;
    set_text(cache, "small", "value");
    assert_ok(brisk_cache_set(cache, text("large"), brisk_bytes_of(buffer, sizeof buffer), NULL));
    assert_ok(brisk_cache_get_into(cache, text("small"), buffer, sizeof buffer, &length));
    uint64_t before = allocation_count();
    for (int i = 0; i < 100; i++) {
        assert_ok(brisk_cache_get_into(cache, text("small"), buffer, sizeof buffer, &length));
        assert_ok(brisk_cache_get_into(cache, text("large"), buffer, sizeof buffer, &length));
        assert_status(
            brisk_cache_get_into(cache, text("none"), buffer, sizeof buffer, &length), BRISK_MISS);
    }
    assert_u64(allocation_count(), before);
    brisk_cache_free(cache);
}

struct copying {
    struct brisk_cache *cache;
    unsigned int failures;
};

static void get_a_copy(bool is_failing, void *ctx)
{
    struct copying *copying = ctx;
    struct brisk_view view;
    memset(&view, 0xee, sizeof view);
    enum brisk_status status = brisk_cache_get(copying->cache, text("small"), &view);
    if (status == BRISK_OK) {
        assert_bytes(brisk_view_bytes(&view), text("value"));
        brisk_view_release(&view);
        return;
    }
    assert_true(is_failing);
    assert_status(status, BRISK_ERR_NOMEM);
    assert_null(view.data);
    assert_null(view.buffer);
    assert_size(view.length, 0);
    copying->failures++;
}

/* A shared value needs no memory. */
static void a_get_without_memory_for_its_copy_says_so_and_leaves_the_view_empty(void **state)
{
    (void)state;
    static uint8_t bytes[LARGE];
    for (int i = 0; i < POLICIES; i++) {
        struct copying copying = {.cache = new_cache_of(every_policy[i], 100)};
        set_text(copying.cache, "small", "value");
        assert_ok(
            brisk_cache_set(copying.cache, text("large"), brisk_bytes_of(bytes, LARGE), NULL));
        for_each_allocation_failure(get_a_copy, &copying);
        assert_true(copying.failures > 0);
        uint64_t before = allocation_count();
        assert_ok(probe(copying.cache, "large"));
        assert_u64(allocation_count(), before);
        brisk_cache_free(copying.cache);
    }
}

static void set_the_first_time_to_live(bool is_failing, void *ctx)
{
    (void)ctx;
    struct brisk_cache *cache = brisk_cache_new(NULL, NULL);
    if (cache == NULL) {
        assert_true(is_failing);
        return;
    }
    if (brisk_cache_set(cache, text("key"), text("old"), NULL) == BRISK_OK) {
        struct brisk_entry_options options = brisk_entry_options_default();
        options.ttl = 1000;
        enum brisk_status status = brisk_cache_set(cache, text("key"), text("new"), &options);
        assert_true(status == BRISK_OK || (is_failing && status == BRISK_ERR_NOMEM));
        assert_status(has(cache, "key"), status == BRISK_OK ? BRISK_OK : BRISK_MISS);
        assert_u64(stats_of(cache).rejected, status != BRISK_OK);
    }
    brisk_cache_free(cache);
}

/* The first deadline of a shard needs memory for the wheel. */
static void without_memory_for_the_first_deadline_the_old_value_goes(void **state)
{
    (void)state;
    for_each_allocation_failure(set_the_first_time_to_live, NULL);
}

struct counting {
    struct brisk_cache *cache;
    uint64_t failures;
};

static void get_many_copies(bool is_failing, void *ctx)
{
    struct counting *counting = ctx;
    struct brisk_bytes keys[] = {text("a"), text("b"), text("c"), text("none")};
    struct brisk_view views[4];
    enum brisk_status statuses[4];
    struct brisk_cache_stats before = stats_of(counting->cache);
    brisk_cache_get_many(counting->cache, keys, 4, views, statuses);
    struct brisk_cache_stats after = stats_of(counting->cache);
    for (int i = 0; i < 4; i++) {
        counting->failures += statuses[i] == BRISK_ERR_NOMEM;
        brisk_view_release(&views[i]);
    }
    assert_true(is_failing || counting->failures != 0);
    assert_u64(after.hits - before.hits, 3);
    assert_u64(after.misses - before.misses, 1);
}

static void what_get_many_finds_but_cannot_copy_counts_as_hits(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct counting counting = {.cache = new_cache_of(every_policy[i], 100)};
        set_text(counting.cache, "a", "1");
        set_text(counting.cache, "b", "2");
        set_text(counting.cache, "c", "3");
        for_each_allocation_failure(get_many_copies, &counting);
        assert_true(counting.failures > 0);
        brisk_cache_free(counting.cache);
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(without_memory_for_the_first_deadline_the_old_value_goes),
    cmocka_unit_test(what_get_many_finds_but_cannot_copy_counts_as_hits),
    cmocka_unit_test(no_memory_harms_no_other_entry),
    cmocka_unit_test(nor_where_entries_have_deadlines),
    cmocka_unit_test(nor_where_they_have_weights),
    cmocka_unit_test(a_cache_that_cannot_be_made_leaves_nothing_behind),
    cmocka_unit_test(get_into_allocates_nothing),
    cmocka_unit_test(a_get_without_memory_for_its_copy_says_so_and_leaves_the_view_empty))
