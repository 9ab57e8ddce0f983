/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/hash.h"

#include <sys/random.h>
#include <time.h>

static uint64_t random_seed(const void *salt)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed && seed != 0)
        return seed;

    /* So early in the boot that there is no entropy: better than a constant. */
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return ((uint64_t)now.tv_nsec << 32) ^ (uint64_t)now.tv_sec ^ (uint64_t)(uintptr_t)salt;
}

void bk_hash_key_init(struct bk_hash_key *key, uint64_t seed)
{
    ssize_t size = (ssize_t)sizeof *key;
    if (seed != 0 || getrandom(key, sizeof *key, GRND_NONBLOCK) != size) {
        uint64_t start = seed != 0 ? seed : random_seed(key);
        XXH3_generateSecret_fromSeed(key->secret, start);
        key->number_secret[0] = XXH64(key->secret, sizeof key->secret, start);
        key->number_secret[1] = XXH64(key->secret, sizeof key->secret, ~start);
    }
    key->number_secret[1] |= 1;
}

uint64_t bk_hash_text(const struct bk_hash_key *key, const void *data, size_t length)
{
    return XXH3_64bits_withSecret(data, length, key->secret, sizeof key->secret);
}
