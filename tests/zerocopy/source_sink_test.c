/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/zerocopy/wire.h"

enum {
    LENGTH = 50000 /* more than is read together with a header, less than a pipe holds */
};

/* What is sent from: how to open it, and what it is known to hold (NULL: the pattern 3). */
struct source {
    const char *name;
    const char *path; /* NULL: by `open_it` */
    int (*open_it)(void);
    int64_t offset;
    enum brisk_status want;
};

static int open_memory(void)
{
    return wire_memory_file(LENGTH, 3);
}

static int open_disk(void)
{
    return wire_disk_file(LENGTH, 3);
}

/* The reading end of something that already holds everything. */
static int filled(struct wire wire)
{
    uint8_t bytes[LENGTH];
    for (size_t i = 0; i < LENGTH; i++)
        bytes[i] = wire_byte(3, i);
    assert_i64(write(wire.out, bytes, LENGTH), LENGTH);
    close(wire.out);
    return wire.in;
}

static int open_pipe(void)
{
    return filled(wire_open(WIRE_PIPE, false));
}

static int open_unix(void)
{
    return filled(wire_open(WIRE_UNIX, false));
}

static int open_tcp(void)
{
    return filled(wire_open(WIRE_TCP, false));
}

static int open_eventfd(void)
{
    return eventfd(0, EFD_CLOEXEC);
}

static int open_write_only(void)
{
    return open("/dev/null", O_WRONLY | O_CLOEXEC);
}

static const struct source sources[] = {
    {"memory", NULL, open_memory, 0, BRISK_OK},
    {"memory from its position", NULL, open_memory, BRISK_OFFSET_CURRENT, BRISK_OK},
    {"disk", NULL, open_disk, 0, BRISK_OK},
    {"pipe", NULL, open_pipe, BRISK_OFFSET_CURRENT, BRISK_OK},
    {"UNIX socket", NULL, open_unix, BRISK_OFFSET_CURRENT, BRISK_OK},
    {"TCP socket", NULL, open_tcp, BRISK_OFFSET_CURRENT, BRISK_OK},
    {"/proc", "/proc/version", NULL, 0, BRISK_OK},
    {"/proc with records", "/proc/self/mounts", NULL, 0, BRISK_OK},
    {"/sys", "/sys/kernel/mm/transparent_hugepage/enabled", NULL, 0, BRISK_OK},
    {"pipe with an offset", NULL, open_pipe, 0, BRISK_ERR_INVALID},
    {"directory", "/proc", NULL, 0, BRISK_ERR_INVALID},
    {"write-only", NULL, open_write_only, 0, BRISK_ERR_INVALID},
    {"eventfd with an offset", NULL, open_eventfd, 0, BRISK_ERR_INVALID},
};

static int open_source(const struct source *source)
{
    int fd = source->path == NULL ? source->open_it() : open(source->path, O_RDONLY | O_CLOEXEC);
    assert_that(fd >= 0, "%s cannot be opened", source->name);
    return fd;
}

/* What a plain read gives. */
static size_t expected(const struct source *source, uint8_t *bytes, size_t capacity)
{
    size_t length = 0;
    int fd = open_source(source);
    for (ssize_t count; (count = read(fd, bytes + length, capacity - length)) > 0;)
        length += (size_t)count;
    close(fd);
    return length;
}

static void set_append(int fd)
{
    assert_i64(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_APPEND), 0);
}

static void check_pair(const struct source *source, enum wire_kind kind, bool is_appending)
{
    static uint8_t want[200000];
    struct wire wire = wire_open(kind, false);
    struct wire_reader reader;
    struct brisk_error error = {0};
    struct brisk_chain *chain = brisk_chain_new();
    struct brisk_send_options options = brisk_send_options_default();
    size_t want_length = source->want == BRISK_OK ? expected(source, want, sizeof want) : 0;
    options.timeout_ms = kind == WIRE_UNIX ? 20000 : 0;
    if (is_appending)
        set_append(wire.out);
    assert_ok(brisk_chain_append_file(
        chain, open_source(source), source->offset, BRISK_TO_END, BRISK_FD_CLOSE));

    enum brisk_status status = brisk_send(wire.out, chain, &options, NULL, &error);

    assert_that(
        status == source->want, "%s to %s: %s: %s", source->name, wire_name(kind),
        brisk_status_name(status), error.message);
    wire_close_out(&wire);
    lseek(wire.in, 0, SEEK_SET);
    wire_reader_start(&reader, &wire, 65536, SIZE_MAX);
    wire_reader_finish(&reader);
    assert_that(
        reader.length == want_length && memcmp(reader.bytes, want, want_length) == 0,
        "%s to %s: %zu bytes of %zu, or they differ", source->name, wire_name(kind), reader.length,
        want_length);
    free(reader.bytes);
    brisk_chain_free(chain);
    wire_close(&wire);
}

static void every_source_reaches_every_sink_as_a_plain_copy_would(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        for (int kind = 0; kind < WIRE_KINDS; kind++)
            check_pair(&sources[i], (enum wire_kind)kind, false);
        check_pair(&sources[i], WIRE_FILE, true);
    }
}

static void a_pseudo_file_ends_where_it_ends(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_TCP, false);
    int file = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);
    struct brisk_file_message message = brisk_file_message_whole(file);
    struct brisk_send_stats stats = {.size = sizeof stats};
    message.length = 4096; /* what fstat says */

    assert_ok(brisk_send_file(wire.out, &message, NULL, &stats, NULL));

    assert_true(stats.bytes > 0 && stats.bytes < 4096);
    close(file);
    wire_close(&wire);
}

static void an_endless_source_gives_what_is_asked_for(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_UNIX, false);
    struct wire_reader reader;
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    struct brisk_file_message message = brisk_file_message_whole(zero);
    message.length = 1000000;
    wire_reader_start(&reader, &wire, 65536, SIZE_MAX);

    assert_ok(brisk_send_file(wire.out, &message, NULL, NULL, NULL));

    wire_close_out(&wire);
    wire_reader_finish(&reader);
    assert_size(reader.length, 1000000);
    assert_u64(reader.bytes[999999], 0);
    free(reader.bytes);
    close(zero);
    wire_close(&wire);
}

static void a_stream_that_ends_early_is_truncated(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_UNIX, false);
    struct brisk_chain *chain = brisk_chain_new();
    struct brisk_send_stats stats = {.size = sizeof stats};
    assert_ok(brisk_chain_append_file(
        chain, open_pipe(), BRISK_OFFSET_CURRENT, LENGTH + 1, BRISK_FD_CLOSE));

    assert_status(brisk_send(wire.out, chain, NULL, &stats, NULL), BRISK_ERR_TRUNCATED);

    assert_u64(stats.bytes, LENGTH);
    assert_u64(brisk_chain_length(chain), 1);
    brisk_chain_free(chain);
    wire_close(&wire);
}

static void a_stream_that_is_not_ready_says_again_or_waits(void **state)
{
    (void)state;
    struct wire from = wire_open(WIRE_UNIX, false);
    struct wire wire = wire_open(WIRE_UNIX, false);
    struct brisk_chain *chain = brisk_chain_new();
    struct brisk_send_options options = brisk_send_options_default();
    struct brisk_send_stats stats = {.size = sizeof stats};
    assert_ok(brisk_chain_append_file(chain, from.in, BRISK_OFFSET_CURRENT, 6, BRISK_FD_BORROW));
    options.is_nonblocking = true;

    assert_status(brisk_send(wire.out, chain, &options, &stats, NULL), BRISK_AGAIN);
    assert_i64(write(from.out, "abc", 3), 3);
    assert_status(brisk_send(wire.out, chain, &options, &stats, NULL), BRISK_AGAIN);
    assert_u64(stats.bytes, 3);
    options.is_nonblocking = false;
    options.timeout_ms = 50;
    assert_status(brisk_send(wire.out, chain, &options, &stats, NULL), BRISK_ERR_TIMEOUT);
    assert_i64(write(from.out, "def", 3), 3);
    assert_ok(brisk_send(wire.out, chain, NULL, &stats, NULL));

    char got[8] = "";
    assert_i64(read(wire.in, got, sizeof got), 6);
    assert_string_equal(got, "abcdef");
    brisk_chain_free(chain);
    wire_close(&from);
    wire_close(&wire);
}

static void what_was_read_from_a_stream_is_not_lost_when_the_sink_is_full(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_UNIX, true);
    struct wire_reader reader;
    struct brisk_chain *chain = brisk_chain_new();
    struct brisk_send_options options = brisk_send_options_default();
    struct brisk_send_stats stats = {.size = sizeof stats};
    assert_ok(
        brisk_chain_append_file(chain, open_tcp(), BRISK_OFFSET_CURRENT, LENGTH, BRISK_FD_CLOSE));
    options.is_nonblocking = true;

    assert_status(brisk_send(wire.out, chain, &options, &stats, NULL), BRISK_AGAIN);
    assert_u64(brisk_chain_length(chain), LENGTH - stats.bytes);
    wire_reader_start(&reader, &wire, 3000, SIZE_MAX);
    assert_ok(brisk_send(wire.out, chain, NULL, NULL, NULL));

    wire_close_out(&wire);
    wire_reader_finish(&reader);
    assert_size(reader.length, LENGTH);
    for (size_t i = 0; i < LENGTH; i++)
        assert_that(reader.bytes[i] == wire_byte(3, i), "byte %zu differs", i);
    free(reader.bytes);
    brisk_chain_free(chain);
    wire_close(&wire);
}

static void a_sink_that_cannot_be_written_to_is_invalid(void **state)
{
    (void)state;
    int read_only = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct brisk_file_message message = brisk_file_message_whole(wire_memory_file(50000, 0));
    struct brisk_error error = {0};

    assert_status(brisk_send_file(read_only, &message, NULL, NULL, &error), BRISK_ERR_INVALID);
    assert_i64(error.sys_errno, EBADF);
    message.header = brisk_bytes_text("header");
    assert_status(brisk_send_file(read_only, &message, NULL, NULL, &error), BRISK_ERR_INVALID);
    assert_status(brisk_send_file(987654, &message, NULL, NULL, &error), BRISK_ERR_INVALID);

    close(message.fd);
    close(read_only);
}

static void a_full_disk_is_a_system_error_with_its_number(void **state)
{
    (void)state;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct brisk_file_message message = brisk_file_message_whole(wire_memory_file(50000, 0));
    struct brisk_send_stats stats = {.size = sizeof stats};
    struct brisk_error error = {0};

    assert_status(brisk_send_file(full, &message, NULL, &stats, &error), BRISK_ERR_SYSTEM);

    assert_i64(error.sys_errno, ENOSPC);
    assert_u64(stats.bytes, 0);
    assert_i64(message.offset, 0);
    close(message.fd);
    close(full);
}

static void a_message_socket_takes_memory_as_one_message_and_no_range(void **state)
{
    (void)state;
    for (int type = SOCK_DGRAM; type <= SOCK_SEQPACKET; type += SOCK_SEQPACKET - SOCK_DGRAM) {
        int ends[2];
        char got[16] = "";
        struct brisk_chain *chain = brisk_chain_new();
        struct brisk_error error = {0};
        int file = wire_memory_file(50000, 0);
        assert_i64(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
        assert_ok(brisk_chain_append_copy(chain, brisk_bytes_text("one ")));
        assert_ok(brisk_chain_append_copy(chain, brisk_bytes_text("message")));

        assert_ok(brisk_send(ends[0], chain, NULL, NULL, NULL));
        assert_i64(recv(ends[1], got, sizeof got, 0), 11);
        assert_string_equal(got, "one message");
        assert_ok(brisk_chain_append_copy(chain, brisk_bytes_text("header")));
        assert_ok(brisk_chain_append_file(chain, file, 0, 50000, BRISK_FD_BORROW));
        assert_status(brisk_send(ends[0], chain, NULL, NULL, &error), BRISK_ERR_UNSUPPORTED);
        assert_non_null(strstr(error.message, "brisk_chain_linearise"));

        assert_i64(recv(ends[1], got, sizeof got, MSG_DONTWAIT), -1); /* nothing went out */
        brisk_chain_free(chain);
        close(file);
        close(ends[0]);
        close(ends[1]);
    }
}

static void a_message_that_is_too_big_for_one_is_said_so(void **state)
{
    (void)state;
    int ends[2];
    struct brisk_builder *builder = brisk_builder_new(NULL, NULL);
    struct brisk_chain *chain = brisk_chain_new();
    struct brisk_view view;
    assert_i64(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_ok(brisk_builder_fill(builder, 'x', 10000000));
    assert_ok(brisk_builder_freeze(builder, &view));
    assert_ok(brisk_chain_append(chain, &view));

    assert_status(brisk_send(ends[0], chain, NULL, NULL, NULL), BRISK_ERR_TOO_BIG);

    brisk_view_release(&view);
    brisk_chain_free(chain);
    brisk_builder_free(builder);
    close(ends[0]);
    close(ends[1]);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(every_source_reaches_every_sink_as_a_plain_copy_would),
    cmocka_unit_test(a_pseudo_file_ends_where_it_ends),
    cmocka_unit_test(an_endless_source_gives_what_is_asked_for),
    cmocka_unit_test(a_stream_that_ends_early_is_truncated),
    cmocka_unit_test(a_stream_that_is_not_ready_says_again_or_waits),
    cmocka_unit_test(what_was_read_from_a_stream_is_not_lost_when_the_sink_is_full),
    cmocka_unit_test(a_sink_that_cannot_be_written_to_is_invalid),
    cmocka_unit_test(a_full_disk_is_a_system_error_with_its_number),
    cmocka_unit_test(a_message_socket_takes_memory_as_one_message_and_no_range),
    cmocka_unit_test(a_message_that_is_too_big_for_one_is_said_so))
