/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator of brisk sim, request by request, against the bare lookup of bench_cache: what
 * it takes to know which policy and size to use, in units of what a service does anyway.
 */
#include "bench/cases.h"
#include "bench/sim_cases.h"

#define REPLAY(which, most)                                                                        \
    (&(const struct plan){.subject = &subject_sim_##which, .load = FIELD_MIX, .goal = (most)})
#define READ(compressed, field)                                                                    \
    (&(const struct read_plan){.is_compressed = (compressed), .key_field = (field)})

/* Zipf 0.99 over a million keys, capacity 100,000 objects. */
static const struct bench_case cases[] = {
    {"lru", "requests replayed on LRU, room for 10 % of the keys", case_speed, REPLAY(lru, 2.0)},
    {"s3fifo", "the same on S3-FIFO", case_speed, REPLAY(s3fifo, 2.7)},
    {"default", "on the default policy", case_speed, REPLAY(default, 0)},
    {"sieve", "on SIEVE", case_speed, REPLAY(sieve, 0)},
    {"fifo", "on FIFO", case_speed, REPLAY(fifo, 0)},
    {"lfu", "on LFU", case_speed, REPLAY(lfu, 0)},

    {"read-text", "lines of `key size`: read, parsed and hashed", case_read, READ(false, 0)},
    {"read-zstd", "the same, compressed", case_read, READ(true, 0)},
    {"read-log", "the key is the 7th field of ten", case_read, READ(false, 7)},
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, "sim", cases, sizeof cases / sizeof *cases);
}
