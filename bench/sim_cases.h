/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SIM_CASES_H
#define BENCH_SIM_CASES_H

#include <stdbool.h>

#include "bench/runner.h"
#include "bench/subject.h"

/* Simulated caches, to be run with FIELD_MIX: a request that misses is stored. Ids only. */
extern const struct subject subject_sim_lru;
extern const struct subject subject_sim_s3fifo;
extern const struct subject subject_sim_default;
extern const struct subject subject_sim_sieve;
extern const struct subject subject_sim_fifo;
extern const struct subject subject_sim_lfu;

struct read_plan {
    bool is_compressed;
    unsigned int key_field; /* of a log; 0: lines of `key size` */
};

/* Time per request from a file to its hash, against getline and strtoull; argument: a read_plan. */
void case_read(struct bench *bench, const void *argument);

#endif
