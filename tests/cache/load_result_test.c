/* SPDX-License-Identifier: Apache-2.0 */
/* What a load gives: to the caller, to the cache, and to whoever looks on. */
#include <brisk/label.h>

#include "tests/cache/load_support.h"

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

/* A loader that fills *out, whatever it answers. */
struct adopted {
    enum brisk_status status;
    unsigned int released;
};

static enum brisk_status load_adopted(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    static char bytes[] = "unused";
    struct adopted *adopted = ctx;
    (void)key, (void)entry;
    if (brisk_view_adopt(out, bytes, sizeof bytes, count_release, &adopted->released) != BRISK_OK)
        return BRISK_ERR_NOMEM;
    return adopted->status;
}

/* Also where the answer that there is none is kept. */
static void a_view_beside_an_answer_without_a_value_is_released(void **state)
{
    (void)state;
    static const enum brisk_status answers[] = {
        BRISK_MISS, BRISK_CONFLICT, BRISK_NOT_STORED, BRISK_ERR_NOMEM, BRISK_ERR_TRUNCATED};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0] * 2; i++) {
        struct brisk_cache_options options = brisk_cache_options_default();
        options.negative_ttl = i % 2 == 0 ? 0 : 1000000;
        struct brisk_cache *cache = new_cache(&options);
        struct brisk_view view;
        struct adopted adopted = {.status = answers[i / 2]};
        assert_status(
            brisk_cache_get_or_load(cache, text("key"), &view, load_adopted, &adopted),
            adopted.status);
        assert_null(view.buffer);
        assert_size(view.length, 0);
        assert_u64(adopted.released, 1);
        assert_status(probe(cache, "key"), BRISK_MISS);
        brisk_cache_free(cache);
        assert_u64(adopted.released, 1);
    }
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

static void invalidate_seven(struct source *source)
{
    brisk_cache_invalidate_group(source->cache, 7);
}

/* Whether or not the group has had entries before. */
static void an_invalidation_of_its_group_during_the_load_wins(void **state)
{
    (void)state;
    struct source source = {
        .cache = new_cache(NULL), .value = "old", .group = 7, .meanwhile = invalidate_seven};
    for (unsigned int i = 1; i < 4; i++) {
        assert_asked(&source, "key", BRISK_OK, "old");
        assert_status(has(source.cache, "key"), BRISK_MISS);
        assert_u64(source.runs, i);
    }
    source.group = 8;
    assert_asked(&source, "key", BRISK_OK, "old");
    assert_status(has(source.cache, "key"), BRISK_OK);
    brisk_cache_free(source.cache);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(an_invalidation_of_its_group_during_the_load_wins),
    cmocka_unit_test(a_missing_value_is_loaded_once_and_then_found),
    cmocka_unit_test(a_value_that_is_there_is_not_loaded),
    cmocka_unit_test(any_failure_passes_through_and_nothing_is_kept),
    cmocka_unit_test(a_loader_may_load_other_keys_to_any_depth),
    cmocka_unit_test(a_result_that_does_not_fit_is_returned_all_the_same),
    cmocka_unit_test(a_large_result_is_shared),
    cmocka_unit_test(a_view_beside_an_answer_without_a_value_is_released),
    cmocka_unit_test(the_loader_chooses_time_and_group_of_its_result),
    cmocka_unit_test(a_load_is_labelled_with_the_name_of_its_cache))
