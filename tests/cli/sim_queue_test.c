/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIEVE and S3-FIFO against simulators that are arrays in the order of their queues, written down
 * from the definitions: SIEVE of Zhang et al. (NSDI 2024), S3-FIFO of Yang et al. (SOSP 2023).
 */
#include "cli/sim/sim_cache.h"
#include "tests/support/brisk_test.h"

enum {
    MOST = 400
};

struct object {
    uint64_t hash;
    unsigned int hits;
};

/* Oldest first. */
struct queue {
    struct object objects[MOST];
    size_t count;
};

struct naive {
    size_t capacity;
    struct queue small, main, ghosts; /* SIEVE has the small one only */
    size_t hand;                      /* SIEVE: where to look next, if that is not the end */
    uint64_t misses;
};

static void push(struct queue *queue, uint64_t hash, unsigned int hits)
{
    assert_true(queue->count < MOST);
    queue->objects[queue->count++] = (struct object){hash, hits};
}

static struct object take(struct queue *queue, size_t at)
{
    struct object object = queue->objects[at];
    queue->count--;
    memmove(&queue->objects[at], &queue->objects[at + 1], (queue->count - at) * sizeof object);
    return object;
}

/* Where it is; the number of objects if it is not there. */
static size_t find(const struct queue *queue, uint64_t hash)
{
    size_t at = 0;
    while (at < queue->count && queue->objects[at].hash != hash)
        at++;
    return at;
}

static bool hit(struct queue *queue, uint64_t hash)
{
    size_t at = find(queue, hash);
    if (at == queue->count)
        return false;
    queue->objects[at].hits++;
    return true;
}

static void request_sieve(struct naive *naive, uint64_t hash)
{
    struct queue *queue = &naive->small;
    if (hit(queue, hash))
        return;
    naive->misses++;
    if (queue->count == naive->capacity) {
        for (;; naive->hand++) {
            if (naive->hand >= queue->count)
                naive->hand = 0;
            if (queue->objects[naive->hand].hits == 0)
                break;
            queue->objects[naive->hand].hits = 0;
        }
        take(queue, naive->hand);
        if (naive->hand == queue->count)
            naive->hand = 0; /* nobody newer: the next search begins at the oldest */
    }
    push(queue, hash, 0);
}

/* False if all were promoted. */
static bool evict_small(struct naive *naive)
{
    while (naive->small.count > 0) {
        struct object oldest = take(&naive->small, 0);
        if (oldest.hits >= 2) {
            push(&naive->main, oldest.hash, 0);
            continue;
        }
        size_t most_ghosts = naive->capacity * 9 / 10;
        if (naive->ghosts.count == most_ghosts && most_ghosts > 0)
            take(&naive->ghosts, 0);
        if (most_ghosts > 0)
            push(&naive->ghosts, oldest.hash, 0);
        return true;
    }
    return false;
}

static bool evict_main(struct naive *naive)
{
    while (naive->main.count > 0) {
        struct object oldest = take(&naive->main, 0);
        if (oldest.hits == 0)
            return true;
        push(&naive->main, oldest.hash, (oldest.hits > 3 ? 3 : oldest.hits) - 1);
    }
    return false;
}

static void request_s3fifo(struct naive *naive, uint64_t hash)
{
    if (hit(&naive->small, hash) || hit(&naive->main, hash))
        return;
    naive->misses++;
    size_t ghost = find(&naive->ghosts, hash);
    bool was_ghost = ghost < naive->ghosts.count;
    if (was_ghost)
        take(&naive->ghosts, ghost);
    size_t small_target = naive->capacity / 10 > 0 ? naive->capacity / 10 : 1;
    while (naive->small.count + naive->main.count >= naive->capacity) {
        bool is_main_first = naive->main.count > naive->capacity - small_target;
        if (is_main_first || naive->small.count == 0)
            evict_main(naive);
        else
            evict_small(naive);
    }
    push(was_ghost ? &naive->main : &naive->small, hash, 0);
}

typedef void request_fn(struct naive *naive, uint64_t hash);

/* A third of the requests come back soon, so that hits of all numbers occur. */
static void compare(enum brisk_policy policy, request_fn *request, uint64_t capacity)
{
    static struct naive naive;
    struct test_random random = test_random_new();
    struct sim_cache cache;
    uint64_t last = 0;
    naive = (struct naive){.capacity = (size_t)capacity};
    assert_true(sim_cache_init(&cache, &(struct sim_cache_options){policy, capacity, false}));
    for (int i = 0; i < 20000; i++) {
        uint64_t key = test_random_below(&random, 3) == 0
                           ? last
                           : test_random_below(&random, 1 + test_random_below(&random, MOST));
        struct sim_request next = {(key + 1) * UINT64_C(0x9e3779b97f4a7c15), 1, 0};
        last = key;

        assert_true(sim_cache_request(&cache, &next));
        request(&naive, next.hash);

        assert_that(cache.misses == naive.misses, "capacity %d: request %d", (int)capacity, i);
    }
    sim_cache_free(&cache);
}

static const uint64_t capacities[] = {1, 2, 7, 19, 20, 21, 99, 100, 250};

static void sieve_misses_what_a_naive_one_misses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++)
        compare(BRISK_POLICY_SIEVE, request_sieve, capacities[i]);
}

static void s3fifo_misses_what_a_naive_one_misses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++)
        compare(BRISK_POLICY_S3FIFO, request_s3fifo, capacities[i]);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(sieve_misses_what_a_naive_one_misses),
    cmocka_unit_test(s3fifo_misses_what_a_naive_one_misses))
