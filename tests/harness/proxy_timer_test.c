/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy_timer.h"
#include "tests/support/brisk_test.h"

enum {
    TIMERS = 100
};

/* The earliest by looking at all. */
static uint64_t earliest(const struct bk_timer *all)
{
    uint64_t ns = BK_TIMER_NEVER;
    for (int i = 0; i < TIMERS; i++)
        if (all[i].place != 0 && all[i].due_ns < ns)
            ns = all[i].due_ns;
    return ns;
}

static void the_next_timer_is_the_earliest_of_all_that_are_set(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    struct bk_timers timers = {.heap = NULL};
    struct bk_timer all[TIMERS] = {{0}};
    assert_true(bk_timers_reserve(&timers, TIMERS));

    for (int i = 0; i < 200000; i++) {
        struct bk_timer *timer = &all[test_random_below(&random, TIMERS)];
        uint64_t due_ns = test_random_below(&random, 50);
        if (due_ns < 15)
            bk_timer_unset(&timers, timer);
        else
            bk_timer_set(&timers, timer, due_ns);
        assert_u64(bk_timers_next_ns(&timers), earliest(all));

        if (i % 10 != 0)
            continue;
        uint64_t now_ns = test_random_below(&random, 50), next_ns = earliest(all);
        struct bk_timer *due = bk_timers_take_due(&timers, now_ns);
        assert_that((due != NULL) == (next_ns <= now_ns), "one is due, or none is");
        if (due != NULL) {
            assert_u64(due->due_ns, next_ns);
            assert_size(due->place, 0);
        }
    }
    bk_timers_free(&timers);
}

static void a_timer_that_never_is_due_is_not_taken(void **state)
{
    (void)state;
    struct bk_timers timers = {.heap = NULL};

    assert_u64(bk_timers_next_ns(&timers), BK_TIMER_NEVER);
    assert_null(bk_timers_take_due(&timers, UINT64_MAX));
}

static void room_that_cannot_be_had_is_said(bool is_failing, void *ctx)
{
    int *refusals = ctx;
    struct bk_timers timers = {.heap = NULL};
    bool has_room = bk_timers_reserve(&timers, 1000);
    assert_true(has_room || is_failing);
    *refusals += !has_room;
    bk_timers_free(&timers);
}

static void a_failed_allocation_is_told(void **state)
{
    (void)state;
    int refusals = 0;
    for_each_allocation_failure(room_that_cannot_be_had_is_said, &refusals);
    assert_i64(refusals, 1);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(the_next_timer_is_the_earliest_of_all_that_are_set),
    cmocka_unit_test(a_timer_that_never_is_due_is_not_taken),
    cmocka_unit_test(a_failed_allocation_is_told))
