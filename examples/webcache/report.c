/* SPDX-License-Identifier: Apache-2.0 */
#include "examples/webcache/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double per_second(const struct traffic_result *result)
{
    return result->seconds > 0 ? (double)result->requests / result->seconds : 0;
}

static double cpu_per_request_ns(const struct traffic_result *result)
{
    return result->requests != 0 ? (double)result->cpu_ns / (double)result->requests : 0;
}

static double saved_cpu_per_request_ns(const struct report *report)
{
    if (report->without == NULL || report->with == NULL)
        return 0;
    return cpu_per_request_ns(report->without) - cpu_per_request_ns(report->with);
}

enum {
    SHOWN_BYTES = 32
};

/* For the text of a value: one of a few that take turns. */
static char *next_buffer(void)
{
    static char buffers[4][SHOWN_BYTES];
    static unsigned int turn;
    return buffers[turn++ % 4];
}

static const char *show_count(double value)
{
    char digits[SHOWN_BYTES / 2];
    char *text = next_buffer();
    int length = snprintf(digits, sizeof digits, "%.0f", value < 1e14 ? value : 1e14);
    size_t used = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

static const char *show_time(double ns)
{
    char *text = next_buffer();
    if (ns < 1e3)
        snprintf(text, SHOWN_BYTES, "%.0f ns", ns);
    else if (ns < 1e6)
        snprintf(text, SHOWN_BYTES, "%.1f us", ns / 1e3);
    else if (ns < 1e9)
        snprintf(text, SHOWN_BYTES, "%.1f ms", ns / 1e6);
    else if (ns < 1e12)
        snprintf(text, SHOWN_BYTES, "%.1f s", ns / 1e9);
    else
        snprintf(text, SHOWN_BYTES, "%s s", show_count(ns / 1e9));
    return text;
}

typedef const char *show_fn(double value);
typedef double value_fn(const struct traffic_result *result);

static double requests_of(const struct traffic_result *result)
{
    return (double)result->requests;
}

static double p50_of(const struct traffic_result *result)
{
    return (double)latency_quantile(&result->latency, 0.5);
}

static double p99_of(const struct traffic_result *result)
{
    return (double)latency_quantile(&result->latency, 0.99);
}

static uint64_t faults_of(const struct traffic_result *result)
{
    return result != NULL ? result->wrong + result->failures : 0;
}

static void print_row(const char *label, const char *without, const char *with)
{
    printf("%-24s %16s %20s\n", label, without, with);
}

static void
print_values(const struct report *report, const char *label, value_fn *value_of, show_fn *show)
{
    print_row(
        label, report->without != NULL ? show(value_of(report->without)) : "-",
        report->with != NULL ? show(value_of(report->with)) : "-");
}

static void print_cache(const struct brisk_cache_stats *stats)
{
    uint64_t lookups = stats->hits + stats->misses;
    char text[64];
    if (lookups != 0) {
        snprintf(
            text, sizeof text, "%.1f %%", floor((double)stats->hits / (double)lookups * 1e3) / 10);
        print_row("hit ratio", "-", text);
    }
    print_row("responses in the cache", "-", show_count((double)stats->entries));
    snprintf(
        text, sizeof text, "%.2f of %.2f MiB", (double)stats->bytes / (1 << 20),
        (double)stats->max_bytes / (1 << 20));
    print_row("memory of the cache", "-", text);
    if (stats->evicted_capacity != 0)
        print_row("evicted for room", "-", show_count((double)stats->evicted_capacity));
    if (stats->load_waits != 0)
        print_row("waits for a load", "-", show_count((double)stats->load_waits));
}

static void print_gain(const struct report *report)
{
    if (report->without == NULL || report->with == NULL || per_second(report->without) <= 0)
        return;
    printf(
        "\nWith the cache %.1f times as many requests per second; each saves %s of CPU time.\n",
        per_second(report->with) / per_second(report->without),
        show_time(saved_cpu_per_request_ns(report)));
}

/* To be freed; NULL if there is no memory. */
static char *cache_statistics(struct brisk_cache *cache)
{
    size_t length;
    if (brisk_cache_write_stats(cache, BRISK_FORMAT_JSON, NULL, 0, &length) !=
        BRISK_ERR_SHORT_BUFFER)
        return NULL;
    size_t capacity = length + 256; /* numbers may have grown */
    char *text = malloc(capacity);
    if (text != NULL &&
        brisk_cache_write_stats(cache, BRISK_FORMAT_JSON, text, capacity, &length) != BRISK_OK) {
        free(text);
        return NULL;
    }
    return text;
}

void report_print_table(const struct report *report)
{
    print_row("", "without a cache", "with brisk");
    print_values(report, "requests", requests_of, show_count);
    print_values(report, "requests per second", per_second, show_count);
    print_values(report, "latency p50", p50_of, show_time);
    print_values(report, "latency p99", p99_of, show_time);
    print_values(report, "CPU time per request", cpu_per_request_ns, show_time);
    if (report->with != NULL) {
        struct brisk_cache_stats stats = {.size = sizeof stats};
        brisk_cache_read_stats(report->cache, &stats);
        print_cache(&stats);
    }
    print_gain(report);
    uint64_t faults = faults_of(report->without) + faults_of(report->with);
    if (faults == 0)
        printf("Each response was checked and was the file.\n");
    else
        printf("%s responses were missing or wrong.\n", show_count((double)faults));
    if (report->was_interrupted)
        printf("Interrupted: the figures are those up to there.\n");
}

static void print_json_run(const char *key, const struct traffic_result *result)
{
    if (result == NULL) {
        printf("\"%s\":null,", key);
        return;
    }
    printf(
        "\"%s\":{\"seconds\":%.3f,\"requests\":%" PRIu64 ",\"requests_per_s\":%.1f,"
        "\"p50_ns\":%.0f,\"p99_ns\":%.0f,\"cpu_ns\":%" PRIu64 ",\"rss_bytes\":%" PRIu64
        ",\"failures\":%" PRIu64 ",\"wrong\":%" PRIu64 "},",
        key, result->seconds, result->requests, per_second(result), p50_of(result), p99_of(result),
        result->cpu_ns, result->rss_bytes, result->failures, result->wrong);
}

void report_print_json(const struct report *report)
{
    char *statistics = report->with != NULL ? cache_statistics(report->cache) : NULL;
    printf(
        "{\"files\":%zu,\"bytes\":%" PRIu64 ",\"packed_bytes\":%" PRIu64
        ",\"threads\":%u,\"interrupted\":%s,",
        report->origin->count, report->origin->bytes, report->origin->packed_bytes,
        report->traffic->threads, report->was_interrupted ? "true" : "false");
    print_json_run("without", report->without);
    print_json_run("with", report->with);
    printf(
        "\"cpu_saved_per_request_ns\":%.0f,\"cache\":%s}\n", saved_cpu_per_request_ns(report),
        statistics != NULL ? statistics : "null");
    free(statistics);
}
