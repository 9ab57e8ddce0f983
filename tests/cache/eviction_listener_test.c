/* SPDX-License-Identifier: Apache-2.0 */
/* Who leaves is told once, with the right reason, while its bytes are still there. */
#include "tests/cache/cache_support.h"

enum {
    REASONS = BRISK_EVICT_INVALIDATED + 1
};

/* What the listener saw, and what it does. */
struct witness {
    struct brisk_cache *cache;
    struct fake_clock clock;
    unsigned int told[REASONS];
    unsigned int last_reason;
    char last_key[32], last_value[64];
    unsigned int depth, deepest;
    void (*act)(struct witness *witness, struct brisk_bytes key, const struct brisk_view *value);
    struct brisk_view kept;
    enum brisk_status status;
};

static void copy_text(char *out, size_t room, struct brisk_bytes bytes)
{
    size_t length = bytes.length < room ? bytes.length : room - 1;
    if (length > 0)
        memcpy(out, bytes.data, length);
    out[length] = '\0';
}

static void listen(
    struct brisk_bytes key, const struct brisk_view *value, enum brisk_evict_reason reason,
    void *ctx)
{
    struct witness *witness = ctx;
    witness->told[reason]++;
    witness->last_reason = reason;
    copy_text(witness->last_key, sizeof witness->last_key, key);
    copy_text(witness->last_value, sizeof witness->last_value, brisk_view_bytes(value));
    if (witness->act == NULL || witness->depth >= 3)
        return;
    witness->depth++;
    if (witness->depth > witness->deepest)
        witness->deepest = witness->depth;
    witness->act(witness, key, value);
    witness->depth--;
}

static void
open_with(struct witness *witness, enum brisk_policy policy, size_t max_entries, uint64_t ttl)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.policy = policy;
    options.max_entries = max_entries;
    options.shards = 1;
    options.ttl = ttl;
    options.clock = fake_clock_now;
    options.clock_ctx = &witness->clock;
    options.on_evict = listen;
    options.on_evict_ctx = witness;
    options.hash_seed = 5;
    memset(witness, 0, sizeof *witness);
    witness->cache = new_cache(&options);
}

static unsigned int told_in_all(const struct witness *witness)
{
    unsigned int sum = 0;
    for (int i = 0; i < REASONS; i++)
        sum += witness->told[i];
    return sum;
}

static void assert_told(
    const struct witness *witness, enum brisk_evict_reason reason, const char *key,
    const char *value)
{
    assert_int_equal(witness->last_reason, reason);
    assert_string_equal(witness->last_key, key);
    assert_string_equal(witness->last_value, value);
}

static void each_way_out_has_its_reason(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct witness witness;
        struct brisk_entry_options entry = brisk_entry_options_default();
        open_with(&witness, every_policy[i], 1, 0);
        set_text(witness.cache, "a", "1");
        set_text(witness.cache, "b", "2");
        assert_told(&witness, BRISK_EVICT_CAPACITY, "a", "1");
        set_text(witness.cache, "b", "3");
        assert_told(&witness, BRISK_EVICT_REPLACED, "b", "2");
        set_text(witness.cache, "b", "4"); /* the same size: not overwritten silently */
        assert_told(&witness, BRISK_EVICT_REPLACED, "b", "3");
        assert_ok(brisk_cache_delete(witness.cache, text("b")));
        assert_told(&witness, BRISK_EVICT_DELETED, "b", "4");
        assert_ok(set_with_ttl(witness.cache, "c", "5", 10));
        fake_clock_advance(&witness.clock, 10);
        assert_size(brisk_cache_tick(witness.cache), 1);
        assert_told(&witness, BRISK_EVICT_EXPIRED, "c", "5");
        entry.group = 3;
        assert_ok(brisk_cache_set(witness.cache, text("d"), text("6"), &entry));
        brisk_cache_invalidate_group(witness.cache, 3);
        assert_u64(told_in_all(&witness), 5);
        assert_status(probe(witness.cache, "d"), BRISK_MISS);
        assert_told(&witness, BRISK_EVICT_INVALIDATED, "d", "6");
        set_text(witness.cache, "e", "7");
        brisk_cache_clear(witness.cache);
        assert_told(&witness, BRISK_EVICT_CLEARED, "e", "7");
        set_text(witness.cache, "f", "8");
        brisk_cache_free(witness.cache);
        assert_told(&witness, BRISK_EVICT_CLEARED, "f", "8");
        assert_u64(told_in_all(&witness), 8);
    }
}

static void a_value_that_did_not_fit_deletes_the_old_one_and_tells(void **state)
{
    (void)state;
    struct witness witness;
    open_with(&witness, BRISK_POLICY_LRU, 4, 0);
    assert_ok(brisk_cache_resize(witness.cache, 0, 20000, 0));
    set_text(witness.cache, "key", "old");
    assert_status(
        brisk_cache_set(witness.cache, text("key"), brisk_bytes_of("x", (size_t)1 << 33), NULL),
        BRISK_ERR_TOO_BIG);
    assert_told(&witness, BRISK_EVICT_DELETED, "key", "old");
    brisk_cache_free(witness.cache);
    assert_u64(told_in_all(&witness), 1);
}

/* Random operations; at the end everything that came has left, and was told once. */
static void everything_that_comes_is_told_of_exactly_once(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    for (int i = 0; i < POLICIES; i++) {
        struct witness witness;
        static uint8_t bytes[1500];
        open_with(&witness, every_policy[i], 30, 50);
        for (unsigned int k = 0; k < scaled(20000); k++) {
            uint64_t key = test_random_below(&random, 100);
            uint64_t what = test_random_below(&random, 100);
            struct brisk_bytes value = brisk_bytes_of(bytes, test_random_below(&random, 1500));
            if (what < 70)
                assert_ok(brisk_cache_set(witness.cache, number_key(&key), value, NULL));
            else if (what < 80)
                brisk_cache_delete(witness.cache, number_key(&key));
            else if (what < 90)
                fake_clock_advance(&witness.clock, 1);
            else if (what < 99)
                (void)!brisk_cache_touch(witness.cache, number_key(&key), 1 + what);
            else
                assert_ok(brisk_cache_resize(witness.cache, 10 + key, 0, 0));
        }
        struct brisk_cache_stats stats = stats_of(witness.cache);
        assert_u64(witness.told[BRISK_EVICT_CAPACITY], stats.evicted_capacity);
        assert_u64(witness.told[BRISK_EVICT_EXPIRED], stats.evicted_expired);
        assert_u64(witness.told[BRISK_EVICT_REPLACED], stats.evicted_replaced);
        assert_u64(witness.told[BRISK_EVICT_DELETED], stats.evicted_deleted);
        assert_u64(witness.told[BRISK_EVICT_CLEARED], 0);
        brisk_cache_free(witness.cache);
        assert_u64(witness.told[BRISK_EVICT_CLEARED], stats.entries);
        assert_u64(told_in_all(&witness), stats.inserts + stats.replaces);
    }
}

static void
store_again(struct witness *witness, struct brisk_bytes key, const struct brisk_view *value)
{
    (void)key;
    witness->status = brisk_cache_set(witness->cache, text("again"), brisk_view_bytes(value), NULL);
}

static void a_listener_may_store_in_the_same_cache(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct witness witness;
        open_with(&witness, every_policy[i], 8, 0);
        witness.act = store_again;
        for (uint64_t key = 0; key < 100; key++)
            set_number(witness.cache, key);
        assert_ok(witness.status);
        assert_true(witness.deepest > 0);
        assert_u64(stats_of(witness.cache).entries, 8);
        assert_balance(witness.cache);
        brisk_cache_free(witness.cache);
    }
}

static void
store_again_shared(struct witness *witness, struct brisk_bytes key, const struct brisk_view *value)
{
    static const uint8_t bytes[5000];
    (void)key, (void)value;
    witness->status = brisk_cache_set(
        witness->cache, text("again"), brisk_bytes_of(bytes, sizeof bytes), NULL);
}

/* LeakSanitizer sees what free forgets. */
static void what_a_listener_stores_while_the_cache_is_freed_is_dropped(void **state)
{
    (void)state;
    struct witness witness;
    open_with(&witness, BRISK_POLICY_DEFAULT, 8, 0);
    witness.act = store_again_shared;
    set_text(witness.cache, "key", "value");
    brisk_cache_free(witness.cache);
    assert_ok(witness.status);
    assert_u64(witness.told[BRISK_EVICT_CLEARED], 1);
}

static void
delete_it(struct witness *witness, struct brisk_bytes key, const struct brisk_view *value)
{
    (void)value;
    witness->status = brisk_cache_delete(witness->cache, key);
}

static void a_listener_may_delete_the_key_that_left(void **state)
{
    (void)state;
    struct witness witness;
    open_with(&witness, BRISK_POLICY_FIFO, 4, 0);
    witness.act = delete_it;
    for (uint64_t key = 0; key < 20; key++)
        set_number(witness.cache, key);
    assert_status(witness.status, BRISK_MISS); /* it had left already */
    uint64_t key = 19;
    assert_ok(brisk_cache_set(witness.cache, number_key(&key), text("new"), NULL));
    assert_ok(witness.status); /* replaced: the new one is there, and goes */
    assert_status(brisk_cache_contains(witness.cache, number_key(&key)), BRISK_MISS);
    assert_balance(witness.cache);
    brisk_cache_free(witness.cache);
}

static void do_much(struct witness *witness, struct brisk_bytes key, const struct brisk_view *value)
{
    (void)key, (void)value;
    struct brisk_cache_stats stats = stats_of(witness->cache);
    if (stats.max_entries > 2)
        witness->status = brisk_cache_resize(witness->cache, 2, 0, 0);
    brisk_cache_tick(witness->cache);
    (void)!probe(witness->cache, "key");
    brisk_cache_clear(witness->cache);
}

/* No lock is held, not even in resize. */
static void a_listener_may_call_everything_from_everything(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct witness witness;
        open_with(&witness, every_policy[i], 20, 10);
        witness.act = do_much;
        for (uint64_t key = 0; key < 20; key++)
            set_number(witness.cache, key);
        assert_ok(brisk_cache_resize(witness.cache, 10, 0, 0));
        assert_ok(witness.status);
        for (uint64_t key = 0; key < 20; key++) {
            set_number(witness.cache, key);
            fake_clock_advance(&witness.clock, 3);
        }
        assert_balance(witness.cache);
        brisk_cache_free(witness.cache);
    }
}

static void keep_it(struct witness *witness, struct brisk_bytes key, const struct brisk_view *value)
{
    (void)key;
    brisk_view_release(&witness->kept);
    witness->status = brisk_view_copy(&witness->kept, brisk_view_bytes(value));
}

static void
retain_it(struct witness *witness, struct brisk_bytes key, const struct brisk_view *value)
{
    (void)key;
    brisk_view_release(&witness->kept);
    witness->kept = brisk_view_retain(value);
}

static void a_listener_may_keep_what_it_is_shown(void **state)
{
    (void)state;
    static uint8_t bytes[4000];
    memset(bytes, 'b', sizeof bytes);
    struct witness witness;
    open_with(&witness, BRISK_POLICY_LRU, 1, 0);
    witness.act = keep_it;
    set_text(witness.cache, "small", "value");
    assert_ok(brisk_cache_set(witness.cache, text("large"), brisk_bytes_of(bytes, 4000), NULL));
    assert_bytes(brisk_view_bytes(&witness.kept), text("value"));
    witness.act = retain_it;
    set_text(witness.cache, "small", "value");
    assert_true(stats_of(witness.cache).pinned_bytes >= 4000);
    witness.act = NULL;
    brisk_cache_free(witness.cache);
    assert_bytes(brisk_view_bytes(&witness.kept), brisk_bytes_of(bytes, 4000));
    brisk_view_release(&witness.kept);
}

enum way_out {
    BY_CAPACITY,
    BY_REPLACE,
    BY_DELETE,
    BY_CLEAR,
    BY_EXPIRY,
    BY_GROUP,
    BY_RESIZE,
    BY_FREE,
    WAYS_OUT
};

static void drive_out(struct brisk_cache *cache, struct fake_clock *clock, enum way_out way)
{
    switch (way) {
    case BY_CAPACITY:
        set_text(cache, "other", "1");
        set_text(cache, "third", "1");
        break;
    case BY_REPLACE:
        set_text(cache, "key", "small");
        break;
    case BY_DELETE:
        assert_ok(brisk_cache_delete(cache, text("key")));
        break;
    case BY_CLEAR:
        brisk_cache_clear(cache);
        break;
    case BY_EXPIRY:
        fake_clock_advance(clock, 10);
        assert_size(brisk_cache_tick(cache), 1);
        break;
    case BY_GROUP:
        brisk_cache_invalidate_group(cache, 4);
        assert_status(probe(cache, "key"), BRISK_MISS);
        break;
    case BY_RESIZE:
        set_text(cache, "other", "1");
        assert_ok(brisk_cache_resize(cache, 1, 0, 0));
        set_text(cache, "third", "1");
        break;
    default:
        brisk_cache_free(cache);
    }
}

/* Without and with a reader who still holds the value, without and with a listener. */
static void shared_memory_is_released_once_whichever_way_it_leaves(void **state)
{
    (void)state;
    static char bytes[2000];
    for (int i = 0; i < WAYS_OUT * 4; i++) {
        enum way_out way = (enum way_out)(i / 4);
        unsigned int released = 0;
        struct witness witness;
        struct brisk_view view, held = {0};
        struct brisk_entry_options entry = brisk_entry_options_default();
        entry.group = 4;
        open_with(&witness, BRISK_POLICY_LRU, 2, 10);
        assert_ok(brisk_view_adopt(&view, bytes, sizeof bytes, count_release, &released));
        assert_ok(brisk_cache_set_view(witness.cache, text("key"), &view, &entry));
        brisk_view_release(&view);
        if (i % 2 == 1)
            assert_ok(brisk_cache_get(witness.cache, text("key"), &held));
        witness.act = i % 4 > 1 ? keep_it : NULL;
        drive_out(witness.cache, &witness.clock, way);
        assert_u64(released, i % 2 == 1 ? 0 : 1);
        if (way != BY_FREE)
            assert_true((stats_of(witness.cache).pinned_bytes >= 2000) == (i % 2 == 1));
        brisk_view_release(&held);
        assert_u64(released, 1);
        if (way != BY_FREE) {
            assert_u64(stats_of(witness.cache).pinned_bytes, 0);
            brisk_cache_free(witness.cache);
        }
        assert_u64(released, 1);
        brisk_view_release(&witness.kept);
    }
}

/* It is an entry, with a value of no bytes. */
static void a_known_absence_that_leaves_is_told_of_as_well(void **state)
{
    (void)state;
    struct witness witness;
    struct brisk_cache_options options = brisk_cache_options_default();
    memset(&witness, 0, sizeof witness);
    options.negative_ttl = 1000;
    options.on_evict = listen;
    options.on_evict_ctx = &witness;
    struct brisk_cache *cache = new_cache(&options);
    struct brisk_view view;
    assert_status(brisk_cache_get_or_load(cache, text("key"), &view, find_none, NULL), BRISK_MISS);
    brisk_cache_free(cache);
    assert_u64(told_in_all(&witness), 1);
    assert_told(&witness, BRISK_EVICT_CLEARED, "key", "");
}

static _Thread_local unsigned int told_here;

static void count_in_thread(
    struct brisk_bytes key, const struct brisk_view *value, enum brisk_evict_reason reason,
    void *ctx)
{
    (void)key, (void)value, (void)reason, (void)ctx;
    told_here++;
}

/* By the time that a call returns, its own thread was told of all that the call removed. */
static enum brisk_status remove_in_thread(unsigned int index, void *ctx)
{
    uint64_t key = index;
    for (unsigned int i = 1; i <= scaled(2000); i++) {
        thread_expect(brisk_cache_set(ctx, number_key(&key), number_key(&key), NULL) == BRISK_OK);
        thread_expect(told_here == 2 * i - 2);
        thread_expect(brisk_cache_set(ctx, number_key(&key), number_key(&key), NULL) == BRISK_OK);
        thread_expect(told_here == 2 * i - 1);
        thread_expect(brisk_cache_delete(ctx, number_key(&key)) == BRISK_OK);
        thread_expect(told_here == 2 * i);
    }
    return BRISK_OK;
}

static void the_thread_that_removes_an_entry_is_the_one_that_tells(void **state)
{
    (void)state;
    struct brisk_cache_options options = brisk_cache_options_default();
    options.shards = 1;
    options.on_evict = count_in_thread;
    struct brisk_cache *cache = new_cache(&options);
    run_threads(4, remove_in_thread, cache);
    brisk_cache_free(cache);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(each_way_out_has_its_reason),
    cmocka_unit_test(a_value_that_did_not_fit_deletes_the_old_one_and_tells),
    cmocka_unit_test(everything_that_comes_is_told_of_exactly_once),
    cmocka_unit_test(a_listener_may_store_in_the_same_cache),
    cmocka_unit_test(what_a_listener_stores_while_the_cache_is_freed_is_dropped),
    cmocka_unit_test(a_listener_may_delete_the_key_that_left),
    cmocka_unit_test(a_listener_may_call_everything_from_everything),
    cmocka_unit_test(a_listener_may_keep_what_it_is_shown),
    cmocka_unit_test(shared_memory_is_released_once_whichever_way_it_leaves),
    cmocka_unit_test(a_known_absence_that_leaves_is_told_of_as_well),
    cmocka_unit_test(the_thread_that_removes_an_entry_is_the_one_that_tells))
