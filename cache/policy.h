/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_POLICY_H
#define BK_CACHE_POLICY_H

#include <brisk/cache.h>

#include "cache/ghost.h"
#include "cache/ghost_sketch.h"
#include "cache/queue.h"
#include "cache/table.h"

/*
 * Who leaves next: the order of one shard's entries. Guarded by the shard's lock.
 *
 * An entry is stored in three steps. bk_policy_recall tells whether its key was
 * evicted not long ago; then the owner evicts what bk_policy_victim names until
 * there is room, so that a newcomer is never its own victim; then
 * bk_policy_insert puts it into the order.
 *
 * Hits of policies that keep no order among hits (bk_policy_hits_are_lock_free)
 * are counted in the table; the policy reads and resets those counts when it
 * looks for a victim.
 */

/* What the policy must know about the owner of the entries. */
struct bk_policy_host {
    void *ctx;
    uint64_t (*hash_of)(void *ctx, uint32_t handle);
    /* What it takes of the capacity, in any unit; NULL: 1 each. */
    uint64_t (*cost_of)(void *ctx, uint32_t handle);
    struct bk_table *table;
};

/* LFU: all entries that were hit equally often are a level. */
struct bk_lfu {
    uint32_t *newest; /* by level, the entry that entered it last; level 0 is not used */
    uint32_t level_count;
    uint32_t carved; /* levels that have been in use; what follows was never written */
    uint32_t unused; /* head of those without entries, linked by `newest` */
};

static inline size_t bk_lfu_bytes_for(uint32_t level_count)
{
    return (level_count + (size_t)1) * sizeof(uint32_t);
}

/* The default policy: where the boundary between its queues is. */
struct bk_default {
    struct bk_ghost_sketch ghosts;
    uint32_t small_share;  /* of the capacity, for the small queue, in 1 / 2^32 */
    uint32_t ageing;       /* in 1 / 2^32 of a turn */
    uint32_t halved, lost; /* lately: counts in the main queue, entries by it */
    enum bk_origin origin; /* of the key that is about to be inserted */
};

/* Where the entry is that the policy looked at last. */
struct bk_seen {
    uint32_t handle;
    uint64_t hash;
    struct bk_place place;
};

/* The entry that is the next to be looked at in a queue; handle 0: not known. */
struct bk_ahead {
    uint32_t handle;
    uint64_t hash;
};

/* In order of how often it changes. */
struct bk_policy {
    struct bk_queue small; /* the only queue of FIFO, LRU, LFU and SIEVE */
    struct bk_queue main;  /* the entries with BK_META_MAIN */
    struct bk_ahead small_ahead, main_ahead;
    struct bk_seen seen;
    struct bk_default adaptive;
    enum brisk_policy kind;
    struct bk_policy_host host;
    uint32_t hand;         /* SIEVE: where the search for a victim goes on */
    struct bk_ghost ghost; /* S3-FIFO: keys that were evicted */
    struct bk_lfu lfu;
};

/* Whether a hit is only counted, without a lock. */
bool bk_policy_hits_are_lock_free(enum brisk_policy kind);
/* Extra words that the policy needs in each entry; it owns the last ones. */
unsigned int bk_policy_extra_words(enum brisk_policy kind);

/* `entries` is how many there are likely to be. False if there is no memory. */
bool bk_policy_init(
    struct bk_policy *policy, enum brisk_policy kind, const struct bk_policy_host *host,
    uint64_t entries);
void bk_policy_free(struct bk_policy *policy);
/* After each change of the index. Without memory it goes on with what it has. */
void bk_policy_set_entries(struct bk_policy *policy, uint64_t entries);
void bk_policy_clear(struct bk_policy *policy);

bool bk_policy_recall(struct bk_policy *policy, uint64_t hash);
void bk_policy_insert(struct bk_policy *policy, uint32_t handle, bool was_recalled);
/* A hit; only of policies whose hits take the lock, and for stores over an entry. */
void bk_policy_hit(struct bk_policy *policy, uint32_t handle);
/*
 * The entry to evict, which the owner then removes with `is_evicted`; 0: empty.
 * If the policy had to look at its count, `seen` says where it is, until
 * something changes.
 */
uint32_t bk_policy_victim(struct bk_policy *policy);
void bk_policy_remove(struct bk_policy *policy, uint32_t handle, uint64_t hash, bool is_evicted);
/* `fresh`, with the same flags, stands where `handle` stood. */
void bk_policy_replace(struct bk_policy *policy, uint32_t handle, uint32_t fresh);
/* The entry's cost has changed. */
void bk_policy_recost(
    struct bk_policy *policy, uint32_t handle, uint64_t old_cost, uint64_t new_cost);

/*
 * Fetches ahead what looking at the oldest entries will need, so that the next
 * store does not wait for it: half of the time of an eviction are cold lines.
 */
void bk_policy_look_ahead(struct bk_policy *policy);

/* Fetches ahead what bk_policy_recall of this hash will look at. */
static inline void bk_policy_fetch_ghost(const struct bk_policy *policy, uint64_t hash)
{
    if (policy->kind == BRISK_POLICY_S3FIFO && policy->ghost.chains != NULL)
        __builtin_prefetch(bk_ghost_chain(&policy->ghost, hash), 1);
}

size_t bk_policy_bytes(const struct bk_policy *policy);
/* What it takes with the smallest index, prepared for so many entries. */
size_t bk_policy_least_bytes(const struct bk_policy *policy, uint64_t entries);

static inline uint64_t bk_policy_cost(const struct bk_policy *policy, uint32_t handle)
{
    return policy->host.cost_of == NULL ? 1 : policy->host.cost_of(policy->host.ctx, handle);
}

static inline uint8_t *bk_policy_arena(const struct bk_policy *policy)
{
    return policy->host.table->index->arena;
}

static inline struct bk_entry *bk_policy_entry(const struct bk_policy *policy, uint32_t handle)
{
    return bk_entry_at(policy->host.table->index->arena, handle);
}

static inline uint64_t bk_policy_hash(const struct bk_policy *policy, uint32_t handle)
{
    if (policy->small_ahead.handle == handle)
        return policy->small_ahead.hash;
    if (policy->main_ahead.handle == handle)
        return policy->main_ahead.hash;
    return policy->host.hash_of(policy->host.ctx, handle);
}

/* Remembers what it found, see bk_policy_victim. */
static inline struct bk_place bk_policy_place(struct bk_policy *policy, uint32_t handle)
{
    policy->seen.handle = handle;
    policy->seen.hash = bk_policy_hash(policy, handle);
    policy->seen.place = bk_table_locate(policy->host.table, policy->seen.hash, handle);
    return policy->seen.place;
}

/* One policy each. */
uint32_t bk_sieve_victim(struct bk_policy *policy);
uint32_t bk_s3fifo_victim(struct bk_policy *policy);
void bk_default_start(struct bk_default *state);
bool bk_default_recall(struct bk_policy *policy, uint64_t hash);
void bk_default_welcome(struct bk_policy *policy, uint32_t handle);
uint32_t bk_default_victim(struct bk_policy *policy);
void bk_default_bury(struct bk_policy *policy, uint64_t hash, bool was_main);
/* As many levels as the index has slots. False: no memory, there are as many as before. */
bool bk_lfu_follow_index(struct bk_policy *policy);
void bk_lfu_insert(struct bk_policy *policy, uint32_t handle);
void bk_lfu_hit(struct bk_policy *policy, uint32_t handle);
void bk_lfu_remove(struct bk_policy *policy, uint32_t handle);
void bk_lfu_replace(struct bk_policy *policy, uint32_t handle, uint32_t fresh);
void bk_lfu_clear(struct bk_lfu *lfu);

#endif
