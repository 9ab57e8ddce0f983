/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simulated caches on recorded requests, against tables of miss ratios that other
 * implementations gave. BRISK_TRACES names their folder.
 */
#include "cli/sim/run.h"
#include "tests/support/brisk_test.h"

enum {
    /* The reference has no small queue below 20 entries and so misses everything there. */
    S3FIFO_MIN_CAPACITY = 20
};

static const char *traces_folder(void)
{
    const char *folder = getenv("BRISK_TRACES");
    if (folder == NULL)
        skip_because("BRISK_TRACES is not set");
    return folder;
}

static const struct sim_policy *find_policy(const char *name)
{
    static const struct {
        const char *theirs, *ours;
    } names[] = {
        {"LRU", "lru"}, {"LFU", "lfu"}, {"FIFO", "fifo"}, {"SIEVE", "sieve"}, {"S3FIFO", "s3fifo"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (int p = 0; strcmp(names[i].theirs, name) == 0 && p < SIM_POLICIES; p++)
            if (strcmp(sim_policies[p].name, names[i].ours) == 0)
                return &sim_policies[p];
    return NULL;
}

static void simulate(
    const char *folder, const char *name, const struct sim_plan *plan, struct sim_result *result)
{
    char path[4096];
    struct brisk_error error = {0};
    struct trace_format format = {0, 0};
    snprintf(path, sizeof path, "%s/%s.trace.zst", folder, name);
    struct trace *trace = trace_open(path, &format, &error);
    assert_that(trace != NULL, "%s", error.message);
    struct sim_options options = {.plan = plan};
    assert_that(
        sim_run(trace, &options, result, &error) == BRISK_OK, "%s: %s", name, error.message);
    trace_close(trace);
}

/* The ratios of a line of the table, as text. */
static void ratios_of(
    const char *folder, const char *name, const char *size, const struct sim_policy *policy,
    char *object_ratio, char *byte_ratio)
{
    struct sim_plan plan = {.policies = {policy}, .policy_count = 1};
    struct sim_result result;
    const char *wrong;
    assert_true(sim_plan_read_sizes(&plan, size, &wrong));
    simulate(folder, name, &plan, &result);
    snprintf(object_ratio, 16, "%.6f", sim_row_miss_ratio(&result, &result.rows[0]));
    snprintf(byte_ratio, 16, "%.6f", sim_row_byte_miss_ratio(&result, &result.rows[0]));
    sim_result_free(&result);
}

static FILE *open_table(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *table = fopen(path, "r");
    assert_that(table != NULL, "cannot open %s", path);
    return table;
}

static void ratios_of_objects_equal_the_reference_to_six_decimals(void **state)
{
    (void)state;
    const char *folder = traces_folder();
    FILE *table = open_table(folder, "reference-miss-ratios.csv");
    char line[256], name[64], policy_name[32], wanted[32], size[32], got[16], bytes[16];
    unsigned long capacity;
    unsigned int compared = 0;
    while (fgets(line, sizeof line, table) != NULL) {
        if (sscanf(line, "%63[^,],%lu,%31[^,],%31s", name, &capacity, policy_name, wanted) != 4)
            continue;
        const struct sim_policy *policy = find_policy(policy_name);
        if (policy == NULL ||
            (policy->policy == BRISK_POLICY_S3FIFO && capacity < S3FIFO_MIN_CAPACITY))
            continue;
        snprintf(size, sizeof size, "%lu", capacity);
        ratios_of(folder, name, size, policy, got, bytes);
        assert_that(
            strcmp(got, wanted) == 0, "%s, %s, %s: %s, not %s", name, size, policy_name, got,
            wanted);
        compared++;
    }
    fclose(table);
    print_message("%u cells compared\n", compared);
    assert_true(compared > 100);
}

/* S3-FIFO as published does not say how a ghost queue counts bytes. */
static void ratios_of_bytes_equal_the_reference_to_six_decimals(void **state)
{
    (void)state;
    const char *folder = traces_folder();
    FILE *table = open_table(folder, "reference-miss-ratios-bytes.csv");
    char line[256], name[64], policy_name[32], wanted[32], wanted_bytes[32], size[32], got[16],
        bytes[16];
    unsigned long capacity;
    unsigned int compared = 0;
    while (fgets(line, sizeof line, table) != NULL) {
        if (sscanf(
                line, "%63[^,],%lu,%31[^,],%31[^,],%31s", name, &capacity, policy_name, wanted,
                wanted_bytes) != 5)
            continue;
        const struct sim_policy *policy = find_policy(policy_name);
        if (policy == NULL || policy->policy == BRISK_POLICY_S3FIFO)
            continue;
        snprintf(size, sizeof size, "%luB", capacity);
        ratios_of(folder, name, size, policy, got, bytes);
        assert_that(
            strcmp(got, wanted) == 0 && strcmp(bytes, wanted_bytes) == 0,
            "%s, %s, %s: %s and %s, not %s and %s", name, size, policy_name, got, bytes, wanted,
            wanted_bytes);
        compared++;
    }
    fclose(table);
    print_message("%u cells compared\n", compared);
    assert_true(compared >= 10);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(ratios_of_objects_equal_the_reference_to_six_decimals),
    cmocka_unit_test(ratios_of_bytes_equal_the_reference_to_six_decimals))
