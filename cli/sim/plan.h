/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include <brisk/cache.h>

/* What is to be simulated: lists of policies and sizes, as the command line has them. */
enum {
    SIM_POLICIES = 6,
    SIM_MOST_SIZES = 100,
};

struct sim_policy {
    const char *name;
    enum brisk_policy policy;
};
/* All there are, the default first. */
extern const struct sim_policy sim_policies[SIM_POLICIES];

enum sim_unit {
    SIM_PERCENT, /* of the unique keys; the number is in millionths of a percent */
    SIM_OBJECTS,
    SIM_BYTES
};

struct sim_size {
    enum sim_unit unit;
    uint64_t number;
    char text[24]; /* as it was written */
};

struct sim_plan {
    const struct sim_policy *policies[SIM_POLICIES];
    unsigned int policy_count;
    struct sim_size sizes[SIM_MOST_SIZES];
    unsigned int size_count;
};

/* False for a list that is wrong; *wrong then points at the part that is. */
bool sim_plan_read_policies(struct sim_plan *plan, const char *list, const char **wrong);
bool sim_plan_read_sizes(struct sim_plan *plan, const char *list, const char **wrong);
/* Whether the number of unique keys must be known. */
bool sim_plan_has_percent(const struct sim_plan *plan);
/* At least 1. */
uint64_t sim_size_resolve(const struct sim_size *size, uint64_t unique_keys);

#endif
