/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_JIT_MAP_H
#define PROFILER_JIT_MAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <brisk/status.h>

/*
 * What a JIT says about its code in /tmp/perf-PID.map: lines of "START LENGTH name", in
 * hexadecimal digits. Where lines overlap the later one is right: code was moved or replaced.
 */
struct bk_jit_symbol {
    uint64_t start;
    uint64_t length;
    const char *name; /* in the text */
    size_t line;
};

struct bk_jit_map {
    char *text;
    struct bk_jit_symbol *symbols; /* sorted by start, then line */
    size_t count;
};

/* Takes `text`, which ends with '\0' at text[length]; lines that are wrong are left out. BRISK_OK
 * or BRISK_ERR_NOMEM (the text is freed). */
enum brisk_status bk_jit_map_parse(struct bk_jit_map *map, char *text, size_t length);

/*
 * Reads the file of the process in its own /tmp, under its own number there. BRISK_MISS if
 * there is none that it, or root, owns; BRISK_ERR_NOMEM.
 */
enum brisk_status bk_jit_map_load(struct bk_jit_map *map, pid_t pid);
void bk_jit_map_free(struct bk_jit_map *map);

/* NULL: in no function. */
const struct bk_jit_symbol *bk_jit_map_find(const struct bk_jit_map *map, uint64_t address);

#endif
