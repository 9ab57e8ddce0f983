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

/* Zipf 0.99 over a million keys, 64-byte values, copied out unless said otherwise. */
static const struct bench_case cases[] = {
    {"hit-u64-1t", "8-byte keys, all hits, 1 thread", case_speed,
     PLAN(.subject = BRISK, .goal = 1.5)},
    {"hit-u64-2t", "the same with 2 threads: scaling", case_scaling,
     PLAN(.subject = BRISK, .threads = 2, .goal = 0.92)},
    {"mix-u64-1t", "room for 10 % of the keys, set on a miss", case_speed,
     PLAN(.subject = BRISK, .load = FIELD_MIX, .goal = 1.6)},
    {"mix-u64-2t", "the same with 2 threads: scaling", case_scaling,
     PLAN(.subject = BRISK, .load = FIELD_MIX, .threads = 2, .goal = 0.55)},
    {"mix-u64-4t", "4 threads on 2 CPUs against 2 threads", case_crowded,
     PLAN(.subject = BRISK, .load = FIELD_MIX, .threads = 2, .goal = 0.9, .sense = BENCH_AT_LEAST)},
    {"hit-string-1t", "keys of 16 to 31 bytes, all hits", case_speed,
     PLAN(.subject = BRISK, .keys = WORKLOAD_TEXTS)},
    {"mix-string-1t", "keys of 16 to 31 bytes, set on a miss", case_speed,
     PLAN(.subject = BRISK, .keys = WORKLOAD_TEXTS, .load = FIELD_MIX, .goal = 1.4)},
    {"mix-string-2t", "the same with 2 threads: scaling", case_scaling,
     PLAN(.subject = BRISK, .keys = WORKLOAD_TEXTS, .load = FIELD_MIX, .threads = 2)},
    {"get-many-16", "16 keys per call, time per key", case_speed,
     PLAN(.subject = BRISK, .loop = brisk_read_many, .goal = 1)},
    {"get-many-16-2t", "the same with 2 threads", case_speed,
     PLAN(.subject = BRISK, .loop = brisk_read_many, .threads = 2)},
    {"get-view-1t", "a pinned view in place of a copy: time more than bare", case_difference,
     PLAN(.subject = BRISK, .loop = brisk_read_view, .goal = 25)},
    {"get-view-2t-spread", "pinned views, 2 threads, all keys", case_speed,
     PLAN(.subject = BRISK, .loop = brisk_read_view, .threads = 2)},
    {"get-view-2t-hot", "pinned views, 2 threads, one key", case_hot_key,
     PLAN(.subject = BRISK, .loop = brisk_read_view, .threads = 2)},
    {"hit-u64-2t-hot", "copies, 2 threads, one key", case_hot_key,
     PLAN(.subject = BRISK, .threads = 2)},
    {"get-or-load-hit", "get_or_load that hits, against get", case_loaded,
     PLAN(.subject = BRISK, .loop = brisk_read_load, .goal = 1.1)},

    {"memory-plain", "resident bytes beyond key and value, a million entries", case_memory,
     PLAN(.subject = BRISK, .goal = 24)},
    {"memory-ttl", "the same where every entry has a deadline", case_memory,
     PLAN(.subject = BRISK, .ttl_ms = 3600 * 1000, .goal = 32)},
    {"miss-ratio-default", "default policy on traces (BRISK_TRACES), against LRU", case_traces,
     PLAN(.subject = BRISK, .goal = 7.0)},

    {"put-heavy-1t", "half sets, room for 10 %", case_put,
     PLAN(.subject = BRISK, .load = FIELD_MIX)},
    {"put-heavy-2t", "the same with 2 threads: scaling", case_put_scaling,
     PLAN(.subject = BRISK, .load = FIELD_MIX, .threads = 2)},
    {"scan-heavy-1t", "half of the requests walk through all keys", case_speed,
     PLAN(.subject = BRISK, .load = FIELD_SCAN)},
    {"hit-ttl-1t", "all hits where every entry has a deadline", case_speed,
     PLAN(.subject = BRISK, .ttl_ms = 3600 * 1000)},
    {"hit-1e4", "all hits, ten thousand entries", case_speed,
     PLAN(.subject = BRISK, .key_count = 10000)},
    {"hit-1e5", "all hits, a hundred thousand entries", case_speed,
     PLAN(.subject = BRISK, .key_count = 100000)},
    {"hit-1e7", "all hits, ten million entries", case_speed,
     PLAN(.subject = BRISK, .key_count = 10000000)},
    {"latency-hit", "percentiles of single hits", case_latency, PLAN(.subject = BRISK)},
    {"latency-mix", "percentiles with sets on misses", case_latency,
     PLAN(.subject = BRISK, .load = FIELD_MIX)},
    {"latency-hit-writer", "of a hit while another thread inserts", case_latency_beside_writer,
     PLAN(.subject = BRISK)},
    {"sharding-mix-1t", "default shards against one", case_sharding_speed,
     PLAN(.subject = BRISK, .load = FIELD_MIX)},
    {"sharding-mix-2t", "default shards against one, 2 threads", case_sharding_speed,
     PLAN(.subject = BRISK, .load = FIELD_MIX, .threads = 2)},
    {"sharding-misses", "default shards against one, by capacity", case_sharding_misses,
     PLAN(.subject = BRISK)},

    {"bare-huge-1t", "the bare table on huge pages", case_speed,
     PLAN(.subject = &subject_bare_huge)},
    {"hit-u64-1t-huge", "hit-u64-1t against the bare table on huge pages", case_speed,
     PLAN(.subject = BRISK, .baseline = &subject_bare_huge)},

    {"peer-uthash-hit-1t", "LRU by uthash and a mutex", case_speed, PLAN(.subject = UTHASH)},
    {"peer-uthash-hit-2t", "scaling", case_scaling, PLAN(.subject = UTHASH, .threads = 2)},
    {"peer-uthash-mix-1t", "room for 10 %", case_speed, PLAN(.subject = UTHASH, .load = FIELD_MIX)},
    {"peer-uthash-mix-2t", "scaling", case_scaling,
     PLAN(.subject = UTHASH, .load = FIELD_MIX, .threads = 2)},
    {"peer-uthash-mix-string-1t", "keys of 16 to 31 bytes", case_speed,
     PLAN(.subject = UTHASH, .keys = WORKLOAD_TEXTS, .load = FIELD_MIX)},
    {"peer-uthash-memory", "resident bytes beyond key and value", case_memory,
     PLAN(.subject = UTHASH)},
    {"peer-glib-hit-1t", "LRU by GHashTable, GQueue and a mutex", case_speed,
     PLAN(.subject = GLIB)},
    {"peer-glib-hit-2t", "scaling", case_scaling, PLAN(.subject = GLIB, .threads = 2)},
    {"peer-glib-mix-1t", "room for 10 %", case_speed, PLAN(.subject = GLIB, .load = FIELD_MIX)},
    {"peer-glib-mix-2t", "scaling", case_scaling,
     PLAN(.subject = GLIB, .load = FIELD_MIX, .threads = 2)},
    {"peer-glib-mix-string-1t", "keys of 16 to 31 bytes", case_speed,
     PLAN(.subject = GLIB, .keys = WORKLOAD_TEXTS, .load = FIELD_MIX)},
    {"peer-glib-memory", "resident bytes beyond key and value", case_memory, PLAN(.subject = GLIB)},
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, "cache", cases, sizeof cases / sizeof *cases);
}
