/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/policy.h"

/*
 * Two queues as in S3-FIFO, whose split follows the load, as in ARC (Megiddo and
 * Modha, FAST 2003). Newcomers enter the small queue; who was hit twice by the
 * time it is its turn moves to the main queue. Whoever is evicted becomes a ghost
 * that remembers the queue. A ghost of the small queue that comes back says that
 * the small queue is too small: so does a burst of keys that are used a few times
 * and then never again. One of the main queue says the opposite. A ghost enters
 * the main queue at once.
 *
 * Beyond either:
 * - Who was hit once when it leaves the small queue stays for another round; one
 *   per victim, so that this never becomes a scan.
 * - Where the small queue has most of the capacity there is hardly a main queue
 *   to earn a place in by two hits; one is enough.
 * - A short main queue turns faster than a long one. Were a count lost at each
 *   turn, entries that pass through it would drive out the ones that are always
 *   in use but not that often.
 *
 * Shares of the capacity are in 1 / 2^32.
 */
#define WHOLE (UINT64_C(1) << 32)
/*
 * A small queue of a tenth sees a key again that comes back soon, as published
 * for S3-FIFO, and a main queue of a tenth still keeps what is hot. In between
 * it starts at a quarter: a wrong guess on either side costs about as much.
 */
#define LEAST_SMALL_SHARE (WHOLE / 10)
#define MOST_SMALL_SHARE (WHOLE / 10 * 9)
#define FIRST_SMALL_SHARE (WHOLE / 4)
/* Both of two thirds: a queue is most of the cache if it is twice the other. */
#define DOMINANT_SHARE (WHOLE / 3 * 2)

enum {
    /*
     * Entries by which a returning ghost moves the boundary, all in all. A boundary
     * that is off by the whole capacity has moved after a fraction of as many
     * misses, and noise moves it by less than a tenth in caches of 32 and more.
     */
    STEP_ENTRIES = 4,
    /* Ghosts of the main queue count for so much of an entry even where they are many. */
    LEAST_STEPS_BACK_PER_ENTRY = 4,
    /* So many entries in use may be passed over before one of them has to go. */
    SWEEP = 64,
    /*
     * Below, a tenth is three entries and whole shards are cheap to walk, see
     * least_recent. A main queue would have places for one or two, and misses
     * everything in a loop that fits.
     */
    TINY_ENTRIES = 32,
};

static uint64_t entry_count(const struct bk_policy *policy)
{
    return policy->small.count + policy->main.count;
}

void bk_default_start(struct bk_default *state)
{
    state->small_share = (uint32_t)FIRST_SMALL_SHARE;
    state->ageing = 0;
    state->origin = BK_ORIGIN_NONE;
}

/*
 * Weighted by how rare such ghosts are among all: a hit on one of a few says
 * more than one on one of many.
 */
static uint64_t step(const struct bk_ghost_sketch *ghosts, uint64_t entries, bool is_back)
{
    uint64_t others = (is_back ? ghosts->small_count : ghosts->main_count) + UINT64_C(1);
    uint64_t all = (uint64_t)ghosts->small_count + ghosts->main_count + 2;
    uint64_t most = STEP_ENTRIES * WHOLE / entries;
    uint64_t by = most * others / all;
    uint64_t least = WHOLE / LEAST_STEPS_BACK_PER_ENTRY / entries;
    return is_back && by < least ? least : by;
}

static void move_boundary(struct bk_policy *policy)
{
    struct bk_default *state = &policy->adaptive;
    bool is_back = state->origin == BK_ORIGIN_MAIN;
    uint64_t by = step(&state->ghosts, entry_count(policy), is_back);
    uint64_t share = state->small_share;
    if (is_back)
        share = share > LEAST_SMALL_SHARE + by ? share - by : LEAST_SMALL_SHARE;
    else
        share = share + by < MOST_SMALL_SHARE ? share + by : MOST_SMALL_SHARE;
    state->small_share = (uint32_t)share;
}

bool bk_default_recall(struct bk_policy *policy, uint64_t hash)
{
    struct bk_default *state = &policy->adaptive;
    state->origin = BK_ORIGIN_NONE;
    if (entry_count(policy) < TINY_ENTRIES)
        return false;
    state->origin = bk_ghost_sketch_take(&state->ghosts, hash);
    if (state->origin == BK_ORIGIN_NONE)
        return false;
    move_boundary(policy);
    return true;
}

/* What the main queue has lost once will not be lost to its first turn again. */
void bk_default_welcome(struct bk_policy *policy, uint32_t handle)
{
    if (policy->adaptive.origin == BK_ORIGIN_MAIN)
        bk_place_set_frequency(bk_policy_place(policy, handle), 1);
}

void bk_default_bury(struct bk_policy *policy, uint64_t hash, bool was_main)
{
    bk_ghost_sketch_add(
        &policy->adaptive.ghosts, hash, was_main ? BK_ORIGIN_MAIN : BK_ORIGIN_SMALL);
}

/* To the young end of one of the queues. */
static void renew(struct bk_policy *policy, uint32_t handle, struct bk_queue *from, bool to_main)
{
    struct bk_queue *to = to_main ? &policy->main : &policy->small;
    struct bk_entry *entry = bk_policy_entry(policy, handle);
    uint64_t cost = bk_policy_cost(policy, handle);
    bk_queue_remove(from, bk_policy_arena(policy), handle);
    from->cost -= cost;
    uint32_t meta = bk_load32(&entry->meta) & ~BK_META_MAIN;
    bk_store32(&entry->meta, to_main ? meta | BK_META_MAIN : meta);
    bk_queue_push(to, bk_policy_arena(policy), handle);
    to->cost += cost;
}

/*
 * LRU as far as misses can tell: at each of them, those that were hit since the
 * one before become the youngest, among themselves in the order they had.
 */
static uint32_t least_recent(struct bk_policy *policy)
{
    while (policy->main.oldest != 0)
        renew(policy, policy->main.oldest, &policy->main, false);
    uint32_t handle = policy->small.oldest;
    for (uint64_t left = policy->small.count; left != 0; left--) {
        uint32_t newer = bk_queue_newer(bk_policy_arena(policy), handle);
        struct bk_place place = bk_policy_place(policy, handle);
        if (bk_place_frequency(place) != 0) {
            bk_place_set_frequency(place, 0);
            renew(policy, handle, &policy->small, false);
        }
        handle = newer;
    }
    return policy->small.oldest;
}

/* Whether it is time for a passing entry to lose a count: always in a dominant main queue. */
static bool is_ageing(struct bk_default *state)
{
    uint64_t main_share = WHOLE - state->small_share;
    if (main_share >= DOMINANT_SHARE)
        return true;
    uint64_t ageing = state->ageing + main_share + main_share / 2;
    state->ageing = (uint32_t)ageing;
    return ageing >= WHOLE;
}

static uint32_t main_victim(struct bk_policy *policy)
{
    for (unsigned int i = 0; i < SWEEP; i++) {
        uint32_t handle = policy->main.oldest;
        struct bk_place place = bk_policy_place(policy, handle);
        unsigned int frequency = bk_place_frequency(place);
        if (frequency == 0)
            return handle;
        if (is_ageing(&policy->adaptive))
            bk_place_set_frequency(place, frequency - 1);
        renew(policy, handle, &policy->main, true);
    }
    return policy->main.oldest;
}

/* 0 if the oldest entry was kept instead. */
static uint32_t small_victim(struct bk_policy *policy, bool *is_kept)
{
    uint32_t handle = policy->small.oldest;
    struct bk_place place = bk_policy_place(policy, handle);
    unsigned int frequency = bk_place_frequency(place);
    unsigned int needed = policy->adaptive.small_share > DOMINANT_SHARE ? 1 : 2;
    if (frequency == 0 || (frequency < needed && *is_kept))
        return handle;
    bk_place_set_frequency(place, 0);
    renew(policy, handle, &policy->small, frequency >= needed);
    *is_kept = *is_kept || frequency < needed;
    return 0;
}

/* Without an overflow for any `whole`. */
static uint64_t portion(uint64_t whole, uint32_t share)
{
    return (whole >> 32) * share + ((whole & UINT32_MAX) * share >> 32);
}

uint32_t bk_default_victim(struct bk_policy *policy)
{
    if (entry_count(policy) < TINY_ENTRIES)
        return least_recent(policy);
    /* There is a victim to find because the cache is full: its content is its capacity. */
    uint64_t capacity = policy->small.cost + policy->main.cost;
    uint64_t main_target = capacity - portion(capacity, policy->adaptive.small_share);
    bool is_kept = false;
    for (;;) {
        if (policy->small.oldest == 0 || policy->main.cost > main_target)
            return main_victim(policy);
        uint32_t victim = small_victim(policy, &is_kept);
        if (victim != 0)
            return victim;
    }
}
