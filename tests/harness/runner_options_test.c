/* SPDX-License-Identifier: Apache-2.0 */
/* What is run: filters, lists, how many at once; what is refused; and runs without memory. */
#include "harness/runner/program.h"
#include "tests/harness/runner_support.h"

#include <sys/wait.h>

static void assert_refused(const struct brisk_runner_options *options, const char *message)
{
    struct brisk_runner_summary summary;
    struct brisk_error error = {0};
    assert_status(brisk_runner_run(options, &summary, &error), BRISK_ERR_INVALID);
    assert_string_equal(error.message, message);
    assert_size(summary.passed_count + summary.failed_count + summary.skipped_count, 0);
}

static void what_cannot_be_run_is_refused_before_anything_runs(void **state)
{
    (void)state;
    const char *paths[] = {program_beside("sick"), "/proc/nowhere"};
    struct brisk_runner_options options = brisk_runner_options_default();

    assert_refused(&options, "programs is empty: there is nothing to run");
    options.programs = paths;
    options.program_count = 2;
    assert_refused(&options, "/proc/nowhere cannot be run: No such file or directory");
    paths[1] = "/usr";
    assert_refused(&options, "/usr cannot be run: Is a directory");
    paths[1] = "/dev/null";
    assert_refused(&options, "/dev/null cannot be run: Permission denied");
}

static void options_out_of_range_are_refused(void **state)
{
    (void)state;
    const char *path = program_beside("sick");
    struct brisk_runner_options options = brisk_runner_options_default();
    options.programs = &path;
    options.program_count = 1;

    options.jobs = 1025;
    assert_refused(&options, "jobs is 1025, not 0 to 1024");
    options.jobs = 0;
    options.filter_count = 1;
    assert_refused(&options, "filters is NULL, but filter_count is not 0");
    options.filter_count = 0;
    options.fixture_count = 1;
    assert_refused(&options, "fixtures is NULL, but fixture_count is not 0");
    options.fixture_count = 0;
    options.size = 1;
    struct brisk_runner_summary summary;
    assert_status(brisk_runner_run(&options, &summary, NULL), BRISK_ERR_INVALID);
}

static void a_filter_that_matches_nothing_is_a_miss(void **state)
{
    (void)state;

    struct collected hooked = run_program(program_beside("sick"), "nothing_of_the_kind", NULL);
    struct collected whole = run_program(program_beside("many_failures"), "it_fails", NULL);

    assert_status(hooked.status, BRISK_MISS);
    assert_string_equal(hooked.error.message, "no test matches");
    assert_status(whole.status, BRISK_MISS);
    collected_free(&hooked);
    collected_free(&whole);
}

static void filters_match_tests_programs_and_both(void **state)
{
    (void)state;
    static const struct {
        const char *program;
        const char *filter;
        size_t want; /* tests that run */
    } rows[] = {
        {"sick", "it_is_skipped", 1},       {"sick", "it_is_skippe?", 1},
        {"sick", "sick:it_is_skipped", 1},  {"sick", "si*:it_is_s*", 1},
        {"sick", "other:it_is_skipped", 0}, {"many_failures", "many_failures", 256},
        {"many_failures", "many*:*", 256},  {"many_failures", "*:it_fails", 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct collected collected = run_program(
            program_beside(rows[i].program), rows[i].filter, NULL);
        assert_that(
            collected.count == rows[i].want, "%s of %s: %zu", rows[i].filter, rows[i].program,
            collected.count);
        assert_status(collected.status, rows[i].want > 0 ? BRISK_OK : BRISK_MISS);
        collected_free(&collected);
    }
}

struct listed {
    char names[4096];
    size_t count;
};

static void list(const struct brisk_runner_result *result, void *ctx)
{
    struct listed *listed = ctx;
    size_t used = strlen(listed->names);
    snprintf(
        listed->names + used, sizeof listed->names - used, "%s:%s:%s\n", result->program,
        result->group, result->test);
    listed->count++;
    assert_i64(result->outcome, BRISK_RUNNER_NOT_RUN);
}

static void a_list_names_the_tests_in_order_and_runs_none(void **state)
{
    (void)state;
    const char *paths[] = {program_beside("sick"), "/bin/false"};
    const char *filters[] = {"it_passes", "*last", "it_hangs", "false"};
    struct listed listed = {0};
    struct brisk_runner_options options = brisk_runner_options_default();
    options.programs = paths;
    options.program_count = 2;
    options.filters = filters;
    options.filter_count = 4;
    options.on_result = list;
    options.ctx = &listed;

    assert_ok(brisk_runner_list(&options, NULL));

    assert_string_equal(
        listed.names, "sick:first group:it_passes\nsick:first group:it_hangs\n"
                      "sick:second:it_passes\nsick:second:it is the last\nfalse::\n");
}

/* Each of two waits for the other's file: run one after the other, both would hang. */
static void as_many_tests_run_at_once_as_asked_for(void **state)
{
    (void)state;
    const char *a = scratch_file("a"), *b = scratch_file("b");
    char text[512];
    snprintf(text, sizeof text, "touch %s; until [ -e %s ]; do :; done\n", a, b);
    const char *first = write_script("first", text);
    snprintf(text, sizeof text, "touch %s; until [ -e %s ]; do :; done\n", b, a);
    const char *paths[] = {first, write_script("second", text)};
    struct brisk_runner_options options = brisk_runner_options_default();
    options.programs = paths;
    options.program_count = 2;
    options.jobs = 2;

    struct brisk_runner_summary summary;
    assert_ok(brisk_runner_run(&options, &summary, NULL));

    assert_size(summary.passed_count, 2);
}

/* Each fails if the other's file is there. */
static void one_job_runs_one_test_at_a_time(void **state)
{
    (void)state;
    const char *path = scratch_file("running");
    char text[512];
    snprintf(text, sizeof text, "mkdir %s && rmdir %s\n", path, path);
    const char *script = write_script("exclusive", text);
    const char *paths[] = {script, script, script, script, script, script};
    struct brisk_runner_options options = brisk_runner_options_default();
    options.programs = paths;
    options.program_count = 6;
    options.jobs = 1;

    struct brisk_runner_summary summary;
    assert_ok(brisk_runner_run(&options, &summary, NULL));

    assert_size(summary.passed_count, 6);
}

struct seen {
    size_t calls;
    size_t most_finished;
    bool has_named_test;
    const char *stop_at; /* a test; NULL: never */
};

static enum brisk_status watch(const struct brisk_runner_progress *progress, void *ctx)
{
    struct seen *seen = ctx;
    seen->calls++;
    assert_true(progress->finished_count <= progress->known_count || progress->known_count == 0);
    if (progress->finished_count > seen->most_finished)
        seen->most_finished = progress->finished_count;
    seen->has_named_test |= strcmp(progress->test, "it_hangs") == 0;
    bool is_end = seen->stop_at != NULL && strcmp(progress->test, seen->stop_at) == 0;
    return is_end ? BRISK_ERR_CANCELLED : BRISK_OK;
}

static void progress_names_the_test_that_runs_longest(void **state)
{
    (void)state;
    const char *path = program_beside("sick");
    const char *filters[] = {"it_is_skipped", "it_hangs", "it_fails"};
    struct seen seen = {0};
    struct brisk_runner_options options = brisk_runner_options_default();
    options.programs = &path;
    options.program_count = 1;
    options.filters = filters;
    options.filter_count = 3;
    options.timeout_ms = 2000;
    options.jobs = 2;
    options.on_progress = watch;
    options.ctx = &seen;

    struct brisk_runner_summary summary;
    assert_ok(brisk_runner_run(&options, &summary, NULL));

    assert_true(seen.has_named_test);
    assert_true(seen.calls >= 10); /* at least every 100 ms */
    assert_true(seen.most_finished >= 2);
}

static void a_run_that_is_stopped_reports_what_was_finished(void **state)
{
    (void)state;
    const char *path = program_beside("sick");
    const char *filters[] = {"it_fails", "it_hangs"};
    char *tap = NULL;
    size_t tap_length;
    struct seen seen = {.stop_at = "it_hangs"};
    struct brisk_runner_options options = brisk_runner_options_default();
    options.programs = &path;
    options.program_count = 1;
    options.filters = filters;
    options.filter_count = 2;
    options.jobs = 1;
    options.on_progress = watch;
    options.ctx = &seen;
    options.tap = open_memstream(&tap, &tap_length);

    struct brisk_runner_summary summary;
    assert_status(brisk_runner_run(&options, &summary, NULL), BRISK_ERR_CANCELLED);
    fclose(options.tap);

    assert_size(summary.failed_count, 1);
    assert_non_null(strstr(tap, "1..1\nnot ok 1 - sick:it_fails\n"));
    assert_non_null(strstr(tap, "\nBail out! the run was stopped\n"));
    free(tap);
}

static void run_step(bool is_failing, void *ctx)
{
    const struct brisk_runner_options *options = ctx;
    struct brisk_runner_summary summary;
    enum brisk_status status = brisk_runner_run(options, &summary, NULL);
    if (status != BRISK_OK) {
        assert_true(is_failing);
        assert_status(status, BRISK_ERR_NOMEM);
        return;
    }
    assert_size(summary.failed_count, 3);
    assert_size(summary.skipped_count, 1);
}

static void a_run_without_memory_says_so_and_leaves_nothing(void **state)
{
    (void)state;
    char script[128];
    snprintf(script, sizeof script, "%s", write_script("fails", "echo words; exit 1\n"));
    const char *paths[] = {program_beside("sick"), script, script};
    const char *filters[] = {"it_says_why", "it_is_skipped", "fails"};
    struct brisk_runner_options options = brisk_runner_options_default();
    options.programs = paths;
    options.program_count = 3;
    options.filters = filters;
    options.filter_count = 3;
    options.jobs = 2;

    for_each_allocation_failure(run_step, &options);

    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
}

static void a_report_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    const char *path = "/bin/true";
    struct brisk_error error;
    struct brisk_runner_summary summary;
    struct brisk_runner_options options = brisk_runner_options_default();
    options.programs = &path;
    options.program_count = 1;
    options.junit = fopen("/dev/full", "w");

    assert_status(brisk_runner_run(&options, &summary, &error), BRISK_ERR_SYSTEM);
    fclose(options.junit);

    assert_string_equal(error.message, "cannot write the JUnit XML: No space left on device");
    assert_size(summary.passed_count, 1);
}

static void a_list_of_the_hook_is_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        size_t length;
        enum brisk_status want;
    } rows[] = {
        {"", 0, BRISK_ERR_CORRUPT},
        {"gname", 6, BRISK_OK}, /* a group without tests */
        {"gname\0ttest", 12, BRISK_OK},
        {"gname\0ttest", 11, BRISK_ERR_CORRUPT}, /* cut */
        {"ttest", 6, BRISK_ERR_CORRUPT},         /* without a group */
        {"gname\0xtest", 12, BRISK_ERR_CORRUPT},
        {"gname\0\0", 7, BRISK_ERR_CORRUPT},
        {"g\0t", 4, BRISK_OK}, /* names may be empty */
        {"gname\0nneeds\0ttest", 19, BRISK_OK},
        {"nneeds\0gname", 13, BRISK_ERR_CORRUPT},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bk_program program;
        assert_ok(bk_program_init(&program, "/bin/true", NULL));
        enum brisk_status got = bk_program_read_list(&program, rows[i].reply, rows[i].length);
        assert_that(got == rows[i].want, "row %zu: %s", i, brisk_status_name(got));
        if (strstr(rows[i].reply, "gname") != NULL && rows[i].length == 19)
            assert_string_equal(program.results[0].needs, "needs");
        bk_program_free(&program);
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(what_cannot_be_run_is_refused_before_anything_runs),
    cmocka_unit_test(options_out_of_range_are_refused),
    cmocka_unit_test(a_filter_that_matches_nothing_is_a_miss),
    cmocka_unit_test(filters_match_tests_programs_and_both),
    cmocka_unit_test(a_list_names_the_tests_in_order_and_runs_none),
    cmocka_unit_test(as_many_tests_run_at_once_as_asked_for),
    cmocka_unit_test(one_job_runs_one_test_at_a_time),
    cmocka_unit_test(progress_names_the_test_that_runs_longest),
    cmocka_unit_test(a_run_that_is_stopped_reports_what_was_finished),
    cmocka_unit_test(a_run_without_memory_says_so_and_leaves_nothing),
    cmocka_unit_test(a_report_that_cannot_be_written_is_an_error),
    cmocka_unit_test(a_list_of_the_hook_is_read_strictly))
