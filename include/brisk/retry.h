/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_RETRY_H
#define BRISK_RETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <brisk/clock.h>
#include <brisk/status.h>

BRISK_BEGIN

/*
 * When to call again what failed, and how long to wait before.
 *
 *     struct brisk_retry retry;
 *     enum brisk_status status = brisk_retry_begin(&retry, &options, &error);
 *     while (status == BRISK_OK) {
 *         status = ask_the_service();
 *         if (!brisk_retry_again(&retry, status))
 *             break;
 *         status = BRISK_OK;
 *     }
 *
 * or, where the call is a function, brisk_retry_run.
 *
 * Thread safety: a struct brisk_retry belongs to one thread at a time; options
 * may be shared. Not callable from a signal handler, but a handler may interrupt
 * a wait, which goes on after it.
 */

/* For the field `statuses`, joined by `|`. */
#define BRISK_RETRY_ON(status) (UINT64_C(1) << ((status) + 32))

/* Waits so many milliseconds; `ctx` is sleep_ctx. */
typedef void brisk_sleep_fn(uint64_t ms, void *ctx);

/*
 * Zero in a field means the default. The wait before a further attempt is the sum
 *
 *     fixed_ms + exponential wait + a random time below random_ms
 *
 * where the exponential wait is exponential_ms, then exponential_ms * base,
 * exponential_ms * base^2 and so on, at most exponential_max_ms. If none of
 * fixed_ms, exponential_ms and random_ms is given, attempts follow at once.
 */
struct brisk_retry_options {
    size_t size; /* set by brisk_retry_options_default */

    unsigned int max_attempts; /* the first one included; default: no limit */
    /*
     * No attempt begins later than this after the first began; a wait that would go
     * beyond is not begun. Default: no limit. One of the two limits must be given.
     */
    uint64_t stop_after_ms;

    uint64_t fixed_ms;
    uint64_t exponential_ms;
    double exponential_base;     /* 1 to 1000; default 2 */
    uint64_t exponential_max_ms; /* default 30,000 */
    uint64_t random_ms;
    /*
     * Makes the exponential wait a random time between 0 and what it would have been
     * ("full jitter"), so that clients which failed together do not return together.
     */
    bool is_jittered;

    /*
     * Which answers are tried again, as BRISK_RETRY_ON(BRISK_ERR_TIMEOUT) and so on;
     * BRISK_MISS, for an empty result, is as good as a failure. Default: TIMEOUT and
     * UNREACHABLE. UNKNOWN_OUTCOME is for calls only that may be made twice.
     */
    uint64_t statuses;

    brisk_clock_fn *clock; /* milliseconds; default brisk_clock_ms */
    void *clock_ctx;
    brisk_sleep_fn *sleep; /* default: sleeps, with CLOCK_MONOTONIC */
    void *sleep_ctx;
    uint64_t random_seed; /* default: random; fix it for repeatable tests only */
};

static inline struct brisk_retry_options brisk_retry_options_default(void)
{
    struct brisk_retry_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    return options;
}

/* One series of attempts; needs no end. The members are private, but for `attempts`. */
struct brisk_retry {
    struct brisk_retry_options options;
    uint64_t began_ms;
    uint64_t random;
    double exponential_ms;
    unsigned int attempts; /* so far */
};

/*
 * Starts a series; the first attempt may be made. `options` is copied and may not
 * be NULL. BRISK_ERR_INVALID: neither limit is given, or a field is out of range.
 */
BRISK_API enum brisk_status brisk_retry_begin(
    struct brisk_retry *retry, const struct brisk_retry_options *options, struct brisk_error *error)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/*
 * To be told how an attempt ended. True after waiting: make another one. False at
 * once: `status` is not to be tried again, or a limit is reached.
 */
BRISK_API bool brisk_retry_again(struct brisk_retry *retry, enum brisk_status status)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/* `attempt` counts from 1. */
typedef enum brisk_status brisk_attempt_fn(unsigned int attempt, void *ctx);

/* Calls until an answer is final, and returns that answer. BRISK_ERR_INVALID as above. */
BRISK_API enum brisk_status brisk_retry_run(
    const struct brisk_retry_options *options, brisk_attempt_fn *call, void *ctx,
    struct brisk_error *error) BRISK_MUST_CHECK BRISK_NONNULL(2);

BRISK_END

#endif
