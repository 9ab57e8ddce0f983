/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_RUNNER_KEEPER_H
#define BK_RUNNER_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "harness/runner/fixtures.h"

/*
 * The process between the runner and a test. It starts the fixtures that the test needs, then the
 * test, waits for its end, and then, or as soon as the runner's end of the line is closed, ends
 * the fixtures and kills all that has come from the test, also what has left its session: what
 * loses its parent becomes the keeper's own child.
 */
struct bk_keeper {
    const char *path; /* of the test's program */
    char **arguments;
    char **environment;
    char *pid_text; /* within the environment, where the test's pid is to be written; or NULL */
    size_t pid_width;
    struct bk_test_needs needs;
    int output; /* what the test writes to */
    int reply;  /* what the test has as descriptor BK_KEEPER_REPLY */
    int logs;   /* where the logs of the fixtures go */
    int line;   /* a socket to the runner */
};

enum {
    BK_KEEPER_REPLY = 3
};

/* What the keeper sends before it ends; and, with `has_started`, when the fixtures are ready. */
struct bk_keeper_report {
    bool has_started;
    int exec_errno;                   /* not 0: the program could not be run */
    int wait_status;                  /* as waitpid tells it, otherwise */
    enum brisk_status fixture_status; /* not BRISK_OK: nothing was run */
    char fixture_message[248];        /* why */
};

/* In a child of a fork, with all signals blocked. */
void bk_keeper_run(const struct bk_keeper *keeper) __attribute__((noreturn));

#endif
