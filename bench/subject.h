/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/workload.h"

enum {
    SUBJECT_VALUE_SIZE = 64,
    SUBJECT_KEYS_PER_SAMPLE = 32
};

struct subject_options {
    enum workload_keys keys;
    size_t capacity;     /* entries */
    unsigned int shards; /* 0: the default */
    uint64_t ttl_ms;     /* 0: none */
    bool has_curve;      /* brisk only; follows 1 / SUBJECT_KEYS_PER_SAMPLE of the keys */
};

struct samples; /* loops.h */

/* Works on `count` requests from `first` on; answers the number of hits with the right value. */
typedef uint64_t
subject_loop_fn(void *store, const struct workload *workload, size_t first, size_t count);
typedef uint64_t subject_sample_fn(
    void *store, const struct workload *workload, size_t first, size_t count,
    struct samples *samples);

/*
 * Something that is measured: a table or a cache with its hot loops. Each
 * subject instantiates the loops of loops.h with its own functions, so that no
 * call through a pointer stands between a loop and what is measured.
 */
struct subject {
    const char *name;
    void *(*open)(const struct subject_options *options);
    void (*close)(void *store);
    size_t (*entries)(void *store);
    size_t (*bytes)(void *store); /* what the subject says it holds; NULL if it says nothing */

    subject_loop_fn *read; /* get */
    subject_loop_fn *mix;  /* get, on a miss set */
    subject_loop_fn *put;  /* set and get in turn; ids only */

    /* read and mix with a stop-watch on some of the requests; ids only */
    subject_sample_fn *sample_read;
    subject_sample_fn *sample_mix;
};

/* The table that a good engineer would write by hand for one job: bare.h. */
extern const struct subject subject_bare;
extern const struct subject subject_bare_huge; /* the same on huge pages */

extern const struct subject subject_brisk; /* brisk_subject.h has more loops for it */

/* LRU behind one mutex; there only if the build found the library. */
extern const struct subject subject_uthash;
extern const struct subject subject_glib;

#endif
