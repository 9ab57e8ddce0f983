/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_DUMP_H
#define BRISK_DUMP_H

/* Of libbrisk-profiler. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include <brisk/status.h>

BRISK_BEGIN

/*
 * The stacks of all threads of another process at one moment.
 *
 * Each thread is stopped for some ten microseconds, while its registers and the top of its
 * stack are copied, and unwound when it goes on. Nothing is put into the process, and it needs
 * no frame pointers. Threads are stopped one after the other, so that two stacks are not of
 * the same instant.
 *
 * No thread stays stopped, whatever happens to the caller, SIGKILL included. A system call that
 * a thread sleeps in is restarted by the kernel, except for the few that signal(7) lists
 * under "Interruption of system calls and library functions by stop signals" (epoll_wait,
 * semop, ...): these answer EINTR, as they do when the process is stopped and continued.
 *
 * Thread safety: dumps may be made in any thread, several at once of different processes; one
 * dump is read by any thread once it is made. A thread of its own waits for the stopped ones: if
 * another thread of the program waits for any child (waitpid(-1)) at the same time, it may
 * take such a message away, and the stack is missing. Signals: not in a handler.
 */
struct brisk_dump;

struct brisk_dump_options {
    size_t size; /* set by brisk_dump_options_default */

    uint32_t timeout_ms; /* how long to wait for a thread that does not stop; default 100 */
};

static inline struct brisk_dump_options brisk_dump_options_default(void)
{
    struct brisk_dump_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    return options;
}

BRISK_API void brisk_dump_free(struct brisk_dump *dump);

/*
 * Dumps process `pid`. `options` may be NULL. NULL on failure, with *error:
 * BRISK_ERR_UNREACHABLE    there is no such process, or it has ended
 * BRISK_ERR_PERMISSION     it may not be traced; the message says what would allow it
 * BRISK_ERR_INVALID        it is the calling process, which cannot stop itself
 * BRISK_ERR_UNSUPPORTED    this build or process is of another architecture than x86-64
 * BRISK_ERR_SYSTEM, BRISK_ERR_NOMEM
 * Needs what ptrace(2) needs: the same user, or CAP_SYS_PTRACE.
 */
BRISK_API struct brisk_dump *
brisk_dump_new(pid_t pid, const struct brisk_dump_options *options, struct brisk_error *error)
    BRISK_NEW(brisk_dump_free);

struct brisk_dump_info {
    size_t size; /* set by the caller to sizeof(struct brisk_dump_info) */

    uint64_t threads;
    uint64_t frames;
    uint64_t fallback_frames; /* that the compact tables could not express: libunwind found them */
    uint64_t frame_pointer_frames; /* of code without unwind information: a JIT's */
};

/* BRISK_ERR_INVALID if info->size is not one this library knows. */
BRISK_API enum brisk_status
brisk_dump_get_info(const struct brisk_dump *dump, struct brisk_dump_info *info)
    BRISK_NONNULL(1, 2);

struct brisk_dump_thread {
    pid_t tid;
    char name[16];     /* bytes of the process's choice, with a '\0' */
    char state;        /* before it was stopped, as in /proc/PID/stat: R, S, D, T, ... */
    bool is_stopped;   /* false: it did not stop in time, and has no frames */
    bool is_truncated; /* the outermost frames are missing */
    uint64_t pause_ns; /* from the request to stop until it could go on: at most this long */
    uint64_t work_ns;  /* of that, from the moment it was seen to have stopped */
    size_t frames;
};

/* Thread `index`, from 0, in the order of their ids. BRISK_MISS if there are fewer. */
BRISK_API enum brisk_status
brisk_dump_get_thread(const struct brisk_dump *dump, size_t index, struct brisk_dump_thread *thread)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 3);

/* The strings live as long as the dump. */
struct brisk_dump_frame {
    uint64_t address;     /* in the instruction that runs, or in the call that is waited for */
    const char *function; /* demangled; NULL: unknown */
    uint64_t function_offset;
    const char *module;     /* the file's path as the process sees it; NULL: not of a file */
    uint64_t module_offset; /* the address in that file, as addr2line takes it */
};

/* Frame `index`, 0 is the innermost. BRISK_MISS if there are fewer. */
BRISK_API enum brisk_status brisk_dump_get_frame(
    const struct brisk_dump *dump, size_t thread, size_t index, struct brisk_dump_frame *frame)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 4);

BRISK_END

#endif
