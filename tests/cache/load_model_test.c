/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random calls of get_or_load, in one thread, and what each must answer, load, keep
 * and count by rules that are simple enough to be right. There is room for all keys.
 */
#include "tests/cache/load_support.h"

enum {
    KEYS = 5,
    STEPS = 20000,
    TTL = 100,
    GROUP = 7
};

/* What the cache should have of a key. */
struct known {
    bool is_there, is_negative, is_grouped;
    uint64_t number; /* the value */
    uint64_t deadline;
};

/* What changes while the loader runs. */
enum meanwhile {
    NOTHING,
    SET,
    DELETE,
    INVALIDATE,
    MEANWHILES
};

struct plan {
    enum brisk_status status;
    enum meanwhile meanwhile;
    uint64_t takes, ttl, group;
};

struct world {
    struct brisk_cache *cache;
    struct fake_clock clock;
    uint64_t stale, refresh_ahead, negative_ttl;
    struct known known[KEYS];
    uint64_t numbers; /* values so far */
    uint64_t key;
    struct plan plan;
    bool is_overtaken, is_invalidated;
    uint64_t hits, misses, expired, stale_hits, loads, failures;
};

static uint64_t now_of(struct world *world)
{
    return fake_clock_now(&world->clock);
}

static void keep(struct world *world, uint64_t key, bool is_negative, uint64_t ttl, bool is_grouped)
{
    world->known[key] = (struct known){
        .is_there = true,
        .is_negative = is_negative,
        .is_grouped = is_grouped,
        .number = world->numbers,
        .deadline = now_of(world) + ttl};
}

static void set(struct world *world, uint64_t key)
{
    world->numbers++;
    assert_ok(brisk_cache_set(world->cache, number_key(&key), number_key(&world->numbers), NULL));
    keep(world, key, false, TTL, false);
}

static void delete (struct world *world, uint64_t key)
{
    brisk_cache_delete(world->cache, number_key(&key));
    world->known[key].is_there = false;
}

static void invalidate(struct world *world)
{
    brisk_cache_invalidate_group(world->cache, GROUP);
    for (int i = 0; i < KEYS; i++)
        if (world->known[i].is_grouped)
            world->known[i].is_there = false;
}

static void act_meanwhile(struct world *world)
{
    enum meanwhile meanwhile = world->plan.meanwhile;
    if (meanwhile == SET)
        set(world, world->key);
    else if (meanwhile == DELETE)
        delete (world, world->key);
    else if (meanwhile == INVALIDATE)
        invalidate(world);
    world->is_overtaken = meanwhile == SET || meanwhile == DELETE;
    world->is_invalidated = meanwhile == INVALIDATE && world->plan.group == GROUP;
}

static enum brisk_status load_planned(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct world *world = ctx;
    (void)key;
    world->loads++;
    act_meanwhile(world);
    fake_clock_advance(&world->clock, world->plan.takes);
    entry->ttl = world->plan.ttl;
    entry->group = world->plan.group;
    world->numbers++;
    if (world->plan.status != BRISK_OK && world->plan.status != BRISK_STALE)
        return world->plan.status;
    enum brisk_status status = brisk_view_copy(out, number_key(&world->numbers));
    return status == BRISK_OK ? world->plan.status : status;
}

struct answer {
    enum brisk_status status;
    uint64_t number; /* of the value, if there is one */
    bool is_hit, is_stale_hit, is_expired;
};

/* What the cache has serves, if it is not too old. */
static void answer_after_failure(struct world *world, struct answer *answer)
{
    struct known *known = &world->known[world->key];
    uint64_t now = now_of(world);
    bool is_expired = known->is_there && known->deadline <= now;
    world->failures++;
    answer->is_hit = false;
    answer->is_expired |= is_expired;
    if (!known->is_there || known->is_negative ||
        (is_expired && now - known->deadline >= world->stale))
        return;
    answer->is_hit = true;
    answer->is_stale_hit = is_expired;
    answer->status = is_expired ? BRISK_STALE : BRISK_OK;
    answer->number = known->number;
}

/* The load has run: what is kept of its result. */
static void answer_after_load(struct world *world, struct answer *answer)
{
    const struct plan *plan = &world->plan;
    struct known *known = &world->known[world->key];
    bool is_kept = !world->is_overtaken && !world->is_invalidated;
    answer->status = plan->status;
    answer->number = world->numbers;
    if (plan->status < 0)
        answer_after_failure(world, answer);
    else if (plan->status == BRISK_OK && is_kept)
        keep(world, world->key, false, plan->ttl != 0 ? plan->ttl : TTL, plan->group != 0);
    else if (plan->status == BRISK_MISS && is_kept && world->negative_ttl != 0)
        keep(world, world->key, true, world->negative_ttl, plan->group != 0);
    else if (plan->status == BRISK_MISS && !world->is_overtaken && !known->is_negative)
        known->is_there = false;
    if (plan->status == BRISK_MISS || plan->status == BRISK_CONFLICT)
        answer->is_hit = false;
}

static bool must_load(const struct world *world, const struct known *known, uint64_t now)
{
    if (!known->is_there || known->deadline <= now)
        return true;
    return !known->is_negative && known->deadline - now <= world->refresh_ahead;
}

static void count(struct world *world, const struct answer *answer)
{
    world->hits += answer->is_hit;
    world->misses += !answer->is_hit;
    world->expired += !answer->is_hit && answer->is_expired;
    world->stale_hits += answer->is_stale_hit;
}

static void ask_for(struct world *world, uint64_t key)
{
    struct known before = world->known[key];
    uint64_t now = now_of(world), loads = world->loads;
    bool is_good = before.is_there && before.deadline > now;
    struct answer answer = {
        .status = before.is_negative ? BRISK_MISS : BRISK_OK,
        .number = before.number,
        .is_hit = is_good && !before.is_negative,
        .is_expired = before.is_there && !is_good};
    struct brisk_view view;
    world->key = key;
    enum brisk_status status = brisk_cache_get_or_load(
        world->cache, number_key(&key), &view, load_planned, world);
    assert_u64(world->loads - loads, must_load(world, &before, now));
    if (world->loads != loads)
        answer_after_load(world, &answer);
    assert_status(status, answer.status);
    bool has_value = status == BRISK_OK || status == BRISK_STALE;
    assert_bytes(
        brisk_view_bytes(&view), has_value ? number_key(&answer.number) : brisk_bytes_of(NULL, 0));
    brisk_view_release(&view);
    count(world, &answer);
}

/* Statistics remove what serves nobody any more. */
static void check(struct world *world)
{
    struct brisk_cache_stats stats = stats_of(world->cache);
    for (int i = 0; i < KEYS; i++)
        if (world->known[i].is_there && now_of(world) >= world->known[i].deadline + world->stale)
            world->known[i].is_there = false;
    assert_u64(stats.hits, world->hits);
    assert_u64(stats.misses, world->misses);
    assert_u64(stats.expired, world->expired);
    assert_u64(stats.stale_hits, world->stale_hits);
    assert_u64(stats.loads, world->loads);
    assert_u64(stats.load_failures, world->failures);
}

static void plan_next(struct world *world, struct test_random *random)
{
    static const enum brisk_status answers[] = {
        BRISK_OK,   BRISK_OK,    BRISK_OK,       BRISK_ERR_UNREACHABLE, BRISK_ERR_NOMEM,
        BRISK_MISS, BRISK_STALE, BRISK_CONFLICT, BRISK_ERR_UNREACHABLE, BRISK_MISS};
    world->plan = (struct plan){.status = answers[test_random_below(random, 10)]};
    world->plan.meanwhile = (enum meanwhile)test_random_below(random, MEANWHILES * 2);
    if (test_random_below(random, 3) == 0)
        world->plan.takes = test_random_below(random, TTL);
    if (test_random_below(random, 2) == 0)
        world->plan.ttl = 1 + test_random_below(random, 2 * TTL);
    if (test_random_below(random, 2) == 0)
        world->plan.group = GROUP;
}

static void step(struct world *world, struct test_random *random)
{
    uint64_t key = test_random_below(random, KEYS);
    switch (test_random_below(random, 16)) {
    case 0:
        set(world, key);
        break;
    case 1:
        delete (world, key);
        break;
    case 2:
        invalidate(world);
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        fake_clock_advance(&world->clock, test_random_below(random, TTL / 2));
        break;
    default:
        plan_next(world, random);
        ask_for(world, key);
        break;
    }
    check(world);
}

static void run_world(enum brisk_policy policy, unsigned int options_bits)
{
    static struct world world;
    struct test_random random = test_random_new();
    memset(&world, 0, sizeof world);
    atomic_store(&world.clock.now, 1000);
    struct brisk_cache_options options = brisk_cache_options_default();
    options.policy = policy;
    options.shards = 1;
    options.clock = fake_clock_now;
    options.clock_ctx = &world.clock;
    options.ttl = TTL;
    options.stale = world.stale = (options_bits & 1) != 0 ? 40 : 0;
    options.refresh_ahead = world.refresh_ahead = (options_bits & 2) != 0 ? 25 : 0;
    options.negative_ttl = world.negative_ttl = (options_bits & 4) != 0 ? 30 : 0;
    world.cache = new_cache(&options);
    for (unsigned int i = 0; i < scaled(STEPS); i++)
        step(&world, &random);
    assert_balance(world.cache);
    brisk_cache_free(world.cache);
}

static void every_call_answers_and_counts_as_the_rules_say(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++)
        for (unsigned int bits = 0; bits < 8; bits++)
            run_world(every_policy[i], bits);
}

BRISK_TEST_MAIN(cmocka_unit_test(every_call_answers_and_counts_as_the_rules_say))
