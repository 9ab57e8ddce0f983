/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a loader that there is no such value. */
#include "tests/cache/load_support.h"

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

BRISK_TEST_MAIN(
    cmocka_unit_test(a_negative_answer_loses_against_a_set_as_well),
    cmocka_unit_test(a_known_absence_is_kept_for_its_own_time),
    cmocka_unit_test(verbs_take_a_known_absence_for_nothing))
