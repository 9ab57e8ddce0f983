/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_KEY_H
#define BRISK_KEY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <brisk/view.h>

BRISK_BEGIN

/*
 * One key made of several values:
 *
 *     struct brisk_key key;
 *     brisk_key_start(&key);
 *     brisk_key_add(&key, user_id);
 *     brisk_key_add(&key, "en");
 *     status = brisk_cache_get(cache, brisk_key_bytes(&key), &view);
 *     brisk_key_release(&key);
 *
 * Two keys are equal if and only if they were made of equal values of the same
 * kinds in the same order: each value is kept with its kind and, where that
 * varies, its length, so "ab", "c" is not "a", "bc". What is equal:
 * - integers by value, whatever their type: -1, INT64_C(3), 3u;
 * - doubles by value, and -0.0 is 0.0; all NaNs are one. 3.0 is not the integer 3:
 *   brisk_key_add_number makes them equal;
 * - texts and bytes by their bytes; a text is not the same bytes.
 *
 * For use in this process: the encoding may change between releases and machines.
 * Thread safety: a key belongs to one thread at a time.
 */
#define BRISK_KEY_INLINE 224 /* bytes; a longer key takes memory from the heap */

/* Not to be copied. The fields are private. */
struct brisk_key {
    unsigned char *heap; /* NULL: in `bytes` */
    uint32_t length;
    uint32_t capacity; /* of `heap` */
    unsigned char bytes[BRISK_KEY_INLINE];
    enum brisk_status status;
};

/* Makes an empty key of whatever `key` held; it does not release it. */
static inline void brisk_key_start(struct brisk_key *key)
{
    key->heap = NULL;
    key->length = 0;
    key->capacity = 0;
    key->status = BRISK_OK;
}

/* Private: what the inline functions do not do themselves. */
BRISK_API void brisk_key_append(struct brisk_key *key, const void *part, size_t length)
    BRISK_NONNULL(1);

/* Gives back what a long key took, and empties it. Any number of times. */
BRISK_API void brisk_key_release(struct brisk_key *key) BRISK_NONNULL(1);

/* Any bytes; `bytes.data` may be NULL if there are none. */
BRISK_API void brisk_key_add_bytes(struct brisk_key *key, struct brisk_bytes bytes)
    BRISK_NONNULL(1);

/* Without its final '\0'. NULL is a value of its own, different from "". */
BRISK_API void brisk_key_add_text(struct brisk_key *key, const char *text) BRISK_NONNULL(1);

/*
 * Private. Each value is a word, and more behind it where that is not enough. A double
 * is its own word. As all NaNs are one, the words of the others are free for the rest:
 * 16 bits that say what it is, and 48 for a small integer or a length. So a key of one
 * number has 8 bytes, which a cache looks up fastest.
 */
enum brisk_key_kind {
    BRISK_KEY_INTEGER = 0xfff9,
    BRISK_KEY_UNSIGNED = 0xfffa, /* the next word */
    BRISK_KEY_NEGATIVE = 0xfffb, /* likewise */
    BRISK_KEY_TEXT = 0xfffc,
    BRISK_KEY_BYTES = 0xfffd,
    BRISK_KEY_NO_TEXT = 0xfffe
};

/* Private. */
static inline uint64_t brisk_key_word(enum brisk_key_kind kind, uint64_t rest)
{
    return (uint64_t)kind << 48 | (rest & UINT64_C(0xffffffffffff));
}

/* Private. */
static inline void brisk_key_add_word(struct brisk_key *key, uint64_t word)
{
    if (key->heap == NULL && key->length <= BRISK_KEY_INLINE - sizeof word) {
        memcpy(key->bytes + key->length, &word, sizeof word);
        key->length += (uint32_t)sizeof word;
    } else {
        brisk_key_append(key, &word, sizeof word);
    }
}

static inline void brisk_key_add_u64(struct brisk_key *key, uint64_t value)
{
    if (value >> 47 == 0) {
        brisk_key_add_word(key, brisk_key_word(BRISK_KEY_INTEGER, value));
    } else {
        brisk_key_add_word(key, brisk_key_word(BRISK_KEY_UNSIGNED, 0));
        brisk_key_add_word(key, value);
    }
}

static inline void brisk_key_add_i64(struct brisk_key *key, int64_t value)
{
    if (value >= 0) {
        brisk_key_add_u64(key, (uint64_t)value);
    } else if (value >= -(INT64_C(1) << 47)) {
        brisk_key_add_word(key, brisk_key_word(BRISK_KEY_INTEGER, (uint64_t)value));
    } else {
        brisk_key_add_word(key, brisk_key_word(BRISK_KEY_NEGATIVE, 0));
        brisk_key_add_word(key, (uint64_t)value);
    }
}

/* By its bits, so that it also holds where a program is compiled with -ffast-math. */
static inline void brisk_key_add_f64(struct brisk_key *key, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (bits << 1 == 0)
        bits = 0; /* -0.0 */
    if (bits << 1 > UINT64_C(0x7ff) << 53)
        bits = UINT64_C(0x7ff8) << 48; /* one NaN for all */
    brisk_key_add_word(key, bits);
}

/* A double that equals the integer of the same value, if there is one: 3.0 is 3, -0.0 is 0. */
BRISK_API void brisk_key_add_number(struct brisk_key *key, double value) BRISK_NONNULL(1);

/* BRISK_OK, or why there is no key: BRISK_ERR_TOO_BIG (over BRISK_CACHE_KEY_MAX), BRISK_ERR_NOMEM.
 */
static inline enum brisk_status brisk_key_status(const struct brisk_key *key)
{
    return key->status;
}

/*
 * The key, valid until something is added, or the key is released or goes out of
 * scope. Of one that failed: no bytes, which a cache refuses as BRISK_ERR_INVALID.
 */
static inline struct brisk_bytes brisk_key_bytes(const struct brisk_key *key)
{
    if (key->status != BRISK_OK)
        return brisk_bytes_of(NULL, 0);
    return brisk_bytes_of(key->heap != NULL ? key->heap : key->bytes, key->length);
}

BRISK_END

/*
 * brisk_key_add(key, value): the function above for the type of `value`, which is an
 * integer, a float or double, or a text. Others do not compile.
 */
#ifdef __cplusplus
static inline void brisk_key_add(struct brisk_key *key, int value)
{
    brisk_key_add_i64(key, value);
}
static inline void brisk_key_add(struct brisk_key *key, long value)
{
    brisk_key_add_i64(key, value);
}
static inline void brisk_key_add(struct brisk_key *key, long long value)
{
    brisk_key_add_i64(key, value);
}
static inline void brisk_key_add(struct brisk_key *key, unsigned int value)
{
    brisk_key_add_u64(key, value);
}
static inline void brisk_key_add(struct brisk_key *key, unsigned long value)
{
    brisk_key_add_u64(key, value);
}
static inline void brisk_key_add(struct brisk_key *key, unsigned long long value)
{
    brisk_key_add_u64(key, value);
}
static inline void brisk_key_add(struct brisk_key *key, double value)
{
    brisk_key_add_f64(key, value);
}
static inline void brisk_key_add(struct brisk_key *key, const char *value)
{
    brisk_key_add_text(key, value);
}
#else
/* `+ 0` makes an int of what is smaller, and a pointer of an array; it is never computed. */
#define brisk_key_add(key, value)                                                                  \
    _Generic(                                                                                      \
        (value) + 0,                                                                               \
        int: brisk_key_add_i64,                                                                    \
        long: brisk_key_add_i64,                                                                   \
        long long: brisk_key_add_i64,                                                              \
        unsigned int: brisk_key_add_u64,                                                           \
        unsigned long: brisk_key_add_u64,                                                          \
        unsigned long long: brisk_key_add_u64,                                                     \
        float: brisk_key_add_f64,                                                                  \
        double: brisk_key_add_f64,                                                                 \
        char *: brisk_key_add_text,                                                                \
        const char *: brisk_key_add_text)(key, value)
#endif

#endif
