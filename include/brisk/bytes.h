/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_BYTES_H
#define BRISK_BYTES_H

#include <stdbool.h>

#include <brisk/view.h>

BRISK_BEGIN

/*
 * Reading bytes, whoever owns them; of a view take brisk_view_bytes first.
 *
 * Thread safety: any thread. Signal safety: all of it.
 */

/*
 * Bytes [offset, offset + length) of `bytes`, borrowed as they are: no count is
 * touched. BRISK_ERR_INVALID and no bytes in *out if the range is not inside.
 */
static inline enum brisk_status
brisk_bytes_slice(struct brisk_bytes *out, struct brisk_bytes bytes, size_t offset, size_t length)
{
    bool is_inside = offset <= bytes.length && length <= bytes.length - offset;
    *out = brisk_bytes_of(NULL, 0);
    if (is_inside && length > 0)
        *out = brisk_bytes_of((const uint8_t *)bytes.data + offset, length);
    return is_inside ? BRISK_OK : BRISK_ERR_INVALID;
}

/* Below, at or above 0, as memcmp; of two that begin alike the shorter comes first. */
BRISK_API int brisk_bytes_compare(struct brisk_bytes left, struct brisk_bytes right);

/*
 * Where `needle` first begins in `bytes`; no bytes are found at 0. BRISK_MISS if
 * it is not there; *offset is then bytes.length.
 */
BRISK_API enum brisk_status
brisk_bytes_find(struct brisk_bytes bytes, struct brisk_bytes needle, size_t *offset)
    BRISK_MUST_CHECK BRISK_NONNULL(3);

/*
 * For people: 16 bytes a line, as `hexdump -C` prints them. Returns the length of the whole
 * text, without its final '\0'. Writes at most `capacity` bytes, the last of them '\0';
 * `out` may be NULL if `capacity` is 0.
 */
BRISK_API size_t brisk_bytes_hexdump(struct brisk_bytes bytes, char *out, size_t capacity);

/* For the functions below. `width` is 1 to 8. */
static inline enum brisk_status brisk_bytes_get_integer(
    struct brisk_bytes bytes, size_t offset, size_t width, bool is_big_endian, uint64_t *out)
{
    *out = 0;
    if (offset > bytes.length || width > bytes.length - offset)
        return BRISK_ERR_INVALID;
    const uint8_t *data = (const uint8_t *)bytes.data + offset;
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++)
        value |= (uint64_t)data[i] << 8 * (is_big_endian ? width - 1 - i : i);
    *out = value;
    return BRISK_OK;
}

static inline enum brisk_status brisk_bytes_put_integer(
    uint8_t *data, size_t length, size_t offset, size_t width, bool is_big_endian, uint64_t value)
{
    if (offset > length || width > length - offset)
        return BRISK_ERR_INVALID;
    for (size_t i = 0; i < width; i++)
        data[offset + i] = (uint8_t)(value >> 8 * (is_big_endian ? width - 1 - i : i));
    return BRISK_OK;
}

/*
 * Integers of 16, 32 and 64 bits at any offset, aligned or not: le has the
 * lowest byte first, be the highest (network order). BRISK_ERR_INVALID if not all of
 * the integer is inside; a get then gives 0, a put writes nothing.
 */
static inline enum brisk_status
brisk_bytes_get_u16le(struct brisk_bytes bytes, size_t offset, uint16_t *out)
{
    uint64_t value;
    enum brisk_status status = brisk_bytes_get_integer(bytes, offset, 2, false, &value);
    *out = (uint16_t)value;
    return status;
}

static inline enum brisk_status
brisk_bytes_get_u16be(struct brisk_bytes bytes, size_t offset, uint16_t *out)
{
    uint64_t value;
    enum brisk_status status = brisk_bytes_get_integer(bytes, offset, 2, true, &value);
    *out = (uint16_t)value;
    return status;
}

static inline enum brisk_status
brisk_bytes_get_u32le(struct brisk_bytes bytes, size_t offset, uint32_t *out)
{
    uint64_t value;
    enum brisk_status status = brisk_bytes_get_integer(bytes, offset, 4, false, &value);
    *out = (uint32_t)value;
    return status;
}

static inline enum brisk_status
brisk_bytes_get_u32be(struct brisk_bytes bytes, size_t offset, uint32_t *out)
{
    uint64_t value;
    enum brisk_status status = brisk_bytes_get_integer(bytes, offset, 4, true, &value);
    *out = (uint32_t)value;
    return status;
}

static inline enum brisk_status
brisk_bytes_get_u64le(struct brisk_bytes bytes, size_t offset, uint64_t *out)
{
    return brisk_bytes_get_integer(bytes, offset, 8, false, out);
}

static inline enum brisk_status
brisk_bytes_get_u64be(struct brisk_bytes bytes, size_t offset, uint64_t *out)
{
    return brisk_bytes_get_integer(bytes, offset, 8, true, out);
}

static inline enum brisk_status
brisk_bytes_put_u16le(uint8_t *data, size_t length, size_t offset, uint16_t value)
{
    return brisk_bytes_put_integer(data, length, offset, 2, false, value);
}

static inline enum brisk_status
brisk_bytes_put_u16be(uint8_t *data, size_t length, size_t offset, uint16_t value)
{
    return brisk_bytes_put_integer(data, length, offset, 2, true, value);
}

static inline enum brisk_status
brisk_bytes_put_u32le(uint8_t *data, size_t length, size_t offset, uint32_t value)
{
    return brisk_bytes_put_integer(data, length, offset, 4, false, value);
}

static inline enum brisk_status
brisk_bytes_put_u32be(uint8_t *data, size_t length, size_t offset, uint32_t value)
{
    return brisk_bytes_put_integer(data, length, offset, 4, true, value);
}

static inline enum brisk_status
brisk_bytes_put_u64le(uint8_t *data, size_t length, size_t offset, uint64_t value)
{
    return brisk_bytes_put_integer(data, length, offset, 8, false, value);
}

static inline enum brisk_status
brisk_bytes_put_u64be(uint8_t *data, size_t length, size_t offset, uint64_t value)
{
    return brisk_bytes_put_integer(data, length, offset, 8, true, value);
}

BRISK_END

#endif
