/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "tests/zerocopy/faults.h"
#include "tests/zerocopy/wire.h"

enum {
    SCALE = 30000 /* so that all of it fits a pipe and a socket: nobody reads meanwhile */
};

static const enum brisk_mechanism mechanisms[] = {BRISK_MECHANISM_AUTO, BRISK_MECHANISM_COPY};

/* Everything that has arrived, which must be the message's first `sent` bytes. */
static void check_arrived(struct wire *wire, const struct wire_message *message, uint64_t sent)
{
    struct wire_reader reader;
    faults.is_on = false;
    wire_close_out(wire);
    lseek(wire->in, 0, SEEK_SET);
    wire_reader_start(&reader, wire, 65536, SIZE_MAX);
    wire_reader_finish(&reader);
    assert_size(reader.length, sent);
    assert_bytes(brisk_bytes_of(reader.bytes, sent), brisk_bytes_of(message->bytes, sent));
    free(reader.bytes);
    wire_close(wire);
}

/*
 * Sends the message while its n-th system call fails with `number`, and again until it is
 * through; true if there was an n-th call. What the first attempt answered is *first.
 */
static bool send_with_failure(
    enum wire_kind kind, enum brisk_mechanism mechanism, uint64_t n, int number,
    enum brisk_status *first)
{
    struct wire wire = wire_open(kind, false);
    struct wire_message message = wire_message_new(SCALE);
    struct brisk_send_options options = brisk_send_options_default();
    uint64_t sent = 0;
    options.mechanism = mechanism;
    faults = (struct faults){.is_on = true, .failing_call = n, .error_number = number};

    *first = wire_send_all(wire.out, message.chain, &options, &sent);
    assert_u64(brisk_chain_length(message.chain), message.length - sent);
    bool has_failed = faults.has_failed;
    if (*first != BRISK_OK)
        assert_ok(wire_send_all(wire.out, message.chain, &options, &sent));

    assert_u64(sent, message.length);
    check_arrived(&wire, &message, sent);
    wire_message_free(&message);
    return has_failed;
}

static void each_call_may_be_interrupted(void **state)
{
    (void)state;
    for (int kind = 0; kind < WIRE_KINDS; kind++)
        for (size_t m = 0; m < 2; m++) {
            enum brisk_status status;
            for (uint64_t n = 1;
                 send_with_failure((enum wire_kind)kind, mechanisms[m], n, EINTR, &status); n++)
                assert_ok(status);
        }
}

static void after_a_failure_of_each_call_the_rest_can_be_sent(void **state)
{
    (void)state;
    for (int kind = 0; kind < WIRE_KINDS; kind++)
        for (size_t m = 0; m < 2; m++) {
            enum brisk_status status;
            unsigned int failures = 0;
            for (uint64_t n = 1;
                 send_with_failure((enum wire_kind)kind, mechanisms[m], n, EIO, &status); n++) {
                /* A small file that cannot be read with its neighbours is tried alone. */
                assert_true(status == BRISK_ERR_SYSTEM || status == BRISK_OK);
                failures += status == BRISK_ERR_SYSTEM;
            }
            assert_true(failures >= 4);
        }
}

static void calls_that_move_little_move_all_in_the_end(void **state)
{
    (void)state;
    static const size_t limits[] = {1, 7, 199, 4096};
    for (int kind = 0; kind < WIRE_KINDS; kind++)
        for (size_t i = 0; i < 4; i++)
            for (size_t m = 0; m < 2; m++) {
                struct wire wire = wire_open((enum wire_kind)kind, false);
                struct wire_message message = wire_message_new(limits[i] == 1 ? 100 : SCALE);
                struct wire_reader reader;
                struct brisk_send_options options = brisk_send_options_default();
                uint64_t sent = 0;
                int end = dup(wire.in);
                options.mechanism = mechanisms[m];
                if (kind != WIRE_FILE) /* a pipe of 16 pieces is soon full */
                    wire_reader_start(&reader, &wire, 65536, SIZE_MAX);
                faults = (struct faults){.is_on = true, .most_bytes = limits[i]};

                assert_ok(wire_send_all(wire.out, message.chain, &options, &sent));

                faults.is_on = false;
                wire_close_out(&wire);
                if (kind == WIRE_FILE) {
                    lseek(wire.in, 0, SEEK_SET);
                    wire_reader_start(&reader, &wire, 65536, SIZE_MAX);
                }
                wire_reader_finish(&reader);
                assert_bytes(
                    brisk_bytes_of(reader.bytes, reader.length),
                    brisk_bytes_of(message.bytes, message.length));
                free(reader.bytes);
                wire_message_free(&message);
                close(end);
            }
}

static void without_the_kernels_help_the_bytes_are_copied(void **state)
{
    (void)state;
    static const int errors[] = {EINVAL, ENOSYS, EOPNOTSUPP, EXDEV, ESPIPE};
    for (int kind = 0; kind < WIRE_KINDS; kind++)
        for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
            struct wire wire = wire_open((enum wire_kind)kind, false);
            struct brisk_file_message message = brisk_file_message_whole(
                wire_memory_file(40000, 7));
            struct wire_message model = {.bytes = malloc(40000)};
            struct brisk_send_stats stats = {.size = sizeof stats};
            for (size_t k = 0; k < 40000; k++)
                model.bytes[k] = wire_byte(7, k);
            faults = (struct faults){.is_on = true, .unfit_error = errors[i]};

            assert_ok(brisk_send_file(wire.out, &message, NULL, &stats, NULL));

            assert_u64(stats.bytes_by[BRISK_MECHANISM_COPY], 40000);
            assert_true(stats.fallbacks >= 1);
            check_arrived(&wire, &model, 40000);
            free(model.bytes);
            close(message.fd);
        }
}

static void copying_a_file_survives_what_each_call_may_do(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 8; n++)
        for (int is_unfit = 0; is_unfit < 2; is_unfit++) {
            int in = wire_disk_file(600000, 0);
            int out = wire_disk_file(0, 0);
            struct brisk_file_copy copy = {.in = in, .out = out, .length = BRISK_TO_END};
            struct brisk_send_stats stats = {.size = sizeof stats};
            uint64_t copied = 0;
            faults = (struct faults){
                .is_on = true,
                .failing_call = n,
                .error_number = n % 2 == 0 ? EIO : EINTR,
                .most_bytes = 100000,
                .unfit_error = is_unfit ? EXDEV : 0};

            enum brisk_status status = brisk_copy_file(&copy, NULL, &stats, NULL);
            copied += stats.bytes;
            if (status != BRISK_OK) {
                assert_status(status, BRISK_ERR_SYSTEM);
                assert_i64(copy.in_offset, (int64_t)copied);
                assert_ok(brisk_copy_file(&copy, NULL, &stats, NULL));
                copied += stats.bytes;
            }

            faults.is_on = false;
            assert_u64(copied, 600000);
            uint8_t *bytes = malloc(600001);
            assert_i64(pread(out, bytes, 600001, 0), 600000);
            for (size_t i = 0; i < 600000; i++)
                assert_that(bytes[i] == wire_byte(0, i), "byte %zu differs", i);
            free(bytes);
            close(in);
            close(out);
        }
}

static void send_without_memory(bool is_failing, void *ctx)
{
    struct wire wire = wire_open(WIRE_UNIX, false);
    struct brisk_chain *chain = brisk_chain_new();
    struct brisk_send_options options = brisk_send_options_default();
    struct brisk_error error = {0};
    enum brisk_status status = BRISK_ERR_NOMEM;
    options.mechanism = BRISK_MECHANISM_COPY;
    for (int i = 0; chain != NULL && i < 8; i++) { /* one more needs memory */
        status = brisk_chain_append_file(chain, *(int *)ctx, 0, 20000, BRISK_FD_DUP);
        assert_ok(status);
    }
    if (chain != NULL)
        status = brisk_send(wire.out, chain, &options, NULL, &error);
    if (chain != NULL && status != BRISK_OK)
        assert_u64(brisk_chain_length(chain), 160000);
    assert_status(status, is_failing && status != BRISK_OK ? BRISK_ERR_NOMEM : BRISK_OK);
    brisk_chain_free(chain);
    wire_close(&wire);
}

static void sending_survives_every_allocation_failure(void **state)
{
    (void)state;
    int file = wire_memory_file(20000, 0);
    faults = (struct faults){.is_on = false};

    for_each_allocation_failure(send_without_memory, &file);

    close(file);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(each_call_may_be_interrupted),
    cmocka_unit_test(after_a_failure_of_each_call_the_rest_can_be_sent),
    cmocka_unit_test(calls_that_move_little_move_all_in_the_end),
    cmocka_unit_test(without_the_kernels_help_the_bytes_are_copied),
    cmocka_unit_test(copying_a_file_survives_what_each_call_may_do),
    cmocka_unit_test(sending_survives_every_allocation_failure))
