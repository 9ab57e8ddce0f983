/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_MAPS_H
#define PROFILER_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A line of /proc/PID/maps (proc(5)). */
struct bk_mapping {
    uint64_t start;
    uint64_t end;
    uint64_t offset; /* in the file */
    uint64_t inode;  /* 0: no file */
    unsigned int device_major;
    unsigned int device_minor;
    bool is_readable;
    bool is_executable;
    const char *path; /* in the text, without an end of its own; "" for memory without a name */
    size_t path_length;
};

/*
 * The next line that is right, from *text on, which is moved behind it; false at
 * `end`. Lines that are wrong are passed over.
 */
bool bk_maps_next(const char **text, const char *end, struct bk_mapping *mapping);

#endif
