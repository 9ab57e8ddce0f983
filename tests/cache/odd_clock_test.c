/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks that stand, jump, step back or come to an end. */
#include "tests/cache/timed_support.h"

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

/* Whatever verb is the first to see it, also once its short path is warm. */
static void a_read_is_the_first_to_see_a_clock_that_went_far(void **state)
{
    (void)state;
    for (int verb = 0; verb < 4; verb++) {
        for (unsigned int bits = 29; bits < 34; bits++) {
            struct brisk_cache *cache = timed_cache(BRISK_POLICY_DEFAULT, 1000);
            assert_ok(set_with_ttl(cache, "key", "1", 100));
            read_with(cache, verb, BRISK_OK);
            advance(UINT64_C(1) << bits);
            read_with(cache, verb, BRISK_MISS);
            brisk_cache_free(cache);
        }
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

BRISK_TEST_MAIN(
    cmocka_unit_test(a_read_is_the_first_to_see_a_clock_that_went_far),
    cmocka_unit_test(an_entry_stays_expired_however_far_the_clock_goes),
    cmocka_unit_test(nothing_expires_while_the_clock_stands),
    cmocka_unit_test(nothing_comes_back_when_the_clock_steps_back),
    cmocka_unit_test(deadlines_hold_when_the_clock_steps_back),
    cmocka_unit_test(the_end_of_time_is_no_deadline))
