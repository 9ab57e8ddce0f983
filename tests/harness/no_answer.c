/* SPDX-License-Identifier: Apache-2.0 */
/* Has the hook, but ends before it gets there. */
#include <brisk/test.h>

int main(void)
{
    puts("words");
    return getenv(BRISK_TEST_HOOK) == NULL ? 0 : 4;
}
