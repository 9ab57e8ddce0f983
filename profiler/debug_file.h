/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_DEBUG_FILE_H
#define PROFILER_DEBUG_FILE_H

#include <sys/types.h>

#include "profiler/module.h"

/*
 * Opens the file with the debug information that was split off the module: by its
 * build-id, then by the name in .gnu_debuglink, as the process sees files, then as this one does.
 * Believed only if its build-id is the module's or, where there is none, its CRC is right.
 * BRISK_MISS; BRISK_ERR_NOMEM. To be closed with bk_debug_file_close.
 */
enum brisk_status
bk_debug_file_open(struct bk_elf *debug, const struct bk_module *module, pid_t pid);
void bk_debug_file_close(struct bk_elf *debug);

#endif
