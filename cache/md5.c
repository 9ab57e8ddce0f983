/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/md5.h"

#include <string.h>

enum {
    BLOCK = 64,
    LENGTH_AT = 56 /* the last 8 bytes of the last block */
};

/* floor(2^32 * |sin(i + 1)|), as the RFC has it. */
static const uint32_t sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

/* By how much each step rotates: four rounds of 16 steps, each a cycle of four. */
static const uint8_t rotations[4][4] = {
    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static uint32_t rotate_left(uint32_t word, unsigned int bits)
{
    return word << bits | word >> (32 - bits);
}

static uint32_t read_word(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static void write_word(uint8_t *bytes, uint32_t word)
{
    for (unsigned int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(word >> (8 * i));
}

/* The round's function of three words, and which word of the block the step reads. */
static uint32_t mix(unsigned int step, const uint32_t s[4], unsigned int *word)
{
    switch (step / 16) {
    case 0:
        *word = step;
        return (s[1] & s[2]) | (~s[1] & s[3]);
    case 1:
        *word = (5 * step + 1) % 16;
        return (s[1] & s[3]) | (s[2] & ~s[3]);
    case 2:
        *word = (3 * step + 5) % 16;
        return s[1] ^ s[2] ^ s[3];
    default:
        *word = (7 * step) % 16;
        return s[2] ^ (s[1] | ~s[3]);
    }
}

static void add_block(uint32_t state[4], const uint8_t *block)
{
    uint32_t s[4];
    memcpy(s, state, sizeof s);
    for (unsigned int step = 0; step < 64; step++) {
        unsigned int word;
        uint32_t sum = s[0] + mix(step, s, &word) + sines[step];
        sum += read_word(block + 4 * (size_t)word);
        s[0] = s[3];
        s[3] = s[2];
        s[2] = s[1];
        s[1] += rotate_left(sum, rotations[step / 16][step % 4]);
    }
    for (unsigned int i = 0; i < 4; i++)
        state[i] += s[i];
}

void bk_md5(const void *data, size_t length, uint8_t digest[16])
{
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    const uint8_t *bytes = data;
    size_t rest = length;
    for (; rest >= BLOCK; rest -= BLOCK, bytes += BLOCK)
        add_block(state, bytes);

    uint8_t tail[2 * BLOCK] = {0};
    if (rest > 0)
        memcpy(tail, bytes, rest);
    tail[rest] = 0x80;
    size_t end = rest < LENGTH_AT ? BLOCK : 2 * BLOCK;
    uint64_t bits = (uint64_t)length * 8;
    write_word(tail + end - 8, (uint32_t)bits);
    write_word(tail + end - 4, (uint32_t)(bits >> 32));
    for (size_t at = 0; at < end; at += BLOCK)
        add_block(state, tail + at);

    for (unsigned int i = 0; i < 4; i++)
        write_word(digest + 4 * (size_t)i, state[i]);
}
