/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdbool.h>
#include <string.h>

void bk_text_put(struct bk_text *text, const char *data, size_t length)
{
    if (text->length < text->capacity) {
        size_t room = text->capacity - text->length;
        memcpy(text->buffer + text->length, data, length < room ? length : room);
    }
    text->length += length;
}

void bk_text_puts(struct bk_text *text, const char *string)
{
    bk_text_put(text, string, strlen(string));
}

void bk_text_pad(struct bk_text *text, char filler, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bk_text_put(text, &filler, 1);
}

static void put_digits(struct bk_text *text, uint64_t value, unsigned int at_least)
{
    char digits[20];
    size_t first = sizeof digits;
    while (value != 0 || sizeof digits - first < at_least) {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    }
    bk_text_put(text, digits + first, sizeof digits - first);
}

void bk_text_u64(struct bk_text *text, uint64_t value)
{
    put_digits(text, value, 1);
}

void bk_text_decimal(struct bk_text *text, uint64_t value, unsigned int decimals)
{
    uint64_t unit = 1;
    for (unsigned int i = 0; i < decimals; i++)
        unit *= 10;
    bk_text_u64(text, value / unit);
    if (decimals == 0)
        return;
    bk_text_puts(text, ".");
    put_digits(text, value % unit, decimals);
}

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Neither overlong forms nor surrogates; the ranges are those of RFC 3629, section 4. */
size_t bk_utf8_length(const char *string)
{
    const unsigned char *byte = (const unsigned char *)string;
    if (byte[0] < 0x80)
        return 1;
    if (byte[0] >= 0xc2 && byte[0] <= 0xdf)
        return is_continuation(byte[1]) ? 2 : 0;
    if (byte[0] >= 0xe0 && byte[0] <= 0xef) {
        unsigned char low = byte[0] == 0xe0 ? 0xa0 : 0x80;
        unsigned char high = byte[0] == 0xed ? 0x9f : 0xbf;
        bool is_valid = byte[1] >= low && byte[1] <= high && is_continuation(byte[2]);
        return is_valid ? 3 : 0;
    }
    if (byte[0] >= 0xf0 && byte[0] <= 0xf4) {
        unsigned char low = byte[0] == 0xf0 ? 0x90 : 0x80;
        unsigned char high = byte[0] == 0xf4 ? 0x8f : 0xbf;
        bool is_valid = byte[1] >= low && byte[1] <= high && is_continuation(byte[2]) &&
                        is_continuation(byte[3]);
        return is_valid ? 4 : 0;
    }
    return 0;
}
