/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_WORD_H
#define BK_CACHE_WORD_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Words that readers without a lock may see change under them.
 *
 * A sequence lock needs its data ordered against its version on both sides.
 * Loads that acquire and stores that release do that without fences, which
 * ThreadSanitizer cannot follow; on x86-64 both are plain moves.
 */
typedef _Atomic uint32_t bk_word32;
typedef _Atomic uint64_t bk_word64;

/*
 * Stands before each access to a word that several threads see at once. Nothing,
 * but for the test that stops a call at every such place to let another one run:
 * tests/cache/schedule.h.
 */
#ifndef BK_WORD_STEP
#define BK_WORD_STEP(word, is_store) ((void)0)
#endif

static inline uint32_t bk_load32(const bk_word32 *word)
{
    BK_WORD_STEP(word, 0);
    return atomic_load_explicit(word, memory_order_acquire);
}

static inline void bk_store32(bk_word32 *word, uint32_t value)
{
    BK_WORD_STEP(word, 1);
    atomic_store_explicit(word, value, memory_order_release);
}

static inline uint64_t bk_load64(const bk_word64 *word)
{
    BK_WORD_STEP(word, 0);
    return atomic_load_explicit(word, memory_order_acquire);
}

static inline void bk_store64(bk_word64 *word, uint64_t value)
{
    BK_WORD_STEP(word, 1);
    atomic_store_explicit(word, value, memory_order_release);
}

/* Adds to a counter that only this thread writes, or that a lock guards. */
static inline void bk_count(bk_word64 *counter, uint64_t amount)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + amount, memory_order_relaxed);
}

/* The bytes of words that nobody changes any more. */
static inline const uint8_t *bk_words_bytes(const bk_word64 *words)
{
    return (const uint8_t *)(uintptr_t)words;
}

static inline size_t bk_words_of(size_t length_bytes)
{
    return (length_bytes + 7) / 8;
}

/* The last 1 to 7 bytes of a byte string, in the low bytes of a word, zero above. */
static inline uint64_t bk_tail_word(const uint8_t *tail, size_t length)
{
    if (length >= 4) {
        uint32_t low, high;
        memcpy(&low, tail, 4);
        memcpy(&high, tail + length - 4, 4);
        return low | (uint64_t)high << (8 * (length - 4));
    }
    uint64_t first = tail[0];
    uint64_t middle = tail[length / 2];
    uint64_t last = tail[length - 1];
    return first | middle << (8 * (length / 2)) | last << (8 * (length - 1));
}

static inline void bk_word_set(bk_word64 *word, const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, 8);
    bk_store64(word, value);
}

/* Copies to words, with zeros after the last byte. */
static inline __attribute__((always_inline)) void
bk_words_write(bk_word64 *words, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    size_t whole = length / 8;
    size_t i = 0;
    for (; i + 4 <= whole; i += 4) {
        bk_word_set(words + i, bytes + 8 * i);
        bk_word_set(words + i + 1, bytes + 8 * i + 8);
        bk_word_set(words + i + 2, bytes + 8 * i + 16);
        bk_word_set(words + i + 3, bytes + 8 * i + 24);
    }
    for (; i < whole; i++)
        bk_word_set(words + i, bytes + 8 * i);
    if (length % 8 != 0)
        bk_store64(words + whole, bk_tail_word(bytes + 8 * whole, length % 8));
}

static inline void bk_word_copy(uint8_t *out, const bk_word64 *word)
{
    uint64_t value = bk_load64(word);
    memcpy(out, &value, sizeof value);
}

/* A line at a time: what counts is the number of instructions, see match.h. */
static inline __attribute__((always_inline)) void
bk_words_read(void *out, const bk_word64 *words, size_t length)
{
    uint8_t *bytes = out;
    size_t done = 0;
    for (; done + 64 <= length; done += 64) {
        bk_word_copy(bytes + done, words + done / 8);
        bk_word_copy(bytes + done + 8, words + done / 8 + 1);
        bk_word_copy(bytes + done + 16, words + done / 8 + 2);
        bk_word_copy(bytes + done + 24, words + done / 8 + 3);
        bk_word_copy(bytes + done + 32, words + done / 8 + 4);
        bk_word_copy(bytes + done + 40, words + done / 8 + 5);
        bk_word_copy(bytes + done + 48, words + done / 8 + 6);
        bk_word_copy(bytes + done + 56, words + done / 8 + 7);
    }
    if (__builtin_expect(done == length, 1))
        return;
    for (; done + 8 <= length; done += 8)
        bk_word_copy(bytes + done, words + done / 8);
    if (done == length)
        return;
    for (uint64_t tail = bk_load64(words + done / 8); done < length; done++, tail >>= 8)
        bytes[done] = (uint8_t)tail;
}

static inline _Bool bk_words_equal(const bk_word64 *words, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    for (; length >= 8; length -= 8, bytes += 8) {
        uint64_t value;
        memcpy(&value, bytes, 8);
        if (bk_load64(words++) != value)
            return 0;
    }
    return length == 0 || bk_load64(words) == bk_tail_word(bytes, length);
}

#endif
