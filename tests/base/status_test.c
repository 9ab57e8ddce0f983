/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/brisk_test.h"

static const enum brisk_status all[] = {
    BRISK_OK,
    BRISK_MISS,
    BRISK_CONFLICT,
    BRISK_NOT_STORED,
    BRISK_STALE,
    BRISK_AGAIN,
    BRISK_ERR_NOMEM,
    BRISK_ERR_INVALID,
    BRISK_ERR_SYSTEM,
    BRISK_ERR_PERMISSION,
    BRISK_ERR_TIMEOUT,
    BRISK_ERR_UNREACHABLE,
    BRISK_ERR_CORRUPT,
    BRISK_ERR_UNSUPPORTED,
    BRISK_ERR_UNKNOWN_OUTCOME,
    BRISK_ERR_TRUNCATED,
    BRISK_ERR_TOO_BIG,
    BRISK_ERR_SHORT_BUFFER,
    BRISK_ERR_RECURSION,
    BRISK_ERR_CANCELLED,
};
enum {
    COUNT = sizeof all / sizeof all[0]
};

static void the_name_of_a_status_is_its_enumerator(void **state)
{
    (void)state;
    assert_string_equal(brisk_status_name(BRISK_OK), "BRISK_OK");
    assert_string_equal(brisk_status_name(BRISK_MISS), "BRISK_MISS");
    assert_string_equal(brisk_status_name(BRISK_ERR_SHORT_BUFFER), "BRISK_ERR_SHORT_BUFFER");
}

static void every_status_has_a_name_and_a_text_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i++)
        for (int k = i + 1; k < COUNT; k++) {
            assert_string_not_equal(brisk_status_name(all[i]), brisk_status_name(all[k]));
            assert_string_not_equal(brisk_status_text(all[i]), brisk_status_text(all[k]));
        }
}

static void an_error_is_negative_and_an_answer_is_not(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        bool is_error = strncmp(brisk_status_name(all[i]), "BRISK_ERR_", 10) == 0;
        assert_that(is_error == (all[i] < 0), "%s is %d", brisk_status_name(all[i]), all[i]);
    }
}

static void a_number_that_is_no_status_has_a_name_and_a_text_too(void **state)
{
    (void)state;
    static const int strangers[] = {6, 77, -15, -1000, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        enum brisk_status stranger = (enum brisk_status)strangers[i];
        assert_string_equal(brisk_status_name(stranger), "BRISK_UNKNOWN_STATUS");
        assert_non_null(brisk_status_text(stranger));
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(the_name_of_a_status_is_its_enumerator),
    cmocka_unit_test(every_status_has_a_name_and_a_text_of_its_own),
    cmocka_unit_test(an_error_is_negative_and_an_answer_is_not),
    cmocka_unit_test(a_number_that_is_no_status_has_a_name_and_a_text_too))
