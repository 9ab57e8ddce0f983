/* SPDX-License-Identifier: Apache-2.0 */
/* Random operations on a cache and on a model that is simple enough to be right. */
#include "tests/cache/cache_support.h"
#include "tests/cache/model_world.h"

enum {
    STEPS = 6000
};

static void fill_at_random(struct test_random *random, uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)test_random_next(random);
}

static void run_world(struct test_random *random, const uint8_t *setup, unsigned int steps)
{
    static struct world world;
    assert_true(world_open(&world, setup));
    for (unsigned int i = 0; i < steps; i++) {
        uint8_t bytes[WORLD_STEP_BYTES];
        fill_at_random(random, bytes, sizeof bytes);
        assert_that(
            world_step(&world, bytes), "policy %d, setup %u %u %u: %s", (int)world.model.policy,
            setup[0], setup[1], setup[2], world.problem);
    }
    world_close(&world);
}

/* Each capacity, with every kind of clock and time to live; every second one with a curve. */
static void run_policy(uint8_t policy)
{
    struct test_random random = test_random_new();
    for (uint8_t capacity = 0; capacity < 8; capacity++) {
        for (uint8_t time = 0; time < 16; time++) {
            uint8_t curve = (capacity + time) % 2 != 0 ? 16 : 0;
            uint8_t setup[WORLD_SETUP_BYTES] = {policy, capacity, time | curve};
            run_world(&random, setup, scaled(STEPS / 16));
        }
    }
}

static void lru_evicts_what_the_model_evicts(void **state)
{
    (void)state;
    assert_int_equal(world_policy(0), BRISK_POLICY_LRU);
    run_policy(0);
}

static void lfu_evicts_what_the_model_evicts(void **state)
{
    (void)state;
    assert_int_equal(world_policy(1), BRISK_POLICY_LFU);
    run_policy(1);
}

static void fifo_evicts_what_the_model_evicts(void **state)
{
    (void)state;
    assert_int_equal(world_policy(2), BRISK_POLICY_FIFO);
    run_policy(2);
}

static void sieve_evicts_what_the_model_evicts(void **state)
{
    (void)state;
    assert_int_equal(world_policy(3), BRISK_POLICY_SIEVE);
    run_policy(3);
}

static void s3fifo_evicts_what_the_model_evicts(void **state)
{
    (void)state;
    assert_int_equal(world_policy(4), BRISK_POLICY_S3FIFO);
    run_policy(4);
}

static void the_default_policy_evicts_no_more_than_it_must(void **state)
{
    (void)state;
    assert_int_equal(world_policy(5), BRISK_POLICY_DEFAULT);
    run_policy(5);
}

static void run_unit(enum world_unit unit)
{
    struct test_random random = test_random_new();
    static const uint8_t flat_policies[] = {0, 2};
    for (size_t i = 0; i < 2; i++) {
        for (uint8_t time = 0; time < 16; time++) {
            uint8_t limits = (uint8_t)(unit << 3 | 3);
            uint8_t setup[WORLD_SETUP_BYTES] = {flat_policies[i], limits, time};
            run_world(&random, setup, scaled(STEPS / 6));
        }
    }
}

static void lru_and_fifo_keep_to_a_limit_in_bytes(void **state)
{
    (void)state;
    run_unit(WORLD_BYTES);
}

static void lru_and_fifo_keep_to_a_limit_in_weight(void **state)
{
    (void)state;
    run_unit(WORLD_WEIGHT);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(lru_evicts_what_the_model_evicts),
    cmocka_unit_test(lfu_evicts_what_the_model_evicts),
    cmocka_unit_test(fifo_evicts_what_the_model_evicts),
    cmocka_unit_test(sieve_evicts_what_the_model_evicts),
    cmocka_unit_test(s3fifo_evicts_what_the_model_evicts),
    cmocka_unit_test(the_default_policy_evicts_no_more_than_it_must),
    cmocka_unit_test(lru_and_fifo_keep_to_a_limit_in_bytes),
    cmocka_unit_test(lru_and_fifo_keep_to_a_limit_in_weight))
