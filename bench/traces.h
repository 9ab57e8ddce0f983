/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_TRACES_H
#define BENCH_TRACES_H

#include <stddef.h>
#include <stdint.h>

/* One request after the other, the keys only. */
struct trace {
    char name[32];
    size_t count;
    uint64_t *keys;
};

/* What LRU misses on a trace with room for `capacity` entries. */
struct trace_cell {
    char trace[32];
    size_t capacity;
    double lru_miss_ratio;
};

/* Reads NAME.trace.zst in `folder`: lines of `key size`. Ends the case on failure. */
struct trace *trace_read(const char *folder, const char *name);
void trace_free(struct trace *trace);

/*
 * The cells of reference-miss-ratios.csv in `folder` (trace, capacity, policy,
 * miss ratio) that belong to LRU and have room for `min_capacity` entries or
 * more. Returns how many, at most `limit`.
 */
size_t
trace_read_cells(const char *folder, size_t min_capacity, struct trace_cell *cells, size_t limit);

#endif
