/* SPDX-License-Identifier: Apache-2.0 */
/* Programs without the hook: their tests are read from cmocka's messages. */
#include "tests/harness/runner_support.h"

/* Those of the tests of sick_unhooked whose name matches. */
static struct collected run_chosen(const char *pattern, const struct brisk_runner_options *options)
{
    setenv("SICK_FILTER", pattern, 1);
    struct collected collected = run_program(program_beside("sick_unhooked"), NULL, options);
    unsetenv("SICK_FILTER");
    assert_ok(collected.status);
    return collected;
}

static void tests_that_pass_fail_and_skip_are_told_apart(void **state)
{
    (void)state;

    struct collected passed = run_chosen("it_passes", NULL);
    struct collected failed = run_chosen("it_f?ils", NULL);
    struct collected skipped = run_chosen("it_is_skipped", NULL);

    assert_size(passed.count, 2); /* one in each group */
    assert_size(passed.summary.passed_count, 2);
    assert_i64(find_told(&failed, "it_fails")->outcome, BRISK_RUNNER_FAILED);
    assert_non_null(strstr(find_told(&failed, "it_fails")->reason, "\"got\" != \"wanted\" ("));
    assert_non_null(strstr(find_told(&failed, "it_fails")->output, "this was printed before\n"));
    assert_string_equal(
        find_told(&skipped, "it_is_skipped")->reason, "skipped: there is no daemon");
    collected_free(&passed);
    collected_free(&failed);
    collected_free(&skipped);
}

static void the_result_of_256_failures_is_not_the_exit_status(void **state)
{
    (void)state;

    struct collected collected = run_program(program_beside("many_failures"), NULL, NULL);

    assert_ok(collected.status);
    assert_size(collected.summary.failed_count, 256);
    assert_size(collected.count, 256);
    collected_free(&collected);
}

static void a_crash_is_the_failure_of_the_test_that_ran(void **state)
{
    (void)state;

    struct collected collected = run_chosen("it_is_*", NULL);

    assert_size(collected.count, 2);
    assert_i64(find_told(&collected, "it_is_skipped")->outcome, BRISK_RUNNER_SKIPPED);
    const struct told *told = find_told(&collected, "it_is_killed");
    assert_i64(told->outcome, BRISK_RUNNER_CRASHED);
    assert_string_equal(told->output, "last words\n");
    collected_free(&collected);
}

static void a_crash_tells_how_many_tests_it_has_kept_from_running(void **state)
{
    (void)state;

    struct collected collected = run_chosen("it_exits*", NULL);

    assert_size(collected.count, 1);
    assert_string_equal(
        find_told(&collected, "it_exits")->reason,
        "exited with status 0 before its result; 1 more tests did not run");
    collected_free(&collected);
}

static void the_time_limit_is_that_of_one_test(void **state)
{
    (void)state;
    struct brisk_runner_options options = brisk_runner_options_default();
    options.timeout_ms = 2000;

    struct collected collected = run_chosen("it_hangs", &options);

    assert_size(collected.count, 1);
    assert_i64(find_told(&collected, "it_hangs")->outcome, BRISK_RUNNER_TIMED_OUT);
    assert_string_equal(find_told(&collected, "it_hangs")->reason, "no result within 2 s");
    collected_free(&collected);
}

static void output_without_a_newline_hides_no_result(void **state)
{
    (void)state;

    struct collected collected = run_chosen("it_prints_without_a_newline", NULL);

    assert_i64(find_told(&collected, "it_prints_without_a_newline")->outcome, BRISK_RUNNER_PASSED);
    collected_free(&collected);
}

static void messages_of_other_programs_are_output(void **state)
{
    (void)state;
    const char *test = "it_prints_what_another_program_prints";

    struct collected collected = run_chosen(test, NULL);

    assert_size(collected.count, 1);
    assert_i64(find_told(&collected, test)->outcome, BRISK_RUNNER_FAILED);
    assert_non_null(strstr(find_told(&collected, test)->output, "[       OK ] other\n"));
    collected_free(&collected);
}

static void a_bad_end_after_all_results_is_a_failure_of_the_program(void **state)
{
    (void)state;

    struct collected collected = run_chosen("it_passes_and_ends_badly", NULL);

    assert_size(collected.count, 2);
    assert_i64(find_told(&collected, "it_passes_and_ends_badly")->outcome, BRISK_RUNNER_PASSED);
    assert_i64(find_told(&collected, "")->outcome, BRISK_RUNNER_FAILED);
    assert_string_equal(find_told(&collected, "")->reason, "exited with status 9");
    collected_free(&collected);
}

static void failed_setups_and_teardowns_are_failures(void **state)
{
    (void)state;

    struct collected collected = run_chosen("its * fails", NULL);

    assert_string_equal(find_told(&collected, "its setup fails")->reason, "Test setup failed");
    assert_string_equal(
        find_told(&collected, "its teardown fails")->reason, "Test teardown failed");
    assert_size(collected.count, 2);
    collected_free(&collected);
}

static void failed_setups_and_teardowns_of_a_group_are_failures(void **state)
{
    (void)state;
    setenv("SICK_SETUP", "1", 1);
    struct collected setup = run_chosen("it_passes", NULL);
    unsetenv("SICK_SETUP");
    setenv("SICK_TEARDOWN", "1", 1);
    struct collected teardown = run_chosen("it_passes", NULL);
    unsetenv("SICK_TEARDOWN");

    assert_i64(find_told(&setup, "GROUP SETUP")->outcome, BRISK_RUNNER_FAILED);
    assert_size(setup.summary.passed_count, 1); /* of the second group */
    assert_i64(find_told(&teardown, "GROUP TEARDOWN")->outcome, BRISK_RUNNER_FAILED);
    assert_size(teardown.summary.passed_count, 2);
    assert_size(teardown.summary.failed_count, 1);
    collected_free(&setup);
    collected_free(&teardown);
}

static void a_retry_runs_the_program_and_blames_the_test_that_had_failed(void **state)
{
    (void)state;
    struct brisk_runner_options options = brisk_runner_options_default();
    options.retries = 1;
    setenv("SICK_MARK", scratch_file("mark"), 1);

    struct collected collected = run_chosen("it_passes*at*", &options);
    unsetenv("SICK_MARK");

    const struct told *told = find_told(&collected, "it_passes_at_the_second_attempt");
    assert_i64(told->outcome, BRISK_RUNNER_PASSED);
    assert_u64(told->attempts, 2);
    assert_size(collected.summary.unreliable_count, 1);
    assert_size(collected.count, collected.summary.passed_count);
    collected_free(&collected);
}

static struct collected run_script(const char *text)
{
    struct collected collected = run_program(write_script("script", text), NULL, NULL);
    assert_ok(collected.status);
    assert_size(collected.count, 1);
    assert_string_equal(collected.results[0].test, "");
    assert_string_equal(collected.results[0].program, "script");
    return collected;
}

static void a_program_that_is_no_cmocka_program_is_one_test(void **state)
{
    (void)state;

    struct collected passed = run_script("echo fine\n");
    struct collected failed = run_script("echo why; exit 5\n");
    struct collected skipped = run_script("echo no daemon; exit 77\n");
    struct collected killed = run_script("kill -USR1 $$\n");

    assert_i64(passed.results[0].outcome, BRISK_RUNNER_PASSED);
    assert_i64(failed.results[0].outcome, BRISK_RUNNER_FAILED);
    assert_string_equal(failed.results[0].reason, "exited with status 5");
    assert_string_equal(failed.results[0].output, "why\n");
    assert_i64(skipped.results[0].outcome, BRISK_RUNNER_SKIPPED);
    assert_string_equal(skipped.results[0].reason, "no daemon");
    assert_i64(killed.results[0].outcome, BRISK_RUNNER_CRASHED);
    assert_string_equal(killed.results[0].reason, "killed by SIGUSR1");
    collected_free(&passed);
    collected_free(&failed);
    collected_free(&skipped);
    collected_free(&killed);
}

static void a_file_that_the_kernel_cannot_run_is_a_failure(void **state)
{
    (void)state;
    const char *path = write_script("script", "");
    FILE *file = fopen(path, "w");
    fputs("neither a script nor a program\n", file);
    fclose(file);

    struct collected collected = run_program(path, NULL, NULL);

    assert_i64(collected.results[0].outcome, BRISK_RUNNER_CRASHED);
    assert_string_equal(collected.results[0].reason, "it cannot be run: Exec format error");
    collected_free(&collected);
}

static void a_group_that_ends_early_is_a_failure(void **state)
{
    (void)state;

    struct collected collected = run_script("echo '[==========] Running 3 test(s).'\nexit 0\n");

    assert_string_equal(
        collected.results[0].reason, "exited with status 0 before its result; 3 tests did not run");
    collected_free(&collected);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(tests_that_pass_fail_and_skip_are_told_apart),
    cmocka_unit_test(the_result_of_256_failures_is_not_the_exit_status),
    cmocka_unit_test(a_crash_is_the_failure_of_the_test_that_ran),
    cmocka_unit_test(a_crash_tells_how_many_tests_it_has_kept_from_running),
    cmocka_unit_test(the_time_limit_is_that_of_one_test),
    cmocka_unit_test(output_without_a_newline_hides_no_result),
    cmocka_unit_test(messages_of_other_programs_are_output),
    cmocka_unit_test(a_bad_end_after_all_results_is_a_failure_of_the_program),
    cmocka_unit_test(failed_setups_and_teardowns_are_failures),
    cmocka_unit_test(failed_setups_and_teardowns_of_a_group_are_failures),
    cmocka_unit_test(a_retry_runs_the_program_and_blames_the_test_that_had_failed),
    cmocka_unit_test(a_program_that_is_no_cmocka_program_is_one_test),
    cmocka_unit_test(a_file_that_the_kernel_cannot_run_is_a_failure),
    cmocka_unit_test(a_group_that_ends_early_is_a_failure))
