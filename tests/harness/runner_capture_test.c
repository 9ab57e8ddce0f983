/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"
#include "harness/runner/capture.h"
#include "tests/support/brisk_test.h"

enum {
    KEPT = BK_CAPTURE_HEAD + BK_CAPTURE_TAIL
};

static struct bk_capture capture;

static void fill(char *data, size_t length, struct test_random *random)
{
    for (size_t i = 0; i < length; i++)
        data[i] = (char)('a' + test_random_below(random, 26));
}

/* The naive way: all of it, cut afterwards. */
static void assert_kept(const char *all, size_t length)
{
    size_t got_length;
    char *got = bk_capture_copy(&capture, &got_length);
    assert_non_null(got);
    assert_u64(capture.length, length);
    if (length <= KEPT) {
        assert_size(got_length, length);
        assert_memory_equal(got, all, length);
    } else {
        char note[64];
        snprintf(note, sizeof note, "\n[brisk test: %zu bytes are left out here]\n", length - KEPT);
        assert_size(got_length, KEPT + strlen(note));
        assert_memory_equal(got, all, BK_CAPTURE_HEAD);
        assert_memory_equal(got + BK_CAPTURE_HEAD, note, strlen(note));
        assert_memory_equal(
            got + got_length - BK_CAPTURE_TAIL, all + length - BK_CAPTURE_TAIL, BK_CAPTURE_TAIL);
    }
    assert_int_equal(got[got_length], '\0');
    bk_free(got);
}

static void lengths_at_the_limits_are_kept_exactly(void **state)
{
    (void)state;
    static const size_t lengths[] = {0,
                                     1,
                                     BK_CAPTURE_HEAD - 1,
                                     BK_CAPTURE_HEAD,
                                     BK_CAPTURE_HEAD + 1,
                                     KEPT - 1,
                                     KEPT,
                                     KEPT + 1,
                                     3 * KEPT};
    static char all[3 * KEPT];
    struct test_random random = test_random_new();
    fill(all, sizeof all, &random);

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        bk_capture_clear(&capture);
        bk_capture_add(&capture, all, lengths[i]);
        assert_kept(all, lengths[i]);
    }
}

static void pieces_of_any_length_give_what_the_whole_gives(void **state)
{
    (void)state;
    static char all[5 * KEPT];
    struct test_random random = test_random_new();
    fill(all, sizeof all, &random);

    for (unsigned int round = 0; round < scaled(60); round++) {
        static const uint64_t bounds[] = {40, 5000, 100000};
        uint64_t bound = bounds[round % 3];
        size_t length = 0, limit = test_random_below(&random, sizeof all);
        bk_capture_clear(&capture);
        while (length < limit) {
            size_t piece = test_random_below(&random, bound);
            piece = piece > limit - length ? limit - length : piece;
            bk_capture_add(&capture, all + length, piece);
            length += piece;
        }
        assert_kept(all, length);
    }
}

static void copy_step(bool is_failing, void *ctx)
{
    (void)ctx;
    size_t length;
    char *copy = bk_capture_copy(&capture, &length);
    assert_true(copy != NULL || is_failing);
    bk_free(copy);
}

static void a_copy_without_memory_is_null(void **state)
{
    (void)state;
    bk_capture_clear(&capture);
    bk_capture_add(&capture, "words", 5);

    for_each_allocation_failure(copy_step, NULL);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(lengths_at_the_limits_are_kept_exactly),
    cmocka_unit_test(pieces_of_any_length_give_what_the_whole_gives),
    cmocka_unit_test(a_copy_without_memory_is_null))
