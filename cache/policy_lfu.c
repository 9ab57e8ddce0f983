/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"
#include "cache/policy.h"

/*
 * LFU in constant time: a queue per number of hits, and the queues in a list by
 * that number (Shah, Mitra, Matani, "An O(1) algorithm for implementing the LFU
 * cache eviction scheme", 2010). An entry's last extra word says which queue.
 */
static bk_word64 *level_word(struct bk_policy *policy, uint32_t handle)
{
    struct bk_entry *entry = bk_policy_entry(policy, handle);
    return entry->words + bk_meta_extra_words(bk_load32(&entry->meta)) - 1;
}

static uint32_t level_of(struct bk_policy *policy, uint32_t handle)
{
    return (uint32_t)bk_load64(level_word(policy, handle));
}

bool bk_lfu_add_levels(struct bk_lfu *lfu)
{
    uint32_t old = lfu->level_capacity;
    uint32_t capacity = old == 0 ? 16 : old * 2;
    struct bk_lfu_level *levels = bk_realloc(lfu->levels, capacity * sizeof *levels);
    if (levels == NULL)
        return false;
    for (uint32_t i = old == 0 ? 1 : old; i < capacity; i++) {
        levels[i] = (struct bk_lfu_level){.higher = lfu->unused};
        lfu->unused = i;
    }
    lfu->levels = levels;
    lfu->level_capacity = capacity;
    return true;
}

/* The level for `hits`, which belongs above `lower`; 0 if there is no memory. */
static uint32_t level_above(struct bk_lfu *lfu, uint32_t lower, uint64_t hits)
{
    uint32_t higher = lower != 0 ? lfu->levels[lower].higher : lfu->lowest;
    if (higher != 0 && lfu->levels[higher].hits == hits)
        return higher;
    if (lfu->unused == 0 && !bk_lfu_add_levels(lfu))
        return 0;

    uint32_t level = lfu->unused;
    lfu->unused = lfu->levels[level].higher;
    lfu->levels[level] = (struct bk_lfu_level){.hits = hits, .lower = lower, .higher = higher};
    if (lower != 0)
        lfu->levels[lower].higher = level;
    else
        lfu->lowest = level;
    if (higher != 0)
        lfu->levels[higher].lower = level;
    return level;
}

static void drop_if_empty(struct bk_lfu *lfu, uint32_t level)
{
    struct bk_lfu_level *empty = &lfu->levels[level];
    if (empty->queue.count != 0)
        return;
    if (empty->lower != 0)
        lfu->levels[empty->lower].higher = empty->higher;
    else
        lfu->lowest = empty->higher;
    if (empty->higher != 0)
        lfu->levels[empty->higher].lower = empty->lower;
    empty->higher = lfu->unused;
    lfu->unused = level;
}

/* There is a level at least: bk_policy_init made some, and entries hold the others. */
void bk_lfu_insert(struct bk_policy *policy, uint32_t handle)
{
    struct bk_lfu *lfu = &policy->lfu;
    uint32_t level = level_above(lfu, 0, 1);
    if (level == 0) /* no memory: among the least used is the next best place */
        level = lfu->lowest;
    bk_store64(level_word(policy, handle), level);
    bk_queue_push(&lfu->levels[level].queue, bk_policy_arena(policy), handle);
}

/* Without memory for a new level the hit is not counted. */
void bk_lfu_hit(struct bk_policy *policy, uint32_t handle)
{
    struct bk_lfu *lfu = &policy->lfu;
    uint32_t from = level_of(policy, handle);
    uint32_t to = level_above(lfu, from, lfu->levels[from].hits + 1);
    if (to == 0)
        return;
    bk_queue_remove(&lfu->levels[from].queue, bk_policy_arena(policy), handle);
    bk_queue_push(&lfu->levels[to].queue, bk_policy_arena(policy), handle);
    bk_store64(level_word(policy, handle), to);
    drop_if_empty(lfu, from);
}

uint32_t bk_lfu_victim(struct bk_policy *policy)
{
    struct bk_lfu *lfu = &policy->lfu;
    return lfu->lowest == 0 ? 0 : lfu->levels[lfu->lowest].queue.oldest;
}

void bk_lfu_remove(struct bk_policy *policy, uint32_t handle)
{
    uint32_t level = level_of(policy, handle);
    bk_queue_remove(&policy->lfu.levels[level].queue, bk_policy_arena(policy), handle);
    drop_if_empty(&policy->lfu, level);
}

void bk_lfu_replace(struct bk_policy *policy, uint32_t handle, uint32_t fresh)
{
    uint32_t level = level_of(policy, handle);
    bk_store64(level_word(policy, fresh), level);
    bk_queue_replace(&policy->lfu.levels[level].queue, bk_policy_arena(policy), handle, fresh);
}

void bk_lfu_clear(struct bk_policy *policy)
{
    struct bk_lfu *lfu = &policy->lfu;
    lfu->unused = lfu->lowest = 0;
    for (uint32_t i = 1; i < lfu->level_capacity; i++) {
        lfu->levels[i] = (struct bk_lfu_level){.higher = lfu->unused};
        lfu->unused = i;
    }
}
