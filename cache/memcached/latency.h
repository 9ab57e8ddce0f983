/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_LATENCY_H
#define BK_LATENCY_H

#include <stdatomic.h>
#include <stdint.h>

enum {
    BK_LATENCY_BUCKETS = 62 * 8
};

/* A histogram of nanoseconds: 8 buckets for each power of two. Any thread. */
struct bk_latency {
    _Atomic uint64_t buckets[BK_LATENCY_BUCKETS];
};

void bk_latency_add(struct bk_latency *latency, uint64_t ns);
/* Adds the counts of one to those of the other. */
void bk_latency_merge(struct bk_latency *into, const struct bk_latency *from);
/* The upper end of the bucket that the share lies in; 0 if there is nothing. */
uint64_t bk_latency_percentile(const struct bk_latency *latency, double share);

#endif
