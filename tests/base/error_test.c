/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>

#include "base/log.h"
#include "tests/support/brisk_test.h"

static void an_error_carries_status_errno_and_message(void **state)
{
    (void)state;
    struct brisk_error error;

    assert_status(
        bk_error_set(&error, BRISK_ERR_SYSTEM, EMFILE, "open %s failed", "a.txt"),
        BRISK_ERR_SYSTEM);

    assert_status(error.status, BRISK_ERR_SYSTEM);
    assert_i64(error.sys_errno, EMFILE);
    assert_string_equal(error.message, "open a.txt failed");
}

static void an_error_that_nobody_wants_is_only_a_status(void **state)
{
    (void)state;
    assert_status(bk_error_set(NULL, BRISK_ERR_NOMEM, 0, "%d", 1), BRISK_ERR_NOMEM);
}

static void a_long_message_is_cut_and_ends(void **state)
{
    (void)state;
    struct brisk_error error;
    memset(&error, 'x', sizeof error);

    assert_status(
        bk_error_set(&error, BRISK_ERR_INVALID, 0, "%0*d", (int)sizeof error.message * 2, 7),
        BRISK_ERR_INVALID);

    assert_size(strlen(error.message), sizeof error.message - 1);
}

struct heard {
    enum brisk_log_level level;
    char message[300];
    unsigned int count;
};

static void hear(enum brisk_log_level level, const char *message, void *ctx)
{
    struct heard *heard = ctx;
    heard->level = level;
    snprintf(heard->message, sizeof heard->message, "%s", message);
    heard->count++;
}

static void a_log_line_reaches_the_callback(void **state)
{
    (void)state;
    struct heard heard = {0};
    brisk_set_log(hear, &heard);

    bk_log(BRISK_LOG_WARNING, "%d threads", 5000);

    brisk_set_log(NULL, NULL);
    assert_i64(heard.level, BRISK_LOG_WARNING);
    assert_string_equal(heard.message, "5000 threads");
}

static void without_a_callback_nothing_is_logged(void **state)
{
    (void)state;
    struct heard heard = {0};
    brisk_set_log(hear, &heard);
    brisk_set_log(NULL, NULL);

    bk_log(BRISK_LOG_ERROR, "lost");

    assert_u64(heard.count, 0);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(an_error_carries_status_errno_and_message),
    cmocka_unit_test(an_error_that_nobody_wants_is_only_a_status),
    cmocka_unit_test(a_long_message_is_cut_and_ends),
    cmocka_unit_test(a_log_line_reaches_the_callback),
    cmocka_unit_test(without_a_callback_nothing_is_logged))
