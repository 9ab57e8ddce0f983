/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/json_writer.h"
#include "cache/memcached/client.h"

/*
 * A statistic as every format shows it. Those of one metric stand together, because
 * Prometheus wants them so; they differ in the label `kind`.
 */
struct field {
    const char *name; /* the member's, and the key in JSON */
    size_t offset;
    const char *label;  /* in the text */
    const char *metric; /* behind "brisk_memcached_" */
    const char *kind;   /* or NULL */
    bool is_gauge;
    bool is_time; /* in nanoseconds; Prometheus wants seconds */
    const char *help;
};

#define MEMBER(name) #name, offsetof(struct brisk_memcached_stats, name)
#define ERRORS "errors_total"
#define ERRORS_HELP "Requests that failed, by kind"
#define LATENCY "latency_seconds"
#define LATENCY_HELP "Time of a call to one server"

static const struct field fields[] = {
    {MEMBER(reads), "reads", "reads_total", NULL, false, false, "Keys that were looked up"},
    {MEMBER(hits), "hits", "hits_total", NULL, false, false, "Keys that were found"},
    {MEMBER(misses), "misses", "misses_total", NULL, false, false, "Keys that were not there"},
    {MEMBER(writes), "writes", "writes_total", NULL, false, false, "All other requests"},
    {MEMBER(conflicts), "conflicts", "conflicts_total", NULL, false, false,
     "Conditional stores whose condition did not hold"},
    {MEMBER(timeouts), "timeouts", ERRORS, "timeout", false, false, ERRORS_HELP},
    {MEMBER(unreachable), "unreachable", ERRORS, "unreachable", false, false, ERRORS_HELP},
    {MEMBER(unknown_outcomes), "unknown outcomes", ERRORS, "unknown_outcome", false, false,
     ERRORS_HELP},
    {MEMBER(corrupt), "corrupt answers", ERRORS, "corrupt", false, false, ERRORS_HELP},
    {MEMBER(other_errors), "other errors", ERRORS, "other", false, false, ERRORS_HELP},
    {MEMBER(failed_as_miss), "failed as miss", "failed_as_miss_total", NULL, false, false,
     "Failed reads that were answered as misses"},
    {MEMBER(retries), "retries", "retries_total", NULL, false, false,
     "Requests sent again because an idle connection was dead"},
    {MEMBER(breaker_opened), "breaker opened", "breaker_opened_total", NULL, false, false,
     "How often a server was left alone because it failed"},
    {MEMBER(breaker_rejected), "breaker rejected", "breaker_rejected_total", NULL, false, false,
     "Requests that were not sent for that"},
    {MEMBER(connects), "connects", "connects_total", NULL, false, false, "Connections made"},
    {MEMBER(read_bytes), "bytes read", "read_bytes_total", NULL, false, false,
     "Bytes of the values that were found"},
    {MEMBER(written_bytes), "bytes written", "written_bytes_total", NULL, false, false,
     "Bytes of the values that were sent"},
    {MEMBER(p50_ns), "latency p50 ns", LATENCY, "p50", true, true, LATENCY_HELP},
    {MEMBER(p99_ns), "latency p99 ns", LATENCY, "p99", true, true, LATENCY_HELP},
    {MEMBER(p999_ns), "latency p99.9 ns", LATENCY, "p999", true, true, LATENCY_HELP},
    {MEMBER(breaker), "servers left alone", "breakers_not_closed", NULL, true, false,
     "Servers whose breaker is not closed"},
};

enum {
    FIELD_COUNT = sizeof fields / sizeof fields[0]
};

_Static_assert(
    FIELD_COUNT * sizeof(uint64_t) ==
        sizeof(struct brisk_memcached_stats) - offsetof(struct brisk_memcached_stats, reads),
    "every statistic has its row");

static uint64_t read_counter(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit((_Atomic uint64_t *)(uintptr_t)counter, memory_order_relaxed);
}

static void add_counters(struct brisk_memcached_stats *into, const struct bk_mc_counters *from)
{
    into->reads += read_counter(&from->reads);
    into->hits += read_counter(&from->hits);
    into->misses += read_counter(&from->misses);
    into->writes += read_counter(&from->writes);
    into->conflicts += read_counter(&from->conflicts);
    into->timeouts += read_counter(&from->timeouts);
    into->unreachable += read_counter(&from->unreachable);
    into->unknown_outcomes += read_counter(&from->unknown_outcomes);
    into->corrupt += read_counter(&from->corrupt);
    into->other_errors += read_counter(&from->other_errors);
    into->failed_as_miss += read_counter(&from->failed_as_miss);
    into->retries += read_counter(&from->retries);
    into->breaker_opened += read_counter(&from->breaker_opened);
    into->breaker_rejected += read_counter(&from->breaker_rejected);
    into->connects += read_counter(&from->connects);
    into->read_bytes += read_counter(&from->read_bytes);
    into->written_bytes += read_counter(&from->written_bytes);
}

static void set_percentiles(struct brisk_memcached_stats *stats, const struct bk_latency *latency)
{
    stats->p50_ns = bk_latency_percentile(latency, 0.5);
    stats->p99_ns = bk_latency_percentile(latency, 0.99);
    stats->p999_ns = bk_latency_percentile(latency, 0.999);
}

static enum brisk_breaker breaker_of(struct brisk_memcached *client, size_t index)
{
    struct bk_mc_process *process = bk_mc_process_of(client);
    return process == NULL ? BRISK_BREAKER_CLOSED
                           : bk_breaker_state(&process->lines[index].breaker);
}

/* What a caller of an older release has room for. */
static void give(struct brisk_memcached_stats *out, const struct brisk_memcached_stats *stats)
{
    size_t size = out->size < sizeof *stats ? out->size : sizeof *stats;
    if (size > offsetof(struct brisk_memcached_stats, reads))
        memcpy(&out->reads, &stats->reads, size - offsetof(struct brisk_memcached_stats, reads));
}

enum brisk_status brisk_memcached_read_server_stats(
    struct brisk_memcached *client, size_t index, struct brisk_memcached_stats *stats)
{
    if (client == NULL || stats == NULL || index >= client->server_count)
        return BRISK_ERR_INVALID;
    struct brisk_memcached_stats own = {.size = sizeof own};
    add_counters(&own, &client->servers[index].counters);
    set_percentiles(&own, &client->servers[index].counters.latency);
    own.breaker = breaker_of(client, index);
    give(stats, &own);
    return BRISK_OK;
}

void brisk_memcached_read_stats(struct brisk_memcached *client, struct brisk_memcached_stats *stats)
{
    if (client == NULL || stats == NULL)
        return;
    struct brisk_memcached_stats own = {.size = sizeof own};
    struct bk_latency latency = {0};
    for (size_t i = 0; i < client->server_count; i++) {
        add_counters(&own, &client->servers[i].counters);
        bk_latency_merge(&latency, &client->servers[i].counters.latency);
        own.breaker += breaker_of(client, i) != BRISK_BREAKER_CLOSED;
    }
    set_percentiles(&own, &latency);
    give(stats, &own);
}

static uint64_t value_of(const struct field *field, const struct brisk_memcached_stats *stats)
{
    uint64_t value;
    memcpy(&value, (const char *)stats + field->offset, sizeof value);
    return value;
}

static void write_text(
    struct bk_text *text, const struct brisk_memcached *client,
    const struct brisk_memcached_stats *stats)
{
    enum {
        COLUMN = 20
    };
    bk_text_puts(text, client->name);
    bk_text_puts(text, "\n");
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        bk_text_puts(text, "  ");
        bk_text_puts(text, fields[i].label);
        bk_text_pad(text, ' ', COLUMN - strlen(fields[i].label));
        bk_text_u64(text, value_of(&fields[i], stats));
        bk_text_puts(text, "\n");
    }
}

static void write_json(
    struct bk_text *text, const struct brisk_memcached *client,
    const struct brisk_memcached_stats *stats)
{
    struct bk_json json = {.text = text};
    bk_json_begin(&json, '{');
    bk_json_key(&json, "name");
    bk_json_string(&json, client->name);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        bk_json_key(&json, fields[i].name);
        bk_json_u64(&json, value_of(&fields[i], stats));
    }
    bk_json_end(&json, '}');
}

/* A label's value, as the exposition format escapes it. */
static void write_label(struct bk_text *text, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\\' || *value == '"')
            bk_text_put(text, "\\", 1);
        if (*value == '\n')
            bk_text_puts(text, "\\n");
        else
            bk_text_put(text, value, 1);
    }
}

static void write_head(struct bk_text *text, const struct field *field)
{
    bk_text_puts(text, "# HELP brisk_memcached_");
    bk_text_puts(text, field->metric);
    bk_text_puts(text, " ");
    bk_text_puts(text, field->help);
    bk_text_puts(text, "\n# TYPE brisk_memcached_");
    bk_text_puts(text, field->metric);
    bk_text_puts(text, field->is_gauge ? " gauge\n" : " counter\n");
}

static void write_prometheus(
    struct bk_text *text, const struct brisk_memcached *client,
    const struct brisk_memcached_stats *stats)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct field *field = &fields[i];
        if (i == 0 || strcmp(field->metric, fields[i - 1].metric) != 0)
            write_head(text, field);
        bk_text_puts(text, "brisk_memcached_");
        bk_text_puts(text, field->metric);
        bk_text_puts(text, "{client=\"");
        write_label(text, client->name);
        if (field->kind != NULL) {
            bk_text_puts(text, "\",kind=\"");
            bk_text_puts(text, field->kind);
        }
        bk_text_puts(text, "\"} ");
        if (field->is_time)
            bk_text_decimal(text, value_of(field, stats), 9);
        else
            bk_text_u64(text, value_of(field, stats));
        bk_text_puts(text, "\n");
    }
}

enum brisk_status brisk_memcached_write_stats(
    struct brisk_memcached *client, enum brisk_format format, char *buffer, size_t capacity,
    size_t *length)
{
    if (client == NULL || length == NULL || (buffer == NULL && capacity > 0))
        return BRISK_ERR_INVALID;
    struct brisk_memcached_stats stats = {.size = sizeof stats};
    brisk_memcached_read_stats(client, &stats);
    struct bk_text text = {.buffer = buffer, .capacity = capacity};
    if (format == BRISK_FORMAT_TEXT)
        write_text(&text, client, &stats);
    else if (format == BRISK_FORMAT_JSON)
        write_json(&text, client, &stats);
    else if (format == BRISK_FORMAT_PROMETHEUS)
        write_prometheus(&text, client, &stats);
    else
        return BRISK_ERR_UNSUPPORTED;
    *length = text.length;
    if (text.length >= capacity)
        return BRISK_ERR_SHORT_BUFFER;
    buffer[text.length] = '\0';
    return BRISK_OK;
}
