/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_EXPAND_H
#define BK_EXPAND_H

#include <stdbool.h>
#include <stddef.h>

#include <brisk/status.h>

#include "harness/pool.h"

/* Names and what they stand for. */
struct bk_variable {
    const char *name;
    const char *value;
};

struct bk_variables {
    struct bk_variable *entries;
    size_t count;
    size_t capacity;
};

/* Adds or replaces; the strings are kept, not copied. False if there is no memory. */
bool bk_variables_set(
    struct bk_variables *variables, struct bk_pool *pool, const char *name, const char *value);
/* NULL if there is none. */
const char *bk_variables_get(const struct bk_variables *variables, const char *name);

/*
 * The next ${name} in `text` from *at on: its name and length, and *at behind it. NULL if
 * there is none; a length of 0 if it is empty or not closed. $$ stands for a dollar sign.
 */
const char *bk_expand_find(const char *text, size_t *at, size_t *length);

/* Of what every fixture has: host, port, data and the like. */
bool bk_expand_is_built_in(const char *name);

/* `text` with its ${names} replaced, what has no variable by nothing. NULL: out of memory. */
char *bk_expand(struct bk_pool *pool, const struct bk_variables *variables, const char *text);

/* Whether quotes match, so that the words can be split. */
bool bk_words_are_closed(const char *text);

/*
 * Appends the words of a command line to a list that ends with NULL. Words are split at
 * blanks; '...' keeps all, "..." keeps blanks, \x is x. Then each is expanded, which
 * makes no new words; nothing is left out.
 */
struct bk_words {
    char **words;
    size_t count;
    size_t capacity;
};
bool bk_words_add(
    struct bk_words *words, struct bk_pool *pool, const struct bk_variables *variables,
    const char *text);
bool bk_words_add_one(struct bk_words *words, struct bk_pool *pool, char *word);

/*
 * Replaces \n \r \t \\ \0 and \xHH of a line that is sent or expected, in place, and returns
 * the number of bytes.
 */
size_t bk_unescape(char *text);

#endif
