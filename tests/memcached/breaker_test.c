/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/brisk_test.h"

#include "cache/memcached/breaker.h"

enum {
    WAIT = 1000,
    MOST = 4000
};

static struct bk_breaker breaker;

static void begin(void)
{
    const struct bk_breaker_options options = {
        .failures = 3, .wait_ns = WAIT, .most_wait_ns = MOST, .seed = 42};
    assert_true(bk_breaker_init(&breaker, &options));
}

static void fail_at(uint64_t now_ns, unsigned int times)
{
    for (unsigned int i = 0; i < times; i++) {
        assert_true(bk_breaker_allows(&breaker, now_ns));
        bk_breaker_report(&breaker, BK_MC_FAILED, now_ns);
    }
}

/* When a call is let through again, by trying each moment. */
static uint64_t next_probe(uint64_t from_ns)
{
    uint64_t now_ns = from_ns;
    while (!bk_breaker_allows(&breaker, now_ns)) {
        now_ns++;
        assert_true(now_ns < from_ns + 10 * MOST);
    }
    return now_ns;
}

static void it_opens_after_failures_in_a_row(void **state)
{
    (void)state;
    begin();
    fail_at(0, 2);
    bk_breaker_report(&breaker, BK_MC_ALIVE, 0);
    fail_at(0, 2);
    assert_true(bk_breaker_allows(&breaker, 0));
    assert_u64(bk_breaker_state(&breaker), BRISK_BREAKER_CLOSED);

    assert_true(bk_breaker_report(&breaker, BK_MC_FAILED, 0));

    assert_u64(bk_breaker_state(&breaker), BRISK_BREAKER_OPEN);
    assert_false(bk_breaker_allows(&breaker, 0));
    bk_breaker_free(&breaker);
}

static void one_call_tries_after_the_wait_and_closes_it_if_it_goes_well(void **state)
{
    (void)state;
    begin();
    fail_at(0, 3);

    uint64_t probe_ns = next_probe(0);

    assert_in_range(probe_ns, WAIT / 2, WAIT);
    assert_u64(bk_breaker_state(&breaker), BRISK_BREAKER_PROBING);
    assert_false(bk_breaker_allows(&breaker, probe_ns));
    assert_false(bk_breaker_report(&breaker, BK_MC_ALIVE, probe_ns));
    assert_u64(bk_breaker_state(&breaker), BRISK_BREAKER_CLOSED);
    assert_true(bk_breaker_allows(&breaker, probe_ns));
    bk_breaker_free(&breaker);
}

static void each_failed_probe_doubles_the_wait_up_to_the_most(void **state)
{
    (void)state;
    begin();
    fail_at(0, 3);
    uint64_t now_ns = 0;
    const uint64_t most[] = {WAIT, 2 * WAIT, MOST, MOST, MOST};
    for (int i = 0; i < 5; i++) {
        uint64_t probe_ns = next_probe(now_ns);
        assert_in_range(probe_ns - now_ns, most[i] / 2, most[i]);
        assert_false(bk_breaker_report(&breaker, BK_MC_FAILED, probe_ns));
        now_ns = probe_ns;
    }

    now_ns = next_probe(now_ns);
    bk_breaker_report(&breaker, BK_MC_ALIVE, now_ns);
    fail_at(now_ns, 3);
    assert_in_range(next_probe(now_ns) - now_ns, WAIT / 2, WAIT);
    bk_breaker_free(&breaker);
}

static void a_probe_that_found_no_connection_is_followed_by_another(void **state)
{
    (void)state;
    begin();
    fail_at(0, 3);
    uint64_t probe_ns = next_probe(0);

    bk_breaker_report(&breaker, BK_MC_UNTRIED, probe_ns);

    assert_true(bk_breaker_allows(&breaker, probe_ns));
    bk_breaker_free(&breaker);
}

static void calls_that_were_on_their_way_do_not_prolong_the_wait(void **state)
{
    (void)state;
    begin();
    fail_at(0, 3);
    for (int i = 0; i < 5; i++)
        assert_false(bk_breaker_report(&breaker, BK_MC_FAILED, 400));

    assert_in_range(next_probe(0), WAIT / 2, WAIT);
    bk_breaker_free(&breaker);
}

static void waits_differ_between_clients(void **state)
{
    (void)state;
    uint64_t least = UINT64_MAX, most = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        const struct bk_breaker_options options = {
            .failures = 1, .wait_ns = WAIT, .most_wait_ns = MOST, .seed = seed};
        assert_true(bk_breaker_init(&breaker, &options));
        fail_at(0, 1);
        uint64_t probe_ns = next_probe(0);
        least = probe_ns < least ? probe_ns : least;
        most = probe_ns > most ? probe_ns : most;
        bk_breaker_free(&breaker);
    }
    assert_true(most - least > WAIT / 4);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(it_opens_after_failures_in_a_row),
    cmocka_unit_test(one_call_tries_after_the_wait_and_closes_it_if_it_goes_well),
    cmocka_unit_test(each_failed_probe_doubles_the_wait_up_to_the_most),
    cmocka_unit_test(a_probe_that_found_no_connection_is_followed_by_another),
    cmocka_unit_test(calls_that_were_on_their_way_do_not_prolong_the_wait),
    cmocka_unit_test(waits_differ_between_clients))
