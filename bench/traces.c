/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/traces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "bench/runner.h"

/* The whole text, with a final '\0'. */
struct text {
    char *bytes;
    size_t length;
};

static FILE *open_in(const char *folder, const char *name, const char *suffix)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s%s", folder, name, suffix);
    file = fopen(path, "rbe");
    if (file == NULL)
        bench_fail("cannot open %s", path);
    return file;
}

static struct text read_all(FILE *file)
{
    struct text text = {NULL, 0};
    size_t capacity = 1 << 16;
    size_t got;

    do {
        char *grown = realloc(text.bytes, capacity *= 2);

        if (grown == NULL)
            bench_fail("no memory for a file");
        text.bytes = grown;
        got = fread(text.bytes + text.length, 1, capacity - 1 - text.length, file);
        text.length += got;
    } while (got > 0);
    text.bytes[text.length] = '\0';
    fclose(file);
    return text;
}

/* Traces are small enough for one piece; their frames need not tell the size. */
static struct text decompress(struct text packed, const char *name)
{
    ZSTD_DStream *stream = ZSTD_createDStream();
    ZSTD_inBuffer in = {packed.bytes, packed.length, 0};
    ZSTD_outBuffer out = {NULL, 0, 0};
    size_t left = 1;

    while (left != 0) {
        if (out.size - out.pos < 2) {
            out.size = out.size == 0 ? packed.length * 8 + 64 : out.size * 2;
            out.dst = realloc(out.dst, out.size + 1);
        }
        if (stream == NULL || out.dst == NULL)
            bench_fail("no memory for %s", name);
        left = ZSTD_decompressStream(stream, &out, &in);
        if (ZSTD_isError(left))
            bench_fail("%s: %s", name, ZSTD_getErrorName(left));
        if (left != 0 && in.pos == in.size && out.pos < out.size)
            bench_fail("%s ends too early", name);
    }
    ZSTD_freeDStream(stream);
    ((char *)out.dst)[out.pos] = '\0';
    return (struct text){out.dst, out.pos};
}

static size_t count_lines(struct text text)
{
    size_t lines = 0;

    for (size_t i = 0; i < text.length; i++)
        lines += text.bytes[i] == '\n';
    return lines;
}

struct trace *trace_read(const char *folder, const char *name)
{
    struct text packed = read_all(open_in(folder, name, ".trace.zst"));
    struct text text = decompress(packed, name);
    struct trace *trace = calloc(1, sizeof *trace);
    char *at = text.bytes;

    free(packed.bytes);
    if (trace == NULL)
        bench_fail("no memory for %s", name);
    snprintf(trace->name, sizeof trace->name, "%s", name);
    trace->keys = calloc(count_lines(text) + 1, sizeof *trace->keys);
    if (trace->keys == NULL)
        bench_fail("no memory for %s", name);
    for (char *line; (line = strsep(&at, "\n")) != NULL;)
        if (*line != '\0')
            trace->keys[trace->count++] = strtoull(line, NULL, 10);
    free(text.bytes);
    return trace;
}

void trace_free(struct trace *trace)
{
    if (trace == NULL)
        return;
    free(trace->keys);
    free(trace);
}

size_t
trace_read_cells(const char *folder, size_t min_capacity, struct trace_cell *cells, size_t limit)
{
    FILE *file = open_in(folder, "reference-miss-ratios", ".csv");
    struct trace_cell cell;
    size_t count = 0;
    char policy[32];
    char line[256];

    while (count < limit && fgets(line, sizeof line, file) != NULL) {
        int got = sscanf(
            line, "%31[^,],%zu,%31[^,],%lf", cell.trace, &cell.capacity, policy,
            &cell.lru_miss_ratio);

        if (got == 4 && strcmp(policy, "LRU") == 0 && cell.capacity >= min_capacity)
            cells[count++] = cell;
    }
    fclose(file);
    return count;
}
