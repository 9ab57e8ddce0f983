/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

enum {
    MEASURE_MAX_THREADS = 16,
    MEASURE_MAX_ROUNDS = 64
};

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
 * machine that slows down slows all sides. They work on the same requests; each
 * round goes on where the last one stopped in a stream of `requests`, which
 * every count must divide. Each run has a lead, so that no side profits from what
 * the one before it left in the CPU's caches. A run whose threads had to wait for a CPU because
 * other programs had it is repeated, up to three times: a second CPU that is not
 * there says nothing about scaling.
 */
void measure_interleaved(
    struct measure_side *sides, size_t side_count, size_t rounds, size_t requests);

struct measure_task {
    measure_work_fn *work;
    void *ctx;
    size_t threads;
    size_t first;
    size_t count;    /* per thread; thread i begins at first + i * count */
    size_t requests; /* where the stream wraps; a multiple of count */
    size_t lead;     /* operations before the start, on other requests: fills the caches */
};

struct measure_run {
    double ns;       /* from the first start to the last end */
    double delay_ns; /* the longest that a thread was ready but had no CPU; 0 if unknown */
    uint64_t result; /* sum over the threads */
};

/* Thread i runs on CPU i modulo the CPUs of this process; all are released together. */
struct measure_run measure_threads(const struct measure_task *task);

/* The CPUs that this process may use. */
size_t measure_cpu_count(void);

/* From now on only the first `count` of them. */
void measure_limit_cpus(size_t count);

double measure_median(const double *values, size_t count);

/* The median of a[i] / b[i]. */
double measure_median_ratio(const double *a, const double *b, size_t count);

/* The value below which `share` of the values lie; sorts them. */
double measure_percentile(double *values, size_t count, double share);

uint64_t measure_now_ns(void);

/* Binds the calling thread. */
void measure_pin(size_t thread);

#endif
