/* SPDX-License-Identifier: Apache-2.0 */
/* A cmocka program without the hook whose 256 failures make its exit status 0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void it_fails(void **state)
{
    (void)state;
    fail();
}

int main(void)
{
    static struct CMUnitTest tests[256];
    for (int i = 0; i < 256; i++)
        tests[i] = (struct CMUnitTest)cmocka_unit_test(it_fails);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
