/* SPDX-License-Identifier: Apache-2.0 */
/* Every verb against a real memcached, by TCP. */
#include "tests/memcached/server.h"

#include "cache/memcached/key.h"

static struct server server;
static struct brisk_memcached *client;

static void begin(void)
{
    if (client == NULL) {
        server_start(&server);
        client = client_of(&server);
    }
    assert_ok(brisk_memcached_flush_all(client, NULL, NULL));
}

static void expect_stored(const char *key, struct brisk_bytes want)
{
    struct brisk_memcached_item item;
    assert_ok(brisk_memcached_get(client, T(key), NULL, &item, NULL));
    assert_bytes(brisk_view_bytes(&item.value), want);
    brisk_view_release(&item.value);
}

static void expect_miss(const char *key)
{
    struct brisk_memcached_item item;
    assert_status(brisk_memcached_get(client, T(key), NULL, &item, NULL), BRISK_MISS);
    assert_null(item.value.data);
}

static void set(const char *key, const char *value)
{
    assert_ok(brisk_memcached_set(client, T(key), T(value), NULL, NULL));
}

static void what_is_set_is_got(void **state)
{
    (void)state;
    begin();

    set("some_key", "some_value");

    expect_stored("some_key", T("some_value"));
    expect_miss("other_key");
}

static void an_empty_value_is_not_a_miss(void **state)
{
    (void)state;
    begin();

    assert_ok(brisk_memcached_set(client, T("key"), brisk_bytes_of(NULL, 0), NULL, NULL));

    expect_stored("key", brisk_bytes_of(NULL, 0));
}

static void flags_come_back_as_they_were_given(void **state)
{
    (void)state;
    begin();
    struct brisk_memcached_call call = brisk_memcached_call_default();
    struct brisk_memcached_item item;

    call.flags = BRISK_MEMCACHED_FLAGS;
    assert_ok(brisk_memcached_set(client, T("key"), T("value"), &call, NULL));
    assert_ok(brisk_memcached_get(client, T("key"), NULL, &item, NULL));
    assert_u64(item.flags, BRISK_MEMCACHED_FLAGS);
    brisk_view_release(&item.value);

    call.flags = BRISK_MEMCACHED_FLAGS + 1;
    assert_status(
        brisk_memcached_set(client, T("key"), T("value"), &call, NULL), BRISK_ERR_INVALID);
}

static void get_into_copies_without_an_allocation(void **state)
{
    (void)state;
    begin();
    set("key", "0123456789");
    char buffer[10];
    size_t length;
    assert_ok(brisk_memcached_get_into(client, T("key"), NULL, buffer, 10, &length, NULL));

    uint64_t before = allocation_count();
    assert_ok(brisk_memcached_get_into(client, T("key"), NULL, buffer, 10, &length, NULL));

    assert_u64(allocation_count() - before, 0);
    assert_bytes(brisk_bytes_of(buffer, length), T("0123456789"));
    assert_status(
        brisk_memcached_get_into(client, T("key"), NULL, buffer, 9, &length, NULL),
        BRISK_ERR_SHORT_BUFFER);
    assert_size(length, 10);
    assert_status(
        brisk_memcached_get_into(client, T("none"), NULL, buffer, 9, &length, NULL), BRISK_MISS);
}

static void a_value_outlives_the_client(void **state)
{
    (void)state;
    begin();
    struct brisk_memcached *other = client_of(&server);
    struct brisk_memcached_item item;
    set("key", "value");

    assert_ok(brisk_memcached_get(other, T("key"), NULL, &item, NULL));
    brisk_memcached_close(other);

    assert_bytes(brisk_view_bytes(&item.value), T("value"));
    brisk_view_release(&item.value);
}

static void add_stores_only_what_is_not_there(void **state)
{
    (void)state;
    begin();

    assert_ok(brisk_memcached_add(client, T("key"), T("1"), NULL, NULL));
    assert_status(brisk_memcached_add(client, T("key"), T("2"), NULL, NULL), BRISK_NOT_STORED);

    expect_stored("key", T("1"));
}

static void replace_stores_only_what_is_there(void **state)
{
    (void)state;
    begin();

    assert_status(brisk_memcached_replace(client, T("key"), T("1"), NULL, NULL), BRISK_NOT_STORED);
    expect_miss("key");
    set("key", "1");
    assert_ok(brisk_memcached_replace(client, T("key"), T("2"), NULL, NULL));

    expect_stored("key", T("2"));
}

static void append_and_prepend_extend_what_is_there(void **state)
{
    (void)state;
    begin();

    assert_status(brisk_memcached_append(client, T("key"), T("c"), NULL, NULL), BRISK_NOT_STORED);
    assert_status(brisk_memcached_prepend(client, T("key"), T("a"), NULL, NULL), BRISK_NOT_STORED);
    set("key", "b");
    assert_ok(brisk_memcached_append(client, T("key"), T("c"), NULL, NULL));
    assert_ok(brisk_memcached_prepend(client, T("key"), T("a"), NULL, NULL));

    expect_stored("key", T("abc"));
}

static void cas_stores_if_nobody_was_faster(void **state)
{
    (void)state;
    begin();
    struct brisk_memcached_item item;
    set("key", "1");
    assert_ok(brisk_memcached_get(client, T("key"), NULL, &item, NULL));
    brisk_view_release(&item.value);

    assert_ok(brisk_memcached_cas(client, T("key"), T("2"), item.cas, NULL, NULL));
    assert_status(
        brisk_memcached_cas(client, T("key"), T("3"), item.cas, NULL, NULL), BRISK_CONFLICT);
    expect_stored("key", T("2"));

    assert_ok(brisk_memcached_delete(client, T("key"), NULL, NULL));
    assert_status(brisk_memcached_cas(client, T("key"), T("3"), item.cas, NULL, NULL), BRISK_MISS);
    expect_miss("key");
}

static void a_cas_token_of_another_server_is_a_conflict(void **state)
{
    (void)state;
    begin();
    struct server second;
    server_start(&second);
    struct brisk_memcached *other = client_of(&second);
    struct brisk_memcached_item here, there;
    /* The first items of both servers have the same token. */
    set("key", "1");
    assert_ok(brisk_memcached_set(other, T("key"), T("1"), NULL, NULL));
    assert_ok(brisk_memcached_get(client, T("key"), NULL, &here, NULL));
    do {
        assert_ok(brisk_memcached_set(other, T("key"), T("1"), NULL, NULL));
        assert_ok(brisk_memcached_get(other, T("key"), NULL, &there, NULL));
        brisk_view_release(&there.value);
    } while (there.cas.token < here.cas.token);
    brisk_view_release(&here.value);
    assert_u64(there.cas.token, here.cas.token);

    assert_status(
        brisk_memcached_cas(other, T("key"), T("2"), here.cas, NULL, NULL), BRISK_CONFLICT);
    assert_ok(brisk_memcached_cas(other, T("key"), T("2"), there.cas, NULL, NULL));

    brisk_memcached_close(other);
    server_end(&second);
}

static void delete_says_whether_it_was_there(void **state)
{
    (void)state;
    begin();
    set("key", "value");

    assert_ok(brisk_memcached_delete(client, T("key"), NULL, NULL));
    assert_status(brisk_memcached_delete(client, T("key"), NULL, NULL), BRISK_MISS);
}

static void numbers_count_up_and_down(void **state)
{
    (void)state;
    begin();
    uint64_t number = 0;
    const uint64_t hundred = 100;

    assert_status(
        brisk_memcached_increment(client, T("n"), 1, NULL, NULL, &number, NULL), BRISK_MISS);
    assert_ok(brisk_memcached_increment(client, T("n"), 1, &hundred, NULL, &number, NULL));
    assert_u64(number, 100);
    assert_ok(brisk_memcached_increment(client, T("n"), 5, &hundred, NULL, &number, NULL));
    assert_u64(number, 105);
    assert_ok(brisk_memcached_decrement(client, T("n"), 6, NULL, NULL, &number, NULL));
    assert_u64(number, 99);
    assert_ok(brisk_memcached_decrement(client, T("n"), 1000, NULL, NULL, &number, NULL));
    assert_u64(number, 0);
    assert_ok(brisk_memcached_increment(client, T("n"), UINT64_MAX, NULL, NULL, &number, NULL));
    assert_u64(number, UINT64_MAX);
    assert_ok(brisk_memcached_increment(client, T("n"), 1, NULL, NULL, NULL, NULL));
    assert_ok(brisk_memcached_decrement(client, T("n"), 0, NULL, NULL, &number, NULL));
    assert_u64(number, 0);
}

static void what_is_no_number_is_not_counted(void **state)
{
    (void)state;
    begin();
    struct brisk_error error;
    uint64_t number = 7;
    set("key", "text");

    assert_status(
        brisk_memcached_increment(client, T("key"), 1, NULL, NULL, &number, &error),
        BRISK_ERR_INVALID);

    assert_non_null(strstr(error.message, "no decimal number"));
    assert_u64(number, 7);
    expect_stored("key", T("text"));
}

static void touch_changes_the_time_to_live(void **state)
{
    (void)state;
    begin();
    struct brisk_memcached_call call = brisk_memcached_call_default();
    set("key", "value");

    call.ttl_s = -1;
    assert_ok(brisk_memcached_touch(client, T("key"), &call, NULL));
    expect_miss("key");
    assert_status(brisk_memcached_touch(client, T("key"), &call, NULL), BRISK_MISS);
}

static void get_and_touch_does_both(void **state)
{
    (void)state;
    begin();
    struct brisk_memcached_call call = brisk_memcached_call_default();
    struct brisk_memcached_item item;
    assert_status(brisk_memcached_get_and_touch(client, T("key"), &call, &item, NULL), BRISK_MISS);
    set("key", "value");

    assert_ok(brisk_memcached_get_and_touch(client, T("key"), &call, &item, NULL));
    assert_bytes(brisk_view_bytes(&item.value), T("value"));
    brisk_view_release(&item.value);

    call.ttl_s = -1;
    assert_status(brisk_memcached_get_and_touch(client, T("key"), &call, &item, NULL), BRISK_MISS);
}

static void a_negative_time_to_live_deletes(void **state)
{
    (void)state;
    begin();
    struct brisk_memcached_call call = brisk_memcached_call_default();
    set("key", "old");

    call.ttl_s = INT64_MIN;
    assert_ok(brisk_memcached_set(client, T("key"), T("new"), &call, NULL));

    expect_miss("key");
}

/* memcached takes seconds above 30 days for a date in 1970. */
static void a_time_to_live_above_30_days_is_one(void **state)
{
    (void)state;
    begin();
    const int64_t times_s[] = {2592000, 2592001, 100000000, INT32_MAX, INT64_MAX};
    for (size_t i = 0; i < sizeof times_s / sizeof *times_s; i++) {
        struct brisk_memcached_call call = brisk_memcached_call_default();
        call.ttl_s = times_s[i];
        assert_ok(brisk_memcached_set(client, T("key"), T("value"), &call, NULL));
        expect_stored("key", T("value"));
    }
}

static void many_keys_have_an_answer_each(void **state)
{
    (void)state;
    begin();
    enum {
        COUNT = 300
    };
    static char texts[COUNT][16];
    struct brisk_bytes keys[COUNT], values[COUNT];
    struct brisk_memcached_item items[COUNT];
    enum brisk_status statuses[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(texts[i], sizeof texts[i], "key%zu", i);
        keys[i] = values[i] = T(texts[i]);
    }
    assert_size(brisk_memcached_set_many(client, keys, values, COUNT, NULL, statuses, NULL), COUNT);
    for (size_t i = 0; i < COUNT; i++)
        assert_ok(statuses[i]);
    for (size_t i = 0; i < COUNT; i += 3)
        assert_ok(brisk_memcached_delete(client, keys[i], NULL, NULL));

    size_t hits = brisk_memcached_get_many(client, keys, COUNT, NULL, items, statuses, NULL);

    assert_size(hits, COUNT - COUNT / 3);
    for (size_t i = 0; i < COUNT; i++) {
        assert_status(statuses[i], i % 3 == 0 ? BRISK_MISS : BRISK_OK);
        if (i % 3 != 0)
            assert_bytes(brisk_view_bytes(&items[i].value), keys[i]);
        brisk_view_release(&items[i].value);
    }
    assert_size(
        brisk_memcached_delete_many(client, keys, COUNT, NULL, statuses, NULL), COUNT - COUNT / 3);
    assert_status(statuses[0], BRISK_MISS);
    assert_ok(statuses[1]);
    assert_size(brisk_memcached_get_many(client, keys, 0, NULL, items, statuses, NULL), 0);
}

static void a_key_that_is_asked_for_twice_is_answered_twice(void **state)
{
    (void)state;
    begin();
    set("a", "1");
    set("b", "2");
    const struct brisk_bytes keys[] = {T("a"), T("b"), T("none"), T("a"), T("a"), T("none")};
    struct brisk_memcached_item items[6];
    enum brisk_status statuses[6];

    assert_size(brisk_memcached_get_many(client, keys, 6, NULL, items, statuses, NULL), 4);

    const char *const want[] = {"1", "2", NULL, "1", "1", NULL};
    for (int i = 0; i < 6; i++) {
        assert_status(statuses[i], want[i] == NULL ? BRISK_MISS : BRISK_OK);
        if (want[i] != NULL)
            assert_bytes(brisk_view_bytes(&items[i].value), T(want[i]));
        brisk_view_release(&items[i].value);
    }
}

static void a_bad_key_among_many_costs_only_itself(void **state)
{
    (void)state;
    begin();
    set("a", "1");
    const struct brisk_bytes keys[] = {T("a"), T("b c"), T("")};
    struct brisk_memcached_item items[3];
    enum brisk_status statuses[3];
    struct brisk_error error;

    assert_size(brisk_memcached_get_many(client, keys, 3, NULL, items, statuses, &error), 1);

    assert_ok(statuses[0]);
    assert_status(statuses[1], BRISK_ERR_INVALID);
    assert_status(statuses[2], BRISK_ERR_INVALID);
    assert_non_null(strstr(error.message, "blank"));
    brisk_view_release(&items[0].value);
}

static void bad_keys_are_refused_and_never_sent(void **state)
{
    (void)state;
    begin();
    set("canary", "alive");
    char longest[251];
    memset(longest, 'k', sizeof longest);
    const struct brisk_bytes keys[] = {
        T(""),
        brisk_bytes_of(NULL, 0),
        brisk_bytes_of(longest, 251),
        T("a b"),
        T("a\r\nflush_all"),
        T("a\r\nset x 0 0 1\r\n1"),
        T("a\tb"),
        T("a\x7f"),
        brisk_bytes_of("a\0b", 3),
        T("a\n"),
        T(" a"),
        T("\x01"),
    };
    struct brisk_memcached_item item;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_status(brisk_memcached_get(client, keys[i], NULL, &item, NULL), BRISK_ERR_INVALID);
        assert_status(brisk_memcached_set(client, keys[i], T("v"), NULL, NULL), BRISK_ERR_INVALID);
        assert_status(brisk_memcached_delete(client, keys[i], NULL, NULL), BRISK_ERR_INVALID);
        assert_status(
            brisk_memcached_increment(client, keys[i], 1, NULL, NULL, NULL, NULL),
            BRISK_ERR_INVALID);
        assert_status(brisk_memcached_touch(client, keys[i], NULL, NULL), BRISK_ERR_INVALID);
    }
    expect_stored("canary", T("alive"));

    assert_ok(brisk_memcached_set(client, brisk_bytes_of(longest, 250), T("v"), NULL, NULL));
    assert_ok(brisk_memcached_set(client, T("schl\xc3\xbcssel"), T("utf-8"), NULL, NULL));
    expect_stored("schl\xc3\xbcssel", T("utf-8"));
}

/* libmemcached leaves the prefix out when it checks, and then gives out other keys' values. */
static void prefix_and_key_share_250_bytes(void **state)
{
    (void)state;
    begin();
    const struct server *servers[] = {&server};
    struct brisk_memcached_server storage[1];
    struct brisk_memcached_options options = options_for(servers, 1, storage);
    char prefix[129], key[251];
    memset(prefix, 'p', sizeof prefix);
    prefix[127] = '\0';
    memset(key, 'k', sizeof key);
    options.key_prefix = prefix;
    struct brisk_memcached *other = client_with(&options);
    struct brisk_memcached_item item;

    assert_ok(brisk_memcached_set(other, brisk_bytes_of(key, 123), T("v"), NULL, NULL));
    assert_ok(brisk_memcached_get(other, brisk_bytes_of(key, 123), NULL, &item, NULL));
    brisk_view_release(&item.value);
    assert_status(
        brisk_memcached_set(other, brisk_bytes_of(key, 124), T("v"), NULL, NULL),
        BRISK_ERR_INVALID);
    assert_status(
        brisk_memcached_get(other, brisk_bytes_of(key, 200), NULL, &item, NULL), BRISK_ERR_INVALID);

    brisk_memcached_close(other);
}

static void a_prefix_separates_clients(void **state)
{
    (void)state;
    begin();
    const struct server *servers[] = {&server};
    struct brisk_memcached_server storage[1];
    struct brisk_memcached_options options = options_for(servers, 1, storage);
    options.key_prefix = "shop:";
    struct brisk_memcached *shop = client_with(&options);

    assert_ok(brisk_memcached_set(shop, T("key"), T("value"), NULL, NULL));

    expect_miss("key");
    expect_stored("shop:key", T("value"));
    brisk_memcached_close(shop);
}

static void odd_keys_can_be_hashed(void **state)
{
    (void)state;
    begin();
    const struct server *servers[] = {&server};
    struct brisk_memcached_server storage[1];
    struct brisk_memcached_options options = options_for(servers, 1, storage);
    options.hash_keys = true;
    options.key_prefix = "p:";
    struct brisk_memcached *hashing = client_with(&options);
    char key[1000];
    memset(key, 'k', sizeof key);
    const struct brisk_bytes keys[] = {
        brisk_bytes_of(key, 1000), brisk_bytes_of(key, 999), T("a b"),
        T("a\r\nflush_all"),       brisk_bytes_of("\0", 1),  T("plain")};
    const size_t count = sizeof keys / sizeof *keys;
    struct brisk_memcached_item item;

    for (size_t i = 0; i < count; i++)
        assert_ok(brisk_memcached_set(hashing, keys[i], keys[i], NULL, NULL));
    for (size_t i = 0; i < count; i++) {
        assert_ok(brisk_memcached_get(hashing, keys[i], NULL, &item, NULL));
        assert_bytes(brisk_view_bytes(&item.value), keys[i]);
        brisk_view_release(&item.value);
    }
    assert_ok(brisk_memcached_get(hashing, keys[0], NULL, &item, NULL));
    brisk_view_release(&item.value);
    assert_ok(brisk_memcached_cas(hashing, keys[0], T("new"), item.cas, NULL, NULL));
    assert_status(
        brisk_memcached_append(hashing, keys[0], T("x"), NULL, NULL), BRISK_ERR_UNSUPPORTED);
    assert_status(
        brisk_memcached_increment(hashing, keys[0], 1, NULL, NULL, NULL, NULL),
        BRISK_ERR_UNSUPPORTED);
    assert_ok(brisk_memcached_touch(hashing, keys[0], NULL, NULL));
    assert_ok(brisk_memcached_delete(hashing, keys[0], NULL, NULL));
    assert_status(brisk_memcached_get(hashing, keys[0], NULL, &item, NULL), BRISK_MISS);

    brisk_memcached_close(hashing);
}

/* What lies there is another key's value, or no value with a key at all. */
static void a_hashed_key_is_compared_with_the_one_beside_the_value(void **state)
{
    (void)state;
    begin();
    const struct server *servers[] = {&server};
    struct brisk_memcached_server storage[1];
    struct brisk_memcached_options options = options_for(servers, 1, storage);
    options.hash_keys = true;
    struct brisk_memcached *hashing = client_with(&options);
    struct brisk_memcached_item item;
    struct bk_mc_key sent;
    assert_ok(bk_mc_key_make(&sent, T(""), T("a b"), true, NULL));
    assert_ok(brisk_memcached_set(hashing, T("a b"), T("v"), NULL, NULL));
    struct brisk_bytes at_server = {sent.text, sent.length};

    /* Asked for by the name that it has at the server, it is not that key's value. */
    assert_status(brisk_memcached_get(client, at_server, NULL, &item, NULL), BRISK_MISS);
    /* "a b" became "a c", as if both had one hash. */
    assert_ok(brisk_memcached_append(client, at_server, T("w"), NULL, NULL));
    assert_ok(brisk_memcached_get(hashing, T("a b"), NULL, &item, NULL));
    assert_bytes(brisk_view_bytes(&item.value), T("vw"));
    brisk_view_release(&item.value);
    assert_ok(
        brisk_memcached_prepend(client, at_server, brisk_bytes_of("\3\0\0\0a c", 7), NULL, NULL));
    assert_status(brisk_memcached_get(hashing, T("a b"), NULL, &item, NULL), BRISK_MISS);
    /* A length beyond the value. */
    assert_ok(brisk_memcached_prepend(client, at_server, T("zzzz"), NULL, NULL));
    assert_status(brisk_memcached_get(hashing, T("a b"), NULL, &item, NULL), BRISK_ERR_CORRUPT);
    /* A plain value. */
    assert_ok(brisk_memcached_set(client, at_server, T("plain"), NULL, NULL));
    assert_status(brisk_memcached_get(hashing, T("a b"), NULL, &item, NULL), BRISK_MISS);

    brisk_memcached_close(hashing);
}

static void values_of_all_sizes_come_back_whole(void **state)
{
    (void)state;
    begin();
    const size_t sizes[] = {0, 1, 100, 8195, 8196, 8197, 65536, 1047552};
    char *bytes = malloc(1047552);
    assert_non_null(bytes);
    for (size_t i = 0; i < 1047552; i++)
        bytes[i] = (char)(i * 31 + i / 251);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct brisk_bytes value = {bytes, sizes[i]};
        assert_ok(brisk_memcached_set(client, T("key"), value, NULL, NULL));
        expect_stored("key", value);
    }
    free(bytes);
}

static void a_value_that_is_too_big_is_not_sent(void **state)
{
    (void)state;
    begin();
    struct brisk_error error;
    size_t length = 1047553;
    char *bytes = calloc(length, 1);
    assert_non_null(bytes);
    set("key", "old");

    assert_status(
        brisk_memcached_set(client, T("key"), brisk_bytes_of(bytes, length), NULL, &error),
        BRISK_ERR_TOO_BIG);

    assert_non_null(strstr(error.message, "max_value_bytes"));
    expect_stored("key", T("old"));
    free(bytes);
}

static void what_the_server_finds_too_big_is_told_and_costs_nothing_else(void **state)
{
    (void)state;
    begin();
    const struct server *servers[] = {&server};
    struct brisk_memcached_server storage[1];
    struct brisk_memcached_options options = options_for(servers, 1, storage);
    options.max_value_bytes = 4 << 20;
    struct brisk_memcached *other = client_with(&options);
    size_t length = 2 << 20;
    char *bytes = calloc(length, 1);
    assert_non_null(bytes);
    struct brisk_bytes value = {bytes, length};

    assert_status(brisk_memcached_set(other, T("key"), value, NULL, NULL), BRISK_ERR_TOO_BIG);

    assert_ok(brisk_memcached_set(other, T("key"), T("small"), NULL, NULL));
    expect_stored("key", T("small"));
    free(bytes);
    brisk_memcached_close(other);
}

static void count_stats(const char *name, const char *value, void *ctx)
{
    unsigned int *count = ctx;
    *count += 1;
    if (strcmp(name, "version") == 0)
        assert_true(value[0] >= '1' && value[0] <= '9');
}

static void a_server_tells_about_itself(void **state)
{
    (void)state;
    begin();
    unsigned int count = 0;
    set("key", "value");

    assert_ok(brisk_memcached_ask_server(client, 0, NULL, NULL, count_stats, &count, NULL));
    assert_true(count > 20);
    count = 0;
    assert_ok(brisk_memcached_ask_server(client, 0, "items", NULL, count_stats, &count, NULL));
    assert_true(count > 0);

    assert_status(
        brisk_memcached_ask_server(client, 1, NULL, NULL, count_stats, &count, NULL),
        BRISK_ERR_INVALID);
    assert_status(
        brisk_memcached_ask_server(client, 0, "a\r\nflush_all", NULL, count_stats, &count, NULL),
        BRISK_ERR_INVALID);
    expect_stored("key", T("value"));
}

static void a_unix_socket_serves_as_well(void **state)
{
    (void)state;
    struct server local;
    server_start_on_socket(&local);
    struct brisk_memcached *other = client_of(&local);
    char buffer[16];
    size_t length;

    assert_ok(brisk_memcached_set(other, T("key"), T("value"), NULL, NULL));
    assert_ok(
        brisk_memcached_get_into(other, T("key"), NULL, buffer, sizeof buffer, &length, NULL));
    assert_bytes(brisk_bytes_of(buffer, length), T("value"));

    brisk_memcached_close(other);
    server_end(&local);
}

static void the_end(void **state)
{
    (void)state;
    brisk_memcached_close(client);
    brisk_memcached_close(NULL);
    server_end(&server);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(what_is_set_is_got), cmocka_unit_test(an_empty_value_is_not_a_miss),
    cmocka_unit_test(flags_come_back_as_they_were_given),
    cmocka_unit_test(get_into_copies_without_an_allocation),
    cmocka_unit_test(a_value_outlives_the_client),
    cmocka_unit_test(add_stores_only_what_is_not_there),
    cmocka_unit_test(replace_stores_only_what_is_there),
    cmocka_unit_test(append_and_prepend_extend_what_is_there),
    cmocka_unit_test(cas_stores_if_nobody_was_faster),
    cmocka_unit_test(a_cas_token_of_another_server_is_a_conflict),
    cmocka_unit_test(delete_says_whether_it_was_there), cmocka_unit_test(numbers_count_up_and_down),
    cmocka_unit_test(what_is_no_number_is_not_counted),
    cmocka_unit_test(touch_changes_the_time_to_live), cmocka_unit_test(get_and_touch_does_both),
    cmocka_unit_test(a_negative_time_to_live_deletes),
    cmocka_unit_test(a_time_to_live_above_30_days_is_one),
    cmocka_unit_test(many_keys_have_an_answer_each),
    cmocka_unit_test(a_key_that_is_asked_for_twice_is_answered_twice),
    cmocka_unit_test(a_bad_key_among_many_costs_only_itself),
    cmocka_unit_test(bad_keys_are_refused_and_never_sent),
    cmocka_unit_test(prefix_and_key_share_250_bytes), cmocka_unit_test(a_prefix_separates_clients),
    cmocka_unit_test(odd_keys_can_be_hashed),
    cmocka_unit_test(a_hashed_key_is_compared_with_the_one_beside_the_value),
    cmocka_unit_test(values_of_all_sizes_come_back_whole),
    cmocka_unit_test(a_value_that_is_too_big_is_not_sent),
    cmocka_unit_test(what_the_server_finds_too_big_is_told_and_costs_nothing_else),
    cmocka_unit_test(a_server_tells_about_itself), cmocka_unit_test(a_unix_socket_serves_as_well),
    cmocka_unit_test(the_end))
