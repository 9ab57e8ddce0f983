/* SPDX-License-Identifier: Apache-2.0 */
/* Simulated caches against simulators of a few lines that walk through all they hold. */
#include "cli/sim/sim_cache.h"
#include "tests/support/brisk_test.h"

enum {
    MOST = 400
};

struct object {
    uint64_t hash, size, deadline, hits, order; /* order: of its arrival or its last use */
};

struct naive {
    enum brisk_policy policy;
    uint64_t capacity;
    bool is_in_bytes;
    struct object objects[MOST];
    size_t count;
    uint64_t now, misses;
};

static uint64_t cost_of(const struct naive *naive, uint64_t size)
{
    return naive->is_in_bytes ? size : 1;
}

static uint64_t used(const struct naive *naive)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < naive->count; i++)
        sum += cost_of(naive, naive->objects[i].size);
    return sum;
}

static void drop(struct naive *naive, size_t index)
{
    naive->objects[index] = naive->objects[--naive->count];
}

static bool is_before(const struct naive *naive, const struct object *a, const struct object *b)
{
    if (naive->policy == BRISK_POLICY_LFU && a->hits != b->hits)
        return a->hits < b->hits;
    return a->order < b->order;
}

static void evict_one(struct naive *naive)
{
    size_t victim = 0;
    for (size_t i = 1; i < naive->count; i++)
        if (is_before(naive, &naive->objects[i], &naive->objects[victim]))
            victim = i;
    drop(naive, victim);
}

static void request_naive(struct naive *naive, const struct sim_request *request)
{
    for (size_t i = naive->count; i-- > 0;)
        if (naive->objects[i].deadline != 0 && naive->objects[i].deadline <= naive->now)
            drop(naive, i);
    naive->now++;
    for (size_t i = 0; i < naive->count; i++) {
        if (naive->objects[i].hash != request->hash)
            continue;
        naive->objects[i].hits++;
        if (naive->policy != BRISK_POLICY_FIFO)
            naive->objects[i].order = naive->now;
        return;
    }
    naive->misses++;
    uint64_t cost = cost_of(naive, request->size);
    if (cost > naive->capacity)
        return;
    while (used(naive) + cost > naive->capacity)
        evict_one(naive);
    naive->objects[naive->count++] = (struct object){
        .hash = request->hash,
        .size = request->size,
        .deadline = request->ttl != 0 ? naive->now + request->ttl : 0,
        .hits = 1,
        .order = naive->now};
}

enum {
    MOST_BATCH = 40
};

static struct sim_request random_request(struct test_random *random, uint64_t most_ttl)
{
    uint64_t key = test_random_below(random, 1 + test_random_below(random, 300));
    return (struct sim_request){
        .hash = (key + 1) * UINT64_C(0x9e3779b97f4a7c15),
        .size = 1 + key * 7 % 50, /* 0 to 300 of them fit into MOST */
        .ttl = most_ttl != 0 ? test_random_below(random, most_ttl) : 0};
}

static void
compare(enum brisk_policy policy, uint64_t capacity, bool is_in_bytes, uint64_t most_ttl)
{
    static struct naive naive;
    struct sim_cache cache;
    struct test_random random = test_random_new();
    naive = (struct naive){.policy = policy, .capacity = capacity, .is_in_bytes = is_in_bytes};
    assert_true(sim_cache_init(&cache, &(struct sim_cache_options){policy, capacity, is_in_bytes}));
    for (int done = 0; done < 20000;) {
        struct sim_request batch[MOST_BATCH];
        size_t count = 1 + test_random_below(&random, MOST_BATCH);
        for (size_t i = 0; i < count; i++) {
            batch[i] = random_request(&random, most_ttl);
            request_naive(&naive, &batch[i]);
        }
        assert_true(sim_cache_replay(&cache, batch, count));
        done += (int)count;
        assert_that(
            cache.misses == naive.misses, "policy %d, capacity %d: request %d", (int)policy,
            (int)capacity, done);
        assert_true(cache.used <= capacity);
    }
    assert_u64(cache.entries, naive.count);
    sim_cache_free(&cache);
}

static const enum brisk_policy simple[] = {BRISK_POLICY_LRU, BRISK_POLICY_FIFO, BRISK_POLICY_LFU};

static void objects_leave_as_in_a_naive_simulator(void **state)
{
    (void)state;
    static const uint64_t capacities[] = {1, 2, 7, 19, 20, 99, 100, 299, 350};
    for (size_t p = 0; p < sizeof simple / sizeof simple[0]; p++)
        for (size_t c = 0; c < sizeof capacities / sizeof capacities[0]; c++)
            compare(simple[p], capacities[c], false, 0);
}

static void bytes_leave_as_in_a_naive_simulator(void **state)
{
    (void)state;
    static const uint64_t capacities[] = {1, 30, 200, 1000, 5000};
    for (size_t p = 0; p < sizeof simple / sizeof simple[0]; p++)
        for (size_t c = 0; c < sizeof capacities / sizeof capacities[0]; c++)
            compare(simple[p], capacities[c], true, 0);
}

static void objects_expire_as_in_a_naive_simulator(void **state)
{
    (void)state;
    for (size_t p = 0; p < sizeof simple / sizeof simple[0]; p++)
        for (uint64_t most_ttl = 2; most_ttl < 3000; most_ttl *= 6)
            compare(simple[p], 100, false, most_ttl);
}

static void an_object_above_the_capacity_is_a_miss_and_not_admitted(void **state)
{
    (void)state;
    struct sim_cache cache;
    assert_true(sim_cache_init(&cache, &(struct sim_cache_options){BRISK_POLICY_LRU, 100, true}));
    struct sim_request small = {1, 60, 0}, large = {2, 101, 0};
    assert_true(sim_cache_request(&cache, &small));
    assert_true(sim_cache_request(&cache, &large));
    assert_true(sim_cache_request(&cache, &large));
    assert_true(sim_cache_request(&cache, &small));
    assert_u64(cache.misses, 3);
    assert_u64(cache.bytes_missed, 60 + 2 * 101);
    assert_u64(cache.bytes_requested, 2 * 60 + 2 * 101);
    sim_cache_free(&cache);
}

static void no_policy_misses_always_at_any_capacity(void **state)
{
    (void)state;
    for (int policy = BRISK_POLICY_DEFAULT; policy <= BRISK_POLICY_S3FIFO; policy++) {
        for (uint64_t capacity = 1; capacity < 30; capacity++) {
            struct sim_cache cache;
            assert_true(sim_cache_init(
                &cache, &(struct sim_cache_options){(enum brisk_policy)policy, capacity, false}));
            struct sim_request request = {5, 1, 0};
            for (int i = 0; i < 10; i++)
                assert_true(sim_cache_request(&cache, &request));
            assert_u64(cache.misses, 1);
            sim_cache_free(&cache);
        }
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(objects_leave_as_in_a_naive_simulator),
    cmocka_unit_test(bytes_leave_as_in_a_naive_simulator),
    cmocka_unit_test(objects_expire_as_in_a_naive_simulator),
    cmocka_unit_test(an_object_above_the_capacity_is_a_miss_and_not_admitted),
    cmocka_unit_test(no_policy_misses_always_at_any_capacity))
