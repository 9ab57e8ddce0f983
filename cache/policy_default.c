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
 * - A short main queue turns faster than a long one. Were counts halved at each
 *   turn, entries that pass through it would drive out the ones that are always
 *   in use but not that often.
 * - Keys that come back as a whole, a burst that is used and left and used again
 *   much later, look like a working set to the ghosts, but in the main queue they
 *   are in the way: they leave it without having been hit. So the main queue has
 *   to pay, see is_main_paying. While it does not, its ghosts start over in the
 *   small queue, and those that come back late are as good as strangers.
 *
 * Shares of the capacity are in 1 / 2^32.
 */
#define WHOLE (UINT64_C(1) << 32)
/*
 * A small queue of a tenth sees a key again that comes back soon, as published
 * for S3-FIFO. It may take everything: without a main queue it is a plain FIFO,
 * which is as good as LRU for bursts. It starts at a quarter: not far from the
 * tenth that suits most loads, nor from what bursts need.
 */
#define LEAST_SMALL_SHARE (WHOLE / 10)
#define MOST_SMALL_SHARE (WHOLE - 1)
#define FIRST_SMALL_SHARE (WHOLE / 4)
/* Both of two thirds: a queue is most of the cache if it is twice the other. */
#define DOMINANT_SHARE (WHOLE / 3 * 2)

enum {
    MOST_HITS = 3, /* two bits in the table */
    /*
     * Entries by which a returning ghost moves the boundary at most. A quarter as
     * many ghosts as there are entries can move it all the way, so it learns in less
     * than one round of the cache; a single one moves it by a sixteenth where the
     * cache is smallest and hardly at all elsewhere.
     */
    STEP_ENTRIES = 4,
    /*
     * A quarter of an entry is the least by which a ghost of the main queue moves
     * it: the way back to a small queue of a tenth must stay open where a long
     * burst has left hardly any other ghosts.
     */
    LEAST_STEPS_BACK_PER_ENTRY = 4,
    /* So many entries in use are passed over before one has to go: a store is bounded. */
    SWEEP = 64,
    /*
     * Below, a tenth is six entries at most, so that a chance meeting of two keys
     * decides who stays, and LRU misses less in bursts. It is the most of which a
     * walk over all entries costs no more than the rest of a miss, see least_recent.
     */
    TINY_ENTRIES = 64,
};

static uint64_t entry_count(const struct bk_policy *policy)
{
    return policy->small.count + policy->main.count;
}

void bk_default_start(struct bk_default *state)
{
    state->small_share = (uint32_t)FIRST_SMALL_SHARE;
    state->ageing = 0;
    state->halved = state->lost = 0;
    state->origin = BK_ORIGIN_NONE;
}

/*
 * Whether entries of the main queue are hit at least once before they leave it:
 * lately it has halved as many counts as it has lost entries.
 */
static bool is_main_paying(const struct bk_default *state)
{
    return state->halved >= state->lost;
}

/* Lately: the last half as many of both as there are entries, the older ones count less. */
static void note(struct bk_policy *policy, uint32_t *event)
{
    struct bk_default *state = &policy->adaptive;
    ++*event;
    if ((uint64_t)state->halved + state->lost < entry_count(policy) / 2)
        return;
    state->halved /= 2;
    state->lost /= 2;
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
    bool is_late = false, is_paying = is_main_paying(state);
    state->origin = bk_ghost_sketch_take(&state->ghosts, hash, &is_late);
    if (state->origin == BK_ORIGIN_MAIN && is_late && !is_paying)
        state->origin = BK_ORIGIN_NONE;
    if (state->origin == BK_ORIGIN_NONE)
        return false;
    move_boundary(policy);
    return state->origin == BK_ORIGIN_SMALL || is_paying;
}

/* What the main queue has lost once will not be lost to the first turn again. */
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
 * one before become the youngest. Among them, who was hit more often is likelier
 * to have been the last one hit; beyond that they keep their order.
 */
static uint32_t least_recent(struct bk_policy *policy)
{
    while (policy->main.oldest != 0)
        renew(policy, policy->main.oldest, &policy->main, false);

    uint32_t hit[MOST_HITS][TINY_ENTRIES];
    unsigned int counts[MOST_HITS] = {0};
    for (uint32_t handle = policy->small.oldest; handle != 0;
         handle = bk_queue_newer(bk_policy_arena(policy), handle)) {
        struct bk_place place = bk_policy_place(policy, handle);
        unsigned int hits = bk_place_frequency(place);
        if (hits == 0)
            continue;
        bk_place_set_frequency(place, 0);
        hit[hits - 1][counts[hits - 1]++] = handle;
    }
    for (unsigned int hits = 0; hits < MOST_HITS; hits++)
        for (unsigned int i = 0; i < counts[hits]; i++)
            renew(policy, hit[hits][i], &policy->small, false);
    return policy->small.oldest;
}

/* Whether it is time to halve the count of a passing entry: always in a dominant main queue. */
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
        if (frequency == 0) {
            note(policy, &policy->adaptive.lost);
            return handle;
        }
        if (is_ageing(&policy->adaptive)) {
            note(policy, &policy->adaptive.halved);
            bk_place_set_frequency(place, frequency / 2);
        }
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
