/* SPDX-License-Identifier: Apache-2.0 */
/* Floods, and odd bytes. */
#include "tests/harness/runner_support.h"

static void a_flood_keeps_its_beginning_and_its_end(void **state)
{
    (void)state;

    struct collected collected = run_program(program_beside("sick"), "it_floods", NULL);

    const struct told *told = find_told(&collected, "it_floods");
    assert_i64(told->outcome, BRISK_RUNNER_FAILED);
    assert_true(told->output_length < 70000);
    assert_memory_equal(told->output, "line 000000 ", strlen("line 000000 "));
    assert_non_null(strstr(told->output, "line 249999 "));
    assert_non_null(strstr(told->output, " bytes are left out here]\n"));
    assert_non_null(strstr(told->output, "sick.c:"));
    collected_free(&collected);
}

static void a_flood_without_end_is_stopped_at_the_time_limit(void **state)
{
    (void)state;
    struct brisk_runner_options options = brisk_runner_options_default();
    options.timeout_ms = 2000;

    struct collected collected = run_program(
        program_beside("sick"), "it_floods_for_ever", &options);

    const struct told *told = find_told(&collected, "it_floods_for_ever");
    assert_i64(told->outcome, BRISK_RUNNER_TIMED_OUT);
    assert_true(told->output_length < 70000);
    collected_free(&collected);
}

/* Neither loses its time to the other. */
static void a_flood_does_not_delay_other_tests(void **state)
{
    (void)state;
    struct brisk_runner_options options = brisk_runner_options_default();
    options.timeout_ms = 4000;
    options.jobs = 2;
    const char *filters[] = {"it_floods_for_ever", "it_is_skipped"};
    const char *path = program_beside("sick");
    options.programs = &path;
    options.program_count = 1;
    options.filters = filters;
    options.filter_count = 2;

    struct brisk_runner_summary summary;
    assert_ok(brisk_runner_run(&options, &summary, NULL));

    assert_size(summary.failed_count, 1);
    assert_size(summary.skipped_count, 1);
}

static void any_bytes_are_kept(void **state)
{
    (void)state;

    struct collected collected = run_program(program_beside("sick"), "it_prints_odd_bytes", NULL);

    const struct told *told = find_told(&collected, "it_prints_odd_bytes");
    static const char want[] = "]]> <&> \"\033[31m\0 \xff\xfe \xef\xbf\xbf \xc3\xa9 \xed\xa0\x80\n";
    assert_non_null(memmem(told->output, told->output_length, want, sizeof want - 1));
    collected_free(&collected);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_flood_keeps_its_beginning_and_its_end),
    cmocka_unit_test(a_flood_without_end_is_stopped_at_the_time_limit),
    cmocka_unit_test(a_flood_does_not_delay_other_tests), cmocka_unit_test(any_bytes_are_kept))
