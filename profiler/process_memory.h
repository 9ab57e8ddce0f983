/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_PROCESS_MEMORY_H
#define PROFILER_PROCESS_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Reads memory of another process, from `address` on as far as it is mapped, and
 * returns how many bytes: 0 if none, or if it is forbidden (errno tells).
 */
size_t bk_process_read(pid_t pid, uint64_t address, void *to, size_t length);

/*
 * A file of /proc/PID as text with a '\0' behind it, for bk_free. NULL: errno tells; its size
 * is limited to 1 GiB (EFBIG).
 */
char *bk_process_file(pid_t pid, const char *name, size_t *length);

#endif
