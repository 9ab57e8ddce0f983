/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/bytes.h>

#include "tests/support/brisk_test.h"

static void a_slice_of_bytes_borrows_what_is_inside(void **state)
{
    (void)state;
    struct brisk_bytes part;

    assert_ok(brisk_bytes_slice(&part, brisk_bytes_text("header,body"), 7, 4));

    assert_bytes(part, brisk_bytes_text("body"));
}

static void a_slice_beyond_the_bytes_is_invalid_and_empty(void **state)
{
    (void)state;
    const size_t ranges[][2] = {{5, 1}, {4, 2}, {0, 6}, {SIZE_MAX, 2}, {1, SIZE_MAX}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        struct brisk_bytes part = brisk_bytes_text("old");

        assert_status(
            brisk_bytes_slice(&part, brisk_bytes_text("bytes"), ranges[i][0], ranges[i][1]),
            BRISK_ERR_INVALID);

        assert_bytes(part, brisk_bytes_of(NULL, 0));
    }
}

static void bytes_are_ordered_as_memcmp_and_then_by_length(void **state)
{
    (void)state;
    assert_true(brisk_bytes_compare(brisk_bytes_text("abc"), brisk_bytes_text("abd")) < 0);
    assert_true(brisk_bytes_compare(brisk_bytes_text("b"), brisk_bytes_text("abc")) > 0);
    assert_true(brisk_bytes_compare(brisk_bytes_text("ab"), brisk_bytes_text("abc")) < 0);
    assert_true(brisk_bytes_compare(brisk_bytes_text("\xff"), brisk_bytes_text("\x01")) > 0);
    assert_i64(brisk_bytes_compare(brisk_bytes_of(NULL, 0), brisk_bytes_of(NULL, 0)), 0);
    assert_true(brisk_bytes_compare(brisk_bytes_of(NULL, 0), brisk_bytes_text("a")) < 0);
}

static void find_gives_the_first_place(void **state)
{
    (void)state;
    size_t offset = 99;

    assert_ok(brisk_bytes_find(brisk_bytes_text("a\r\nb\r\n"), brisk_bytes_text("\r\n"), &offset));
    assert_size(offset, 1);
    assert_ok(brisk_bytes_find(brisk_bytes_text("abc"), brisk_bytes_text(""), &offset));
    assert_size(offset, 0);
    assert_status(
        brisk_bytes_find(brisk_bytes_text("abc"), brisk_bytes_text("abcd"), &offset), BRISK_MISS);
    assert_size(offset, 3);
    assert_status(
        brisk_bytes_find(brisk_bytes_of(NULL, 0), brisk_bytes_text("a"), &offset), BRISK_MISS);
    assert_status(
        brisk_bytes_find(brisk_bytes_text("abc"), brisk_bytes_text("a"), NULL), BRISK_ERR_INVALID);
}

static void a_hexdump_is_what_hexdump_prints(void **state)
{
    (void)state;
    const char *want =
        "00000000  47 45 54 20 2f 0d 0a 7f  80 00 41 42 43 44 45 46  |GET /.....ABCDEF|\n"
        "00000010  67                                                |g|\n";
    char text[256];
    struct brisk_bytes bytes = brisk_bytes_of("GET /\r\n\x7f\x80\0ABCDEFg", 17);

    assert_size(brisk_bytes_hexdump(bytes, text, sizeof text), strlen(want));

    assert_string_equal(text, want);
}

static void a_hexdump_is_cut_to_its_buffer(void **state)
{
    (void)state;
    char text[10] = "xxxxxxxxx";
    size_t whole = brisk_bytes_hexdump(brisk_bytes_text("abc"), NULL, 0);

    assert_size(brisk_bytes_hexdump(brisk_bytes_text("abc"), text, sizeof text), whole);

    assert_string_equal(text, "00000000 ");
    assert_size(brisk_bytes_hexdump(brisk_bytes_of(NULL, 0), text, sizeof text), 0);
    assert_string_equal(text, "");
}

static void integers_are_read_in_both_orders_at_odd_offsets(void **state)
{
    (void)state;
    struct brisk_bytes bytes = brisk_bytes_of("\xff\x01\x02\x03\x04\x05\x06\x07\x08", 9);
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;

    assert_ok(brisk_bytes_get_u16le(bytes, 1, &u16));
    assert_u64(u16, 0x0201);
    assert_ok(brisk_bytes_get_u16be(bytes, 1, &u16));
    assert_u64(u16, 0x0102);
    assert_ok(brisk_bytes_get_u32le(bytes, 1, &u32));
    assert_u64(u32, 0x04030201);
    assert_ok(brisk_bytes_get_u32be(bytes, 1, &u32));
    assert_u64(u32, 0x01020304);
    assert_ok(brisk_bytes_get_u64le(bytes, 1, &u64));
    assert_u64(u64, UINT64_C(0x0807060504030201));
    assert_ok(brisk_bytes_get_u64be(bytes, 1, &u64));
    assert_u64(u64, UINT64_C(0x0102030405060708));
}

static void an_integer_that_is_not_all_inside_is_invalid_and_0(void **state)
{
    (void)state;
    struct brisk_bytes bytes = brisk_bytes_text("12345678");
    uint16_t u16 = 1;
    uint32_t u32 = 1;
    uint64_t u64 = 1;

    assert_status(brisk_bytes_get_u16le(bytes, 7, &u16), BRISK_ERR_INVALID);
    assert_status(brisk_bytes_get_u32be(bytes, 5, &u32), BRISK_ERR_INVALID);
    assert_status(brisk_bytes_get_u64le(bytes, SIZE_MAX, &u64), BRISK_ERR_INVALID);

    assert_u64(u16 + u32 + u64, 0);
}

static void what_is_put_is_what_is_read(void **state)
{
    (void)state;
    uint8_t data[9] = {0};
    struct brisk_bytes bytes = brisk_bytes_of(data, sizeof data);
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;

    assert_ok(brisk_bytes_put_u16le(data, sizeof data, 1, 0xfedc));
    assert_ok(brisk_bytes_get_u16le(bytes, 1, &u16));
    assert_u64(u16, 0xfedc);
    assert_ok(brisk_bytes_put_u16be(data, sizeof data, 1, 0xfedc));
    assert_bytes(brisk_bytes_of(data + 1, 2), brisk_bytes_of("\xfe\xdc", 2));
    assert_ok(brisk_bytes_put_u32le(data, sizeof data, 5, 0xfedcba98));
    assert_ok(brisk_bytes_get_u32le(bytes, 5, &u32));
    assert_u64(u32, 0xfedcba98);
    assert_ok(brisk_bytes_put_u32be(data, sizeof data, 5, 0xfedcba98));
    assert_bytes(brisk_bytes_of(data + 5, 4), brisk_bytes_of("\xfe\xdc\xba\x98", 4));
    assert_ok(brisk_bytes_put_u64le(data, sizeof data, 1, UINT64_MAX - 5));
    assert_ok(brisk_bytes_get_u64le(bytes, 1, &u64));
    assert_u64(u64, UINT64_MAX - 5);
    assert_ok(brisk_bytes_put_u64be(data, sizeof data, 1, UINT64_MAX - 5));
    assert_ok(brisk_bytes_get_u64be(bytes, 1, &u64));
    assert_u64(u64, UINT64_MAX - 5);
    assert_u64(data[0], 0);
}

static void a_put_that_is_not_all_inside_writes_nothing(void **state)
{
    (void)state;
    uint8_t data[4] = "abc";

    assert_status(brisk_bytes_put_u32le(data, sizeof data, 1, 0), BRISK_ERR_INVALID);
    assert_status(brisk_bytes_put_u64be(data, sizeof data, 0, 0), BRISK_ERR_INVALID);

    assert_string_equal((char *)data, "abc");
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_slice_of_bytes_borrows_what_is_inside),
    cmocka_unit_test(a_slice_beyond_the_bytes_is_invalid_and_empty),
    cmocka_unit_test(bytes_are_ordered_as_memcmp_and_then_by_length),
    cmocka_unit_test(find_gives_the_first_place),
    cmocka_unit_test(a_hexdump_is_what_hexdump_prints),
    cmocka_unit_test(a_hexdump_is_cut_to_its_buffer),
    cmocka_unit_test(integers_are_read_in_both_orders_at_odd_offsets),
    cmocka_unit_test(an_integer_that_is_not_all_inside_is_invalid_and_0),
    cmocka_unit_test(what_is_put_is_what_is_read),
    cmocka_unit_test(a_put_that_is_not_all_inside_writes_nothing))
