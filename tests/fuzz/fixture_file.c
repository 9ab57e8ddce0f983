/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a fixture file. What is accepted must be usable: each entry found again, each
 * value expanded, split and unescaped within the length that it can have.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/expand.h"
#include "harness/kind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void use(struct bk_pool *pool, const struct bk_variables *variables, const char *value)
{
    struct bk_words words = {0};
    if (bk_words_are_closed(value))
        require(bk_words_add(&words, pool, variables, value));
    require(words.count <= strlen(value));
    char *expanded = bk_expand(pool, variables, value);
    require(expanded != NULL);
    require(bk_unescape(expanded) <= 8 * strlen(value) + 1);
}

static void use_all(const struct bk_kind *kind)
{
    struct bk_pool pool = {0};
    struct bk_variables variables = {0};
    size_t seen = 0;
    require(bk_variables_set(&variables, &pool, "port", "12345"));
    for (size_t i = 0; i < kind->ini.count; i++) {
        size_t cursor = i;
        const struct bk_ini_entry *entry = bk_kind_next(
            kind, kind->sections[i].name, kind->ini.entries[i].key, &cursor);
        seen += entry == &kind->ini.entries[i];
        use(&pool, &variables, kind->ini.entries[i].value);
    }
    require(seen <= kind->ini.count);
    require(bk_kind_duration_ms(kind, "ready", "timeout", 1) > 0);
    bk_pool_free(&pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    struct brisk_error error = {0};
    struct bk_kind kind;
    enum brisk_status status = bk_kind_parse(
        &kind, "f.ini", (const char *)data, length, "port=1", &error);
    if (status == BRISK_OK)
        use_all(&kind);
    else
        require(error.message[0] != '\0');
    bk_kind_free(&kind);
    return 0;
}
