/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <jansson.h>

#include "tests/cache/cache_support.h"

static struct brisk_cache *new_named(const char *name)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.name = name;
    options.max_entries = 1000;
    options.max_bytes = 1 << 20;
    options.hash_seed = 1;
    return new_cache(&options);
}

static enum brisk_status
load(struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    (void)entry, (void)ctx;
    return brisk_view_copy(out, key);
}

/* 3 hits, 2 misses, 1 load, 2 inserts, 1 deletion. */
static void use(struct brisk_cache *cache)
{
    struct brisk_bytes a = brisk_bytes_text("a"), b = brisk_bytes_text("b");
    struct brisk_view view;
    assert_status(brisk_cache_get(cache, a, &view), BRISK_MISS);
    assert_ok(brisk_cache_set(cache, a, a, NULL));
    for (int i = 0; i < 3; i++) {
        assert_ok(brisk_cache_get_or_load(cache, i == 0 ? b : a, &view, load, NULL));
        brisk_view_release(&view);
    }
    assert_ok(brisk_cache_get(cache, b, &view));
    brisk_view_release(&view);
    assert_ok(brisk_cache_delete(cache, b));
}

/* To be freed. */
static char *write_stats(struct brisk_cache *cache, enum brisk_format format)
{
    size_t capacity = 1 << 16;
    char *text = malloc(capacity);
    size_t length;
    assert_non_null(text);
    assert_ok(brisk_cache_write_stats(cache, format, text, capacity, &length));
    assert_size(strlen(text), length);
    return text;
}

static json_t *read_json(struct brisk_cache *cache)
{
    char *text = write_stats(cache, BRISK_FORMAT_JSON);
    json_error_t error;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    assert_that(json != NULL, "%s in: %s", error.text, text);
    assert_null(strchr(text, '\n'));
    free(text);
    return json;
}

static uint64_t number_in(json_t *json, const char *key)
{
    json_t *value = json_object_get(json, key);
    assert_that(json_is_integer(value), "%s is not there", key);
    return (uint64_t)json_integer_value(value);
}

static void json_has_every_counter(void **state)
{
    struct brisk_cache *cache = new_named("pages");
    (void)state;
    use(cache);
    struct brisk_cache_stats stats = stats_of(cache);

    json_t *json = read_json(cache);

    assert_string_equal(json_string_value(json_object_get(json, "name")), "pages");
    assert_u64(number_in(json, "hits"), 3);
    assert_u64(number_in(json, "misses"), 2);
    assert_u64(number_in(json, "inserts"), 2);
    assert_u64(number_in(json, "evicted_deleted"), 1);
    assert_u64(number_in(json, "evicted_capacity"), 0);
    assert_u64(number_in(json, "loads"), 1);
    assert_u64(number_in(json, "load_ns"), stats.load_ns);
    assert_u64(number_in(json, "saved_ns"), stats.saved_ns);
    assert_u64(number_in(json, "entries"), 1);
    assert_u64(number_in(json, "bytes"), stats.bytes);
    assert_u64(number_in(json, "max_entries"), 1000);
    assert_u64(number_in(json, "max_bytes"), 1 << 20);
    assert_true(json_real_value(json_object_get(json, "hit_ratio")) == 0.6);
    size_t counters = (sizeof stats - offsetof(struct brisk_cache_stats, hits)) / sizeof(uint64_t);
    assert_size(json_object_size(json), counters + 2);
    json_decref(json);
    brisk_cache_free(cache);
}

static void a_ratio_of_nothing_is_null(void **state)
{
    struct brisk_cache *cache = new_named("new");
    (void)state;

    json_t *json = read_json(cache);

    assert_true(json_is_null(json_object_get(json, "hit_ratio")));
    json_decref(json);
    brisk_cache_free(cache);
}

static void a_single_miss_keeps_the_ratio_below_one(void **state)
{
    struct brisk_cache *cache = new_named("new");
    struct brisk_bytes key = brisk_bytes_text("key");
    char buffer[8];
    size_t length;
    (void)state;
    assert_status(brisk_cache_get_into(cache, key, buffer, sizeof buffer, &length), BRISK_MISS);
    assert_ok(brisk_cache_set(cache, key, key, NULL));
    for (int i = 0; i < 2000000; i++)
        assert_true(brisk_cache_get_into(cache, key, buffer, sizeof buffer, &length) == BRISK_OK);

    json_t *json = read_json(cache);
    char *text = write_stats(cache, BRISK_FORMAT_TEXT);

    assert_true(json_real_value(json_object_get(json, "hit_ratio")) == 0.999999);
    assert_non_null(strstr(text, " 99.99 %\n"));
    free(text);
    json_decref(json);
    brisk_cache_free(cache);
}

static void a_strange_name_is_escaped_in_json(void **state)
{
    struct brisk_cache *cache = new_named("a \"b\\\n\x01\xff\xc3\xa4");
    (void)state;

    json_t *json = read_json(cache);

    assert_string_equal(
        json_string_value(json_object_get(json, "name")), "a \"b\\\n\x01\xef\xbf\xbd\xc3\xa4");
    json_decref(json);
    brisk_cache_free(cache);
}

static void text_is_a_title_and_aligned_lines(void **state)
{
    struct brisk_cache *cache = new_named("pages");
    (void)state;
    use(cache);

    char *text = write_stats(cache, BRISK_FORMAT_TEXT);

    static const char start[] = "cache pages\n"
                                "  hit ratio                  60.00 %\n"
                                "  hits                           3\n"
                                "  misses                         2\n"
                                "  expired lookups                0\n";
    assert_bytes(brisk_bytes_of(text, sizeof start - 1), brisk_bytes_of(start, sizeof start - 1));
    assert_non_null(strstr(text, "\n  limit of entries           1,000\n"));
    assert_non_null(strstr(text, "\n  limit of bytes               1.0 MiB\n"));
    assert_null(strstr(text, "limit of weight"));
    free(text);
    brisk_cache_free(cache);
}

static void a_name_stays_in_one_line_of_text(void **state)
{
    struct brisk_cache *cache = new_named("two\nlines");
    (void)state;

    char *text = write_stats(cache, BRISK_FORMAT_TEXT);

    assert_memory_equal(text, "cache two?lines\n", 16);
    free(text);
    brisk_cache_free(cache);
}

/*
 * The exposition format 0.0.4, as far as it is used here: HELP, TYPE, then the
 * samples of that metric, in one group; names [a-zA-Z_][a-zA-Z0-9_]*; labels quoted,
 * with the escapes \\, \" and \n; a number.
 */
struct prometheus {
    const char *at;
    char metric[128];
    bool is_counter;
    unsigned int samples;
    char seen[64][128]; /* metrics that had their group */
    unsigned int seen_count;
};

static bool take(struct prometheus *parser, const char *text)
{
    size_t length = strlen(text);
    if (strncmp(parser->at, text, length) != 0)
        return false;
    parser->at += length;
    return true;
}

static bool take_name(struct prometheus *parser, char *name)
{
    size_t length = 0;
    while (isalnum((unsigned char)parser->at[length]) || parser->at[length] == '_')
        length++;
    if (length == 0 || length > 100 || isdigit((unsigned char)parser->at[0]))
        return false;
    memcpy(name, parser->at, length);
    name[length] = '\0';
    parser->at += length;
    return true;
}

static bool take_line(struct prometheus *parser)
{
    const char *end = strchr(parser->at, '\n');
    if (end == NULL || end == parser->at)
        return false;
    parser->at = end + 1;
    return true;
}

static bool take_head(struct prometheus *parser)
{
    char again[128];
    if (!take_name(parser, parser->metric) || !take(parser, " ") || !take_line(parser) ||
        !take(parser, "# TYPE ") || !take_name(parser, again) || !take(parser, " ") ||
        strcmp(again, parser->metric) != 0)
        return false;
    parser->is_counter = take(parser, "counter\n");
    if (!parser->is_counter && !take(parser, "gauge\n"))
        return false;
    for (unsigned int i = 0; i < parser->seen_count; i++)
        if (strcmp(parser->seen[i], again) == 0)
            return false;
    memcpy(parser->seen[parser->seen_count++], again, sizeof again);
    return true;
}

static bool take_quoted(struct prometheus *parser)
{
    if (!take(parser, "\""))
        return false;
    while (*parser->at != '"') {
        if (*parser->at == '\0' || *parser->at == '\n')
            return false;
        if (*parser->at++ == '\\' && strchr("\\\"n", *parser->at++) == NULL)
            return false;
    }
    return take(parser, "\"");
}

static bool take_sample(struct prometheus *parser)
{
    char name[128];
    if (!take_name(parser, name) || strcmp(name, parser->metric) != 0 || !take(parser, "{"))
        return false;
    do
        if (!take_name(parser, name) || !take(parser, "=") || !take_quoted(parser))
            return false;
    while (take(parser, ","));
    char *end;
    if (!take(parser, "} ") || !isdigit((unsigned char)*parser->at))
        return false;
    strtod(parser->at, &end);
    parser->at = end;
    parser->samples++;
    return take(parser, "\n");
}

static unsigned int count_samples(const char *text)
{
    struct prometheus *parser = calloc(1, sizeof *parser);
    assert_non_null(parser);
    parser->at = text;
    while (*parser->at != '\0') {
        const char *start = parser->at;
        bool is_right = take(parser, "# HELP ") ? take_head(parser) : take_sample(parser);
        assert_that(is_right, "at: %.120s", start);
        size_t length = strlen(parser->metric);
        bool is_total = length > 6 && strcmp(parser->metric + length - 6, "_total") == 0;
        assert_that(is_total == parser->is_counter, "%s", parser->metric);
    }
    unsigned int samples = parser->samples;
    free(parser);
    return samples;
}

static void prometheus_follows_the_grammar(void **state)
{
    struct brisk_cache *cache = new_named("pages");
    (void)state;
    use(cache);

    char *text = write_stats(cache, BRISK_FORMAT_PROMETHEUS);

    size_t counters = (sizeof(struct brisk_cache_stats) -
                       offsetof(struct brisk_cache_stats, hits)) /
                      sizeof(uint64_t);
    assert_size(count_samples(text), counters);
    assert_non_null(strstr(text, "\nbrisk_cache_hits_total{name=\"pages\"} 3\n"));
    assert_non_null(
        strstr(text, "\nbrisk_cache_evictions_total{name=\"pages\",cause=\"deleted\"} 1\n"));
    assert_non_null(strstr(text, "\n# TYPE brisk_cache_entries gauge\n"));
    free(text);
    brisk_cache_free(cache);
}

static void a_strange_name_is_escaped_in_prometheus(void **state)
{
    struct brisk_cache *cache = new_named("a \"b\\\n\xff");
    (void)state;

    char *text = write_stats(cache, BRISK_FORMAT_PROMETHEUS);

    count_samples(text);
    assert_non_null(
        strstr(text, "\nbrisk_cache_hits_total{name=\"a \\\"b\\\\\\n\xef\xbf\xbd\"} 0\n"));
    free(text);
    brisk_cache_free(cache);
}

static void a_buffer_of_exactly_the_length_is_enough(void **state)
{
    static const enum brisk_format formats[] = {
        BRISK_FORMAT_TEXT, BRISK_FORMAT_JSON, BRISK_FORMAT_PROMETHEUS};
    struct brisk_cache *cache = new_named("pages");
    (void)state;
    use(cache);

    for (size_t i = 0; i < 3; i++) {
        size_t needed, length;
        assert_status(
            brisk_cache_write_stats(cache, formats[i], NULL, 0, &needed), BRISK_ERR_SHORT_BUFFER);
        char *buffer = malloc(needed + 1);
        assert_non_null(buffer);
        memset(buffer, '#', needed + 1);
        assert_status(
            brisk_cache_write_stats(cache, formats[i], buffer, needed, &length),
            BRISK_ERR_SHORT_BUFFER);
        assert_size(length, needed);
        assert_int_equal(buffer[0], '#');
        assert_int_equal(buffer[needed - 1], '#');
        assert_ok(brisk_cache_write_stats(cache, formats[i], buffer, needed + 1, &length));
        assert_size(length, needed);
        assert_size(strlen(buffer), needed);
        free(buffer);
    }
    brisk_cache_free(cache);
}

static void an_unknown_format_is_unsupported(void **state)
{
    struct brisk_cache *cache = new_named("pages");
    char buffer[8];
    size_t length = 9;
    (void)state;

    enum brisk_status status = brisk_cache_write_stats(
        cache, (enum brisk_format)3, buffer, sizeof buffer, &length);

    assert_status(status, BRISK_ERR_UNSUPPORTED);
    assert_size(length, 0);
    brisk_cache_free(cache);
}

struct described {
    char text[8192];
    unsigned int count;
};

static enum brisk_status describe(const struct brisk_registry_item *item, void *ctx)
{
    struct described *described = ctx;
    size_t length;
    described->count++;
    return brisk_registry_describe(
        item->id, BRISK_FORMAT_JSON, described->text, sizeof described->text, &length);
}

static void the_registry_describes_a_cache(void **state)
{
    struct brisk_cache *cache = new_named("pages");
    struct described described = {.count = 0};
    (void)state;

    assert_ok(brisk_registry_for_each("cache", describe, &described));

    assert_u64(described.count, 1);
    assert_memory_equal(described.text, "{\"name\":\"pages\",", 16);
    brisk_cache_free(cache);
}

static const char *end_of_line(const char *line)
{
    return strchr(line, '\n') + 1;
}

/* The head of each metric from the first cache, then its samples from both. */
static char *group_by_metric(const char *first, const char *second)
{
    char *grouped = calloc(2, strlen(first) + strlen(second));
    char *end = grouped;
    assert_non_null(grouped);
    while (*first != '\0') {
        const char *const texts[] = {first, second};
        for (int i = 0; i < 2; i++) {
            const char *line = texts[i];
            while (*line == '#')
                line = end_of_line(line);
            const char *samples = i == 0 ? texts[i] : line;
            while (*line != '#' && *line != '\0')
                line = end_of_line(line);
            memcpy(end, samples, (size_t)(line - samples));
            end += line - samples;
            *(i == 0 ? &first : &second) = line;
        }
    }
    return grouped;
}

/* As docs/cache.md tells an exporter to do: one HELP and one TYPE for each metric. */
static void the_samples_of_several_caches_can_be_put_together_by_metric(void **state)
{
    struct brisk_cache *pages = new_named("pages"), *users = new_named("users");
    (void)state;
    use(pages);
    char *first = write_stats(pages, BRISK_FORMAT_PROMETHEUS);
    char *second = write_stats(users, BRISK_FORMAT_PROMETHEUS);

    char *grouped = group_by_metric(first, second);

    assert_size(count_samples(grouped), 2 * count_samples(first));
    assert_non_null(strstr(
        grouped, "\nbrisk_cache_hits_total{name=\"pages\"} 3\n"
                 "brisk_cache_hits_total{name=\"users\"} 0\n"));
    free(grouped);
    free(second);
    free(first);
    brisk_cache_free(users);
    brisk_cache_free(pages);
}

static void the_greatest_numbers_are_written_whole(void **state)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.max_weight = UINT64_MAX;
    options.weigh = weigh_length;
    struct brisk_cache *cache = new_cache(&options);
    (void)state;
    char *text = write_stats(cache, BRISK_FORMAT_TEXT);
    char *json = write_stats(cache, BRISK_FORMAT_JSON);
    char *prometheus = write_stats(cache, BRISK_FORMAT_PROMETHEUS);

    assert_non_null(strstr(text, " 18,446,744,073,709,551,615\n"));
    assert_non_null(strstr(json, "\"max_weight\":18446744073709551615"));
    assert_non_null(strstr(prometheus, "_max_weight{name=\"cache\"} 18446744073709551615\n"));
    count_samples(prometheus);
    free(prometheus);
    free(json);
    free(text);
    brisk_cache_free(cache);
}

static void a_name_is_copied_and_cache_where_none_is_given(void **state)
{
    char name[] = "pages";
    struct brisk_cache *named = new_named(name), *unnamed = new_cache(NULL);
    (void)state;
    name[0] = 'X';

    char *first = write_stats(named, BRISK_FORMAT_TEXT);
    char *second = write_stats(unnamed, BRISK_FORMAT_TEXT);

    assert_memory_equal(first, "cache pages\n", 12);
    assert_memory_equal(second, "cache cache\n", 12);
    free(second);
    free(first);
    brisk_cache_free(unnamed);
    brisk_cache_free(named);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(json_has_every_counter), cmocka_unit_test(a_ratio_of_nothing_is_null),
    cmocka_unit_test(a_single_miss_keeps_the_ratio_below_one),
    cmocka_unit_test(a_strange_name_is_escaped_in_json),
    cmocka_unit_test(text_is_a_title_and_aligned_lines),
    cmocka_unit_test(a_name_stays_in_one_line_of_text),
    cmocka_unit_test(prometheus_follows_the_grammar),
    cmocka_unit_test(a_strange_name_is_escaped_in_prometheus),
    cmocka_unit_test(a_buffer_of_exactly_the_length_is_enough),
    cmocka_unit_test(an_unknown_format_is_unsupported),
    cmocka_unit_test(the_registry_describes_a_cache),
    cmocka_unit_test(the_samples_of_several_caches_can_be_put_together_by_metric),
    cmocka_unit_test(the_greatest_numbers_are_written_whole),
    cmocka_unit_test(a_name_is_copied_and_cache_where_none_is_given))
