/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_FIELD_H
#define BENCH_FIELD_H

#include "bench/brisk_subject.h"
#include "bench/measure.h"
#include "bench/runner.h"

enum field_load {
    FIELD_HIT, /* every key is there */
    FIELD_MIX, /* room for a tenth of the keys; what is missing is set */
    FIELD_SCAN /* the same, and every second request belongs to a walk through all keys */
};

/* What a case measures, and against what. */
struct plan {
    const struct subject *subject;  /* NULL: this build has none */
    const struct subject *baseline; /* NULL: the bare table */
    subject_loop_fn *loop;          /* NULL: the subject's read or mix */
    enum workload_keys keys;
    enum field_load load;
    size_t key_count;    /* 0: a million */
    size_t threads;      /* 0: one */
    unsigned int shards; /* 0: the default */
    uint64_t ttl_ms;
    double goal; /* 0: none */
    enum bench_sense sense;
};

/* A plan made real: requests, a warm store and a baseline that holds all keys. */
struct field {
    const struct subject *subject;
    const struct subject *baseline;
    subject_loop_fn *loop;
    struct workload *requests;
    void *store;
    void *baseline_store;
    size_t key_count;
    size_t step; /* operations of one thread in one round */
};

/* Of measure_work_fn: a loop over one store. */
struct field_job {
    subject_loop_fn *loop;
    void *store;
    const struct workload *workload;
};

enum {
    FIELD_KEYS = 1000000,
    FIELD_REQUESTS = 8000000,
    FIELD_ROUNDS = 11,
    FIELD_SCALING_ROUNDS = 21
};

/* False, and reported, if this build or machine cannot do it. */
bool field_open(struct bench *bench, const struct plan *plan, struct field *field);
void field_close(struct field *field);

/* Of a store of its own, warmed up: FIELD_HIT is checked to hold all keys. */
void *field_open_store(
    const struct plan *plan, const struct subject *subject, const struct workload *requests,
    size_t key_count);

measure_work_fn field_work;

struct field_job field_subject_job(const struct field *field);
struct field_job field_baseline_job(const struct field *field);

/* Ends the case unless every operation of a side was a hit with the right value. */
void field_check_hits(const struct measure_side *side, size_t rounds);

/* BENCH_NONE for 0. */
double field_goal(const struct plan *plan);

#endif
