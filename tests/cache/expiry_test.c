/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines, idle time, jitter, touch, and clocks that do not behave. */
#include "cache/wheel.h"
#include "tests/cache/cache_support.h"

#define NEAR_TICKS BK_WHEEL_NEAR_TICKS

static struct fake_clock the_clock;

static void set_clock(uint64_t now)
{
    atomic_store(&the_clock.now, now);
}

static void advance(uint64_t ticks)
{
    fake_clock_advance(&the_clock, ticks);
}

static struct brisk_cache_options options_at(uint64_t now)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.clock = fake_clock_now;
    options.clock_ctx = &the_clock;
    options.hash_seed = 1;
    options.shards = 1;
    set_clock(now);
    return options;
}

static struct brisk_cache *timed_cache(enum brisk_policy policy, uint64_t now)
{
    struct brisk_cache_options options = options_at(now);
    options.policy = policy;
    return new_cache(&options);
}

static const uint64_t starts[] = {
    0,
    1,
    (UINT64_C(1) << 31) - 1,
    (UINT64_C(1) << 32) - 3,
    (UINT64_C(1) << 32) + 1000,
    UINT64_C(1700000000000),
    UINT64_C(1700000000123456789), /* nanoseconds since 1970 */
    UINT64_MAX - (UINT64_C(1) << 55),
};

static const uint64_t ttls[] = {
    1,
    2,
    63,
    64,
    65,
    4095,
    4096,
    (UINT64_C(1) << 24) + 1,
    NEAR_TICKS - 1,
    NEAR_TICKS,
    UINT64_C(1) << 31,
    (UINT64_C(1) << 32) - 1,
    (UINT64_C(1) << 32) + 5,
    UINT64_C(1) << 40,
    (UINT64_C(1) << 54) + 77,
};

enum {
    STARTS = sizeof starts / sizeof starts[0],
    TTLS = sizeof ttls / sizeof ttls[0]
};

/* The last tick before, and the first after, in one jump each. */
static void an_entry_is_gone_at_its_deadline_and_not_before(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES * STARTS * TTLS; i++) {
        uint64_t start = starts[i % STARTS], ttl = ttls[i / STARTS % TTLS];
        struct brisk_cache *cache = timed_cache(every_policy[i / STARTS / TTLS], start);
        assert_ok(set_with_ttl(cache, "key", "value", ttl));
        set_clock(start + ttl - 1);
        assert_ok(has(cache, "key"));
        assert_holds_text(cache, "key", "value");
        set_clock(start + ttl);
        assert_status(has(cache, "key"), BRISK_MISS);
        assert_status(probe(cache, "key"), BRISK_MISS);
        assert_u64(stats_of(cache).evicted_expired, 1);
        brisk_cache_free(cache);
    }
}

static void a_tick_removes_exactly_what_is_due(void **state)
{
    (void)state;
    for (int s = 0; s < STARTS; s++) {
        struct brisk_cache *cache = timed_cache(BRISK_POLICY_DEFAULT, starts[s]);
        for (uint64_t i = 0; i < TTLS; i++) {
            struct brisk_entry_options entry = brisk_entry_options_default();
            entry.ttl = ttls[i];
            assert_ok(brisk_cache_set(cache, number_key(&i), number_key(&i), &entry));
        }
        for (uint64_t i = 0; i < TTLS; i++) {
            set_clock(starts[s] + ttls[i] - 1);
            assert_size(brisk_cache_tick(cache), 0);
            assert_ok(brisk_cache_contains(cache, number_key(&i)));
            set_clock(starts[s] + ttls[i]);
            assert_size(brisk_cache_tick(cache), 1);
            assert_status(brisk_cache_contains(cache, number_key(&i)), BRISK_MISS);
        }
        brisk_cache_free(cache);
    }
}

/* Whatever is in between: each tick on its own, or all in one. */
static void entries_leave_one_by_one_or_all_in_one_jump(void **state)
{
    (void)state;
    enum {
        ENTRIES = 700
    };
    for (int jumps = 0; jumps < 2; jumps++) {
        for (int s = 0; s < STARTS; s++) {
            struct brisk_cache *cache = timed_cache(BRISK_POLICY_SIEVE, starts[s]);
            for (uint64_t i = 1; i <= ENTRIES; i++) {
                struct brisk_entry_options entry = brisk_entry_options_default();
                entry.ttl = i;
                assert_ok(brisk_cache_set(cache, number_key(&i), number_key(&i), &entry));
            }
            for (uint64_t i = 1; i <= ENTRIES && !jumps; i++) {
                set_clock(starts[s] + i);
                assert_size(brisk_cache_tick(cache), 1);
            }
            set_clock(starts[s] + ENTRIES);
            assert_size(brisk_cache_tick(cache), jumps ? ENTRIES : 0);
            assert_u64(stats_of(cache).entries, 0);
            brisk_cache_free(cache);
        }
    }
}

/* A clock far from zero when the first entry with a deadline comes. */
static void the_first_deadline_ever_is_kept_like_any_other(void **state)
{
    (void)state;
    for (int s = 0; s < STARTS; s++) {
        struct brisk_cache *cache = timed_cache(BRISK_POLICY_LRU, starts[s]);
        assert_ok(set_with_ttl(cache, "first", "1", 100));
        advance(50);
        assert_ok(set_with_ttl(cache, "second", "2", 100));
        assert_size(brisk_cache_tick(cache), 0);
        assert_holds_text(cache, "first", "1");
        advance(50);
        assert_size(brisk_cache_tick(cache), 1);
        advance(50);
        assert_size(brisk_cache_tick(cache), 1);
        advance(UINT64_C(3) << 31); /* an empty wheel is left far behind */
        assert_ok(set_with_ttl(cache, "third", "3", 100));
        advance(99);
        assert_size(brisk_cache_tick(cache), 0);
        assert_holds_text(cache, "third", "3");
        advance(1);
        assert_size(brisk_cache_tick(cache), 1);
        brisk_cache_free(cache);
    }
}

/* Where only the low half of a deadline is kept, it must not come round again. */
static void an_entry_stays_expired_however_far_the_clock_goes(void **state)
{
    (void)state;
    for (unsigned int bits = 8; bits < 40; bits++) {
        struct brisk_cache *cache = timed_cache(BRISK_POLICY_DEFAULT, 1000);
        assert_ok(set_with_ttl(cache, "a", "1", 100));
        assert_ok(set_with_ttl(cache, "b", "2", 100));
        advance(UINT64_C(1) << bits);
        assert_status(has(cache, "a"), BRISK_MISS);
        assert_status(probe(cache, "a"), BRISK_MISS);
        assert_status(brisk_cache_touch(cache, text("b"), 100), BRISK_MISS);
        assert_status(brisk_cache_replace(cache, text("b"), text("3"), NULL), BRISK_NOT_STORED);
        assert_status(brisk_cache_delete(cache, text("b")), BRISK_MISS);
        brisk_cache_free(cache);
    }
}

static void an_entry_has_its_own_time_or_the_caches(void **state)
{
    (void)state;
    struct brisk_cache_options options = options_at(0);
    options.ttl = 10;
    struct brisk_cache *cache = new_cache(&options);
    set_text(cache, "cache's", "1");
    assert_ok(set_with_ttl(cache, "shorter", "2", 5));
    assert_ok(set_with_ttl(cache, "longer", "3", 15));
    assert_ok(set_with_ttl(cache, "for ever", "4", BRISK_TTL_FOREVER));
    advance(5);
    assert_status(has(cache, "shorter"), BRISK_MISS);
    assert_ok(has(cache, "cache's"));
    advance(5);
    assert_status(has(cache, "cache's"), BRISK_MISS);
    assert_ok(has(cache, "longer"));
    advance(5);
    assert_status(has(cache, "longer"), BRISK_MISS);
    advance(UINT64_C(1) << 60);
    assert_holds_text(cache, "for ever", "4");
    brisk_cache_free(cache);
}

static void a_replaced_entry_has_only_its_new_time(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = timed_cache(every_policy[i], 0);
        assert_ok(set_with_ttl(cache, "longer", "1", 10));
        assert_ok(set_with_ttl(cache, "shorter", "1", 10));
        assert_ok(set_with_ttl(cache, "none", "1", 10));
        assert_ok(set_with_ttl(cache, "longer", "2", 20));
        assert_ok(set_with_ttl(cache, "shorter", "2", 5));
        assert_ok(set_with_ttl(cache, "none", "2", BRISK_TTL_FOREVER));
        advance(5);
        assert_size(brisk_cache_tick(cache), 1);
        advance(14);
        assert_size(brisk_cache_tick(cache), 0);
        assert_holds_text(cache, "longer", "2");
        advance(1);
        assert_size(brisk_cache_tick(cache), 1);
        assert_holds_text(cache, "none", "2");
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

static void read_with(struct brisk_cache *cache, int verb, enum brisk_status wanted)
{
    struct brisk_bytes key = text("key"), value;
    struct brisk_view view = {0};
    enum brisk_status status = BRISK_OK;
    char buffer[64];
    size_t length;
    if (verb == 0)
        status = brisk_cache_get(cache, key, &view);
    else if (verb == 1)
        status = brisk_cache_get_into(cache, key, buffer, sizeof buffer, &length);
    else if (verb == 2)
        brisk_cache_get_many(cache, &key, 1, &view, &status);
    else
        brisk_cache_get_many_into(cache, &key, 1, buffer, sizeof buffer, &value, &status);
    brisk_view_release(&view);
    assert_status(status, wanted);
}

static void an_expired_lookup_is_one_miss(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES * 4; i++) {
        struct brisk_cache *cache = timed_cache(every_policy[i / 4], 0);
        assert_ok(set_with_ttl(cache, "key", "value", 10));
        advance(10);
        read_with(cache, i % 4, BRISK_MISS);
        struct brisk_cache_stats stats = stats_of(cache);
        assert_u64(stats.hits, 0);
        assert_u64(stats.misses, 1);
        assert_u64(stats.expired, 1);
        assert_u64(stats.evicted_expired, 1);
        assert_u64(stats.entries, 0);
        read_with(cache, i % 4, BRISK_MISS);
        assert_u64(stats_of(cache).expired, 1);
        assert_u64(stats_of(cache).misses, 2);
        brisk_cache_free(cache);
    }
}

static void reading_prolongs_an_idle_time_and_looking_does_not(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES * 4; i++) {
        struct brisk_cache_options options = options_at(starts[i % STARTS]);
        options.policy = every_policy[i / 4];
        options.idle_ttl = 10;
        struct brisk_cache *cache = new_cache(&options);
        set_text(cache, "key", "value");
        for (int round = 0; round < 30; round++) {
            advance(9);
            read_with(cache, i % 4, BRISK_OK);
        }
        for (int round = 0; round < 9; round++) {
            advance(1);
            assert_ok(has(cache, "key"));
            assert_size(brisk_cache_tick(cache), 0);
        }
        assert_status(brisk_cache_add(cache, text("key"), text("x"), NULL), BRISK_NOT_STORED);
        advance(1);
        assert_status(has(cache, "key"), BRISK_MISS);
        assert_u64(stats_of(cache).evicted_expired, 1);
        brisk_cache_free(cache);
    }
}

static void reading_prolongs_no_further_than_the_time_to_live(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES * 4; i++) {
        struct brisk_cache_options options = options_at(starts[i % STARTS]);
        options.policy = every_policy[i / 4];
        options.idle_ttl = 10;
        options.ttl = 25;
        struct brisk_cache *cache = new_cache(&options);
        set_text(cache, "key", "value");
        for (int round = 0; round < 24; round++) {
            advance(1);
            read_with(cache, i % 4, BRISK_OK);
        }
        advance(1);
        read_with(cache, i % 4, BRISK_MISS);
        assert_u64(stats_of(cache).expired, 1);
        brisk_cache_free(cache);
    }
}

static void jitter_shortens_by_up_to_its_share(void **state)
{
    (void)state;
    enum {
        ENTRIES = 2000
    };
    struct brisk_cache_options options = options_at(5000);
    options.ttl = 1000;
    options.ttl_jitter_percent = 20;
    struct brisk_cache *cache = new_cache(&options);
    for (uint64_t i = 0; i < ENTRIES; i++)
        assert_ok(brisk_cache_set(cache, number_key(&i), number_key(&i), NULL));
    advance(799);
    assert_size(brisk_cache_tick(cache), 0);
    advance(101); /* half of the range */
    size_t first_half = brisk_cache_tick(cache);
    assert_true(first_half > ENTRIES * 4 / 10 && first_half < ENTRIES * 6 / 10);
    advance(99);
    size_t second_half = brisk_cache_tick(cache);
    assert_true(first_half + second_half < ENTRIES);
    advance(1);
    brisk_cache_tick(cache);
    assert_u64(stats_of(cache).entries, 0);
    brisk_cache_free(cache);
}

static void the_greatest_jitter_leaves_a_tick_at_least(void **state)
{
    (void)state;
    for (uint64_t ttl = 1; ttl < 5; ttl++) {
        struct brisk_cache_options options = options_at(77);
        options.ttl = ttl;
        options.ttl_jitter_percent = 100;
        struct brisk_cache *cache = new_cache(&options);
        for (uint64_t i = 0; i < 200; i++)
            assert_ok(brisk_cache_set(cache, number_key(&i), number_key(&i), NULL));
        assert_size(brisk_cache_tick(cache), 0);
        advance(ttl);
        assert_size(brisk_cache_tick(cache), 200);
        brisk_cache_free(cache);
    }
}

/* From each time to live to each other; 0 is none. */
static void touch_shortens_extends_gives_and_takes_a_deadline(void **state)
{
    (void)state;
    static const uint64_t times[] = {
        BRISK_TTL_FOREVER, 10, 100, NEAR_TICKS + 5, (UINT64_C(1) << 33) + 5};
    for (int i = 0; i < POLICIES * 25; i++) {
        uint64_t before = times[i % 5], after = times[i / 5 % 5];
        struct brisk_cache *cache = timed_cache(every_policy[i / 25], starts[i % STARTS]);
        assert_ok(set_with_ttl(cache, "key", "value", before));
        assert_ok(set_with_ttl(cache, "neighbour", "other", before));
        advance(5);
        uint64_t lookups = stats_of(cache).hits + stats_of(cache).misses;
        assert_ok(brisk_cache_touch(cache, text("key"), after));
        assert_u64(stats_of(cache).hits + stats_of(cache).misses, lookups);
        assert_holds_text(cache, "key", "value");
        assert_holds_text(cache, "neighbour", "other");
        if (after == BRISK_TTL_FOREVER) {
            advance(UINT64_C(1) << 50);
            assert_holds_text(cache, "key", "value");
        } else {
            advance(after - 1);
            assert_holds_text(cache, "key", "value");
            advance(1);
            assert_status(probe(cache, "key"), BRISK_MISS);
        }
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

static void touch_without_a_time_gives_the_caches(void **state)
{
    (void)state;
    struct brisk_cache_options options = options_at(0);
    options.ttl = 50;
    struct brisk_cache *cache = new_cache(&options);
    assert_ok(set_with_ttl(cache, "key", "value", 10));
    advance(9);
    assert_ok(brisk_cache_touch(cache, text("key"), 0));
    advance(49);
    assert_ok(has(cache, "key"));
    advance(1);
    assert_status(has(cache, "key"), BRISK_MISS);
    assert_status(brisk_cache_touch(cache, text("key"), 10), BRISK_MISS);
    assert_status(brisk_cache_touch(cache, text("none"), 10), BRISK_MISS);
    brisk_cache_free(cache);
}

static uint64_t weigh_three(struct brisk_bytes key, struct brisk_bytes value, void *ctx)
{
    (void)key, (void)value, (void)ctx;
    return 3;
}

/* Group, weight, idle time, a large value: all stay with the entry. */
static void touch_changes_nothing_but_the_time(void **state)
{
    (void)state;
    static uint8_t large[3000];
    memset(large, 'L', sizeof large);
    for (int i = 0; i < POLICIES * 4; i++) {
        struct brisk_cache_options options = options_at(100);
        options.policy = every_policy[i / 4];
        options.max_weight = 1000;
        options.weigh = weigh_three;
        options.idle_ttl = i % 2 == 0 ? 0 : 1000;
        struct brisk_cache *cache = new_cache(&options);
        struct brisk_entry_options entry = brisk_entry_options_default();
        entry.group = 9;
        struct brisk_bytes value = brisk_bytes_of(large, i % 4 < 2 ? 40 : sizeof large);
        assert_ok(brisk_cache_set(cache, text("key"), value, &entry));
        uint64_t bytes = stats_of(cache).bytes;
        static const uint64_t times[] = {50, BRISK_TTL_FOREVER, UINT64_C(1) << 40, 60};
        for (int k = 0; k < 4; k++) {
            assert_ok(brisk_cache_touch(cache, text("key"), times[k]));
            assert_holds(cache, text("key"), value);
            assert_u64(stats_of(cache).weight, 3);
            assert_u64(stats_of(cache).entries, 1);
        }
        assert_ok(brisk_cache_touch(cache, text("key"), BRISK_TTL_FOREVER));
        assert_u64(stats_of(cache).bytes, bytes);
        brisk_cache_invalidate_group(cache, 9);
        assert_status(probe(cache, "key"), BRISK_MISS);
        assert_u64(stats_of(cache).weight, 0);
        brisk_cache_free(cache);
    }
}

static void touch_is_no_read(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache_of(BRISK_POLICY_LRU, 2);
    set_text(cache, "a", "1");
    set_text(cache, "b", "2");
    assert_ok(brisk_cache_touch(cache, text("a"), 1000));
    set_text(cache, "c", "3");
    assert_status(has(cache, "a"), BRISK_MISS);
    assert_ok(has(cache, "b"));
    brisk_cache_free(cache);
}

/* The words for a deadline count as well. */
static void touch_never_exceeds_a_limit_in_bytes(void **state)
{
    (void)state;
    static uint8_t bytes[1023];
    struct test_random random = test_random_seeded(4);
    for (size_t length = 0; length <= sizeof bytes; length += 11) {
        struct brisk_cache_options options = options_at(5);
        options.max_bytes = 20000;
        options.policy = BRISK_POLICY_LRU;
        struct brisk_cache *cache = new_cache(&options);
        for (uint64_t i = 0; i < 600; i++)
            assert_ok(brisk_cache_set(cache, number_key(&i), brisk_bytes_of(bytes, length), NULL));
        for (int i = 0; i < 300; i++) {
            uint64_t key = test_random_below(&random, 600);
            static const uint64_t times[] = {BRISK_TTL_FOREVER, 1000, UINT64_C(1) << 40};
            (void)!brisk_cache_touch(cache, number_key(&key), times[i % 3]);
            assert_true(stats_of(cache).bytes <= 20000);
        }
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

static void nothing_expires_while_the_clock_stands(void **state)
{
    (void)state;
    struct brisk_cache *cache = timed_cache(BRISK_POLICY_DEFAULT, 123456789);
    assert_ok(set_with_ttl(cache, "key", "value", 1));
    for (int i = 0; i < 1000; i++) {
        assert_ok(probe(cache, "key"));
        assert_size(brisk_cache_tick(cache), 0);
    }
    brisk_cache_free(cache);
}

/* However it was found that the entry has expired. */
static void nothing_comes_back_when_the_clock_steps_back(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES * 6; i++) {
        struct brisk_cache_options options = options_at(1000);
        options.policy = every_policy[i / 6];
        options.stale = i % 2 == 0 ? 0 : 20;
        options.ttl = 10;
        struct brisk_cache *cache = new_cache(&options);
        set_text(cache, "key", "value");
        advance(10);
        if (i % 6 < 4)
            read_with(cache, i % 6, BRISK_MISS);
        else if (i % 6 == 4)
            assert_status(has(cache, "key"), BRISK_MISS);
        else
            assert_status(
                brisk_cache_replace(cache, text("key"), text("x"), NULL), BRISK_NOT_STORED);
        set_clock(1005);
        assert_status(has(cache, "key"), BRISK_MISS);
        assert_status(probe(cache, "key"), BRISK_MISS);
        set_clock(0);
        assert_status(probe(cache, "key"), BRISK_MISS);
        brisk_cache_free(cache);
    }
}

/* After a step back the clock stands still until it has caught up. */
static void deadlines_hold_when_the_clock_steps_back(void **state)
{
    (void)state;
    struct brisk_cache *cache = timed_cache(BRISK_POLICY_DEFAULT, 1000);
    assert_ok(set_with_ttl(cache, "key", "value", 10));
    brisk_cache_tick(cache);
    set_clock(500);
    assert_size(brisk_cache_tick(cache), 0);
    assert_ok(set_with_ttl(cache, "later", "value", 10));
    assert_ok(probe(cache, "key"));
    set_clock(1009);
    assert_ok(probe(cache, "key"));
    assert_ok(probe(cache, "later"));
    set_clock(1010);
    assert_status(probe(cache, "key"), BRISK_MISS);
    assert_status(probe(cache, "later"), BRISK_MISS);
    brisk_cache_free(cache);
}

static void the_end_of_time_is_no_deadline(void **state)
{
    (void)state;
    struct brisk_cache *cache = timed_cache(BRISK_POLICY_DEFAULT, UINT64_MAX - 100);
    assert_ok(set_with_ttl(cache, "short", "1", 50));
    assert_ok(set_with_ttl(cache, "long", "2", 1000));
    assert_ok(set_with_ttl(cache, "longest", "3", UINT64_MAX - 1));
    set_clock(UINT64_MAX - 51);
    assert_ok(probe(cache, "short"));
    set_clock(UINT64_MAX - 50);
    assert_status(probe(cache, "short"), BRISK_MISS);
    set_clock(UINT64_MAX);
    assert_holds_text(cache, "long", "2");
    assert_holds_text(cache, "longest", "3");
    assert_size(brisk_cache_tick(cache), 0);
    assert_ok(set_with_ttl(cache, "at the end", "4", 5));
    assert_holds_text(cache, "at the end", "4");
    brisk_cache_free(cache);
}

static _Atomic unsigned int told;

static void count_told(
    struct brisk_bytes key, const struct brisk_view *value, enum brisk_evict_reason reason,
    void *ctx)
{
    (void)key, (void)value, (void)ctx;
    if (reason == BRISK_EVICT_EXPIRED)
        atomic_fetch_add(&told, 1);
}

static void a_million_entries_expire_at_once(void **state)
{
    (void)state;
    const uint64_t entries = scaled(1000000);
    struct brisk_cache_options options = options_at(UINT64_C(1700000000000));
    options.max_bytes = (size_t)1 << 30;
    options.ttl = 60000;
    options.shards = 0;
    struct brisk_cache *cache = new_cache(&options);
    for (uint64_t i = 0; i < entries; i++)
        assert_ok(brisk_cache_set(cache, number_key(&i), number_key(&i), NULL));
    advance(59999);
    assert_size(brisk_cache_tick(cache), 0);
    assert_u64(stats_of(cache).entries, entries);
    advance(1);
    assert_size(brisk_cache_tick(cache), entries);
    assert_u64(stats_of(cache).entries, 0);
    assert_balance(cache);
    brisk_cache_free(cache);
}

static void one_lookup_removes_no_more_than_a_few_of_many_expired(void **state)
{
    (void)state;
    struct brisk_cache_options options = options_at(0);
    options.ttl = 100;
    options.on_evict = count_told;
    struct brisk_cache *cache = new_cache(&options);
    for (uint64_t i = 0; i < 5000; i++)
        assert_ok(brisk_cache_set(cache, number_key(&i), number_key(&i), NULL));
    advance(100);
    atomic_store(&told, 0);
    uint64_t key = 17;
    struct brisk_view view;
    assert_status(brisk_cache_get(cache, number_key(&key), &view), BRISK_MISS);
    assert_true(told <= 32);
    set_text(cache, "new", "1");
    assert_true(told <= 64);
    brisk_cache_free(cache);
}

/* Blocks move while others are given back; what is read meanwhile must be the right one. */
static void survivors_stay_readable_while_their_neighbours_expire(void **state)
{
    (void)state;
    enum {
        ENTRIES = 20000
    };
    for (int i = 0; i < POLICIES; i++) {
        struct brisk_cache *cache = timed_cache(every_policy[i], 1000);
        for (uint64_t k = 0; k < ENTRIES; k++) {
            struct brisk_entry_options entry = brisk_entry_options_default();
            entry.ttl = k % 10 == 0 ? 100000 : 100 + k % 3;
            assert_ok(brisk_cache_set(cache, number_key(&k), number_key(&k), &entry));
        }
        advance(200);
        for (uint64_t k = 0; k < ENTRIES; k += 10) {
            assert_holds(cache, number_key(&k), number_key(&k));
            assert_ok(brisk_cache_touch(cache, number_key(&k), 100000));
            uint64_t twice = 2 * k;
            if (k % 30 == 0)
                assert_ok(brisk_cache_replace(cache, number_key(&k), number_key(&twice), NULL));
        }
        for (uint64_t k = 0; k < ENTRIES; k += 10) {
            uint64_t value = k % 30 == 0 ? 2 * k : k;
            assert_holds(cache, number_key(&k), number_key(&value));
        }
        assert_u64(stats_of(cache).entries, ENTRIES / 10);
        assert_balance(cache);
        brisk_cache_free(cache);
    }
}

static void a_thread_of_the_cache_ticks_by_itself(void **state)
{
    (void)state;
    struct brisk_cache_options options = options_at(0);
    options.tick_interval_ms = 1;
    options.on_evict = count_told;
    atomic_store(&told, 0);
    struct brisk_cache *cache = new_cache(&options);
    assert_ok(set_with_ttl(cache, "key", "value", 10));
    advance(10);
    assert_true(wait_for_count(&told, 1));
    assert_u64(stats_of(cache).entries, 0);
    brisk_cache_free(cache);
}

static void the_default_clock_counts_milliseconds(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    uint64_t before = brisk_clock_ms(NULL);
    assert_ok(set_with_ttl(cache, "key", "value", 3600 * 1000));
    assert_ok(probe(cache, "key"));
    assert_ok(set_with_ttl(cache, "short", "value", 1));
    while (brisk_clock_ms(NULL) < before + 40)
        ;
    assert_status(probe(cache, "short"), BRISK_MISS);
    brisk_cache_free(cache);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(an_entry_is_gone_at_its_deadline_and_not_before),
    cmocka_unit_test(a_tick_removes_exactly_what_is_due),
    cmocka_unit_test(entries_leave_one_by_one_or_all_in_one_jump),
    cmocka_unit_test(the_first_deadline_ever_is_kept_like_any_other),
    cmocka_unit_test(an_entry_stays_expired_however_far_the_clock_goes),
    cmocka_unit_test(an_entry_has_its_own_time_or_the_caches),
    cmocka_unit_test(a_replaced_entry_has_only_its_new_time),
    cmocka_unit_test(an_expired_lookup_is_one_miss),
    cmocka_unit_test(reading_prolongs_an_idle_time_and_looking_does_not),
    cmocka_unit_test(reading_prolongs_no_further_than_the_time_to_live),
    cmocka_unit_test(jitter_shortens_by_up_to_its_share),
    cmocka_unit_test(the_greatest_jitter_leaves_a_tick_at_least),
    cmocka_unit_test(touch_shortens_extends_gives_and_takes_a_deadline),
    cmocka_unit_test(touch_without_a_time_gives_the_caches),
    cmocka_unit_test(touch_changes_nothing_but_the_time), cmocka_unit_test(touch_is_no_read),
    cmocka_unit_test(touch_never_exceeds_a_limit_in_bytes),
    cmocka_unit_test(nothing_expires_while_the_clock_stands),
    cmocka_unit_test(nothing_comes_back_when_the_clock_steps_back),
    cmocka_unit_test(deadlines_hold_when_the_clock_steps_back),
    cmocka_unit_test(the_end_of_time_is_no_deadline),
    cmocka_unit_test(a_million_entries_expire_at_once),
    cmocka_unit_test(one_lookup_removes_no_more_than_a_few_of_many_expired),
    cmocka_unit_test(survivors_stay_readable_while_their_neighbours_expire),
    cmocka_unit_test(a_thread_of_the_cache_ticks_by_itself),
    cmocka_unit_test(the_default_clock_counts_milliseconds))
