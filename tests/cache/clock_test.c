/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/clock.h>

#include <time.h>

#include "tests/support/brisk_test.h"

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

BRISK_TEST_MAIN(
    cmocka_unit_test(the_default_clock_never_goes_back),
    cmocka_unit_test(the_default_clock_is_at_most_a_timer_tick_behind),
    cmocka_unit_test(the_default_clock_moves_on))
