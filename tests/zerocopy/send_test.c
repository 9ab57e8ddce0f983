/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/zerocopy/wire.h"

enum {
    BLOCKING,
    NONBLOCKING,
    DEADLINE,
    NONBLOCKING_WITH_DEADLINE,
    MODES
};

static struct brisk_send_options options_of(int mode, int fd)
{
    struct brisk_send_options options = brisk_send_options_default();
    if (mode == NONBLOCKING || mode == NONBLOCKING_WITH_DEADLINE)
        wire_set_nonblocking(fd);
    options.is_nonblocking = mode == NONBLOCKING;
    options.timeout_ms = mode == DEADLINE || mode == NONBLOCKING_WITH_DEADLINE ? 60000 : 0;
    return options;
}

/* What arrives is what was sent, in one cell of the matrix. */
static void check_cell(
    enum wire_kind kind, int mode, bool is_narrow, size_t scale, enum brisk_mechanism mechanism)
{
    struct wire wire = wire_open(kind, is_narrow);
    struct wire_message message = wire_message_new(scale);
    struct brisk_send_options options = options_of(mode, wire.out);
    struct wire_reader reader;
    uint64_t sent = 0;
    options.mechanism = mechanism;
    if (kind == WIRE_FILE) { /* it is read when all is written */
        assert_ok(wire_send_all(wire.out, message.chain, &options, &sent));
        assert_i64(lseek(wire.in, 0, SEEK_SET), 0);
        wire_reader_start(&reader, &wire, 65536, SIZE_MAX);
    } else {
        wire_reader_start(&reader, &wire, is_narrow ? 3000 : 65536, SIZE_MAX);
        assert_ok(wire_send_all(wire.out, message.chain, &options, &sent));
        wire_close_out(&wire);
    }
    wire_reader_finish(&reader);
    assert_that(
        sent == message.length && brisk_chain_length(message.chain) == 0, "%s, mode %d: %zu sent",
        wire_name(kind), mode, (size_t)sent);
    assert_that(
        reader.length == message.length && memcmp(reader.bytes, message.bytes, sent) == 0,
        "%s, mode %d, narrow %d: %zu of %zu arrived, or they differ", wire_name(kind), mode,
        is_narrow, reader.length, message.length);
    free(reader.bytes);
    wire_message_free(&message);
    wire_close(&wire);
}

static void every_sink_gets_every_byte_in_every_mode(void **state)
{
    (void)state;
    for (int kind = 0; kind < WIRE_KINDS; kind++)
        for (int mode = 0; mode < MODES; mode++)
            check_cell((enum wire_kind)kind, mode, false, 1000000, BRISK_MECHANISM_AUTO);
}

static void a_sink_that_takes_little_at_a_time_gets_every_byte(void **state)
{
    (void)state;
    for (int kind = 0; kind < WIRE_KINDS; kind++)
        for (int mode = 0; mode < MODES; mode++)
            check_cell((enum wire_kind)kind, mode, true, 100000, BRISK_MECHANISM_AUTO);
}

static void a_storm_of_signals_loses_and_repeats_nothing(void **state)
{
    (void)state;
    wire_storm_begin();
    for (int kind = 0; kind < WIRE_KINDS; kind++)
        for (int mode = 0; mode < MODES; mode++)
            check_cell((enum wire_kind)kind, mode, true, 200000, BRISK_MECHANISM_AUTO);
    wire_storm_end();
}

static void each_mechanism_can_be_forced_where_it_works(void **state)
{
    (void)state;
    const struct {
        enum wire_kind kind;
        enum brisk_mechanism mechanism;
    } cells[] = {
        {WIRE_TCP, BRISK_MECHANISM_COPY},      {WIRE_UNIX, BRISK_MECHANISM_COPY},
        {WIRE_PIPE, BRISK_MECHANISM_COPY},     {WIRE_FILE, BRISK_MECHANISM_COPY},
        {WIRE_TCP, BRISK_MECHANISM_SENDFILE},  {WIRE_UNIX, BRISK_MECHANISM_SENDFILE},
        {WIRE_PIPE, BRISK_MECHANISM_SENDFILE}, {WIRE_PIPE, BRISK_MECHANISM_SPLICE},
        {WIRE_FILE, BRISK_MECHANISM_SENDFILE},
    };
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        for (int mode = 0; mode < MODES; mode++)
            check_cell(cells[i].kind, mode, false, 300000, cells[i].mechanism);
}

static void a_mechanism_that_does_not_work_is_unsupported_if_forced(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_UNIX, false);
    struct brisk_file_message message = brisk_file_message_whole(wire_memory_file(100000, 0));
    struct brisk_send_options options = brisk_send_options_default();
    struct brisk_send_stats stats = {.size = sizeof stats};
    struct brisk_error error = {0};

    options.mechanism = BRISK_MECHANISM_COPY_RANGE;
    assert_status(
        brisk_send_file(wire.out, &message, &options, &stats, &error), BRISK_ERR_UNSUPPORTED);

    assert_non_null(strstr(error.message, "copy_range does not work"));
    assert_u64(stats.bytes, 0);
    close(message.fd);
    wire_close(&wire);
}

static void statistics_say_how_the_bytes_went(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_TCP, false);
    struct wire_reader reader;
    struct brisk_send_stats stats = {.size = sizeof stats};
    struct brisk_file_message message = brisk_file_message_whole(wire_memory_file(100000, 0));
    message.header = brisk_bytes_text("header");
    message.trailer = brisk_bytes_text("trailer");
    message.length = 100000;
    wire_reader_start(&reader, &wire, 65536, SIZE_MAX);

    assert_ok(brisk_send_file(wire.out, &message, NULL, &stats, NULL));

    assert_u64(stats.bytes, 100013);
    assert_u64(stats.bytes_by[BRISK_MECHANISM_MEMORY], 13);
    assert_u64(stats.bytes_by[BRISK_MECHANISM_SENDFILE], 100000);
    assert_u64(stats.fallbacks, 0);
    /* Sending header, file and trailer; what the sink is; blocking SIGPIPE and back. */
    assert_true(stats.system_calls >= 6);
    assert_u64(message.header.length + message.trailer.length + message.length, 0);
    assert_i64(message.offset, 100000);
    wire_close_out(&wire);
    wire_reader_finish(&reader);
    assert_size(reader.length, 100013);
    free(reader.bytes);
    close(message.fd);
    wire_close(&wire);
}

static void a_chain_that_is_used_again_asks_for_the_sink_once(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_TCP, false);
    struct wire_reader reader;
    struct brisk_chain *chain = brisk_chain_new();
    struct brisk_view header = brisk_view_borrow(brisk_bytes_text("header"));
    struct brisk_send_options options = brisk_send_options_default();
    struct brisk_send_stats stats = {.size = sizeof stats};
    int file = wire_memory_file(65536, 0);
    options.is_sigpipe_ignored = true;
    wire_reader_start(&reader, &wire, 65536, SIZE_MAX);

    for (int i = 0; i < 3; i++) {
        assert_ok(brisk_chain_append(chain, &header));
        assert_ok(brisk_chain_append_file(chain, file, 0, 65536, BRISK_FD_BORROW));
        assert_ok(brisk_send(wire.out, chain, &options, &stats, NULL));
        assert_true(stats.system_calls >= 2);
    }

    assert_u64(stats.system_calls, 2);
    wire_close_out(&wire);
    wire_reader_finish(&reader);
    free(reader.bytes);
    brisk_chain_free(chain);
    close(file);
    wire_close(&wire);
}

static void a_small_file_goes_out_with_its_header_in_one_call(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_TCP, false);
    struct brisk_file_message message = brisk_file_message_whole(wire_memory_file(4096, 0));
    struct brisk_send_stats stats = {.size = sizeof stats};
    message.header = brisk_bytes_text("header");
    message.length = 4096;

    assert_ok(brisk_send_file(wire.out, &message, NULL, &stats, NULL));

    assert_u64(stats.system_calls, 2); /* one read, one send */
    assert_u64(stats.bytes_by[BRISK_MECHANISM_COPY], 4096);
    close(message.fd);
    wire_close(&wire);
}

static bool stop_at_once(uint64_t sent_bytes, void *ctx)
{
    *(uint64_t *)ctx = sent_bytes;
    return false;
}

static void progress_can_stop_and_a_further_call_goes_on(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_UNIX, false);
    struct wire_message message = wire_message_new(500000);
    struct wire_reader reader;
    struct brisk_send_options options = brisk_send_options_default();
    uint64_t told = 0, sent = 0;
    options.progress = stop_at_once;
    options.progress_ctx = &told;
    options.progress_bytes = 50000;
    wire_reader_start(&reader, &wire, 65536, SIZE_MAX);

    assert_status(wire_send_all(wire.out, message.chain, &options, &sent), BRISK_ERR_CANCELLED);
    assert_u64(told, sent);
    assert_u64(brisk_chain_length(message.chain), message.length - sent);
    unsigned int stops = 1;
    while (wire_send_all(wire.out, message.chain, &options, &sent) == BRISK_ERR_CANCELLED)
        stops++;

    assert_true(stops > 5);
    wire_close_out(&wire);
    wire_reader_finish(&reader);
    assert_bytes(
        brisk_bytes_of(reader.bytes, reader.length), brisk_bytes_of(message.bytes, message.length));
    free(reader.bytes);
    wire_message_free(&message);
    wire_close(&wire);
}

static void a_peer_that_never_reads_meets_the_deadline(void **state)
{
    (void)state;
    for (int kind = 0; kind < WIRE_FILE; kind++)
        for (int mode = DEADLINE; mode < MODES; mode++) {
            struct wire wire = wire_open((enum wire_kind)kind, false);
            struct wire_message message = wire_message_new(8000000);
            struct brisk_send_options options = options_of(mode, wire.out);
            uint64_t sent = 0, begin_ms = wire_now_ms();
            options.timeout_ms = 200;

            wire_storm_begin();
            assert_status(
                wire_send_all(wire.out, message.chain, &options, &sent), BRISK_ERR_TIMEOUT);
            wire_storm_end();

            uint64_t took_ms = wire_now_ms() - begin_ms;
            assert_that(
                took_ms >= 200 && took_ms < 10000, "%s: %u ms", wire_name((enum wire_kind)kind),
                (unsigned int)took_ms);
            assert_u64(brisk_chain_length(message.chain), message.length - sent);
            wire_message_free(&message);
            wire_close(&wire);
        }
}

/* The classes of positions: none, in and at the edges of header, ranges, memory, trailer. */
static const size_t stops[] = {0,      1,      199,    200,    201,    5000,   100199, 100200,
                               100201, 103200, 103201, 105000, 108201, 120000, 178201, 178217};

static void a_peer_that_leaves_is_unreachable_and_no_signal_comes(void **state)
{
    (void)state;
    wire_watch_sigpipe();
    for (int kind = 0; kind < WIRE_FILE; kind++)
        for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
            struct wire wire = wire_open((enum wire_kind)kind, true);
            struct wire_message message = wire_message_new(100000);
            struct wire_reader reader;
            struct brisk_send_options options = options_of((int)i % MODES, wire.out);
            uint64_t sent = 0;
            wire_reader_start(&reader, &wire, 3000, stops[i]);

            enum brisk_status status = wire_send_all(wire.out, message.chain, &options, &sent);
            while (status == BRISK_OK) { /* the kernel may have taken all of it */
                assert_ok(brisk_chain_append_copy(message.chain, brisk_bytes_text("more")));
                status = wire_send_all(wire.out, message.chain, &options, &sent);
            }

            wire_reader_finish(&reader);
            assert_status(status, BRISK_ERR_UNREACHABLE);
            assert_true(reader.length == stops[i] && sent >= stops[i]);
            assert_i64(
                memcmp(reader.length > 0 ? reader.bytes : message.bytes, message.bytes, stops[i]),
                0);
            if (sent < message.length)
                assert_u64(brisk_chain_length(message.chain), message.length - sent);
            free(reader.bytes);
            wire_message_free(&message);
            wire_close(&wire);
        }
    assert_u64(wire_sigpipe_count(), 0);
}

static void a_socket_that_was_shut_down_is_unreachable(void **state)
{
    (void)state;
    wire_watch_sigpipe();
    for (int kind = WIRE_TCP; kind <= WIRE_UNIX; kind++) {
        struct wire wire = wire_open((enum wire_kind)kind, false);
        struct brisk_file_message message = brisk_file_message_whole(wire_memory_file(70000, 0));
        struct brisk_error error = {0};
        shutdown(wire.out, SHUT_WR);

        assert_status(
            brisk_send_file(wire.out, &message, NULL, NULL, &error), BRISK_ERR_UNREACHABLE);

        assert_i64(error.sys_errno, EPIPE);
        close(message.fd);
        wire_close(&wire);
    }
    int fresh = socket(AF_INET, SOCK_STREAM, 0);
    struct brisk_chain *chain = brisk_chain_new();
    assert_ok(brisk_chain_append_copy(chain, brisk_bytes_text("abc")));
    assert_status(brisk_send(fresh, chain, NULL, NULL, NULL), BRISK_ERR_UNREACHABLE);
    brisk_chain_free(chain);
    close(fresh);
    assert_u64(wire_sigpipe_count(), 0);
}

static void the_caller_is_told_when_a_file_is_shorter_than_its_range(void **state)
{
    (void)state;
    for (int kind = 0; kind < WIRE_KINDS; kind++)
        for (int is_small = 0; is_small < 2; is_small++) {
            struct wire wire = wire_open((enum wire_kind)kind, false);
            size_t length = is_small ? 3000 : 40000; /* fits the pipe */
            int file = wire_memory_file(length, 0);
            struct brisk_file_message message = brisk_file_message_whole(file);
            struct brisk_send_stats stats = {.size = sizeof stats};
            struct brisk_error error = {0};
            message.header = brisk_bytes_text("header");
            message.length = length + 1000;

            assert_status(
                brisk_send_file(wire.out, &message, NULL, &stats, &error), BRISK_ERR_TRUNCATED);

            assert_u64(stats.bytes, 6 + length);
            assert_i64(message.offset, (int64_t)length);
            assert_u64(message.length, 1000);
            assert_non_null(strstr(error.message, "1000 bytes before its range"));
            close(file);
            wire_close(&wire);
        }
}

static bool cut_file(uint64_t sent_bytes, void *ctx)
{
    (void)sent_bytes;
    return ftruncate(*(int *)ctx, 100000) == 0;
}

static void a_file_that_is_cut_while_it_is_sent_is_truncated(void **state)
{
    (void)state;
    static const enum brisk_mechanism mechanisms[] = {
        BRISK_MECHANISM_AUTO, BRISK_MECHANISM_COPY, BRISK_MECHANISM_SENDFILE};
    for (size_t i = 0; i < 3; i++) {
        struct wire wire = wire_open(WIRE_TCP, false);
        int file = wire_disk_file(3000000, 0);
        struct wire_reader reader;
        struct brisk_file_message message = brisk_file_message_whole(file);
        struct brisk_send_options options = brisk_send_options_default();
        struct brisk_send_stats stats = {.size = sizeof stats};
        message.length = 3000000;
        options.progress = cut_file;
        options.progress_ctx = &file;
        options.progress_bytes = 300000;
        options.mechanism = mechanisms[i];
        wire_reader_start(&reader, &wire, 65536, SIZE_MAX);

        assert_status(
            brisk_send_file(wire.out, &message, &options, &stats, NULL), BRISK_ERR_TRUNCATED);

        wire_close_out(&wire);
        wire_reader_finish(&reader);
        assert_u64(reader.length, stats.bytes);
        assert_true(stats.bytes < 3000000);
        free(reader.bytes);
        close(file);
        wire_close(&wire);
    }
}

static bool extend_file(uint64_t sent_bytes, void *ctx)
{
    (void)sent_bytes;
    return ftruncate(*(int *)ctx, 5000000) == 0;
}

static void a_file_that_grows_while_it_is_sent_adds_nothing_to_its_range(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_TCP, false);
    int file = wire_disk_file(1000000, 0);
    struct wire_reader reader;
    struct brisk_file_message message = brisk_file_message_whole(file);
    struct brisk_send_options options = brisk_send_options_default();
    message.length = 1000000;
    options.progress = extend_file;
    options.progress_ctx = &file;
    options.progress_bytes = 100000;
    wire_reader_start(&reader, &wire, 65536, SIZE_MAX);

    assert_ok(brisk_send_file(wire.out, &message, &options, NULL, NULL));

    wire_close_out(&wire);
    wire_reader_finish(&reader);
    assert_size(reader.length, 1000000);
    free(reader.bytes);
    close(file);
    wire_close(&wire);
}

static void stable_bytes_do_not_change_after_the_call(void **state)
{
    (void)state;
    for (int kind = WIRE_TCP; kind <= WIRE_PIPE; kind++) {
        struct wire wire = wire_open((enum wire_kind)kind, false);
        int file = wire_disk_file(40000, 0);
        struct brisk_file_message message = brisk_file_message_whole(file);
        struct brisk_send_options options = brisk_send_options_default();
        struct brisk_send_stats stats = {.size = sizeof stats};
        struct wire_reader reader;
        static uint8_t zeros[40000];
        options.is_stable = true;

        assert_ok(brisk_send_file(wire.out, &message, &options, &stats, NULL));
        assert_i64(pwrite(file, zeros, sizeof zeros, 0), sizeof zeros);
        wire_close_out(&wire);
        wire_reader_start(&reader, &wire, 65536, SIZE_MAX);
        wire_reader_finish(&reader);

        assert_u64(stats.bytes_by[BRISK_MECHANISM_COPY], 40000);
        assert_size(reader.length, 40000);
        for (size_t i = 0; i < 40000; i++)
            assert_that(reader.bytes[i] == wire_byte(0, i), "byte %zu has changed", i);
        free(reader.bytes);
        close(file);
        wire_close(&wire);
    }
}

/* Milliseconds until `count` bytes have arrived. */
static uint64_t arrival_ms(int fd, size_t count)
{
    uint64_t begin_ms = wire_now_ms();
    char bytes[64];
    while (count > 0) {
        ssize_t got = recv(fd, bytes, count < sizeof bytes ? count : sizeof bytes, 0);
        assert_true(got > 0);
        count -= (size_t)got;
    }
    return wire_now_ms() - begin_ms;
}

enum {
    STALL_MS = 150 /* what is held back waits for 200 ms */
};

static void a_header_before_an_empty_file_arrives_at_once(void **state)
{
    (void)state;
    for (int is_nagling = 0; is_nagling < 2; is_nagling++) {
        struct wire wire = wire_open(WIRE_TCP, false);
        struct brisk_file_message message = brisk_file_message_whole(wire_memory_file(0, 0));
        int nodelay = !is_nagling, left = -1;
        socklen_t length = sizeof left;
        setsockopt(wire.out, IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof nodelay);
        message.header = brisk_bytes_text("header");

        assert_ok(brisk_send_file(wire.out, &message, NULL, NULL, NULL));

        assert_true(arrival_ms(wire.in, 6) < STALL_MS);
        assert_i64(getsockopt(wire.out, IPPROTO_TCP, TCP_NODELAY, &left, &length), 0);
        assert_i64(left != 0, nodelay); /* the caller's setting is as it was */
        close(message.fd);
        wire_close(&wire);
    }
}

static void what_came_before_an_error_arrives_at_once(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_TCP, false);
    struct brisk_file_message message = brisk_file_message_whole(wire_memory_file(10, 0));
    message.header = brisk_bytes_text("header");
    message.length = 70000;

    assert_status(brisk_send_file(wire.out, &message, NULL, NULL, NULL), BRISK_ERR_TRUNCATED);

    assert_true(arrival_ms(wire.in, 16) < STALL_MS);
    close(message.fd);
    wire_close(&wire);
}

static void a_copied_file_leaves_no_tail_behind(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_TCP, false);
    struct brisk_file_message message = brisk_file_message_whole(wire_memory_file(30, 0));
    struct brisk_send_options options = brisk_send_options_default();
    options.mechanism = BRISK_MECHANISM_COPY;
    message.header = brisk_bytes_text("header");

    assert_ok(brisk_send_file(wire.out, &message, &options, NULL, NULL));

    assert_true(arrival_ms(wire.in, 36) < STALL_MS);
    close(message.fd);
    wire_close(&wire);
}

static void more_follows_holds_the_end_back_until_the_next_call(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_TCP, false);
    struct brisk_chain *chain = brisk_chain_new();
    struct brisk_send_options options = brisk_send_options_default();
    options.more_follows = true;
    assert_ok(brisk_chain_append_copy(chain, brisk_bytes_text("first")));
    assert_ok(brisk_send(wire.out, chain, &options, NULL, NULL));
    struct pollfd entry = {.fd = wire.in, .events = POLLIN};

    assert_i64(poll(&entry, 1, 20), 0);
    assert_ok(brisk_chain_append_copy(chain, brisk_bytes_text("second")));
    assert_ok(brisk_send(wire.out, chain, NULL, NULL, NULL));

    assert_true(arrival_ms(wire.in, 11) < STALL_MS);
    brisk_chain_free(chain);
    wire_close(&wire);
}

static void more_pieces_than_one_call_takes_are_sent(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_UNIX, false);
    struct brisk_chain *chain = brisk_chain_new();
    struct wire_reader reader;
    for (int i = 0; i < 5000; i++)
        assert_ok(brisk_chain_append_copy(chain, brisk_bytes_text(i % 2 == 0 ? "ab" : "cd")));
    wire_reader_start(&reader, &wire, 65536, SIZE_MAX);

    assert_ok(brisk_send(wire.out, chain, NULL, NULL, NULL));

    wire_close_out(&wire);
    wire_reader_finish(&reader);
    assert_size(reader.length, 10000);
    for (size_t i = 0; i < 10000; i++)
        assert_u64(reader.bytes[i], (uint64_t) "abcd"[i % 4]);
    free(reader.bytes);
    brisk_chain_free(chain);
    wire_close(&wire);
}

static void a_file_over_2_gib_is_sent_whole(void **state)
{
    (void)state;
    int file = memfd_create("test", MFD_CLOEXEC);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct brisk_file_message message = brisk_file_message_whole(file);
    struct brisk_send_stats stats = {.size = sizeof stats};
    const int64_t length = INT64_C(5) << 29;
    assert_i64(ftruncate(file, length), 0);
    message.offset = 10;
    message.length = (uint64_t)length - 10;

    assert_ok(brisk_send_file(null, &message, NULL, &stats, NULL));

    assert_u64(stats.bytes, (uint64_t)length - 10);
    assert_i64(message.offset, length);
    close(file);
    close(null);
}

static void offsets_at_the_end_of_the_world_are_truncated_not_wrapped(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_UNIX, false);
    struct brisk_file_message message = brisk_file_message_whole(wire_memory_file(10, 0));
    message.offset = INT64_MAX - 20000;
    message.length = 20000;

    assert_status(brisk_send_file(wire.out, &message, NULL, NULL, NULL), BRISK_ERR_TRUNCATED);
    message.length = 20001;
    assert_status(brisk_send_file(wire.out, &message, NULL, NULL, NULL), BRISK_ERR_INVALID);

    close(message.fd);
    wire_close(&wire);
}

static void an_empty_chain_is_sent_without_a_system_call(void **state)
{
    (void)state;
    struct brisk_chain *chain = brisk_chain_new();
    struct brisk_send_stats stats = {.size = sizeof stats};

    assert_ok(brisk_send(0, chain, NULL, &stats, NULL));

    assert_u64(stats.system_calls, 0);
    brisk_chain_free(chain);
}

static void options_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct brisk_chain *chain = brisk_chain_new();
    struct brisk_send_options options = brisk_send_options_default();
    struct brisk_error error = {0};
    struct brisk_file_message message = brisk_file_message_whole(0);

    options.mechanism = BRISK_MECHANISM_MEMORY;
    assert_status(brisk_send(0, chain, &options, NULL, &error), BRISK_ERR_INVALID);
    options.mechanism = (enum brisk_mechanism)17;
    assert_status(brisk_send(0, chain, &options, NULL, &error), BRISK_ERR_INVALID);
    options.mechanism = BRISK_MECHANISM_SENDFILE;
    options.is_stable = true;
    assert_status(brisk_send(0, chain, &options, NULL, &error), BRISK_ERR_INVALID);
    assert_non_null(strstr(error.message, "is_stable"));
    options = brisk_send_options_default();
    options.is_nonblocking = true;
    message.offset = BRISK_OFFSET_CURRENT;
    assert_status(brisk_send_file(0, &message, &options, NULL, &error), BRISK_ERR_INVALID);
    options.size = 3;
    assert_status(brisk_send(0, chain, &options, NULL, &error), BRISK_ERR_INVALID);
    assert_status(brisk_send(-1, chain, NULL, NULL, &error), BRISK_ERR_INVALID);
    assert_status(brisk_send(0, NULL, NULL, NULL, &error), BRISK_ERR_INVALID);
    assert_status(brisk_send_file(0, NULL, NULL, NULL, &error), BRISK_ERR_INVALID);

    brisk_chain_free(chain);
}

static void statistics_of_an_older_program_are_filled_as_far_as_it_knows(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_UNIX, false);
    struct brisk_chain *chain = brisk_chain_new();
    struct brisk_send_stats stats = {.size = offsetof(struct brisk_send_stats, bytes_by)};
    stats.bytes_by[1] = 77;
    assert_ok(brisk_chain_append_copy(chain, brisk_bytes_text("abc")));

    assert_ok(brisk_send(wire.out, chain, NULL, &stats, NULL));

    assert_u64(stats.bytes, 3);
    assert_u64(stats.bytes_by[1], 77);
    brisk_chain_free(chain);
    wire_close(&wire);
}

static void mechanisms_have_names(void **state)
{
    (void)state;
    assert_string_equal(brisk_mechanism_name(BRISK_MECHANISM_SENDFILE), "sendfile");
    assert_string_equal(brisk_mechanism_name((enum brisk_mechanism)99), "unknown");
}

BRISK_TEST_MAIN(
    cmocka_unit_test(every_sink_gets_every_byte_in_every_mode),
    cmocka_unit_test(a_sink_that_takes_little_at_a_time_gets_every_byte),
    cmocka_unit_test(a_storm_of_signals_loses_and_repeats_nothing),
    cmocka_unit_test(each_mechanism_can_be_forced_where_it_works),
    cmocka_unit_test(a_mechanism_that_does_not_work_is_unsupported_if_forced),
    cmocka_unit_test(statistics_say_how_the_bytes_went),
    cmocka_unit_test(a_chain_that_is_used_again_asks_for_the_sink_once),
    cmocka_unit_test(a_small_file_goes_out_with_its_header_in_one_call),
    cmocka_unit_test(progress_can_stop_and_a_further_call_goes_on),
    cmocka_unit_test(a_peer_that_never_reads_meets_the_deadline),
    cmocka_unit_test(a_peer_that_leaves_is_unreachable_and_no_signal_comes),
    cmocka_unit_test(a_socket_that_was_shut_down_is_unreachable),
    cmocka_unit_test(the_caller_is_told_when_a_file_is_shorter_than_its_range),
    cmocka_unit_test(a_file_that_is_cut_while_it_is_sent_is_truncated),
    cmocka_unit_test(a_file_that_grows_while_it_is_sent_adds_nothing_to_its_range),
    cmocka_unit_test(stable_bytes_do_not_change_after_the_call),
    cmocka_unit_test(a_header_before_an_empty_file_arrives_at_once),
    cmocka_unit_test(what_came_before_an_error_arrives_at_once),
    cmocka_unit_test(a_copied_file_leaves_no_tail_behind),
    cmocka_unit_test(more_follows_holds_the_end_back_until_the_next_call),
    cmocka_unit_test(more_pieces_than_one_call_takes_are_sent),
    cmocka_unit_test(a_file_over_2_gib_is_sent_whole),
    cmocka_unit_test(offsets_at_the_end_of_the_world_are_truncated_not_wrapped),
    cmocka_unit_test(an_empty_chain_is_sent_without_a_system_call),
    cmocka_unit_test(options_that_make_no_sense_are_refused),
    cmocka_unit_test(statistics_of_an_older_program_are_filled_as_far_as_it_knows),
    cmocka_unit_test(mechanisms_have_names))
