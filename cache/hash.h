/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_HASH_H
#define BK_CACHE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/*
 * A hash with a secret of the cache's own: collisions cannot be prepared by
 * feeding keys blindly. It is not a cryptographic hash: who can measure single
 * lookups may learn something about the secret.
 *
 * XXH3 for byte strings. Keys of eight bytes, mostly numbers, have two folded
 * multiplications of their own (as in wyhash): half the instructions, where
 * instructions are what limits a lookup. One would not do: consecutive numbers
 * then fill some shards and buckets more than others.
 */
struct bk_hash_key {
    uint64_t number_secret[2]; /* the second is odd */
    uint8_t secret[XXH_SECRET_DEFAULT_SIZE];
};

/* Fills the secret from `seed`, or from the kernel's random numbers if it is 0. */
void bk_hash_key_init(struct bk_hash_key *key, uint64_t seed);

static inline uint64_t bk_fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 product_type;
    product_type product = (product_type)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t bk_hash_number(const struct bk_hash_key *key, const void *data)
{
    uint64_t number;
    memcpy(&number, data, sizeof number);
    uint64_t half = bk_fold(number ^ key->number_secret[0], key->number_secret[1]);
    return bk_fold(half, key->number_secret[1]);
}

static inline uint64_t bk_hash(const struct bk_hash_key *key, const void *data, size_t length)
{
    if (length == 8)
        return bk_hash_number(key, data);
    return XXH3_64bits_withSecret(data, length, key->secret, sizeof key->secret);
}

/* The same where code size counts for more than a call. */
uint64_t bk_hash_text(const struct bk_hash_key *key, const void *data, size_t length);

static inline uint64_t bk_hash_small(const struct bk_hash_key *key, const void *data, size_t length)
{
    return length == 8 ? bk_hash_number(key, data) : bk_hash_text(key, data, length);
}

/*
 * One hash serves four purposes with bits of their own, so that none of them
 * tells anything about another:
 * 63..56 shard, 46..40 fingerprint of a ghost, 39..32 tag, 31..0 bucket (of the
 * index, or of the ghosts).
 */
static inline size_t bk_hash_shard(uint64_t hash, size_t shard_mask)
{
    return hash >> 56 & shard_mask;
}

static inline uint8_t bk_hash_tag(uint64_t hash)
{
    return (uint8_t)(hash >> 32);
}

/* Never 0. */
static inline unsigned int bk_hash_fingerprint(uint64_t hash)
{
    unsigned int fingerprint = (unsigned int)(hash >> 40) & 0x7f;
    return fingerprint + (fingerprint == 0);
}

/* A bucket of `count`, by multiplication instead of a remainder. */
static inline size_t bk_hash_bucket(uint64_t hash, uint64_t count)
{
    return (hash & UINT32_MAX) * count >> 32;
}

#endif
