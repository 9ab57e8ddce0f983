/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of policies and sizes as people write them. */
#include "cli/sim/plan.h"
#include "tests/support/brisk_test.h"

static void assert_size_is(const char *text, enum sim_unit unit, uint64_t number)
{
    struct sim_plan plan;
    const char *wrong;
    assert_that(sim_plan_read_sizes(&plan, text, &wrong), "%s is refused", text);
    assert_int_equal(plan.size_count, 1);
    assert_int_equal(plan.sizes[0].unit, unit);
    assert_u64(plan.sizes[0].number, number);
    assert_string_equal(plan.sizes[0].text, text);
}

static void sizes_are_percentages_objects_or_bytes(void **state)
{
    (void)state;
    assert_size_is("5%", SIM_PERCENT, 5000000);
    assert_size_is("0.1%", SIM_PERCENT, 100000);
    assert_size_is("0.000001%", SIM_PERCENT, 1);
    assert_size_is("100%", SIM_PERCENT, 100000000);
    assert_size_is("1", SIM_OBJECTS, 1);
    assert_size_is("1000000000000", SIM_OBJECTS, UINT64_C(1000000000000));
    assert_size_is("7B", SIM_BYTES, 7);
    assert_size_is("3K", SIM_BYTES, 3072);
    assert_size_is("64M", SIM_BYTES, 64 << 20);
    assert_size_is("2G", SIM_BYTES, UINT64_C(2) << 30);
}

static void what_is_no_size_is_refused_where_it_stands(void **state)
{
    (void)state;
    static const char *const wrong_sizes[] = {
        "",
        "0",
        "0%",
        "101%",
        "-1",
        "1.5",
        "1T",
        "K",
        "%",
        "1%%",
        "64MB",
        " 1",
        "1 ",
        "1e6",
        "0.0000001%",
        "99999999999999999999",
        "99999999999999999999G",
        "1.%x"};
    struct sim_plan plan;
    const char *wrong;
    for (size_t i = 0; i < sizeof wrong_sizes / sizeof wrong_sizes[0]; i++) {
        char list[64];
        snprintf(list, sizeof list, "10,%s", wrong_sizes[i]);
        assert_that(!sim_plan_read_sizes(&plan, list, &wrong), "'%s' is taken", list);
        assert_ptr_equal(wrong, list + 3);
    }
}

static void a_percentage_is_rounded_down_and_at_least_one(void **state)
{
    (void)state;
    struct sim_size size = {SIM_PERCENT, 100000, "0.1%"};
    assert_u64(sim_size_resolve(&size, 7454), 7);
    assert_u64(sim_size_resolve(&size, 999), 1);
    assert_u64(sim_size_resolve(&size, 0), 1);
    size.number = 100000000;
    assert_u64(sim_size_resolve(&size, UINT64_C(1) << 50), UINT64_C(1) << 50);
    size.number = 1;
    assert_u64(sim_size_resolve(&size, UINT64_C(1000000000)), 10);
    size = (struct sim_size){SIM_BYTES, 4096, "4K"};
    assert_u64(sim_size_resolve(&size, 5), 4096);
}

static void policies_are_taken_once_in_the_order_of_the_list(void **state)
{
    (void)state;
    struct sim_plan plan;
    const char *wrong;
    assert_true(sim_plan_read_policies(&plan, "lru,fifo,lru", &wrong));
    assert_int_equal(plan.policy_count, 2);
    assert_string_equal(plan.policies[0]->name, "lru");
    assert_string_equal(plan.policies[1]->name, "fifo");
    assert_true(sim_plan_read_policies(&plan, "sieve,all", &wrong));
    assert_int_equal(plan.policy_count, SIM_POLICIES);
    assert_string_equal(plan.policies[0]->name, "sieve");
    static const char *const lists[] = {"", "lru,", "lru,,fifo", "LRU", "lruu", "al"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        assert_that(!sim_plan_read_policies(&plan, lists[i], &wrong), "'%s' is taken", lists[i]);
}

static void a_hundred_sizes_are_the_most(void **state)
{
    (void)state;
    char list[2 * SIM_MOST_SIZES + 3] = "1";
    struct sim_plan plan;
    const char *wrong;
    for (int i = 1; i < SIM_MOST_SIZES; i++)
        strcat(list, ",1");
    assert_true(sim_plan_read_sizes(&plan, list, &wrong));
    strcat(list, ",1");
    assert_false(sim_plan_read_sizes(&plan, list, &wrong));
}

BRISK_TEST_MAIN(
    cmocka_unit_test(sizes_are_percentages_objects_or_bytes),
    cmocka_unit_test(what_is_no_size_is_refused_where_it_stands),
    cmocka_unit_test(a_percentage_is_rounded_down_and_at_least_one),
    cmocka_unit_test(policies_are_taken_once_in_the_order_of_the_list),
    cmocka_unit_test(a_hundred_sizes_are_the_most))
