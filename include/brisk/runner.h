/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_RUNNER_H
#define BRISK_RUNNER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <brisk/status.h>
#include <brisk/view.h>

BRISK_BEGIN

/*
 * Runs test programs: what `brisk test` does, for programs that do it themselves.
 *
 * A cmocka program whose main has the hook of brisk/test.h runs once per test; any other runs
 * once, and its tests are read from cmocka's messages. One that is no cmocka program is one test:
 * its exit status is 0 if it passed and 77 if it was skipped.
 *
 * Each process has the null device as its input, a session of its own, and a keeper that kills
 * what it leaves behind, also if the caller is killed.
 */

enum brisk_runner_outcome {
    BRISK_RUNNER_NOT_RUN = 0, /* only listed */
    BRISK_RUNNER_PASSED = 1,
    BRISK_RUNNER_SKIPPED = 2,
    BRISK_RUNNER_FAILED = 3,   /* cmocka says so: an assertion, a setup or a teardown */
    BRISK_RUNNER_CRASHED = 4,  /* an end before the result, a bad one after it, no fixture */
    BRISK_RUNNER_TIMED_OUT = 5 /* killed at its time limit */
};

/* A test and how it ended. The strings are valid until the callback returns. */
struct brisk_runner_result {
    const char *path;    /* of the program, as it was given */
    const char *program; /* its name: the path's last part */
    const char *group;   /* the name of cmocka's group, "" if it is not known */
    const char *test;    /* "" stands for the program as a whole */
    enum brisk_runner_outcome outcome;
    unsigned int attempts;     /* above 1 and passed: it is unreliable */
    uint64_t duration_ns;      /* of the last attempt */
    const char *reason;        /* one line, "" if it passed */
    struct brisk_bytes output; /* of the last attempt, cut in the middle; empty if it passed */
    struct brisk_bytes logs;   /* last lines of its fixtures' logs; empty unless it failed */
};

/* How far a run is. */
struct brisk_runner_progress {
    size_t finished_count;
    size_t known_count; /* of tests; a program without the hook counts as one until it is done */
    size_t failed_count;
    size_t running_count;
    const char *program; /* of what runs now that which runs longest; "" if nothing does */
    const char *test;
    uint64_t elapsed_ns; /* of the whole run */
};

/* Called in the thread of the caller, with each test that is done. */
typedef void brisk_runner_result_fn(const struct brisk_runner_result *result, void *ctx);

/*
 * Called after all that happens and every 100 ms at least, also when a signal has been handled
 * meanwhile. Anything but BRISK_OK ends the run.
 */
typedef enum brisk_status
brisk_runner_progress_fn(const struct brisk_runner_progress *progress, void *ctx);

struct brisk_runner_options {
    size_t size;
    const char *const *programs; /* paths, as execve takes them */
    size_t program_count;
    /*
     * Shell patterns (fnmatch); a test is run if one of them matches its name, its program's, or
     * PROGRAM:TEST. A program without the hook runs as a whole if one matches its name or
     * "PROGRAM:". None: all tests.
     */
    const char *const *filters;
    size_t filter_count;
    /*
     * Daemons (brisk/fixture.h) that each process gets for itself, as `brisk run` takes them:
     * FIXTURE[:NAME][=PARAMETER,...]. A program's hook may ask for more. Where a daemon is not
     * installed the test is skipped.
     */
    const char *const *fixtures;
    size_t fixture_count;
    unsigned int jobs; /* processes at once, up to 1024; 0: one per CPU that the caller may use */
    unsigned int retries;                  /* more attempts for a test that did not pass */
    unsigned int timeout_ms;               /* of one test, once its fixtures are ready; 0: 60 s */
    FILE *tap;                             /* the results as TAP 13, at the end; NULL: none */
    FILE *junit;                           /* as the XML that JUnit made common */
    brisk_runner_result_fn *on_result;     /* NULL: none */
    brisk_runner_progress_fn *on_progress; /* NULL: none */
    void *ctx;                             /* of both */
};

static inline struct brisk_runner_options brisk_runner_options_default(void)
{
    struct brisk_runner_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    return options;
}

struct brisk_runner_summary {
    size_t passed_count; /* of them after more than one attempt: */
    size_t unreliable_count;
    size_t skipped_count;
    size_t failed_count; /* all other outcomes */
    uint64_t duration_ns;
};

/*
 * Runs the tests, and writes the reports. BRISK_OK if the tests could be run, whether or not they
 * passed; the summary says that. *summary is written in any case.
 *
 * BRISK_MISS if no test matches the filters. BRISK_ERR_CANCELLED if the progress function said so:
 * all processes are gone, and the reports hold what was finished. BRISK_ERR_INVALID: an option, or
 * a program that is no executable file; nothing was run then. BRISK_ERR_NOMEM and
 * BRISK_ERR_SYSTEM (a pipe, a process, a report that could not be written): all processes are gone.
 *
 * Thread safety: any thread, each call is a run of its own. No thread may change the environment
 * meanwhile. No signal handler is installed, and no processes are waited for but the call's own.
 */
BRISK_API enum brisk_status brisk_runner_run(
    const struct brisk_runner_options *options, struct brisk_runner_summary *summary,
    struct brisk_error *error) BRISK_MUST_CHECK BRISK_NONNULL(1, 2);

/*
 * Calls on_result for each test that brisk_runner_run would run, as BRISK_RUNNER_NOT_RUN. Programs
 * with the hook are started to be asked. Reports are not written. Answers as brisk_runner_run.
 */
BRISK_API enum brisk_status
brisk_runner_list(const struct brisk_runner_options *options, struct brisk_error *error)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

BRISK_END

#endif
