/* SPDX-License-Identifier: Apache-2.0 */
/* A server that says wrong things, or right ones in part, late or out of turn. */
#include "tests/memcached/server.h"

static struct liar liar;

static struct brisk_memcached *client_of_liar(unsigned int timeout_ms)
{
    struct brisk_memcached_server server = {liar.address, 1};
    struct brisk_memcached_options options = brisk_memcached_options_default();
    options.servers = &server;
    options.server_count = 1;
    options.timeout_ms = timeout_ms;
    options.breaker_failures = 1000000;
    return client_with(&options);
}

static void say(const char *reply)
{
    liar_say(&liar, reply, strlen(reply), LIAR_GOES_ON);
}

static void another_key_s_value_is_never_given_out(void **state)
{
    (void)state;
    liar_start(&liar);
    struct brisk_memcached *client = client_of_liar(20000);
    struct brisk_memcached_item item;
    say("VALUE kez 0 5 7\r\nwrong\r\nEND\r\n");

    assert_status(brisk_memcached_get(client, T("key"), NULL, &item, NULL), BRISK_ERR_CORRUPT);

    /* The connection is not used again. */
    unsigned int connections = liar.connections;
    say("VALUE key 0 5 7\r\nright\r\nEND\r\n");
    assert_ok(brisk_memcached_get(client, T("key"), NULL, &item, NULL));
    brisk_view_release(&item.value);
    assert_true(wait_for_count(&liar.connections, connections + 1));
    brisk_memcached_close(client);
    liar_stop(&liar);
}

static void garbage_is_not_a_miss(void **state)
{
    (void)state;
    liar_start(&liar);
    struct brisk_memcached *client = client_of_liar(20000);
    struct brisk_memcached_item item;
    const char *const lines[] = {"garbage\r\n", "HTTP/1.1 400 Bad Request\r\n", "\r\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        say(lines[i]);
        enum brisk_status status = brisk_memcached_get(client, T("key"), NULL, &item, NULL);
        assert_that(status == BRISK_ERR_CORRUPT, "%s: %s", lines[i], brisk_status_name(status));
    }
    brisk_memcached_close(client);
    liar_stop(&liar);
}

static void garbage_leaves_a_write_in_doubt(void **state)
{
    (void)state;
    liar_start(&liar);
    struct brisk_memcached *client = client_of_liar(20000);
    say("garbage\r\n");

    assert_status(
        brisk_memcached_set(client, T("key"), T("v"), NULL, NULL), BRISK_ERR_UNKNOWN_OUTCOME);
    assert_status(brisk_memcached_delete(client, T("key"), NULL, NULL), BRISK_ERR_UNKNOWN_OUTCOME);

    brisk_memcached_close(client);
    liar_stop(&liar);
}

static void a_server_without_memory_says_so(void **state)
{
    (void)state;
    liar_start(&liar);
    struct brisk_memcached *client = client_of_liar(20000);
    say("SERVER_ERROR out of memory storing object\r\n");

    assert_status(brisk_memcached_set(client, T("key"), T("v"), NULL, NULL), BRISK_ERR_NOMEM);

    brisk_memcached_close(client);
    liar_stop(&liar);
}

static void a_command_that_the_server_does_not_know_is_unsupported(void **state)
{
    (void)state;
    liar_start(&liar);
    struct brisk_memcached *client = client_of_liar(20000);
    say("ERROR\r\n");

    assert_status(brisk_memcached_touch(client, T("key"), NULL, NULL), BRISK_ERR_UNSUPPORTED);

    brisk_memcached_close(client);
    liar_stop(&liar);
}

static const char three[] =
    "VALUE a 0 3 7\r\na=1\r\nVALUE b 0 3 8\r\nb=2\r\nVALUE c 0 3 9\r\nc=3\r\n"
    "END\r\n";
static const struct brisk_bytes three_keys[] = {{"a", 1}, {"b", 1}, {"c", 1}};

/* Each key has its own value, is missing, or has failed; the number that are right. */
static size_t expect_only_right_values(struct brisk_memcached *client, bool may_miss)
{
    struct brisk_memcached_item items[3];
    enum brisk_status statuses[3];
    size_t right = brisk_memcached_get_many(client, three_keys, 3, NULL, items, statuses, NULL);
    for (int i = 0; i < 3; i++) {
        assert_true(statuses[i] <= 0 || may_miss);
        if (statuses[i] != BRISK_OK)
            continue;
        char want[32];
        snprintf(want, sizeof want, "%c=%d", 'a' + i, i + 1);
        assert_bytes(brisk_view_bytes(&items[i].value), T(want));
        brisk_view_release(&items[i].value);
    }
    return right;
}

static void an_answer_that_is_cut_anywhere_gives_right_values_only(void **state)
{
    (void)state;
    liar_start(&liar);
    struct brisk_memcached *client = client_of_liar(20000);
    const size_t whole = sizeof three - 1;
    for (size_t length = 0; length <= whole; length++) {
        liar_say(&liar, three, length, LIAR_CLOSES);
        size_t right = expect_only_right_values(client, false);
        assert_that(
            length == whole ? right == 3 : right <= 3, "%zu right of %zu bytes", right, length);
    }
    brisk_memcached_close(client);
    liar_stop(&liar);
}

static void an_answer_that_stalls_anywhere_gives_right_values_only(void **state)
{
    (void)state;
    liar_start(&liar);
    struct brisk_memcached *client = client_of_liar(5);
    for (size_t length = 0; length < sizeof three - 1; length++) {
        liar_say(&liar, three, length, LIAR_HANGS);
        expect_only_right_values(client, false);
    }
    brisk_memcached_close(client);
    liar_stop(&liar);
}

static void answers_out_of_turn_are_not_believed(void **state)
{
    (void)state;
    liar_start(&liar);
    struct brisk_memcached *client = client_of_liar(20000);
    struct brisk_memcached_item items[3];
    enum brisk_status statuses[3];
    say("VALUE b 0 3 8\r\nb=2\r\nVALUE a 0 3 7\r\na=1\r\nVALUE c 0 3 9\r\nc=3\r\nEND\r\n");

    brisk_memcached_get_many(client, three_keys, 3, NULL, items, statuses, NULL);

    assert_status(statuses[0], BRISK_ERR_CORRUPT);
    assert_ok(statuses[1]);
    assert_bytes(brisk_view_bytes(&items[1].value), T("b=2"));
    assert_status(statuses[2], BRISK_ERR_CORRUPT);
    brisk_view_release(&items[1].value);
    brisk_memcached_close(client);
    liar_stop(&liar);
}

static void a_value_without_end_is_given_up(void **state)
{
    (void)state;
    liar_start(&liar);
    struct brisk_memcached *client = client_of_liar(50);
    struct brisk_memcached_item item;
    const char *begun = "VALUE key 0 1000000 7\r\nhalf";
    liar_say(&liar, begun, strlen(begun), LIAR_HANGS);

    assert_status(brisk_memcached_get(client, T("key"), NULL, &item, NULL), BRISK_ERR_TIMEOUT);

    assert_null(item.value.data);
    brisk_memcached_close(client);
    liar_stop(&liar);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(another_key_s_value_is_never_given_out),
    cmocka_unit_test(garbage_is_not_a_miss), cmocka_unit_test(garbage_leaves_a_write_in_doubt),
    cmocka_unit_test(a_server_without_memory_says_so),
    cmocka_unit_test(a_command_that_the_server_does_not_know_is_unsupported),
    cmocka_unit_test(an_answer_that_is_cut_anywhere_gives_right_values_only),
    cmocka_unit_test(an_answer_that_stalls_anywhere_gives_right_values_only),
    cmocka_unit_test(answers_out_of_turn_are_not_believed),
    cmocka_unit_test(a_value_without_end_is_given_up))
