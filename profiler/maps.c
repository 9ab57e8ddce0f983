/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/maps.h"

#include <string.h>

struct line {
    const char *at;
    const char *end;
};

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* A number and the character behind it; '\n' stands for the end of the line. */
static bool read_number(struct line *line, unsigned int base, char behind, uint64_t *value)
{
    const char *start = line->at;
    *value = 0;
    while (line->at < line->end && digit_of(*line->at) < (int)base) {
        if (*value > (UINT64_MAX - 15) / base)
            return false;
        *value = *value * base + (unsigned int)digit_of(*line->at++);
    }
    if (line->at == start)
        return false;
    if (line->at == line->end)
        return behind == '\n';
    return *line->at++ == behind || behind == '\n';
}

static bool read_permissions(struct line *line, struct bk_mapping *mapping)
{
    enum {
        LETTERS = 5 /* "r-xp " */
    };
    if (line->end - line->at < LETTERS || line->at[LETTERS - 1] != ' ')
        return false;
    mapping->is_readable = line->at[0] == 'r';
    mapping->is_executable = line->at[2] == 'x';
    line->at += LETTERS;
    return true;
}

static bool read_line(struct line line, struct bk_mapping *mapping)
{
    uint64_t major, minor;
    if (!read_number(&line, 16, '-', &mapping->start) ||
        !read_number(&line, 16, ' ', &mapping->end) || !read_permissions(&line, mapping) ||
        !read_number(&line, 16, ' ', &mapping->offset) || !read_number(&line, 16, ':', &major) ||
        !read_number(&line, 16, ' ', &minor) || !read_number(&line, 10, '\n', &mapping->inode))
        return false;
    if (mapping->start >= mapping->end || major > UINT32_MAX || minor > UINT32_MAX)
        return false;
    mapping->device_major = (unsigned int)major;
    mapping->device_minor = (unsigned int)minor;
    while (line.at < line.end && *line.at == ' ')
        line.at++;
    mapping->path = line.at;
    mapping->path_length = (size_t)(line.end - line.at);
    return true;
}

bool bk_maps_next(const char **text, const char *end, struct bk_mapping *mapping)
{
    while (*text < end) {
        const char *newline = memchr(*text, '\n', (size_t)(end - *text));
        struct line line = {.at = *text, .end = newline != NULL ? newline : end};
        *text = newline != NULL ? newline + 1 : end;
        if (read_line(line, mapping))
            return true;
    }
    return false;
}
