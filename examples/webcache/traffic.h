/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEBCACHE_TRAFFIC_H
#define WEBCACHE_TRAFFIC_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "examples/webcache/latency.h"
#include "examples/webcache/origin.h"

/*
 * Threads that request files, popular ones more often: the file of rank r with a
 * frequency of 1 / r^0.99. The same requests in the same order each time.
 */
struct traffic {
    const struct origin *origin;
    uint32_t *file_of_rank;
    double *cumulative; /* of the frequencies, by rank */
    unsigned int threads;
    double seconds;
    const atomic_bool *has_stopped; /* set by a signal */
};

bool traffic_init(struct traffic *traffic, const struct origin *origin);
void traffic_free(struct traffic *traffic);

/* What a run with or without the cache came to. */
struct traffic_result {
    double seconds;
    uint64_t requests;
    uint64_t failures; /* requests without a response */
    uint64_t wrong;    /* responses that were not the file */
    uint64_t cpu_ns;
    uint64_t rss_bytes; /* at the end */
    struct latency latency;
};

/* Lines "key size", for replaying the requests elsewhere. Any thread. */
struct traffic_log {
    pthread_mutex_t lock;
    FILE *file;
    uint64_t lines_left;
};

/*
 * Runs for traffic->seconds or until *has_stopped. `cache` may be NULL: each
 * request goes to the origin; `log` may be NULL. False if no thread can be started.
 */
bool traffic_run(
    const struct traffic *traffic, struct brisk_cache *cache, struct traffic_log *log,
    struct traffic_result *result);

#endif
