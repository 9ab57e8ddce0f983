/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_writer.h"
#include "tests/support/brisk_test.h"

static void values_of_every_kind_stand_in_one_line(void **state)
{
    static const char want[] =
        "{\"number\":18446744073709551615,\"ratio\":0.050,\"yes\":true,\"no\":false,"
        "\"none\":null,\"list\":[1,\"two\",[],{}],\"last\":3}";
    char buffer[256];
    struct bk_text text = {.buffer = buffer, .capacity = sizeof buffer};
    struct bk_json json = {.text = &text};
    (void)state;

    bk_json_begin(&json, '{');
    bk_json_key(&json, "number");
    bk_json_u64(&json, UINT64_MAX);
    bk_json_key(&json, "ratio");
    bk_json_decimal(&json, 50, 3);
    bk_json_key(&json, "yes");
    bk_json_bool(&json, true);
    bk_json_key(&json, "no");
    bk_json_bool(&json, false);
    bk_json_key(&json, "none");
    bk_json_null(&json);
    bk_json_key(&json, "list");
    bk_json_begin(&json, '[');
    bk_json_u64(&json, 1);
    bk_json_string(&json, "two");
    bk_json_begin(&json, '[');
    bk_json_end(&json, ']');
    bk_json_begin(&json, '{');
    bk_json_end(&json, '}');
    bk_json_end(&json, ']');
    bk_json_key(&json, "last");
    bk_json_u64(&json, 3);
    bk_json_end(&json, '}');

    assert_bytes(brisk_bytes_of(buffer, text.length), brisk_bytes_text(want));
}

static void strings_are_escaped(void **state)
{
    static const struct {
        const char *string, *want;
    } rows[] = {
        {"", "\"\""},
        {"plain \xc3\xa4", "\"plain \xc3\xa4\""},
        {"\"\\/", "\"\\\"\\\\/\""},
        {"a\nb\x01\x1f\x7f", "\"a\\u000ab\\u0001\\u001f\\u007f\""},
        {"\xff\xc3|\x80", "\"\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\""},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char buffer[64];
        struct bk_text text = {.buffer = buffer, .capacity = sizeof buffer};
        struct bk_json json = {.text = &text};
        bk_json_string(&json, rows[i].string);
        assert_bytes(brisk_bytes_of(buffer, text.length), brisk_bytes_text(rows[i].want));
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(values_of_every_kind_stand_in_one_line), cmocka_unit_test(strings_are_escaped))
