/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_TEXT_H
#define BK_TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Text that grows at its end, in memory of the caller's. What does not fit is
 * counted, not kept, so that a first pass without a buffer finds the length.
 * Nothing here depends on the locale.
 */
struct bk_text {
    char *buffer;
    size_t capacity;
    size_t length; /* of the whole text, also where it did not fit */
};

void bk_text_put(struct bk_text *text, const char *data, size_t length);
void bk_text_puts(struct bk_text *text, const char *string);
void bk_text_pad(struct bk_text *text, char filler, size_t count);
void bk_text_u64(struct bk_text *text, uint64_t value);
/* `value` / 10^decimals with all its decimals, at most 9 of them: 1500 and 3 give "1.500". */
void bk_text_decimal(struct bk_text *text, uint64_t value, unsigned int decimals);

/*
 * The first character of a string that is not empty: how many bytes it has, or 0
 * if they are no valid UTF-8.
 */
size_t bk_utf8_length(const char *string);

/* What stands for a byte that is no valid UTF-8: U+FFFD. */
#define BK_UTF8_REPLACEMENT "\xef\xbf\xbd"

#endif
