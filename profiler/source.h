/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_SOURCE_H
#define PROFILER_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <brisk/status.h>

/*
 * Where the bytes of an ELF image come from: a file, or memory. A file is read, not
 * mapped, because somebody may truncate it meanwhile.
 */
struct bk_source {
    const uint8_t *data; /* NULL: the file */
    int fd;
    uint64_t length;
};

/* False if the range is not there, or the file could not be read. */
bool bk_source_read(const struct bk_source *source, uint64_t offset, void *to, size_t length);

/*
 * The range on the heap, for bk_free. BRISK_MISS if it is empty or not there;
 * BRISK_ERR_NOMEM. *bytes is NULL then.
 */
enum brisk_status
bk_source_load(const struct bk_source *source, uint64_t offset, uint64_t length, uint8_t **bytes);

#endif
