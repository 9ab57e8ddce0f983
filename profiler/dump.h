/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_DUMP_H
#define PROFILER_DUMP_H

#include <brisk/dump.h>

#include "profiler/process_map.h"

/* A thread and where its program counters are among those of all. */
struct bk_dump_thread {
    struct brisk_dump_thread shown;
    size_t first_pc;
};

/* What the dump of a process has taken from it, without names yet. */
struct bk_dump_take {
    pid_t pid;
    struct bk_process_map *map;

    struct bk_dump_thread *threads;
    size_t thread_count;
    size_t thread_capacity;
    uint64_t *pcs;
    size_t pc_count;
    size_t pc_capacity;
    uint64_t fallback_frames;
    uint64_t pointer_frames;
};

/* Stops, copies and unwinds every thread. The map has been read. */
enum brisk_status
bk_dump_take(struct bk_dump_take *take, uint32_t timeout_ms, struct brisk_error *error);

#endif
