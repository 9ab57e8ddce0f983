/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/chain.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/support/brisk_test.h"

static struct brisk_chain *new_chain(void)
{
    struct brisk_chain *chain = brisk_chain_new();
    assert_non_null(chain);
    return chain;
}

static int file_of(const char *text)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_i64(write(fd, text, strlen(text)), (int64_t)strlen(text));
    return fd;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void append_text(struct brisk_chain *chain, const char *text)
{
    struct brisk_view view = brisk_view_borrow(brisk_bytes_text(text));
    assert_ok(brisk_chain_append(chain, &view));
}

static void assert_holds(struct brisk_chain *chain, const char *text)
{
    struct brisk_view view;
    assert_u64(brisk_chain_length(chain), strlen(text));
    assert_ok(brisk_chain_linearise(chain, BRISK_TO_END, &view, NULL));
    assert_bytes(brisk_view_bytes(&view), brisk_bytes_text(text));
    brisk_view_release(&view);
}

static void pieces_are_in_the_order_of_their_ends(void **state)
{
    (void)state;
    struct brisk_chain *chain = new_chain();
    struct brisk_view front = brisk_view_borrow(brisk_bytes_text("front,"));
    int file = file_of("0123456789");

    append_text(chain, "body,");
    assert_ok(brisk_chain_append_file(chain, file, 3, 4, BRISK_FD_BORROW));
    assert_ok(brisk_chain_append_copy(chain, brisk_bytes_text(",end")));
    assert_ok(brisk_chain_prepend(chain, &front));
    assert_ok(brisk_chain_prepend_file(chain, file, 0, 1, BRISK_FD_BORROW));

    assert_holds(chain, "0front,body,3456,end");
    brisk_chain_free(chain);
    close(file);
}

static void an_empty_piece_adds_nothing(void **state)
{
    (void)state;
    struct brisk_chain *chain = new_chain();
    struct brisk_view none = {0};
    int file = file_of("abc");

    assert_ok(brisk_chain_append(chain, &none));
    assert_ok(brisk_chain_prepend(chain, &none));
    assert_ok(brisk_chain_append_copy(chain, brisk_bytes_of(NULL, 0)));
    assert_ok(brisk_chain_append_file(chain, file, 0, 0, BRISK_FD_CLOSE));

    assert_u64(brisk_chain_length(chain), 0);
    assert_false(is_open(file));
    brisk_chain_free(chain);
    brisk_chain_free(NULL);
}

static void count_release(void *data, size_t length, void *ctx)
{
    (void)data;
    (void)length;
    (*(unsigned int *)ctx)++;
}

static void a_piece_is_released_when_it_is_consumed_not_before(void **state)
{
    (void)state;
    struct brisk_chain *chain = new_chain();
    char text[] = "abc";
    unsigned int released = 0;
    struct brisk_view view;
    int file = file_of("0123");
    assert_ok(brisk_view_adopt(&view, text, 3, count_release, &released));
    assert_ok(brisk_chain_append(chain, &view));
    assert_ok(brisk_chain_append_file(chain, file, 0, 4, BRISK_FD_CLOSE));
    brisk_view_release(&view);

    assert_ok(brisk_chain_consume(chain, 2));
    assert_u64(released, 0);
    assert_ok(brisk_chain_consume(chain, 2));
    assert_u64(released, 1);
    assert_true(is_open(file));
    assert_ok(brisk_chain_consume(chain, 3));
    assert_false(is_open(file));

    assert_u64(brisk_chain_length(chain), 0);
    brisk_chain_free(chain);
}

static void clearing_releases_and_closes_everything(void **state)
{
    (void)state;
    struct brisk_chain *chain = new_chain();
    char text[] = "abc";
    unsigned int released = 0;
    struct brisk_view view;
    int owned = file_of("0123");
    int borrowed = file_of("0123");
    assert_ok(brisk_view_adopt(&view, text, 3, count_release, &released));
    for (int i = 0; i < 20; i++)
        assert_ok(brisk_chain_append(chain, &view));
    brisk_view_release(&view);
    assert_ok(brisk_chain_append_file(chain, owned, 0, 4, BRISK_FD_CLOSE));
    assert_ok(brisk_chain_append_file(chain, borrowed, 0, 4, BRISK_FD_DUP));

    brisk_chain_clear(chain);

    assert_u64(released, 1);
    assert_false(is_open(owned));
    assert_true(is_open(borrowed));
    append_text(chain, "again");
    assert_holds(chain, "again");
    brisk_chain_free(chain);
    close(borrowed);
}

static void a_duplicate_outlives_the_callers_descriptor(void **state)
{
    (void)state;
    struct brisk_chain *chain = new_chain();
    int file = file_of("0123");
    assert_ok(brisk_chain_append_file(chain, file, 1, 2, BRISK_FD_DUP));

    close(file);

    assert_holds(chain, "12");
    brisk_chain_free(chain);
}

static void a_range_that_cannot_be_is_refused_and_closed(void **state)
{
    (void)state;
    struct brisk_chain *chain = new_chain();
    int file = file_of("abc");

    assert_status(brisk_chain_append_file(chain, -1, 0, 1, BRISK_FD_BORROW), BRISK_ERR_INVALID);
    assert_status(brisk_chain_append_file(chain, file, -2, 1, BRISK_FD_BORROW), BRISK_ERR_INVALID);
    assert_status(
        brisk_chain_append_file(chain, file, INT64_MAX, 1, BRISK_FD_BORROW), BRISK_ERR_INVALID);
    assert_status(
        brisk_chain_append_file(chain, file, 1, UINT64_MAX - 1, BRISK_FD_BORROW),
        BRISK_ERR_INVALID);
    assert_status(
        brisk_chain_append_file(chain, file, 0, 1, (enum brisk_fd_owner)7), BRISK_ERR_INVALID);
    assert_true(is_open(file));
    assert_status(brisk_chain_append_file(chain, file, -2, 1, BRISK_FD_CLOSE), BRISK_ERR_INVALID);
    assert_false(is_open(file));
    assert_status(brisk_chain_append_file(chain, file, 0, 1, BRISK_FD_DUP), BRISK_ERR_SYSTEM);

    assert_u64(brisk_chain_length(chain), 0);
    brisk_chain_free(chain);
}

static void the_largest_range_is_accepted(void **state)
{
    (void)state;
    struct brisk_chain *chain = new_chain();
    int file = file_of("abc");

    assert_ok(brisk_chain_append_file(chain, file, 1, INT64_MAX - 1, BRISK_FD_BORROW));
    assert_u64(brisk_chain_length(chain), INT64_MAX - 1);
    append_text(chain, "ab");
    assert_ok(brisk_chain_append_file(chain, file, 1, INT64_MAX - 1, BRISK_FD_BORROW));
    assert_ok(brisk_chain_append_file(chain, file, 0, INT64_MAX, BRISK_FD_BORROW));
    assert_u64(brisk_chain_length(chain), UINT64_MAX);
    assert_ok(brisk_chain_consume(chain, (uint64_t)INT64_MAX * 2));

    assert_u64(brisk_chain_length(chain), INT64_MAX);
    brisk_chain_free(chain);
    close(file);
}

static void consuming_more_than_there_is_drops_nothing(void **state)
{
    (void)state;
    struct brisk_chain *chain = new_chain();
    int file = file_of("abc");
    append_text(chain, "abc");

    assert_status(brisk_chain_consume(chain, 4), BRISK_ERR_INVALID);
    assert_ok(brisk_chain_append_file(chain, file, BRISK_OFFSET_CURRENT, 3, BRISK_FD_BORROW));
    assert_status(brisk_chain_consume(chain, 4), BRISK_ERR_INVALID);

    assert_u64(brisk_chain_length(chain), 6);
    brisk_chain_free(chain);
    close(file);
}

static void gather_gives_the_memory_in_front_as_an_iovec(void **state)
{
    (void)state;
    struct brisk_chain *chain = new_chain();
    struct brisk_bytes parts[4];
    int file = file_of("abc");
    int ends[2];
    char got[16] = "";
    append_text(chain, "one");
    append_text(chain, "two");
    assert_ok(brisk_chain_append_file(chain, file, 0, 3, BRISK_FD_BORROW));
    append_text(chain, "three");
    assert_i64(pipe2(ends, O_CLOEXEC), 0);

    assert_size(brisk_chain_gather(chain, parts, 1), 1);
    assert_size(brisk_chain_gather(chain, parts, 4), 2);
    assert_i64(writev(ends[1], (const struct iovec *)(const void *)&parts[0], 2), 6);

    assert_i64(read(ends[0], got, sizeof got), 6);
    assert_string_equal(got, "onetwo");
    assert_size(brisk_chain_gather(NULL, parts, 4), 0);
    close(ends[0]);
    close(ends[1]);
    close(file);
    brisk_chain_free(chain);
}

static void concat_moves_all_pieces(void **state)
{
    (void)state;
    struct brisk_chain *chain = new_chain();
    struct brisk_chain *from = new_chain();
    append_text(chain, "head,");
    for (int i = 0; i < 20; i++)
        append_text(from, "x");

    assert_ok(brisk_chain_concat(chain, from));

    assert_u64(brisk_chain_length(from), 0);
    assert_holds(chain, "head,xxxxxxxxxxxxxxxxxxxx");
    assert_status(brisk_chain_concat(chain, chain), BRISK_ERR_INVALID);
    append_text(from, "y");
    assert_holds(from, "y");
    brisk_chain_free(chain);
    brisk_chain_free(from);
}

static void linearise_copies_nothing_that_is_in_one_piece(void **state)
{
    (void)state;
    struct brisk_chain *chain = new_chain();
    static const char text[] = "in one piece";
    struct brisk_view view;
    append_text(chain, text);
    append_text(chain, "!");
    uint64_t allocations = allocation_count();

    assert_ok(brisk_chain_linearise(chain, 6, &view, NULL));

    assert_ptr_equal(view.data, text);
    assert_bytes(brisk_view_bytes(&view), brisk_bytes_text("in one"));
    assert_u64(allocation_count(), allocations);
    brisk_view_release(&view);
    brisk_chain_free(chain);
}

static void linearise_leaves_the_bytes_in_the_chain(void **state)
{
    (void)state;
    struct brisk_chain *chain = new_chain();
    struct brisk_view view;
    struct brisk_bytes part;
    int file = file_of("0123456789");
    append_text(chain, "ab");
    assert_ok(brisk_chain_append_file(chain, file, 2, 6, BRISK_FD_BORROW));

    assert_ok(brisk_chain_linearise(chain, 5, &view, NULL));

    assert_bytes(brisk_view_bytes(&view), brisk_bytes_text("ab234"));
    assert_size(brisk_chain_gather(chain, &part, 1), 1);
    assert_ptr_equal(part.data, view.data);
    brisk_view_release(&view);
    assert_holds(chain, "ab234567");
    brisk_chain_free(chain);
    close(file);
}

static void what_cannot_be_linearised_stays_as_it_was(void **state)
{
    (void)state;
    struct brisk_chain *chain = new_chain();
    struct brisk_error error = {0};
    struct brisk_view view;
    int file = file_of("abc");
    append_text(chain, "ab");

    assert_status(brisk_chain_linearise(chain, 3, &view, &error), BRISK_ERR_INVALID);
    assert_ok(brisk_chain_append_file(chain, file, 0, 4, BRISK_FD_BORROW));
    assert_status(brisk_chain_linearise(chain, 6, &view, &error), BRISK_ERR_TRUNCATED);
    assert_ok(brisk_chain_append_file(chain, file, 1, BRISK_TO_END, BRISK_FD_BORROW));
    assert_status(brisk_chain_linearise(chain, BRISK_TO_END, &view, &error), BRISK_ERR_UNSUPPORTED);
    assert_null(view.data);

    assert_u64(brisk_chain_length(chain), UINT64_MAX);
    assert_ok(brisk_chain_linearise(chain, 5, &view, &error));
    assert_bytes(brisk_view_bytes(&view), brisk_bytes_text("ababc"));
    brisk_view_release(&view);
    brisk_chain_clear(chain);
    assert_ok(brisk_chain_append_file(chain, file, BRISK_OFFSET_CURRENT, 1, BRISK_FD_BORROW));
    assert_status(brisk_chain_linearise(chain, 1, &view, &error), BRISK_ERR_UNSUPPORTED);
    brisk_chain_clear(chain);
    assert_ok(brisk_chain_append_file(chain, 987654, 0, 1, BRISK_FD_BORROW));
    assert_status(brisk_chain_linearise(chain, 1, &view, &error), BRISK_ERR_SYSTEM);
    assert_i64(error.sys_errno, EBADF);
    brisk_chain_free(chain);
    close(file);
}

/* A message as a flat array, and the chain that shall be the same. */
enum {
    MODEL_MAX = 40000
};
struct model {
    struct brisk_chain *chain;
    uint8_t bytes[MODEL_MAX];
    size_t length;
    int file;
    uint8_t file_bytes[4096];
};

static void model_add(struct model *model, const uint8_t *data, size_t length, bool is_front)
{
    uint8_t *at = is_front ? model->bytes : model->bytes + model->length;
    if (is_front)
        memmove(model->bytes + length, model->bytes, model->length);
    memcpy(at, data, length);
    model->length += length;
}

static void model_check(struct model *model)
{
    struct brisk_view view;
    assert_u64(brisk_chain_length(model->chain), model->length);
    assert_ok(brisk_chain_linearise(model->chain, model->length, &view, NULL));
    assert_bytes(brisk_view_bytes(&view), brisk_bytes_of(model->bytes, model->length));
    brisk_view_release(&view);
}

static void model_add_something(struct model *model, struct test_random *random)
{
    size_t offset = test_random_below(random, 4000);
    size_t length = test_random_below(random, 96);
    bool is_front = test_random_below(random, 3) == 0;
    if (model->length + length > MODEL_MAX)
        return;
    model_add(model, model->file_bytes + offset, length, is_front);
    struct brisk_view view;
    switch (test_random_below(random, 3)) {
    case 0:
        assert_ok(brisk_view_copy(&view, brisk_bytes_of(model->file_bytes + offset, length)));
        break;
    case 1:
        view = brisk_view_borrow(brisk_bytes_of(model->file_bytes + offset, length));
        break;
    default:
        assert_ok(
            is_front ? brisk_chain_prepend_file(
                           model->chain, model->file, (int64_t)offset, length, BRISK_FD_BORROW)
                     : brisk_chain_append_file(
                           model->chain, model->file, (int64_t)offset, length, BRISK_FD_DUP));
        return;
    }
    assert_ok(
        is_front ? brisk_chain_prepend(model->chain, &view)
                 : brisk_chain_append(model->chain, &view));
    brisk_view_release(&view);
}

static void model_consume(struct model *model, size_t count)
{
    assert_ok(brisk_chain_consume(model->chain, count));
    memmove(model->bytes, model->bytes + count, model->length - count);
    model->length -= count;
}

static void model_concat(struct model *model, struct test_random *random)
{
    struct brisk_chain *other = new_chain();
    size_t count = test_random_below(random, 12);
    for (size_t i = 0; i < count && model->length + 5 <= MODEL_MAX; i++) {
        assert_ok(brisk_chain_append_copy(other, brisk_bytes_of(model->file_bytes + i, 5)));
        model_add(model, model->file_bytes + i, 5, false);
    }
    assert_ok(brisk_chain_concat(model->chain, other));
    brisk_chain_free(other);
}

static void random_operations_agree_with_a_flat_array(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    static struct model model;
    model = (struct model){.chain = new_chain(), .file = memfd_create("test", MFD_CLOEXEC)};
    for (size_t i = 0; i < sizeof model.file_bytes; i++)
        model.file_bytes[i] = (uint8_t)test_random_next(&random);
    assert_i64(
        write(model.file, model.file_bytes, sizeof model.file_bytes), sizeof model.file_bytes);

    for (unsigned int round = 0; round < scaled(20000); round++) {
        uint64_t what = test_random_below(&random, 20);
        if (what < 12)
            model_add_something(&model, &random);
        else if (what < 17)
            model_consume(&model, test_random_below(&random, model.length / 4 + 1));
        else if (what == 17)
            model_concat(&model, &random);
        else if (what == 18)
            model_check(&model);
        else if (test_random_below(&random, 50) == 0)
            model_consume(&model, model.length);
    }

    model_check(&model);
    brisk_chain_free(model.chain);
    close(model.file);
}

static void fill(bool is_failing, void *ctx)
{
    struct brisk_chain *chain = brisk_chain_new();
    enum brisk_status status = chain == NULL ? BRISK_ERR_NOMEM : BRISK_OK;
    struct brisk_view view = brisk_view_borrow(brisk_bytes_text("xy"));
    struct brisk_view all = {0};
    uint64_t length = 0;
    for (int i = 0; status == BRISK_OK && i < 40; i++, length += 2)
        status = i % 3 == 0   ? brisk_chain_prepend(chain, &view)
                 : i % 3 == 1 ? brisk_chain_append(chain, &view)
                              : brisk_chain_append_file(chain, *(int *)ctx, 0, 2, BRISK_FD_DUP);
    if (chain != NULL && status != BRISK_OK)
        assert_u64(brisk_chain_length(chain), length - 2);
    if (status == BRISK_OK)
        status = brisk_chain_linearise(chain, BRISK_TO_END, &all, NULL);
    if (chain != NULL && length == 80)
        assert_u64(brisk_chain_length(chain), 80);
    assert_status(status, is_failing && status != BRISK_OK ? BRISK_ERR_NOMEM : BRISK_OK);
    brisk_view_release(&all);
    brisk_chain_free(chain);
}

static void a_chain_survives_every_allocation_failure(void **state)
{
    (void)state;
    int file = file_of("xy");

    for_each_allocation_failure(fill, &file);

    close(file);
}

static void eight_pieces_need_no_memory(void **state)
{
    (void)state;
    struct brisk_chain *chain = new_chain();
    uint64_t allocations = allocation_count();

    for (int i = 0; i < 8; i++)
        append_text(chain, "x");

    assert_u64(allocation_count(), allocations);
    brisk_chain_free(chain);
}

static void arguments_that_are_missing_are_invalid(void **state)
{
    (void)state;
    struct brisk_chain *chain = new_chain();
    struct brisk_view view = {.data = NULL, .length = 3};
    struct brisk_bytes part;

    assert_status(brisk_chain_append(NULL, &view), BRISK_ERR_INVALID);
    assert_status(brisk_chain_append(chain, NULL), BRISK_ERR_INVALID);
    assert_status(brisk_chain_append(chain, &view), BRISK_ERR_INVALID);
    assert_status(brisk_chain_prepend(chain, NULL), BRISK_ERR_INVALID);
    assert_status(brisk_chain_append_file(NULL, 0, 0, 1, BRISK_FD_BORROW), BRISK_ERR_INVALID);
    assert_status(brisk_chain_concat(NULL, chain), BRISK_ERR_INVALID);
    assert_status(brisk_chain_consume(NULL, 0), BRISK_ERR_INVALID);
    assert_status(brisk_chain_linearise(NULL, 0, &view, NULL), BRISK_ERR_INVALID);
    assert_status(brisk_chain_linearise(chain, 0, NULL, NULL), BRISK_ERR_INVALID);
    assert_size(brisk_chain_gather(chain, &part, 1), 0);
    assert_u64(brisk_chain_length(NULL), 0);
    brisk_chain_clear(NULL);

    brisk_chain_free(chain);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(pieces_are_in_the_order_of_their_ends),
    cmocka_unit_test(an_empty_piece_adds_nothing),
    cmocka_unit_test(a_piece_is_released_when_it_is_consumed_not_before),
    cmocka_unit_test(clearing_releases_and_closes_everything),
    cmocka_unit_test(a_duplicate_outlives_the_callers_descriptor),
    cmocka_unit_test(a_range_that_cannot_be_is_refused_and_closed),
    cmocka_unit_test(the_largest_range_is_accepted),
    cmocka_unit_test(consuming_more_than_there_is_drops_nothing),
    cmocka_unit_test(gather_gives_the_memory_in_front_as_an_iovec),
    cmocka_unit_test(concat_moves_all_pieces),
    cmocka_unit_test(linearise_copies_nothing_that_is_in_one_piece),
    cmocka_unit_test(linearise_leaves_the_bytes_in_the_chain),
    cmocka_unit_test(what_cannot_be_linearised_stays_as_it_was),
    cmocka_unit_test(random_operations_agree_with_a_flat_array),
    cmocka_unit_test(a_chain_survives_every_allocation_failure),
    cmocka_unit_test(eight_pieces_need_no_memory),
    cmocka_unit_test(arguments_that_are_missing_are_invalid))
