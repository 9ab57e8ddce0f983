/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/zerocopy/wire.h"

/* Client and server with a relay between them, in a thread. */
struct relayed {
    struct wire client; /* out: the client's end, in: the relay's */
    struct wire server; /* out: the relay's end, in: the server's */
    struct brisk_send_options options;
    struct brisk_send_stats stats[2];
    struct brisk_error error;
    enum brisk_status status;
    pthread_t thread;
};

static void *relay_main(void *argument)
{
    struct relayed *relayed = argument;
    relayed->status = brisk_relay(
        relayed->client.in, relayed->server.out, &relayed->options, &relayed->stats[0],
        &relayed->stats[1], &relayed->error);
    return NULL;
}

static void open_relay(struct relayed *relayed, enum wire_kind kind, bool is_nonblocking)
{
    *relayed = (struct relayed){
        .client = wire_open(kind, false),
        .server = wire_open(kind, false),
        .options = brisk_send_options_default(),
        .stats = {{.size = sizeof relayed->stats[0]}, {.size = sizeof relayed->stats[1]}}};
    if (!is_nonblocking)
        return;
    wire_set_nonblocking(relayed->client.in);
    wire_set_nonblocking(relayed->server.out);
}

static void start_relay(struct relayed *relayed)
{
    assert_i64(pthread_create(&relayed->thread, NULL, relay_main, relayed), 0);
}

static void close_relay(struct relayed *relayed)
{
    pthread_join(relayed->thread, NULL);
    wire_close(&relayed->client);
    wire_close(&relayed->server);
}

/* Writes `length` bytes of a pattern, then closes its half. */
struct writer {
    pthread_t thread;
    int fd;
    size_t length;
    unsigned int pattern;
};

static void *writer_main(void *argument)
{
    struct writer *writer = argument;
    uint8_t block[5000];
    for (size_t done = 0; done < writer->length;) {
        size_t part = writer->length - done < sizeof block ? writer->length - done : sizeof block;
        for (size_t i = 0; i < part; i++)
            block[i] = wire_byte(writer->pattern, done + i);
        ssize_t count = send(writer->fd, block, part, MSG_NOSIGNAL);
        if (count <= 0)
            return NULL;
        done += (size_t)count;
    }
    shutdown(writer->fd, SHUT_WR);
    return NULL;
}

static void start_writer(struct writer *writer, int fd, size_t length, unsigned int pattern)
{
    *writer = (struct writer){.fd = fd, .length = length, .pattern = pattern};
    assert_i64(pthread_create(&writer->thread, NULL, writer_main, writer), 0);
}

/* Reads to the end; the bytes must be those of the pattern. */
static void check_stream(int fd, size_t length, unsigned int pattern)
{
    uint8_t block[7000];
    size_t done = 0;
    for (ssize_t count; (count = recv(fd, block, sizeof block, 0)) > 0; done += (size_t)count)
        for (size_t i = 0; i < (size_t)count; i++)
            assert_that(block[i] == wire_byte(pattern, done + i), "byte %zu differs", done + i);
    assert_size(done, length);
}

static void
check_both_ways(enum wire_kind kind, bool is_nonblocking, enum brisk_mechanism mechanism)
{
    enum {
        THERE = 3000000,
        BACK = 2000001
    };
    struct relayed relayed;
    struct writer there, back;
    open_relay(&relayed, kind, is_nonblocking);
    relayed.options.mechanism = mechanism;
    start_relay(&relayed);
    start_writer(&there, relayed.client.out, THERE, 1);
    start_writer(&back, relayed.server.in, BACK, 2);

    check_stream(relayed.server.in, THERE, 1); /* while nobody reads the other direction */
    check_stream(relayed.client.out, BACK, 2);

    pthread_join(there.thread, NULL);
    pthread_join(back.thread, NULL);
    close_relay(&relayed);
    assert_ok(relayed.status);
    assert_u64(relayed.stats[0].bytes, THERE);
    assert_u64(relayed.stats[1].bytes, BACK);
    bool is_splicing = is_nonblocking && mechanism != BRISK_MECHANISM_COPY;
    assert_u64(relayed.stats[0].bytes_by[BRISK_MECHANISM_SPLICE], is_splicing ? THERE : 0);
}

static void both_directions_arrive_whole(void **state)
{
    (void)state;
    for (int kind = WIRE_TCP; kind <= WIRE_UNIX; kind++) {
        check_both_ways((enum wire_kind)kind, true, BRISK_MECHANISM_AUTO);
        check_both_ways((enum wire_kind)kind, false, BRISK_MECHANISM_AUTO);
        check_both_ways((enum wire_kind)kind, true, BRISK_MECHANISM_COPY);
    }
}

static void small_segments_arrive_whole(void **state)
{
    (void)state;
    struct relayed relayed;
    struct writer writer;
    int bytes = 1448;
    open_relay(&relayed, WIRE_TCP, true);
    setsockopt(relayed.client.out, IPPROTO_TCP, TCP_MAXSEG, &bytes, sizeof bytes);
    start_relay(&relayed);
    start_writer(&writer, relayed.client.out, 1000000, 1);

    check_stream(relayed.server.in, 1000000, 1);

    shutdown(relayed.server.in, SHUT_WR);
    pthread_join(writer.thread, NULL);
    close_relay(&relayed);
    assert_ok(relayed.status);
}

static void a_half_that_ends_is_passed_on_while_the_other_goes_on(void **state)
{
    (void)state;
    for (int is_nonblocking = 0; is_nonblocking < 2; is_nonblocking++) {
        struct relayed relayed;
        char got[16] = "";
        open_relay(&relayed, WIRE_TCP, is_nonblocking);
        start_relay(&relayed);
        assert_i64(send(relayed.client.out, "request", 7, 0), 7);
        shutdown(relayed.client.out, SHUT_WR);

        assert_i64(recv(relayed.server.in, got, 7, MSG_WAITALL), 7);
        assert_i64(recv(relayed.server.in, got + 7, 1, 0), 0); /* the end has come through */
        assert_i64(send(relayed.server.in, "answer", 6, 0), 6);
        shutdown(relayed.server.in, SHUT_WR);

        assert_i64(recv(relayed.client.out, got, 6, MSG_WAITALL), 6);
        assert_i64(memcmp(got, "answer", 6), 0);
        assert_i64(recv(relayed.client.out, got, 1, 0), 0);
        close_relay(&relayed);
        assert_ok(relayed.status);
    }
}

static void an_answer_is_delivered_though_the_server_has_stopped_reading(void **state)
{
    (void)state;
    struct relayed relayed;
    char got[8] = "";
    wire_watch_sigpipe();
    open_relay(&relayed, WIRE_UNIX, true);
    assert_i64(send(relayed.client.out, "request", 7, 0), 7);
    assert_i64(send(relayed.server.in, "answer", 6, 0), 6);
    shutdown(relayed.server.in, SHUT_RDWR);

    start_relay(&relayed);

    assert_i64(recv(relayed.client.out, got, 6, MSG_WAITALL), 6);
    assert_string_equal(got, "answer");
    close_relay(&relayed);
    assert_status(relayed.status, BRISK_ERR_UNREACHABLE);
    assert_u64(wire_sigpipe_count(), 0);
}

static void a_relay_ends_at_its_deadline(void **state)
{
    (void)state;
    for (int is_nonblocking = 0; is_nonblocking < 2; is_nonblocking++) {
        struct relayed relayed;
        struct writer writer;
        uint64_t begin_ms = wire_now_ms();
        open_relay(&relayed, WIRE_TCP, is_nonblocking);
        relayed.options.timeout_ms = 100;
        start_relay(&relayed);
        start_writer(&writer, relayed.client.out, 50000000, 1); /* nobody reads */

        pthread_join(relayed.thread, NULL);

        assert_status(relayed.status, BRISK_ERR_TIMEOUT);
        assert_true(wire_now_ms() - begin_ms >= 100);
        close(relayed.client.in); /* with bytes that nobody read: a reset, which ends the writer */
        relayed.client.in = -1;
        pthread_join(writer.thread, NULL);
        wire_close(&relayed.client);
        wire_close(&relayed.server);
    }
}

static bool stop(uint64_t sent_bytes, void *ctx)
{
    *(uint64_t *)ctx = sent_bytes;
    return false;
}

static void progress_counts_both_directions_and_can_stop(void **state)
{
    (void)state;
    struct relayed relayed;
    struct writer writer;
    uint64_t told = 0;
    open_relay(&relayed, WIRE_UNIX, true);
    relayed.options.progress = stop;
    relayed.options.progress_ctx = &told;
    relayed.options.progress_bytes = 10000;
    start_relay(&relayed);
    start_writer(&writer, relayed.client.out, 10001, 1);

    pthread_join(relayed.thread, NULL);

    assert_status(relayed.status, BRISK_ERR_CANCELLED);
    assert_true(told >= 10000);
    pthread_join(writer.thread, NULL);
    wire_close(&relayed.client);
    wire_close(&relayed.server);
}

static int relay_with_few_descriptors(const void *argument)
{
    int a[2], b[2];
    (void)argument;
    child_expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, a) == 0);
    child_expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b) == 0);
    while (dup(0) >= 0) {
    }
    child_expect(write(a[0], "abc", 3) == 3);
    shutdown(a[0], SHUT_WR);
    shutdown(b[0], SHUT_WR);
    struct brisk_send_stats stats = {.size = sizeof stats};
    child_expect(brisk_relay(a[1], b[1], NULL, &stats, NULL, NULL) == BRISK_OK);
    child_expect(stats.bytes == 3 && stats.bytes_by[BRISK_MECHANISM_COPY] == 3);
    return 0;
}

static void without_a_pipe_the_bytes_are_copied(void **state)
{
    (void)state;
    run_in_child(relay_with_few_descriptors, NULL);
}

static void what_cannot_be_relayed_is_refused(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_UNIX, false);
    struct brisk_send_options options = brisk_send_options_default();
    struct brisk_error error = {0};
    options.is_nonblocking = true;

    assert_status(brisk_relay(wire.in, wire.out, &options, NULL, NULL, &error), BRISK_ERR_INVALID);
    assert_non_null(strstr(error.message, "is_nonblocking"));
    assert_status(brisk_relay(-1, wire.out, NULL, NULL, NULL, &error), BRISK_ERR_INVALID);
    assert_status(brisk_relay(wire.in, 987654, NULL, NULL, NULL, &error), BRISK_ERR_INVALID);
    options = brisk_send_options_default();
    options.mechanism = BRISK_MECHANISM_SENDFILE;
    assert_status(
        brisk_relay(wire.in, wire.out, &options, NULL, NULL, &error), BRISK_ERR_UNSUPPORTED);
    options.mechanism = BRISK_MECHANISM_SPLICE; /* the descriptors block */
    assert_status(
        brisk_relay(wire.in, wire.out, &options, NULL, NULL, &error), BRISK_ERR_UNSUPPORTED);

    wire_close(&wire);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(both_directions_arrive_whole), cmocka_unit_test(small_segments_arrive_whole),
    cmocka_unit_test(a_half_that_ends_is_passed_on_while_the_other_goes_on),
    cmocka_unit_test(an_answer_is_delivered_though_the_server_has_stopped_reading),
    cmocka_unit_test(a_relay_ends_at_its_deadline),
    cmocka_unit_test(progress_counts_both_directions_and_can_stop),
    cmocka_unit_test(without_a_pipe_the_bytes_are_copied),
    cmocka_unit_test(what_cannot_be_relayed_is_refused))
