/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/policy.h"

/*
 * SIEVE (Zhang et al., NSDI 2024): one queue in order of arrival. A hand goes
 * from the oldest to the newest and round again, spares who was hit since it
 * last came by, and evicts the first who was not. It stays where it stopped.
 */
uint32_t bk_sieve_victim(struct bk_policy *policy)
{
    uint8_t *arena = bk_policy_arena(policy);
    uint32_t handle = policy->hand != 0 ? policy->hand : policy->small.oldest;
    while (handle != 0) {
        struct bk_place place = bk_policy_place(policy, handle);
        if (bk_place_frequency(place) == 0)
            break;
        bk_place_set_frequency(place, 0);
        uint32_t newer = bk_queue_newer(arena, handle);
        handle = newer != 0 ? newer : policy->small.oldest;
    }
    policy->hand = handle; /* its removal moves the hand on */
    return handle;
}
