/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_ESTIMATE_H
#define SIM_ESTIMATE_H

#include <brisk/curve.h>

#include "cli/sim/run.h"
#include "cli/sim/sim_cache.h"

/*
 * Miss ratios from a sample of the keys, beside the true ones. The first reading of
 * the trace makes a curve, which is the estimate for LRU, and chooses the sample. In
 * the second one each row has a shadow: a simulated cache whose size is the sample's
 * share of the true one, and which sees the requests of the sample alone
 * (Waldspurger et al., "Cache modeling and optimization using miniature simulations",
 * USENIX ATC 2017).
 */
struct sim_estimate {
    struct brisk_curve *curve;
    struct brisk_curve_reading sample;
    uint64_t threshold; /* hashes below it are of the sample */
    bool has_ttl;       /* some request had one */
    struct sim_cache *shadows;
    unsigned int shadow_count;
};

/* Those that answer false have found no memory; sim_estimate_free is due all the same. */
bool sim_estimate_init(struct sim_estimate *estimate);
void sim_estimate_free(struct sim_estimate *estimate);

/* First reading. */
void sim_estimate_look(struct sim_estimate *estimate, uint64_t hash);
/* Between the two. */
bool sim_estimate_open(
    struct sim_estimate *estimate, const struct sim_row *rows, unsigned int count);
/* Second reading; `first` is how many requests were before these. */
bool sim_estimate_replay(
    struct sim_estimate *estimate, const struct sim_request *requests, size_t count,
    uint64_t first);
/* After it: fills in what the rows of the result and its `sample` say. */
void sim_estimate_finish(const struct sim_estimate *estimate, struct sim_result *result);

#endif
