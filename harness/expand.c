/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/expand.h"

#include <string.h>

static struct bk_variable *find(const struct bk_variables *variables, const char *name)
{
    for (size_t i = 0; i < variables->count; i++)
        if (strcmp(variables->entries[i].name, name) == 0)
            return &variables->entries[i];
    return NULL;
}

bool bk_variables_set(
    struct bk_variables *variables, struct bk_pool *pool, const char *name, const char *value)
{
    struct bk_variable *entry = find(variables, name);
    if (entry != NULL) {
        entry->value = value;
        return true;
    }
    if (variables->count == variables->capacity) {
        size_t capacity = variables->capacity == 0 ? 32 : 2 * variables->capacity;
        struct bk_variable *entries = bk_pool_take(pool, capacity * sizeof *entries);
        if (entries == NULL)
            return false;
        if (variables->count > 0)
            memcpy(entries, variables->entries, variables->count * sizeof *entries);
        variables->entries = entries;
        variables->capacity = capacity;
    }
    variables->entries[variables->count++] = (struct bk_variable){name, value};
    return true;
}

const char *bk_variables_get(const struct bk_variables *variables, const char *name)
{
    const struct bk_variable *entry = find(variables, name);
    return entry == NULL ? NULL : entry->value;
}

const char *bk_expand_find(const char *text, size_t *at, size_t *length)
{
    const char *next = text + *at;
    while ((next = strchr(next, '$')) != NULL) {
        if (next[1] == '{') {
            size_t count = strcspn(next + 2, "}");
            bool is_closed = next[2 + count] == '}';
            *length = is_closed ? count : 0;
            *at = (size_t)(next - text) + 2 + count + is_closed;
            return next + 2;
        }
        next += next[1] == '$' ? 2 : 1;
    }
    *at = strlen(text);
    return NULL;
}

bool bk_expand_is_built_in(const char *name)
{
    static const char *const names[] = {"name", "host",   "port", "dir",
                                        "data", "socket", "bin",  "pid"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Copies up to `end`, with $$ as $; returns where the copy ends. */
static char *copy_plain(char *into, const char *text, const char *end)
{
    while (text < end) {
        if (text[0] == '$' && text + 1 < end && text[1] == '$')
            text++;
        *into++ = *text++;
    }
    return into;
}

static const char *value_of(const struct bk_variables *variables, const char *name, size_t length)
{
    for (size_t i = 0; i < variables->count; i++)
        if (strlen(variables->entries[i].name) == length &&
            memcmp(variables->entries[i].name, name, length) == 0)
            return variables->entries[i].value;
    return "";
}

char *bk_expand(struct bk_pool *pool, const struct bk_variables *variables, const char *text)
{
    size_t total = strlen(text) + 1, at = 0, length;
    const char *name;
    while ((name = bk_expand_find(text, &at, &length)) != NULL)
        total += strlen(value_of(variables, name, length));
    char *expanded = bk_pool_take(pool, total);
    if (expanded == NULL)
        return NULL;

    char *end = expanded;
    size_t plain = 0;
    at = 0;
    while ((name = bk_expand_find(text, &at, &length)) != NULL) {
        end = copy_plain(end, text + plain, name - 2);
        const char *value = value_of(variables, name, length);
        memcpy(end, value, strlen(value));
        end += strlen(value);
        plain = at;
    }
    end = copy_plain(end, text + plain, text + strlen(text));
    *end = '\0';
    return expanded;
}

/* One byte of a word: where it is, in which quotes. */
struct splitter {
    char quote; /* ' or ", or 0 outside */
    bool is_escaped;
};

enum step {
    STEP_KEEP,
    STEP_DROP,
    STEP_END_OF_WORD
};

static enum step step_over(struct splitter *splitter, char byte)
{
    if (splitter->is_escaped) {
        splitter->is_escaped = false;
        return STEP_KEEP;
    }
    if (byte == '\\' && splitter->quote != '\'') {
        splitter->is_escaped = true;
        return STEP_DROP;
    }
    if (splitter->quote != 0) {
        if (byte != splitter->quote)
            return STEP_KEEP;
        splitter->quote = 0;
        return STEP_DROP;
    }
    if (byte == '\'' || byte == '"') {
        splitter->quote = byte;
        return STEP_DROP;
    }
    return byte == ' ' || byte == '\t' ? STEP_END_OF_WORD : STEP_KEEP;
}

bool bk_words_are_closed(const char *text)
{
    struct splitter splitter = {0};
    for (; *text != '\0'; text++)
        step_over(&splitter, *text);
    return splitter.quote == 0 && !splitter.is_escaped;
}

bool bk_words_add_one(struct bk_words *words, struct bk_pool *pool, char *word)
{
    if (words->count + 1 >= words->capacity) {
        size_t capacity = words->capacity == 0 ? 32 : 2 * words->capacity;
        char **list = bk_pool_take(pool, capacity * sizeof *list);
        if (list == NULL)
            return false;
        if (words->count > 0)
            memcpy(list, words->words, words->count * sizeof *list);
        words->words = list;
        words->capacity = capacity;
    }
    words->words[words->count++] = word;
    words->words[words->count] = NULL;
    return true;
}

bool bk_words_add(
    struct bk_words *words, struct bk_pool *pool, const struct bk_variables *variables,
    const char *text)
{
    while (*(text += strspn(text, " \t")) != '\0') {
        char *word = bk_pool_take(pool, strlen(text) + 1);
        if (word == NULL)
            return false;
        struct splitter splitter = {0};
        size_t length = 0;
        for (enum step step; *text != '\0'; text++) {
            step = step_over(&splitter, *text);
            if (step == STEP_END_OF_WORD)
                break;
            if (step == STEP_KEEP)
                word[length++] = *text;
        }
        char *expanded = bk_expand(pool, variables, word);
        if (expanded == NULL || !bk_words_add_one(words, pool, expanded))
            return false;
    }
    return true;
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

/* Of the letters behind a backslash: the byte, and how many letters; 0: it stands for itself. */
static size_t read_escape(const char *letters, char *byte)
{
    static const char names[] = "nrt\\0", values[] = "\n\r\t\\";
    const char *found = letters[0] == '\0' ? NULL : strchr(names, letters[0]);
    if (found != NULL) {
        *byte = values[found - names];
        return 1;
    }
    if (letters[0] != 'x' || hex_digit(letters[1]) < 0 || hex_digit(letters[2]) < 0)
        return 0;
    *byte = (char)(16 * hex_digit(letters[1]) + hex_digit(letters[2]));
    return 3;
}

size_t bk_unescape(char *text)
{
    char *end = text;
    for (const char *from = text; *from != '\0';) {
        char byte = *from++;
        if (byte == '\\')
            from += read_escape(from, &byte);
        *end++ = byte;
    }
    return (size_t)(end - text);
}
