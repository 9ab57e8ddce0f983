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
    int line;   /* to the keeper; -1: closed */
};

/*
 * Starts the program. `request` is what follows PID and FD in the variable of the hook, NULL
 * without the hook. BRISK_ERR_SYSTEM or BRISK_ERR_NOMEM: nothing was started. That a program
 * cannot be run is told by its end.
 */
enum brisk_status
bk_child_start(struct bk_child *child, char *path, const char *request, struct brisk_error *error);

/* All its processes are killed; it ends soon. */
void bk_child_kill(struct bk_child *child);

struct bk_child_end {
    bool is_known; /* false: the keeper itself was killed */
    struct bk_keeper_report report;
};

/* Once pidfd is readable, or to wait for that. The output and the reply can be read until _close.
 */
struct bk_child_end bk_child_wait(struct bk_child *child);
void bk_child_close(struct bk_child *child);
void bk_child_close_output(struct bk_child *child);

#endif
