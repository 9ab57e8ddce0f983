/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_TICKS_H
#define BENCH_TICKS_H

#include <stdint.h>

/*
 * A stop-watch for single operations: a counter of constant rate, fenced so
 * that only the timed operation lies between start and end. What comes before
 * has to be finished first; overlap with neighbours, which a loop without the
 * watch enjoys, is lost.
 */
#if defined(__x86_64__)

#include <x86intrin.h>

static inline uint64_t ticks_start(void)
{
    uint64_t ticks;

    _mm_mfence();
    _mm_lfence();
    ticks = __rdtsc();
    _mm_lfence();
    return ticks;
}

static inline uint64_t ticks_end(void)
{
    unsigned int cpu;
    uint64_t ticks = __rdtscp(&cpu);

    _mm_lfence();
    return ticks;
}

#elif defined(__aarch64__)

static inline uint64_t ticks_start(void)
{
    uint64_t ticks;

    __asm__ volatile("isb\n\tmrs %0, cntvct_el0\n\tisb" : "=r"(ticks) : : "memory");
    return ticks;
}

static inline uint64_t ticks_end(void)
{
    return ticks_start();
}

#else

#include "bench/measure.h"

static inline uint64_t ticks_start(void)
{
    return measure_now_ns();
}

static inline uint64_t ticks_end(void)
{
    return measure_now_ns();
}

#endif

/* Nanoseconds per tick, against the monotonic clock. */
double ticks_ns(void);

/* Ticks between a start and an end with nothing in between: the median of many. */
double ticks_cost(void);

#endif
