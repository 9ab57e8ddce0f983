/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_CACHE_H
#define SIM_CACHE_H

#include "cache/arena.h"
#include "cache/policy.h"
#include "cache/wheel.h"

/*
 * A cache that holds no values: the library's own policies, index and timer wheel,
 * without locks and without what only a service needs. One thread.
 *
 * Keys are 64-bit hashes: two keys of a trace that share one are taken for the
 * same, which among a hundred million keys happens once in three thousand traces.
 */
struct sim_cache_options {
    enum brisk_policy policy;
    uint64_t capacity; /* at least 1 */
    bool is_in_bytes;  /* of the sizes alone; else in objects */
};

struct sim_request {
    uint64_t hash;
    uint64_t size;
    uint64_t ttl; /* in requests; 0: does not expire */
};

struct sim_cache {
    struct sim_cache_options options;
    struct bk_index index;
    struct bk_table table;
    struct bk_arena arena;
    struct bk_policy policy;
    struct bk_wheel wheel;
    uint64_t entries;
    uint64_t used; /* of the capacity */
    uint64_t requests, misses;
    uint64_t bytes_requested, bytes_missed;
};

/* False if there is no memory; then it need not be freed. */
bool sim_cache_init(struct sim_cache *cache, const struct sim_cache_options *options);
void sim_cache_free(struct sim_cache *cache);

/*
 * One more request: on a miss the object is stored, unless it is larger than the
 * capacity. False if there is no memory.
 */
bool sim_cache_request(struct sim_cache *cache, const struct sim_request *request);
/* Requests one after the other, for which it is faster to be known before. */
bool sim_cache_replay(struct sim_cache *cache, const struct sim_request *requests, size_t count);

#endif
