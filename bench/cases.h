/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_CASES_H
#define BENCH_CASES_H

#include "bench/field.h"

/* Bodies of cases; `argument` is a struct plan. */
typedef void case_fn(struct bench *bench, const void *argument);

/* speed.c: time per operation of one thread or of `threads` together, against the baseline. */
case_fn case_speed;
/* Throughput of `threads` threads over that of one, against the same of the baseline. */
case_fn case_scaling;
/* Throughput of twice as many threads as CPUs, against one thread per CPU. */
case_fn case_crowded;
/* Time per operation less that of the baseline. */
case_fn case_difference;

/* memory.c: resident bytes per entry beyond key and value. */
case_fn case_memory;

/* latency.c: percentiles of single operations. */
case_fn case_latency;
/* Of a hit while another thread inserts. */
case_fn case_latency_beside_writer;

/* quality.c: miss ratios on the traces that the environment variable BRISK_TRACES names. */
case_fn case_traces;
/* Misses with several shards, against one. */
case_fn case_sharding_misses;

#endif
