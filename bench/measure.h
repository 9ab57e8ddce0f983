/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

enum { MEASURE_MAX_THREADS = 16, MEASURE_MAX_ROUNDS = 64 };

/*
 * `count` operations that begin at request `first`; the result is a number
 * that depends on all of them (hits, as a rule).
 */
typedef uint64_t measure_work_fn(void *ctx, size_t thread, size_t first, size_t count);

/* One of the things that are measured in turn. */
struct measure_side {
    measure_work_fn *work;
    void *ctx;
    size_t threads;
    size_t count; /* operations per thread and round */

    double ns[MEASURE_MAX_ROUNDS]; /* wall time per operation of all threads together */
    uint64_t result;               /* sum over the rounds */
};

/*
 * Runs every side once per round, forwards and backwards in turn, so that a
 * machine that slows down slows all sides. Side by side they work on the same
 * requests; each round goes on where the last one stopped in a stream of
 * `requests`, which every count must divide.
 */
void measure_interleaved(
    struct measure_side *sides, size_t side_count, size_t rounds, size_t requests);

/*
 * Runs `work` in `threads` threads, thread i on CPU i modulo the CPUs of this
 * process, released together. The time from the first start to the last end,
 * in nanoseconds.
 */
double measure_threads(
    measure_work_fn *work, void *ctx, size_t threads, size_t first, size_t count,
    size_t requests, uint64_t *result);

double measure_median(const double *values, size_t count);

/* The median of a[i] / b[i]. */
double measure_median_ratio(const double *a, const double *b, size_t count);

/* The value below which `share` of the values lie; sorts them. */
double measure_percentile(double *values, size_t count, double share);

uint64_t measure_now_ns(void);

/* Binds the calling thread. */
void measure_pin(size_t thread);

#endif
