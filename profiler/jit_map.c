/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/jit_map.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "profiler/process_memory.h"
#include "profiler/source.h"

enum {
    MOST_BYTES = 1 << 28
};

static bool read_hex(char **at, uint64_t *value)
{
    char *digits = *at;
    *value = 0;
    for (;; (*at)++) {
        char c = **at;
        unsigned int digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned int)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (unsigned int)((c | 0x20) - 'a' + 10);
        else
            break;
        if (*value >> 60 != 0)
            return false;
        *value = *value << 4 | digit;
    }
    return *at != digits && *(*at)++ == ' ';
}

static bool read_line(char *line, struct bk_jit_symbol *symbol)
{
    if (!read_hex(&line, &symbol->start) || !read_hex(&line, &symbol->length) || *line == '\0')
        return false;
    symbol->name = line;
    return symbol->length != 0 && symbol->start <= UINT64_MAX - symbol->length;
}

static int compare(const void *a, const void *b)
{
    const struct bk_jit_symbol *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

enum brisk_status bk_jit_map_parse(struct bk_jit_map *map, char *text, size_t length)
{
    size_t lines = 1;
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    *map = (struct bk_jit_map){.text = text};
    map->symbols = bk_calloc(lines, sizeof *map->symbols);
    if (map->symbols == NULL) {
        bk_jit_map_free(map);
        return BRISK_ERR_NOMEM;
    }
    char *end = text + length;
    for (char *line = text; line < end;) {
        char *newline = memchr(line, '\n', (size_t)(end - line));
        char *next = newline == NULL ? end : newline;
        *next = '\0';
        if (read_line(line, &map->symbols[map->count])) {
            map->symbols[map->count].line = map->count;
            map->count++;
        }
        line = next + 1;
    }
    qsort(map->symbols, map->count, sizeof *map->symbols, compare);
    return BRISK_OK;
}

/* The process's number in its own namespace, the last on its line. */
static int own_number(pid_t pid)
{
    size_t length;
    char *status = bk_process_file(pid, "status", &length);
    int number = (int)pid;
    const char *line = status == NULL ? NULL : strstr(status, "\nNSpid:");
    for (const char *at = line == NULL ? NULL : line + 7; at != NULL && *at == '\t';) {
        char *behind;
        number = (int)strtol(at, &behind, 10);
        at = behind;
    }
    bk_free(status);
    return number;
}

/* Anybody can write to /tmp: what somebody else says about a program is not believed. */
static bool open_map(pid_t pid, struct bk_source *source)
{
    char path[64];
    struct stat file, process;
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    if (stat(path, &process) != 0)
        return false;
    snprintf(path, sizeof path, "/proc/%d/root/tmp/perf-%d.map", (int)pid, own_number(pid));
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0)
        return false;
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) || file.st_size > MOST_BYTES ||
        (file.st_uid != process.st_uid && file.st_uid != 0)) {
        close(fd);
        return false;
    }
    *source = (struct bk_source){.fd = fd, .length = (uint64_t)file.st_size};
    return true;
}

enum brisk_status bk_jit_map_load(struct bk_jit_map *map, pid_t pid)
{
    *map = (struct bk_jit_map){0};
    struct bk_source source;
    if (!open_map(pid, &source))
        return BRISK_MISS;
    char *text = bk_malloc(source.length + 1);
    bool is_read = text != NULL && bk_source_read(&source, 0, text, source.length);
    close(source.fd);
    if (text == NULL)
        return BRISK_ERR_NOMEM;
    if (!is_read) {
        bk_free(text);
        return BRISK_MISS;
    }
    text[source.length] = '\0';
    return bk_jit_map_parse(map, text, source.length);
}

void bk_jit_map_free(struct bk_jit_map *map)
{
    bk_free(map->text);
    bk_free(map->symbols);
    *map = (struct bk_jit_map){0};
}

/* The last line at the nearest start below; one that covers it from further away is rare. */
const struct bk_jit_symbol *bk_jit_map_find(const struct bk_jit_map *map, uint64_t address)
{
    size_t low = 0, high = map->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (map->symbols[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    const struct bk_jit_symbol *found = &map->symbols[low - 1];
    return address - found->start < found->length ? found : NULL;
}
