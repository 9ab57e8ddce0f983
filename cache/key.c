/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/key.h>

#include <brisk/cache.h>

#include "base/memory.h"

static void fail(struct brisk_key *key, enum brisk_status status)
{
    brisk_key_release(key);
    key->status = status;
}

/* To what is needed, and half as much again. */
static bool grow(struct brisk_key *key, size_t needed)
{
    size_t capacity = needed + needed / 2;
    unsigned char *heap = bk_realloc(key->heap, capacity);
    if (heap == NULL)
        return false;
    if (key->heap == NULL)
        memcpy(heap, key->bytes, key->length);
    key->heap = heap;
    key->capacity = (uint32_t)capacity; /* a key is short */
    return true;
}

void brisk_key_append(struct brisk_key *key, const void *part, size_t length)
{
    size_t capacity = key->heap != NULL ? key->capacity : sizeof key->bytes;
    if (key->status != BRISK_OK || length == 0)
        return;
    if (length > BRISK_CACHE_KEY_MAX - key->length) {
        fail(key, BRISK_ERR_TOO_BIG);
        return;
    }
    if (length > capacity - key->length && !grow(key, key->length + length)) {
        fail(key, BRISK_ERR_NOMEM);
        return;
    }
    memcpy((key->heap != NULL ? key->heap : key->bytes) + key->length, part, length);
    key->length += (uint32_t)length;
}

void brisk_key_release(struct brisk_key *key)
{
    bk_free(key->heap);
    brisk_key_start(key);
}

/* What is cut of the length is that of something too long for any key. */
static void add_sized(struct brisk_key *key, enum brisk_key_kind kind, struct brisk_bytes bytes)
{
    brisk_key_add_word(key, brisk_key_word(kind, bytes.length));
    brisk_key_append(key, bytes.data, bytes.length);
}

void brisk_key_add_bytes(struct brisk_key *key, struct brisk_bytes bytes)
{
    add_sized(key, BRISK_KEY_BYTES, bytes);
}

void brisk_key_add_text(struct brisk_key *key, const char *text)
{
    if (text == NULL)
        brisk_key_add_word(key, brisk_key_word(BRISK_KEY_NO_TEXT, 0));
    else
        add_sized(key, BRISK_KEY_TEXT, brisk_bytes_text(text));
}

void brisk_key_add_number(struct brisk_key *key, double value)
{
    /* In these ranges the conversions are defined; NaN is in neither. */
    bool is_unsigned = value >= 0 && value < 0x1p64;
    bool is_negative = value < 0 && value >= -0x1p63;
    if (is_unsigned && (double)(uint64_t)value == value)
        brisk_key_add_u64(key, (uint64_t)value);
    else if (is_negative && (double)(int64_t)value == value)
        brisk_key_add_i64(key, (int64_t)value);
    else
        brisk_key_add_f64(key, value);
}
