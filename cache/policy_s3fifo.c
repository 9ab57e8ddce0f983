/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/policy.h"

/*
 * S3-FIFO as published (Yang et al., SOSP 2023): newcomers enter a small queue
 * of a tenth of the capacity; who was hit twice by the time it is its turn moves
 * to the main queue, the others leave and are remembered as ghosts for 0.9 of
 * the capacity. A ghost that comes back enters the main queue at once.
 */
enum {
    PROMOTION_HITS = 2
};

static void move_to_main(struct bk_policy *policy, uint32_t handle)
{
    struct bk_entry *entry = bk_policy_entry(policy, handle);
    uint64_t cost = bk_policy_cost(policy, handle);
    bk_queue_remove(&policy->small, bk_policy_arena(policy), handle);
    policy->small.cost -= cost;
    bk_store32(&entry->meta, bk_load32(&entry->meta) | BK_META_MAIN);
    bk_queue_push(&policy->main, bk_policy_arena(policy), handle);
    policy->main.cost += cost;
}

/* 0 if everything was promoted. */
static uint32_t small_victim(struct bk_policy *policy)
{
    while (policy->small.oldest != 0) {
        uint32_t handle = policy->small.oldest;
        struct bk_place place = bk_policy_place(policy, handle);
        if (bk_place_frequency(place) < PROMOTION_HITS)
            return handle;
        bk_place_set_frequency(place, 0);
        move_to_main(policy, handle);
    }
    return 0;
}

static uint32_t main_victim(struct bk_policy *policy)
{
    for (;;) {
        uint32_t handle = policy->main.oldest;
        if (handle == 0)
            return 0;
        struct bk_place place = bk_policy_place(policy, handle);
        unsigned int frequency = bk_place_frequency(place);
        if (frequency == 0)
            return handle;
        bk_place_set_frequency(place, frequency - 1);
        bk_queue_remove(&policy->main, bk_policy_arena(policy), handle);
        bk_queue_push(&policy->main, bk_policy_arena(policy), handle);
    }
}

uint32_t bk_s3fifo_victim(struct bk_policy *policy)
{
    /* There is a victim to find because the cache is full: its content is its capacity. */
    uint64_t capacity = policy->small.cost + policy->main.cost;
    uint64_t small_target = capacity / 10;
    if (small_target == 0)
        small_target = 1; /* or nothing could ever enter */
    for (;;) {
        bool main_is_full = policy->main.cost > capacity - small_target;
        if (policy->small.oldest == 0 || main_is_full) {
            uint32_t victim = main_victim(policy);
            if (victim != 0 || policy->small.oldest == 0)
                return victim;
        }
        uint32_t victim = small_victim(policy);
        if (victim != 0)
            return victim;
    }
}
