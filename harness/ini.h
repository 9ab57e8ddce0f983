/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_INI_H
#define BK_INI_H

#include <stddef.h>

#include <brisk/status.h>

#include "harness/pool.h"

/*
 * The form of fixture files, before anybody asks what they mean:
 *
 *     # a comment
 *     [section words]
 *     key = value, from which blanks at both ends are taken
 *         a line that begins with a blank goes on with the value, after one blank
 *
 * A key that comes again is another entry; all stay in order.
 */
struct bk_ini_entry {
    const char *section; /* "ready if password", as between the brackets, without blanks around */
    const char *key;
    const char *value;
    unsigned int section_line;
    unsigned int line; /* of the key, from 1 */
    unsigned int value_column;
};

struct bk_ini {
    const char *path; /* for messages */
    struct bk_ini_entry *entries;
    size_t count;
};

/*
 * Into memory of the pool. INVALID with "PATH:LINE:COLUMN: what" for what is not of this form,
 * among it a '\0' and more than 10,000 entries.
 */
enum brisk_status bk_ini_parse(
    struct bk_ini *ini, struct bk_pool *pool, const char *path, const char *text, size_t length,
    struct brisk_error *error);

#endif
