/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_FIELD_H
#define BENCH_FIELD_H

#include "bench/brisk_subject.h"
#include "bench/measure.h"
#include "bench/runner.h"

enum field_load {
    FIELD_HIT,  /* every key is there */
    FIELD_HOT,  /* the same, and all requests want one key */
    FIELD_MIX,  /* room for a tenth of the keys; what is missing is set */
    FIELD_SCAN, /* the same, and every second request belongs to a walk through all keys */
    FIELD_PUT   /* room for a tenth of the keys; every second request is a set, the others gets */
};

enum field_against {
    FIELD_BARE, /* the bare table, which holds all keys */
    FIELD_BARE_HUGE,
    FIELD_ONE_SHARD, /* the subject with one shard */
    FIELD_NO_CURVE,  /* the subject, which has a curve then, without one */
    FIELD_CURVE,     /* the subject with a curve */
    FIELD_GET,       /* brisk_cache_get on the subject's store */
    FIELD_ITSELF     /* the subject's store and loop, in other circumstances */
};

/* What a case measures, and against what. */
struct plan {
    const struct subject *subject; /* NULL: this build has none */
    enum field_against against;
    subject_loop_fn *loop; /* NULL: the subject's read, mix or put */
    enum workload_keys keys;
    enum field_load load;
    size_t key_count; /* 0: a million */
    size_t threads;   /* 0: one */
    uint64_t ttl_ms;
    double goal; /* 0: none */
    enum bench_sense sense;
};

/* A warm store and what is done with it. */
struct contender {
    const char *name;
    const struct subject *subject;
    void *store;
    bool has_curve;
    bool is_complete; /* holds all keys: every lookup has to be a hit */
    subject_loop_fn *loop;
    const struct workload *requests;
};

/* A plan made real. */
struct field {
    struct contender subject;
    struct contender baseline;
    struct workload *requests;
    size_t key_count;
    size_t threads;
    size_t rounds;
};

enum {
    FIELD_KEYS = 1000000,
    FIELD_REQUESTS = 8000000
};

/* False, and reported, if this build or machine cannot do it. */
bool field_is_possible(struct bench *bench, const struct plan *plan);
bool field_open(struct bench *bench, const struct plan *plan, struct field *field);
void field_close(struct field *field);

/* The loop of the contender that is the context. */
measure_work_fn field_work;

/*
 * Hits with the right value per lookup, so that nothing wins by not doing its
 * job: ends the case unless a complete store had every key, another one a quarter.
 */
double field_hit_ratio(const struct contender *contender, uint64_t hits, uint64_t lookups);

#endif
