/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_TEST_HOOK_H
#define BRISK_TEST_HOOK_H

/*
 * With this in its main, `brisk test` runs each test of a cmocka program in a process of its own:
 *
 *     #include <cmocka.h> // and what it needs before it
 *     #include <brisk/test.h>
 *
 *     int main(void)
 *     {
 *         static const struct CMUnitTest tests[] = {
 *             cmocka_unit_test(a_stored_value_is_found),
 *             cmocka_unit_test(a_deleted_value_is_not_found),
 *         };
 *         return brisk_run_group_tests(tests, start_server, stop_server);
 *     }
 *
 * The three macros take what cmocka's macros of the same names take, and answer what they answer.
 * Run in any other way the program is an ordinary cmocka program. Asked by `brisk test` for a
 * list, it names its tests and runs none; asked for one test, it runs the group's setup, that
 * test and the group's teardown. A program may run several groups, in the same order each time.
 *
 * All is in this header: nothing needs to be linked but cmocka, of which it uses only
 * _cmocka_run_group_tests, as cmocka's macros do. For the thread that runs main.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <brisk/export.h>

BRISK_BEGIN

#define brisk_run_group_tests(tests, group_setup, group_teardown)                                  \
    brisk_run_group_tests_name(#tests, tests, group_setup, group_teardown)

#define brisk_run_group_tests_name(group_name, tests, group_setup, group_teardown)                 \
    brisk_run_tests(                                                                               \
        group_name, tests, sizeof(tests) / sizeof((tests)[0]), group_setup, group_teardown)

/* For an array that came as a pointer. */
#define brisk_run_tests(group_name, tests, test_count, group_setup, group_teardown)                \
    (brisk_test_choose(group_name, &(tests)->name, sizeof *(tests), test_count)                    \
         ? brisk_test_end(_cmocka_run_group_tests(                                                 \
               group_name, (tests) + brisk_test_state()->first, brisk_test_state()->count,         \
               group_setup, group_teardown))                                                       \
         : 0)

/*
 * The tests of the groups that follow need these fixtures, with blanks between (brisk/fixture.h):
 * "memcached redis:cache=password=secret". `brisk test` starts them for each test anew and sets
 * the variables that `brisk run` sets, such as BRISK_MEMCACHED_PORT; where a daemon is not
 * installed it skips the test. Run in any other way the test finds what its environment has.
 * NULL: none, as at the start. The string must stay valid.
 */
static inline void brisk_test_needs(const char *fixtures);

/*
 * From here on: what the macros are made of. The variable says what is asked for, its name the
 * version of that: "PID FD" for a list, "PID FD GROUP TEST" for one test, both counted from 0.
 * PID keeps what the test starts from answering in its place. FD takes the answer, fields that
 * each end in a zero byte: gNAME, nFIXTURES and tNAME for a group, what its tests need, and a test;
 * dNUMBER for how many failed.
 */
#define BRISK_TEST_HOOK "BRISK_TEST_HOOK_1"

struct brisk_test_hook {
    size_t group; /* the next one's number */
    size_t first; /* what of the group runs */
    size_t count;
    int reply; /* -1: nobody asks */
    const char *needs;
};

static inline struct brisk_test_hook *brisk_test_state(void)
{
    static struct brisk_test_hook hook = {0, 0, 0, -1, NULL};
    return &hook;
}

static inline void brisk_test_needs(const char *fixtures)
{
    brisk_test_state()->needs = fixtures;
}

static inline void brisk_test_reply(char field, const char *text)
{
    int fd = brisk_test_state()->reply;
    size_t length = strlen(text) + 1;
    if (write(fd, &field, 1) != 1 || write(fd, text, length) != (ssize_t)length)
        fprintf(stderr, "brisk/test.h: cannot answer brisk test\n");
}

/* Whether the group is to run, and which part of it. Names lie `stride` bytes apart. */
static inline int
brisk_test_choose(const char *group, const char *const *name, size_t stride, size_t count)
{
    struct brisk_test_hook *hook = brisk_test_state();
    const char *request = getenv(BRISK_TEST_HOOK);
    size_t number = hook->group++, wanted_group = 0, wanted_test = 0;
    long pid = 0;
    int fd = -1;
    int words = request == NULL
                    ? 0
                    : sscanf(request, "%ld %d %zu %zu", &pid, &fd, &wanted_group, &wanted_test);
    hook->first = 0;
    hook->count = count;
    hook->reply = words >= 2 && pid == (long)getpid() ? fd : -1;
    if (hook->reply < 0)
        return 1;
    if (words == 4) {
        hook->first = wanted_test;
        hook->count = 1;
        return number == wanted_group && wanted_test < count;
    }
    brisk_test_reply('g', group);
    if (hook->needs != NULL)
        brisk_test_reply('n', hook->needs);
    for (size_t i = 0; i < count; i++) {
        const char *test;
        memcpy(&test, (const char *)name + i * stride, sizeof test);
        brisk_test_reply('t', test);
    }
    return 0;
}

/* `failures` after telling it; a child that the test has forked comes here with another pid. */
static inline int brisk_test_end(int failures)
{
    const char *request = getenv(BRISK_TEST_HOOK);
    long pid = request == NULL ? 0 : strtol(request, NULL, 10);
    if (brisk_test_state()->reply >= 0 && pid == (long)getpid()) {
        char text[24];
        snprintf(text, sizeof text, "%d", failures);
        brisk_test_reply('d', text);
    }
    return failures;
}

BRISK_END

#endif
