/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_PLACE_H
#define BK_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include <brisk/status.h>

/*
 * Where fixtures live: each in a folder of its own, in a folder of the user's on a file system
 * in memory. A fixture's folder is locked (flock) by its guard alone, so a folder without a
 * lock is what a killed guard has left behind.
 */
enum {
    BK_PLACE_BYTES = 64, /* with the longest name in it, a path fits a socket's address */
};

struct bk_place {
    char path[BK_PLACE_BYTES];
    int lock_fd;
};

/*
 * BRISK_RUN_DIR, else brisk in XDG_RUNTIME_DIR, else brisk-UID in /dev/shm, TMPDIR or /tmp:
 * the first that can be had, belongs to us alone and has space.
 */
enum brisk_status bk_place_base(char *path, struct brisk_error *error);

/* A new folder, locked. */
enum brisk_status bk_place_make(struct bk_place *place, struct brisk_error *error);

/* Removes it or, if `is_kept`, adds BK_PLACE_KEPT to its name; gives the lock back. errno, or 0. */
#define BK_PLACE_KEPT ".kept"
int bk_place_close(struct bk_place *place, bool is_kept);

/* Calls `fn` for each folder of a fixture. */
typedef bool bk_place_fn(const char *path, void *ctx);
enum brisk_status bk_place_each(bk_place_fn *fn, void *ctx, struct brisk_error *error);

/* Whether a guard holds it. */
bool bk_place_is_held(const char *path);

/*
 * If no guard holds it: kills the processes that it has in their environment, and removes it.
 * Whether it did.
 */
bool bk_place_collect(const char *path);

/* All of them; *removed is their number. */
enum brisk_status bk_place_collect_all(size_t *removed, struct brisk_error *error);

/* The variable that all processes of a fixture have in their environment, with its folder. */
#define BK_PLACE_VARIABLE "BRISK_FIXTURE_DIR"

#endif
