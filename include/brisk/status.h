/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_STATUS_H
#define BRISK_STATUS_H

#include <brisk/export.h>

BRISK_BEGIN

/*
 * How a call ended.
 *
 * Zero is success, a positive value is an ordinary answer that a caller is
 * expected to act on (a miss, a lost compare-and-set), a negative value is a
 * failure. `status < 0` is therefore the one test for failure.
 * Values are never reused or renumbered.
 */
enum brisk_status {
    BRISK_OK = 0,

    BRISK_MISS = 1,       /* the key is not there, or has expired */
    BRISK_CONFLICT = 2,   /* compare-and-set: somebody else wrote first */
    BRISK_NOT_STORED = 3, /* add or replace: the condition did not hold */
    BRISK_STALE = 4,      /* an expired value, filled in because the caller allows one */
    BRISK_AGAIN = 5,      /* done in part, going on would block: call again with the rest */

    BRISK_ERR_NOMEM = -1,           /* memory, or a configured total, ran out */
    BRISK_ERR_INVALID = -2,         /* an argument breaks the documented contract */
    BRISK_ERR_SYSTEM = -3,          /* a system call failed; see sys_errno */
    BRISK_ERR_PERMISSION = -4,      /* the kernel refused; the message says what to change */
    BRISK_ERR_TIMEOUT = -5,         /* the deadline passed; no write is left in doubt */
    BRISK_ERR_UNREACHABLE = -6,     /* no server answered */
    BRISK_ERR_CORRUPT = -7,         /* bytes that brisk did not write, or damaged ones */
    BRISK_ERR_UNSUPPORTED = -8,     /* this build, kernel or server cannot do it */
    BRISK_ERR_UNKNOWN_OUTCOME = -9, /* a write was sent, no reply came: it may have happened */
    BRISK_ERR_TRUNCATED = -10,      /* the source ended before the length it promised */
    BRISK_ERR_TOO_BIG = -11,        /* one key, value or request is over the limit for one */
    BRISK_ERR_SHORT_BUFFER = -12, /* the caller's buffer is too small; the needed length is given */
    BRISK_ERR_RECURSION = -13,    /* a callback asked for what waits for that callback */
    BRISK_ERR_CANCELLED = -14     /* a callback of the caller asked to stop */
};

/*
 * Why a call failed, in words. Owned by the caller, usually on the stack:
 *
 *     struct brisk_error error;
 *     struct brisk_cache *cache = brisk_cache_new(&options, &error);
 *     if (cache == NULL)
 *         fprintf(stderr, "%s\n", error.message);
 *
 * Written only when the call fails. Every parameter of this type may be NULL.
 * Thread safety: one thread at a time.
 */
struct brisk_error {
    enum brisk_status status;
    int sys_errno;     /* errno of the failing system call, or 0 */
    char message[248]; /* one sentence; a second one says what to try */
};

/* "BRISK_MISS". Never NULL, also for a value that is not in the list. */
BRISK_API const char *brisk_status_name(enum brisk_status status);

/* "the key is not there". Never NULL, also for a value that is not in the list. */
BRISK_API const char *brisk_status_text(enum brisk_status status);

BRISK_END

#endif
