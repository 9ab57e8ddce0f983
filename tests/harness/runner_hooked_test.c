/* SPDX-License-Identifier: Apache-2.0 */
/* Programs with the hook: each way in which a test can end, and what is said of it. */
#include "tests/harness/runner_support.h"

static void a_test_that_passes_has_neither_reason_nor_output(void **state)
{
    (void)state;

    struct collected collected = run_program(program_beside("sick"), "it_passes", NULL);

    assert_ok(collected.status);
    assert_size(collected.count, 2); /* there is one of that name in each group */
    assert_i64(collected.results[0].outcome, BRISK_RUNNER_PASSED);
    assert_u64(collected.results[0].attempts, 1);
    assert_string_equal(collected.results[0].reason, "");
    assert_size(collected.results[0].output_length, 0);
    assert_size(collected.summary.passed_count, 2);
    assert_size(collected.summary.failed_count, 0);
    collected_free(&collected);
}

static void tests_of_the_same_name_are_told_apart_by_their_group(void **state)
{
    (void)state;
    struct brisk_runner_options options = brisk_runner_options_default();
    options.jobs = 1;

    struct collected collected = run_program(program_beside("sick"), "it_passes", &options);

    assert_string_equal(collected.results[0].group, "first group");
    assert_string_equal(collected.results[1].group, "second");
    collected_free(&collected);
}

static void a_name_of_any_characters_is_run(void **state)
{
    (void)state;

    struct collected collected = run_program(program_beside("sick"), "a name with*", NULL);

    assert_size(collected.count, 1);
    assert_string_equal(collected.results[0].test, "a name with # <signs> & \\");
    assert_i64(collected.results[0].outcome, BRISK_RUNNER_PASSED);
    collected_free(&collected);
}

static void a_failure_is_told_with_its_place_and_the_output_before_it(void **state)
{
    (void)state;

    struct collected collected = run_program(program_beside("sick"), "it_fails", NULL);

    const struct told *told = find_told(&collected, "it_fails");
    assert_i64(told->outcome, BRISK_RUNNER_FAILED);
    assert_non_null(strstr(told->reason, "\"got\" != \"wanted\" ("));
    assert_non_null(strstr(told->reason, "sick.c:"));
    assert_non_null(strstr(told->output, "this was printed before\n"));
    assert_non_null(strstr(told->output, "sick.c:"));
    assert_null(strstr(told->output, "[ RUN"));
    assert_null(strstr(told->output, "listed below"));
    collected_free(&collected);
}

static void the_text_of_fail_msg_is_the_reason(void **state)
{
    (void)state;

    struct collected collected = run_program(program_beside("sick"), "it_says_why", NULL);

    assert_non_null(strstr(find_told(&collected, "it_says_why")->reason, "the answer is 41 ("));
    collected_free(&collected);
}

static void the_last_words_of_a_skipped_test_are_why(void **state)
{
    (void)state;

    struct collected collected = run_program(program_beside("sick"), "it_is_skipped", NULL);

    const struct told *told = find_told(&collected, "it_is_skipped");
    assert_i64(told->outcome, BRISK_RUNNER_SKIPPED);
    assert_string_equal(told->reason, "skipped: there is no daemon");
    assert_size(collected.summary.skipped_count, 1);
    collected_free(&collected);
}

static void a_killed_test_is_one_failure_with_its_last_words(void **state)
{
    (void)state;

    struct collected collected = run_program(program_beside("sick"), "it_is_killed", NULL);

    const struct told *told = find_told(&collected, "it_is_killed");
    assert_i64(told->outcome, BRISK_RUNNER_CRASHED);
    assert_string_equal(told->reason, "killed by SIGKILL before its result");
    assert_string_equal(told->output, "last words\n");
    assert_size(collected.count, 1);
    collected_free(&collected);
}

static void an_abort_is_a_crash(void **state)
{
    (void)state;
    assert_fails("it_aborts", BRISK_RUNNER_CRASHED, "killed by SIGABRT before its result");
}

/* cmocka reports it, or a sanitizer ends the process. */
static void a_wild_write_is_a_failure(void **state)
{
    (void)state;

    struct collected collected = run_program(program_beside("sick"), "it_writes_to_nowhere", NULL);

    assert_size(collected.summary.failed_count, 1);
    assert_size(collected.count, 1);
    collected_free(&collected);
}

static void an_exit_with_0_before_the_result_is_a_crash(void **state)
{
    (void)state;
    assert_fails("it_exits", BRISK_RUNNER_CRASHED, "exited with status 0 before its result");
}

static void an_exit_before_the_result_tells_its_status(void **state)
{
    (void)state;
    assert_fails(
        "it_exits_with_a_status", BRISK_RUNNER_CRASHED, "exited with status 3 before its result");
}

static void a_bad_end_after_the_result_is_a_crash(void **state)
{
    (void)state;
    assert_fails(
        "it_passes_and_ends_badly", BRISK_RUNNER_CRASHED, "exited with status 9 after its result");
}

static void a_hang_ends_at_the_time_limit(void **state)
{
    (void)state;
    struct brisk_runner_options options = brisk_runner_options_default();
    options.timeout_ms = 2001;

    struct collected collected = run_program(program_beside("sick"), "it_hangs", &options);

    const struct told *told = find_told(&collected, "it_hangs");
    assert_i64(told->outcome, BRISK_RUNNER_TIMED_OUT);
    assert_string_equal(told->reason, "no result within 2001 ms");
    assert_string_equal(told->output, "waiting\n");
    assert_true(collected.summary.duration_ns >= UINT64_C(2001000000));
    collected_free(&collected);
}

static void a_process_that_does_not_end_after_its_result_is_no_pass(void **state)
{
    (void)state;
    struct brisk_runner_options options = brisk_runner_options_default();
    options.timeout_ms = 2000;

    struct collected collected = run_program(
        program_beside("sick"), "it_passes_and_does_not_end", &options);

    assert_string_equal(
        find_told(&collected, "it_passes_and_does_not_end")->reason,
        "it had its result, but did not end within 2 s");
    collected_free(&collected);
}

static void output_without_a_newline_hides_no_result(void **state)
{
    (void)state;

    struct collected collected = run_program(
        program_beside("sick"), "it_prints_without_a_newline", NULL);

    assert_size(collected.summary.passed_count, 1);
    collected_free(&collected);
}

/* The hook tells the result on a way of its own. */
static void a_test_that_closes_its_output_passes(void **state)
{
    (void)state;

    struct collected collected = run_program(program_beside("sick"), "it_closes_its_output", NULL);

    assert_size(collected.summary.passed_count, 1);
    collected_free(&collected);
}

static void a_failed_setup_or_teardown_is_a_failure(void **state)
{
    (void)state;
    assert_fails("its setup fails", BRISK_RUNNER_FAILED, "Test setup failed");
    assert_fails("its teardown fails", BRISK_RUNNER_FAILED, "Test teardown failed");
}

static void a_failed_group_setup_fails_each_test(void **state)
{
    (void)state;
    setenv("SICK_SETUP", "1", 1);

    struct collected collected = run_program(program_beside("sick"), "it_passes", NULL);
    unsetenv("SICK_SETUP");

    assert_size(collected.summary.failed_count, 1);
    assert_size(collected.summary.passed_count, 1); /* the other group's */
    for (size_t i = 0; i < collected.count; i++)
        if (collected.results[i].outcome == BRISK_RUNNER_FAILED)
            assert_string_equal(collected.results[i].reason, "the group's setup failed");
    collected_free(&collected);
}

/* cmocka 1.1.5 exits with 0 then. */
static void a_failed_group_teardown_is_a_failure(void **state)
{
    (void)state;
    setenv("SICK_TEARDOWN", "1", 1);

    struct collected collected = run_program(program_beside("sick"), "it_is_skipped", NULL);
    unsetenv("SICK_TEARDOWN");

    assert_string_equal(
        find_told(&collected, "it_is_skipped")->reason, "the group's teardown failed");
    collected_free(&collected);
}

static void a_test_that_was_filtered_out_by_its_program_has_not_passed(void **state)
{
    (void)state;
    setenv("SICK_FILTER", "it_fails", 1);

    struct collected collected = run_program(program_beside("sick"), "it_is_skipped", NULL);
    unsetenv("SICK_FILTER");

    const struct told *told = find_told(&collected, "it_is_skipped");
    assert_i64(told->outcome, BRISK_RUNNER_FAILED);
    assert_non_null(strstr(told->reason, "did not run it"));
    collected_free(&collected);
}

static void a_forked_child_does_not_answer_for_the_test(void **state)
{
    (void)state;

    struct collected collected = run_program(program_beside("sick"), "its_child_fails", NULL);

    const struct told *told = find_told(&collected, "its_child_fails");
    assert_i64(told->outcome, BRISK_RUNNER_FAILED); /* cmocka has said so, in the child */
    assert_size(collected.count, 1);
    collected_free(&collected);
}

static void messages_of_other_programs_are_output(void **state)
{
    (void)state;
    const char *test = "it_prints_what_another_program_prints";

    struct collected collected = run_program(program_beside("sick"), test, NULL);

    const struct told *told = find_told(&collected, test);
    assert_i64(told->outcome, BRISK_RUNNER_FAILED);
    assert_non_null(strstr(told->reason, "but this one fails"));
    assert_non_null(strstr(told->output, "[       OK ] other\n"));
    collected_free(&collected);
}

static void a_retry_that_passes_is_counted_as_unreliable(void **state)
{
    (void)state;
    struct brisk_runner_options options = brisk_runner_options_default();
    options.retries = 3;
    setenv("SICK_MARK", scratch_file("mark"), 1);

    struct collected collected = run_program(
        program_beside("sick"), "it_passes_at_the_second_attempt", &options);

    const struct told *told = find_told(&collected, "it_passes_at_the_second_attempt");
    assert_i64(told->outcome, BRISK_RUNNER_PASSED);
    assert_u64(told->attempts, 2);
    assert_string_equal(told->reason, "");
    assert_size(collected.summary.passed_count, 1);
    assert_size(collected.summary.unreliable_count, 1);
    collected_free(&collected);
}

static void retries_end(void **state)
{
    (void)state;
    struct brisk_runner_options options = brisk_runner_options_default();
    options.retries = 2;

    struct collected collected = run_program(program_beside("sick"), "it_fails", &options);

    assert_u64(find_told(&collected, "it_fails")->attempts, 3);
    assert_size(collected.summary.failed_count, 1);
    assert_size(collected.count, 1);
    collected_free(&collected);
}

static void a_program_whose_hook_does_not_answer_has_failed(void **state)
{
    (void)state;

    struct collected collected = run_program(program_beside("no_answer"), NULL, NULL);

    assert_ok(collected.status);
    const struct told *told = find_told(&collected, "");
    assert_i64(told->outcome, BRISK_RUNNER_CRASHED);
    assert_string_equal(
        told->reason, "its hook did not list the tests: exited with status 4 before its result");
    assert_string_equal(told->output, "words\n");
    collected_free(&collected);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_test_that_passes_has_neither_reason_nor_output),
    cmocka_unit_test(tests_of_the_same_name_are_told_apart_by_their_group),
    cmocka_unit_test(a_name_of_any_characters_is_run),
    cmocka_unit_test(a_failure_is_told_with_its_place_and_the_output_before_it),
    cmocka_unit_test(the_text_of_fail_msg_is_the_reason),
    cmocka_unit_test(the_last_words_of_a_skipped_test_are_why),
    cmocka_unit_test(a_killed_test_is_one_failure_with_its_last_words),
    cmocka_unit_test(an_abort_is_a_crash), cmocka_unit_test(a_wild_write_is_a_failure),
    cmocka_unit_test(an_exit_with_0_before_the_result_is_a_crash),
    cmocka_unit_test(an_exit_before_the_result_tells_its_status),
    cmocka_unit_test(a_bad_end_after_the_result_is_a_crash),
    cmocka_unit_test(a_hang_ends_at_the_time_limit),
    cmocka_unit_test(a_process_that_does_not_end_after_its_result_is_no_pass),
    cmocka_unit_test(output_without_a_newline_hides_no_result),
    cmocka_unit_test(a_test_that_closes_its_output_passes),
    cmocka_unit_test(a_failed_setup_or_teardown_is_a_failure),
    cmocka_unit_test(a_failed_group_setup_fails_each_test),
    cmocka_unit_test(a_failed_group_teardown_is_a_failure),
    cmocka_unit_test(a_test_that_was_filtered_out_by_its_program_has_not_passed),
    cmocka_unit_test(a_forked_child_does_not_answer_for_the_test),
    cmocka_unit_test(messages_of_other_programs_are_output),
    cmocka_unit_test(a_retry_that_passes_is_counted_as_unreliable), cmocka_unit_test(retries_end),
    cmocka_unit_test(a_program_whose_hook_does_not_answer_has_failed))
