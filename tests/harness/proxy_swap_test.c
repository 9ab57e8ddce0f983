/* SPDX-License-Identifier: Apache-2.0 */
/* Replies that reach the wrong client. */
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/proxy_support.h"

static void two_connections_get_the_replies_of_each_other(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, "swap");
    struct pair a = stage_connect(&stage), b = stage_connect(&stage);

    send_text(a.client, "get a");
    send_text(b.client, "get b");
    expect_text(a.server, "get a");
    expect_text(b.server, "get b");
    send_text(a.server, "reply to a");
    send_text(b.server, "reply to b");

    expect_text(b.client, "reply to a");
    expect_text(a.client, "reply to b");
    pair_close(&a);
    pair_close(&b);
    stage_end(&stage);
}

static void a_reply_without_a_partner_waits_for_one(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, NULL);
    struct pair a = stage_connect(&stage);
    send_text(a.client, "x");
    expect_text(a.server, "x");
    stage_fault(&stage, "swap");

    send_text(a.server, "reply to a");
    stage_status(&stage);
    expect_silence(a.client);
    struct pair b = stage_connect(&stage);

    expect_text(b.client, "reply to a");
    pair_close(&a);
    pair_close(&b);
    stage_end(&stage);
}

static void without_the_fault_replies_go_where_they_belong(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, "swap");
    struct pair a = stage_connect(&stage), b = stage_connect(&stage);
    send_text(a.server, "1");
    expect_text(b.client, "1");

    stage_fault(&stage, "swap=off");
    send_text(a.server, "2");
    send_text(b.server, "3");

    expect_text(a.client, "2");
    expect_text(b.client, "3");
    pair_close(&a);
    pair_close(&b);
    stage_end(&stage);
}

static void whoever_loses_its_partner_finds_another(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, "swap");
    struct pair a = stage_connect(&stage), b = stage_connect(&stage), c = stage_connect(&stage);

    pair_close(&a);
    stage_await_connections(&stage, 2);
    send_text(b.server, "reply to b");
    send_text(c.server, "reply to c");

    expect_text(b.client, "reply to c");
    expect_text(c.client, "reply to b");
    pair_close(&b);
    pair_close(&c);
    stage_end(&stage);
}

static void floods_are_swapped_whole(void **state)
{
    (void)state;
    enum {
        CHUNK = 4096,
        CHUNKS = 200
    };
    struct stage stage = stage_begin(STAGE_TCP, "swap slice=1-900");
    struct pair a = stage_connect(&stage), b = stage_connect(&stage);
    char of_a[CHUNK], of_b[CHUNK], got[CHUNK];
    memset(of_a, 'a', CHUNK);
    memset(of_b, 'b', CHUNK);

    for (int i = 0; i < CHUNKS; i++) {
        assert_i64(send(a.server, of_a, CHUNK, MSG_NOSIGNAL), CHUNK);
        assert_i64(send(b.server, of_b, CHUNK, MSG_NOSIGNAL), CHUNK);
        read_exactly(a.client, got, CHUNK);
        assert_memory_equal(got, of_b, CHUNK);
        read_exactly(b.client, got, CHUNK);
        assert_memory_equal(got, of_a, CHUNK);
    }

    pair_close(&a);
    pair_close(&b);
    stage_await_connections(&stage, 0);
    stage_end(&stage);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(two_connections_get_the_replies_of_each_other),
    cmocka_unit_test(a_reply_without_a_partner_waits_for_one),
    cmocka_unit_test(without_the_fault_replies_go_where_they_belong),
    cmocka_unit_test(whoever_loses_its_partner_finds_another),
    cmocka_unit_test(floods_are_swapped_whole))
