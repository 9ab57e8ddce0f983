/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_RUNNER_CHILD_H
#define BK_RUNNER_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include <brisk/status.h>

#include "harness/runner/keeper.h"

/* A program that runs, with its keeper. */
struct bk_child {
    pid_t pid;  /* the keeper's; 0: there is none */
    int pidfd;  /* readable when the keeper has ended, and with it all others */
    int output; /* what the program writes; does not block; -1: closed */
    int reply;  /* a file in memory: what the hook answers */
    int logs;   /* a file in memory: what the fixtures' logs say */
    int line;   /* to the keeper; -1: closed */

    bool is_known; /* the report has come; otherwise the keeper itself was killed */
    struct bk_keeper_report report;
};

struct bk_child_order {
    char *path;          /* of the program */
    const char *request; /* what follows PID and FD in the hook's variable; NULL: no hook */
    struct bk_test_needs needs;
};

/*
 * Starts the program, after its fixtures. BRISK_ERR_SYSTEM or BRISK_ERR_NOMEM: nothing was started.
 * That the program cannot be run is told by its end.
 */
enum brisk_status bk_child_start(
    struct bk_child *child, const struct bk_child_order *order, struct brisk_error *error);

/* Takes in what the line says, which can be read then. True: the program has started only now. */
bool bk_child_read_line(struct bk_child *child);

/* All its processes are killed, and its fixtures end; it ends soon. */
void bk_child_kill(struct bk_child *child);

/* Once pidfd is readable, or to wait for that. Output, reply and logs can be read until _close. */
void bk_child_wait(struct bk_child *child);
void bk_child_close(struct bk_child *child);
void bk_child_close_output(struct bk_child *child);

#endif
