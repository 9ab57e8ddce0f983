/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/process_info.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "profiler/process_memory.h"

/* /proc/PID/task/TID/stat is "TID (name) state ...", where the name may have any byte. */
bool bk_thread_info(pid_t pid, pid_t tid, char name[BK_THREAD_NAME_BYTES], char *state)
{
    char file[48];
    size_t length;
    snprintf(file, sizeof file, "task/%d/stat", (int)tid);
    char *text = bk_process_file(pid, file, &length);
    if (text == NULL)
        return false;
    const char *open = memchr(text, '(', length);
    const char *close = memrchr(text, ')', length);
    bool is_right = open != NULL && close != NULL && close > open && close + 2 < text + length;
    if (is_right) {
        size_t bytes = (size_t)(close - open - 1);
        if (bytes >= BK_THREAD_NAME_BYTES)
            bytes = BK_THREAD_NAME_BYTES - 1;
        memcpy(name, open + 1, bytes);
        name[bytes] = '\0';
        *state = close[2];
    }
    bk_free(text);
    return is_right;
}

static int compare(const void *a, const void *b)
{
    pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;
    return x < y ? -1 : x > y;
}

static enum brisk_status read_tids(DIR *folder, pid_t **tids, size_t *count)
{
    size_t capacity = 0;
    for (const struct dirent *item = readdir(folder); item != NULL; item = readdir(folder)) {
        int tid = atoi(item->d_name);
        if (tid <= 0)
            continue;
        if (*count == capacity) {
            capacity = capacity == 0 ? 64 : 2 * capacity;
            pid_t *grown = bk_realloc(*tids, capacity * sizeof *grown);
            if (grown == NULL)
                return BRISK_ERR_NOMEM;
            *tids = grown;
        }
        (*tids)[(*count)++] = tid;
    }
    return BRISK_OK;
}

enum brisk_status bk_thread_list(pid_t pid, pid_t **tids, size_t *count)
{
    char path[48];
    *tids = NULL;
    *count = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return BRISK_ERR_UNREACHABLE;
    enum brisk_status status = read_tids(folder, tids, count);
    closedir(folder);
    if (status == BRISK_OK && *count == 0)
        status = BRISK_ERR_UNREACHABLE;
    if (status != BRISK_OK) {
        bk_free(*tids);
        *tids = NULL;
        return status;
    }
    qsort(*tids, *count, sizeof **tids, compare);
    return BRISK_OK;
}

bool bk_is_own_process(pid_t pid)
{
    char path[48];
    snprintf(path, sizeof path, "/proc/self/task/%d", (int)pid);
    return access(path, F_OK) == 0;
}

static int tracer_of(pid_t pid)
{
    static const char label[] = "\nTracerPid:\t";
    size_t length;
    char *text = bk_process_file(pid, "status", &length);
    const char *line = text == NULL ? NULL : strstr(text, label);
    int tracer = line == NULL ? 0 : atoi(line + sizeof label - 1);
    bk_free(text);
    return tracer;
}

static int read_yama_scope(void)
{
    int scope = 0;
    FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%d", &scope) != 1)
        scope = 0;
    fclose(file);
    return scope;
}

enum brisk_status bk_explain_refusal(pid_t pid, struct brisk_error *error)
{
    int tracer = tracer_of(pid), scope = read_yama_scope();
    if (tracer != 0)
        return bk_error_set(
            error, BRISK_ERR_PERMISSION, 0,
            "process %d is traced by process %d already. End that one (a debugger, strace) first",
            (int)pid, tracer);
    if (scope != 0)
        return bk_error_set(
            error, BRISK_ERR_PERMISSION, 0,
            "process %d may not be traced: kernel.yama.ptrace_scope is %d. Try it as root, with "
            "CAP_SYS_PTRACE, or after `sysctl kernel.yama.ptrace_scope=0`",
            (int)pid, scope);
    return bk_error_set(
        error, BRISK_ERR_PERMISSION, 0,
        "process %d may not be traced: it is of another user, or protected. Try it as root, or "
        "with CAP_SYS_PTRACE (for a container: --cap-add SYS_PTRACE)",
        (int)pid);
}
