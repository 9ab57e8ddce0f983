/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_RUNNER_ATTEMPT_H
#define BK_RUNNER_ATTEMPT_H

#include "harness/runner/capture.h"
#include "harness/runner/child.h"
#include "harness/runner/cmocka_lines.h"
#include "harness/runner/judge.h"
#include "harness/runner/program.h"

enum bk_attempt_kind {
    BK_ATTEMPT_LIST,  /* asks the hook for the tests */
    BK_ATTEMPT_TEST,  /* one test, by the hook */
    BK_ATTEMPT_WHOLE, /* all of a program */
};

/* A program that runs: what it has written so far, and what that means. */
struct bk_attempt {
    enum bk_attempt_kind kind;
    struct bk_program *program;
    size_t result;       /* TEST: which of the program's */
    size_t old_count;    /* WHOLE: results of the attempt before, which stand first */
    unsigned int number; /* 1: the first */
    const struct brisk_runner_options *options; /* with the defaults filled in */
    struct bk_child child;

    uint64_t now_ns;
    uint64_t started_ns; /* the process */
    uint64_t step_ns;    /* when its test began, or the last one ended */
    bool has_started;    /* its fixtures are ready; until then they have limits of their own */
    bool was_timed_out;
    bool is_out_of_memory;

    enum bk_said said; /* of the test that runs, or ran last */
    bool is_in_group;  /* WHOLE */
    size_t group_size;
    size_t group_done;
    char reason[BK_REASON_BYTES];
    char place[BK_REASON_BYTES];
    struct bk_cmocka_lines lines;
    struct bk_capture capture;
};

struct bk_job {
    enum bk_attempt_kind kind;
    struct bk_program *program;
    size_t result;
    unsigned int number;
    const struct brisk_runner_options *options;
};

/* Answers as bk_child_start; without success there is nothing to finish. */
enum brisk_status bk_attempt_start(
    struct bk_attempt *attempt, const struct bk_job *job, uint64_t now_ns,
    struct brisk_error *error);

/* Takes in what its keeper says. */
void bk_attempt_read_line(struct bk_attempt *attempt, uint64_t now_ns);

/* Takes in what there is, up to a limit, so that a flood leaves time for others. */
void bk_attempt_read(struct bk_attempt *attempt, uint64_t now_ns);

static inline uint64_t bk_attempt_deadline_ns(const struct bk_attempt *attempt)
{
    if (!attempt->has_started)
        return UINT64_MAX;
    return attempt->step_ns + (uint64_t)attempt->options->timeout_ms * 1000000;
}

/* The name of the test that runs, "" if that is not known. */
const char *bk_attempt_test(const struct bk_attempt *attempt);

/*
 * After the end of its process, which it waits for: puts the results into the program. The test's
 * for TEST; new ones for LIST and WHOLE, where those of the attempt before leave.
 */
enum brisk_status bk_attempt_finish(struct bk_attempt *attempt, uint64_t now_ns);

/* Kills it and forgets what it has found. */
void bk_attempt_discard(struct bk_attempt *attempt);

/* Whether a result of it is a failure. */
bool bk_attempt_has_failed(const struct bk_attempt *attempt);

#endif
