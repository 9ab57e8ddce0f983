/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/curve_cases.h"

#define PLAN(...) (&(const struct plan){.subject = &subject_brisk, .goal = 1.01, __VA_ARGS__})
#define ERROR(...) (&(const struct error_plan){__VA_ARGS__})
#define NUMBER(...) (&(const double){__VA_ARGS__})

static const struct bench_case cases[] = {
    {"error-lru", "mean error at 1 % to 100 % of the keys, 8,192 sampled (BRISK_TRACES)",
     case_error, ERROR("lru", 1, 0.5)},
    {"error-s3fifo", "the same by shadow caches, at 5 % to 100 %", case_error,
     ERROR("s3fifo", 5, 2)},
    {"error-lfu", "the same", case_error, ERROR("lfu", 5, 2)},
    {"error-default", "the same", case_error, ERROR("default", 5, 0)},
    {"memory", "of a curve that follows 8,192 keys", case_curve_memory, NUMBER(400000)},
    {"add-8192", "a lookup of a curve that follows 8,192 of 200,000 keys", case_curve_add,
     NUMBER(1)},
    {"add-512th", "a lookup of a curve that follows a key of 512", case_curve_add,
     NUMBER(1.0 / 512)},
    {"live-hit-u64-1t", "all hits in a cache with a curve, 200,000 entries", case_curve_live,
     PLAN(.key_count = 200000)},
    {"live-hit-1e4", "the same, ten thousand entries", case_curve_live, PLAN(.key_count = 10000)},
    {"live-hit-string-1t", "the same, keys of 16 to 31 bytes", case_curve_live,
     PLAN(.keys = WORKLOAD_TEXTS, .key_count = 200000)},
    {"live-hit-ttl-1t", "the same, where every entry has a deadline", case_curve_live,
     PLAN(.ttl_ms = 3600 * 1000, .key_count = 200000)},
    {"live-get-many-16", "the same, 16 keys per call", case_curve_live,
     PLAN(.loop = brisk_read_many, .key_count = 200000)},
    {"live-mix-u64-1t", "room for 10 % of the keys, set on a miss", case_curve_live,
     PLAN(.load = FIELD_MIX, .key_count = 200000)},
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, "curve", cases, sizeof cases / sizeof *cases);
}
