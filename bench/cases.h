/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_CASES_H
#define BENCH_CASES_H

#include "bench/field.h"

/* Bodies of cases; `argument` is a struct plan unless said otherwise. */
typedef void case_fn(struct bench *bench, const void *argument);

/* speed.c: time per operation of one thread or of `threads` together, against the baseline. */
case_fn case_speed;
/* Throughput of `threads` threads over that of one, against the same of the baseline. */
case_fn case_scaling;
/* Throughput of four threads on two CPUs, against the subject's own of two threads. */
case_fn case_crowded;
/* Time per operation less that of the baseline. */
case_fn case_difference;
/* All threads want the same key. */
case_fn case_hot_key;
/* brisk_cache_get_or_load against brisk_cache_get. */
case_fn case_loaded;
/* Half sets, half gets. */
case_fn case_put;
case_fn case_put_scaling;

/* memory.c: resident bytes per entry beyond key and value. */
case_fn case_memory;

/* latency.c: percentiles of single operations. */
case_fn case_latency;
/* Of a hit while another thread inserts. */
case_fn case_latency_beside_writer;

/* quality.c: miss ratios on the traces that the environment variable BRISK_TRACES names. */
case_fn case_traces;
/* What several shards cost, in time and in misses. */
case_fn case_sharding_speed;
case_fn case_sharding_misses;

#endif
