/* SPDX-License-Identifier: Apache-2.0 */
/* Values that are served while they are loaded again: past their deadline, or before it. */
#include "tests/cache/load_support.h"

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

/* An old value, which lives for 100 ticks, in a cache that gets it again from `source`. */
static void open_with_an_old_value(
    struct source *source, enum brisk_policy policy, uint64_t stale, uint64_t refresh_ahead)
{
    struct brisk_cache_options options = timed_options(source);
    options.policy = policy;
    options.ttl = 100;
    options.stale = stale;
    options.refresh_ahead = refresh_ahead;
    source->cache = new_cache(&options);
    set_text(source->cache, "key", "old");
}

static void others_get_the_stale_value_while_one_reloads(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        struct source source = {.value = "new", .waits_for_end = true};
        open_with_an_old_value(&source, every_policy[i], 50, 0);
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
    open_with_an_old_value(&source, BRISK_POLICY_DEFAULT, 50, 0);
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
    open_with_an_old_value(&source, BRISK_POLICY_DEFAULT, 50, 0);
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
    open_with_an_old_value(&source, BRISK_POLICY_DEFAULT, 0, 20);
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
    open_with_an_old_value(&source, BRISK_POLICY_DEFAULT, 0, 20);
    fake_clock_advance(&source.clock, 90);
    assert_asked(&source, "key", BRISK_OK, "old");
    assert_u64(source.runs, 1);
    assert_u64(stats_of(source.cache).hits, 1);
    fake_clock_advance(&source.clock, 10);
    assert_asked(&source, "key", BRISK_ERR_UNREACHABLE, "");
    brisk_cache_free(source.cache);
}

static void ask_again(struct source *source)
{
    struct brisk_view view;
    source->inner = ask(source, "key", &view);
    if (view.length != 3 || memcmp(view.data, "old", 3) != 0)
        source->inner = BRISK_ERR_CORRUPT;
    brisk_view_release(&view);
}

/* There is something to give it, so that it need not wait for itself. */
static void a_loader_that_asks_for_its_own_key_gets_the_old_value(void **state)
{
    (void)state;
    struct source source = {.value = "new", .meanwhile = ask_again};
    open_with_an_old_value(&source, BRISK_POLICY_DEFAULT, 50, 20);
    fake_clock_advance(&source.clock, 90);
    assert_asked(&source, "key", BRISK_OK, "new");
    assert_ok(source.inner);
    set_text(source.cache, "key", "old");
    fake_clock_advance(&source.clock, 110);
    assert_asked(&source, "key", BRISK_OK, "new");
    assert_status(source.inner, BRISK_STALE);
    assert_u64(source.runs, 2);
    brisk_cache_free(source.cache);
}

static void invalidated_and_deleted_values_do_not_serve_as_stale(void **state)
{
    (void)state;
    struct source source = {.status = BRISK_ERR_UNREACHABLE};
    struct brisk_entry_options entry = brisk_entry_options_default();
    entry.group = 4;
    open_with_an_old_value(&source, BRISK_POLICY_DEFAULT, 50, 0);
    assert_ok(brisk_cache_set(source.cache, text("grouped"), text("old"), &entry));
    fake_clock_advance(&source.clock, 110);
    assert_asked(&source, "grouped", BRISK_STALE, "old");
    brisk_cache_invalidate_group(source.cache, 4);
    assert_asked(&source, "grouped", BRISK_ERR_UNREACHABLE, "");
    assert_asked(&source, "key", BRISK_STALE, "old");
    assert_status(brisk_cache_delete(source.cache, text("key")), BRISK_MISS);
    assert_asked(&source, "key", BRISK_ERR_UNREACHABLE, "");
    brisk_cache_free(source.cache);
}

static void a_stale_answer_is_a_hit(void **state)
{
    (void)state;
    struct source source = {.status = BRISK_ERR_UNREACHABLE};
    open_with_an_old_value(&source, BRISK_POLICY_DEFAULT, 50, 0);
    fake_clock_advance(&source.clock, 110);
    for (int i = 0; i < 3; i++)
        assert_asked(&source, "key", BRISK_STALE, "old");
    struct brisk_cache_stats stats = stats_of(source.cache);
    assert_u64(stats.stale_hits, 3);
    assert_u64(stats.hits, 3);
    assert_u64(stats.misses, 0);
    assert_u64(stats.load_failures, 3);
    brisk_cache_free(source.cache);
}

/* `expired` counts misses, and this is none. */
static void a_stale_answer_is_no_expired_miss(void **state)
{
    (void)state;
    struct source source = {.status = BRISK_ERR_UNREACHABLE};
    open_with_an_old_value(&source, BRISK_POLICY_DEFAULT, 50, 0);
    fake_clock_advance(&source.clock, 110);
    assert_asked(&source, "key", BRISK_STALE, "old");
    assert_u64(stats_of(source.cache).misses, 0);
    assert_u64(stats_of(source.cache).expired, 0);
    brisk_cache_free(source.cache);
}

/* A clock that goes on by itself, at one of its calls. */
struct leap {
    uint64_t now, calls, leaps_at;
};

static uint64_t leap_now(void *ctx)
{
    struct leap *leap = ctx;
    if (++leap->calls == leap->leaps_at)
        leap->now += 15;
    return leap->now;
}

/* At first sight it is a hit that is due for a refresh, at the second it has expired. */
static void an_entry_that_expires_during_the_call_is_counted_once(void **state)
{
    (void)state;
    for (uint64_t call = 1; call < 8; call++) {
        struct leap leap = {.now = 1000};
        struct source source = {.status = BRISK_ERR_UNREACHABLE};
        struct brisk_cache_options options = brisk_cache_options_default();
        options.clock = leap_now;
        options.clock_ctx = &leap;
        options.ttl = 100;
        options.stale = 50;
        options.refresh_ahead = 20;
        options.shards = 1;
        source.cache = new_cache(&options);
        set_text(source.cache, "key", "old");
        leap = (struct leap){.now = 1090, .leaps_at = call};
        struct brisk_view view;
        enum brisk_status status = ask(&source, "key", &view);
        brisk_view_release(&view);
        assert_true(status == BRISK_OK || status == BRISK_STALE);
        struct brisk_cache_stats stats = stats_of(source.cache);
        assert_u64(stats.hits, 1);
        assert_u64(stats.misses, 0);
        brisk_cache_free(source.cache);
    }
}

static void take_long(struct source *source)
{
    fake_clock_advance(&source->clock, 5000);
}

/* Loaded early or late: by the end of the load its time is over. */
static void a_load_that_fails_slowly_brings_nothing_back_that_is_too_old(void **state)
{
    (void)state;
    static const struct {
        uint64_t stale, refresh_ahead, age;
    } rows[] = {{0, 20, 90}, {50, 20, 90}, {50, 0, 110}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct source source = {.status = BRISK_ERR_UNREACHABLE, .meanwhile = take_long};
        open_with_an_old_value(&source, BRISK_POLICY_DEFAULT, rows[i].stale, rows[i].refresh_ahead);
        fake_clock_advance(&source.clock, rows[i].age);
        assert_asked(&source, "key", BRISK_ERR_UNREACHABLE, "");
        struct brisk_cache_stats stats = stats_of(source.cache);
        assert_u64(stats.misses, 1);
        assert_u64(stats.expired, 1);
        assert_u64(stats.hits, 0);
        brisk_cache_free(source.cache);
    }
}

static void take_longer(struct source *source)
{
    fake_clock_advance(&source->clock, 20);
}

/* It was good at first, and serves as stale in the end. */
static void a_refresh_that_fails_after_the_deadline_answers_with_a_stale_value(void **state)
{
    (void)state;
    struct source source = {.status = BRISK_ERR_UNREACHABLE, .meanwhile = take_longer};
    open_with_an_old_value(&source, BRISK_POLICY_DEFAULT, 50, 20);
    fake_clock_advance(&source.clock, 90);
    assert_asked(&source, "key", BRISK_STALE, "old");
    assert_u64(stats_of(source.cache).hits, 1);
    assert_u64(stats_of(source.cache).stale_hits, 1);
    brisk_cache_free(source.cache);
}

static struct brisk_cache_stats stats_meanwhile;

static void read_stats_meanwhile(struct source *source)
{
    stats_meanwhile = stats_of(source->cache);
}

static void
assert_none_fell(const struct brisk_cache_stats *before, const struct brisk_cache_stats *after)
{
    assert_true(after->hits >= before->hits);
    assert_true(after->misses >= before->misses);
    assert_true(after->expired >= before->expired);
    assert_true(after->stale_hits >= before->stale_hits);
    assert_true(after->loads >= before->loads);
    assert_true(after->load_failures >= before->load_failures);
    assert_true(after->load_waits >= before->load_waits);
}

/* Whatever the entry's age and the loader's answer: one lookup more, and no counter falls. */
static void a_call_counts_once_and_takes_nothing_back(void **state)
{
    (void)state;
    static const enum brisk_status answers[] = {
        BRISK_OK, BRISK_MISS, BRISK_CONFLICT, BRISK_ERR_UNREACHABLE};
    static const uint64_t ages[] = {0, 79, 80, 99, 100, 149, 150, 200};
    for (size_t i = 0; i < sizeof ages / sizeof ages[0] * 4; i++) {
        struct source source = {
            .status = answers[i % 4], .value = "new", .meanwhile = read_stats_meanwhile};
        open_with_an_old_value(&source, BRISK_POLICY_DEFAULT, 50, 20);
        for (int j = 0; j < 10; j++)
            assert_status(probe(source.cache, "other"), BRISK_MISS);
        fake_clock_advance(&source.clock, ages[i / 4]);
        stats_meanwhile = stats_of(source.cache);
        struct brisk_view view;
        enum brisk_status status = ask(&source, "key", &view);
        brisk_view_release(&view);
        struct brisk_cache_stats stats = stats_of(source.cache);
        assert_none_fell(&stats_meanwhile, &stats);
        assert_u64(stats_meanwhile.hits + stats_meanwhile.misses, 10); /* not known yet */
        assert_u64(stats.hits + stats.misses, 11);
        assert_u64(stats.stale_hits, status == BRISK_STALE);
        brisk_cache_free(source.cache);
    }
}

/* It answers BRISK_NOT_STORED: nothing has changed, and the old value may be needed. */
static void a_replace_of_an_expired_entry_leaves_it_to_serve_as_stale(void **state)
{
    (void)state;
    struct source source = {.status = BRISK_ERR_UNREACHABLE};
    open_with_an_old_value(&source, BRISK_POLICY_DEFAULT, 50, 0);
    fake_clock_advance(&source.clock, 110);
    assert_asked(&source, "key", BRISK_STALE, "old");
    assert_status(
        brisk_cache_replace(source.cache, text("key"), text("new"), NULL), BRISK_NOT_STORED);
    assert_asked(&source, "key", BRISK_STALE, "old");
    brisk_cache_free(source.cache);
}

static enum brisk_status load_from_below(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct source *below = ctx;
    (void)entry;
    return brisk_cache_get_or_load(below->cache, key, out, load_from, below);
}

/* BRISK_STALE says that *out holds a view, also if it is the loader's own answer. */
static void a_loader_that_answers_with_a_stale_value_passes_it_on(void **state)
{
    (void)state;
    struct source source = {.status = BRISK_ERR_UNREACHABLE};
    open_with_an_old_value(&source, BRISK_POLICY_DEFAULT, 50, 0);
    fake_clock_advance(&source.clock, 110);
    struct brisk_cache *above = new_cache(NULL);
    struct brisk_view view;
    enum brisk_status status = brisk_cache_get_or_load(
        above, text("key"), &view, load_from_below, &source);
    if (status == BRISK_STALE)
        assert_bytes(brisk_view_bytes(&view), text("old"));
    brisk_view_release(&view);
    assert_u64(stats_of(above).stale_hits, 0); /* there was nothing stale in this cache */
    assert_u64(stats_of(above).misses, 1);
    brisk_cache_free(above);
    brisk_cache_free(source.cache);
}

static void reload_with_little_memory(bool is_failing, void *ctx)
{
    struct source *source = ctx;
    struct brisk_view view;
    (void)is_failing;
    enum brisk_status status = ask(source, "key", &view);
    size_t length = view.length;
    brisk_view_release(&view);
    assert_status(status, source->inner);
    assert_size(length, INLINE_MAX + 1);
}

/* A shared value needs no memory to be handed out; that none is left to reload it is no loss. */
static void without_memory_to_reload_it_the_old_value_serves(void **state)
{
    (void)state;
    static uint8_t bytes[INLINE_MAX + 1];
    struct brisk_bytes value = brisk_bytes_of(bytes, sizeof bytes);
    struct source source = {.status = BRISK_ERR_UNREACHABLE, .inner = BRISK_OK};
    open_with_an_old_value(&source, BRISK_POLICY_DEFAULT, 50, 20);
    assert_ok(brisk_cache_set(source.cache, text("key"), value, NULL));
    reload_with_little_memory(false, &source);
    fake_clock_advance(&source.clock, 90);
    for_each_allocation_failure(reload_with_little_memory, &source);
    source.inner = BRISK_STALE;
    fake_clock_advance(&source.clock, 20);
    for_each_allocation_failure(reload_with_little_memory, &source);
    brisk_cache_free(source.cache);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(others_get_the_stale_value_while_one_reloads),
    cmocka_unit_test(a_stale_value_serves_whoever_fails_to_reload),
    cmocka_unit_test(a_stale_value_is_gone_once_the_loader_finds_none),
    cmocka_unit_test(one_thread_refreshes_ahead_while_others_go_on_reading),
    cmocka_unit_test(an_early_refresh_that_fails_harms_nobody),
    cmocka_unit_test(a_loader_that_asks_for_its_own_key_gets_the_old_value),
    cmocka_unit_test(invalidated_and_deleted_values_do_not_serve_as_stale),
    cmocka_unit_test(a_stale_answer_is_a_hit), cmocka_unit_test(a_stale_answer_is_no_expired_miss),
    cmocka_unit_test(an_entry_that_expires_during_the_call_is_counted_once),
    cmocka_unit_test(a_load_that_fails_slowly_brings_nothing_back_that_is_too_old),
    cmocka_unit_test(a_refresh_that_fails_after_the_deadline_answers_with_a_stale_value),
    cmocka_unit_test(a_call_counts_once_and_takes_nothing_back),
    cmocka_unit_test(a_replace_of_an_expired_entry_leaves_it_to_serve_as_stale),
    cmocka_unit_test(a_loader_that_answers_with_a_stale_value_passes_it_on),
    cmocka_unit_test(without_memory_to_reload_it_the_old_value_serves))
