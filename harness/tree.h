/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_TREE_H
#define BK_TREE_H

#include <stdbool.h>
#include <sys/types.h>

#include <brisk/status.h>

/* Asked after each file; true: stop. */
typedef bool bk_tree_cancel_fn(void *ctx);

/*
 * Copies the folder `from` with its files, folders, symbolic links and permissions to `to`,
 * which may exist. All belongs to `owner` afterwards, if that is not (uid_t)-1. CANCELLED if
 * `cancel` says so. What was copied before a failure stays.
 */
enum brisk_status bk_tree_copy(
    const char *from, const char *to, uid_t owner, bk_tree_cancel_fn *cancel, void *ctx,
    struct brisk_error *error);

/* Follows no link; goes on after a failure. 0, or errno of the first failure. */
int bk_tree_remove(const char *path);

/* Gives the folder and all in it to a user and the group of the same number. */
int bk_tree_give(const char *path, uid_t owner);

#endif
