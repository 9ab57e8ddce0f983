/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_PROCESS_MAP_H
#define PROFILER_PROCESS_MAP_H

#include "profiler/module.h"
#include "profiler/unwind.h"

/* What code a process has mapped, and where. Files are opened when a first address in them is
 * looked up, and stay known when the map is read again. One thread at a time. */
struct bk_process_map;

struct bk_process_map *bk_process_map_new(pid_t pid);
void bk_process_map_free(struct bk_process_map *map);

/*
 * Reads /proc/PID/maps, again if need be. BRISK_ERR_UNREACHABLE: there is no such
 * process, or it has no memory, as a zombie or a thread of the kernel; BRISK_ERR_PERMISSION;
 * BRISK_ERR_NOMEM. Except after BRISK_OK the old map stays.
 */
enum brisk_status bk_process_map_read(struct bk_process_map *map, struct brisk_error *error);

/* For bk_unwind_options, with the map as its argument. */
enum bk_code bk_process_map_find(void *map, uint64_t pc, struct bk_unwind_rule *rule);

/*
 * The module at `pc` and the address in its tables; NULL and the address itself if
 * there is none, and for a JIT's memory.
 */
struct bk_module *bk_process_map_module(struct bk_process_map *map, uint64_t pc, uint64_t *address);

/* A word of the file of a module that was opened: unwind information or code. */
bool bk_process_map_word(struct bk_process_map *map, uint64_t address, uint64_t *word);

/* Another number after each reading of the map. */
uint64_t bk_process_map_generation(const struct bk_process_map *map);

/* Whether an allocation failed in a lookup, which then found less than there is. */
bool bk_process_map_is_short_of_memory(const struct bk_process_map *map);

#endif
