/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_RUNNER_SUPPORT_H
#define TESTS_RUNNER_SUPPORT_H

#include <brisk/runner.h>

#include "tests/support/brisk_test.h"

/* What a run told, kept for the test. */
struct told {
    char *program;
    char *group;
    char *test;
    char *reason;
    char *output; /* with a zero byte at its end */
    size_t output_length;
    char *logs; /* as the output */
    size_t logs_length;
    enum brisk_runner_outcome outcome;
    unsigned int attempts;
};

struct collected {
    struct told *results;
    size_t count;
    struct brisk_runner_summary summary;
    enum brisk_status status;
    struct brisk_error error;
};

/* The path of a program beside the one that runs; it lives as long as the process. */
const char *program_beside(const char *name);

/*
 * Runs tests of one program; `options` may be NULL, of it all but the program, the callback for
 * results and its ctx is used. To be freed.
 */
struct collected
run_program(const char *path, const char *filter, const struct brisk_runner_options *options);
void collected_free(struct collected *collected);

/* The result of that name; the test fails if there is none. */
const struct told *find_told(const struct collected *collected, const char *test);

/* Runs one test of `sick` that is to fail, and asserts how. */
void assert_fails(const char *test, enum brisk_runner_outcome outcome, const char *reason);

/* Whether a process of that pid is there and more than a zombie. */
bool is_alive(long pid);

/* A file name in a folder that is removed at the end of the process; it lives as long. */
const char *scratch_file(const char *name);
/* A program for bash, of a name in that folder. */
const char *write_script(const char *name, const char *text);
/* What is in a file, with a zero byte at its end; to be freed. */
char *read_file(const char *path);

#endif
