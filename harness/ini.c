/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/ini.h"

#include <stdbool.h>
#include <string.h>

#include "base/error.h"

enum {
    MOST_ENTRIES = 10000,
};

/* Entries point into a copy of the text, where each string is cut off with a '\0'. */
struct reader {
    struct bk_ini *ini;
    struct bk_pool *pool;
    struct brisk_error *error;
    size_t capacity;
    const char *section;
    unsigned int section_line;
    unsigned int line;
    char *value_end; /* of the last entry; NULL after a [section] */
};

static enum brisk_status fail(struct reader *reader, size_t column, const char *what)
{
    return bk_error_set(
        reader->error, BRISK_ERR_INVALID, 0, "%s:%u:%zu: %s", reader->ini->path, reader->line,
        column, what);
}

static enum brisk_status no_memory(struct reader *reader)
{
    return bk_error_set(reader->error, BRISK_ERR_NOMEM, 0, "%s: out of memory", reader->ini->path);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static size_t skip_blanks(const char *line, size_t at, size_t length)
{
    while (at < length && is_blank(line[at]))
        at++;
    return at;
}

static size_t cut_blanks(const char *line, size_t length)
{
    while (length > 0 && is_blank(line[length - 1]))
        length--;
    return length;
}

static enum brisk_status read_section(struct reader *reader, char *line, size_t length)
{
    if (line[length - 1] != ']')
        return fail(reader, length + 1, "a section ends with ]");
    size_t begin = skip_blanks(line, 1, length - 1);
    size_t end = cut_blanks(line, length - 1);
    if (begin >= end)
        return fail(reader, 2, "the section has no name");
    line[end] = '\0';
    reader->section = line + begin;
    reader->section_line = reader->line;
    reader->value_end = NULL;
    return BRISK_OK;
}

/* Doubles the table; the old ones stay in the pool, which costs as much again at most. */
static bool make_room(struct reader *reader)
{
    struct bk_ini *ini = reader->ini;
    if (ini->count < reader->capacity)
        return true;
    size_t capacity = reader->capacity == 0 ? 64 : 2 * reader->capacity;
    struct bk_ini_entry *entries = bk_pool_take(reader->pool, capacity * sizeof *entries);
    if (entries == NULL)
        return false;
    if (ini->count > 0)
        memcpy(entries, ini->entries, ini->count * sizeof *entries);
    ini->entries = entries;
    reader->capacity = capacity;
    return true;
}

static enum brisk_status read_entry(struct reader *reader, char *line, size_t length)
{
    char *sign = memchr(line, '=', length);
    if (sign == NULL)
        return fail(reader, 1, "neither [section] nor key = value");
    size_t key_length = cut_blanks(line, (size_t)(sign - line));
    if (key_length == 0)
        return fail(reader, 1, "there is no key before =");
    if (reader->section == NULL)
        return fail(reader, 1, "a key before the first [section]");
    if (reader->ini->count == MOST_ENTRIES)
        return fail(reader, 1, "more than 10000 entries");
    if (!make_room(reader))
        return no_memory(reader);

    size_t begin = skip_blanks(line, (size_t)(sign - line) + 1, length);
    line[key_length] = '\0';
    reader->value_end = line + length;
    *reader->value_end = '\0';
    reader->ini->entries[reader->ini->count++] = (struct bk_ini_entry){
        .section = reader->section,
        .key = line,
        .value = line + begin,
        .section_line = reader->section_line,
        .line = reader->line,
        .value_column = (unsigned int)begin + 1};
    return BRISK_OK;
}

/* Moves it to the end of the value: the newline and the blank between leave room enough. */
static enum brisk_status
read_continuation(struct reader *reader, const char *line, size_t first, size_t length)
{
    if (reader->value_end == NULL)
        return fail(reader, first + 1, "a line that begins with a blank goes on with nothing");
    if (*reader->ini->entries[reader->ini->count - 1].value != '\0')
        *reader->value_end++ = ' ';
    memmove(reader->value_end, line + first, length - first);
    reader->value_end += length - first;
    *reader->value_end = '\0';
    return BRISK_OK;
}

static enum brisk_status read_line(struct reader *reader, char *line, size_t length)
{
    const char *zero = memchr(line, '\0', length);
    if (zero != NULL)
        return fail(reader, (size_t)(zero - line) + 1, "a zero byte");
    length = cut_blanks(line, length);
    size_t first = skip_blanks(line, 0, length);
    if (first == length || line[first] == '#' || line[first] == ';')
        return BRISK_OK;
    if (first > 0)
        return read_continuation(reader, line, first, length);
    if (line[0] == '[')
        return read_section(reader, line, length);
    return read_entry(reader, line, length);
}

enum brisk_status bk_ini_parse(
    struct bk_ini *ini, struct bk_pool *pool, const char *path, const char *text, size_t length,
    struct brisk_error *error)
{
    *ini = (struct bk_ini){.path = path};
    struct reader reader = {.ini = ini, .pool = pool, .error = error};
    char *line = bk_pool_copy(pool, text, length);
    if (line == NULL)
        return no_memory(&reader);
    for (char *end = line + length; line < end;) {
        char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t line_length = (size_t)((newline == NULL ? end : newline) - line);
        reader.line++;
        enum brisk_status status = read_line(&reader, line, line_length);
        if (status < 0)
            return status;
        line += line_length + 1;
    }
    return BRISK_OK;
}
