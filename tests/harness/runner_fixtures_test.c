/* SPDX-License-Identifier: Apache-2.0 */
/* Tests with daemons of their own. That nothing is left is asserted after each. */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/fixture_support.h"
#include "tests/harness/runner_support.h"

static const char *name_pids(void)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/pids", ground.root);
    setenv("SICK_PIDS", path, 1);
    return path;
}

static struct collected
run_needy(const char *filter, const char *needs, const struct brisk_runner_options *options)
{
    setenv("NEEDY", needs, 1);
    struct collected collected = run_program(program_beside("needy"), filter, options);
    unsetenv("NEEDY");
    assert_ok(collected.status);
    return collected;
}

static void assert_reason(const struct collected *collected, const char *part)
{
    assert_size(collected->count, 1);
    const char *reason = collected->results[0].reason;
    assert_that(strstr(reason, part) != NULL, "the reason is: %s", reason);
}

static void each_test_has_a_daemon_of_its_own(void **state)
{
    (void)state;
    long first = 0, second = 0;
    const char *path = name_pids();

    struct collected collected = run_needy("it_asks*", "bad", NULL);

    assert_size(collected.summary.passed_count, 2);
    char *pids = read_file(path);
    assert_int_equal(sscanf(pids, "%ld %ld", &first, &second), 2);
    assert_true(first > 1 && second > 1 && first != second);
    assert_false(is_alive(first) || is_alive(second));
    free(pids);
    collected_free(&collected);
}

static void a_group_that_needs_none_has_none(void **state)
{
    (void)state;

    struct collected collected = run_needy("it_has_no_daemon", "bad", NULL);

    assert_size(collected.summary.passed_count, 1);
    collected_free(&collected);
}

static void a_failed_test_tells_the_log_of_its_daemon(void **state)
{
    (void)state;

    struct collected collected = run_needy("it_fails_with_a_daemon", "bad=a=line=hello", NULL);

    assert_reason(&collected, "and now the log");
    assert_non_null(strstr(collected.results[0].logs, "[log of bad]\n"));
    assert_non_null(strstr(collected.results[0].logs, " hello\n"));
    collected_free(&collected);
}

static void a_test_that_passes_tells_no_log(void **state)
{
    (void)state;
    name_pids();

    struct collected collected = run_needy("it_asks_its_daemon", "bad=a=line=hello", NULL);

    assert_size(collected.summary.passed_count, 1);
    assert_string_equal(collected.results[0].logs, "");
    collected_free(&collected);
}

static void of_a_long_log_the_last_lines_are_told(void **state)
{
    (void)state;

    struct collected collected = run_needy(
        "it_fails_with_a_daemon", "bad=a=flood=1,b=line=last", NULL);

    assert_true(collected.results[0].logs_length <= 17000);
    assert_non_null(strstr(collected.results[0].logs, "last\n"));
    collected_free(&collected);
}

static void that_a_daemon_has_ended_is_told(void **state)
{
    (void)state;

    struct collected collected = run_needy("it_kills_its_daemon", "bad", NULL);

    assert_non_null(strstr(collected.results[0].logs, "[log of bad, which has ended]\n"));
    collected_free(&collected);
}

static void a_daemon_is_gone_when_its_test_is_at_the_time_limit(void **state)
{
    (void)state;
    name_pids();
    struct brisk_runner_options options = brisk_runner_options_default();
    options.timeout_ms = 2000;

    struct collected collected = run_needy("it_hangs_with_a_daemon", "bad=a=clone", &options);

    assert_i64(collected.results[0].outcome, BRISK_RUNNER_TIMED_OUT);
    assert_size(count_processes(), 0);
    collected_free(&collected);
}

static void the_time_limit_begins_when_the_daemon_is_ready(void **state)
{
    (void)state;
    name_pids();
    struct brisk_runner_options options = brisk_runner_options_default();
    options.timeout_ms = 2500;

    struct collected collected = run_needy("it_asks_its_daemon", "bad=a=late=3000", &options);

    assert_size(collected.summary.passed_count, 1);
    assert_true(collected.summary.duration_ns > UINT64_C(3000000000));
    collected_free(&collected);
}

static void a_daemon_that_does_not_start_is_a_failure_with_its_log(void **state)
{
    (void)state;

    struct collected collected = run_needy("it_asks_its_daemon", "bad=a=line=alas,b=exit=3", NULL);

    assert_i64(collected.results[0].outcome, BRISK_RUNNER_CRASHED);
    assert_reason(&collected, "no fixture: ");
    assert_non_null(strstr(collected.results[0].logs, "alas\n"));
    collected_free(&collected);
}

static void a_daemon_that_is_not_installed_is_a_skip(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "%s/absent.ini", ground.root);
    FILE *file = fopen(path, "w");
    fputs("[fixture]\nname = absent\npackage = absent-server\nexec = absentd ${port}\n", file);
    fputs("[ready]\nsend = x\nexpect = x\n", file);
    fclose(file);

    struct collected collected = run_needy("it_asks_its_daemon", path, NULL);

    assert_i64(collected.results[0].outcome, BRISK_RUNNER_SKIPPED);
    assert_reason(&collected, "absent-server");
    collected_free(&collected);
}

static void a_fixture_that_nobody_knows_is_a_failure_and_no_skip(void **state)
{
    (void)state;

    struct collected collected = run_needy("it_asks_its_daemon", "no_such_thing", NULL);

    assert_i64(collected.results[0].outcome, BRISK_RUNNER_CRASHED);
    assert_reason(&collected, "there is no fixture 'no_such_thing'");
    collected_free(&collected);
}

static void two_fixtures_of_one_name_are_refused(void **state)
{
    (void)state;

    struct collected collected = run_needy("it_asks_its_daemon", "bad bad=a=deaf", NULL);

    assert_reason(&collected, "two fixtures are named 'bad'");
    collected_free(&collected);
}

static void programs_without_the_hook_have_those_of_the_options(void **state)
{
    (void)state;
    const char *fixtures[] = {"bad", "bad:other=a=line=words", "bad"};
    struct brisk_runner_options options = brisk_runner_options_default();
    options.fixtures = fixtures;
    options.fixture_count = 3; /* a double counts once */

    struct collected collected = run_program(
        write_script(
            "asks", "kill -0 $BRISK_BAD_PID && kill -0 $BRISK_OTHER_PID && echo $BRISK_URLS\n"
                    "exit 3\n"),
        NULL, &options);

    assert_reason(&collected, "exited with status 3");
    unsigned int first, second;
    assert_int_equal(
        sscanf(
            collected.results[0].output, "bad://127.%*[0-9.]:%u;bad://127.%*[0-9.]:%u", &first,
            &second),
        2);
    assert_non_null(strstr(collected.results[0].logs, "[log of bad]\n"));
    assert_non_null(strstr(collected.results[0].logs, "[log of other]\n"));
    collected_free(&collected);
}

static void fixtures_of_the_options_and_of_the_hook_are_one_if_they_are_the_same(void **state)
{
    (void)state;
    name_pids();
    const char *fixture = "bad";
    struct brisk_runner_options options = brisk_runner_options_default();
    options.fixtures = &fixture;
    options.fixture_count = 1;

    struct collected collected = run_needy("it_asks_its_daemon", "bad", &options);

    assert_size(collected.summary.passed_count, 1);
    collected_free(&collected);
}

static enum brisk_status
stop_when_it_starts(const struct brisk_runner_progress *progress, void *ctx)
{
    (void)ctx;
    return progress->known_count > 0 && count_processes() > 0 ? BRISK_ERR_CANCELLED : BRISK_OK;
}

/* It would take 5 s until the start is given up. */
static void a_run_can_be_stopped_while_a_daemon_starts(void **state)
{
    (void)state;
    struct brisk_runner_options options = brisk_runner_options_default();
    options.on_progress = stop_when_it_starts;
    setenv("NEEDY", "bad=a=deaf", 1);

    struct collected collected = run_program(
        program_beside("needy"), "it_asks_its_daemon", &options);
    unsetenv("NEEDY");

    assert_status(collected.status, BRISK_ERR_CANCELLED);
    assert_true(collected.summary.duration_ns < UINT64_C(4000000000));
    assert_size(count_processes(), 0);
    collected_free(&collected);
}

static void nothing_is_left_when_the_runner_is_killed(void **state)
{
    (void)state;
    const char *path = name_pids();
    pid_t runner = fork();
    if (runner == 0) {
        setenv("NEEDY", "bad=a=clone,b=stubborn", 1);
        run_program(program_beside("needy"), "it_hangs_with_a_daemon", NULL);
        _exit(0);
    }
    for (int i = 0; i < 100000 && access(path, F_OK) != 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    assert_int_equal(access(path, F_OK), 0);
    assert_true(count_processes() > 0);

    kill(runner, SIGKILL);
    waitpid(runner, NULL, 0);

    assert_true(wait_until_nothing_is_left(5000));
}

/* The daemon's guard tells it, whether the test stops its daemon or is killed. */
static void the_log_of_a_daemon_that_a_test_starts_itself_is_told(void **state)
{
    (void)state;
    static const char *const tests[] = {"it_fails", "it_is_killed"};

    for (size_t i = 0; i < 2; i++) {
        struct collected collected = run_program(program_beside("starter"), tests[i], NULL);
        assert_size(collected.summary.failed_count, 1);
        const char *logs = collected.results[0].logs;
        assert_that(strstr(logs, "[log of bad]\n") != NULL, "%s: '%s'", tests[i], logs);
        assert_that(strstr(logs, " own\n") != NULL, "%s: '%s'", tests[i], logs);
        assert_size(count_processes() + count_folders(), 0);
        collected_free(&collected);
    }
}

static void a_real_daemon_is_new_for_each_test(void **state)
{
    (void)state;
    need_daemon("memcached");
    const char *fixture = "memcached";
    char script[128];
    snprintf(
        script, sizeof script, "%s",
        write_script(
            "adds", "exec 9<>/dev/tcp/$BRISK_MEMCACHED_HOST/$BRISK_MEMCACHED_PORT\n"
                    "printf 'add key 0 0 1\\r\\n1\\r\\n' >&9\n"
                    "read -r answer <&9\n"
                    "[ \"$answer\" = $'STORED\\r' ]\n"));
    const char *paths[] = {script, script, script};
    struct brisk_runner_options options = brisk_runner_options_default();
    options.programs = paths;
    options.program_count = 3;
    options.fixtures = &fixture;
    options.fixture_count = 1;
    options.jobs = 3;

    struct brisk_runner_summary summary;
    assert_ok(brisk_runner_run(&options, &summary, NULL));

    assert_size(summary.passed_count, 3);
}

BRISK_TEST_MAIN(
    on_ground(each_test_has_a_daemon_of_its_own), on_ground(a_group_that_needs_none_has_none),
    on_ground(a_failed_test_tells_the_log_of_its_daemon),
    on_ground(a_test_that_passes_tells_no_log), on_ground(of_a_long_log_the_last_lines_are_told),
    on_ground(that_a_daemon_has_ended_is_told),
    on_ground(a_daemon_is_gone_when_its_test_is_at_the_time_limit),
    on_ground(the_time_limit_begins_when_the_daemon_is_ready),
    on_ground(a_daemon_that_does_not_start_is_a_failure_with_its_log),
    on_ground(a_daemon_that_is_not_installed_is_a_skip),
    on_ground(a_fixture_that_nobody_knows_is_a_failure_and_no_skip),
    on_ground(two_fixtures_of_one_name_are_refused),
    on_ground(programs_without_the_hook_have_those_of_the_options),
    on_ground(fixtures_of_the_options_and_of_the_hook_are_one_if_they_are_the_same),
    on_ground(a_run_can_be_stopped_while_a_daemon_starts),
    on_ground(nothing_is_left_when_the_runner_is_killed),
    on_ground(the_log_of_a_daemon_that_a_test_starts_itself_is_told),
    on_ground(a_real_daemon_is_new_for_each_test))
