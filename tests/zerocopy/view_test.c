/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/view.h>

#include "tests/support/brisk_test.h"

/* Memory that counts how often it is given back. */
struct foreign {
    char text[16];
    unsigned int released;
    void *data;
    size_t length;
};

static void release_foreign(void *data, size_t length, void *ctx)
{
    struct foreign *foreign = ctx;
    foreign->released++;
    foreign->data = data;
    foreign->length = length;
}

static struct brisk_view adopt_foreign(struct foreign *foreign)
{
    struct brisk_view view;
    assert_ok(
        brisk_view_adopt(&view, foreign->text, strlen(foreign->text), release_foreign, foreign));
    return view;
}

static void assert_empty(const struct brisk_view *view)
{
    assert_null(view->data);
    assert_size(view->length, 0);
    assert_null(view->buffer);
}

static void a_copy_keeps_the_bytes_when_the_original_changes(void **state)
{
    (void)state;
    char original[] = "value";
    struct brisk_view view;

    assert_ok(brisk_view_copy(&view, brisk_bytes_text(original)));
    memset(original, 'x', sizeof original);

    assert_bytes(brisk_view_bytes(&view), brisk_bytes_text("value"));
    brisk_view_release(&view);
}

static void a_copy_keeps_zero_bytes_inside(void **state)
{
    (void)state;
    struct brisk_view view;

    assert_ok(brisk_view_copy(&view, brisk_bytes_of("a\0b", 3)));

    assert_bytes(brisk_view_bytes(&view), brisk_bytes_of("a\0b", 3));
    brisk_view_release(&view);
}

static void a_copy_of_nothing_is_the_empty_view(void **state)
{
    (void)state;
    const struct brisk_bytes nothing[] = {{NULL, 0}, {"x", 0}};
    for (size_t i = 0; i < 2; i++) {
        struct brisk_view view;
        memset(&view, 0xee, sizeof view);
        uint64_t before = allocation_count();

        assert_ok(brisk_view_copy(&view, nothing[i]));

        assert_empty(&view);
        assert_u64(allocation_count(), before);
    }
}

static void a_copy_of_an_absurd_length_is_out_of_memory(void **state)
{
    (void)state;
    static const size_t lengths[] = {SIZE_MAX, SIZE_MAX - 8, SIZE_MAX - 24, SIZE_MAX / 2};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct brisk_view view;
        memset(&view, 0xee, sizeof view);

        assert_that(
            brisk_view_copy(&view, brisk_bytes_of("x", lengths[i])) == BRISK_ERR_NOMEM,
            "a copy of %zu bytes", lengths[i]);

        assert_empty(&view);
    }
}

static void copy_or_report(bool is_failing, void *ctx)
{
    (void)ctx;
    struct brisk_view view;
    memset(&view, 0xee, sizeof view);
    enum brisk_status answer = brisk_view_copy(&view, brisk_bytes_text("value"));
    if (answer == BRISK_OK) {
        brisk_view_release(&view);
        return;
    }
    assert_true(is_failing);
    assert_status(answer, BRISK_ERR_NOMEM);
    assert_empty(&view);
}

static void a_copy_without_memory_leaves_the_view_empty(void **state)
{
    (void)state;
    for_each_allocation_failure(copy_or_report, NULL);
}

static void adopted_memory_is_released_once_with_the_last_view(void **state)
{
    (void)state;
    struct foreign foreign = {.text = "foreign"};
    struct brisk_view first = adopt_foreign(&foreign);
    struct brisk_view second = brisk_view_retain(&first);

    assert_ptr_equal(first.data, foreign.text);
    brisk_view_release(&first);
    assert_u64(foreign.released, 0);
    assert_bytes(brisk_view_bytes(&second), brisk_bytes_text("foreign"));
    brisk_view_release(&second);

    assert_u64(foreign.released, 1);
    assert_ptr_equal(foreign.data, foreign.text);
    assert_size(foreign.length, 7);
}

static void adopted_memory_of_no_length_is_released_too(void **state)
{
    (void)state;
    struct foreign foreign = {.text = ""};
    struct brisk_view view;

    assert_ok(brisk_view_adopt(&view, NULL, 0, release_foreign, &foreign));
    brisk_view_release(&view);

    assert_u64(foreign.released, 1);
    assert_null(foreign.data);
}

static void adopt_or_report(bool is_failing, void *ctx)
{
    struct foreign *foreign = ctx;
    struct brisk_view view;
    memset(&view, 0xee, sizeof view);
    foreign->released = 0;
    enum brisk_status answer = brisk_view_adopt(&view, foreign->text, 3, release_foreign, foreign);
    if (answer == BRISK_OK) {
        brisk_view_release(&view);
        assert_u64(foreign->released, 1);
        return;
    }
    assert_true(is_failing);
    assert_status(answer, BRISK_ERR_NOMEM);
    assert_u64(foreign->released, 0);
    assert_empty(&view);
}

static void memory_stays_with_its_owner_when_adopting_fails(void **state)
{
    (void)state;
    struct foreign foreign = {.text = "abc"};
    for_each_allocation_failure(adopt_or_report, &foreign);

    struct brisk_view view;
    foreign.released = 0;
    assert_status(
        brisk_view_adopt(&view, foreign.text, SIZE_MAX - 8, release_foreign, &foreign),
        BRISK_ERR_NOMEM);
    assert_u64(foreign.released, 0);
}

static void a_view_released_twice_is_released_once(void **state)
{
    (void)state;
    struct foreign foreign = {.text = "foreign"};
    struct brisk_view view = adopt_foreign(&foreign);
    struct brisk_view other = brisk_view_retain(&view);

    brisk_view_release(&view);
    assert_empty(&view);
    brisk_view_release(&view);

    assert_u64(foreign.released, 0);
    brisk_view_release(&other);
    assert_u64(foreign.released, 1);
}

static void releasing_nothing_is_harmless(void **state)
{
    (void)state;
    struct brisk_view empty = {NULL, 0, NULL};

    brisk_view_release(NULL);
    brisk_view_release(&empty);

    assert_empty(&empty);
}

static void an_empty_view_retained_is_empty(void **state)
{
    (void)state;
    struct brisk_view empty = {NULL, 0, NULL};

    struct brisk_view other = brisk_view_retain(&empty);

    assert_empty(&other);
    other = brisk_view_retain(NULL);
    assert_empty(&other);
}

static void a_slice_shares_memory_and_keeps_it(void **state)
{
    (void)state;
    struct foreign foreign = {.text = "head,body"};
    struct brisk_view view = adopt_foreign(&foreign), slice;

    uint64_t before = allocation_count();
    assert_ok(brisk_view_slice(&slice, &view, 5, 4));
    assert_u64(allocation_count(), before);

    brisk_view_release(&view);
    assert_u64(foreign.released, 0);
    assert_ptr_equal(slice.data, foreign.text + 5);
    assert_bytes(brisk_view_bytes(&slice), brisk_bytes_text("body"));
    brisk_view_release(&slice);
    assert_u64(foreign.released, 1);
}

static void a_slice_of_a_slice_keeps_the_same_memory(void **state)
{
    (void)state;
    struct foreign foreign = {.text = "0123456789"};
    struct brisk_view view = adopt_foreign(&foreign), slice, inner;

    assert_ok(brisk_view_slice(&slice, &view, 2, 6));
    assert_ok(brisk_view_slice(&inner, &slice, 1, 3));
    brisk_view_release(&view);
    brisk_view_release(&slice);

    assert_bytes(brisk_view_bytes(&inner), brisk_bytes_text("345"));
    assert_u64(foreign.released, 0);
    brisk_view_release(&inner);
    assert_u64(foreign.released, 1);
}

struct range {
    size_t offset, length;
    bool is_inside;
};

static void only_ranges_inside_the_view_can_be_sliced(void **state)
{
    (void)state;
    static const struct range ranges[] = {
        {0, 10, true},
        {0, 0, true},
        {10, 0, true},
        {9, 1, true},
        {3, 4, true},
        {0, 11, false},
        {10, 1, false},
        {11, 0, false},
        {9, 2, false},
        {1, SIZE_MAX, false},
        {SIZE_MAX, 0, false},
        {SIZE_MAX, 1, false},
        {SIZE_MAX - 3, 8, false},
        {5, SIZE_MAX - 4, false},
        {SIZE_MAX, SIZE_MAX, false}};
    struct foreign foreign = {.text = "0123456789"};
    struct brisk_view view = adopt_foreign(&foreign);
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        const struct range *range = &ranges[i];
        struct brisk_view slice;
        memset(&slice, 0xee, sizeof slice);

        enum brisk_status answer = brisk_view_slice(&slice, &view, range->offset, range->length);

        assert_that(
            answer == (range->is_inside ? BRISK_OK : BRISK_ERR_INVALID), "[%zu, +%zu) gives %s",
            range->offset, range->length, brisk_status_name(answer));
        if (range->is_inside && range->length > 0)
            assert_size(slice.length, range->length);
        else
            assert_empty(&slice);
        brisk_view_release(&slice);
    }
    brisk_view_release(&view);
    assert_u64(foreign.released, 1);
}

static void an_empty_slice_keeps_nothing_alive(void **state)
{
    (void)state;
    struct foreign foreign = {.text = "0123456789"};
    struct brisk_view view = adopt_foreign(&foreign), slice;

    assert_ok(brisk_view_slice(&slice, &view, 5, 0));
    brisk_view_release(&view);

    assert_empty(&slice);
    assert_u64(foreign.released, 1);
}

static void the_empty_view_can_be_sliced_to_nothing_only(void **state)
{
    (void)state;
    struct brisk_view empty = {NULL, 0, NULL}, slice;

    assert_ok(brisk_view_slice(&slice, &empty, 0, 0));
    assert_empty(&slice);
    assert_status(brisk_view_slice(&slice, &empty, 0, 1), BRISK_ERR_INVALID);
    assert_status(brisk_view_slice(&slice, &empty, 1, 0), BRISK_ERR_INVALID);
}

static void a_slice_into_its_own_view_is_refused_and_harmless(void **state)
{
    (void)state;
    struct foreign foreign = {.text = "0123456789"};
    struct brisk_view view = adopt_foreign(&foreign);

    assert_status(brisk_view_slice(&view, &view, 2, 3), BRISK_ERR_INVALID);

    assert_bytes(brisk_view_bytes(&view), brisk_bytes_text("0123456789"));
    brisk_view_release(&view);
    assert_u64(foreign.released, 1);
}

static void a_borrowed_view_is_retained_and_sliced_without_a_count(void **state)
{
    (void)state;
    static const char text[] = "static text";
    struct brisk_view view = brisk_view_borrow(brisk_bytes_text(text)), slice;
    uint64_t before = allocation_count();

    struct brisk_view other = brisk_view_retain(&view);
    assert_ok(brisk_view_slice(&slice, &view, 7, 4));
    brisk_view_release(&view);

    assert_empty(&view);
    assert_ptr_equal(other.data, text);
    assert_bytes(brisk_view_bytes(&slice), brisk_bytes_text("text"));
    assert_u64(allocation_count(), before);
    brisk_view_release(&other);
    brisk_view_release(&slice);
}

static void missing_arguments_are_invalid(void **state)
{
    (void)state;
    struct foreign foreign = {.text = "x"};
    struct brisk_view view, other = {NULL, 0, NULL};

    assert_status(brisk_view_copy(NULL, brisk_bytes_text("x")), BRISK_ERR_INVALID);
    assert_status(brisk_view_copy(&view, brisk_bytes_of(NULL, 1)), BRISK_ERR_INVALID);
    assert_empty(&view);
    assert_status(
        brisk_view_adopt(NULL, foreign.text, 1, release_foreign, &foreign), BRISK_ERR_INVALID);
    assert_status(brisk_view_adopt(&view, foreign.text, 1, NULL, NULL), BRISK_ERR_INVALID);
    assert_empty(&view);
    assert_status(brisk_view_adopt(&view, NULL, 1, release_foreign, &foreign), BRISK_ERR_INVALID);
    assert_status(brisk_view_slice(NULL, &other, 0, 0), BRISK_ERR_INVALID);
    assert_status(brisk_view_slice(&view, NULL, 0, 0), BRISK_ERR_INVALID);
    assert_empty(&view);
    assert_u64(foreign.released, 0);
}

/* The model of a view: which text it shows. */
struct model {
    struct brisk_view views[8];
    struct brisk_bytes shown[8];
    unsigned int lent;
};

static char text[4096];

static void give_back_lent(void *data, size_t length, void *ctx)
{
    struct model *model = ctx;
    assert_ptr_equal(data, text);
    assert_size(length, sizeof text);
    model->lent--;
}

/* Part of `bytes`, as brisk_view_slice gives it: NULL if there is nothing in it. */
static struct brisk_bytes part_of(struct brisk_bytes bytes, size_t offset, size_t length)
{
    if (length == 0)
        return brisk_bytes_of(NULL, 0);
    return brisk_bytes_of((const char *)bytes.data + offset, length);
}

static void take_a_random_step(struct model *model, struct test_random *random)
{
    size_t from = test_random_below(random, 8), to = test_random_below(random, 8);
    size_t offset = test_random_below(random, 40), length = test_random_below(random, 40);
    struct brisk_bytes shown = model->shown[from], whole = brisk_bytes_of(text, sizeof text);
    if (from == to)
        return;
    brisk_view_release(&model->views[to]);
    model->shown[to] = part_of(shown, 0, 0);
    switch (test_random_below(random, 5)) {
    case 0:
        assert_ok(brisk_view_copy(&model->views[to], brisk_bytes_of(text + offset, length)));
        model->shown[to] = part_of(whole, offset, length);
        break;
    case 1:
        assert_ok(brisk_view_adopt(&model->views[to], text, sizeof text, give_back_lent, model));
        model->shown[to] = whole;
        model->lent++;
        break;
    case 2:
        model->views[to] = brisk_view_retain(&model->views[from]);
        model->shown[to] = shown;
        break;
    case 3:
        if (brisk_view_slice(&model->views[to], &model->views[from], offset, length) == BRISK_OK)
            model->shown[to] = part_of(shown, offset, length);
        else
            assert_true(offset + length > shown.length);
        break;
    default:
        break;
    }
}

static void views_agree_with_a_model_over_random_steps(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)test_random_next(&random);
    struct model model = {.lent = 0};

    for (unsigned int step = 0; step < scaled(30000); step++) {
        take_a_random_step(&model, &random);
        for (size_t i = 0; i < 8; i++)
            assert_bytes(brisk_view_bytes(&model.views[i]), model.shown[i]);
    }

    for (size_t i = 0; i < 8; i++)
        brisk_view_release(&model.views[i]);
    assert_u64(model.lent, 0);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_copy_keeps_the_bytes_when_the_original_changes),
    cmocka_unit_test(a_copy_keeps_zero_bytes_inside),
    cmocka_unit_test(a_copy_of_nothing_is_the_empty_view),
    cmocka_unit_test(a_copy_of_an_absurd_length_is_out_of_memory),
    cmocka_unit_test(a_copy_without_memory_leaves_the_view_empty),
    cmocka_unit_test(adopted_memory_is_released_once_with_the_last_view),
    cmocka_unit_test(adopted_memory_of_no_length_is_released_too),
    cmocka_unit_test(memory_stays_with_its_owner_when_adopting_fails),
    cmocka_unit_test(a_view_released_twice_is_released_once),
    cmocka_unit_test(releasing_nothing_is_harmless),
    cmocka_unit_test(an_empty_view_retained_is_empty),
    cmocka_unit_test(a_slice_shares_memory_and_keeps_it),
    cmocka_unit_test(a_slice_of_a_slice_keeps_the_same_memory),
    cmocka_unit_test(only_ranges_inside_the_view_can_be_sliced),
    cmocka_unit_test(an_empty_slice_keeps_nothing_alive),
    cmocka_unit_test(the_empty_view_can_be_sliced_to_nothing_only),
    cmocka_unit_test(a_slice_into_its_own_view_is_refused_and_harmless),
    cmocka_unit_test(a_borrowed_view_is_retained_and_sliced_without_a_count),
    cmocka_unit_test(missing_arguments_are_invalid),
    cmocka_unit_test(views_agree_with_a_model_over_random_steps))
