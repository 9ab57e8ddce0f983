/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/policy.h"

#include "base/memory.h"

bool bk_policy_hits_are_lock_free(enum brisk_policy kind)
{
    return kind != BRISK_POLICY_LRU && kind != BRISK_POLICY_LFU;
}

unsigned int bk_policy_extra_words(enum brisk_policy kind)
{
    return kind == BRISK_POLICY_LFU ? 1 : 0;
}

/* 0.9 of the capacity, as published. */
static uint64_t s3fifo_ghosts(uint64_t entries)
{
    return entries / 10 * 9 + entries % 10 * 9 / 10;
}

bool bk_policy_init(
    struct bk_policy *policy, enum brisk_policy kind, const struct bk_policy_host *host,
    uint64_t entries)
{
    *policy = (struct bk_policy){.kind = kind, .host = *host};
    bk_default_start(&policy->adaptive);
    switch (kind) {
    case BRISK_POLICY_LFU:
        return bk_lfu_follow_index(policy);
    case BRISK_POLICY_S3FIFO:
        return bk_ghost_init(&policy->ghost, s3fifo_ghosts(entries));
    case BRISK_POLICY_DEFAULT:
        return bk_ghost_sketch_init(&policy->adaptive.ghosts, entries);
    default:
        return true;
    }
}

void bk_policy_free(struct bk_policy *policy)
{
    bk_ghost_free(&policy->ghost);
    bk_ghost_sketch_free(&policy->adaptive.ghosts);
    bk_free(policy->lfu.newest);
    policy->lfu = (struct bk_lfu){0};
}

static void resize_ghost(struct bk_ghost *ghost, uint64_t capacity)
{
    struct bk_ghost fresh;
    if (capacity == ghost->capacity || !bk_ghost_init(&fresh, capacity))
        return;
    bk_ghost_free(ghost);
    *ghost = fresh;
}

void bk_policy_set_entries(struct bk_policy *policy, uint64_t entries)
{
    if (policy->kind == BRISK_POLICY_S3FIFO)
        resize_ghost(&policy->ghost, s3fifo_ghosts(entries));
    else if (policy->kind == BRISK_POLICY_DEFAULT)
        bk_ghost_sketch_resize(&policy->adaptive.ghosts, entries);
    else if (policy->kind == BRISK_POLICY_LFU)
        bk_lfu_follow_index(policy);
}

void bk_policy_clear(struct bk_policy *policy)
{
    policy->small = policy->main = (struct bk_queue){0};
    policy->small_ahead = policy->main_ahead = (struct bk_ahead){0};
    policy->hand = 0;
    bk_ghost_clear(&policy->ghost);
    bk_ghost_sketch_clear(&policy->adaptive.ghosts);
    bk_default_start(&policy->adaptive);
    bk_lfu_clear(&policy->lfu);
}

bool bk_policy_recall(struct bk_policy *policy, uint64_t hash)
{
    if (policy->kind == BRISK_POLICY_DEFAULT)
        return bk_default_recall(policy, hash);
    return policy->kind == BRISK_POLICY_S3FIFO && bk_ghost_take(&policy->ghost, hash);
}

static struct bk_queue *queue_of(struct bk_policy *policy, uint32_t handle)
{
    bool is_main = (bk_load32(&bk_policy_entry(policy, handle)->meta) & BK_META_MAIN) != 0;
    return is_main ? &policy->main : &policy->small;
}

void bk_policy_insert(struct bk_policy *policy, uint32_t handle, bool was_recalled)
{
    if (policy->kind == BRISK_POLICY_LFU) {
        bk_lfu_insert(policy, handle);
        return;
    }
    if (was_recalled) {
        struct bk_entry *entry = bk_policy_entry(policy, handle);
        bk_store32(&entry->meta, bk_load32(&entry->meta) | BK_META_MAIN);
    }
    struct bk_queue *queue = was_recalled ? &policy->main : &policy->small;
    bk_queue_push(queue, bk_policy_arena(policy), handle);
    queue->cost += bk_policy_cost(policy, handle);
    if (policy->kind == BRISK_POLICY_DEFAULT)
        bk_default_welcome(policy, handle);
}

void bk_policy_hit(struct bk_policy *policy, uint32_t handle)
{
    if (policy->kind == BRISK_POLICY_LRU) {
        bk_queue_remove(&policy->small, bk_policy_arena(policy), handle);
        bk_queue_push(&policy->small, bk_policy_arena(policy), handle);
    } else if (policy->kind == BRISK_POLICY_LFU) {
        bk_lfu_hit(policy, handle);
    } else {
        bk_place_count_hit(bk_policy_place(policy, handle));
    }
}

uint32_t bk_policy_victim(struct bk_policy *policy)
{
    switch (policy->kind) {
    case BRISK_POLICY_SIEVE:
        return bk_sieve_victim(policy);
    case BRISK_POLICY_S3FIFO:
        return bk_s3fifo_victim(policy);
    case BRISK_POLICY_DEFAULT:
        return bk_default_victim(policy);
    default:
        return policy->small.oldest;
    }
}

/* An entry's handle may soon be another's. */
static void forget_ahead(struct bk_policy *policy, uint32_t handle)
{
    if (policy->small_ahead.handle == handle)
        policy->small_ahead.handle = 0;
    if (policy->main_ahead.handle == handle)
        policy->main_ahead.handle = 0;
}

void bk_policy_remove(struct bk_policy *policy, uint32_t handle, uint64_t hash, bool is_evicted)
{
    forget_ahead(policy, handle);
    if (policy->kind == BRISK_POLICY_LFU) {
        bk_lfu_remove(policy, handle);
        return;
    }
    if (policy->hand == handle)
        policy->hand = bk_queue_newer(bk_policy_arena(policy), handle);
    struct bk_queue *queue = queue_of(policy, handle);
    bk_queue_remove(queue, bk_policy_arena(policy), handle);
    queue->cost -= bk_policy_cost(policy, handle);
    if (!is_evicted)
        return;
    if (policy->kind == BRISK_POLICY_DEFAULT)
        bk_default_bury(policy, hash, queue == &policy->main);
    else if (policy->kind == BRISK_POLICY_S3FIFO && queue == &policy->small)
        bk_ghost_add(&policy->ghost, hash);
}

void bk_policy_replace(struct bk_policy *policy, uint32_t handle, uint32_t fresh)
{
    forget_ahead(policy, handle);
    if (policy->kind == BRISK_POLICY_LFU) {
        bk_lfu_replace(policy, handle, fresh);
        return;
    }
    if (policy->hand == handle)
        policy->hand = fresh;
    bk_queue_replace(queue_of(policy, handle), bk_policy_arena(policy), handle, fresh);
}

void bk_policy_recost(
    struct bk_policy *policy, uint32_t handle, uint64_t old_cost, uint64_t new_cost)
{
    if (policy->kind != BRISK_POLICY_LFU)
        queue_of(policy, handle)->cost += new_cost - old_cost;
}

static void
look_ahead(struct bk_policy *policy, const struct bk_queue *queue, struct bk_ahead *ahead)
{
    uint32_t oldest = queue->oldest;
    if (oldest == ahead->handle || oldest == 0)
        return;
    ahead->hash = policy->host.hash_of(policy->host.ctx, oldest);
    ahead->handle = oldest;
    __builtin_prefetch(bk_index_home(policy->host.table->index, ahead->hash), 1);
    uint32_t newer = bk_queue_newer(bk_policy_arena(policy), oldest);
    const char *entry = (const char *)bk_policy_entry(policy, newer);
    __builtin_prefetch(entry, 1);
    __builtin_prefetch(entry + 64, 1);
}

void bk_policy_look_ahead(struct bk_policy *policy)
{
    look_ahead(policy, &policy->small, &policy->small_ahead);
    look_ahead(policy, &policy->main, &policy->main_ahead);
}

size_t bk_policy_bytes(const struct bk_policy *policy)
{
    return bk_ghost_bytes(&policy->ghost) + bk_ghost_sketch_bytes(&policy->adaptive.ghosts) +
           (policy->lfu.newest == NULL ? 0 : bk_lfu_bytes_for(policy->lfu.level_count));
}

size_t bk_policy_least_bytes(const struct bk_policy *policy, uint64_t entries)
{
    switch (policy->kind) {
    case BRISK_POLICY_LFU:
        return bk_lfu_bytes_for(BK_TABLE_FIRST_BUCKETS * BK_SLOTS);
    case BRISK_POLICY_S3FIFO:
        return bk_ghost_bytes_for(s3fifo_ghosts(entries));
    case BRISK_POLICY_DEFAULT:
        return bk_ghost_sketch_bytes_for(entries);
    default:
        return 0;
    }
}
