/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_FIND_H
#define BK_FIND_H

#include <stdbool.h>
#include <stddef.h>

#include <brisk/status.h>

#include "harness/pool.h"

/* Where things are: programs, fixture files, the guard. */

/*
 * `places` is "postgres | /usr/lib/postgresql/<*>/bin/postgres" (without the brackets): a word
 * without a slash is looked for in PATH and the folders of system programs, a pattern names the
 * newest version that matches it. The first that can be run; NULL if there is none or no memory.
 */
char *bk_find_program(struct bk_pool *pool, const char *places);

/*
 * The file of a fixture: `name` itself if it has a slash, else NAME.ini in the folders of
 * brisk/fixture.h. UNSUPPORTED if there is none.
 */
enum brisk_status
bk_find_kind(char **path, struct bk_pool *pool, const char *name, struct brisk_error *error);

/* Calls `fn` for each folder that there may be fixtures in, in order, until it returns false. */
typedef bool bk_find_folder_fn(const char *folder, void *ctx);
void bk_find_each_folder(bk_find_folder_fn *fn, void *ctx);

/* The program brisk-guard. */
enum brisk_status bk_find_guard(char *path, size_t room, struct brisk_error *error);

#endif
