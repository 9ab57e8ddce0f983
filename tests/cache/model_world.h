/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_MODEL_WORLD_H
#define CACHE_MODEL_WORLD_H

#include <stdio.h>

#include "tests/cache/model.h"

/*
 * A cache and its model, driven by bytes: three choose the cache, then each four
 * are an operation on both, whose answers, and the keys that are there after it,
 * must be the same. For the random tests and for the fuzz target.
 */
enum {
    WORLD_SETUP_BYTES = 3,
    WORLD_STEP_BYTES = 4
};

enum world_unit {
    WORLD_ENTRIES,
    WORLD_BYTES, /* LRU and FIFO only */
    WORLD_WEIGHT
};

struct world {
    struct brisk_cache *cache;
    struct model model;
    enum world_unit unit;
    unsigned int keys; /* 0 to keys - 1 are used */
    uint64_t clock;
    uint64_t turned;  /* the clock does not go back behind this */
    uint64_t unswept; /* expired entries that no call has had reason to remove yet */
    uint64_t ttl;     /* of the cache */
    unsigned long step;
    char problem[160]; /* "": none */
};

/* False if there is no memory. */
bool world_open(struct world *world, const uint8_t *setup);
/* False: see world->problem. */
bool world_step(struct world *world, const uint8_t *bytes);
void world_close(struct world *world);

/* What setup bytes stand for. */
enum brisk_policy world_policy(uint8_t byte);
uint64_t world_capacity(uint8_t byte);

#endif
