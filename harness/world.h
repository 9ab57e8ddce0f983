/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_WORLD_H
#define BK_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <brisk/status.h>

/*
 * A program and all that it starts, from which nothing escapes.
 *
 * Isolated, it is in new namespaces for users, processes, IPC and mounts, under a root
 * process of ours that is their first one: if the root ends, the kernel ends the others, and the
 * root ends if this process does (PR_SET_PDEATHSIG). /dev/shm is a folder of the fixture's
 * own. Otherwise its orphans come to this process, which is a subreaper, and are found there.
 *
 * For a program with one thread, whose only children these are, but for one companion.
 */
struct bk_world {
    pid_t root;      /* that this process waits for; 0: none */
    int root_fd;     /* a pidfd of it */
    pid_t main;      /* the program, as seen from here */
    int status_fd;   /* where an isolated root says how the program ended; else -1 */
    pid_t companion; /* a child of this process that is not of the world; 0: none */
    bool is_isolated;
    bool has_ended; /* the program; how is in wait_status */
    int wait_status;
    int run_errno; /* why it could not be run, if that is what ended it */
};

struct bk_world_options {
    char *const *words;       /* the command line; the first is a path */
    char *const *environment; /* all of it */
    const char *folder;       /* of the fixture: where it starts, and visible in any case */
    int output_fd;            /* its stdout and stderr; its stdin is empty */
    pid_t companion;          /* as in struct bk_world */
    bool is_isolated;
};

/* The user and group that a program of root's has, if it is not isolated. */
enum {
    BK_WORLD_NOBODY = 65534,
};

/* UNSUPPORTED if the program cannot be run, PERMISSION if it cannot be isolated. */
enum brisk_status bk_world_start(
    struct bk_world *world, const struct bk_world_options *options, struct brisk_error *error);

/* Whether there is something to wait for or to kill. */
bool bk_world_is_alive(const struct bk_world *world);

/* Takes note, without waiting, if the program has ended. */
void bk_world_look(struct bk_world *world);

/*
 * The processes, the program first; at most `room`. Only an isolated world's list is complete
 * while processes come and go.
 */
size_t bk_world_list(const struct bk_world *world, pid_t *pids, size_t room);

/* Whether the process is stopped, or there is none (any more). */
bool bk_world_is_stopped(pid_t pid);

/* Kills what there is of it and waits until nothing is left. */
void bk_world_end(struct bk_world *world);

/* Whether isolation is to be had here. */
enum brisk_status bk_world_check_isolation(struct brisk_error *error);

/* "ended with status 1" or "was killed by signal 9 (Killed)". */
void bk_world_describe_end(int wait_status, char *text, size_t length);

#endif
