/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sim/estimate.h"

#include <math.h>
#include <stdlib.h>

bool sim_estimate_init(struct sim_estimate *estimate)
{
    *estimate = (struct sim_estimate){.curve = brisk_curve_new(NULL, NULL)};
    return estimate->curve != NULL;
}

void sim_estimate_free(struct sim_estimate *estimate)
{
    for (unsigned int i = 0; i < estimate->shadow_count; i++)
        sim_cache_free(&estimate->shadows[i]);
    free(estimate->shadows);
    brisk_curve_free(estimate->curve);
    *estimate = (struct sim_estimate){0};
}

void sim_estimate_look(struct sim_estimate *estimate, uint64_t hash)
{
    brisk_curve_add_hash(estimate->curve, hash);
}

static uint64_t scaled(uint64_t capacity, double rate)
{
    uint64_t part = (uint64_t)((double)capacity * rate + 0.5);
    return part == 0 ? 1 : part;
}

bool sim_estimate_open(
    struct sim_estimate *estimate, const struct sim_row *rows, unsigned int count)
{
    estimate->sample.size = sizeof estimate->sample;
    brisk_curve_read(estimate->curve, 0, &estimate->sample);
    double rate = estimate->sample.sample_rate;
    estimate->threshold = rate < 1 ? (uint64_t)ldexp(rate, 64) : UINT64_MAX;
    estimate->shadows = calloc(count, sizeof *estimate->shadows);
    if (estimate->shadows == NULL)
        return false;
    for (unsigned int i = 0; i < count; i++) {
        struct sim_cache_options options = {
            rows[i].policy->policy, scaled(rows[i].capacity, rate),
            rows[i].size->unit == SIM_BYTES};
        if (!sim_cache_init(&estimate->shadows[i], &options))
            return false;
        estimate->shadow_count++;
    }
    return true;
}

static bool
replay_one(struct sim_estimate *estimate, const struct sim_request *request, uint64_t time)
{
    for (unsigned int i = 0; i < estimate->shadow_count; i++) {
        /* Its time is that of the trace, so that entries live as long as they do there. */
        estimate->shadows[i].requests = time;
        if (!sim_cache_request(&estimate->shadows[i], request))
            return false;
    }
    return true;
}

bool sim_estimate_replay(
    struct sim_estimate *estimate, const struct sim_request *requests, size_t count, uint64_t first)
{
    for (size_t i = 0; i < count; i++) {
        estimate->has_ttl |= requests[i].ttl != 0;
        if (requests[i].hash < estimate->threshold &&
            !replay_one(estimate, &requests[i], first + i))
            return false;
    }
    return true;
}

/*
 * The misses of the sample, scaled up. What the sample has too many or too few of in
 * requests are hits: those of hot keys, as in the adjustment of the curve.
 */
static double shadow_miss_ratio(
    const struct sim_estimate *estimate, const struct sim_cache *shadow, uint64_t requests)
{
    double ratio = (double)shadow->misses / estimate->sample.sample_rate / (double)requests;
    return requests == 0 ? 0 : ratio < 1 ? ratio : 1;
}

/* The curve knows of entries that count one each and do not expire. */
static bool is_for_curve(const struct sim_estimate *estimate, const struct sim_row *row)
{
    return row->policy->policy == BRISK_POLICY_LRU && row->size->unit != SIM_BYTES &&
           !estimate->has_ttl;
}

void sim_estimate_finish(const struct sim_estimate *estimate, struct sim_result *result)
{
    result->sample = estimate->sample;
    for (unsigned int i = 0; i < result->row_count; i++) {
        struct sim_row *row = &result->rows[i];
        row->estimate = shadow_miss_ratio(estimate, &estimate->shadows[i], result->requests);
        if (is_for_curve(estimate, row) && result->requests != 0)
            row->estimate = brisk_curve_miss_ratio(estimate->curve, row->capacity);
    }
}
