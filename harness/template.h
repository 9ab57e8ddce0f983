/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_TEMPLATE_H
#define BK_TEMPLATE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <brisk/status.h>

#include "harness/tree.h"

/*
 * Data folders that take long to make (initdb) and are the same each time, kept in the user's
 * cache: templates/NAME-HASH in BRISK_CACHE_DIR, else brisk in XDG_CACHE_HOME or ~/.cache/. The
 * hash is over what decides the contents. One process makes a template, which others wait for.
 */
struct bk_template {
    char path[PATH_MAX];
    int lock_fd; /* held by who makes it; -1 */
};

enum bk_template_state {
    BK_TEMPLATE_READY,  /* copy it */
    BK_TEMPLATE_ABSENT, /* the lock is ours: make it, then bk_template_keep or _close */
    BK_TEMPLATE_BUSY,   /* somebody makes it: ask again */
    BK_TEMPLATE_NOWHERE /* no folder for it: do without */
};

void bk_template_name(struct bk_template *template, const char *name, uint64_t hash);
enum bk_template_state bk_template_open(struct bk_template *template);

/* Copies `data` into the cache. One that cannot be kept, as on a full disk, is only slower. */
void bk_template_keep(
    struct bk_template *template, const char *data, bk_tree_cancel_fn *cancel, void *ctx);
void bk_template_close(struct bk_template *template);

/* FNV-1a over a string with its '\0'; begins at BK_HASH_START. */
#define BK_HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t bk_hash_string(uint64_t hash, const char *string);
uint64_t bk_hash_u64(uint64_t hash, uint64_t value);

#endif
