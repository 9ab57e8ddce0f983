/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/buffer.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/brisk_test.h"

static struct brisk_builder *new_builder(void)
{
    struct brisk_builder *builder = brisk_builder_new(NULL, NULL);
    assert_non_null(builder);
    return builder;
}

static void assert_built(const struct brisk_builder *builder, const char *text)
{
    assert_bytes(brisk_builder_bytes(builder), brisk_bytes_text(text));
}

/* A file without a name that holds `text`, at its beginning. */
static int file_of(const char *text)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_i64(pwrite(fd, text, strlen(text), 0), (int64_t)strlen(text));
    return fd;
}

static void pieces_become_one_message(void **state)
{
    (void)state;
    struct brisk_builder *builder = new_builder();
    uint8_t *tail;
    size_t room;

    assert_ok(brisk_builder_append(builder, brisk_bytes_text("GET ")));
    assert_ok(brisk_builder_printf(builder, "/%d/%s", 42, "page"));
    assert_ok(brisk_builder_fill(builder, '.', 3));
    assert_ok(brisk_builder_reserve(builder, 10, &tail, &room));
    assert_true(room >= 10);
    memcpy(tail, "end", 3);
    assert_ok(brisk_builder_commit(builder, 3));

    assert_built(builder, "GET /42/page...end");
    brisk_builder_free(builder);
}

static void a_new_builder_is_empty(void **state)
{
    (void)state;
    struct brisk_builder *builder = new_builder();
    struct brisk_view view;

    assert_built(builder, "");
    assert_ok(brisk_builder_view(builder, &view));
    assert_null(view.data);
    assert_ok(brisk_builder_freeze(builder, &view));
    assert_null(view.data);

    brisk_builder_free(builder);
    brisk_builder_free(NULL);
}

static void freezing_copies_nothing_and_begins_anew(void **state)
{
    (void)state;
    struct brisk_builder *builder = new_builder();
    struct brisk_view first, second;
    assert_ok(brisk_builder_fill(builder, 'a', 256));
    const void *data = brisk_builder_bytes(builder).data;

    assert_ok(brisk_builder_freeze(builder, &first));
    assert_built(builder, "");
    assert_ok(brisk_builder_append(builder, brisk_bytes_text("second")));
    assert_ok(brisk_builder_freeze(builder, &second));

    assert_ptr_equal(first.data, data);
    assert_size(first.length, 256);
    assert_u64(first.data[255], 'a');
    assert_bytes(brisk_view_bytes(&second), brisk_bytes_text("second"));
    brisk_builder_free(builder);
    brisk_view_release(&first);
    brisk_view_release(&second);
}

static void a_frozen_view_keeps_no_room_that_was_not_used(void **state)
{
    (void)state;
    struct brisk_builder_options options = brisk_builder_options_default();
    options.capacity_bytes = 100000;
    struct brisk_builder *builder = brisk_builder_new(&options, NULL);
    struct brisk_view view;

    assert_ok(brisk_builder_append(builder, brisk_bytes_text("small")));
    assert_ok(brisk_builder_freeze(builder, &view));

    assert_true(brisk_view_pinned_bytes(&view) < 100);
    brisk_view_release(&view);
    brisk_builder_free(builder);
}

static void a_view_never_moves_while_the_builder_grows(void **state)
{
    (void)state;
    struct brisk_builder *builder = new_builder();
    struct brisk_view views[12];
    const uint8_t *data[12];

    for (int i = 0; i < 12; i++) {
        assert_ok(brisk_builder_fill(builder, (uint8_t)('a' + i), (size_t)100 << i));
        assert_ok(brisk_builder_view(builder, &views[i]));
        data[i] = views[i].data;
    }

    size_t length = 0;
    for (int i = 0; i < 12; i++) {
        assert_ptr_equal(views[i].data, data[i]);
        for (int k = 0; k <= i; k++)
            assert_u64(views[i].data[((size_t)100 << k) - 100], 'a' + (uint64_t)k);
        length += (size_t)100 << i;
        assert_size(views[i].length, length);
        brisk_view_release(&views[i]);
    }
    assert_size(brisk_builder_bytes(builder).length, length);
    brisk_builder_free(builder);
}

static void a_view_never_changes_when_the_builder_goes_back(void **state)
{
    (void)state;
    struct brisk_builder *builder = new_builder();
    struct brisk_view view;
    int file = file_of("XY");
    size_t got;
    assert_ok(brisk_builder_append(builder, brisk_bytes_text("abcdef")));
    assert_ok(brisk_builder_view(builder, &view));

    assert_ok(brisk_builder_truncate(builder, 4));
    assert_ok(brisk_builder_append(builder, brisk_bytes_text("12")));
    assert_ok(brisk_builder_read_fd(builder, 0, file, 0, 2, &got, NULL));

    assert_built(builder, "XYcd12");
    assert_bytes(brisk_view_bytes(&view), brisk_bytes_text("abcdef"));
    assert_status(brisk_builder_truncate(builder, 7), BRISK_ERR_INVALID);
    brisk_view_release(&view);
    brisk_builder_free(builder);
    close(file);
}

static void a_builder_can_append_a_part_of_itself(void **state)
{
    (void)state;
    struct brisk_builder *builder = new_builder();
    assert_ok(brisk_builder_append(builder, brisk_bytes_text("ab")));

    for (int i = 0; i < 10; i++) /* the memory moves in between */
        assert_ok(brisk_builder_append(builder, brisk_builder_bytes(builder)));

    struct brisk_bytes bytes = brisk_builder_bytes(builder);
    assert_size(bytes.length, 2048);
    for (size_t i = 0; i < 2048; i++)
        assert_u64(((const uint8_t *)bytes.data)[i], i % 2 == 0 ? 'a' : 'b');
    brisk_builder_free(builder);
}

static void a_message_stays_within_its_limit(void **state)
{
    (void)state;
    struct brisk_builder_options options = brisk_builder_options_default();
    options.max_bytes = 10;
    struct brisk_builder *builder = brisk_builder_new(&options, NULL);
    uint8_t *tail;

    assert_ok(brisk_builder_append(builder, brisk_bytes_text("12345")));
    assert_status(brisk_builder_append(builder, brisk_bytes_text("678901")), BRISK_ERR_TOO_BIG);
    assert_status(brisk_builder_printf(builder, "%s", "678901"), BRISK_ERR_TOO_BIG);
    assert_status(brisk_builder_fill(builder, 'x', 6), BRISK_ERR_TOO_BIG);
    assert_status(brisk_builder_reserve(builder, SIZE_MAX, &tail, NULL), BRISK_ERR_TOO_BIG);
    assert_built(builder, "12345");
    assert_ok(brisk_builder_printf(builder, "%s", "67890"));

    assert_built(builder, "1234567890");
    assert_status(brisk_builder_commit(builder, 1), BRISK_ERR_INVALID);
    brisk_builder_free(builder);
}

static void printf_grows_as_far_as_it_must(void **state)
{
    (void)state;
    struct brisk_builder *builder = new_builder();
    char text[2000];
    memset(text, 'p', sizeof text - 1);
    text[sizeof text - 1] = '\0';

    assert_ok(brisk_builder_printf(builder, "%s", ""));
    assert_ok(brisk_builder_printf(builder, "%s|%s", text, text));

    assert_size(brisk_builder_bytes(builder).length, 2 * 1999 + 1);
    brisk_builder_free(builder);
}

static void an_impossible_capacity_is_invalid_and_says_so(void **state)
{
    (void)state;
    struct brisk_builder_options options = brisk_builder_options_default();
    struct brisk_error error;
    options.max_bytes = 10;
    options.capacity_bytes = 11;

    assert_null(brisk_builder_new(&options, &error));
    assert_status(error.status, BRISK_ERR_INVALID);
    assert_non_null(strstr(error.message, "capacity_bytes is 11"));
    options.max_bytes = 0;
    options.capacity_bytes = SIZE_MAX;
    assert_null(brisk_builder_new(&options, &error));
    assert_status(error.status, BRISK_ERR_NOMEM);
}

static void reading_goes_to_the_middle_and_leaves_the_rest(void **state)
{
    (void)state;
    struct brisk_builder *builder = new_builder();
    int file = file_of("0123456789");
    size_t got;
    assert_ok(brisk_builder_fill(builder, '-', 8));

    assert_ok(brisk_builder_read_fd(builder, 4, file, 2, 4, &got, NULL));
    assert_size(got, 4);
    assert_built(builder, "----2345");
    assert_ok(brisk_builder_read_fd(builder, 6, file, BRISK_OFFSET_CURRENT, 4, &got, NULL));
    assert_built(builder, "----230123");
    assert_ok(brisk_builder_read_fd(builder, BRISK_BUILDER_END, file, 8, 100, &got, NULL));

    assert_size(got, 2);
    assert_built(builder, "----23012389");
    brisk_builder_free(builder);
    close(file);
}

static void reading_an_empty_pipe_that_does_not_block_says_again(void **state)
{
    (void)state;
    struct brisk_builder *builder = new_builder();
    int ends[2];
    size_t got;
    assert_i64(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    assert_i64(write(ends[1], "abc", 3), 3);

    assert_status(
        brisk_builder_read_fd(
            builder, BRISK_BUILDER_END, ends[0], BRISK_OFFSET_CURRENT, 10, &got, NULL),
        BRISK_AGAIN);

    assert_size(got, 3);
    assert_built(builder, "abc");
    close(ends[0]);
    close(ends[1]);
    brisk_builder_free(builder);
}

static void reading_to_or_from_nowhere_is_refused_with_a_reason(void **state)
{
    (void)state;
    struct brisk_builder *builder = new_builder();
    struct brisk_error error = {0};
    int file = file_of("abc");
    size_t got = 9;

    assert_status(brisk_builder_read_fd(builder, 1, file, 0, 1, &got, &error), BRISK_ERR_INVALID);
    assert_size(got, 0);
    assert_non_null(strstr(error.message, "byte 1 of 0"));
    assert_status(brisk_builder_read_fd(builder, 0, file, -2, 1, &got, &error), BRISK_ERR_INVALID);
    assert_status(
        brisk_builder_read_fd(builder, 0, file, INT64_MAX, 2, &got, &error), BRISK_ERR_INVALID);
    assert_status(brisk_builder_read_fd(builder, 0, -1, 0, 1, &got, &error), BRISK_ERR_SYSTEM);
    assert_i64(error.sys_errno, EBADF);

    brisk_builder_free(builder);
    close(file);
}

static void build(bool is_failing, void *ctx)
{
    struct brisk_error error = {0};
    struct brisk_builder *builder = brisk_builder_new(NULL, &error);
    struct brisk_view view = {0};
    enum brisk_status status = builder == NULL ? error.status : BRISK_OK;
    size_t got;
    (void)ctx;
    if (status == BRISK_OK)
        status = brisk_builder_append(builder, brisk_bytes_text("abc"));
    if (status == BRISK_OK)
        status = brisk_builder_view(builder, &view);
    if (status == BRISK_OK)
        status = brisk_builder_fill(builder, 'x', 1000);
    if (status == BRISK_OK)
        status = brisk_builder_fill(builder, 'y', 10000);
    if (status == BRISK_OK)
        status = brisk_builder_read_fd(builder, 0, -1, 0, 1000000, &got, NULL) == BRISK_ERR_NOMEM
                     ? BRISK_ERR_NOMEM
                     : BRISK_OK;
    if (view.length > 0)
        assert_bytes(brisk_view_bytes(&view), brisk_bytes_text("abc"));
    assert_status(status, is_failing && status != BRISK_OK ? BRISK_ERR_NOMEM : BRISK_OK);
    brisk_view_release(&view);
    brisk_builder_free(builder);
}

static void a_builder_survives_every_allocation_failure(void **state)
{
    (void)state;
    for_each_allocation_failure(build, NULL);
}

static void a_local_builder_makes_local_views(void **state)
{
    (void)state;
    struct brisk_builder_options options = brisk_builder_options_default();
    options.is_local = true;
    struct brisk_builder *builder = brisk_builder_new(&options, NULL);
    struct brisk_view view, part;

    assert_ok(brisk_builder_append(builder, brisk_bytes_text("abc")));
    assert_ok(brisk_builder_view(builder, &view));
    assert_ok(brisk_builder_fill(builder, 'x', 1000));
    assert_ok(brisk_view_slice(&part, &view, 1, 1));
    brisk_builder_free(builder);
    brisk_view_release(&view);

    assert_bytes(brisk_view_bytes(&part), brisk_bytes_text("b"));
    brisk_view_release(&part);
}

static void a_sealed_file_becomes_a_view_that_needs_no_descriptor(void **state)
{
    (void)state;
    int fd;
    assert_ok(brisk_memfd_seal(brisk_bytes_text("shared"), &fd, NULL));
    struct brisk_view view;

    assert_ok(brisk_memfd_open(&view, fd, NULL));
    close(fd);

    assert_bytes(brisk_view_bytes(&view), brisk_bytes_text("shared"));
    brisk_view_release(&view);
}

static int read_sealed(const void *argument)
{
    int fd = *(const int *)argument;
    struct brisk_view view;
    child_expect(brisk_memfd_open(&view, fd, NULL) == BRISK_OK);
    child_expect(view.length == 6 && memcmp(view.data, "shared", 6) == 0);
    child_expect(pwrite(fd, "x", 1, 0) < 0);
    child_expect(ftruncate(fd, 0) < 0);
    brisk_view_release(&view);
    return 0;
}

static void a_child_reads_a_sealed_file_and_cannot_change_it(void **state)
{
    (void)state;
    int fd;
    assert_ok(brisk_memfd_seal(brisk_bytes_text("shared"), &fd, NULL));

    run_in_child(read_sealed, &fd);

    close(fd);
}

static void sealed_bytes_may_be_none(void **state)
{
    (void)state;
    struct brisk_view view;
    int fd;

    assert_ok(brisk_memfd_seal(brisk_bytes_of(NULL, 0), &fd, NULL));
    assert_ok(brisk_memfd_open(&view, fd, NULL));

    assert_null(view.data);
    close(fd);
}

static void a_file_that_could_change_is_refused(void **state)
{
    (void)state;
    struct brisk_view view;
    struct brisk_error error = {0};
    int file = file_of("abc");

    assert_status(brisk_memfd_open(&view, file, &error), BRISK_ERR_INVALID);
    assert_non_null(strstr(error.message, "brisk_memfd_seal"));
    assert_status(brisk_memfd_open(&view, -1, &error), BRISK_ERR_INVALID);
    assert_i64(error.sys_errno, EBADF);

    close(file);
}

static void open_sealed(bool is_failing, void *ctx)
{
    struct brisk_view view;
    enum brisk_status status = brisk_memfd_open(&view, *(int *)ctx, NULL);
    assert_status(status, is_failing && status != BRISK_OK ? BRISK_ERR_NOMEM : BRISK_OK);
    brisk_view_release(&view);
}

static void opening_a_sealed_file_survives_every_allocation_failure(void **state)
{
    (void)state;
    int fd;
    assert_ok(brisk_memfd_seal(brisk_bytes_text("shared"), &fd, NULL));

    for_each_allocation_failure(open_sealed, &fd);

    close(fd);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(pieces_become_one_message), cmocka_unit_test(a_new_builder_is_empty),
    cmocka_unit_test(freezing_copies_nothing_and_begins_anew),
    cmocka_unit_test(a_frozen_view_keeps_no_room_that_was_not_used),
    cmocka_unit_test(a_view_never_moves_while_the_builder_grows),
    cmocka_unit_test(a_view_never_changes_when_the_builder_goes_back),
    cmocka_unit_test(a_builder_can_append_a_part_of_itself),
    cmocka_unit_test(a_message_stays_within_its_limit),
    cmocka_unit_test(printf_grows_as_far_as_it_must),
    cmocka_unit_test(an_impossible_capacity_is_invalid_and_says_so),
    cmocka_unit_test(reading_goes_to_the_middle_and_leaves_the_rest),
    cmocka_unit_test(reading_an_empty_pipe_that_does_not_block_says_again),
    cmocka_unit_test(reading_to_or_from_nowhere_is_refused_with_a_reason),
    cmocka_unit_test(a_builder_survives_every_allocation_failure),
    cmocka_unit_test(a_local_builder_makes_local_views),
    cmocka_unit_test(a_sealed_file_becomes_a_view_that_needs_no_descriptor),
    cmocka_unit_test(a_child_reads_a_sealed_file_and_cannot_change_it),
    cmocka_unit_test(sealed_bytes_may_be_none),
    cmocka_unit_test(a_file_that_could_change_is_refused),
    cmocka_unit_test(opening_a_sealed_file_survives_every_allocation_failure))
