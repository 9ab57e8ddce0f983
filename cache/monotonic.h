/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_MONOTONIC_H
#define BK_CACHE_MONOTONIC_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* Real time, for waiting and for measuring loaders: not the cache's clock. */
static inline uint64_t bk_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline struct timespec bk_monotonic_after_ms(unsigned int ms)
{
    uint64_t ns = bk_monotonic_ns() + (uint64_t)ms * 1000000;
    return (struct timespec){
        .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
}

/* A condition whose timed waits take times of bk_monotonic_after_ms. */
static inline void bk_cond_init_monotonic(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

#endif
