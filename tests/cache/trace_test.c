/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policies on recorded requests, against a table of miss ratios that other
 * implementations gave. BRISK_TRACES names a folder with NAME.trace.zst, lines of
 * `key size`, and reference-miss-ratios.csv, lines of `trace,capacity,policy,ratio`.
 */
#include <inttypes.h>

#include <zstd.h>

#include "tests/cache/cache_support.h"

struct trace {
    char name[64];
    uint64_t *keys;
    size_t count;
};

static const char *traces_folder(void)
{
    const char *folder = getenv("BRISK_TRACES");
    if (folder == NULL)
        skip_because("BRISK_TRACES is not set");
    return folder;
}

static FILE *open_in(const char *folder, const char *name, const char *suffix)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s%s", folder, name, suffix);
    FILE *file = fopen(path, "rb");
    assert_that(file != NULL, "cannot open %s", path);
    return file;
}

static char *grow(char *text, size_t *capacity)
{
    *capacity = *capacity == 0 ? 1 << 20 : *capacity * 2;
    text = realloc(text, *capacity);
    assert_non_null(text);
    return text;
}

/* The whole file as text. */
static char *decompress(FILE *file)
{
    static char input[1 << 16];
    char *text = NULL;
    size_t capacity = 0, got;
    ZSTD_outBuffer out = {NULL, 0, 0};
    ZSTD_DStream *stream = ZSTD_createDStream();
    assert_non_null(stream);
    while ((got = fread(input, 1, sizeof input, file)) > 0) {
        ZSTD_inBuffer in = {input, got, 0};
        do {
            if (capacity - out.pos < 1 << 18)
                text = grow(text, &capacity);
            out.dst = text;
            out.size = capacity - 1;
            size_t left = ZSTD_decompressStream(stream, &out, &in);
            assert_that(!ZSTD_isError(left), "%s", ZSTD_getErrorName(left));
        } while (in.pos < in.size || out.pos == out.size);
    }
    ZSTD_freeDStream(stream);
    assert_non_null(text);
    text[out.pos] = '\0';
    return text;
}

static void read_trace(const char *folder, const char *name, struct trace *trace)
{
    FILE *file = open_in(folder, name, ".trace.zst");
    char *text = decompress(file);
    size_t capacity = 0;
    free(trace->keys);
    *trace = (struct trace){0};
    snprintf(trace->name, sizeof trace->name, "%s", name);
    for (char *at = text; *at != '\0';) {
        if (trace->count == capacity) {
            capacity = capacity == 0 ? 1 << 16 : capacity * 2;
            trace->keys = realloc(trace->keys, capacity * sizeof *trace->keys);
            assert_non_null(trace->keys);
        }
        trace->keys[trace->count++] = strtoull(at, &at, 10);
        at += strcspn(at, "\n");
        at += *at == '\n';
    }
    free(text);
    fclose(file);
}

static uint64_t replay(const struct trace *trace, enum brisk_policy policy, size_t capacity)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.policy = policy;
    options.max_entries = capacity;
    options.shards = 1;
    struct brisk_cache *cache = new_cache(&options);
    for (size_t i = 0; i < trace->count; i++) {
        struct brisk_bytes key = number_key(&trace->keys[i]);
        char buffer[1];
        size_t length;
        if (brisk_cache_get_into(cache, key, buffer, sizeof buffer, &length) == BRISK_MISS)
            assert_ok(brisk_cache_set(cache, key, text("x"), NULL));
    }
    uint64_t misses = stats_of(cache).misses;
    brisk_cache_free(cache);
    return misses;
}

/* The reference has no small queue below 20 entries and so misses everything there. */
enum {
    S3FIFO_MIN_CAPACITY = 20
};

static bool find_policy(const char *name, size_t capacity, enum brisk_policy *policy)
{
    static const struct {
        const char *name;
        enum brisk_policy policy;
    } rows[] = {
        {"LRU", BRISK_POLICY_LRU},     {"LFU", BRISK_POLICY_LFU},       {"FIFO", BRISK_POLICY_FIFO},
        {"SIEVE", BRISK_POLICY_SIEVE}, {"S3FIFO", BRISK_POLICY_S3FIFO},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        *policy = rows[i].policy;
        return *policy != BRISK_POLICY_S3FIFO || capacity >= S3FIFO_MIN_CAPACITY;
    }
    return false;
}

/* One line of the table; true if it was compared. */
static bool
compare_line(const char *folder, const char *line, struct trace *trace, unsigned int *wrong)
{
    char name[64], policy_name[32], wanted[32], got[32];
    size_t capacity;
    enum brisk_policy policy;
    if (sscanf(line, "%63[^,],%zu,%31[^,],%31s", name, &capacity, policy_name, wanted) != 4 ||
        !find_policy(policy_name, capacity, &policy))
        return false;
    if (strcmp(trace->name, name) != 0)
        read_trace(folder, name, trace);
    uint64_t misses = replay(trace, policy, capacity);
    snprintf(got, sizeof got, "%.6f", (double)misses / (double)trace->count);
    if (strcmp(got, wanted) != 0) {
        print_message("%s, %zu, %s: %s, not %s\n", name, capacity, policy_name, got, wanted);
        ++*wrong;
    }
    return true;
}

static void miss_ratios_equal_the_reference_to_six_decimals(void **state)
{
    (void)state;
    const char *folder = traces_folder();
    FILE *table = open_in(folder, "reference-miss-ratios", ".csv");
    struct trace trace = {0};
    unsigned int compared = 0, wrong = 0;
    char line[256];
    while (fgets(line, sizeof line, table) != NULL)
        compared += compare_line(folder, line, &trace, &wrong);
    fclose(table);
    free(trace.keys);
    print_message("%u cells compared\n", compared);
    assert_true(compared > 0);
    assert_u64(wrong, 0);
}

BRISK_TEST_MAIN(cmocka_unit_test(miss_ratios_equal_the_reference_to_six_decimals))
