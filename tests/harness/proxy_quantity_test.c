/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy_quantity.h"
#include "tests/support/brisk_test.h"

#define NOT_ONE UINT64_MAX

static void a_duration_has_a_number_and_a_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns;
    } table[] = {
        {"0", 0},
        {"0ms", 0},
        {"1ns", 1},
        {"250us", 250000},
        {"50ms", 50000000},
        {"10s", 10000000000},
        {"2m", 120000000000},
        {"1.5s", 1500000000},
        {"0.001ms", 1000},
        {"0.0000000015s", 1},
        {"1.25m", 75000000000},
        {"18446744073709551615ns", UINT64_MAX},
        {"", NOT_ONE},
        {"ms", NOT_ONE},
        {"5", NOT_ONE},
        {"5 ms", NOT_ONE},
        {"5m s", NOT_ONE},
        {"5h", NOT_ONE},
        {".5s", NOT_ONE},
        {"5.s", NOT_ONE},
        {"5.5", NOT_ONE},
        {"1.2.3s", NOT_ONE},
        {"-5ms", NOT_ONE},
        {"+5ms", NOT_ONE},
        {"0x5ms", NOT_ONE},
        {"18446744073709551616ns", NOT_ONE},
        {"18446744073.8s", NOT_ONE},
        {"99999999999999999999999s", NOT_ONE},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        uint64_t ns = 0;
        bool is_one = bk_duration_read(&ns, table[i].text, strlen(table[i].text));
        bool should_be = table[i].ns != NOT_ONE || i == 11;
        assert_that(is_one == should_be, "'%s'", table[i].text);
        if (is_one)
            assert_u64(ns, table[i].ns);
    }
}

static void a_size_has_a_number_and_perhaps_a_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } table[] = {
        {"0", 0},         {"100", 100},      {"64K", 65536},  {"2M", 2 << 20},
        {"1G", 1 << 30},  {"", NOT_ONE},     {"K", NOT_ONE},  {"64k", NOT_ONE},
        {"1KB", NOT_ONE}, {"1.5K", NOT_ONE}, {"-1", NOT_ONE}, {"17179869184G", NOT_ONE},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        uint64_t bytes = 0;
        bool is_one = bk_size_read(&bytes, table[i].text, strlen(table[i].text));
        assert_that(is_one == (table[i].bytes != NOT_ONE), "'%s'", table[i].text);
        if (is_one)
            assert_u64(bytes, table[i].bytes);
    }
}

static void only_the_given_characters_are_read(void **state)
{
    (void)state;
    uint64_t amount;

    assert_true(bk_size_read(&amount, "1234", 2));
    assert_u64(amount, 12);
    assert_true(bk_number_read(&amount, "77,", 2));
    assert_u64(amount, 77);
    assert_false(bk_number_read(&amount, "77,", 3));
    assert_true(bk_duration_read(&amount, "5msec", 3));
    assert_u64(amount, 5000000);
}

static void what_is_printed_reads_as_the_same(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    for (int i = 0; i < 20000; i++) {
        uint64_t amount = test_random_next(&random) >> test_random_below(&random, 64), again = 1;
        amount *= i % 3 == 0 ? 1000 : i % 3 == 1 ? 1024 : 1;
        char buffer[64];

        struct bk_text text = {.buffer = buffer, .capacity = sizeof buffer};
        bk_duration_print(&text, amount);
        assert_true(bk_duration_read(&again, buffer, text.length));
        assert_u64(again, amount);

        text.length = 0;
        bk_size_print(&text, amount);
        assert_true(bk_size_read(&again, buffer, text.length));
        assert_u64(again, amount);
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_duration_has_a_number_and_a_unit),
    cmocka_unit_test(a_size_has_a_number_and_perhaps_a_unit),
    cmocka_unit_test(only_the_given_characters_are_read),
    cmocka_unit_test(what_is_printed_reads_as_the_same))
