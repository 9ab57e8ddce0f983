/* SPDX-License-Identifier: Apache-2.0 */
/* brisk_cache_get_or_load: one load at a time, and what ends it. */
#include <pthread.h>

#include <brisk/label.h>

#include "tests/cache/cache_support.h"

/* What a loader does, and what it saw. */
struct source {
    struct brisk_cache *cache;
    enum brisk_status status; /* its answer */
    const char *value;
    uint64_t ttl, group;
    _Atomic unsigned int runs;
    _Atomic unsigned int entered; /* threads about to ask */
    unsigned int wait_until;      /* so many have entered */
    _Atomic unsigned int is_running, may_end;
    bool waits_for_end;
    void (*meanwhile)(struct source *source); /* in the loader */
    enum brisk_status inner;                  /* of what `meanwhile` called */
    struct fake_clock clock;
};

static enum brisk_status load_from(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct source *source = ctx;
    (void)key;
    atomic_fetch_add(&source->runs, 1);
    atomic_fetch_add(&source->is_running, 1);
    entry->ttl = source->ttl;
    entry->group = source->group;
    if (source->meanwhile != NULL)
        source->meanwhile(source);
    if (source->wait_until != 0 && !wait_for_count(&source->entered, source->wait_until))
        return BRISK_ERR_CORRUPT;
    if (source->waits_for_end && !wait_for_count(&source->may_end, 1))
        return BRISK_ERR_CORRUPT;
    if (source->status != BRISK_OK)
        return source->status;
    return brisk_view_copy(out, text(source->value));
}

static enum brisk_status ask(struct source *source, const char *key, struct brisk_view *out)
{
    return brisk_cache_get_or_load(source->cache, text(key), out, load_from, source);
}

static void
assert_asked(struct source *source, const char *key, enum brisk_status status, const char *value)
{
    struct brisk_view view;
    assert_status(ask(source, key, &view), status);
    assert_bytes(brisk_view_bytes(&view), text(value));
    brisk_view_release(&view);
}

static struct brisk_cache_options timed_options(struct source *source)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.clock = fake_clock_now;
    options.clock_ctx = &source->clock;
    atomic_store(&source->clock.now, 1000);
    return options;
}

static void a_missing_value_is_loaded_once_and_then_found(void **state)
{
    (void)state;
    struct source source = {.cache = new_cache(NULL), .value = "loaded"};
    for (int i = 0; i < 5; i++)
        assert_asked(&source, "key", BRISK_OK, "loaded");
    assert_u64(source.runs, 1);
    assert_holds_text(source.cache, "key", "loaded");
    struct brisk_cache_stats stats = stats_of(source.cache);
    assert_u64(stats.loads, 1);
    assert_u64(stats.misses, 1);
    assert_u64(stats.hits, 5);
    assert_u64(stats.load_failures, 0);
    assert_true(stats.load_ns > 0);
    assert_true(stats.saved_ns >= 4 * stats.load_ns - 4);
    brisk_cache_free(source.cache);
}

static void a_value_that_is_there_is_not_loaded(void **state)
{
    (void)state;
    struct source source = {.cache = new_cache(NULL), .value = "loaded"};
    set_text(source.cache, "key", "set");
    assert_asked(&source, "key", BRISK_OK, "set");
    assert_u64(source.runs, 0);
    brisk_cache_free(source.cache);
}

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

static void any_failure_passes_through_and_nothing_is_kept(void **state)
{
    (void)state;
    static const enum brisk_status answers[] = {
        BRISK_MISS, BRISK_CONFLICT, BRISK_ERR_NOMEM, BRISK_ERR_SYSTEM, BRISK_ERR_CANCELLED};
    struct source source = {.cache = new_cache(NULL), .value = "x"};
    for (unsigned int i = 0; i < 5; i++) {
        source.status = answers[i];
        assert_asked(&source, "key", answers[i], "");
        assert_u64(source.runs, i + 1);
        assert_status(has(source.cache, "key"), BRISK_MISS);
    }
    assert_u64(stats_of(source.cache).load_failures, 3);
    brisk_cache_free(source.cache);
}

static void set_meanwhile(struct source *source)
{
    source->inner = brisk_cache_set(source->cache, text("key"), text("newer"), NULL);
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

/* A loader that finds nothing must not remove what was stored meanwhile. */
static void a_negative_answer_loses_against_a_set_as_well(void **state)
{
    (void)state;
    struct source source = {.status = BRISK_MISS, .meanwhile = set_meanwhile};
    struct brisk_cache_options options = timed_options(&source);
    options.negative_ttl = 10;
    source.cache = new_cache(&options);
    assert_asked(&source, "key", BRISK_MISS, "");
    assert_holds_text(source.cache, "key", "newer");
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

/* fib(n) from fib(n - 1) and fib(n - 2), each through the cache. */
static enum brisk_status load_fib(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    uint64_t n, sum = 0;
    (void)entry;
    memcpy(&n, key.data, sizeof n);
    if (n < 2)
        return brisk_view_copy(out, number_key(&n));
    for (uint64_t i = n - 2; i < n; i++) {
        struct brisk_view part;
        enum brisk_status status = brisk_cache_get_or_load(
            ctx, number_key(&i), &part, load_fib, ctx);
        if (status != BRISK_OK)
            return status;
        uint64_t value;
        memcpy(&value, part.data, sizeof value);
        sum += value;
        brisk_view_release(&part);
    }
    return brisk_view_copy(out, number_key(&sum));
}

static void a_loader_may_load_other_keys_to_any_depth(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_view view;
    uint64_t n = 90, fib;
    assert_ok(brisk_cache_get_or_load(cache, number_key(&n), &view, load_fib, cache));
    memcpy(&fib, view.data, sizeof fib);
    assert_u64(fib, UINT64_C(2880067194370816120));
    brisk_view_release(&view);
    assert_u64(stats_of(cache).loads, 91);
    brisk_cache_free(cache);
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

static void a_known_absence_is_kept_for_its_own_time(void **state)
{
    (void)state;
    struct source source = {.status = BRISK_MISS};
    struct brisk_cache_options options = timed_options(&source);
    options.negative_ttl = 10;
    options.ttl = 1000;
    source.cache = new_cache(&options);
    for (int i = 0; i < 3; i++)
        assert_asked(&source, "key", BRISK_MISS, "");
    assert_u64(source.runs, 1);
    assert_status(probe(source.cache, "key"), BRISK_MISS);
    assert_status(has(source.cache, "key"), BRISK_MISS);
    assert_u64(stats_of(source.cache).hits, 0);
    assert_u64(stats_of(source.cache).misses, 4);
    fake_clock_advance(&source.clock, 9);
    assert_asked(&source, "key", BRISK_MISS, "");
    assert_u64(source.runs, 1);
    fake_clock_advance(&source.clock, 1);
    assert_asked(&source, "key", BRISK_MISS, "");
    assert_u64(source.runs, 2);
    assert_balance(source.cache);
    brisk_cache_free(source.cache);
}

static void verbs_take_a_known_absence_for_nothing(void **state)
{
    (void)state;
    struct source source = {.status = BRISK_MISS};
    struct brisk_cache_options options = timed_options(&source);
    options.negative_ttl = 10;
    source.cache = new_cache(&options);
    assert_asked(&source, "key", BRISK_MISS, "");
    assert_status(brisk_cache_touch(source.cache, text("key"), 100), BRISK_MISS);
    assert_status(
        brisk_cache_replace(source.cache, text("key"), text("x"), NULL), BRISK_NOT_STORED);
    assert_asked(&source, "key", BRISK_MISS, "");
    assert_u64(source.runs, 1);
    assert_status(brisk_cache_delete(source.cache, text("key")), BRISK_MISS);
    assert_asked(&source, "key", BRISK_MISS, "");
    assert_u64(source.runs, 2);
    assert_ok(brisk_cache_add(source.cache, text("key"), text("there"), NULL));
    assert_asked(&source, "key", BRISK_OK, "there");
    assert_asked(&source, "second", BRISK_MISS, "");
    set_text(source.cache, "second", "set");
    assert_asked(&source, "second", BRISK_OK, "set");
    assert_balance(source.cache);
    brisk_cache_free(source.cache);
}

/* Thread 0 reloads what has expired; thread 1 gets the old value meanwhile. */
static enum brisk_status reload_or_read(struct source *source, unsigned int index, bool is_early)
{
    struct brisk_view view;
    if (index == 0) {
        thread_expect(ask(source, "key", &view) == BRISK_OK);
        thread_expect(view.length == 3 && memcmp(view.data, "new", 3) == 0);
        brisk_view_release(&view);
        return BRISK_OK;
    }
    thread_expect(wait_for_count(&source->is_running, 1));
    enum brisk_status status = ask(source, "key", &view);
    bool is_old = view.length == 3 && memcmp(view.data, "old", 3) == 0;
    brisk_view_release(&view);
    enum brisk_status plain = probe(source->cache, "key");
    atomic_store(&source->may_end, 1);
    thread_expect(status == (is_early ? BRISK_OK : BRISK_STALE));
    thread_expect(is_old);
    thread_expect(plain == (is_early ? BRISK_OK : BRISK_MISS));
    return BRISK_OK;
}

static enum brisk_status reload_late(unsigned int index, void *ctx)
{
    return reload_or_read(ctx, index, false);
}

static enum brisk_status reload_early(unsigned int index, void *ctx)
{
    return reload_or_read(ctx, index, true);
}

static void others_get_the_stale_value_while_one_reloads(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct source source = {.value = "new", .waits_for_end = true};
        struct brisk_cache_options options = timed_options(&source);
        options.policy = every_policy[i];
        options.ttl = 100;
        options.stale = 50;
        source.cache = new_cache(&options);
        set_text(source.cache, "key", "old");
        fake_clock_advance(&source.clock, 100);
        run_threads(2, reload_late, &source);
        assert_u64(source.runs, 1);
        assert_holds_text(source.cache, "key", "new");
        struct brisk_cache_stats stats = stats_of(source.cache);
        assert_u64(stats.stale_hits, 1);
        assert_u64(stats.hits, 2);
        assert_u64(stats.misses, 2); /* who reloaded, and the plain get */
        assert_balance(source.cache);
        brisk_cache_free(source.cache);
    }
}

static void a_stale_value_serves_whoever_fails_to_reload(void **state)
{
    (void)state;
    struct source source = {.status = BRISK_ERR_UNREACHABLE};
    struct brisk_cache_options options = timed_options(&source);
    options.ttl = 100;
    options.stale = 50;
    source.cache = new_cache(&options);
    set_text(source.cache, "key", "old");
    fake_clock_advance(&source.clock, 99);
    assert_asked(&source, "key", BRISK_OK, "old");
    assert_u64(source.runs, 0);
    fake_clock_advance(&source.clock, 1);
    assert_status(probe(source.cache, "key"), BRISK_MISS);
    assert_status(has(source.cache, "key"), BRISK_MISS);
    assert_asked(&source, "key", BRISK_STALE, "old");
    fake_clock_advance(&source.clock, 49);
    assert_asked(&source, "key", BRISK_STALE, "old");
    assert_u64(source.runs, 2);
    fake_clock_advance(&source.clock, 1);
    assert_asked(&source, "key", BRISK_ERR_UNREACHABLE, "");
    assert_u64(stats_of(source.cache).stale_hits, 2);
    assert_u64(stats_of(source.cache).entries, 0);
    assert_balance(source.cache);
    brisk_cache_free(source.cache);
}

static void a_stale_value_is_gone_once_the_loader_finds_none(void **state)
{
    (void)state;
    struct source source = {.status = BRISK_MISS};
    struct brisk_cache_options options = timed_options(&source);
    options.ttl = 100;
    options.stale = 50;
    source.cache = new_cache(&options);
    set_text(source.cache, "key", "old");
    fake_clock_advance(&source.clock, 120);
    assert_asked(&source, "key", BRISK_MISS, "");
    source.status = BRISK_ERR_UNREACHABLE;
    assert_asked(&source, "key", BRISK_ERR_UNREACHABLE, "");
    brisk_cache_free(source.cache);
}

static void one_thread_refreshes_ahead_while_others_go_on_reading(void **state)
{
    (void)state;
    struct source source = {.value = "new", .waits_for_end = true};
    struct brisk_cache_options options = timed_options(&source);
    options.ttl = 100;
    options.refresh_ahead = 20;
    source.cache = new_cache(&options);
    set_text(source.cache, "key", "old");
    fake_clock_advance(&source.clock, 79);
    assert_asked(&source, "key", BRISK_OK, "old");
    assert_u64(source.runs, 0);
    fake_clock_advance(&source.clock, 1);
    run_threads(2, reload_early, &source);
    assert_u64(source.runs, 1);
    assert_holds_text(source.cache, "key", "new");
    fake_clock_advance(&source.clock, 79); /* its time began anew */
    assert_asked(&source, "key", BRISK_OK, "new");
    assert_u64(source.runs, 1);
    brisk_cache_free(source.cache);
}

static void an_early_refresh_that_fails_harms_nobody(void **state)
{
    (void)state;
    struct source source = {.status = BRISK_ERR_UNREACHABLE};
    struct brisk_cache_options options = timed_options(&source);
    options.ttl = 100;
    options.refresh_ahead = 20;
    source.cache = new_cache(&options);
    set_text(source.cache, "key", "old");
    fake_clock_advance(&source.clock, 90);
    assert_asked(&source, "key", BRISK_OK, "old");
    assert_u64(source.runs, 1);
    assert_u64(stats_of(source.cache).hits, 1);
    fake_clock_advance(&source.clock, 10);
    assert_asked(&source, "key", BRISK_ERR_UNREACHABLE, "");
    brisk_cache_free(source.cache);
}

static enum brisk_status load_large(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    static const uint8_t bytes[20000];
    (void)key, (void)entry;
    return brisk_view_copy(out, brisk_bytes_of(bytes, *(const size_t *)ctx));
}

static void a_result_that_does_not_fit_is_returned_all_the_same(void **state)
{
    (void)state;
    struct brisk_cache_options options = brisk_cache_options_default();
    options.max_bytes = 10000;
    struct brisk_cache *cache = new_cache(&options);
    struct brisk_view view;
    size_t length = 20000;
    set_text(cache, "other", "stays");
    assert_ok(brisk_cache_get_or_load(cache, text("key"), &view, load_large, &length));
    assert_size(view.length, 20000);
    brisk_view_release(&view);
    assert_status(has(cache, "key"), BRISK_MISS);
    assert_ok(has(cache, "other"));
    assert_u64(stats_of(cache).rejected, 1);
    brisk_cache_free(cache);
}

/* The view of the loader is the view of the cache: nothing is copied. */
static void a_large_result_is_shared(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_view first, second;
    size_t length = 5000;
    assert_ok(brisk_cache_get_or_load(cache, text("key"), &first, load_large, &length));
    assert_ok(brisk_cache_get(cache, text("key"), &second));
    assert_ptr_equal(first.data, second.data);
    brisk_cache_free(cache);
    brisk_view_release(&first);
    assert_size(second.length, 5000);
    brisk_view_release(&second);
    length = 0; /* no bytes are a value too */
    cache = new_cache(NULL);
    assert_ok(brisk_cache_get_or_load(cache, text("key"), &first, load_large, &length));
    assert_size(first.length, 0);
    brisk_view_release(&first);
    assert_ok(has(cache, "key"));
    brisk_cache_free(cache);
}

static void count_release(void *data, size_t length, void *ctx)
{
    (void)data, (void)length;
    ++*(unsigned int *)ctx;
}

static enum brisk_status load_adopted_and_fail(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    static char bytes[] = "unused";
    (void)key, (void)entry;
    if (brisk_view_adopt(out, bytes, sizeof bytes, count_release, ctx) != BRISK_OK)
        return BRISK_ERR_NOMEM;
    return BRISK_ERR_TRUNCATED;
}

static void a_view_of_a_failed_loader_is_released(void **state)
{
    (void)state;
    struct brisk_cache *cache = new_cache(NULL);
    struct brisk_view view;
    unsigned int released = 0;
    assert_status(
        brisk_cache_get_or_load(cache, text("key"), &view, load_adopted_and_fail, &released),
        BRISK_ERR_TRUNCATED);
    assert_null(view.buffer);
    assert_u64(released, 1);
    brisk_cache_free(cache);
}

static void the_loader_chooses_time_and_group_of_its_result(void **state)
{
    (void)state;
    struct source source = {.value = "loaded", .ttl = 5, .group = 7};
    struct brisk_cache_options options = timed_options(&source);
    options.ttl = 1000;
    source.cache = new_cache(&options);
    assert_asked(&source, "key", BRISK_OK, "loaded");
    fake_clock_advance(&source.clock, 4);
    assert_ok(has(source.cache, "key"));
    fake_clock_advance(&source.clock, 1);
    assert_status(has(source.cache, "key"), BRISK_MISS);
    assert_asked(&source, "key", BRISK_OK, "loaded");
    brisk_cache_invalidate_group(source.cache, 7);
    assert_status(has(source.cache, "key"), BRISK_MISS);
    assert_asked(&source, "key", BRISK_OK, "loaded");
    assert_u64(source.runs, 3);
    brisk_cache_free(source.cache);
}

static size_t labels_seen;
static char label_seen[2][16];

static void read_labels(struct source *source)
{
    const char *names[8];
    (void)source;
    labels_seen = brisk_label_read(names, 8);
    for (size_t i = 0; i < labels_seen && i < 2; i++)
        snprintf(label_seen[i], sizeof label_seen[i], "%s", names[i]);
}

static void a_load_is_labelled_with_the_name_of_its_cache(void **state)
{
    (void)state;
    struct brisk_cache_options options = brisk_cache_options_default();
    options.name = "users";
    struct source source = {.cache = new_cache(&options), .value = "x", .meanwhile = read_labels};
    brisk_label_push("request");
    assert_asked(&source, "key", BRISK_OK, "x");
    assert_size(labels_seen, 2);
    assert_string_equal(label_seen[0], "request");
    assert_string_equal(label_seen[1], "users");
    assert_size(brisk_label_read(NULL, 0), 0);
    const char *names[2];
    assert_size(brisk_label_read(names, 2), 1);
    brisk_label_pop();
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
    cmocka_unit_test(a_missing_value_is_loaded_once_and_then_found),
    cmocka_unit_test(a_value_that_is_there_is_not_loaded),
    cmocka_unit_test(a_thousand_threads_that_miss_one_key_load_it_once),
    cmocka_unit_test(a_load_that_fails_wakes_everybody_with_its_answer),
    cmocka_unit_test(any_failure_passes_through_and_nothing_is_kept),
    cmocka_unit_test(what_happens_to_the_key_during_a_load_wins),
    cmocka_unit_test(a_negative_answer_loses_against_a_set_as_well),
    cmocka_unit_test(a_loader_that_asks_for_its_own_key_is_told_at_once),
    cmocka_unit_test(a_loader_may_load_other_keys_to_any_depth),
    cmocka_unit_test(two_loads_that_wait_for_each_other_both_end),
    cmocka_unit_test(a_load_that_takes_too_long_is_finished_and_kept),
    cmocka_unit_test(a_known_absence_is_kept_for_its_own_time),
    cmocka_unit_test(verbs_take_a_known_absence_for_nothing),
    cmocka_unit_test(others_get_the_stale_value_while_one_reloads),
    cmocka_unit_test(a_stale_value_serves_whoever_fails_to_reload),
    cmocka_unit_test(a_stale_value_is_gone_once_the_loader_finds_none),
    cmocka_unit_test(one_thread_refreshes_ahead_while_others_go_on_reading),
    cmocka_unit_test(an_early_refresh_that_fails_harms_nobody),
    cmocka_unit_test(a_result_that_does_not_fit_is_returned_all_the_same),
    cmocka_unit_test(a_large_result_is_shared),
    cmocka_unit_test(a_view_of_a_failed_loader_is_released),
    cmocka_unit_test(the_loader_chooses_time_and_group_of_its_result),
    cmocka_unit_test(a_load_is_labelled_with_the_name_of_its_cache),
    cmocka_unit_test(loads_of_one_key_never_overlap))
