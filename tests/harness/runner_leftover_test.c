/* SPDX-License-Identifier: Apache-2.0 */
/* What a test leaves behind is killed: at its end, at its time limit, and when the runner dies. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/runner_support.h"

/* The pids in the file; the test fails if they are not `want`. */
static size_t read_pids(const char *path, long *pids, size_t want)
{
    char *text = read_file(path), *end;
    size_t count = 0;
    for (char *number = text; count < want; number = end) {
        long pid = strtol(number, &end, 10);
        if (end == number || *end != '\n')
            break;
        pids[count++] = pid;
    }
    free(text);
    return count;
}

static bool wait_until_dead(const long *pids, size_t count)
{
    for (int i = 0; i < 100000; i++) {
        size_t alive = 0;
        for (size_t j = 0; j < count; j++)
            alive += is_alive(pids[j]);
        if (alive == 0)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    return false;
}

static const char *name_pids(void)
{
    const char *path = scratch_file("pids");
    unlink(path);
    setenv("SICK_PIDS", path, 1);
    return path;
}

static void expect_all_dead(const char *path, size_t count)
{
    long pids[4] = {0};
    assert_size(read_pids(path, pids, count), count);
    for (size_t i = 0; i < count; i++)
        assert_that(!is_alive(pids[i]), "%ld is alive", pids[i]);
}

/* It holds the pipe open as well: the run does not wait for that. */
static void a_daemon_of_a_test_is_gone_when_the_test_is(void **state)
{
    (void)state;
    const char *path = name_pids();

    struct collected collected = run_program(program_beside("sick"), "it_leaves_a_daemon", NULL);

    assert_i64(find_told(&collected, "it_leaves_a_daemon")->outcome, BRISK_RUNNER_PASSED);
    expect_all_dead(path, 2);
    collected_free(&collected);
}

static void a_daemon_of_a_whole_program_is_gone_when_the_program_is(void **state)
{
    (void)state;
    const char *path = name_pids();
    setenv("SICK_FILTER", "it_leaves_a_daemon", 1);

    struct collected collected = run_program(program_beside("sick_unhooked"), NULL, NULL);
    unsetenv("SICK_FILTER");

    assert_i64(find_told(&collected, "it_leaves_a_daemon")->outcome, BRISK_RUNNER_PASSED);
    expect_all_dead(path, 2);
    collected_free(&collected);
}

static void a_daemon_is_gone_at_the_time_limit(void **state)
{
    (void)state;
    const char *path = name_pids();
    struct brisk_runner_options options = brisk_runner_options_default();
    options.timeout_ms = 3000;

    struct collected collected = run_program(
        program_beside("sick"), "it_leaves_a_daemon_and_hangs", &options);

    assert_i64(
        find_told(&collected, "it_leaves_a_daemon_and_hangs")->outcome, BRISK_RUNNER_TIMED_OUT);
    expect_all_dead(path, 3);
    collected_free(&collected);
}

static enum brisk_status stop_when_it_hangs(const struct brisk_runner_progress *progress, void *ctx)
{
    (void)progress, (void)ctx;
    long pids[3] = {0};
    const char *path = getenv("SICK_PIDS");
    return access(path, F_OK) == 0 && read_pids(path, pids, 3) == 3 ? BRISK_ERR_CANCELLED
                                                                    : BRISK_OK;
}

static void nothing_is_left_of_a_run_that_is_stopped(void **state)
{
    (void)state;
    const char *path = name_pids();
    struct brisk_runner_options options = brisk_runner_options_default();
    options.on_progress = stop_when_it_hangs;

    struct collected collected = run_program(
        program_beside("sick"), "it_leaves_a_daemon_and_hangs", &options);

    assert_status(collected.status, BRISK_ERR_CANCELLED);
    assert_size(collected.count, 0);
    expect_all_dead(path, 3);
    collected_free(&collected);
}

static void nothing_is_left_when_the_runner_is_killed(void **state)
{
    (void)state;
    const char *path = name_pids();
    long pids[3] = {0};
    pid_t runner = fork();
    if (runner == 0) {
        run_program(program_beside("sick"), "it_leaves_a_daemon_and_hangs", NULL);
        _exit(0);
    }
    bool is_there = false;
    for (int i = 0; i < 100000 && !is_there; i++) {
        is_there = access(path, F_OK) == 0 && read_pids(path, pids, 3) == 3;
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    assert_true(is_there);

    kill(runner, SIGKILL);
    waitpid(runner, NULL, 0);

    assert_true(wait_until_dead(pids, 3));
}

static void a_test_that_kills_its_parent_is_a_failure(void **state)
{
    (void)state;
    assert_fails(
        "it_kills_its_parent", BRISK_RUNNER_CRASHED, "it has killed the process that watched it");
}

static void a_test_inherits_no_descriptor_and_no_ignored_signal(void **state)
{
    (void)state;
    int opened = open("/dev/null", O_RDONLY);
    assert_int_equal(dup2(opened, 99), 99);
    signal(SIGUSR1, SIG_IGN);

    /* 3 is for the hook; ls needs one for the folder. */
    struct collected collected = run_program(
        write_script(
            "inherits", "ls /proc/self/fd | tr '\\n' ' '\n"
                        "kill -USR1 $$\n"),
        NULL, NULL);
    signal(SIGUSR1, SIG_DFL);
    close(99);
    close(opened);

    assert_string_equal(collected.results[0].reason, "killed by SIGUSR1");
    assert_string_equal(collected.results[0].output, "0 1 2 3 4 ");
    collected_free(&collected);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_daemon_of_a_test_is_gone_when_the_test_is),
    cmocka_unit_test(a_daemon_of_a_whole_program_is_gone_when_the_program_is),
    cmocka_unit_test(a_daemon_is_gone_at_the_time_limit),
    cmocka_unit_test(nothing_is_left_of_a_run_that_is_stopped),
    cmocka_unit_test(nothing_is_left_when_the_runner_is_killed),
    cmocka_unit_test(a_test_that_kills_its_parent_is_a_failure),
    cmocka_unit_test(a_test_inherits_no_descriptor_and_no_ignored_signal))
