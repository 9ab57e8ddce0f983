/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/memcached/latency.h"

/* Below 8 each number has a bucket of its own. */
static unsigned int bucket_of(uint64_t ns)
{
    if (ns < 8)
        return (unsigned int)ns;
    unsigned int exponent = 63 - (unsigned int)__builtin_clzll(ns);
    return (exponent - 2) * 8 + (unsigned int)(ns >> (exponent - 3) & 7);
}

static uint64_t end_of(unsigned int bucket)
{
    if (bucket < 8)
        return bucket;
    unsigned int exponent = bucket / 8 + 2;
    uint64_t step = UINT64_C(1) << (exponent - 3);
    return (8 + (uint64_t)(bucket % 8)) * step + (step - 1);
}

void bk_latency_add(struct bk_latency *latency, uint64_t ns)
{
    atomic_fetch_add_explicit(&latency->buckets[bucket_of(ns)], 1, memory_order_relaxed);
}

void bk_latency_merge(struct bk_latency *into, const struct bk_latency *from)
{
    for (unsigned int i = 0; i < BK_LATENCY_BUCKETS; i++)
        atomic_fetch_add_explicit(
            &into->buckets[i], atomic_load_explicit(&from->buckets[i], memory_order_relaxed),
            memory_order_relaxed);
}

uint64_t bk_latency_percentile(const struct bk_latency *latency, double share)
{
    uint64_t total = 0;
    for (unsigned int i = 0; i < BK_LATENCY_BUCKETS; i++)
        total += atomic_load_explicit(&latency->buckets[i], memory_order_relaxed);
    uint64_t wanted = (uint64_t)((double)total * share), seen = 0;
    for (unsigned int i = 0; i < BK_LATENCY_BUCKETS; i++) {
        seen += atomic_load_explicit(&latency->buckets[i], memory_order_relaxed);
        if (seen > wanted || (seen == total && total > 0))
            return end_of(i);
    }
    return 0;
}
