/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/clock.h>

#include <time.h>

#include "tests/cache/cache_support.h"

static uint64_t precise_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void the_default_clock_never_goes_back(void **state)
{
    (void)state;
    uint64_t before = brisk_clock_ms(NULL);

    for (int i = 0; i < 100000; i++) {
        uint64_t now = brisk_clock_ms(NULL);
        assert_true(now >= before);
        before = now;
    }
}

/* The kernel's tick is at most 10 ms; it never is ahead of the precise clock. */
static void the_default_clock_is_at_most_a_timer_tick_behind(void **state)
{
    (void)state;
    uint64_t earlier = precise_ms();
    uint64_t coarse = brisk_clock_ms(NULL);
    uint64_t later = precise_ms();

    assert_true(coarse <= later);
    assert_true(coarse + 11 >= earlier);
}

static void the_default_clock_moves_on(void **state)
{
    (void)state;
    uint64_t begin = brisk_clock_ms(NULL);

    while (brisk_clock_ms(NULL) == begin)
        ;
    assert_true(brisk_clock_ms(NULL) > begin);
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
    cmocka_unit_test(the_default_clock_never_goes_back),
    cmocka_unit_test(the_default_clock_is_at_most_a_timer_tick_behind),
    cmocka_unit_test(the_default_clock_moves_on),
    cmocka_unit_test(the_default_clock_counts_milliseconds))
