/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "tests/support/brisk_test.h"

static void text_grows_at_its_end(void **state)
{
    char buffer[16];
    struct bk_text text = {.buffer = buffer, .capacity = sizeof buffer};
    (void)state;

    bk_text_puts(&text, "ab");
    bk_text_put(&text, "cdX", 2);
    bk_text_pad(&text, '.', 3);

    assert_bytes(brisk_bytes_of(buffer, text.length), brisk_bytes_text("abcd..."));
}

static void what_does_not_fit_is_counted(void **state)
{
    char buffer[5] = "####";
    struct bk_text text = {.buffer = buffer, .capacity = 3};
    (void)state;

    bk_text_puts(&text, "abcdef");
    bk_text_puts(&text, "gh");

    assert_size(text.length, 8);
    assert_bytes(brisk_bytes_of(buffer, 4), brisk_bytes_text("abc#"));
}

static void a_text_without_a_buffer_only_counts(void **state)
{
    struct bk_text text = {0};
    (void)state;

    bk_text_u64(&text, 12345);

    assert_size(text.length, 5);
}

static void numbers_are_decimal(void **state)
{
    static const struct {
        uint64_t value;
        unsigned int decimals;
        const char *want;
    } rows[] = {
        {0, 0, "0"},           {UINT64_MAX, 0, "18446744073709551615"},  {1500, 3, "1.500"},
        {7, 9, "0.000000007"}, {UINT64_MAX, 9, "18446744073.709551615"}, {10, 1, "1.0"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char buffer[32];
        struct bk_text text = {.buffer = buffer, .capacity = sizeof buffer};
        bk_text_decimal(&text, rows[i].value, rows[i].decimals);
        assert_bytes(brisk_bytes_of(buffer, text.length), brisk_bytes_text(rows[i].want));
    }
}

static void utf8_is_told_from_other_bytes(void **state)
{
    static const struct {
        const char *string;
        size_t want;
    } rows[] = {
        {"a", 1},
        {"\x7f", 1},
        {"\xc3\xa4", 2},
        {"\xe2\x82\xac", 3},
        {"\xf0\x9f\x98\x80", 4},
        {"\xf4\x8f\xbf\xbf", 4},
        {"\x80", 0},             /* starts nothing */
        {"\xc3", 0},             /* cut off */
        {"\xe2\x82", 0},         /* cut off */
        {"\xf0\x9f\x98", 0},     /* cut off */
        {"\xc3\x28", 0},         /* goes on wrongly */
        {"\xc0\xaf", 0},         /* longer than need be */
        {"\xc1\xbf", 0},         /* longer than need be */
        {"\xe0\x80\xaf", 0},     /* longer than need be */
        {"\xf0\x80\x80\xaf", 0}, /* longer than need be */
        {"\xed\xa0\x80", 0},     /* half of a pair of UTF-16 */
        {"\xf4\x90\x80\x80", 0}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", 0},
        {"\xff", 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_that(
            bk_utf8_length(rows[i].string) == rows[i].want, "row %zu: got %zu", i,
            bk_utf8_length(rows[i].string));
}

BRISK_TEST_MAIN(
    cmocka_unit_test(text_grows_at_its_end), cmocka_unit_test(what_does_not_fit_is_counted),
    cmocka_unit_test(a_text_without_a_buffer_only_counts), cmocka_unit_test(numbers_are_decimal),
    cmocka_unit_test(utf8_is_told_from_other_bytes))
