/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>

enum workload_keys {
    WORKLOAD_IDS,  /* 8 bytes */
    WORKLOAD_TEXTS /* 16 to 31 bytes */
};

/* A text key; the rest of `text` is zero. */
struct workload_text {
    uint8_t length;
    char text[31];
};

/*
 * Requests in the order in which they are made, with the keys themselves, so
 * that reading them is sequential and costs the same for everything that is
 * measured.
 */
struct workload {
    size_t count;
    uint64_t *ids;               /* NULL if the keys are texts */
    struct workload_text *texts; /* NULL if the keys are ids */
};

/*
 * Zipf-distributed with exponent 0.99 over `keys` keys. Popularity says nothing
 * about the value of a key: ids are mixed ranks, texts are made from ids.
 */
struct workload *workload_zipf(enum workload_keys kind, size_t keys, size_t count, uint64_t seed);

/*
 * Each of the keys once, in an order that has nothing to do with popularity:
 * what is stored in this order has its popular values spread all over memory.
 */
struct workload *workload_each(enum workload_keys kind, size_t keys);

/* Every second request is the next step of a walk through all keys, the others are Zipf. */
struct workload *workload_scan(size_t keys, size_t count, uint64_t seed);

/* The same id over and over. */
struct workload *workload_single(size_t count);

void workload_free(struct workload *workload);

#endif
