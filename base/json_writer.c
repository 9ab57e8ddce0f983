/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_writer.h"

static void before_value(struct bk_json *json)
{
    if (json->has_sibling && !json->has_key)
        bk_text_puts(json->text, ",");
    json->has_sibling = true;
    json->has_key = false;
}

void bk_json_begin(struct bk_json *json, char bracket)
{
    before_value(json);
    bk_text_put(json->text, &bracket, 1);
    json->has_sibling = false;
}

void bk_json_end(struct bk_json *json, char bracket)
{
    bk_text_put(json->text, &bracket, 1);
    json->has_sibling = true;
}

static void put_escape(struct bk_text *text, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    const char escape[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
    bk_text_put(text, escape, sizeof escape);
}

static void put_quoted(struct bk_text *text, const char *string)
{
    bk_text_puts(text, "\"");
    while (*string != '\0') {
        size_t length = bk_utf8_length(string);
        unsigned char byte = (unsigned char)*string;
        if (length == 0) {
            bk_text_puts(text, BK_UTF8_REPLACEMENT);
            length = 1;
        } else if (byte == '"' || byte == '\\') {
            bk_text_puts(text, "\\");
            bk_text_put(text, string, 1);
        } else if (byte < 0x20 || byte == 0x7f) {
            put_escape(text, byte);
        } else {
            bk_text_put(text, string, length);
        }
        string += length;
    }
    bk_text_puts(text, "\"");
}

void bk_json_key(struct bk_json *json, const char *key)
{
    before_value(json);
    put_quoted(json->text, key);
    bk_text_puts(json->text, ":");
    json->has_key = true;
}

void bk_json_string(struct bk_json *json, const char *string)
{
    before_value(json);
    put_quoted(json->text, string);
}

void bk_json_u64(struct bk_json *json, uint64_t value)
{
    before_value(json);
    bk_text_u64(json->text, value);
}

void bk_json_decimal(struct bk_json *json, uint64_t value, unsigned int decimals)
{
    before_value(json);
    bk_text_decimal(json->text, value, decimals);
}

void bk_json_bool(struct bk_json *json, bool value)
{
    before_value(json);
    bk_text_puts(json->text, value ? "true" : "false");
}

void bk_json_null(struct bk_json *json)
{
    before_value(json);
    bk_text_puts(json->text, "null");
}
