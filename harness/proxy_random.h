/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_PROXY_RANDOM_H
#define BK_PROXY_RANDOM_H

#include <stdint.h>

/*
 * Random numbers that have no state: each is a function of the seed, the connection, the
 * direction, what it is for, and the place in the stream of bytes. So the same bytes fare the same
 * in each run, however the kernel cuts them into reads and whatever happens elsewhere.
 */
enum bk_random_use {
    BK_RANDOM_JITTER,
    BK_RANDOM_SLICE,
    BK_RANDOM_CORRUPT_PLACE,
    BK_RANDOM_CORRUPT_VALUE
};

/* The step of SplitMix64 (Steele, Lea, Flood, 2014): every bit depends on every bit. */
static inline uint64_t bk_random_mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

/* 0 to bound - 1; that the lowest are likelier by bound / 2^64 does not matter here. */
static inline uint64_t
bk_random_below(uint64_t seed, enum bk_random_use use, uint64_t place, uint64_t bound)
{
    uint64_t of_use = bk_random_mix(seed + (uint64_t)use);
    return bk_random_mix(of_use ^ bk_random_mix(place)) % bound;
}

#endif
