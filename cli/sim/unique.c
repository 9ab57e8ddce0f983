/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sim/unique.h"

#include <stdlib.h>

enum {
    FIRST_SLOTS = 1024
};

/* Whether it is new. */
static bool put(uint64_t *slots, size_t slot_count, uint64_t hash)
{
    for (size_t at = hash & (slot_count - 1);; at = (at + 1) & (slot_count - 1)) {
        if (slots[at] == hash)
            return false;
        if (slots[at] == 0) {
            slots[at] = hash;
            return true;
        }
    }
}

static bool grow(struct sim_unique *unique)
{
    size_t slot_count = unique->slot_count == 0 ? FIRST_SLOTS : unique->slot_count * 2;
    uint64_t *slots = calloc(slot_count, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < unique->slot_count; i++)
        if (unique->slots[i] != 0)
            put(slots, slot_count, unique->slots[i]);
    free(unique->slots);
    unique->slots = slots;
    unique->slot_count = slot_count;
    return true;
}

bool sim_unique_add(struct sim_unique *unique, uint64_t hash)
{
    if (hash == 0) {
        unique->count += !unique->has_zero;
        unique->has_zero = true;
        return true;
    }
    if (unique->count * 2 >= unique->slot_count && !grow(unique))
        return false;
    unique->count += put(unique->slots, unique->slot_count, hash);
    return true;
}

void sim_unique_free(struct sim_unique *unique)
{
    free(unique->slots);
    *unique = (struct sim_unique){0};
}
