/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/memcached/key.h"

#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/error.h"

enum {
    HASH_LENGTH = 33, /* '~' and 128 bits in hexadecimal */
    READABLE = 64     /* bytes of the key that stand before it, for who looks at the server */
};

static bool is_sendable_byte(unsigned char byte)
{
    return byte > ' ' && byte != 0x7f;
}

bool bk_mc_is_sendable(struct brisk_bytes text)
{
    const unsigned char *bytes = text.data;
    for (size_t i = 0; i < text.length; i++)
        if (!is_sendable_byte(bytes[i]))
            return false;
    return true;
}

static void put(struct bk_mc_key *out, const void *data, size_t length)
{
    if (length > 0)
        memcpy(out->text + out->length, data, length);
    out->length += length;
}

static void put_hashed(struct bk_mc_key *out, struct brisk_bytes key)
{
    size_t room = sizeof out->text - out->length - HASH_LENGTH;
    const unsigned char *bytes = key.data;
    for (size_t i = 0; i < key.length && i < READABLE && i < room; i++)
        out->text[out->length++] = is_sendable_byte(bytes[i]) ? (char)bytes[i] : '_';
    XXH128_hash_t hash = XXH3_128bits(key.data, key.length);
    char text[HASH_LENGTH + 1];
    snprintf(
        text, sizeof text, "~%016llx%016llx", (unsigned long long)hash.high64,
        (unsigned long long)hash.low64);
    put(out, text, HASH_LENGTH);
    out->is_hashed = true;
}

enum brisk_status bk_mc_key_make(
    struct bk_mc_key *out, struct brisk_bytes prefix, struct brisk_bytes key, bool may_hash,
    struct brisk_error *error)
{
    out->length = 0;
    out->is_hashed = false;
    if (key.length == 0 || key.data == NULL)
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "the key is empty");
    put(out, prefix.data, prefix.length);
    bool is_long = key.length > sizeof out->text - prefix.length;
    if (!is_long && bk_mc_is_sendable(key)) {
        put(out, key.data, key.length);
        return BRISK_OK;
    }
    if (may_hash && key.length <= UINT32_MAX) {
        put_hashed(out, key);
        return BRISK_OK;
    }
    if (is_long)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            "prefix and key have %zu bytes, more than %d; hash_keys allows such keys",
            prefix.length + key.length, BRISK_MEMCACHED_KEY_MAX);
    return bk_error_set(
        error, BRISK_ERR_INVALID, 0,
        "the key has a blank or control character; hash_keys allows such keys");
}
