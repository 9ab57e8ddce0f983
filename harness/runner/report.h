/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_RUNNER_REPORT_H
#define BK_RUNNER_REPORT_H

#include "harness/runner/program.h"

/* The results of all programs; those that have not run are left out. */
struct bk_report {
    const struct bk_program *programs;
    size_t program_count;
    bool is_cut_short; /* the run was ended before its end */
};

/* TAP 13, as perl's TAP::Parser reads it. */
void bk_tap_write(FILE *file, const struct bk_report *report);

/* The XML of JUnit: a testsuite per program, a testcase per test. */
void bk_junit_write(FILE *file, const struct bk_report *report);

struct brisk_runner_summary bk_report_count(const struct bk_report *report);

/*
 * The next character of text that may hold any bytes: its length in *length, and itself, or
 * U+FFFD for a byte that is no UTF-8 and for a control character that is neither tab nor newline.
 * `text` is followed by a zero byte.
 */
const char *bk_report_character(const char *text, size_t *length);

#endif
