/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy_quantity.h"

#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* Largest first; a number without a unit is the last one. */
static const struct unit times[] = {
    {"m", 60000000000}, {"s", 1000000000}, {"ms", 1000000}, {"us", 1000}, {"ns", 1},
};
static const struct unit sizes[] = {
    {"G", 1 << 30},
    {"M", 1 << 20},
    {"K", 1 << 10},
    {"", 1},
};

enum {
    TIMES = sizeof times / sizeof times[0],
    SIZES = sizeof sizes / sizeof sizes[0]
};

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static bool append_digit(uint64_t *number, char digit)
{
    return !__builtin_mul_overflow(*number, 10, number) &&
           !__builtin_add_overflow(*number, (uint64_t)(digit - '0'), number);
}

/* The digits at the start; their count, or 0 if there are none or too many. */
static size_t read_digits(uint64_t *number, const char *word, size_t length)
{
    size_t at = 0;
    *number = 0;
    while (at < length && is_digit(word[at]))
        if (!append_digit(number, word[at++]))
            return 0;
    return at;
}

static uint64_t find_factor(const struct unit *units, size_t count, const char *word, size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(units[i].name) == length && memcmp(units[i].name, word, length) == 0)
            return units[i].factor;
    return 0;
}

/* The digits behind the point, as a part of `factor`; what is smaller than 1 is cut off. */
static uint64_t fraction_of(uint64_t factor, const char *digits, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        /* A tenth of a tenth ... of a factor: all of them are even down to the ns. */
        factor /= 10;
        sum += factor * (uint64_t)(digits[i] - '0');
    }
    return sum;
}

bool bk_duration_read(uint64_t *ns, const char *word, size_t length)
{
    uint64_t whole;
    size_t at = read_digits(&whole, word, length);
    if (at == 0)
        return false;
    const char *fraction = word + at;
    size_t digits = 0;
    if (at < length && *fraction == '.') {
        for (fraction++, at++; at < length && is_digit(word[at]); at++)
            digits++;
        if (digits == 0)
            return false;
    }

    if (at == length && whole == 0 && digits == 0) {
        *ns = 0;
        return true;
    }
    uint64_t factor = find_factor(times, TIMES, word + at, length - at);
    return factor != 0 && !__builtin_mul_overflow(whole, factor, ns) &&
           !__builtin_add_overflow(*ns, fraction_of(factor, fraction, digits), ns);
}

bool bk_size_read(uint64_t *bytes, const char *word, size_t length)
{
    size_t at = read_digits(bytes, word, length);
    uint64_t factor = at == 0 ? 0 : find_factor(sizes, SIZES, word + at, length - at);
    return factor != 0 && !__builtin_mul_overflow(*bytes, factor, bytes);
}

bool bk_number_read(uint64_t *number, const char *word, size_t length)
{
    return length > 0 && read_digits(number, word, length) == length;
}

static void print(struct bk_text *text, uint64_t amount, const struct unit *units, size_t count)
{
    size_t i = 0;
    while (i + 1 < count && (amount == 0 || amount % units[i].factor != 0))
        i++;
    bk_text_u64(text, amount / units[i].factor);
    bk_text_puts(text, units[i].name);
}

void bk_duration_print(struct bk_text *text, uint64_t ns)
{
    print(text, ns, times, TIMES);
}

void bk_size_print(struct bk_text *text, uint64_t bytes)
{
    print(text, bytes, sizes, SIZES);
}
