/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/brisk_test.h"

#include <math.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include <brisk/retry.h>

enum {
    MOST_WAITS = 64
};

/* A clock, what was waited, and a call that costs time and answers the same each time. */
struct scene {
    uint64_t now_ms;
    uint64_t waits_ms[MOST_WAITS];
    unsigned int wait_count;
    unsigned int attempts;
    uint64_t call_ms;
    enum brisk_status answer;
    unsigned int good_attempt; /* 0: none */
};

static uint64_t scene_now(void *ctx)
{
    return ((struct scene *)ctx)->now_ms;
}

static void scene_sleep(uint64_t ms, void *ctx)
{
    struct scene *scene = ctx;
    assert_true(scene->wait_count < MOST_WAITS);
    scene->waits_ms[scene->wait_count++] = ms;
    scene->now_ms += ms;
}

static enum brisk_status scene_call(unsigned int attempt, void *ctx)
{
    struct scene *scene = ctx;
    assert_u64(attempt, ++scene->attempts);
    scene->now_ms += scene->call_ms;
    return attempt == scene->good_attempt ? BRISK_OK : scene->answer;
}

static struct brisk_retry_options options_of(struct scene *scene)
{
    struct brisk_retry_options options = brisk_retry_options_default();
    options.clock = scene_now;
    options.clock_ctx = scene;
    options.sleep = scene_sleep;
    options.sleep_ctx = scene;
    return options;
}

static void expect_waits(const struct scene *scene, const uint64_t *waits_ms, unsigned int count)
{
    assert_u64(scene->wait_count, count);
    for (unsigned int i = 0; i < count; i++)
        assert_that(
            scene->waits_ms[i] == waits_ms[i], "wait %u is %llu, not %llu", i,
            (unsigned long long)scene->waits_ms[i], (unsigned long long)waits_ms[i]);
}

static void a_good_answer_is_returned_at_once(void **state)
{
    (void)state;
    struct scene scene = {.answer = BRISK_ERR_TIMEOUT, .good_attempt = 1};
    struct brisk_retry_options options = options_of(&scene);
    options.max_attempts = 5;
    options.fixed_ms = 100;

    assert_ok(brisk_retry_run(&options, scene_call, &scene, NULL));

    assert_u64(scene.attempts, 1);
    assert_u64(scene.wait_count, 0);
}

static void the_last_answer_is_returned_after_the_last_attempt(void **state)
{
    (void)state;
    struct scene scene = {.answer = BRISK_ERR_UNREACHABLE};
    struct brisk_retry_options options = options_of(&scene);
    options.max_attempts = 3;

    assert_status(brisk_retry_run(&options, scene_call, &scene, NULL), BRISK_ERR_UNREACHABLE);

    assert_u64(scene.attempts, 3);
    assert_u64(scene.wait_count, 0);
}

static void a_fixed_wait_is_the_same_each_time(void **state)
{
    (void)state;
    struct scene scene = {.answer = BRISK_ERR_TIMEOUT, .good_attempt = 4};
    struct brisk_retry_options options = options_of(&scene);
    options.max_attempts = 10;
    options.fixed_ms = 1000;

    assert_ok(brisk_retry_run(&options, scene_call, &scene, NULL));

    expect_waits(&scene, (const uint64_t[]){1000, 1000, 1000}, 3);
}

static void an_exponential_wait_doubles_up_to_its_limit(void **state)
{
    (void)state;
    struct scene scene = {.answer = BRISK_ERR_TIMEOUT};
    struct brisk_retry_options options = options_of(&scene);
    options.max_attempts = 8;
    options.exponential_ms = 1000;
    options.exponential_max_ms = 30000;

    assert_status(brisk_retry_run(&options, scene_call, &scene, NULL), BRISK_ERR_TIMEOUT);

    expect_waits(&scene, (const uint64_t[]){1000, 2000, 4000, 8000, 16000, 30000, 30000}, 7);
}

static void the_base_of_an_exponential_wait_may_be_chosen(void **state)
{
    (void)state;
    struct scene scene = {.answer = BRISK_ERR_TIMEOUT};
    struct brisk_retry_options options = options_of(&scene);
    options.max_attempts = 5;
    options.exponential_ms = 10;
    options.exponential_base = 3;

    assert_status(brisk_retry_run(&options, scene_call, &scene, NULL), BRISK_ERR_TIMEOUT);

    expect_waits(&scene, (const uint64_t[]){10, 30, 90, 270}, 4);
}

static void a_random_wait_is_added_and_varies(void **state)
{
    (void)state;
    struct scene scene = {.answer = BRISK_ERR_TIMEOUT};
    struct brisk_retry_options options = options_of(&scene);
    options.max_attempts = 51;
    options.fixed_ms = 10000;
    options.random_ms = 3000;
    options.random_seed = 7;

    assert_status(brisk_retry_run(&options, scene_call, &scene, NULL), BRISK_ERR_TIMEOUT);

    uint64_t least = UINT64_MAX, most = 0;
    for (unsigned int i = 0; i < scene.wait_count; i++) {
        assert_true(scene.waits_ms[i] >= 10000 && scene.waits_ms[i] < 13000);
        least = scene.waits_ms[i] < least ? scene.waits_ms[i] : least;
        most = scene.waits_ms[i] > most ? scene.waits_ms[i] : most;
    }
    assert_true(most - least > 1500);
}

static void full_jitter_stays_below_the_exponential_wait(void **state)
{
    (void)state;
    struct scene scene = {.answer = BRISK_ERR_TIMEOUT};
    struct brisk_retry_options options = options_of(&scene);
    options.max_attempts = 41;
    options.exponential_ms = 1000;
    options.exponential_max_ms = 8000;
    options.is_jittered = true;
    options.random_seed = 7;

    assert_status(brisk_retry_run(&options, scene_call, &scene, NULL), BRISK_ERR_TIMEOUT);

    uint64_t sum_ms = 0;
    for (unsigned int i = 0; i < scene.wait_count; i++) {
        uint64_t most_ms = i < 3 ? 1000u << i : 8000;
        assert_true(scene.waits_ms[i] <= most_ms);
        sum_ms += scene.waits_ms[i];
    }
    /* Half of 7,000 + 37 * 8,000, within a third. */
    assert_in_range(sum_ms, 101000, 202000);
}

static void all_three_waits_add_up(void **state)
{
    (void)state;
    struct scene scene = {.answer = BRISK_ERR_TIMEOUT};
    struct brisk_retry_options options = options_of(&scene);
    options.max_attempts = 4;
    options.fixed_ms = 100;
    options.exponential_ms = 10;
    options.random_ms = 1; /* only 0 is below */

    assert_status(brisk_retry_run(&options, scene_call, &scene, NULL), BRISK_ERR_TIMEOUT);

    expect_waits(&scene, (const uint64_t[]){110, 120, 140}, 3);
}

static void no_attempt_begins_after_the_time_is_up(void **state)
{
    (void)state;
    struct scene scene = {.answer = BRISK_ERR_TIMEOUT, .call_ms = 1000, .now_ms = 500};
    struct brisk_retry_options options = options_of(&scene);
    options.stop_after_ms = 60000;
    options.fixed_ms = 9000;

    assert_status(brisk_retry_run(&options, scene_call, &scene, NULL), BRISK_ERR_TIMEOUT);

    /* Attempts begin at 0, 10, 20 ... 60 s. */
    assert_u64(scene.attempts, 7);
    assert_u64(scene.now_ms, 61500);
}

static void a_wait_beyond_the_time_is_not_begun(void **state)
{
    (void)state;
    struct scene scene = {.answer = BRISK_ERR_TIMEOUT};
    struct brisk_retry_options options = options_of(&scene);
    options.stop_after_ms = 1000;
    options.fixed_ms = 1001;

    assert_status(brisk_retry_run(&options, scene_call, &scene, NULL), BRISK_ERR_TIMEOUT);

    assert_u64(scene.wait_count, 0);
    assert_u64(scene.now_ms, 0);
}

static void by_default_only_timeouts_and_silent_servers_are_tried_again(void **state)
{
    (void)state;
    for (int status = BRISK_ERR_CANCELLED; status <= BRISK_AGAIN; status++) {
        struct scene scene = {.answer = (enum brisk_status)status};
        struct brisk_retry_options options = options_of(&scene);
        options.max_attempts = 2;

        assert_status(brisk_retry_run(&options, scene_call, &scene, NULL), scene.answer);

        bool is_again = status == BRISK_ERR_TIMEOUT || status == BRISK_ERR_UNREACHABLE;
        assert_u64(scene.attempts, is_again ? 2 : 1);
    }
}

static void chosen_statuses_are_tried_again_an_empty_result_among_them(void **state)
{
    (void)state;
    struct scene scene = {.answer = BRISK_MISS, .good_attempt = 3};
    struct brisk_retry_options options = options_of(&scene);
    options.max_attempts = 5;
    options.statuses = BRISK_RETRY_ON(BRISK_MISS) | BRISK_RETRY_ON(BRISK_CONFLICT);

    assert_ok(brisk_retry_run(&options, scene_call, &scene, NULL));
    assert_u64(scene.attempts, 3);

    scene = (struct scene){.answer = BRISK_ERR_TIMEOUT};
    assert_status(brisk_retry_run(&options, scene_call, &scene, NULL), BRISK_ERR_TIMEOUT);
    assert_u64(scene.attempts, 1);
}

static void a_status_that_does_not_exist_is_final(void **state)
{
    (void)state;
    struct scene scene = {.answer = (enum brisk_status)1000};
    struct brisk_retry_options options = options_of(&scene);
    options.max_attempts = 5;
    options.statuses = UINT64_MAX;

    assert_i64(brisk_retry_run(&options, scene_call, &scene, NULL), 1000);

    assert_u64(scene.attempts, 1);
}

static void a_loop_around_any_call_does_the_same(void **state)
{
    (void)state;
    struct scene scene = {.answer = BRISK_ERR_TIMEOUT, .good_attempt = 3};
    struct brisk_retry_options options = options_of(&scene);
    options.max_attempts = 5;
    options.fixed_ms = 10;
    struct brisk_retry retry;

    assert_ok(brisk_retry_begin(&retry, &options, NULL));
    enum brisk_status status;
    do
        status = scene_call(retry.attempts + 1, &scene);
    while (brisk_retry_again(&retry, status));

    assert_ok(status);
    assert_u64(retry.attempts, 3);
    expect_waits(&scene, (const uint64_t[]){10, 10}, 2);
}

static void a_clock_that_steps_back_stops_nothing_early(void **state)
{
    (void)state;
    struct scene scene = {.answer = BRISK_ERR_TIMEOUT, .now_ms = 1000};
    struct brisk_retry_options options = options_of(&scene);
    options.stop_after_ms = 100;
    struct brisk_retry retry;
    assert_ok(brisk_retry_begin(&retry, &options, NULL));

    scene.now_ms = 0;

    assert_true(brisk_retry_again(&retry, BRISK_ERR_TIMEOUT));
}

static void huge_waits_do_not_wrap(void **state)
{
    (void)state;
    struct scene scene = {.answer = BRISK_ERR_TIMEOUT};
    struct brisk_retry_options options = options_of(&scene);
    options.max_attempts = 2;
    options.stop_after_ms = 1000;
    options.fixed_ms = UINT64_MAX;
    options.exponential_ms = UINT64_MAX;
    options.exponential_max_ms = UINT64_MAX;
    options.random_ms = UINT64_MAX;

    assert_status(brisk_retry_run(&options, scene_call, &scene, NULL), BRISK_ERR_TIMEOUT);

    assert_u64(scene.wait_count, 0);
}

static void bad_options_are_refused_with_a_reason(void **state)
{
    (void)state;
    struct scene scene = {.answer = BRISK_OK};
    struct brisk_error error;
    struct brisk_retry_options options = options_of(&scene);

    assert_status(brisk_retry_run(&options, scene_call, &scene, &error), BRISK_ERR_INVALID);
    assert_non_null(strstr(error.message, "max_attempts"));

    options.max_attempts = 1;
    options.exponential_base = 0.5;
    assert_status(brisk_retry_run(&options, scene_call, &scene, &error), BRISK_ERR_INVALID);
    assert_non_null(strstr(error.message, "exponential_base is 0.5"));

    options.exponential_base = (double)NAN;
    assert_status(brisk_retry_run(&options, scene_call, &scene, &error), BRISK_ERR_INVALID);

    options = options_of(&scene);
    options.max_attempts = 1;
    options.size = 1;
    assert_status(brisk_retry_run(&options, scene_call, &scene, &error), BRISK_ERR_INVALID);
    assert_status(brisk_retry_run(NULL, scene_call, &scene, &error), BRISK_ERR_INVALID);
    assert_u64(scene.attempts, 0);
}

static volatile sig_atomic_t alarms;

static void count_alarm(int number)
{
    (void)number;
    alarms++;
}

static uint64_t real_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void signals_do_not_shorten_the_real_wait(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = count_alarm}, old;
    sigaction(SIGALRM, &action, &old);
    struct itimerval timer = {{0, 5000}, {0, 5000}}, stop = {{0, 0}, {0, 0}};
    struct brisk_retry_options options = brisk_retry_options_default();
    options.max_attempts = 2;
    options.fixed_ms = 60;
    struct brisk_retry retry;
    assert_ok(brisk_retry_begin(&retry, &options, NULL));

    setitimer(ITIMER_REAL, &timer, NULL);
    uint64_t began_ms = real_now_ms();
    bool is_again = brisk_retry_again(&retry, BRISK_ERR_TIMEOUT);
    uint64_t waited_ms = real_now_ms() - began_ms;
    setitimer(ITIMER_REAL, &stop, NULL);
    sigaction(SIGALRM, &old, NULL);

    assert_true(is_again);
    assert_true(waited_ms >= 59);
    assert_true(alarms > 0);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_good_answer_is_returned_at_once),
    cmocka_unit_test(the_last_answer_is_returned_after_the_last_attempt),
    cmocka_unit_test(a_fixed_wait_is_the_same_each_time),
    cmocka_unit_test(an_exponential_wait_doubles_up_to_its_limit),
    cmocka_unit_test(the_base_of_an_exponential_wait_may_be_chosen),
    cmocka_unit_test(a_random_wait_is_added_and_varies),
    cmocka_unit_test(full_jitter_stays_below_the_exponential_wait),
    cmocka_unit_test(all_three_waits_add_up),
    cmocka_unit_test(no_attempt_begins_after_the_time_is_up),
    cmocka_unit_test(a_wait_beyond_the_time_is_not_begun),
    cmocka_unit_test(by_default_only_timeouts_and_silent_servers_are_tried_again),
    cmocka_unit_test(chosen_statuses_are_tried_again_an_empty_result_among_them),
    cmocka_unit_test(a_status_that_does_not_exist_is_final),
    cmocka_unit_test(a_loop_around_any_call_does_the_same),
    cmocka_unit_test(a_clock_that_steps_back_stops_nothing_early),
    cmocka_unit_test(huge_waits_do_not_wrap),
    cmocka_unit_test(bad_options_are_refused_with_a_reason),
    cmocka_unit_test(signals_do_not_shorten_the_real_wait))
