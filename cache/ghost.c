/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/ghost.h"

#include <string.h>

#include "base/memory.h"

static uint32_t chains_for(uint32_t capacity)
{
    uint32_t chains = 1;
    while (chains < capacity && chains < UINT32_C(1) << 31)
        chains *= 2;
    return chains;
}

static uint32_t capacity_for(uint64_t wanted)
{
    return wanted > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint32_t)wanted;
}

size_t bk_ghost_bytes_for(uint64_t capacity)
{
    uint32_t keys = capacity_for(capacity);
    if (keys == 0)
        return 0;
    return (keys + (size_t)1) * sizeof(struct bk_ghost_key) + chains_for(keys) * sizeof(uint32_t);
}

bool bk_ghost_init(struct bk_ghost *ghost, uint64_t capacity)
{
    *ghost = (struct bk_ghost){0};
    if (capacity == 0)
        return true;
    ghost->capacity = capacity_for(capacity);
    uint32_t chains = chains_for(ghost->capacity);
    ghost->keys = bk_malloc((ghost->capacity + (size_t)1) * sizeof *ghost->keys);
    ghost->chains = bk_calloc(chains, sizeof *ghost->chains);
    if (ghost->keys == NULL || ghost->chains == NULL) {
        bk_ghost_free(ghost);
        return false;
    }
    ghost->chain_mask = chains - 1;
    return true;
}

void bk_ghost_free(struct bk_ghost *ghost)
{
    bk_free(ghost->keys);
    bk_free(ghost->chains);
    *ghost = (struct bk_ghost){0};
}

void bk_ghost_clear(struct bk_ghost *ghost)
{
    if (ghost->chains != NULL)
        memset(ghost->chains, 0, (ghost->chain_mask + (size_t)1) * sizeof *ghost->chains);
    ghost->count = ghost->carved = ghost->unused = ghost->newest = ghost->oldest = 0;
}

/* Where the number of the key with this hash stands; it holds 0 if there is none. */
static uint32_t *find_link(struct bk_ghost *ghost, uint64_t hash)
{
    uint32_t *link = &ghost->chains[(hash ^ hash >> 32) & ghost->chain_mask];
    while (*link != 0 && ghost->keys[*link].hash != hash)
        link = &ghost->keys[*link].following;
    return link;
}

static void forget(struct bk_ghost *ghost, uint32_t *link)
{
    uint32_t number = *link;
    struct bk_ghost_key *key = &ghost->keys[number];
    *link = key->following;
    if (key->newer != 0)
        ghost->keys[key->newer].older = key->older;
    else
        ghost->newest = key->older;
    if (key->older != 0)
        ghost->keys[key->older].newer = key->newer;
    else
        ghost->oldest = key->newer;
    key->following = ghost->unused;
    ghost->unused = number;
    ghost->count--;
}

bool bk_ghost_take(struct bk_ghost *ghost, uint64_t hash)
{
    if (ghost->count == 0)
        return false;
    uint32_t *link = find_link(ghost, hash);
    if (*link == 0)
        return false;
    forget(ghost, link);
    return true;
}

void bk_ghost_add(struct bk_ghost *ghost, uint64_t hash)
{
    if (ghost->capacity == 0)
        return;
    bk_ghost_take(ghost, hash);
    if (ghost->count == ghost->capacity)
        forget(ghost, find_link(ghost, ghost->keys[ghost->oldest].hash));

    uint32_t number = ghost->unused;
    if (number != 0)
        ghost->unused = ghost->keys[number].following;
    else
        number = ++ghost->carved;
    uint32_t *chain = &ghost->chains[(hash ^ hash >> 32) & ghost->chain_mask];
    ghost->keys[number] = (struct bk_ghost_key){
        .hash = hash, .older = ghost->newest, .following = *chain};
    *chain = number;
    if (ghost->newest != 0)
        ghost->keys[ghost->newest].newer = number;
    else
        ghost->oldest = number;
    ghost->newest = number;
    ghost->count++;
}
