/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/bytes.h>

#include <string.h>

#include "base/text.h"

int brisk_bytes_compare(struct brisk_bytes left, struct brisk_bytes right)
{
    size_t common = left.length < right.length ? left.length : right.length;
    int order = common == 0 ? 0 : memcmp(left.data, right.data, common);
    if (order != 0)
        return order;
    return (left.length > right.length) - (left.length < right.length);
}

enum brisk_status
brisk_bytes_find(struct brisk_bytes bytes, struct brisk_bytes needle, size_t *offset)
{
    if (offset == NULL)
        return BRISK_ERR_INVALID;
    *offset = 0;
    if (needle.length == 0)
        return BRISK_OK;

    *offset = bytes.length;
    if (bytes.length < needle.length)
        return BRISK_MISS;
    const uint8_t *found = memmem(bytes.data, bytes.length, needle.data, needle.length);
    if (found == NULL)
        return BRISK_MISS;
    *offset = (size_t)(found - (const uint8_t *)bytes.data);
    return BRISK_OK;
}

enum {
    BYTES_PER_LINE = 16
};

static void put_hex(struct bk_text *text, uint64_t value, unsigned int digits)
{
    static const char hex[] = "0123456789abcdef";
    for (unsigned int left = digits; left > 0; left--)
        bk_text_put(text, &hex[value >> 4 * (left - 1) & 15], 1);
}

/* `00000010  68 65 6c 6c 6f  |hello|` with the columns of a whole line. */
static void put_line(struct bk_text *text, const uint8_t *data, size_t offset, size_t count)
{
    put_hex(text, offset, offset > UINT32_MAX ? 16 : 8);
    for (size_t i = 0; i < BYTES_PER_LINE; i++) {
        bk_text_pad(text, ' ', i % 8 == 0 ? 2 : 1);
        if (i < count)
            put_hex(text, data[offset + i], 2);
        else
            bk_text_pad(text, ' ', 2);
    }
    bk_text_puts(text, "  |");
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = data[offset + i];
        char shown = byte >= 0x20 && byte < 0x7f ? (char)byte : '.';
        bk_text_put(text, &shown, 1);
    }
    bk_text_puts(text, "|\n");
}

size_t brisk_bytes_hexdump(struct brisk_bytes bytes, char *out, size_t capacity)
{
    struct bk_text text = {.buffer = out, .capacity = capacity > 0 ? capacity - 1 : 0};
    for (size_t offset = 0; offset < bytes.length; offset += BYTES_PER_LINE) {
        size_t left = bytes.length - offset;
        put_line(&text, bytes.data, offset, left < BYTES_PER_LINE ? left : BYTES_PER_LINE);
    }
    if (capacity > 0)
        out[text.length < capacity - 1 ? text.length : capacity - 1] = '\0';
    return text.length;
}
