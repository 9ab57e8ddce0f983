/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_KIND_H
#define BK_KIND_H

#include <stdbool.h>

#include "harness/ini.h"

/*
 * A fixture file whose every section, key and ${name} is known, with the parameters of one
 * start. Which sections count follows from the parameters: [ready if password] counts if the
 * parameter is set, [ready if mode=x] if it has that value, [... unless ...] if not.
 */
struct bk_kind {
    struct bk_pool pool;
    struct bk_pool file_pool; /* what was read, if it was a file */
    struct bk_ini ini;
    struct bk_section *sections; /* one for each entry of ini */
    struct bk_parameter *parameters;
    size_t parameter_count;
};

struct bk_section {
    const char *name;     /* "file" of "file a.conf if password" */
    const char *argument; /* "a.conf", else NULL */
    const char *condition;
    const char *wanted; /* of the parameter `condition`; NULL: that it is set */
    bool is_negated;
};

struct bk_parameter {
    const char *name;
    const char *value;
};

/*
 * `settings` is "a=1,b=2" or NULL; a word without '=' sets its parameter to "yes". `port` and
 * `proxy` are parameters of every kind. All memory is in kind->pool, which is the caller's to
 * free with bk_kind_free, also after a failure.
 */
enum brisk_status bk_kind_load(
    struct bk_kind *kind, const char *path, const char *settings, struct brisk_error *error);
/* The same of a text; `path` is for messages and must live as long as the kind. */
enum brisk_status bk_kind_parse(
    struct bk_kind *kind, const char *path, const char *text, size_t length, const char *settings,
    struct brisk_error *error);
void bk_kind_free(struct bk_kind *kind);

/* The next entry of [section] from *cursor on, which begins at 0, that counts; any key if NULL. */
const struct bk_ini_entry *
bk_kind_next(const struct bk_kind *kind, const char *section, const char *key, size_t *cursor);
/* The value of the last one, else `otherwise`. */
const char *bk_kind_get(
    const struct bk_kind *kind, const char *section, const char *key, const char *otherwise);
bool bk_kind_has(const struct bk_kind *kind, const char *section, const char *key);
/* "yes" or "no", as bk_kind_load has made sure. */
bool bk_kind_is(const struct bk_kind *kind, const char *section, const char *key);
/* A duration as in "500ms", "30s" or "2min". */
unsigned int bk_kind_duration_ms(
    const struct bk_kind *kind, const char *section, const char *key, unsigned int otherwise);
/* What stands behind the section's name, as of [file a.conf]; NULL if nothing. */
const char *bk_kind_argument(const struct bk_kind *kind, const struct bk_ini_entry *entry);

/* NULL if there is no such parameter. */
const char *bk_kind_parameter(const struct bk_kind *kind, const char *name);

/* Whether the parameter `proxy`, which every kind has, asks for one. */
bool bk_kind_has_proxy(const struct bk_kind *kind);

/* SIGTERM for "TERM"; 0 for what is no signal. */
int bk_signal_number(const char *name);

#endif
