/* SPDX-License-Identifier: Apache-2.0 */
/* Options, addresses, keys, and statistics of a client that talks to nobody. */
#include "tests/support/brisk_test.h"

#include <brisk/memcached.h>
#include <brisk/registry.h>

#include "cache/memcached/address.h"
#include "cache/memcached/key.h"
#include "cache/memcached/latency.h"

#include "base/memory.h"

static void addresses_are_read_as_they_are_written(void **state)
{
    (void)state;
    const struct {
        const char *text, *host;
        uint16_t port;
        const char *name;
    } rows[] = {
        {"10.0.0.1", "10.0.0.1", 11211, "10.0.0.1"},
        {"host:11211", "host", 11211, "host"},
        {"host:80", "host", 80, "host:80"},
        {"::1", "::1", 11211, "::1"},
        {"[::1]", "::1", 11211, "::1"},
        {"[::1]:65535", "::1", 65535, "::1:65535"},
        {"/run/memcached.sock", "/run/memcached.sock", 0, "/run/memcached.sock:0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bk_mc_address address;
        assert_ok(bk_mc_address_read(&address, rows[i].text, NULL));
        char *name = bk_mc_address_name(&address);
        assert_string_equal(address.host, rows[i].host);
        assert_u64(address.port, rows[i].port);
        assert_string_equal(name, rows[i].name);
        assert_true(address.is_unix == (rows[i].port == 0));
        bk_free(address.host);
        bk_free(name);
    }
}

static void bad_addresses_are_refused_with_a_reason(void **state)
{
    (void)state;
    char path[200] = "/", host[300];
    memset(path + 1, 'x', 150);
    memset(host, 'h', 299);
    host[299] = '\0';
    const char *const texts[] = {NULL,      "",     ":80",     "host:",    "host:0", "host:65536",
                                 "host:8o", "[::1", "[::1]80", "[]",       "[::1]:", "a b",
                                 "a/b",     "a\nb", "host:-1", "host:+80", path,     host};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct brisk_memcached_server server = {texts[i], 1};
        struct brisk_memcached_options options = brisk_memcached_options_default();
        struct brisk_error error = {.message = ""};
        options.servers = &server;
        options.server_count = 1;
        struct brisk_memcached *client = brisk_memcached_open(&options, &error);
        assert_that(client == NULL, "'%s' is taken", texts[i]);
        assert_status(error.status, BRISK_ERR_INVALID);
        assert_non_null(strstr(error.message, "address"));
    }
}

static void expect_refusal(const struct brisk_memcached_options *options, const char *word)
{
    struct brisk_error error = {.message = ""};
    struct brisk_memcached *client = brisk_memcached_open(options, &error);
    assert_null(client);
    assert_status(error.status, BRISK_ERR_INVALID);
    assert_that(strstr(error.message, word) != NULL, "%s: %s", word, error.message);
}

static void bad_options_are_refused_by_name(void **state)
{
    (void)state;
    char prefix[130];
    memset(prefix, 'p', sizeof prefix);
    prefix[129] = '\0';
    struct brisk_memcached_server servers[] = {{"a", 1}, {"a:11211", 1}};
    struct brisk_memcached_options options = brisk_memcached_options_default();

    options.connections = 1025;
    expect_refusal(&options, "connections");
    options = brisk_memcached_options_default();
    options.key_prefix = prefix;
    expect_refusal(&options, "key_prefix");
    options.key_prefix = "a b";
    expect_refusal(&options, "key_prefix");
    options = brisk_memcached_options_default();
    options.servers = servers;
    expect_refusal(&options, "server_count");
    options.server_count = 2;
    expect_refusal(&options, "twice");
    options.server_count = 1;
    servers[0].weight = 1000001;
    expect_refusal(&options, "weight");
    options = brisk_memcached_options_default();
    options.size = 3;
    expect_refusal(&options, "size");
}

static void arguments_that_are_not_there_are_refused(void **state)
{
    (void)state;
    struct brisk_memcached *client = brisk_memcached_open(NULL, NULL);
    assert_non_null(client);
    struct brisk_bytes key = brisk_bytes_text("key");
    struct brisk_memcached_item item;
    struct brisk_memcached_stats stats = {.size = sizeof stats};
    size_t length;

    assert_status(brisk_memcached_get(NULL, key, NULL, &item, NULL), BRISK_ERR_INVALID);
    assert_status(brisk_memcached_get(client, key, NULL, NULL, NULL), BRISK_ERR_INVALID);
    assert_status(
        brisk_memcached_get_into(client, key, NULL, NULL, 1, &length, NULL), BRISK_ERR_INVALID);
    assert_status(brisk_memcached_get_and_touch(client, key, NULL, NULL, NULL), BRISK_ERR_INVALID);
    assert_status(brisk_memcached_set(NULL, key, key, NULL, NULL), BRISK_ERR_INVALID);
    assert_status(brisk_memcached_flush_all(NULL, NULL, NULL), BRISK_ERR_INVALID);
    assert_status(brisk_memcached_update(client, key, NULL, NULL, NULL, NULL), BRISK_ERR_INVALID);
    assert_status(brisk_memcached_read_server_stats(client, 1, &stats), BRISK_ERR_INVALID);
    assert_status(
        brisk_memcached_write_stats(client, (enum brisk_format)9, NULL, 0, &length),
        BRISK_ERR_UNSUPPORTED);
    struct brisk_memcached_call call = brisk_memcached_call_default();
    call.size = 1;
    assert_status(brisk_memcached_set(client, key, key, &call, NULL), BRISK_ERR_INVALID);
    brisk_memcached_close(client);
}

static void a_hashed_key_is_readable_unique_and_short_enough(void **state)
{
    (void)state;
    char text[1000], prefix[128];
    memset(text, 'k', sizeof text);
    memset(prefix, 'p', sizeof prefix);
    struct bk_mc_key a, b;

    assert_ok(
        bk_mc_key_make(&a, brisk_bytes_of(prefix, 128), brisk_bytes_of(text, 1000), true, NULL));
    text[999] = 'x';
    assert_ok(
        bk_mc_key_make(&b, brisk_bytes_of(prefix, 128), brisk_bytes_of(text, 1000), true, NULL));

    assert_true(a.is_hashed && a.length == 128 + 64 + 33 && b.length == a.length);
    assert_memory_equal(a.text, b.text, 128 + 64);
    assert_memory_not_equal(a.text, b.text, a.length);
    assert_ok(bk_mc_key_make(&a, brisk_bytes_text("p:"), brisk_bytes_text("a b\n"), true, NULL));
    assert_memory_equal(a.text, "p:a_b_~", 7);
    assert_true(bk_mc_is_sendable(brisk_bytes_of(a.text, a.length)));
}

static void percentiles_are_right_to_an_eighth(void **state)
{
    (void)state;
    static struct bk_latency latency, all;
    assert_u64(bk_latency_percentile(&latency, 0.5), 0);
    for (uint64_t i = 1; i <= 1000; i++)
        bk_latency_add(&latency, i * 1000);
    bk_latency_merge(&all, &latency);

    assert_in_range(bk_latency_percentile(&all, 0.5), 500000, 500000 + 500000 / 8);
    assert_in_range(bk_latency_percentile(&all, 0.99), 990000, 990000 + 990000 / 8);
    assert_in_range(bk_latency_percentile(&all, 0.999), 999000, 999000 + 999000 / 8);
    memset(&latency, 0, sizeof latency);
    bk_latency_add(&latency, 0);
    bk_latency_add(&latency, UINT64_MAX);
    assert_u64(bk_latency_percentile(&latency, 0.1), 0);
    assert_u64(bk_latency_percentile(&latency, 0.9), UINT64_MAX);
}

static enum brisk_status find_by_name(const struct brisk_registry_item *item, void *ctx)
{
    if (strcmp(item->name, "my \"servers\"") == 0)
        *(uint64_t *)ctx = item->id;
    return BRISK_OK;
}

static void statistics_come_in_three_formats_and_through_the_registry(void **state)
{
    (void)state;
    struct brisk_memcached_options options = brisk_memcached_options_default();
    options.name = "my \"servers\"";
    struct brisk_memcached *client = brisk_memcached_open(&options, NULL);
    assert_non_null(client);
    char text[8192];
    size_t length, needed;

    assert_ok(brisk_memcached_write_stats(client, BRISK_FORMAT_JSON, text, sizeof text, &length));
    assert_size(strlen(text), length);
    assert_non_null(strstr(text, "{\"name\":\"my \\\"servers\\\"\",\"reads\":0,\"hits\":0,"));
    assert_status(
        brisk_memcached_write_stats(client, BRISK_FORMAT_JSON, text, length, &needed),
        BRISK_ERR_SHORT_BUFFER);
    assert_size(needed, length);
    assert_ok(
        brisk_memcached_write_stats(client, BRISK_FORMAT_PROMETHEUS, text, sizeof text, &length));
    assert_non_null(strstr(
        text, "# TYPE brisk_memcached_errors_total counter\n"
              "brisk_memcached_errors_total{client=\"my \\\"servers\\\"\",kind=\"timeout\"} 0\n"));
    assert_non_null(strstr(text, "kind=\"p99\"} 0.000000000\n"));
    assert_ok(brisk_memcached_write_stats(client, BRISK_FORMAT_TEXT, text, sizeof text, &length));
    assert_non_null(strstr(text, "  unknown outcomes    0\n"));

    uint64_t id = 0;
    assert_ok(brisk_registry_for_each("memcached", find_by_name, &id));
    assert_ok(brisk_registry_describe(id, BRISK_FORMAT_TEXT, text, sizeof text, &needed));
    assert_size(needed, length);
    assert_status(
        brisk_registry_describe(id, BRISK_FORMAT_TEXT, NULL, 0, &needed), BRISK_ERR_SHORT_BUFFER);
    assert_size(needed, length + 1);
    brisk_memcached_close(client);
    assert_status(
        brisk_registry_describe(id, BRISK_FORMAT_TEXT, text, sizeof text, &needed), BRISK_MISS);
}

static void open_one(bool is_failing, void *ctx)
{
    (void)ctx;
    const struct brisk_memcached_server servers[] = {{"a", 1}, {"b:80", 2}, {"/c", 3}};
    struct brisk_memcached_options options = brisk_memcached_options_default();
    struct brisk_error error = {.status = BRISK_OK};
    options.servers = servers;
    options.server_count = 3;
    options.key_prefix = "p:";
    struct brisk_memcached *client = brisk_memcached_open(&options, &error);
    assert_true(client != NULL || (is_failing && error.status == BRISK_ERR_NOMEM));
    brisk_memcached_close(client);
}

static void without_memory_there_is_no_client(void **state)
{
    (void)state;
    for_each_allocation_failure(open_one, NULL);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(addresses_are_read_as_they_are_written),
    cmocka_unit_test(bad_addresses_are_refused_with_a_reason),
    cmocka_unit_test(bad_options_are_refused_by_name),
    cmocka_unit_test(arguments_that_are_not_there_are_refused),
    cmocka_unit_test(a_hashed_key_is_readable_unique_and_short_enough),
    cmocka_unit_test(percentiles_are_right_to_an_eighth),
    cmocka_unit_test(statistics_come_in_three_formats_and_through_the_registry),
    cmocka_unit_test(without_memory_there_is_no_client))
