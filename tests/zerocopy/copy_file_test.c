/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/zerocopy/wire.h"

static const enum brisk_mechanism mechanisms[] = {BRISK_MECHANISM_AUTO, BRISK_MECHANISM_COPY};

/* `out` holds `length` bytes of pattern 3 from `from` on, behind `before` others. */
static void check_file(int out, size_t before, size_t from, size_t length)
{
    uint8_t *bytes = malloc(before + length + 1);
    assert_i64(pread(out, bytes, before + length + 1, 0), (int64_t)(before + length));
    for (size_t i = 0; i < length; i++)
        assert_that(bytes[before + i] == wire_byte(3, from + i), "byte %zu differs", i);
    free(bytes);
}

static void a_whole_file_is_copied(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int in = wire_disk_file(1000000, 3), out = wire_disk_file(0, 0);
        struct brisk_file_copy copy = {.in = in, .out = out, .length = BRISK_TO_END};
        struct brisk_send_options options = brisk_send_options_default();
        struct brisk_send_stats stats = {.size = sizeof stats};
        options.mechanism = mechanisms[i];

        assert_ok(brisk_copy_file(&copy, &options, &stats, NULL));

        assert_u64(stats.bytes, 1000000);
        assert_i64(copy.out_offset, 1000000);
        assert_u64(copy.length, 0);
        check_file(out, 0, 0, 1000000);
        close(in);
        close(out);
    }
}

static void a_range_is_copied_into_another_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int in = wire_memory_file(300000, 3), out = wire_disk_file(100, 0);
        struct brisk_file_copy copy = {
            .in = in, .in_offset = 1000, .out = out, .out_offset = 50, .length = 200000};
        struct brisk_send_options options = brisk_send_options_default();
        options.mechanism = mechanisms[i];

        assert_ok(brisk_copy_file(&copy, &options, NULL, NULL));

        check_file(out, 50, 1000, 200000);
        assert_i64(lseek(in, 0, SEEK_CUR), 0);
        assert_i64(lseek(out, 0, SEEK_CUR), 0);
        close(in);
        close(out);
    }
}

static void positions_are_used_and_moved_where_the_caller_wants_that(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int in = wire_disk_file(5000, 3), out = wire_disk_file(10, 0);
        struct brisk_file_copy copy = {
            .in = in,
            .in_offset = BRISK_OFFSET_CURRENT,
            .out = out,
            .out_offset = BRISK_OFFSET_CURRENT,
            .length = 1000};
        struct brisk_send_options options = brisk_send_options_default();
        options.mechanism = mechanisms[i];
        lseek(in, 7, SEEK_SET);
        lseek(out, 10, SEEK_SET);

        assert_ok(brisk_copy_file(&copy, &options, NULL, NULL));

        check_file(out, 10, 7, 1000);
        assert_i64(lseek(in, 0, SEEK_CUR), 1007);
        assert_i64(lseek(out, 0, SEEK_CUR), 1010);
        close(in);
        close(out);
    }
}

static void a_file_that_is_open_for_appending_gets_the_bytes_at_its_end(void **state)
{
    (void)state;
    int in = wire_disk_file(5000, 3), out = wire_disk_file(10, 0);
    struct brisk_file_copy copy = {
        .in = in, .out = out, .out_offset = BRISK_OFFSET_CURRENT, .length = 5000};
    struct brisk_send_stats stats = {.size = sizeof stats};
    assert_i64(fcntl(out, F_SETFL, O_APPEND), 0);

    assert_ok(brisk_copy_file(&copy, NULL, &stats, NULL));

    assert_u64(stats.fallbacks, 1);
    check_file(out, 10, 0, 5000);
    close(in);
    close(out);
}

static void a_pseudo_file_is_copied_although_it_shows_no_size(void **state)
{
    (void)state;
    int in = open("/proc/version", O_RDONLY | O_CLOEXEC), out = wire_disk_file(0, 0);
    struct brisk_file_copy copy = {.in = in, .out = out, .length = BRISK_TO_END};
    uint8_t want[1000], got[1000];
    ssize_t length = pread(in, want, sizeof want, 0);

    assert_ok(brisk_copy_file(&copy, NULL, NULL, NULL));

    assert_true(length > 0);
    assert_i64(pread(out, got, sizeof got, 0), length);
    assert_i64(memcmp(got, want, (size_t)length), 0);
    close(in);
    close(out);
}

static void a_copy_of_more_than_there_is_is_truncated_and_exact(void **state)
{
    (void)state;
    int in = wire_disk_file(5000, 3), out = wire_disk_file(0, 0);
    struct brisk_file_copy copy = {.in = in, .out = out, .length = 6000};
    struct brisk_send_stats stats = {.size = sizeof stats};
    struct brisk_error error = {0};

    assert_status(brisk_copy_file(&copy, NULL, &stats, &error), BRISK_ERR_TRUNCATED);

    assert_u64(stats.bytes, 5000);
    assert_u64(copy.length, 1000);
    assert_non_null(strstr(error.message, "1000 bytes too early"));
    check_file(out, 0, 0, 5000);
    close(in);
    close(out);
}

static void what_cannot_be_copied_is_refused_with_a_reason(void **state)
{
    (void)state;
    int in = wire_disk_file(5000, 3), full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct brisk_file_copy copy = {.in = in, .out = full, .length = 5000};
    struct brisk_send_options options = brisk_send_options_default();
    struct brisk_error error = {0};

    copy.out_offset = BRISK_OFFSET_CURRENT;
    assert_status(brisk_copy_file(&copy, NULL, NULL, &error), BRISK_ERR_SYSTEM);
    assert_i64(error.sys_errno, ENOSPC);
    copy = (struct brisk_file_copy){.in = in, .out = full, .in_offset = INT64_MAX, .length = 2};
    assert_status(brisk_copy_file(&copy, NULL, NULL, &error), BRISK_ERR_INVALID);
    copy = (struct brisk_file_copy){.in = -1, .out = full, .length = 2};
    assert_status(brisk_copy_file(&copy, NULL, NULL, &error), BRISK_ERR_INVALID);
    assert_status(brisk_copy_file(NULL, NULL, NULL, &error), BRISK_ERR_INVALID);
    copy = (struct brisk_file_copy){.in = in, .out = full, .length = 2};
    options.mechanism = BRISK_MECHANISM_SPLICE;
    assert_status(brisk_copy_file(&copy, &options, NULL, &error), BRISK_ERR_UNSUPPORTED);
    options.mechanism = BRISK_MECHANISM_COPY_RANGE;
    assert_status(brisk_copy_file(&copy, &options, NULL, &error), BRISK_ERR_UNSUPPORTED);

    close(in);
    close(full);
}

static void a_failed_copy_leaves_the_position_at_what_was_copied(void **state)
{
    (void)state;
    int in = wire_disk_file(5000, 3), full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct brisk_file_copy copy = {
        .in = in,
        .in_offset = BRISK_OFFSET_CURRENT,
        .out = full,
        .out_offset = BRISK_OFFSET_CURRENT,
        .length = 5000};

    assert_status(brisk_copy_file(&copy, NULL, NULL, NULL), BRISK_ERR_SYSTEM);

    assert_i64(lseek(in, 0, SEEK_CUR), 0);
    close(in);
    close(full);
}

static void *feed(void *argument)
{
    int fd = *(int *)argument;
    uint8_t block[1000];
    for (size_t done = 0; done < 1000000; done += sizeof block) {
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = wire_byte(3, done + i);
        if (write(fd, block, sizeof block) != sizeof block)
            break;
    }
    close(fd);
    return NULL;
}

static void what_a_stream_brings_goes_to_a_file(void **state)
{
    (void)state;
    for (int kind = 0; kind < WIRE_FILE; kind++)
        for (size_t i = 0; i < 4; i++) {
            struct wire wire = wire_open((enum wire_kind)kind, false);
            int out = wire_disk_file(10, 0);
            struct brisk_file_copy copy = {
                .in = wire.in,
                .in_offset = BRISK_OFFSET_CURRENT,
                .out = out,
                .out_offset = 10,
                .length = i < 2 ? BRISK_TO_END : 999999};
            struct brisk_send_options options = brisk_send_options_default();
            struct brisk_send_stats stats = {.size = sizeof stats};
            pthread_t thread;
            options.mechanism = mechanisms[i % 2];
            assert_i64(pthread_create(&thread, NULL, feed, &wire.out), 0);

            assert_ok(brisk_receive_file(&copy, &options, &stats, NULL));

            size_t want = i < 2 ? 1000000 : 999999;
            assert_u64(stats.bytes, want);
            assert_i64(copy.out_offset, 10 + (int64_t)want);
            check_file(out, 10, 0, want);
            char rest[2];
            assert_i64(read(wire.in, rest, 2), i < 2 ? 0 : 1); /* not a byte more was taken */
            pthread_join(thread, NULL);
            wire.out = -1;
            wire_close(&wire);
            close(out);
        }
}

static void receiving_can_be_gone_on_with(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_UNIX, false);
    int out = wire_disk_file(0, 0);
    struct brisk_file_copy copy = {
        .in = wire.in, .in_offset = BRISK_OFFSET_CURRENT, .out = out, .length = 6};
    struct brisk_send_options options = brisk_send_options_default();
    char got[8] = "";
    options.is_nonblocking = true;

    assert_status(brisk_receive_file(&copy, &options, NULL, NULL), BRISK_AGAIN);
    assert_i64(write(wire.out, "abc", 3), 3);
    assert_status(brisk_receive_file(&copy, &options, NULL, NULL), BRISK_AGAIN);
    assert_i64(write(wire.out, "defghi", 6), 6);
    assert_ok(brisk_receive_file(&copy, &options, NULL, NULL));

    assert_i64(pread(out, got, sizeof got, 0), 6);
    assert_string_equal(got, "abcdef");
    close(out);
    wire_close(&wire);
}

static void a_stream_that_ends_early_or_brings_nothing_is_said_so(void **state)
{
    (void)state;
    struct wire wire = wire_open(WIRE_UNIX, false);
    int out = wire_disk_file(0, 0);
    struct brisk_file_copy copy = {
        .in = wire.in, .in_offset = BRISK_OFFSET_CURRENT, .out = out, .length = 10};
    struct brisk_send_options options = brisk_send_options_default();
    struct brisk_send_stats stats = {.size = sizeof stats};
    options.timeout_ms = 50;

    assert_status(brisk_receive_file(&copy, &options, &stats, NULL), BRISK_ERR_TIMEOUT);
    assert_i64(write(wire.out, "abc", 3), 3);
    wire_close_out(&wire);
    assert_status(brisk_receive_file(&copy, NULL, &stats, NULL), BRISK_ERR_TRUNCATED);

    assert_u64(stats.bytes, 3);
    assert_u64(copy.length, 7);
    copy.in_offset = 0;
    assert_status(brisk_receive_file(&copy, NULL, NULL, NULL), BRISK_ERR_INVALID);
    close(out);
    wire_close(&wire);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_whole_file_is_copied), cmocka_unit_test(a_range_is_copied_into_another_file),
    cmocka_unit_test(positions_are_used_and_moved_where_the_caller_wants_that),
    cmocka_unit_test(a_file_that_is_open_for_appending_gets_the_bytes_at_its_end),
    cmocka_unit_test(a_pseudo_file_is_copied_although_it_shows_no_size),
    cmocka_unit_test(a_copy_of_more_than_there_is_is_truncated_and_exact),
    cmocka_unit_test(what_cannot_be_copied_is_refused_with_a_reason),
    cmocka_unit_test(a_failed_copy_leaves_the_position_at_what_was_copied),
    cmocka_unit_test(what_a_stream_brings_goes_to_a_file),
    cmocka_unit_test(receiving_can_be_gone_on_with),
    cmocka_unit_test(a_stream_that_ends_early_or_brings_nothing_is_said_so))
