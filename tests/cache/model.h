/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_MODEL_H
#define CACHE_MODEL_H

#include <brisk/cache.h>

/*
 * The eviction policies once more, with arrays and linear searches: slow, and
 * simple enough to be obviously right. What they must do is in include/brisk/cache.h
 * and the publications that it names; ties and details:
 *
 * LFU: counts of resident keys only, 1 at insert; of those with the lowest count
 * the one leaves that has had it longest.
 * SIEVE: the hand starts at the oldest, clears marks towards the newest, wraps,
 * evicts the first that is not marked and then stands on its newer neighbour.
 * S3-FIFO: small queue of a tenth, at least 1; two hits promote, with the count
 * back at 0; in the main queue a hit (3 at most) is another round; ghosts for 0.9.
 *
 * A store over an entry is a hit of it and leaves it in its place.
 */
enum {
    MODEL_KEYS = 1024
};

struct model_entry {
    unsigned int key;
    size_t length;     /* of the value */
    uint8_t seed;      /* of the value's bytes */
    uint64_t cost;     /* in the unit of the capacity */
    uint64_t deadline; /* UINT64_MAX: none */
    uint64_t count;    /* of hits, as the policy counts */
    uint64_t since;    /* when it came to that count */
};

/* Oldest first. */
struct model_queue {
    struct model_entry items[MODEL_KEYS];
    size_t length;
};

struct model {
    enum brisk_policy policy;
    uint64_t capacity;
    struct model_queue small, main; /* `main` is S3-FIFO's alone */
    unsigned int ghosts[MODEL_KEYS];
    size_t ghost_count, ghost_capacity;
    bool has_hand;
    unsigned int hand; /* a key */
    uint64_t steps;
    uint64_t misses;
    /* For a policy without a model: the key that has left. False: there is none. */
    bool (*victim)(const struct model *model, unsigned int *key, void *ctx);
    void *victim_ctx;
};

void model_init(struct model *model, enum brisk_policy policy, uint64_t capacity);
uint64_t model_total(const struct model *model);
size_t model_entries(const struct model *model);
struct model_entry *model_find(struct model *model, unsigned int key);
void model_hit(struct model *model, unsigned int key);
/* BRISK_OK or BRISK_ERR_TOO_BIG; BRISK_ERR_CORRUPT if `victim` had no answer. */
enum brisk_status model_set(struct model *model, const struct model_entry *entry);
bool model_delete(struct model *model, unsigned int key);
void model_clear(struct model *model);
enum brisk_status model_resize(struct model *model, uint64_t capacity);
/* Returns how many. */
size_t model_expire(struct model *model, uint64_t now);
/* One lookup, and a store of cost 1 on a miss. */
void model_request(struct model *model, unsigned int key);

#endif
