/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"
#include "cache/policy.h"

/*
 * LFU in constant time. One queue holds all entries, by number of hits and then by
 * arrival at that number; those with the same number are a level, and of each
 * level it is known which entry is its newest. A hit moves an entry behind the
 * newest of the next level, or behind the newest of its own one if there is no
 * entry with one hit more.
 *
 * An entry's last extra word holds its hits and its level. There are as many
 * levels as slots in the index, hence always one for each entry: hits need no
 * memory.
 */
enum {
    LEVEL_BITS = 28 /* more than a shard's index has slots */
};

#define LEVEL_MASK ((UINT64_C(1) << LEVEL_BITS) - 1)
/* From here on hits are not counted. */
#define MOST_HITS (UINT64_MAX >> LEVEL_BITS)

static bk_word64 *word_of(struct bk_policy *policy, uint32_t handle)
{
    struct bk_entry *entry = bk_policy_entry(policy, handle);
    return entry->words + bk_meta_extra_words(bk_load32(&entry->meta)) - 1;
}

static uint64_t hits_of(struct bk_policy *policy, uint32_t handle)
{
    return bk_load64(word_of(policy, handle)) >> LEVEL_BITS;
}

static uint32_t level_of(struct bk_policy *policy, uint32_t handle)
{
    return (uint32_t)(bk_load64(word_of(policy, handle)) & LEVEL_MASK);
}

static void set_word(struct bk_policy *policy, uint32_t handle, uint64_t hits, uint32_t level)
{
    bk_store64(word_of(policy, handle), hits << LEVEL_BITS | level);
}

static uint32_t older_than(struct bk_policy *policy, uint32_t handle)
{
    return bk_load32(&bk_policy_entry(policy, handle)->prev);
}

/* 0 if there is none: there was no memory for as many as there are entries. */
static uint32_t take_level(struct bk_lfu *lfu)
{
    uint32_t level = lfu->unused;
    if (level != 0)
        lfu->unused = lfu->newest[level];
    else if (lfu->carved < lfu->level_count)
        level = ++lfu->carved;
    return level;
}

static void release_level(struct bk_lfu *lfu, uint32_t level)
{
    lfu->newest[level] = lfu->unused;
    lfu->unused = level;
}

/* `older` is the newest of those with fewer hits, or with as few; 0: none. */
static void enter(struct bk_policy *policy, uint32_t handle, uint32_t older, uint64_t hits)
{
    struct bk_lfu *lfu = &policy->lfu;
    uint8_t *arena = bk_policy_arena(policy);
    uint32_t next = older != 0 ? bk_queue_newer(arena, older) : policy->small.oldest;
    uint32_t level = 0;
    if (next == 0 || hits_of(policy, next) != hits) {
        level = take_level(lfu);
        if (level == 0) { /* a neighbour's hits are the next best */
            next = older != 0 ? older : next;
            hits = hits_of(policy, next);
        }
    }
    if (level == 0) {
        level = level_of(policy, next);
        older = lfu->newest[level];
    }
    bk_queue_insert(&policy->small, arena, handle, older);
    set_word(policy, handle, hits, level);
    lfu->newest[level] = handle;
}

void bk_lfu_remove(struct bk_policy *policy, uint32_t handle)
{
    struct bk_lfu *lfu = &policy->lfu;
    uint32_t level = level_of(policy, handle);
    if (lfu->newest[level] == handle) {
        uint32_t older = older_than(policy, handle);
        if (older != 0 && level_of(policy, older) == level)
            lfu->newest[level] = older;
        else
            release_level(lfu, level);
    }
    bk_queue_remove(&policy->small, bk_policy_arena(policy), handle);
}

void bk_lfu_insert(struct bk_policy *policy, uint32_t handle)
{
    enter(policy, handle, 0, 1);
}

void bk_lfu_hit(struct bk_policy *policy, uint32_t handle)
{
    uint64_t hits = hits_of(policy, handle);
    uint32_t older = policy->lfu.newest[level_of(policy, handle)];
    if (older == handle)
        older = older_than(policy, handle);
    bk_lfu_remove(policy, handle);
    enter(policy, handle, older, hits == MOST_HITS ? hits : hits + 1);
}

void bk_lfu_replace(struct bk_policy *policy, uint32_t handle, uint32_t fresh)
{
    uint32_t level = level_of(policy, handle);
    set_word(policy, fresh, hits_of(policy, handle), level);
    if (policy->lfu.newest[level] == handle)
        policy->lfu.newest[level] = fresh;
    bk_queue_replace(&policy->small, bk_policy_arena(policy), handle, fresh);
}

void bk_lfu_clear(struct bk_lfu *lfu)
{
    lfu->unused = lfu->carved = 0;
}

/* So that those in use are the first ones. */
static void renumber_levels(struct bk_policy *policy)
{
    struct bk_lfu *lfu = &policy->lfu;
    uint64_t previous = 0;
    bk_lfu_clear(lfu);
    for (uint32_t handle = policy->small.oldest; handle != 0;
         handle = bk_queue_newer(bk_policy_arena(policy), handle)) {
        uint64_t hits = hits_of(policy, handle);
        lfu->carved += hits != previous;
        set_word(policy, handle, hits, lfu->carved);
        lfu->newest[lfu->carved] = handle;
        previous = hits;
    }
}

bool bk_lfu_follow_index(struct bk_policy *policy)
{
    struct bk_lfu *lfu = &policy->lfu;
    uint32_t count = bk_table_bucket_count(policy->host.table) * BK_SLOTS;
    if (count == lfu->level_count)
        return true;
    if (lfu->carved > count)
        renumber_levels(policy);
    uint32_t *newest = bk_realloc(lfu->newest, bk_lfu_bytes_for(count));
    if (newest == NULL)
        return false;
    lfu->newest = newest;
    lfu->level_count = count;
    return true;
}
