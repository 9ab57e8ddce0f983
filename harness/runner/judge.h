/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_RUNNER_JUDGE_H
#define BK_RUNNER_JUDGE_H

#include <stdbool.h>
#include <stddef.h>

#include <brisk/runner.h>

#include "harness/runner/child.h"

/* How a process ended, and what is said of it. */
struct bk_ending {
    bool is_known; /* as of struct bk_child */
    struct bk_keeper_report report;
    bool was_timed_out;
    unsigned int timeout_ms;
};

enum {
    BK_REASON_BYTES = 400
};

/* What cmocka has said of the test. */
enum bk_said {
    BK_SAID_NOTHING,
    BK_SAID_STARTED,
    BK_SAID_PASSED,
    BK_SAID_SKIPPED,
    BK_SAID_FAILED,
};

/*
 * The outcome of the one test of a process with the hook. `failed` is what the hook told, -1 for
 * nothing. `reason` has room for BK_REASON_BYTES; what is in it stays if cmocka said it.
 */
enum brisk_runner_outcome
bk_judge_test(const struct bk_ending *ending, enum bk_said said, long failed, char *reason);

/* The outcome of a test whose result did not come before the end of its process. */
enum brisk_runner_outcome bk_judge_unfinished(const struct bk_ending *ending, char *reason);

/* The outcome of a whole process whose status means all there is to know, as ctest reads it. */
enum brisk_runner_outcome bk_judge_program(const struct bk_ending *ending, char *reason);

/*
 * Whether the test's fixtures did not start; then the outcome is BRISK_RUNNER_SKIPPED where
 * a daemon is not installed, and a crash otherwise.
 */
bool bk_judge_fixtures(
    const struct bk_ending *ending, enum brisk_runner_outcome *outcome, char *reason);

/* The process ended by itself, with any status. */
bool bk_judge_has_exited(const struct bk_ending *ending);
/* It ended as one that has had no failure. */
bool bk_judge_is_clean(const struct bk_ending *ending);

#endif
