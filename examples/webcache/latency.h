/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEBCACHE_LATENCY_H
#define WEBCACHE_LATENCY_H

#include <stdint.h>

/* How long requests took: counts in steps of at most 1/64. */
enum {
    LATENCY_STEPS = 64,
    LATENCY_BUCKETS = 60 * LATENCY_STEPS
};

struct latency {
    uint64_t counts[LATENCY_BUCKETS];
};

static inline unsigned int latency_bucket(uint64_t ns)
{
    if (ns < LATENCY_STEPS)
        return (unsigned int)ns;
    unsigned int exponent = 63 - (unsigned int)__builtin_clzll(ns);
    return (exponent - 5) * LATENCY_STEPS + (unsigned int)(ns >> (exponent - 6) & 63);
}

static inline void latency_add(struct latency *latency, uint64_t ns)
{
    latency->counts[latency_bucket(ns)]++;
}

static inline void latency_merge(struct latency *into, const struct latency *from)
{
    for (unsigned int i = 0; i < LATENCY_BUCKETS; i++)
        into->counts[i] += from->counts[i];
}

/* The smallest time of the bucket in which so large a part of all requests is reached. */
static inline uint64_t latency_quantile(const struct latency *latency, double part)
{
    uint64_t all = 0, passed = 0;
    for (unsigned int i = 0; i < LATENCY_BUCKETS; i++)
        all += latency->counts[i];
    for (unsigned int i = 0; i < LATENCY_BUCKETS; i++) {
        passed += latency->counts[i];
        if (passed > 0 && (double)passed >= part * (double)all) {
            unsigned int exponent = i / LATENCY_STEPS;
            uint64_t step = i % LATENCY_STEPS;
            return exponent == 0 ? step : (LATENCY_STEPS + step) << (exponent - 1);
        }
    }
    return 0;
}

#endif
