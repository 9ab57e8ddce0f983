/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TEST_OUTPUT_H
#define CLI_TEST_OUTPUT_H

#include <stdio.h>

#include <brisk/runner.h>

#include "cli/terminal.h"

/* What `brisk test` shows to people. */
struct test_output {
    FILE *stream;
    bool is_verbose;
    bool is_quiet;
    struct cli_progress progress;
};

void test_output_progress(struct test_output *output, const struct brisk_runner_progress *progress);

/* A test that failed with what it has written; others in a line, if at all. */
void test_output_result(struct test_output *output, const struct brisk_runner_result *result);

void test_output_list(struct test_output *output, const struct brisk_runner_result *result);

/* The sum in a line; NULL: there is none. */
void test_output_end(struct test_output *output, const struct brisk_runner_summary *summary);

#endif
