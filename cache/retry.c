/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/retry.h>

#include <errno.h>
#include <time.h>

#include "base/error.h"
#include "base/options.h"

enum {
    DEFAULT_MAX_MS = 30000
};

static void sleep_monotonic(uint64_t ms, void *ctx)
{
    (void)ctx;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + ms % 1000 * 1000000;
    until.tv_sec += (time_t)(ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double random_below(struct brisk_retry *retry, double bound)
{
    return (double)(next_random(&retry->random) >> 11) * 0x1p-53 * bound;
}

/* Threads that begin in the same nanosecond differ by their stacks. */
static uint64_t fresh_seed(const void *somewhere)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec +
           (uint64_t)(uintptr_t)somewhere * UINT64_C(0x9e3779b97f4a7c15);
}

static enum brisk_status
check_options(const struct brisk_retry_options *options, struct brisk_error *error)
{
    if (options->max_attempts == 0 && options->stop_after_ms == 0)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            "the retries have no limit; set max_attempts or stop_after_ms");
    if (!(options->exponential_base >= 1 && options->exponential_base <= 1000))
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "exponential_base is %g, not 1 to 1000",
            options->exponential_base);
    return BRISK_OK;
}

enum brisk_status brisk_retry_begin(
    struct brisk_retry *retry, const struct brisk_retry_options *options, struct brisk_error *error)
{
    if (retry == NULL || options == NULL)
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "no retry, or no options for it");
    *retry = (struct brisk_retry){.began_ms = 0};
    struct brisk_retry_options *own = &retry->options;
    enum brisk_status status = bk_options_read(own, sizeof *own, options, sizeof *own, error);
    if (status != BRISK_OK)
        return status;
    if (own->exponential_base == 0)
        own->exponential_base = 2;
    if (own->exponential_max_ms == 0)
        own->exponential_max_ms = DEFAULT_MAX_MS;
    if (own->statuses == 0)
        own->statuses = BRISK_RETRY_ON(BRISK_ERR_TIMEOUT) | BRISK_RETRY_ON(BRISK_ERR_UNREACHABLE);
    if (own->clock == NULL)
        own->clock = brisk_clock_ms;
    if (own->sleep == NULL)
        own->sleep = sleep_monotonic;
    status = check_options(own, error);
    if (status != BRISK_OK)
        return status;

    retry->random = own->random_seed != 0 ? own->random_seed : fresh_seed(retry);
    retry->exponential_ms = (double)own->exponential_ms;
    retry->began_ms = own->clock(own->clock_ctx);
    return BRISK_OK;
}

static uint64_t saturating_sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* The next wait; each call moves the exponential part on. */
static uint64_t next_wait_ms(struct brisk_retry *retry)
{
    const struct brisk_retry_options *options = &retry->options;
    double most = (double)options->exponential_max_ms;
    double wait = retry->exponential_ms < most ? retry->exponential_ms : most;
    retry->exponential_ms = wait * options->exponential_base;
    if (options->is_jittered)
        wait = random_below(retry, wait);
    uint64_t wait_ms = wait < 0x1p63 ? (uint64_t)wait : UINT64_MAX;
    wait_ms = saturating_sum(wait_ms, options->fixed_ms);
    if (options->random_ms > 0)
        wait_ms = saturating_sum(wait_ms, next_random(&retry->random) % options->random_ms);
    return wait_ms;
}

static bool is_tried_again(const struct brisk_retry *retry, enum brisk_status status)
{
    return status > -32 && status < 32 && (retry->options.statuses & BRISK_RETRY_ON(status)) != 0;
}

bool brisk_retry_again(struct brisk_retry *retry, enum brisk_status status)
{
    if (retry == NULL)
        return false;
    const struct brisk_retry_options *options = &retry->options;
    retry->attempts++;
    if (!is_tried_again(retry, status))
        return false;
    if (options->max_attempts != 0 && retry->attempts >= options->max_attempts)
        return false;

    uint64_t wait_ms = next_wait_ms(retry);
    if (options->stop_after_ms != 0) {
        uint64_t now_ms = options->clock(options->clock_ctx);
        uint64_t elapsed_ms = now_ms > retry->began_ms ? now_ms - retry->began_ms : 0;
        if (saturating_sum(elapsed_ms, wait_ms) > options->stop_after_ms)
            return false;
    }
    if (wait_ms > 0)
        options->sleep(wait_ms, options->sleep_ctx);
    return true;
}

enum brisk_status brisk_retry_run(
    const struct brisk_retry_options *options, brisk_attempt_fn *call, void *ctx,
    struct brisk_error *error)
{
    struct brisk_retry retry;
    enum brisk_status status = brisk_retry_begin(&retry, options, error);
    if (status != BRISK_OK)
        return status;
    if (call == NULL)
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "there is no function to call");
    do
        status = call(retry.attempts + 1, ctx);
    while (brisk_retry_again(&retry, status));
    return status;
}
