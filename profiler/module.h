/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_MODULE_H
#define PROFILER_MODULE_H

#include <sys/types.h>

#include <brisk/status.h>

#include "profiler/elf_image.h"
#include "profiler/maps.h"
#include "profiler/symbol_table.h"
#include "profiler/unwind_table.h"

/* A file with code that a process has mapped. */
struct bk_module {
    char *path;     /* as the process names it, without " (deleted)" */
    uint64_t inode; /* with the device and the path: which file it is */
    unsigned int device_major;
    unsigned int device_minor;

    bool is_elf; /* else all below is empty: a JIT's file, or one that cannot be read */
    struct bk_elf elf;
    uint64_t first_address;
    struct bk_build_id build_id;
    struct bk_unwind_table table;

    uint8_t *unwind_bytes; /* the segment with the search header, for libunwind; NULL: not read */
    size_t unwind_length;
    uint32_t unwind_start; /* counts from first_address */

    bool has_symbols; /* the tables below were looked for */
    struct bk_symbol_table symbols;
};

/*
 * Opens what `mapping` is of, out of the maps `text` of process `pid`: the file as the process
 * sees it, if it is still the same; else what the kernel has of it; else, as for the
 * vdso, an image put together from its memory. NULL: there is no memory.
 */
struct bk_module *
bk_module_new(pid_t pid, const char *text, size_t text_length, const struct bk_mapping *mapping);
void bk_module_free(struct bk_module *module);

bool bk_module_is_of(const struct bk_module *module, const struct bk_mapping *mapping);

/*
 * Where address 0 of the module's table is when its file is mapped so; false if this
 * part of the file is not loaded by a program header.
 */
bool bk_module_base(
    const struct bk_module *module, const struct bk_mapping *mapping, uint64_t *base);

/* Eight bytes of the file at an address, counted from the first. Fast for unwind information. */
bool bk_module_word(struct bk_module *module, uint64_t address, uint64_t *word);

#endif
