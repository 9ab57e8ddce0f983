/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/brisk_test.h"

#include "cache/memcached/clock.h"
#include "cache/memcached/pool.h"

static const uint64_t minute_ns = UINT64_C(60000000000);

static void the_last_one_given_back_is_the_first_one_taken(void **state)
{
    (void)state;
    struct bk_mc_pool pool;
    struct bk_mc_pooled a = {.epoch = 1}, b = {.epoch = 2}, *one;
    assert_true(bk_mc_pool_init(&pool, 2));
    assert_int_equal(bk_mc_pool_take(&pool, UINT32_MAX, 0, &one), BK_MC_POOL_MAKE);
    assert_int_equal(bk_mc_pool_take(&pool, UINT32_MAX, 0, &one), BK_MC_POOL_MAKE);

    bk_mc_pool_give(&pool, &a);
    bk_mc_pool_give(&pool, &b);

    assert_int_equal(bk_mc_pool_take(&pool, UINT32_MAX, 0, &one), BK_MC_POOL_FOUND);
    assert_ptr_equal(one, &b);
    assert_int_equal(bk_mc_pool_take(&pool, UINT32_MAX, 0, &one), BK_MC_POOL_FOUND);
    assert_ptr_equal(one, &a);
    bk_mc_pool_free(&pool);
}

static void an_old_enough_one_is_preferred(void **state)
{
    (void)state;
    struct bk_mc_pool pool;
    struct bk_mc_pooled old = {.epoch = 3}, new = {.epoch = 8}, *one;
    assert_true(bk_mc_pool_init(&pool, 2));
    bk_mc_pool_give(&pool, &old);
    bk_mc_pool_give(&pool, &new);

    assert_int_equal(bk_mc_pool_take(&pool, 5, 0, &one), BK_MC_POOL_FOUND);
    assert_ptr_equal(one, &old);
    assert_int_equal(bk_mc_pool_take(&pool, 5, 0, &one), BK_MC_POOL_FOUND);
    assert_ptr_equal(one, &new);
    bk_mc_pool_free(&pool);
}

static void when_all_are_taken_the_wait_ends_with_the_time(void **state)
{
    (void)state;
    struct bk_mc_pool pool;
    struct bk_mc_pooled *one;
    assert_true(bk_mc_pool_init(&pool, 1));
    assert_int_equal(bk_mc_pool_take(&pool, UINT32_MAX, 0, &one), BK_MC_POOL_MAKE);
    uint64_t deadline_ns = bk_mc_now_ns() + 20000000;

    assert_int_equal(bk_mc_pool_take(&pool, UINT32_MAX, deadline_ns, &one), BK_MC_POOL_TIMEOUT);

    assert_true(bk_mc_now_ns() >= deadline_ns);
    bk_mc_pool_forgo(&pool);
    assert_int_equal(bk_mc_pool_take(&pool, UINT32_MAX, 0, &one), BK_MC_POOL_MAKE);
    bk_mc_pool_free(&pool);
}

static void drained_ones_may_be_made_anew(void **state)
{
    (void)state;
    struct bk_mc_pool pool;
    struct bk_mc_pooled a = {.epoch = 1}, b = {.epoch = 2}, *one;
    assert_true(bk_mc_pool_init(&pool, 2));
    assert_int_equal(bk_mc_pool_take(&pool, UINT32_MAX, 0, &one), BK_MC_POOL_MAKE);
    assert_int_equal(bk_mc_pool_take(&pool, UINT32_MAX, 0, &one), BK_MC_POOL_MAKE);
    bk_mc_pool_give(&pool, &a);
    bk_mc_pool_give(&pool, &b);

    struct bk_mc_pooled *all = bk_mc_pool_drain(&pool);

    assert_ptr_equal(all, &b);
    assert_ptr_equal(all->next, &a);
    assert_null(a.next);
    assert_int_equal(bk_mc_pool_take(&pool, UINT32_MAX, 0, &one), BK_MC_POOL_MAKE);
    assert_int_equal(bk_mc_pool_take(&pool, UINT32_MAX, 0, &one), BK_MC_POOL_MAKE);
    assert_int_equal(bk_mc_pool_take(&pool, UINT32_MAX, 0, &one), BK_MC_POOL_TIMEOUT);
    bk_mc_pool_free(&pool);
}

struct crowd {
    struct bk_mc_pool pool;
    struct bk_mc_pooled made[3];
    _Atomic unsigned int made_count;
    _Atomic unsigned int inside;
};

/* One more than three are never inside; some fail to make one, as if a server were down. */
static enum brisk_status take_and_give(unsigned int index, void *ctx)
{
    struct crowd *crowd = ctx;
    struct test_random random = test_random_seeded(index);
    for (unsigned int i = 0; i < scaled(3000); i++) {
        struct bk_mc_pooled *one;
        uint64_t patience_ns = test_random_below(&random, 4) == 0 ? 1000 : minute_ns;
        enum bk_mc_pool_answer answer = bk_mc_pool_take(
            &crowd->pool, UINT32_MAX, bk_mc_now_ns() + patience_ns, &one);
        if (answer == BK_MC_POOL_TIMEOUT)
            continue;
        thread_expect(atomic_fetch_add(&crowd->inside, 1) < 3);
        if (answer == BK_MC_POOL_MAKE && test_random_below(&random, 2) == 0) {
            atomic_fetch_sub(&crowd->inside, 1);
            bk_mc_pool_forgo(&crowd->pool);
            continue;
        }
        if (answer == BK_MC_POOL_MAKE) {
            unsigned int number = atomic_fetch_add(&crowd->made_count, 1);
            thread_expect(number < 3);
            one = &crowd->made[number];
        }
        atomic_fetch_sub(&crowd->inside, 1);
        bk_mc_pool_give(&crowd->pool, one);
    }
    return BRISK_OK;
}

static void a_crowd_shares_three(void **state)
{
    (void)state;
    struct crowd crowd = {.made_count = 0};
    assert_true(bk_mc_pool_init(&crowd.pool, 3));

    run_threads(8, take_and_give, &crowd);

    size_t idle = 0;
    for (struct bk_mc_pooled *one = bk_mc_pool_drain(&crowd.pool); one != NULL; one = one->next)
        idle++;
    assert_size(idle, crowd.made_count);
    bk_mc_pool_free(&crowd.pool);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(the_last_one_given_back_is_the_first_one_taken),
    cmocka_unit_test(an_old_enough_one_is_preferred),
    cmocka_unit_test(when_all_are_taken_the_wait_ends_with_the_time),
    cmocka_unit_test(drained_ones_may_be_made_anew), cmocka_unit_test(a_crowd_shares_three))
