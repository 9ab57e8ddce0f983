/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/brisk_test.h"

#include "cache/md5.h"

static void expect_digest(const char *text, const char *want)
{
    uint8_t digest[16];
    char hex[33];

    bk_md5(text, strlen(text), digest);

    for (int i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(hex, want);
}

/* RFC 1321, A.5 */
static void the_digests_are_those_of_the_rfc(void **state)
{
    (void)state;
    expect_digest("", "d41d8cd98f00b204e9800998ecf8427e");
    expect_digest("a", "0cc175b9c0f1b6a831c399e269772661");
    expect_digest("abc", "900150983cd24fb0d6963f7d28e17f72");
    expect_digest("message digest", "f96b697d7cb7938d525a2f31aaf161d0");
    expect_digest("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b");
    expect_digest(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        "d174ab98d277d9f5a5611c2c9f419d9f");
    expect_digest(
        "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
        "57edf4a22be3c955ac49da2e2107b67a");
}

/* md5sum of coreutils */
static void lengths_about_the_end_of_a_block_are_padded_right(void **state)
{
    (void)state;
    char text[66];
    memset(text, 'x', sizeof text);
    const struct {
        size_t length;
        const char *want;
    } rows[] = {
        {55, "04364420e25c512fd958a70738aa8f72"}, {56, "668a72d5ba17f08e62dabcafad6db14b"},
        {63, "7dc2ca208106a2f703567bdff99d8981"}, {64, "c1bb4f81d892b2d57947682aeb252456"},
        {65, "1bc932052302d074bdec39795fe00cf6"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char part[66];
        memcpy(part, text, rows[i].length);
        part[rows[i].length] = '\0';
        expect_digest(part, rows[i].want);
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(the_digests_are_those_of_the_rfc),
    cmocka_unit_test(lengths_about_the_end_of_a_block_are_padded_right))
