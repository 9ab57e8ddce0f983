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

#define PLAN(...) (&(const struct plan){__VA_ARGS__})
#define BRISK(...) PLAN(.subject = &subject_brisk, __VA_ARGS__)

enum {
    HOUR_MS = 3600 * 1000
};

/* The same cases for each peer. */
#define PEER_CASES(name, peer, what)                                                               \
    {name "-hit-1t", what, case_speed, PLAN(.subject = peer)},                                     \
        {name "-hit-2t", "scaling", case_scaling, PLAN(.subject = peer, .threads = 2)},            \
        {name "-mix-1t", "room for 10 %, set on a miss", case_speed,                               \
         PLAN(.subject = peer, .load = FIELD_MIX)},                                                \
        {name "-mix-2t", "scaling", case_scaling,                                                  \
         PLAN(.subject = peer, .load = FIELD_MIX, .threads = 2)},                                  \
        {name "-mix-string-1t", "keys of 16 to 31 bytes", case_speed,                              \
         PLAN(.subject = peer, .keys = WORKLOAD_TEXTS, .load = FIELD_MIX)},                        \
        {name "-put-heavy-1t", "half sets", case_speed, PLAN(.subject = peer, .load = FIELD_PUT)}, \
        {name "-scan-heavy-1t", "half of the requests walk through all keys", case_speed,          \
         PLAN(.subject = peer, .load = FIELD_SCAN)},                                               \
        {name "-latency-mix", "percentiles with sets on misses", case_latency,                     \
         PLAN(.subject = peer, .load = FIELD_MIX)},                                                \
    {                                                                                              \
        name "-memory", "resident bytes beyond key and value", case_memory, PLAN(.subject = peer)  \
    }

/* Zipf 0.99 over a million keys, 64-byte values, copied out unless said otherwise. */
static const struct bench_case cases[] = {
    {"hit-u64-1t", "8-byte keys, all hits, 1 thread", case_speed, BRISK(.goal = 1.5)},
    {"hit-u64-2t", "the same with 2 threads: scaling", case_scaling,
     BRISK(.threads = 2, .goal = 0.92)},
    {"mix-u64-1t", "room for 10 % of the keys, set on a miss", case_speed,
     BRISK(.load = FIELD_MIX, .goal = 1.6)},
    {"mix-u64-2t", "the same with 2 threads: scaling", case_scaling,
     BRISK(.load = FIELD_MIX, .threads = 2, .goal = 0.55)},
    {"mix-u64-4t", "4 threads on 2 CPUs against 2 threads", case_crowded,
     BRISK(.against = FIELD_ITSELF, .load = FIELD_MIX, .threads = 2, .goal = 0.9)},
    {"hit-string-1t", "keys of 16 to 31 bytes, all hits", case_speed,
     BRISK(.keys = WORKLOAD_TEXTS)},
    {"mix-string-1t", "keys of 16 to 31 bytes, set on a miss", case_speed,
     BRISK(.keys = WORKLOAD_TEXTS, .load = FIELD_MIX, .goal = 1.4)},
    {"mix-string-2t", "the same with 2 threads: scaling", case_scaling,
     BRISK(.keys = WORKLOAD_TEXTS, .load = FIELD_MIX, .threads = 2)},
    {"get-many-16", "16 keys per call, time per key", case_speed,
     BRISK(.loop = brisk_read_many, .goal = 1)},
    {"get-many-16-2t", "the same with 2 threads", case_speed,
     BRISK(.loop = brisk_read_many, .threads = 2)},
    {"get-view-1t", "a pinned view in place of a copy: time more than bare", case_difference,
     BRISK(.loop = brisk_read_view, .goal = 25)},
    {"get-view-2t-spread", "pinned views, 2 threads, all keys", case_speed,
     BRISK(.loop = brisk_read_view, .threads = 2)},
    {"get-view-2t-hot", "pinned views, 2 threads, one key", case_speed,
     BRISK(.loop = brisk_read_view, .load = FIELD_HOT, .threads = 2)},
    {"hit-u64-2t-hot", "copies, 2 threads, one key", case_speed,
     BRISK(.load = FIELD_HOT, .threads = 2)},
    {"get-or-load-hit", "get_or_load that hits, against get", case_speed,
     BRISK(.against = FIELD_GET, .loop = brisk_read_load, .goal = 1.1)},

    {"memory-plain", "resident bytes beyond key and value, a million entries", case_memory,
     BRISK(.goal = 24)},
    {"memory-ttl", "the same where every entry has a deadline", case_memory,
     BRISK(.ttl_ms = HOUR_MS, .goal = 32)},
    {"miss-ratio-default", "default policy on traces (BRISK_TRACES), against LRU", case_traces,
     BRISK(.goal = 7.0)},

    {"put-heavy-1t", "half sets, room for 10 %", case_speed, BRISK(.load = FIELD_PUT)},
    {"put-heavy-2t", "the same with 2 threads: scaling", case_scaling,
     BRISK(.against = FIELD_ITSELF, .load = FIELD_PUT, .threads = 2)},
    {"scan-heavy-1t", "half of the requests walk through all keys", case_speed,
     BRISK(.load = FIELD_SCAN)},
    {"scan-heavy-2t", "the same with 2 threads: scaling", case_scaling,
     BRISK(.load = FIELD_SCAN, .threads = 2)},
    {"hit-ttl-1t", "all hits where every entry has a deadline", case_speed,
     BRISK(.ttl_ms = HOUR_MS)},

    {"hit-1e4", "all hits, ten thousand entries", case_speed, BRISK(.key_count = 10000)},
    {"hit-1e5", "all hits, a hundred thousand entries", case_speed, BRISK(.key_count = 100000)},
    {"hit-1e6", "all hits, a million entries", case_speed, BRISK(.key_count = 1000000)},
    {"hit-1e7", "all hits, ten million entries", case_speed, BRISK(.key_count = 10000000)},

    {"latency-hit", "percentiles of single hits", case_latency, BRISK()},
    {"latency-mix", "percentiles with sets on misses", case_latency, BRISK(.load = FIELD_MIX)},
    {"latency-hit-writer", "of a hit while another thread inserts", case_latency_beside_writer,
     BRISK(.against = FIELD_ITSELF, .threads = 2)},

    {"sharding-mix-1t", "default shards against one", case_speed,
     BRISK(.against = FIELD_ONE_SHARD, .load = FIELD_MIX)},
    {"sharding-mix-2t", "default shards against one, 2 threads", case_speed,
     BRISK(.against = FIELD_ONE_SHARD, .load = FIELD_MIX, .threads = 2)},
    {"sharding-misses", "default shards and 16 against one, by capacity", case_sharding_misses,
     BRISK()},

    {"bare-huge-1t", "the bare table on huge pages", case_speed,
     PLAN(.subject = &subject_bare_huge)},
    {"hit-u64-1t-huge", "hit-u64-1t against the bare table on huge pages", case_speed,
     BRISK(.against = FIELD_BARE_HUGE)},

    PEER_CASES("peer-uthash", UTHASH, "LRU by uthash and a mutex"),
    PEER_CASES("peer-glib", GLIB, "LRU by GHashTable, GQueue and a mutex"),
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, "cache", cases, sizeof cases / sizeof *cases);
}
