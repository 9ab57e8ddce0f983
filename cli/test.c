/* SPDX-License-Identifier: Apache-2.0 */
/* brisk test: runs test programs, each test in a process of its own. */
#include "cli/test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <brisk/runner.h>

#include "cli/duration.h"
#include "cli/option.h"
#include "cli/terminal.h"
#include "cli/test_output.h"

enum option_id {
    OPTION_JOBS = 1,
    OPTION_TIMEOUT,
    OPTION_FILTER,
    OPTION_WITH,
    OPTION_RETRIES,
    OPTION_TAP,
    OPTION_JUNIT,
    OPTION_LIST,
    OPTION_VERBOSE,
    OPTION_QUIET,
    OPTION_COLOR,
};

static const struct cli_option options[] = {
    {OPTION_JOBS, 'j', "jobs", "N",
     "Tests that run at once, 1 to 1024. Default: the number of CPUs."},
    {OPTION_TIMEOUT, 't', "timeout", "TIME",
     "A test that has no result by then has failed: 500ms, 10s, 2min.\nDefault: 60s."},
    {OPTION_FILTER, 'f', "filter", "PATTERN",
     "Run only the tests whose name, whose program's name, or whose\n"
     "PROGRAM:TEST matches this pattern of the shell. Can be repeated:\none must match."},
    {OPTION_WITH, 'w', "with", "FIXTURE",
     "Start this daemon for each test, as `brisk run` does, with the same\n"
     "variables: NAME[:INSTANCE][=PARAMETER,...]. Can be repeated. Where\n"
     "it is not installed tests are skipped."},
    {OPTION_RETRIES, 'r', "retries", "N",
     "Run a test that fails up to N times more; it passes if one attempt\n"
     "does, and is called unreliable. Default: 0."},
    {OPTION_TAP, 0, "tap", "FILE",
     "Also write the results to FILE as TAP 13; - is the standard output."},
    {OPTION_JUNIT, 0, "junit", "FILE", "Also write the results to FILE as JUnit's XML."},
    {OPTION_LIST, 'l', "list", NULL, "Print the names of the tests, and run none."},
    {OPTION_VERBOSE, 'v', "verbose", NULL, "Print also the tests that pass."},
    {OPTION_QUIET, 'q', "quiet", NULL, "Print only the tests that fail; no progress, no sum."},
    {OPTION_COLOR, 0, "color", "WHEN", "auto (the default: on a terminal), always or never."},
};

static const struct cli_verb verb = {
    .name = "test",
    .summary = "run test programs, each test in a process of its own",
    .operands = "[OPTION]... PROGRAM...",
    .description =
        "Runs the tests of each PROGRAM, several at once, and prints those that fail with\n"
        "what they have written. A cmocka program that has the hook of brisk/test.h in its\n"
        "main is run once for each of its tests, so that a crash or a hang is one failure.\n"
        "Any other cmocka program is run once, and its messages are read. A program that\n"
        "is neither is one test: status 0 is passed, 77 skipped, any other failed. What a\n"
        "test leaves running is killed at its end.",
    .examples = "brisk test build/tests/*_test\n"
                "brisk test -j 8 --timeout 10s --junit results.xml build/tests/*_test\n"
                "brisk test --filter 'cache_test:*expire*' --retries 2 build/tests/*_test\n"
                "brisk test --with memcached build/tests/client_test\n"
                "brisk test --tap results.tap build/tests/*_test; prove -e cat results.tap",
    .status = "0 if no test failed, 1 if one did, 2 if the command line was wrong or no test\n"
              "matches, 125 if something else failed, 128 and the signal's number if a signal\n"
              "ended the run.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

struct command {
    struct brisk_runner_options run;
    const char **filters;
    const char **fixtures;
    const char *tap_path;
    const char *junit_path;
    bool is_list;
    struct test_output output;
};

/* What ended the run, for the progress function to see. */
static volatile sig_atomic_t caught_signal;

static void catch (int number)
{
    caught_signal = number;
}

/* Without SA_RESTART, so that the runner's wait ends. */
static void catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction action = {.sa_handler = catch}, before;
        sigaction(numbers[i], NULL, &before);
        if (before.sa_handler != SIG_IGN) /* as under nohup */
            sigaction(numbers[i], &action, NULL);
    }
}

static bool refuse(const char *option, const char *value, const char *hint)
{
    cli_error("brisk test: --%s: '%s' is wrong", option, value);
    cli_hint("%s", hint);
    return false;
}

static bool read_count(const char *text, unsigned long most, unsigned int *count)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    *count = (unsigned int)value;
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && value <= most;
}

static bool set_option(void *ctx, int id, const char *value)
{
    struct command *command = ctx;
    switch ((enum option_id)id) {
    case OPTION_JOBS:
        return (read_count(value, 1024, &command->run.jobs) && command->run.jobs > 0) ||
               refuse("jobs", value, "a number of processes, 1 to 1024: --jobs 4");
    case OPTION_TIMEOUT:
        return cli_read_duration_ms(value, &command->run.timeout_ms) ||
               refuse("timeout", value, "a time up to a day: --timeout 500ms, 10s or 2min");
    case OPTION_FILTER:
        command->filters[command->run.filter_count++] = value;
        return true;
    case OPTION_WITH:
        command->fixtures[command->run.fixture_count++] = value;
        return true;
    case OPTION_RETRIES:
        return read_count(value, 1000, &command->run.retries) ||
               refuse("retries", value, "a number up to 1000: --retries 2");
    case OPTION_TAP:
        command->tap_path = value;
        return true;
    case OPTION_JUNIT:
        command->junit_path = value;
        return true;
    case OPTION_LIST:
        command->is_list = true;
        return true;
    case OPTION_VERBOSE:
        command->output.is_verbose = true;
        return true;
    case OPTION_QUIET:
        command->output.is_quiet = true;
        return true;
    case OPTION_COLOR:
        return cli_set_color(value) || refuse("color", value, "auto, always or never");
    }
    return false;
}

static void on_result(const struct brisk_runner_result *result, void *ctx)
{
    struct command *command = ctx;
    if (command->is_list)
        test_output_list(&command->output, result);
    else
        test_output_result(&command->output, result);
}

static enum brisk_status on_progress(const struct brisk_runner_progress *progress, void *ctx)
{
    struct command *command = ctx;
    if (caught_signal != 0)
        return BRISK_ERR_CANCELLED;
    test_output_progress(&command->output, progress);
    return BRISK_OK;
}

/* NULL also for no path. */
static bool open_report(const char *path, FILE **file)
{
    *file = NULL;
    if (path == NULL)
        return true;
    *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    if (*file == NULL)
        cli_error("brisk test: %s: %s", path, strerror(errno));
    return *file != NULL;
}

static bool close_report(const char *path, FILE *file)
{
    if (file == NULL || file == stdout || fclose(file) == 0)
        return true;
    cli_error("brisk test: %s: %s", path, strerror(errno));
    return false;
}

static int fail(const struct brisk_error *error)
{
    cli_error("brisk test: %s", error->message);
    if (error->status == BRISK_MISS)
        cli_hint("brisk test --list PROGRAM... names the tests that there are");
    else if (error->sys_errno == ENOENT && error->message[0] == '-')
        cli_hint("options stand before the first PROGRAM");
    else if (error->sys_errno == EISDIR || error->sys_errno == EACCES)
        cli_hint("name the programs: brisk test build/tests/*_test");
    else if (error->sys_errno == EMFILE || error->sys_errno == EAGAIN)
        cli_hint("run fewer tests at once, with --jobs");
    bool is_usage = error->status == BRISK_MISS || error->status == BRISK_ERR_INVALID;
    return is_usage ? 2 : 125;
}

static int end_by_signal(void)
{
    cli_error("brisk test: stopped by SIG%s", sigabbrev_np((int)caught_signal));
    return 128 + (int)caught_signal;
}

static int run_tests(struct command *command)
{
    struct brisk_runner_summary summary;
    struct brisk_error error = {0};
    enum brisk_status status = brisk_runner_run(&command->run, &summary, &error);
    bool is_whole = status == BRISK_OK;
    test_output_end(&command->output, is_whole || caught_signal != 0 ? &summary : NULL);
    if (caught_signal != 0)
        return end_by_signal();
    if (!is_whole)
        return fail(&error);
    return summary.failed_count > 0 ? 1 : 0;
}

static int run_with_reports(struct command *command)
{
    if (!open_report(command->tap_path, &command->run.tap) ||
        !open_report(command->junit_path, &command->run.junit))
        return 125;
    bool is_taken = command->run.tap == stdout || command->run.junit == stdout;
    command->output.stream = is_taken ? stderr : stdout;
    int status = run_tests(command);
    bool is_written = close_report(command->tap_path, command->run.tap);
    is_written &= close_report(command->junit_path, command->run.junit);
    return is_written ? status : 125;
}

static int list_tests(struct command *command)
{
    struct brisk_error error = {0};
    command->output.stream = stdout;
    enum brisk_status status = brisk_runner_list(&command->run, &error);
    if (caught_signal != 0)
        return end_by_signal();
    return status == BRISK_OK ? 0 : fail(&error);
}

static int run_command(struct command *command, int argc, char **argv)
{
    int first;
    int status = cli_parse(&verb, argc, argv, set_option, command, &first);
    if (status != CLI_GO_ON)
        return status;
    if (first == argc) {
        cli_error("brisk test: there is no PROGRAM");
        cli_hint("brisk test build/tests/*_test");
        return 2;
    }
    if (command->tap_path != NULL && command->junit_path != NULL &&
        strcmp(command->tap_path, command->junit_path) == 0) {
        cli_error("brisk test: --tap and --junit are both '%s'", command->tap_path);
        cli_hint("give each a file of its own");
        return 2;
    }
    const char *const *programs = (const char *const *)argv + first;
    command->run.programs = programs;
    command->run.program_count = (size_t)(argc - first);
    command->run.filters = command->filters;
    command->run.fixtures = command->fixtures;
    command->run.on_result = on_result;
    command->run.on_progress = on_progress;
    command->run.ctx = command;
    catch_signals();
    status = command->is_list ? list_tests(command) : run_with_reports(command);
    return cli_finish_output(status);
}

int cli_test(int argc, char **argv)
{
    struct command command = {.run = brisk_runner_options_default()};
    command.filters = calloc((size_t)argc, sizeof *command.filters);
    command.fixtures = calloc((size_t)argc, sizeof *command.fixtures);
    int status = 125;
    if (command.filters != NULL && command.fixtures != NULL)
        status = run_command(&command, argc, argv);
    else
        cli_error("brisk test: there is no memory");
    free(command.filters);
    free(command.fixtures);
    return status;
}
