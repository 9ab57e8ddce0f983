/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_writer.h"
#include "cache/cache.h"

enum unit {
    COUNT,
    BYTES,
    NANOSECONDS
};

/* What Prometheus calls it: a counter never falls while the cache lives. */
enum kind {
    COUNTER,
    GAUGE
};

/*
 * A statistic as every format shows it. Rows of one metric stand together, because
 * Prometheus wants them so; they differ in the label `cause`.
 */
struct field {
    const char *name; /* the member's, and the key in JSON */
    size_t offset;
    const char *label; /* in the text */
    enum unit unit;
    enum kind kind;
    const char *metric; /* behind "brisk_cache_" */
    const char *cause;  /* or NULL */
    const char *help;
};

#define MEMBER(name) #name, offsetof(struct brisk_cache_stats, name)
#define EVICTIONS "evictions_total"
#define EVICTIONS_HELP "Entries that left, by cause"

static const struct field fields[] = {
    {MEMBER(hits), "hits", COUNT, COUNTER, "hits_total", NULL, "Lookups that found a value"},
    {MEMBER(misses), "misses", COUNT, COUNTER, "misses_total", NULL,
     "Lookups that found none, expired and known to be missing included"},
    {MEMBER(expired), "expired lookups", COUNT, COUNTER, "expired_lookups_total", NULL,
     "Misses that found an entry past its deadline"},
    {MEMBER(stale_hits), "stale hits", COUNT, COUNTER, "stale_hits_total", NULL,
     "Hits that gave out an expired value because stale values are allowed"},
    {MEMBER(ghost_hits), "ghost hits", COUNT, COUNTER, "ghost_hits_total", NULL,
     "Stores of a key that was evicted not long ago"},
    {MEMBER(inserts), "inserts", COUNT, COUNTER, "inserts_total", NULL,
     "Stores of a key that was not there"},
    {MEMBER(replaces), "replaces", COUNT, COUNTER, "replaces_total", NULL,
     "Stores over an entry that was there"},
    {MEMBER(rejected), "rejected", COUNT, COUNTER, "rejected_total", NULL,
     "Stores that failed: too big, or no memory"},
    {MEMBER(loads), "loads", COUNT, COUNTER, "loads_total", NULL, "Calls of a loader that ended"},
    {MEMBER(load_failures), "load failures", COUNT, COUNTER, "load_failures_total", NULL,
     "Loads that failed"},
    {MEMBER(load_waits), "load waits", COUNT, COUNTER, "load_waits_total", NULL,
     "Lookups that waited for the load of another thread"},
    {MEMBER(load_ns), "load time", NANOSECONDS, COUNTER, "load_seconds_total", NULL,
     "Time spent in loaders"},
    {MEMBER(saved_ns), "time saved", NANOSECONDS, GAUGE, "saved_seconds", NULL,
     "Estimate: hits that would have loaded, times the mean load"},
    {MEMBER(evicted_capacity), "evicted for room", COUNT, COUNTER, EVICTIONS, "capacity",
     EVICTIONS_HELP},
    {MEMBER(evicted_expired), "expired", COUNT, COUNTER, EVICTIONS, "expired", EVICTIONS_HELP},
    {MEMBER(evicted_replaced), "replaced", COUNT, COUNTER, EVICTIONS, "replaced", EVICTIONS_HELP},
    {MEMBER(evicted_deleted), "deleted", COUNT, COUNTER, EVICTIONS, "deleted", EVICTIONS_HELP},
    {MEMBER(evicted_cleared), "cleared", COUNT, COUNTER, EVICTIONS, "cleared", EVICTIONS_HELP},
    {MEMBER(evicted_invalidated), "invalidated", COUNT, COUNTER, EVICTIONS, "invalidated",
     EVICTIONS_HELP},
    {MEMBER(evicted_capacity_bytes), "evicted bytes", BYTES, COUNTER,
     "evicted_capacity_bytes_total", NULL, "Bytes of the entries that left for room"},
    {MEMBER(entries), "entries", COUNT, GAUGE, "entries", NULL, "Entries now"},
    {MEMBER(max_entries), "limit of entries", COUNT, GAUGE, "max_entries", NULL,
     "Most entries; 0 is no limit"},
    {MEMBER(bytes), "bytes", BYTES, GAUGE, "bytes", NULL, "Keys, values and overhead now"},
    {MEMBER(max_bytes), "limit of bytes", BYTES, GAUGE, "max_bytes", NULL,
     "Most bytes; 0 is no limit"},
    {MEMBER(weight), "weight", COUNT, GAUGE, "weight", NULL, "Sum of the entries' weights now"},
    {MEMBER(max_weight), "limit of weight", COUNT, GAUGE, "max_weight", NULL,
     "Most weight; 0 is no limit"},
    {MEMBER(pinned_bytes), "pinned bytes", BYTES, GAUGE, "pinned_bytes", NULL,
     "Values that left the cache and that readers keep alive"},
};

enum {
    FIELD_COUNT = sizeof fields / sizeof fields[0]
};

_Static_assert(
    FIELD_COUNT * sizeof(uint64_t) ==
        sizeof(struct brisk_cache_stats) - offsetof(struct brisk_cache_stats, hits),
    "every statistic has its row");

static uint64_t value_of(const struct field *field, const struct brisk_cache_stats *stats)
{
    uint64_t value;
    memcpy(&value, (const char *)stats + field->offset, sizeof value);
    return value;
}

/* hits / lookups, in units of 10^-6 and cut, so that 1 means that nothing was missed. */
static uint64_t hit_ratio_millionths(const struct brisk_cache_stats *stats)
{
    double lookups = (double)stats->hits + (double)stats->misses;
    if (stats->misses == 0)
        return 1000000;
    uint64_t millionths = (uint64_t)((double)stats->hits * 1e6 / lookups);
    return millionths < 999999 ? millionths : 999999;
}

static bool has_lookups(const struct brisk_cache_stats *stats)
{
    return stats->hits != 0 || stats->misses != 0;
}

/* A value in the text: number and unit, the former rounded down to what a reader takes in. */
struct shown {
    uint64_t number;
    unsigned int decimals;
    const char *unit;
};

static struct shown show_bytes(uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024)
        return (struct shown){bytes, 0, "bytes"};
    unsigned int unit = 0;
    unsigned int shift = 10;
    for (; shift < 60 && bytes >> shift >= 1024; shift += 10)
        unit++;
    uint64_t tenths = (bytes >> shift) * 10 + ((bytes >> (shift - 10) & 1023) * 10 >> 10);
    return (struct shown){tenths, 1, units[unit]};
}

static struct shown show_time(uint64_t ns)
{
    if (ns < 1000)
        return (struct shown){ns, 0, "ns"};
    if (ns < 1000000)
        return (struct shown){ns / 100, 1, "us"};
    if (ns < 1000000000)
        return (struct shown){ns / 100000, 1, "ms"};
    if (ns < UINT64_C(1000000000000))
        return (struct shown){ns / 100000000, 1, "s"};
    return (struct shown){ns / 1000000000, 0, "s"};
}

static struct shown show(enum unit unit, uint64_t value)
{
    if (unit == BYTES)
        return show_bytes(value);
    if (unit == NANOSECONDS)
        return show_time(value);
    return (struct shown){value, 0, ""};
}

/* "12,345,678" */
static void put_grouped(struct bk_text *text, uint64_t value)
{
    uint64_t divisor = 1;
    while (value / divisor >= 1000)
        divisor *= 1000;
    bk_text_u64(text, value / divisor);
    for (divisor /= 1000; divisor != 0; divisor /= 1000) {
        bk_text_puts(text, ",");
        uint64_t group = value / divisor % 1000;
        bk_text_puts(text, group < 10 ? "00" : group < 100 ? "0" : "");
        bk_text_u64(text, group);
    }
}

/* Columns: label up to 18, number aligned right, unit. */
static void put_line(struct bk_text *text, const char *label, const struct shown *shown)
{
    enum {
        LABEL_WIDTH = 18,
        NUMBER_WIDTH = 14
    };
    char number[48];
    struct bk_text digits = {.buffer = number, .capacity = sizeof number};
    if (shown->decimals == 0)
        put_grouped(&digits, shown->number);
    else
        bk_text_decimal(&digits, shown->number, shown->decimals);

    size_t label_length = strlen(label);
    bk_text_puts(text, "  ");
    bk_text_puts(text, label);
    bk_text_pad(text, ' ', LABEL_WIDTH - label_length);
    bk_text_pad(text, ' ', digits.length < NUMBER_WIDTH ? NUMBER_WIDTH - digits.length : 1);
    bk_text_put(text, number, digits.length);
    if (shown->unit[0] != '\0')
        bk_text_puts(text, " ");
    bk_text_puts(text, shown->unit);
    bk_text_puts(text, "\n");
}

/* The name in one line of clean text. */
static void put_name(struct bk_text *text, const char *name)
{
    for (; *name != '\0'; name++)
        bk_text_put(text, (unsigned char)*name < 0x20 || *name == 0x7f ? "?" : name, 1);
}

static bool is_limit(const struct field *field)
{
    return strncmp(field->name, "max_", 4) == 0;
}

static void
write_text(struct bk_text *text, const char *name, const struct brisk_cache_stats *stats)
{
    bk_text_puts(text, "cache ");
    put_name(text, name);
    bk_text_puts(text, "\n");
    if (has_lookups(stats)) {
        struct shown ratio = {hit_ratio_millionths(stats) / 100, 2, "%"};
        put_line(text, "hit ratio", &ratio);
    }
    for (const struct field *field = fields; field < fields + FIELD_COUNT; field++) {
        uint64_t value = value_of(field, stats);
        struct shown shown = show(field->unit, value);
        if (value != 0 || !is_limit(field))
            put_line(text, field->label, &shown);
    }
}

static void
write_json(struct bk_text *text, const char *name, const struct brisk_cache_stats *stats)
{
    struct bk_json json = {.text = text};
    bk_json_begin(&json, '{');
    bk_json_key(&json, "name");
    bk_json_string(&json, name);
    bk_json_key(&json, "hit_ratio");
    if (has_lookups(stats))
        bk_json_decimal(&json, hit_ratio_millionths(stats), 6);
    else
        bk_json_null(&json);
    for (const struct field *field = fields; field < fields + FIELD_COUNT; field++) {
        bk_json_key(&json, field->name);
        bk_json_u64(&json, value_of(field, stats));
    }
    bk_json_end(&json, '}');
}

/* Label values are UTF-8 in which only these three are escaped. */
static void put_label_value(struct bk_text *text, const char *value)
{
    while (*value != '\0') {
        size_t length = bk_utf8_length(value);
        if (length == 0)
            bk_text_puts(text, BK_UTF8_REPLACEMENT);
        else if (*value == '\n')
            bk_text_puts(text, "\\n");
        else if (*value == '"' || *value == '\\') {
            bk_text_puts(text, "\\");
            bk_text_put(text, value, 1);
        } else
            bk_text_put(text, value, length);
        value += length == 0 ? 1 : length;
    }
}

static void put_metric(struct bk_text *text, const struct field *field)
{
    bk_text_puts(text, "brisk_cache_");
    bk_text_puts(text, field->metric);
}

static void put_metric_head(struct bk_text *text, const struct field *field)
{
    bk_text_puts(text, "# HELP ");
    put_metric(text, field);
    bk_text_puts(text, " ");
    bk_text_puts(text, field->help);
    bk_text_puts(text, ".\n# TYPE ");
    put_metric(text, field);
    bk_text_puts(text, field->kind == COUNTER ? " counter\n" : " gauge\n");
}

static void
put_sample(struct bk_text *text, const struct field *field, const char *name, uint64_t value)
{
    put_metric(text, field);
    bk_text_puts(text, "{name=\"");
    put_label_value(text, name);
    if (field->cause != NULL) {
        bk_text_puts(text, "\",cause=\"");
        bk_text_puts(text, field->cause);
    }
    bk_text_puts(text, "\"} ");
    if (field->unit == NANOSECONDS)
        bk_text_decimal(text, value, 9);
    else
        bk_text_u64(text, value);
    bk_text_puts(text, "\n");
}

static void
write_prometheus(struct bk_text *text, const char *name, const struct brisk_cache_stats *stats)
{
    const char *metric = "";
    for (const struct field *field = fields; field < fields + FIELD_COUNT; field++) {
        if (strcmp(field->metric, metric) != 0)
            put_metric_head(text, field);
        metric = field->metric;
        put_sample(text, field, name, value_of(field, stats));
    }
}

typedef void
write_fn(struct bk_text *text, const char *name, const struct brisk_cache_stats *stats);

static write_fn *writer_of(enum brisk_format format)
{
    switch (format) {
    case BRISK_FORMAT_TEXT:
        return write_text;
    case BRISK_FORMAT_JSON:
        return write_json;
    case BRISK_FORMAT_PROMETHEUS:
        return write_prometheus;
    }
    return NULL;
}

enum brisk_status brisk_cache_write_stats(
    struct brisk_cache *cache, enum brisk_format format, char *buffer, size_t capacity,
    size_t *length)
{
    *length = 0;
    write_fn *write = writer_of(format);
    if (write == NULL)
        return BRISK_ERR_UNSUPPORTED;
    struct brisk_cache_stats stats = {.size = sizeof stats};
    brisk_cache_read_stats(cache, &stats);

    struct bk_text measure = {0};
    write(&measure, cache->name, &stats);
    *length = measure.length;
    if (measure.length >= capacity)
        return BRISK_ERR_SHORT_BUFFER;
    struct bk_text text = {.buffer = buffer, .capacity = capacity};
    write(&text, cache->name, &stats);
    buffer[text.length] = '\0';
    return BRISK_OK;
}
