/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "bench/measure.h"
#include "bench/sim_cases.h"
#include "cli/sim/run.h"

enum {
    KEYS = 1000000,
    LINES = 2000000,
    MOST_LINE_BYTES = 160,
    ROUNDS = 5,
    LEVEL = 3,
    PATH_BYTES = 128,
};

struct source {
    const struct read_plan *plan;
    char path[PATH_BYTES];
    size_t lines;
    size_t text_bytes;
};

static void *allocate(size_t bytes)
{
    void *memory = malloc(bytes);
    if (memory == NULL)
        bench_fail("no memory for a trace");
    return memory;
}

static int put_line(char *at, const struct workload_text *key, bool is_log)
{
    unsigned int size = (unsigned char)key->text[5] * 37U;
    if (!is_log)
        return sprintf(at, "%.*s %u\n", key->length, key->text, size);
    return sprintf(
        at, "192.0.2.%u - - [10/Oct/2000:13:55:36 +0000] \"GET /%.*s HTTP/1.1\" 200 %u\n",
        size % 256, key->length, key->text, size);
}

static char *make_text(struct source *source)
{
    struct workload *requests = workload_zipf(WORKLOAD_TEXTS, KEYS, source->lines, 42);
    char *text = allocate(source->lines * MOST_LINE_BYTES);
    char *at = text;
    for (size_t i = 0; i < requests->count; i++)
        at += put_line(at, &requests->texts[i], source->plan->key_field != 0);
    workload_free(requests);
    source->text_bytes = (size_t)(at - text);
    return text;
}

static void write_file(struct source *source, const char *content, size_t length)
{
    const char *folder = getenv("TMPDIR");
    snprintf(
        source->path, sizeof source->path, "%s/brisk-bench-XXXXXX",
        folder != NULL ? folder : P_tmpdir);
    int fd = mkstemp(source->path);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (file == NULL)
        bench_fail("%s: %s", source->path, strerror(errno));
    bool is_written = fwrite(content, 1, length, file) == length;
    if (fclose(file) != 0 || !is_written)
        bench_fail("%s: cannot be written", source->path);
}

static void make_file(struct source *source)
{
    char *text = make_text(source);
    if (source->plan->is_compressed) {
        size_t bound = ZSTD_compressBound(source->text_bytes);
        char *packed = allocate(bound);
        size_t length = ZSTD_compress(packed, bound, text, source->text_bytes, LEVEL);
        write_file(source, packed, length);
        free(packed);
    } else {
        write_file(source, text, source->text_bytes);
    }
    free(text);
}

/* What brisk sim says of its own reading. */
static double time_brisk(const struct source *source)
{
    struct brisk_error error = {0};
    struct trace_format format = {.key_field = source->plan->key_field};
    struct sim_plan plan;
    struct sim_result result;
    const char *wrong;
    sim_plan_read_policies(&plan, "fifo", &wrong);
    sim_plan_read_sizes(&plan, "1", &wrong);
    struct sim_options options = {.plan = &plan};
    struct trace *trace = trace_open(source->path, &format, &error);
    if (trace == NULL || sim_run(trace, &options, &result, &error) != BRISK_OK)
        bench_fail("%s", error.message);
    if (result.requests != source->lines)
        bench_fail("%llu requests were read", (unsigned long long)result.requests);
    double ns = result.read_seconds * 1e9 / (double)source->lines;
    sim_result_free(&result);
    trace_close(trace);
    return ns;
}

/* As a good engineer would by hand: getline, strtok_r, strtoull, and the same hash. */
static uint64_t sum_lines(FILE *file, unsigned int key_field)
{
    char *line = NULL;
    size_t capacity = 0;
    uint64_t sum = 0;
    while (getline(&line, &capacity, file) > 0) {
        char *rest, *field = strtok_r(line, " \t\n", &rest);
        for (unsigned int i = 1; i < key_field && field != NULL; i++)
            field = strtok_r(NULL, " \t\n", &rest);
        if (field == NULL)
            bench_fail("a line has too few fields");
        sum += XXH3_64bits(field, strlen(field));
        if (key_field == 0)
            sum += strtoull(strtok_r(NULL, " \t\n", &rest), NULL, 10);
    }
    free(line);
    return sum;
}

/* At once, into memory that is large enough. */
static FILE *open_unpacked(FILE *file, char *text, size_t text_bytes)
{
    char *packed = allocate(text_bytes);
    size_t length = fread(packed, 1, text_bytes, file);
    size_t unpacked = ZSTD_decompress(text, text_bytes, packed, length);
    free(packed);
    fclose(file);
    return unpacked == text_bytes ? fmemopen(text, text_bytes, "r") : NULL;
}

static double time_by_hand(const struct source *source)
{
    uint64_t begin_ns = measure_now_ns();
    char *text = source->plan->is_compressed ? allocate(source->text_bytes) : NULL;
    FILE *file = fopen(source->path, "re");
    if (file != NULL && text != NULL)
        file = open_unpacked(file, text, source->text_bytes);
    if (file == NULL || sum_lines(file, source->plan->key_field) == 0)
        bench_fail("%s: cannot be read", source->path);
    fclose(file);
    free(text);
    return (double)(measure_now_ns() - begin_ns) / (double)source->lines;
}

void case_read(struct bench *bench, const void *argument)
{
    struct source source = {.plan = argument, .lines = bench_scaled(bench, LINES)};
    size_t rounds = bench_rounds(bench, ROUNDS);
    double brisk_ns[ROUNDS], by_hand_ns[ROUNDS];
    make_file(&source);
    for (size_t i = 0; i < rounds; i++) {
        brisk_ns[i] = time_brisk(&source);
        by_hand_ns[i] = time_by_hand(&source);
    }
    unlink(source.path);
    bench_report(
        bench, &(struct bench_row){
                   .value = measure_median(brisk_ns, rounds),
                   .unit = "ns/line",
                   .baseline = "getline",
                   .baseline_value = measure_median(by_hand_ns, rounds),
                   .rounds = rounds});
}
