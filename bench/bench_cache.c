/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cases.h"

#ifdef BENCH_HAS_UTHASH
#define UTHASH (&subject_uthash)
#else
#define UTHASH NULL
#endif

#ifdef BENCH_HAS_GLIB
#define GLIB (&subject_glib)
#else
#define GLIB NULL
#endif

#define BRISK (&subject_brisk)
#define PLAN(...) (&(const struct plan){__VA_ARGS__})

static const struct bench_case cases[] = {
    {"hit-u64-1t", "8-byte keys, all hits, 1 thread", case_speed,
     PLAN(.subject = BRISK, .goal = 1.5)},
    {"hit-u64-2t", "the same with 2 threads: scaling", case_scaling,
     PLAN(.subject = BRISK, .threads = 2, .goal = 0.92)},
    {"mix-u64-1t", "room for 10 % of the keys, set on a miss", case_speed,
     PLAN(.subject = BRISK, .load = FIELD_MIX, .goal = 1.6)},
    {"mix-u64-2t", "the same with 2 threads: scaling", case_scaling,
     PLAN(.subject = BRISK, .load = FIELD_MIX, .threads = 2, .goal = 0.55)},
    {"peer-uthash-hit-1t", "uthash LRU and a mutex", case_speed, PLAN(.subject = UTHASH)},
    {"peer-uthash-hit-2t", "uthash LRU and a mutex: scaling", case_scaling,
     PLAN(.subject = UTHASH, .threads = 2)},
    {"peer-uthash-mix-1t", "uthash LRU and a mutex", case_speed,
     PLAN(.subject = UTHASH, .load = FIELD_MIX)},
    {"peer-glib-hit-1t", "GLib LRU and a mutex", case_speed, PLAN(.subject = GLIB)},
    {"bare-huge-1t", "the bare table on huge pages", case_speed,
     PLAN(.subject = &subject_bare_huge)},
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, "cache", cases, sizeof cases / sizeof *cases);
}
