/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_SYMBOLIZER_H
#define PROFILER_SYMBOLIZER_H

#include "profiler/process_map.h"

/* From program counters to names of functions. One thread at a time. */
struct bk_symbolizer;

/* NULL: no memory. `map` must outlive it. */
struct bk_symbolizer *bk_symbolizer_new(struct bk_process_map *map, pid_t pid);
void bk_symbolizer_free(struct bk_symbolizer *symbolizer);

struct bk_location {
    char *function; /* demangled, for bk_free; NULL: unknown */
    uint64_t function_offset;
    const char *module;     /* the map's; NULL: memory without a file */
    uint64_t module_offset; /* the address in the ELF file; without a module the address itself */
};

/* BRISK_OK; BRISK_MISS: the function is unknown, the rest is filled in; BRISK_ERR_NOMEM. */
enum brisk_status
bk_symbolize(struct bk_symbolizer *symbolizer, uint64_t pc, struct bk_location *location);

#endif
