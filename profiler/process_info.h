/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_PROCESS_INFO_H
#define PROFILER_PROCESS_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <brisk/status.h>

enum {
    BK_THREAD_NAME_BYTES = 16
};

/* The name and the state of a thread; false if it is gone. */
bool bk_thread_info(pid_t pid, pid_t tid, char name[BK_THREAD_NAME_BYTES], char *state);

/* The ids of the threads, ascending, for bk_free. BRISK_ERR_UNREACHABLE, BRISK_ERR_NOMEM. */
enum brisk_status bk_thread_list(pid_t pid, pid_t **tids, size_t *count);

/* Whether it is this process, by the id of any of its threads. */
bool bk_is_own_process(pid_t pid);

/* Fills in why the kernel does not let the process be traced, and what would. */
enum brisk_status bk_explain_refusal(pid_t pid, struct brisk_error *error);

#endif
