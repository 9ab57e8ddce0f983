/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random calls of a memo, and what each must answer, run, keep and count by rules
 * that are simple enough to be right: an array of results, searched from its start.
 */
#include "tests/cache/memo_support.h"

enum {
    KEYS = 12,
    STEPS = 8000,
    TTL = 50,
    NEGATIVE_TTL = 20
};

struct result {
    uint64_t key;
    bool is_negative;
    uint64_t number;
    uint64_t deadline;
    uint64_t used, made, uses; /* when last and first, and how often */
};

struct world {
    struct brisk_memo *memo;
    struct fake_clock clock;
    enum brisk_policy policy;
    size_t room; /* 0: nothing is kept */
    bool has_ttl, has_negative_ttl;
    struct result results[KEYS];
    size_t count;
    uint64_t steps, numbers;
    enum brisk_status answer;              /* of the function */
    uint64_t own_ttl;                      /* of its result */
    uint64_t hits, misses, runs, failures; /* since it was cleared */
    uint64_t all_hits;
};

static enum brisk_status answer_planned(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct world *world = ctx;
    (void)key;
    world->runs++;
    world->numbers++;
    world->failures += world->answer < 0;
    entry->ttl = world->own_ttl;
    if (world->answer != BRISK_OK)
        return world->answer;
    return brisk_view_copy(out, number_key(&world->numbers));
}

static uint64_t now_of(struct world *world)
{
    return fake_clock_now(&world->clock);
}

static struct result *find(struct world *world, uint64_t key)
{
    for (size_t i = 0; i < world->count; i++)
        if (world->results[i].key == key && world->results[i].deadline > now_of(world))
            return &world->results[i];
    return NULL;
}

static void drop(struct world *world, size_t index)
{
    world->results[index] = world->results[--world->count];
}

static void drop_key(struct world *world, uint64_t key)
{
    for (size_t i = 0; i < world->count; i++)
        if (world->results[i].key == key) {
            drop(world, i);
            return;
        }
}

static void drop_expired(struct world *world)
{
    for (size_t i = world->count; i-- > 0;)
        if (world->results[i].deadline <= now_of(world))
            drop(world, i);
}

/* Whether `a` leaves before `b`. */
static bool leaves_before(enum brisk_policy policy, const struct result *a, const struct result *b)
{
    if (policy == BRISK_POLICY_FIFO)
        return a->made < b->made;
    if (policy == BRISK_POLICY_LFU && a->uses != b->uses)
        return a->uses < b->uses;
    return a->used < b->used;
}

static void make_room(struct world *world)
{
    if (world->count < world->room)
        return;
    size_t first = 0;
    for (size_t i = 1; i < world->count; i++)
        if (leaves_before(world->policy, &world->results[i], &world->results[first]))
            first = i;
    drop(world, first);
}

static uint64_t deadline_of(struct world *world)
{
    if (world->answer == BRISK_MISS)
        return now_of(world) + NEGATIVE_TTL;
    if (world->own_ttl != 0)
        return now_of(world) + world->own_ttl;
    return world->has_ttl ? now_of(world) + TTL : UINT64_MAX;
}

static void keep(struct world *world, uint64_t key)
{
    bool is_negative = world->answer == BRISK_MISS;
    if (world->room == 0 ||
        (world->answer != BRISK_OK && !(is_negative && world->has_negative_ttl)))
        return;
    make_room(world);
    world->results[world->count++] = (struct result){
        .key = key,
        .is_negative = is_negative,
        .number = world->numbers,
        .deadline = deadline_of(world),
        .used = world->steps,
        .made = world->steps,
        .uses = 1};
}

/* An absence that is known is a miss all the same, and the order does not see it. */
static void use(struct world *world, struct result *result)
{
    world->misses += result->is_negative;
    if (result->is_negative)
        return;
    world->hits++;
    world->all_hits++;
    result->used = world->steps;
    result->uses++;
}

static enum brisk_status ask(struct world *world, uint64_t key, bool is_view, uint64_t *number)
{
    struct brisk_view view;
    size_t length;
    if (!is_view)
        return brisk_memo_call_into(
            world->memo, number_key(&key), world, number, sizeof *number, &length);
    enum brisk_status status = brisk_memo_call(world->memo, number_key(&key), world, &view);
    if (status == BRISK_OK)
        memcpy(number, view.data, sizeof *number);
    brisk_view_release(&view);
    return status;
}

static void call(struct world *world, uint64_t key, bool is_view)
{
    struct result *known = find(world, key);
    uint64_t runs = world->runs, number = 0;
    enum brisk_status status = ask(world, key, is_view, &number);
    assert_u64(world->runs - runs, known == NULL);
    if (known != NULL) {
        assert_status(status, known->is_negative ? BRISK_MISS : BRISK_OK);
        if (!known->is_negative)
            assert_u64(number, known->number);
        use(world, known);
        return;
    }
    world->misses++;
    assert_status(status, world->answer);
    if (status == BRISK_OK)
        assert_u64(number, world->numbers);
    drop_expired(world);
    keep(world, key);
}

static void check(struct world *world)
{
    struct brisk_memo_info info = info_of(world->memo);
    drop_expired(world);
    assert_u64(info.hits, world->hits);
    assert_u64(info.misses, world->misses);
    assert_u64(info.runs, world->runs);
    assert_u64(info.failures, world->failures);
    assert_u64(info.entries, world->count);
}

static void clear(struct world *world)
{
    brisk_memo_clear(world->memo);
    world->count = 0;
    world->hits = world->misses = world->runs = world->failures = 0;
}

static void forget(struct world *world, uint64_t key)
{
    struct result *known = find(world, key);
    bool is_there = known != NULL && !known->is_negative;
    enum brisk_status status = brisk_memo_forget(world->memo, number_key(&key));
    if (known == NULL || is_there) /* a known absence may be called either */
        assert_status(status, is_there ? BRISK_OK : BRISK_MISS);
    drop_key(world, key);
}

static void step(struct world *world, struct test_random *random)
{
    static const enum brisk_status answers[] = {
        BRISK_OK, BRISK_OK, BRISK_OK, BRISK_MISS, BRISK_ERR_UNREACHABLE};
    uint64_t key = test_random_below(random, KEYS);
    uint64_t what = test_random_below(random, 200);
    world->steps++;
    if (what == 0)
        clear(world);
    else if (what < 8)
        forget(world, key);
    else if (what < 30)
        fake_clock_advance(&world->clock, test_random_below(random, TTL / 2));
    else {
        world->answer = answers[test_random_below(random, 5)];
        world->own_ttl = test_random_below(random, 4) == 0 ? 1 + test_random_below(random, 99) : 0;
        call(world, key, what % 2 == 0);
    }
    check(world);
}

static void run_world(enum brisk_policy policy, size_t room, bool has_ttl, bool has_negative_ttl)
{
    struct test_random random = test_random_new();
    struct world world = {
        .policy = policy, .room = room, .has_ttl = has_ttl, .has_negative_ttl = has_negative_ttl};
    struct brisk_memo_options options = brisk_memo_options_default();
    atomic_store(&world.clock.now, 1000);
    options.clock = fake_clock_now;
    options.clock_ctx = &world.clock;
    options.policy = policy;
    options.max_entries = room == 0 ? BRISK_MEMO_COUNT_ONLY : room;
    options.ttl = has_ttl ? TTL : 0;
    options.negative_ttl = has_negative_ttl ? NEGATIVE_TTL : 0;
    world.memo = new_memo(answer_planned, &options);
    for (unsigned int i = 0; i < scaled(STEPS); i++)
        step(&world, &random);
    assert_true(world.all_hits != 0 || room == 0);
    brisk_memo_free(world.memo);
}

static void every_call_answers_keeps_and_counts_as_the_rules_say(void **state)
{
    (void)state;
    static const enum brisk_policy policies[] = {
        BRISK_POLICY_DEFAULT, BRISK_POLICY_LRU, BRISK_POLICY_LFU, BRISK_POLICY_FIFO};
    static const size_t rooms[] = {0, 1, 2, 5, KEYS};
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 5; j++)
            for (unsigned int bits = 0; bits < 4; bits++)
                run_world(policies[i], rooms[j], (bits & 1) != 0, (bits & 2) != 0);
}

BRISK_TEST_MAIN(cmocka_unit_test(every_call_answers_keeps_and_counts_as_the_rules_say))
