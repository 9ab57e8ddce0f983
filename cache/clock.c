/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/clock.h>

#include <time.h>

uint64_t brisk_clock_ms(void *ctx)
{
    (void)ctx;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
