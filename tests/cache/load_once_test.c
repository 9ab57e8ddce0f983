/* SPDX-License-Identifier: Apache-2.0 */
/* One load at a time for a key: who waits for it, and what happens to the key meanwhile. */
#include "tests/cache/load_support.h"

static enum brisk_status ask_with_the_others(unsigned int index, void *ctx)
{
    struct source *source = ctx;
    struct brisk_view view;
    (void)index;
    atomic_fetch_add(&source->entered, 1);
    enum brisk_status status = ask(source, "key", &view);
    thread_expect(status == source->status);
    if (status == BRISK_OK)
        thread_expect(view.length == 6 && memcmp(view.data, "loaded", 6) == 0);
    else
        thread_expect(view.buffer == NULL);
    brisk_view_release(&view);
    return BRISK_OK;
}

static unsigned int many_threads(void)
{
    return scaled(1000) < 1000 ? 100 : 1000;
}

static void a_thousand_threads_that_miss_one_key_load_it_once(void **state)
{
    (void)state;
    unsigned int threads = many_threads();
    struct source source = {.cache = new_cache(NULL), .value = "loaded", .wait_until = threads};
    run_threads(threads, ask_with_the_others, &source);
    assert_u64(source.runs, 1);
    struct brisk_cache_stats stats = stats_of(source.cache);
    assert_u64(stats.loads, 1);
    assert_u64(stats.hits + stats.misses, threads);
    assert_true(stats.load_waits <= threads - 1);
    brisk_cache_free(source.cache);
}

static void a_load_that_fails_wakes_everybody_with_its_answer(void **state)
{
    (void)state;
    unsigned int threads = many_threads() / 4;
    struct source source = {
        .cache = new_cache(NULL),
        .value = "loaded",
        .wait_until = threads,
        .status = BRISK_ERR_UNREACHABLE};
    run_threads(threads, ask_with_the_others, &source);
    unsigned int runs = source.runs;
    assert_true(runs >= 1);
    struct brisk_cache_stats stats = stats_of(source.cache);
    assert_u64(stats.loads, runs);
    assert_u64(stats.load_failures, runs);
    assert_u64(stats.loads + stats.load_waits, threads);
    assert_u64(stats.entries, 0);

    source.status = BRISK_OK;
    assert_asked(&source, "key", BRISK_OK, "loaded");
    assert_u64(source.runs, runs + 1);
    brisk_cache_free(source.cache);
}

static void add_meanwhile(struct source *source)
{
    source->inner = brisk_cache_add(source->cache, text("key"), text("newer"), NULL);
}

static void delete_meanwhile(struct source *source)
{
    source->inner = brisk_cache_delete(source->cache, text("key"));
}

static void clear_meanwhile(struct source *source)
{
    brisk_cache_clear(source->cache);
}

static void set_other_meanwhile(struct source *source)
{
    source->inner = brisk_cache_set(source->cache, text("other"), text("value"), NULL);
}

static void replace_meanwhile(struct source *source)
{
    source->inner = brisk_cache_replace(source->cache, text("key"), text("newer"), NULL);
}

static void set_and_delete_meanwhile(struct source *source)
{
    set_meanwhile(source);
    delete_meanwhile(source);
}

static void set_view_meanwhile(struct source *source)
{
    struct brisk_view view = brisk_view_borrow(text("newer"));
    source->inner = brisk_cache_set_view(source->cache, text("key"), &view, NULL);
}

static void set_too_big_meanwhile(struct source *source)
{
    source->inner = brisk_cache_set(
        source->cache, text("key"), brisk_bytes_of("x", (size_t)1 << 40), NULL);
}

struct meanwhile {
    void (*what)(struct source *source);
    enum brisk_status inner;
    const char *left; /* what the key holds afterwards; NULL: nothing */
};

static void what_happens_to_the_key_during_a_load_wins(void **state)
{
    (void)state;
    static const struct meanwhile rows[] = {
        {set_meanwhile, BRISK_OK, "newer"},
        {set_view_meanwhile, BRISK_OK, "newer"},
        {add_meanwhile, BRISK_OK, "newer"},
        {delete_meanwhile, BRISK_MISS, NULL},
        {clear_meanwhile, BRISK_OK, NULL},
        {set_and_delete_meanwhile, BRISK_OK, NULL},
        {set_too_big_meanwhile, BRISK_ERR_TOO_BIG, NULL},
        {set_other_meanwhile, BRISK_OK, "loaded"},
        {replace_meanwhile, BRISK_NOT_STORED, "loaded"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct source source = {
            .cache = new_cache(NULL), .value = "loaded", .meanwhile = rows[i].what};
        assert_asked(&source, "key", BRISK_OK, "loaded"); /* handed out in any case */
        assert_status(source.inner, rows[i].inner);
        if (rows[i].left != NULL)
            assert_holds_text(source.cache, "key", rows[i].left);
        else
            assert_status(has(source.cache, "key"), BRISK_MISS);
        assert_balance(source.cache);
        brisk_cache_free(source.cache);
    }
}

static void invalidate_meanwhile(struct source *source)
{
    brisk_cache_invalidate_group(source->cache, 7);
}

static void invalidate_other_meanwhile(struct source *source)
{
    brisk_cache_invalidate_group(source->cache, 8);
}

/* What the first load gives was read before the key changed, what the next ones give after it. */
static enum brisk_status load_version(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct source *source = ctx;
    (void)key;
    bool is_first = atomic_fetch_add(&source->runs, 1) == 0;
    atomic_fetch_add(&source->is_running, 1);
    entry->group = 7;
    if (is_first && !wait_for_count(&source->may_end, 1))
        return BRISK_ERR_CORRUPT;
    return brisk_view_copy(out, text(is_first ? "old" : "new"));
}

static enum brisk_status expect_version(struct source *source, const char *version)
{
    struct brisk_view view;
    enum brisk_status status = brisk_cache_get_or_load(
        source->cache, text("key"), &view, load_version, source);
    bool is_right = view.length == 3 && memcmp(view.data, version, 3) == 0;
    brisk_view_release(&view);
    thread_expect(status == BRISK_OK);
    thread_expect(is_right);
    return BRISK_OK;
}

/* Thread 0 loads, 1 joins; then the key changes, then 2 asks; source->value is for that one. */
static enum brisk_status ask_before_and_after(unsigned int index, void *ctx)
{
    struct source *source = ctx;
    if (index == 0)
        return expect_version(source, "old");
    if (index == 1) {
        thread_expect(wait_for_count(&source->is_running, 1));
        return expect_version(source, "old");
    }
    if (index == 2) {
        thread_expect(wait_for_count(&source->entered, 1));
        return expect_version(source, source->value);
    }
    thread_expect(wait_for_waits(source, 1));
    source->meanwhile(source);
    atomic_store(&source->entered, 1);
    bool waits = wait_for_waits(source, 2);
    atomic_store(&source->may_end, 1);
    thread_expect(waits);
    return BRISK_OK;
}

static void who_asks_after_a_change_gets_no_result_from_before_it(void **state)
{
    (void)state;
    static const struct meanwhile rows[] = {
        {delete_meanwhile, BRISK_OK, "new"},          {clear_meanwhile, BRISK_OK, "new"},
        {set_and_delete_meanwhile, BRISK_OK, "new"},  {set_too_big_meanwhile, BRISK_OK, "new"},
        {invalidate_meanwhile, BRISK_OK, "new"},      {set_other_meanwhile, BRISK_OK, "old"},
        {invalidate_other_meanwhile, BRISK_OK, "old"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct source source = {
            .cache = new_cache(NULL), .value = rows[i].left, .meanwhile = rows[i].what};
        run_threads(4, ask_before_and_after, &source);
        assert_holds_text(source.cache, "key", rows[i].left);
        struct brisk_cache_stats stats = stats_of(source.cache);
        assert_u64(stats.loads, strcmp(rows[i].left, "new") == 0 ? 2 : 1);
        assert_u64(stats.load_waits, 2);
        assert_u64(stats.misses, 3);
        assert_u64(stats.hits, 1);
        brisk_cache_free(source.cache);
    }
}

/* Called when the result is stored, and its load has not ended yet. */
static void change_what_was_stored(
    struct brisk_bytes key, const struct brisk_view *value, enum brisk_evict_reason reason,
    void *ctx)
{
    struct source *source = ctx;
    (void)key, (void)value;
    if (reason != BRISK_EVICT_CAPACITY || atomic_load(&source->entered) != 0)
        return;
    source->meanwhile(source);
    atomic_store(&source->entered, 1);
    if (!wait_for_waits(source, 1))
        source->inner = BRISK_ERR_CORRUPT;
}

static enum brisk_status ask_between(unsigned int index, void *ctx)
{
    struct source *source = ctx;
    if (index == 0)
        return expect_version(source, "old");
    thread_expect(wait_for_count(&source->entered, 1));
    return expect_version(source, "new");
}

static void a_result_that_was_stored_and_removed_again_is_handed_to_nobody_else(void **state)
{
    (void)state;
    void (*const changes[])(struct source * source) = {
        delete_meanwhile, clear_meanwhile, invalidate_meanwhile};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct source source = {.meanwhile = changes[i], .may_end = 1};
        struct brisk_cache_options options = brisk_cache_options_default();
        options.policy = BRISK_POLICY_LRU;
        options.max_entries = 1;
        options.on_evict = change_what_was_stored;
        options.on_evict_ctx = &source;
        source.cache = new_cache(&options);
        set_text(source.cache, "other", "must go");
        run_threads(2, ask_between, &source);
        assert_ok(source.inner);
        assert_u64(source.runs, 2);
        assert_holds_text(source.cache, "key", "new");
        brisk_cache_free(source.cache);
    }
}

/* Thread 0 loads and fails, 1 waits for it, 2 sets the value meanwhile. */
static enum brisk_status fail_beside_a_set(unsigned int index, void *ctx)
{
    struct source *source = ctx;
    struct brisk_view view;
    if (index == 2) {
        bool waits = wait_for_waits(source, 1);
        set_meanwhile(source);
        atomic_store(&source->may_end, 1);
        thread_expect(waits);
        return BRISK_OK;
    }
    thread_expect(index == 0 || wait_for_count(&source->is_running, 1));
    enum brisk_status status = ask(source, "key", &view);
    bool is_newer = view.length == 5 && memcmp(view.data, "newer", 5) == 0;
    brisk_view_release(&view);
    thread_expect(status == BRISK_OK);
    thread_expect(is_newer);
    return BRISK_OK;
}

static void a_value_set_during_a_failing_load_serves_all_who_wanted_it(void **state)
{
    (void)state;
    struct source source = {
        .cache = new_cache(NULL), .status = BRISK_ERR_UNREACHABLE, .waits_for_end = true};
    run_threads(3, fail_beside_a_set, &source);
    struct brisk_cache_stats stats = stats_of(source.cache);
    assert_u64(stats.load_failures, 1);
    assert_u64(stats.load_waits, 1);
    assert_u64(stats.hits, 2);
    assert_u64(stats.misses, 0);
    brisk_cache_free(source.cache);
}

static void ask_again(struct source *source)
{
    struct brisk_view view;
    source->inner = ask(source, "key", &view);
    brisk_view_release(&view);
}

static void a_loader_that_asks_for_its_own_key_is_told_at_once(void **state)
{
    (void)state;
    struct source source = {.cache = new_cache(NULL), .value = "loaded", .meanwhile = ask_again};
    assert_asked(&source, "key", BRISK_OK, "loaded");
    assert_status(source.inner, BRISK_ERR_RECURSION);
    assert_u64(source.runs, 1);
    brisk_cache_free(source.cache);
}

/* Two threads, each loading a key and in its loader asking for the other's. */
struct crossing {
    struct brisk_cache *cache;
    _Atomic unsigned int loading;
};

static enum brisk_status load_crossed(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct crossing *crossing = ctx;
    const char *other = *(const char *)key.data == 'a' ? "b" : "a";
    (void)entry;
    atomic_fetch_add(&crossing->loading, 1);
    if (!wait_for_count(&crossing->loading, 2))
        return BRISK_ERR_CORRUPT;
    return brisk_cache_get_or_load(crossing->cache, text(other), out, load_crossed, crossing);
}

static enum brisk_status cross(unsigned int index, void *ctx)
{
    struct crossing *crossing = ctx;
    struct brisk_view view;
    enum brisk_status status = brisk_cache_get_or_load(
        crossing->cache, text(index == 0 ? "a" : "b"), &view, load_crossed, crossing);
    thread_expect(status == BRISK_ERR_TIMEOUT);
    return BRISK_OK;
}

static void two_loads_that_wait_for_each_other_both_end(void **state)
{
    (void)state;
    struct brisk_cache_options options = brisk_cache_options_default();
    options.load_timeout_ms = 50;
    struct crossing crossing = {.cache = new_cache(&options)};
    run_threads(2, cross, &crossing);
    assert_u64(stats_of(crossing.cache).entries, 0);
    brisk_cache_free(crossing.cache);
}

/* Thread 0 loads slowly; thread 1 gives up waiting and lets it end. */
static enum brisk_status load_slowly_or_give_up(unsigned int index, void *ctx)
{
    struct source *source = ctx;
    struct brisk_view view;
    if (index == 0) {
        thread_expect(ask(source, "key", &view) == BRISK_OK);
        brisk_view_release(&view);
        return BRISK_OK;
    }
    thread_expect(wait_for_count(&source->is_running, 1));
    enum brisk_status status = ask(source, "key", &view);
    enum brisk_status other = brisk_cache_set(source->cache, text("other"), text("1"), NULL);
    atomic_store(&source->may_end, 1);
    thread_expect(status == BRISK_ERR_TIMEOUT && view.buffer == NULL);
    thread_expect(other == BRISK_OK); /* a load holds up nothing but its key */
    return BRISK_OK;
}

static void a_load_that_takes_too_long_is_finished_and_kept(void **state)
{
    (void)state;
    struct brisk_cache_options options = brisk_cache_options_default();
    options.load_timeout_ms = 20;
    options.shards = 1;
    struct source source = {.cache = new_cache(&options), .value = "late", .waits_for_end = true};
    run_threads(2, load_slowly_or_give_up, &source);
    assert_holds_text(source.cache, "key", "late");
    assert_u64(source.runs, 1);
    assert_u64(stats_of(source.cache).load_waits, 1);
    brisk_cache_free(source.cache);
}

/* Many keys, loads that fail, deletes: never two loads of one key at once. */
enum {
    BUSY_KEYS = 16,
    BUSY_THREADS = 6
};

struct busy {
    struct brisk_cache *cache;
    struct fake_clock clock;
    _Atomic int running[BUSY_KEYS];
    _Atomic unsigned int loads, overlaps;
};

static enum brisk_status load_busy(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct busy *busy = ctx;
    uint64_t number;
    memcpy(&number, key.data, sizeof number);
    (void)entry;
    if (atomic_fetch_add(&busy->running[number], 1) != 0)
        atomic_fetch_add(&busy->overlaps, 1);
    unsigned int load = atomic_fetch_add(&busy->loads, 1);
    enum brisk_status status = BRISK_ERR_UNREACHABLE;
    if (load % 7 == 3)
        status = BRISK_MISS;
    else if (load % 5 != 0)
        status = brisk_view_copy(out, key);
    atomic_fetch_sub(&busy->running[number], 1);
    return status;
}

static enum brisk_status keep_busy(unsigned int index, void *ctx)
{
    struct busy *busy = ctx;
    struct test_random random = test_random_seeded(index);
    for (unsigned int i = 0; i < scaled(20000); i++) {
        uint64_t key = test_random_below(&random, BUSY_KEYS);
        struct brisk_view view;
        enum brisk_status status = brisk_cache_get_or_load(
            busy->cache, number_key(&key), &view, load_busy, busy);
        if (status == BRISK_OK || status == BRISK_STALE)
            thread_expect(view.length == sizeof key && memcmp(view.data, &key, sizeof key) == 0);
        else
            thread_expect(
                view.buffer == NULL && (status == BRISK_MISS || status == BRISK_ERR_UNREACHABLE));
        brisk_view_release(&view);
        if (i % 16 == 0)
            brisk_cache_delete(busy->cache, number_key(&key));
        if (i % 32 == 0)
            fake_clock_advance(&busy->clock, 1);
        if (i % 1024 == 0)
            brisk_cache_clear(busy->cache);
    }
    return BRISK_OK;
}

static void loads_of_one_key_never_overlap(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        static struct busy busy;
        memset(&busy, 0, sizeof busy);
        struct brisk_cache_options options = brisk_cache_options_default();
        options.policy = every_policy[i];
        options.clock = fake_clock_now;
        options.clock_ctx = &busy.clock;
        options.ttl = 20;
        options.stale = 10;
        options.refresh_ahead = 5;
        options.negative_ttl = 3;
        busy.cache = new_cache(&options);
        run_threads(BUSY_THREADS, keep_busy, &busy);
        assert_u64(busy.overlaps, 0);
        struct brisk_cache_stats stats = stats_of(busy.cache);
        assert_u64(stats.loads, busy.loads);
        assert_u64(stats.hits + stats.misses, BUSY_THREADS * (uint64_t)scaled(20000));
        assert_balance(busy.cache);
        brisk_cache_free(busy.cache);
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_thousand_threads_that_miss_one_key_load_it_once),
    cmocka_unit_test(a_load_that_fails_wakes_everybody_with_its_answer),
    cmocka_unit_test(what_happens_to_the_key_during_a_load_wins),
    cmocka_unit_test(who_asks_after_a_change_gets_no_result_from_before_it),
    cmocka_unit_test(a_result_that_was_stored_and_removed_again_is_handed_to_nobody_else),
    cmocka_unit_test(a_value_set_during_a_failing_load_serves_all_who_wanted_it),
    cmocka_unit_test(a_loader_that_asks_for_its_own_key_is_told_at_once),
    cmocka_unit_test(two_loads_that_wait_for_each_other_both_end),
    cmocka_unit_test(a_load_that_takes_too_long_is_finished_and_kept),
    cmocka_unit_test(loads_of_one_key_never_overlap))
