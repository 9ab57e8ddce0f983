/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "bench/sim_cases.h"
#include "cli/sim/sim_cache.h"

enum {
    BATCH = 4096 /* as in brisk sim */
};

static void *open_policy(enum brisk_policy policy, size_t capacity)
{
    struct sim_cache_options options = {.policy = policy, .capacity = capacity};
    struct sim_cache *cache = malloc(sizeof *cache);
    if (cache == NULL || !sim_cache_init(cache, &options))
        bench_fail("no memory for a simulated cache");
    return cache;
}

static void close_sim(void *store)
{
    sim_cache_free(store);
    free(store);
}

static size_t entries(void *store)
{
    const struct sim_cache *cache = store;
    return (size_t)cache->entries;
}

/* The ids are mixed numbers, so they are their own hashes: hashing belongs to reading. */
static uint64_t replay(void *store, const struct workload *workload, size_t first, size_t count)
{
    static struct sim_request batch[BATCH];
    struct sim_cache *cache = store;
    uint64_t misses = cache->misses;
    for (size_t done = 0; done < count;) {
        size_t size = count - done < BATCH ? count - done : BATCH;
        for (size_t i = 0; i < size; i++)
            batch[i] = (struct sim_request){.hash = workload->ids[first + done + i], .size = 1};
        if (!sim_cache_replay(cache, batch, size))
            bench_fail("no memory for a simulated cache");
        done += size;
    }
    return count - (cache->misses - misses);
}

#define SIM_SUBJECT(which, policy)                                                                 \
    static void *open_##which(const struct subject_options *options)                               \
    {                                                                                              \
        return open_policy(policy, options->capacity);                                             \
    }                                                                                              \
    const struct subject subject_sim_##which = {                                                   \
        .name = #which,                                                                            \
        .open = open_##which,                                                                      \
        .close = close_sim,                                                                        \
        .entries = entries,                                                                        \
        .mix = replay}

SIM_SUBJECT(lru, BRISK_POLICY_LRU);
SIM_SUBJECT(s3fifo, BRISK_POLICY_S3FIFO);
SIM_SUBJECT(default, BRISK_POLICY_DEFAULT);
SIM_SUBJECT(sieve, BRISK_POLICY_SIEVE);
SIM_SUBJECT(fifo, BRISK_POLICY_FIFO);
SIM_SUBJECT(lfu, BRISK_POLICY_LFU);
