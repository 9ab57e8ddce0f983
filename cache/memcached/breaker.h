/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_MC_BREAKER_H
#define BK_MC_BREAKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/memcached/transport.h"

/*
 * Keeps calls away from a server that fails, hung ones included, so that a service
 * loses a few timeouts to it and not one per call. One call after a wait tries
 * whether it is back; nobody is given up for good.
 * Thread safety: any thread.
 */
struct bk_breaker {
    pthread_mutex_t lock;
    enum brisk_breaker state;
    unsigned int failures; /* in a row */
    unsigned int failure_limit;
    uint64_t wait_ns; /* the next one */
    uint64_t first_wait_ns;
    uint64_t most_wait_ns;
    uint64_t until_ns; /* while it is open */
    uint64_t random;
};

struct bk_breaker_options {
    unsigned int failures;
    uint64_t wait_ns;
    uint64_t most_wait_ns;
    uint64_t seed;
};

bool bk_breaker_init(struct bk_breaker *breaker, const struct bk_breaker_options *options);
void bk_breaker_free(struct bk_breaker *breaker);

/* May a call be sent? Whoever gets a yes reports how it went. */
bool bk_breaker_allows(struct bk_breaker *breaker, uint64_t now_ns);
/* True if this opened the breaker. */
bool bk_breaker_report(struct bk_breaker *breaker, enum bk_mc_verdict verdict, uint64_t now_ns);
enum brisk_breaker bk_breaker_state(struct bk_breaker *breaker);

#endif
