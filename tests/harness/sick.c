/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests that end in every way a test can end, for the tests of the runner. Built with the hook
 * and, with SICK_HAS_NO_HOOK, without it; then SICK_FILTER chooses which of them run.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <brisk/test.h>

#ifdef SICK_HAS_NO_HOOK
#undef brisk_run_group_tests_name
#define brisk_run_group_tests_name cmocka_run_group_tests_name
#endif

static void it_passes(void **state)
{
    (void)state;
}

static void it_fails(void **state)
{
    (void)state;
    printf("this was printed before\n");
    assert_string_equal("got", "wanted");
}

static void it_says_why(void **state)
{
    (void)state;
    fail_msg("the answer is %d", 41);
}

static void it_is_skipped(void **state)
{
    (void)state;
    printf("skipped: there is no daemon\n");
    skip();
}

static void it_is_killed(void **state)
{
    (void)state;
    printf("last words\n");
    fflush(stdout);
    raise(SIGKILL);
}

static void it_aborts(void **state)
{
    (void)state;
    abort();
}

static void it_writes_to_nowhere(void **state)
{
    (void)state;
    raise(SIGSEGV);
}

static void it_exits(void **state)
{
    (void)state;
    exit(0);
}

static void it_exits_with_a_status(void **state)
{
    (void)state;
    _exit(3);
}

static void it_hangs(void **state)
{
    (void)state;
    printf("waiting\n");
    fflush(stdout);
    for (;;)
        pause();
}

static void end_with_9(void)
{
    _exit(9);
}

static void it_passes_and_ends_badly(void **state)
{
    (void)state;
    atexit(end_with_9);
}

static void wait_for_ever(void)
{
    for (;;)
        pause();
}

static void it_passes_and_does_not_end(void **state)
{
    (void)state;
    atexit(wait_for_ever);
}

static void it_prints_without_a_newline(void **state)
{
    (void)state;
    printf("[ RUN      ] of another program, and the line goes on");
}

static void it_closes_its_output(void **state)
{
    (void)state;
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
}

/* 16 MB in lines that are numbered. */
static void it_floods(void **state)
{
    (void)state;
    for (int i = 0; i < 250000; i++)
        printf("line %06d ....................................................\n", i);
    fail();
}

/* Without a newline or an end. */
static void it_floods_for_ever(void **state)
{
    (void)state;
    static char noise[4096];
    memset(noise, '.', sizeof noise);
    for (;;)
        if (write(STDOUT_FILENO, noise, sizeof noise) < 0)
            _exit(1);
}

/* A line in the file SICK_PIDS. */
static void tell_pid(void)
{
    FILE *file = fopen(getenv("SICK_PIDS"), "a");
    if (file == NULL)
        _exit(1);
    fprintf(file, "%ld\n", (long)getpid());
    fclose(file);
}

/* As a daemon that is hard to kill: another session, no parent, no signals, the output open. */
static void it_leaves_a_daemon(void **state)
{
    (void)state;
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        setsid();
        if (fork() != 0)
            _exit(0);
        for (int number = 1; number < NSIG; number++)
            signal(number, SIG_IGN);
        tell_pid();
        if (fork() == 0)
            tell_pid();
        if (write(ready[1], "", 1) != 1)
            _exit(1);
        wait_for_ever();
    }
    waitpid(child, NULL, 0);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    /* It is nobody's zombie: who waits for a daemon to be gone does not wait for ever. */
    pid_t brief = fork();
    if (brief == 0) {
        pid_t orphan = fork();
        if (orphan == 0)
            _exit(0);
        printf("%ld\n", (long)orphan);
        fflush(stdout);
        if (write(ready[1], &orphan, sizeof orphan) != sizeof orphan)
            _exit(1);
        _exit(0);
    }
    pid_t orphan;
    waitpid(brief, NULL, 0);
    assert_int_equal(read(ready[0], &orphan, sizeof orphan), sizeof orphan);
    while (kill(orphan, 0) == 0)
        usleep(100);
}

static void it_leaves_a_daemon_and_hangs(void **state)
{
    it_leaves_a_daemon(state);
    tell_pid();
    wait_for_ever();
}

static void it_kills_its_parent(void **state)
{
    (void)state;
    kill(getppid(), SIGKILL);
    wait_for_ever();
}

static void its_child_fails(void **state)
{
    (void)state;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        fail(); /* goes on as if it were the test's own process */
    waitpid(child, NULL, 0);
}

static void it_passes_at_the_second_attempt(void **state)
{
    (void)state;
    if (access(getenv("SICK_MARK"), F_OK) == 0)
        return;
    fclose(fopen(getenv("SICK_MARK"), "w"));
    fail_msg("not yet");
}

static void it_prints_odd_bytes(void **state)
{
    (void)state;
    static const char odd[] = "]]> <&> \"\033[31m\0 \xff\xfe \xef\xbf\xbf \xc3\xa9 \xed\xa0\x80\n";
    fwrite(odd, 1, sizeof odd - 1, stdout);
    fail_msg("odd: <&> \"\001\xff");
}

static void it_prints_what_another_program_prints(void **state)
{
    (void)state;
    printf(
        "[==========] Running 2 test(s).\n[ RUN      ] other\n[       OK ] other\n"
        "[  FAILED  ] other\n[==========] 2 test(s) run.\n[  FAILED  ] 1 test(s), listed below:\n");
    fail_msg("but this one fails");
}

static int do_fail(void **state)
{
    (void)state;
    return -1;
}

static int group_setup(void **state)
{
    (void)state;
    return getenv("SICK_SETUP") != NULL ? -1 : 0;
}

static int group_teardown(void **state)
{
    (void)state;
    return getenv("SICK_TEARDOWN") != NULL ? -1 : 0;
}

int main(void)
{
    static const struct CMUnitTest first[] = {
        cmocka_unit_test(it_passes),
        cmocka_unit_test(it_fails),
        cmocka_unit_test(it_says_why),
        cmocka_unit_test(it_is_skipped),
        cmocka_unit_test(it_is_killed),
        cmocka_unit_test(it_aborts),
        cmocka_unit_test(it_writes_to_nowhere),
        cmocka_unit_test(it_exits),
        cmocka_unit_test(it_exits_with_a_status),
        cmocka_unit_test(it_hangs),
        cmocka_unit_test(it_passes_and_ends_badly),
        cmocka_unit_test(it_passes_and_does_not_end),
        cmocka_unit_test(it_prints_without_a_newline),
        cmocka_unit_test(it_closes_its_output),
        cmocka_unit_test(it_floods),
        cmocka_unit_test(it_floods_for_ever),
        cmocka_unit_test(it_leaves_a_daemon),
        cmocka_unit_test(it_leaves_a_daemon_and_hangs),
        cmocka_unit_test(it_kills_its_parent),
        cmocka_unit_test(its_child_fails),
        cmocka_unit_test(it_passes_at_the_second_attempt),
        cmocka_unit_test(it_prints_odd_bytes),
        cmocka_unit_test(it_prints_what_another_program_prints),
        {"its setup fails", it_passes, do_fail, NULL, NULL},
        {"its teardown fails", it_passes, NULL, do_fail, NULL},
    };
    static const struct CMUnitTest second[] = {
        cmocka_unit_test(it_passes),
        {"a name with # <signs> & \\", it_passes, NULL, NULL, NULL},
        {"it is the last", it_says_why, NULL, NULL, NULL},
    };
    if (getenv("SICK_FILTER") != NULL)
        cmocka_set_test_filter(getenv("SICK_FILTER"));
    int failures = brisk_run_group_tests_name("first group", first, group_setup, group_teardown);
    return failures + brisk_run_group_tests_name("second", second, NULL, NULL);
}
