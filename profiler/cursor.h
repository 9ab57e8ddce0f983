/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_CURSOR_H
#define PROFILER_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Reads what may end anywhere. After the first read beyond the end every read gives 0
 * and `is_short` stays true, so that one check at the end of a record is enough.
 */
struct bk_cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool is_short;
};

static inline struct bk_cursor bk_cursor_of(const uint8_t *data, size_t length)
{
    return (struct bk_cursor){.at = data, .end = data + length};
}

static inline size_t bk_cursor_left(const struct bk_cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

static inline bool bk_cursor_is_done(const struct bk_cursor *cursor)
{
    return cursor->is_short || cursor->at == cursor->end;
}

/* `length` bytes as a cursor of their own; an empty one if they are not there. */
static inline struct bk_cursor bk_cursor_take(struct bk_cursor *cursor, uint64_t length)
{
    if (length > bk_cursor_left(cursor)) {
        cursor->is_short = true;
        cursor->at = cursor->end;
        length = 0;
    }
    struct bk_cursor part = {.at = cursor->at, .end = cursor->at + length};
    cursor->at += length;
    return part;
}

/* A number of 1 to 8 bytes, little-endian. */
static inline uint64_t bk_cursor_unsigned(struct bk_cursor *cursor, size_t bytes)
{
    struct bk_cursor part = bk_cursor_take(cursor, bytes);
    uint64_t value = 0;
    for (size_t i = 0; part.at + i < part.end; i++)
        value |= (uint64_t)part.at[i] << (8 * i);
    return value;
}

static inline int64_t bk_cursor_signed(struct bk_cursor *cursor, size_t bytes)
{
    uint64_t value = bk_cursor_unsigned(cursor, bytes);
    unsigned int unused = (unsigned int)(64 - 8 * bytes);
    return (int64_t)(value << unused) >> unused;
}

static inline uint8_t bk_cursor_u8(struct bk_cursor *cursor)
{
    return (uint8_t)bk_cursor_unsigned(cursor, 1);
}

/* Bits above the 64th are dropped. */
static inline uint64_t bk_cursor_uleb(struct bk_cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned int shift = 0;; shift += 7) {
        uint8_t byte = bk_cursor_u8(cursor);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return value;
    }
}

static inline int64_t bk_cursor_sleb(struct bk_cursor *cursor)
{
    uint64_t value = 0;
    unsigned int shift = 0;
    uint8_t byte;
    do {
        byte = bk_cursor_u8(cursor);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) != 0);
    if ((byte & 0x40) != 0 && shift < 64)
        value |= UINT64_MAX << shift;
    return (int64_t)value;
}

/* The text up to the next zero byte; "" and a short cursor if there is none. */
static inline const char *bk_cursor_string(struct bk_cursor *cursor)
{
    const uint8_t *start = cursor->at;
    const uint8_t *zero = bk_cursor_left(cursor) == 0 ? NULL
                                                      : memchr(start, 0, bk_cursor_left(cursor));
    if (zero == NULL) {
        cursor->is_short = true;
        cursor->at = cursor->end;
        return "";
    }
    cursor->at = zero + 1;
    return (const char *)start;
}

#endif
