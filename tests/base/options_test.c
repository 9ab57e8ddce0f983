/* SPDX-License-Identifier: Apache-2.0 */
#include "base/options.h"

#include "tests/support/brisk_test.h"

/* The options of three releases of a library. */
struct options_v1 {
    size_t size;
    uint64_t ttl;
};

struct options_v2 {
    size_t size;
    uint64_t ttl;
    uint64_t max_bytes;
};

struct options_v3 {
    size_t size;
    uint64_t ttl;
    uint64_t max_bytes;
    uint32_t shards;
    uint32_t has_thread;
};

static struct brisk_error error;

static enum brisk_status read_v2(struct options_v2 *into, const void *options)
{
    memset(into, 0xee, sizeof *into);
    memset(&error, 0, sizeof error);
    return bk_options_read(into, sizeof *into, options, sizeof(struct options_v1), &error);
}

static void options_of_the_same_release_are_copied(void **state)
{
    (void)state;
    struct options_v2 got, given = {sizeof given, 5, 7};

    assert_ok(read_v2(&got, &given));

    assert_size(got.size, sizeof got);
    assert_u64(got.ttl, 5);
    assert_u64(got.max_bytes, 7);
}

static void no_options_are_all_defaults(void **state)
{
    (void)state;
    struct options_v2 got;

    assert_ok(read_v2(&got, NULL));

    assert_size(got.size, sizeof got);
    assert_u64(got.ttl, 0);
    assert_u64(got.max_bytes, 0);
}

static void an_older_program_gets_the_default_of_a_new_option(void **state)
{
    (void)state;
    struct options_v1 given = {sizeof given, 5};
    struct options_v2 got;

    assert_ok(read_v2(&got, &given));

    assert_size(got.size, sizeof got);
    assert_u64(got.ttl, 5);
    assert_u64(got.max_bytes, 0);
}

static void a_newer_program_that_leaves_the_new_option_alone_is_served(void **state)
{
    (void)state;
    struct options_v3 given = {sizeof given, 5, 7, 0, 0};
    struct options_v2 got;

    assert_ok(read_v2(&got, &given));

    assert_size(got.size, sizeof got);
    assert_u64(got.max_bytes, 7);
}

static void a_newer_program_that_sets_the_new_option_is_refused(void **state)
{
    (void)state;
    const struct options_v3 given[] = {
        {sizeof given[0], 5, 7, 1, 0}, {sizeof given[0], 5, 7, 0, 1u << 31}};
    for (size_t i = 0; i < 2; i++) {
        struct options_v2 got;

        assert_status(read_v2(&got, &given[i]), BRISK_ERR_INVALID);

        assert_status(error.status, BRISK_ERR_INVALID);
        assert_non_null(strstr(error.message, "beyond byte 24"));
        assert_u64(got.ttl, 0);
    }
}

static void a_size_below_that_of_the_first_release_is_refused(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, sizeof(size_t), sizeof(struct options_v1) - 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct options_v2 got, given = {sizes[i], 5, 7};

        assert_that(read_v2(&got, &given) == BRISK_ERR_INVALID, "size %zu was accepted", sizes[i]);

        assert_non_null(strstr(error.message, "options.size"));
        assert_u64(got.ttl, 0);
    }
}

static void a_size_that_ends_inside_an_option_cuts_it(void **state)
{
    (void)state;
    struct options_v2 got, given = {offsetof(struct options_v2, max_bytes) + 2, 5, 0x01020304};

    assert_ok(read_v2(&got, &given));

    assert_u64(got.ttl, 5);
    unsigned char bytes[8];
    memcpy(bytes, &got.max_bytes, sizeof bytes);
    for (int i = 2; i < 8; i++)
        assert_u64(bytes[i], 0);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(options_of_the_same_release_are_copied),
    cmocka_unit_test(no_options_are_all_defaults),
    cmocka_unit_test(an_older_program_gets_the_default_of_a_new_option),
    cmocka_unit_test(a_newer_program_that_leaves_the_new_option_alone_is_served),
    cmocka_unit_test(a_newer_program_that_sets_the_new_option_is_refused),
    cmocka_unit_test(a_size_below_that_of_the_first_release_is_refused),
    cmocka_unit_test(a_size_that_ends_inside_an_option_cuts_it))
