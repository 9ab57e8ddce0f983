/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_UNIQUE_H
#define SIM_UNIQUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counts different 64-bit hashes; 8 to 32 bytes for each. */
struct sim_unique {
    uint64_t *slots; /* open addressing; 0: empty */
    size_t slot_count;
    uint64_t count;
    bool has_zero;
};

/* False if there is no memory. */
bool sim_unique_add(struct sim_unique *unique, uint64_t hash);
void sim_unique_free(struct sim_unique *unique);

#endif
