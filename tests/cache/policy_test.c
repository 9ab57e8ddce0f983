/* SPDX-License-Identifier: Apache-2.0 */
/* Misses on generated streams of requests: exactly the models', and hardly above LRU's. */
#include <math.h>

#include "cache/hash.h"
#include "tests/cache/cache_support.h"
#include "tests/cache/model.h"

enum {
    REQUESTS = 24000,
    STREAM_KEYS = 1000
};

struct stream {
    const char *name;
    uint64_t (*next)(struct stream *stream);
    struct test_random random;
    uint64_t step;
    uint64_t size;             /* what bursts and loops go by: the capacity, or near it */
    unsigned int most_percent; /* of LRU's misses for the default policy; 0: 103 */
    uint64_t keys;             /* how many there are; the model knows STREAM_KEYS */
};

static uint64_t uniform(struct stream *stream)
{
    return test_random_below(&stream->random, 200);
}

/* About half of the requests are for a sixteenth of the keys. */
static uint64_t skewed(struct stream *stream)
{
    double unit = test_random_unit(&stream->random);
    return (uint64_t)(pow(unit, 4) * 999);
}

static uint64_t loop(struct stream *stream)
{
    return stream->step++ % (stream->size + stream->size / 4 + 1) % stream->keys;
}

static uint64_t loop_that_fits(struct stream *stream)
{
    return stream->step++ % (stream->size * 9 / 10 + 1) % stream->keys;
}

/* A hot set, and between its uses a scan of all keys. */
static uint64_t scan(struct stream *stream)
{
    uint64_t step = stream->step++;
    if (step % 3 != 0)
        return test_random_below(&stream->random, stream->size / 4 + 1) % stream->keys;
    return step / 3 % stream->keys;
}

/* Batches that are used twice and never again. */
static uint64_t burst(struct stream *stream)
{
    uint64_t batch = stream->size / 2 + 1, step = stream->step++;
    return (step / (2 * batch) * batch + step % batch) % stream->keys;
}

/* The popular keys change all the time. */
static uint64_t drift(struct stream *stream)
{
    double unit = test_random_unit(&stream->random);
    return (stream->step++ / 50 + (uint64_t)(pow(unit, 3) * 200)) % stream->keys;
}

static uint64_t mixture(struct stream *stream)
{
    uint64_t part = stream->step / 3000 % 4;
    stream->step += part == 1 || part == 3;
    switch (part) {
    case 0:
        stream->step++;
        return skewed(stream);
    case 1:
        return scan(stream);
    case 2:
        return loop(stream);
    default:
        return burst(stream);
    }
}

static const struct stream streams[] = {
    {.name = "uniform", .next = uniform},
    {.name = "skewed", .next = skewed},
    {.name = "loop", .next = loop},
    {.name = "loop that fits", .next = loop_that_fits},
    {.name = "scan", .next = scan},
    {.name = "burst", .next = burst},
    {.name = "drift", .next = drift, .most_percent = 110},
    /* which recency alone serves best */ {.name = "mixture", .next = mixture},
};

enum {
    STREAMS = sizeof streams / sizeof streams[0]
};

static struct stream open_stream(int which, uint64_t size, uint64_t keys, uint64_t seed)
{
    struct stream stream = streams[which];
    stream.size = size;
    stream.keys = keys;
    stream.random = test_random_seeded(seed);
    return stream;
}

static struct brisk_cache *one_shard_of(enum brisk_policy policy, size_t capacity)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.policy = policy;
    options.max_entries = capacity;
    options.shards = 1;
    options.hash_seed = 7;
    return new_cache(&options);
}

static const enum brisk_policy exact_policies[] = {
    BRISK_POLICY_LRU, BRISK_POLICY_LFU, BRISK_POLICY_FIFO, BRISK_POLICY_SIEVE, BRISK_POLICY_S3FIFO};

static void compare(enum brisk_policy policy, int which, uint64_t capacity, uint64_t seed)
{
    static struct model model;
    struct stream stream = open_stream(which, capacity, STREAM_KEYS, seed);
    struct brisk_cache *cache = one_shard_of(policy, capacity);
    uint64_t misses = 0;
    model_init(&model, policy, capacity);
    for (unsigned int i = 0; i < scaled(REQUESTS); i++) {
        uint64_t key = stream.next(&stream);
        model_request(&model, (unsigned int)key);
        misses += !request(cache, key);
        assert_that(
            misses == model.misses, "policy %d, %s, capacity %llu: request %u", (int)policy,
            stream.name, (unsigned long long)capacity, i);
    }
    brisk_cache_free(cache);
}

static void misses_on_generated_streams_are_the_models(void **state)
{
    (void)state;
    static const uint64_t capacities[] = {1, 2, 7, 10, 20, 99, 300};
    struct test_random random = test_random_new();
    int step = scaled(30) < 10 ? 3 : 1; /* ThreadSanitizer has nothing to find here */
    for (int p = 0; p < 5; p++)
        for (int s = 0; s < STREAMS; s++)
            for (int c = 0; c < 7; c += step)
                compare(exact_policies[p], s, capacities[c], test_random_below(&random, 1000000));
}

/* Keys that all have the same bucket, found with the seed that the cache has. */
static void find_colliding(uint64_t *keys, size_t count)
{
    struct bk_hash_key hash_key;
    bk_hash_key_init(&hash_key, 7);
    uint64_t candidate = 0;
    for (size_t found = 0; found < count; candidate++) {
        uint64_t hash = bk_hash_number(&hash_key, &candidate);
        if ((hash & UINT32_MAX) >> 16 == 0x1234)
            keys[found++] = candidate;
    }
}

static void keys_that_collide_are_only_slower(void **state)
{
    (void)state;
    enum {
        COLLIDING = 120
    };
    static uint64_t keys[COLLIDING];
    static struct model model;
    struct test_random random = test_random_new();
    find_colliding(keys, COLLIDING);
    for (int p = 0; p < 5; p++) {
        struct brisk_cache *cache = one_shard_of(exact_policies[p], 80);
        model_init(&model, exact_policies[p], 80);
        for (unsigned int i = 0; i < scaled(REQUESTS); i++) {
            unsigned int key = (unsigned int)test_random_below(&random, COLLIDING);
            request(cache, keys[key]);
            model_request(&model, key);
            if (i % 7 == 0) {
                key = (unsigned int)test_random_below(&random, COLLIDING);
                bool is_there = model_delete(&model, key);
                assert_status(
                    brisk_cache_delete(cache, number_key(&keys[key])),
                    is_there ? BRISK_OK : BRISK_MISS);
            }
        }
        assert_u64(stats_of(cache).misses, model.misses);
        brisk_cache_free(cache);
    }
}

static uint64_t misses_of(enum brisk_policy policy, int which, uint64_t capacity, uint64_t size)
{
    struct stream stream = open_stream(which, size, UINT64_MAX, 42);
    struct brisk_cache *cache = one_shard_of(policy, capacity);
    uint64_t misses = 0;
    for (unsigned int i = 0; i < REQUESTS; i++)
        misses += !request(cache, stream.next(&stream));
    brisk_cache_free(cache);
    return misses;
}

/* With streams made for half, just, and twice the capacity. */
static void the_default_policy_never_misses_much_more_than_lru(void **state)
{
    (void)state;
    static const uint64_t capacities[] = {1, 2, 7, 20, 64, 100, 300};
    unsigned int worse = 0;
    int step = scaled(30) < 30 ? 4 : 1; /* sanitizers have nothing to find here */
    for (int s = 0; s < STREAMS; s++) {
        for (int c = 0; c < 7; c += step) {
            for (int half = 1; half <= 4; half *= 2) {
                uint64_t capacity = capacities[c], size = capacity * (uint64_t)half / 2 + 1;
                uint64_t lru = misses_of(BRISK_POLICY_LRU, s, capacity, size);
                uint64_t ours = misses_of(BRISK_POLICY_DEFAULT, s, capacity, size);
                unsigned int most = streams[s].most_percent != 0 ? streams[s].most_percent : 103;
                if (ours * 100 <= lru * most + 100)
                    continue;
                worse++;
                print_message(
                    "%s for %llu, capacity %llu: %llu misses, LRU %llu\n", streams[s].name,
                    (unsigned long long)size, (unsigned long long)capacity,
                    (unsigned long long)ours, (unsigned long long)lru);
            }
        }
    }
    assert_u64(worse, 0);
}

static void no_policy_misses_everything_at_any_capacity(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        for (uint64_t capacity = 1; capacity <= 25; capacity++) {
            struct brisk_cache *cache = one_shard_of(every_policy[i], capacity);
            uint64_t misses = 0;
            for (uint64_t k = 0; k < 400; k++)
                misses += !request(cache, k / 2);
            assert_u64(misses, 200);
            assert_u64(stats_of(cache).entries, capacity);
            brisk_cache_free(cache);
        }
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(misses_on_generated_streams_are_the_models),
    cmocka_unit_test(keys_that_collide_are_only_slower),
    cmocka_unit_test(the_default_policy_never_misses_much_more_than_lru),
    cmocka_unit_test(no_policy_misses_everything_at_any_capacity))
