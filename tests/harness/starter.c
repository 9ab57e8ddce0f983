/* SPDX-License-Identifier: Apache-2.0 */
/* A program whose group starts a daemon itself. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <brisk/fixture.h>
#include <brisk/test.h>

BRISK_FIXTURE_GROUP(server, "bad", "a=line=own");

static void it_fails(void **state)
{
    (void)state;
    assert_null(server);
}

static void it_is_killed(void **state)
{
    (void)state;
    assert_non_null(server);
    raise(SIGKILL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_fails),
        cmocka_unit_test(it_is_killed),
    };
    return brisk_run_group_tests(tests, server_setup, server_teardown);
}
