/* SPDX-License-Identifier: Apache-2.0 */
/* What goes through a proxy over real sockets: all of it, in order, with and without faults. */
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/proxy_support.h"

static void requests_and_replies_pass_in_both_directions(void **state)
{
    (void)state;
    for (enum stage_kind kind = STAGE_TCP; kind <= STAGE_UNIX; kind++) {
        struct stage stage = stage_begin(kind, NULL);
        struct pair pair = stage_connect(&stage);

        send_text(pair.client, "get key\r\n");
        expect_text(pair.server, "get key\r\n");
        send_text(pair.server, "END\r\n");
        expect_text(pair.client, "END\r\n");

        assert_u64(stage_status(&stage).bytes_up, 9);
        assert_u64(stage_status(&stage).bytes_down, 5);
        pair_close(&pair);
        stage_end(&stage);
    }
}

static void each_side_may_close_its_half_and_still_hear_the_other(void **state)
{
    (void)state;
    for (enum stage_kind kind = STAGE_TCP; kind <= STAGE_UNIX; kind++) {
        struct stage stage = stage_begin(kind, NULL);
        struct pair pair = stage_connect(&stage);

        send_text(pair.client, "last words");
        shutdown(pair.client, SHUT_WR);
        expect_text(pair.server, "last words");
        expect_end(pair.server);
        send_text(pair.server, "an answer");
        expect_text(pair.client, "an answer");
        expect_silence(pair.client);
        shutdown(pair.server, SHUT_WR);
        expect_end(pair.client);

        stage_await_connections(&stage, 0);
        pair_close(&pair);
        stage_end(&stage);
    }
}

/* A byte that depends on its place, so that a hole or a swap shows. */
static uint8_t byte_at(uint64_t place)
{
    return (uint8_t)(place * 2654435761u >> 16);
}

struct flood {
    int fd;
    size_t length;
    unsigned int chunk_bytes;
    bool is_wrong;
};

enum {
    CHUNK = 65536
};

static void *pour(void *ctx)
{
    struct flood *flood = ctx;
    uint8_t chunk[CHUNK];
    for (size_t done = 0; done < flood->length;) {
        size_t length = flood->chunk_bytes;
        if (length > flood->length - done)
            length = flood->length - done;
        for (size_t i = 0; i < length; i++)
            chunk[i] = byte_at(done + i);
        ssize_t sent = send(flood->fd, chunk, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            flood->is_wrong = true;
            return NULL;
        }
        done += (size_t)sent;
    }
    shutdown(flood->fd, SHUT_WR);
    return NULL;
}

static void *drink(void *ctx)
{
    struct flood *flood = ctx;
    uint8_t chunk[CHUNK];
    size_t done = 0;
    ssize_t length = 1;
    while (length > 0) {
        length = recv(flood->fd, chunk, flood->chunk_bytes, 0);
        for (ssize_t i = 0; i < length; i++)
            flood->is_wrong = flood->is_wrong || chunk[i] != byte_at(done + (size_t)i);
        done += length > 0 ? (size_t)length : 0;
    }
    flood->is_wrong = flood->is_wrong || length < 0 || done != flood->length;
    return NULL;
}

/* `length` bytes each way at once, with reads and writes of odd sizes. */
static void flood_both_ways(struct stage *stage, size_t length)
{
    struct pair pair = stage_connect(stage);
    struct flood floods[4] = {
        {.fd = pair.client, .length = length, .chunk_bytes = 65536},
        {.fd = pair.server, .length = length, .chunk_bytes = 7919},
        {.fd = pair.server, .length = length, .chunk_bytes = 50021},
        {.fd = pair.client, .length = length, .chunk_bytes = 1009}};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_i64(pthread_create(&threads[i], NULL, i % 2 == 0 ? pour : drink, &floods[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++)
        assert_that(!floods[i].is_wrong, "flood %d is not what was sent", i);
    pair_close(&pair);
}

static void a_flood_arrives_whole_and_in_order(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, NULL);

    flood_both_ways(&stage, scaled(32) << 20);

    stage_await_connections(&stage, 0);
    stage_end(&stage);
}

static void a_flood_arrives_whole_over_unix_sockets(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_UNIX, NULL);

    flood_both_ways(&stage, scaled(32) << 20);

    stage_end(&stage);
}

static void faults_that_delay_lose_nothing(void **state)
{
    (void)state;
    static const char *const faults[] = {
        "latency=2ms jitter=2ms",
        "bandwidth=64M",
        "slice=1-1000",
        "drip=20us slice=10K; latency=1ms direction=down",
        "slow_close=5ms latency=1ms slice=700-70K bandwidth=200M",
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct stage stage = stage_begin(STAGE_TCP, faults[i]);
        flood_both_ways(&stage, scaled(3) << 20);
        stage_end(&stage);
    }
}

struct fiddler {
    struct stage *stage;
    _Atomic bool is_over;
    bool is_wrong;
};

static void *fiddle(void *ctx)
{
    static const char *const faults[] = {
        "latency=1ms", "clear", "slice=1-500", "bandwidth=500M jitter=1ms", "drip=50us slice=4K"};
    struct fiddler *fiddler = ctx;
    for (size_t i = 0; !fiddler->is_over; i++)
        if (bk_proxy_fault(fiddler->stage->proxy, faults[i % 5], NULL) != BRISK_OK)
            fiddler->is_wrong = true;
    return NULL;
}

static void faults_that_change_under_traffic_lose_nothing(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, NULL);
    struct fiddler fiddler = {.stage = &stage};
    pthread_t thread;
    assert_i64(pthread_create(&thread, NULL, fiddle, &fiddler), 0);

    flood_both_ways(&stage, scaled(16) << 20);

    fiddler.is_over = true;
    pthread_join(thread, NULL);
    assert_false(fiddler.is_wrong);
    stage_end(&stage);
}

static void a_receiver_that_does_not_read_stops_its_sender(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_UNIX, NULL);
    struct pair pair = stage_connect(&stage);
    static char chunk[CHUNK];
    size_t sent = 0;
    ssize_t part = 0;
    struct pair other = stage_connect(&stage);

    /* Until the kernels' buffers and the proxy are full; what a full proxy does is an event. */
    for (int idle = 0; idle < 100; idle += part < 0 ? 1 : -idle) {
        part = send(pair.client, chunk, sizeof chunk, MSG_NOSIGNAL | MSG_DONTWAIT);
        sent += part > 0 ? (size_t)part : 0;
        send_text(other.client, "x"); /* each round trip gives the proxy a turn */
        expect_text(other.server, "x");
    }

    assert_that(sent < 4 << 20, "%zu bytes wait in a proxy", sent);
    for (size_t left = sent; left > 0; left -= left < CHUNK ? left : CHUNK)
        read_exactly(pair.server, chunk, left < CHUNK ? left : CHUNK);
    pair_close(&pair);
    pair_close(&other);
    stage_end(&stage);
}

static void latency_delays_each_direction_on_its_own(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, "latency=30ms direction=down");
    struct pair pair = stage_connect(&stage);

    uint64_t begin_ns = now_ns();
    send_text(pair.client, "ping");
    expect_text(pair.server, "ping");
    send_text(pair.server, "pong");
    expect_text(pair.client, "pong");
    uint64_t slow_ns = now_ns() - begin_ns;
    stage_fault(&stage, "clear");
    send_text(pair.server, "again");
    expect_text(pair.client, "again");

    assert_that(slow_ns >= 30000000, "a reply after %u us", (unsigned int)(slow_ns / 1000));
    pair_close(&pair);
    stage_end(&stage);
}

static void what_latency_holds_back_comes_at_once_when_it_is_cleared(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, "latency=10m");
    struct pair pair = stage_connect(&stage);

    send_text(pair.client, "held");
    shutdown(pair.client, SHUT_WR);
    stage_fault(&stage, "latency=off");

    expect_text(pair.server, "held");
    expect_end(pair.server);
    pair_close(&pair);
    stage_end(&stage);
}

static void bandwidth_limits_what_arrives_in_a_time(void **state)
{
    (void)state;
    struct stage stage = stage_begin(STAGE_TCP, "bandwidth=1M direction=down");
    struct pair pair = stage_connect(&stage);
    static char bytes[100 * 1024];

    uint64_t begin_ns = now_ns();
    assert_i64(send(pair.server, bytes, sizeof bytes, MSG_NOSIGNAL), sizeof bytes);
    read_exactly(pair.client, bytes, sizeof bytes);
    uint64_t ns = now_ns() - begin_ns;

    assert_that(ns >= 97000000, "100 KiB at 1 MiB/s in %u us", (unsigned int)(ns / 1000));
    pair_close(&pair);
    stage_end(&stage);
}

static void one_byte_of_each_block_is_corrupted_the_same_way_each_time(void **state)
{
    (void)state;
    uint8_t runs[2][1000];
    for (int run = 0; run < 2; run++) {
        struct stage stage = stage_begin(STAGE_TCP, "corrupt=100 direction=down");
        struct pair pair = stage_connect(&stage);
        uint8_t zeros[1000] = {0};
        assert_i64(send(pair.server, zeros, sizeof zeros, MSG_NOSIGNAL), sizeof zeros);
        read_exactly(pair.client, runs[run], sizeof runs[run]);
        pair_close(&pair);
        stage_end(&stage);
    }

    for (int block = 0; block < 10; block++) {
        int changed = 0;
        for (int i = 0; i < 100; i++)
            changed += runs[0][100 * block + i] != 0;
        assert_that(changed == 1, "%d bytes of block %d are changed", changed, block);
    }
    assert_memory_equal(runs[0], runs[1], sizeof runs[0]);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(requests_and_replies_pass_in_both_directions),
    cmocka_unit_test(each_side_may_close_its_half_and_still_hear_the_other),
    cmocka_unit_test(a_flood_arrives_whole_and_in_order),
    cmocka_unit_test(a_flood_arrives_whole_over_unix_sockets),
    cmocka_unit_test(faults_that_delay_lose_nothing),
    cmocka_unit_test(faults_that_change_under_traffic_lose_nothing),
    cmocka_unit_test(a_receiver_that_does_not_read_stops_its_sender),
    cmocka_unit_test(latency_delays_each_direction_on_its_own),
    cmocka_unit_test(what_latency_holds_back_comes_at_once_when_it_is_cleared),
    cmocka_unit_test(bandwidth_limits_what_arrives_in_a_time),
    cmocka_unit_test(one_byte_of_each_block_is_corrupted_the_same_way_each_time))
