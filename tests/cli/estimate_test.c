/* SPDX-License-Identifier: Apache-2.0 */
/* Miss ratios estimated from a sample, beside those of the whole trace. */
#include <math.h>
#include <unistd.h>

#include "cli/sim/run.h"
#include "tests/support/brisk_test.h"

enum {
    FEW_KEYS = 5000,   /* all are followed */
    MANY_KEYS = 40000, /* a part is */
};

/* A trace that is being written to a file without a name. */
struct text {
    char path[4096];
    FILE *file;
};

static struct text text_new(void)
{
    struct text text;
    const char *folder = getenv("TMPDIR");
    snprintf(
        text.path, sizeof text.path, "%s/brisk-estimate-XXXXXX",
        folder != NULL ? folder : P_tmpdir);
    int descriptor = mkstemp(text.path);
    assert_true(descriptor >= 0);
    text.file = fdopen(descriptor, "w");
    assert_non_null(text.file);
    return text;
}

/* Small keys are frequent, sizes differ, and every tenth request is of a loop. */
static void write_requests(FILE *file, uint64_t keys, size_t count, bool has_ttl)
{
    struct test_random random = test_random_seeded(5);
    for (size_t i = 0; i < count; i++) {
        double share = test_random_unit(&random);
        uint64_t key = i % 10 == 0 ? i / 10 % (keys / 20)
                                   : (uint64_t)((double)keys * share * share * share);
        fprintf(
            file, "%d %d%s\n", (int)key, (int)(1 + key * 7 % 50),
            has_ttl && key % 3 == 0 ? " 900" : "");
    }
}

static enum brisk_status
run(const char *path, const struct sim_plan *plan, struct sim_result *result,
    struct brisk_error *error)
{
    struct trace_format format = {0, 0};
    struct trace *trace = trace_open(path, &format, error);
    if (trace == NULL)
        return error->status;
    struct sim_options options = {.plan = plan, .has_estimates = true};
    enum brisk_status status = sim_run(trace, &options, result, error);
    result->trace_name = ""; /* it goes with the trace */
    trace_close(trace);
    return status;
}

static struct sim_plan plan_of(const char *policies, const char *sizes)
{
    struct sim_plan plan;
    const char *wrong;
    assert_true(sim_plan_read_policies(&plan, policies, &wrong));
    assert_true(sim_plan_read_sizes(&plan, sizes, &wrong));
    return plan;
}

static struct sim_result estimate(struct text *text, const char *policies, const char *sizes)
{
    struct sim_plan plan = plan_of(policies, sizes);
    struct sim_result result;
    struct brisk_error error = {0};
    fclose(text->file);
    assert_that(run(text->path, &plan, &result, &error) == BRISK_OK, "%s", error.message);
    unlink(text->path);
    assert_true(result.has_estimates);
    for (unsigned int i = 0; i < result.row_count; i++)
        assert_true(result.rows[i].estimate >= 0 && result.rows[i].estimate <= 1);
    for (unsigned int i = 0; i < result.row_count; i++)
        result.rows[i].size = NULL; /* it goes with the plan */
    return result;
}

static void assert_errors(const struct sim_result *result, double most)
{
    for (unsigned int i = 0; i < result->row_count; i++) {
        const struct sim_row *row = &result->rows[i];
        double truth = sim_row_miss_ratio(result, row);
        assert_that(
            fabs(row->estimate - truth) <= most, "%s with %d: %f, not %f", row->policy->name,
            (int)row->capacity, row->estimate, truth);
    }
}

static void of_few_keys_every_estimate_is_the_truth(void **state)
{
    (void)state;
    struct text text = text_new();
    write_requests(text.file, FEW_KEYS, 20000, false);

    struct sim_result result = estimate(&text, "all", "1,19,20,127,100B,5K");

    assert_u64(result.sample.sampled_keys, result.unique_keys);
    assert_errors(&result, 1e-9);
    sim_result_free(&result);
}

/* LRU is of the curve there, whose sizes are rounded by two percent. */
static void of_few_keys_a_large_lru_cache_is_nearly_the_truth(void **state)
{
    (void)state;
    struct text text = text_new();
    write_requests(text.file, FEW_KEYS, 20000, false);

    struct sim_result result = estimate(&text, "lru", "5%,10%,20%,50%,100%");

    assert_errors(&result, 0.002);
    sim_result_free(&result);
}

static void entries_of_the_sample_live_as_long_as_those_of_the_trace(void **state)
{
    (void)state;
    struct text few = text_new(), many = text_new();
    write_requests(few.file, FEW_KEYS, 20000, true);
    write_requests(many.file, MANY_KEYS, 80000, true);

    struct sim_result exact = estimate(&few, "lru,fifo,default", "10,1000,3000");
    struct sim_result sampled = estimate(&many, "lru,fifo,default", "3000,10000,30000");

    assert_errors(&exact, 1e-9);
    assert_errors(&sampled, 0.03);
    sim_result_free(&exact);
    sim_result_free(&sampled);
}

static void estimates_from_a_sample_are_near_the_truth(void **state)
{
    (void)state;
    struct text text = text_new();
    write_requests(text.file, MANY_KEYS, 120000, false);

    struct sim_result result = estimate(&text, "all", "5%,20%,80%,300K");

    print_message(
        "sampled keys %d of %d\n", (int)result.sample.sampled_keys, (int)result.unique_keys);
    assert_true(result.sample.sampled_keys > 7000 && result.sample.sampled_keys <= 8192);
    assert_true(result.sample.sample_rate < 0.5);
    assert_false(result.sample.has_low_confidence);
    assert_errors(&result, 0.03);
    for (int p = 0; p < SIM_POLICIES; p++)
        assert_that(
            sim_mean_error(&result, &sim_policies[p]) < 0.02, "%s: %f", sim_policies[p].name,
            sim_mean_error(&result, &sim_policies[p]));
    sim_result_free(&result);
}

static void no_request_and_one_key_have_low_confidence(void **state)
{
    (void)state;
    struct text none = text_new(), one = text_new();
    for (int i = 0; i < 50; i++)
        fputs("key 1\n", one.file);

    struct sim_result of_none = estimate(&none, "all", "10%,1,5");
    struct sim_result of_one = estimate(&one, "all", "10%,1,5");

    assert_true(of_none.sample.has_low_confidence && of_one.sample.has_low_confidence);
    assert_errors(&of_none, 0);
    assert_errors(&of_one, 1e-9);
    sim_result_free(&of_none);
    sim_result_free(&of_one);
}

static void run_without_memory(bool is_failing, void *path)
{
    struct sim_plan plan = plan_of("lru", "10%");
    struct sim_result result;
    struct brisk_error error = {0};
    enum brisk_status status = run(path, &plan, &result, &error);
    if (status == BRISK_OK)
        sim_result_free(&result);
    else
        assert_true(is_failing && error.message[0] != '\0');
}

static void no_memory_is_told(void **state)
{
    (void)state;
    struct text text = text_new();
    write_requests(text.file, 300, 1000, false);
    fclose(text.file);
    for_each_allocation_failure(run_without_memory, text.path);
    unlink(text.path);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(of_few_keys_every_estimate_is_the_truth),
    cmocka_unit_test(of_few_keys_a_large_lru_cache_is_nearly_the_truth),
    cmocka_unit_test(entries_of_the_sample_live_as_long_as_those_of_the_trace),
    cmocka_unit_test(estimates_from_a_sample_are_near_the_truth),
    cmocka_unit_test(no_request_and_one_key_have_low_confidence),
    cmocka_unit_test(no_memory_is_told))
