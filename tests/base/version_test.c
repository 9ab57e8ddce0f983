/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/brisk.h>

#include "tests/support/brisk_test.h"

static void the_library_has_the_version_of_its_headers(void **state)
{
    (void)state;
    char wanted[32];
    snprintf(
        wanted, sizeof wanted, "%d.%d.%d", BRISK_VERSION_MAJOR, BRISK_VERSION_MINOR,
        BRISK_VERSION_PATCH);

    assert_string_equal(brisk_version(), wanted);
}

BRISK_TEST_MAIN(cmocka_unit_test(the_library_has_the_version_of_its_headers))
