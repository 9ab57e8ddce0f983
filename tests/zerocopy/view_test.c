/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/brisk_test.h"

static void a_copy_keeps_the_bytes_when_the_original_is_gone(void **state)
{
    (void)state;
    char original[] = "value";
    struct brisk_view view;

    assert_ok(brisk_view_copy(&view, brisk_bytes_text(original)));
    memset(original, 'x', sizeof original);

    assert_bytes(brisk_view_bytes(&view), brisk_bytes_text("value"));
    brisk_view_release(&view);
}

BRISK_TEST_MAIN(cmocka_unit_test(a_copy_keeps_the_bytes_when_the_original_is_gone))
