/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_HOOKS_H
#define BRISK_HOOKS_H

#include <stddef.h>

#include <brisk/status.h>

BRISK_BEGIN

/*
 * The two things that a program may set for the whole library: where memory
 * comes from and where messages go. Both are set at start, before any other
 * brisk function runs in any thread, and stay as they are.
 */

/*
 * The three functions behave as malloc, realloc and free do: memory aligned
 * for any type, NULL when there is none, release(NULL) allowed. They are called
 * from any thread, also at once, and must not call brisk.
 */
struct brisk_allocator {
    void *(*allocate)(size_t length, void *ctx);
    void *(*reallocate)(void *memory, size_t length, void *ctx);
    void (*release)(void *memory, void *ctx);
    void *ctx;
};

/*
 * Copies *allocator; NULL goes back to malloc, realloc and free.
 * BRISK_ERR_INVALID if one of the functions is missing; nothing is changed then.
 */
BRISK_API enum brisk_status brisk_set_allocator(const struct brisk_allocator *allocator)
    BRISK_MUST_CHECK;

enum brisk_log_level {
    BRISK_LOG_ERROR = 1,   /* something the caller asked for was lost */
    BRISK_LOG_WARNING = 2, /* it works, but slower or with less than was asked for */
    BRISK_LOG_INFO = 3
};

/*
 * `message` is one line without '\n', valid for the call. Called from any
 * thread, also at once; may not call brisk.
 */
typedef void brisk_log_fn(enum brisk_log_level level, const char *message, void *ctx);

/* NULL, as at the start: silence. The library itself never prints. */
BRISK_API void brisk_set_log(brisk_log_fn *log, void *ctx);

BRISK_END

#endif
