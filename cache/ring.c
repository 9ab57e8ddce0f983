/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/ring.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cache/md5.h"

enum {
    POINTS_PER_NODE = 160, /* on average; ketama's number */
    POINTS_PER_HASH = 4    /* an MD5 has four words */
};

struct point {
    uint32_t value;
    uint32_t node;
};

struct node {
    char *name;
    uint32_t weight;
};

struct brisk_ring {
    struct node *nodes; /* in the order in which they were added: it decides between equal points */
    size_t node_count;
    struct point *points; /* by value, then by node */
    size_t point_count;
};

static uint32_t word_of(const uint8_t digest[16], unsigned int index)
{
    const uint8_t *bytes = digest + 4 * (size_t)index;
    return (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[1] << 8 | bytes[0];
}

/*
 * In float and rounded down, as libmemcached does it: a node may have 156 points
 * where the exact share were 160, and every client must get it wrong alike.
 */
static size_t hash_count(uint32_t weight, uint64_t total_weight, size_t node_count)
{
    float share = (float)weight / (float)total_weight;
    float hashes = share * (float)POINTS_PER_NODE / (float)POINTS_PER_HASH * (float)node_count;
    return (size_t)(float)((double)hashes + 0.0000000001);
}

static size_t add_points(const struct node *node, uint32_t index, size_t hashes, struct point *out)
{
    char text[BRISK_RING_NAME_MAX + 32];
    for (size_t i = 0; i < hashes; i++) {
        int length = snprintf(text, sizeof text, "%s-%zu", node->name, i);
        uint8_t digest[16];
        bk_md5(text, (size_t)length, digest);
        for (unsigned int word = 0; word < POINTS_PER_HASH; word++)
            *out++ = (struct point){word_of(digest, word), index};
    }
    return hashes * POINTS_PER_HASH;
}

static int compare_points(const void *left, const void *right)
{
    const struct point *a = left, *b = right;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return a->node < b->node ? -1 : a->node > b->node;
}

/* Replaces the ring's nodes and points; takes `nodes` over if it succeeds. */
static enum brisk_status rebuild(struct brisk_ring *ring, struct node *nodes, size_t count)
{
    uint64_t total_weight = 0;
    for (size_t i = 0; i < count; i++)
        total_weight += nodes[i].weight;
    size_t capacity = 0;
    for (size_t i = 0; i < count; i++)
        capacity += hash_count(nodes[i].weight, total_weight, count) * POINTS_PER_HASH;

    struct point *points = bk_calloc(capacity + 1, sizeof *points);
    if (points == NULL)
        return BRISK_ERR_NOMEM;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        size_t hashes = hash_count(nodes[i].weight, total_weight, count);
        used += add_points(&nodes[i], (uint32_t)i, hashes, points + used);
    }
    qsort(points, used, sizeof *points, compare_points);

    bk_free(ring->nodes);
    bk_free(ring->points);
    ring->nodes = nodes;
    ring->node_count = count;
    ring->points = points;
    ring->point_count = used;
    return BRISK_OK;
}

static size_t find_node(const struct brisk_ring *ring, const char *name)
{
    size_t i = 0;
    while (i < ring->node_count && strcmp(ring->nodes[i].name, name) != 0)
        i++;
    return i;
}

struct brisk_ring *brisk_ring_new(void)
{
    return bk_calloc(1, sizeof(struct brisk_ring));
}

void brisk_ring_free(struct brisk_ring *ring)
{
    if (ring == NULL)
        return;
    for (size_t i = 0; i < ring->node_count; i++)
        bk_free(ring->nodes[i].name);
    bk_free(ring->nodes);
    bk_free(ring->points);
    bk_free(ring);
}

static enum brisk_status check_node(const char *name, uint32_t weight)
{
    size_t length = name == NULL ? 0 : strnlen(name, BRISK_RING_NAME_MAX + 1);
    if (length == 0 || length > BRISK_RING_NAME_MAX || weight > BRISK_RING_WEIGHT_MAX)
        return BRISK_ERR_INVALID;
    return BRISK_OK;
}

enum brisk_status brisk_ring_add(struct brisk_ring *ring, const char *name, uint32_t weight)
{
    if (ring == NULL || check_node(name, weight) != BRISK_OK)
        return BRISK_ERR_INVALID;
    size_t at = find_node(ring, name);
    bool is_new = at == ring->node_count;
    if (is_new && ring->node_count == BRISK_RING_NODES_MAX)
        return BRISK_ERR_TOO_BIG;

    size_t count = ring->node_count + (is_new ? 1 : 0);
    struct node *nodes = bk_calloc(count, sizeof *nodes);
    char *copy = is_new ? bk_strdup(name) : NULL;
    if (nodes != NULL && (copy != NULL || !is_new)) {
        if (ring->node_count > 0)
            memcpy(nodes, ring->nodes, ring->node_count * sizeof *nodes);
        if (is_new)
            nodes[at].name = copy;
        nodes[at].weight = weight == 0 ? 1 : weight;
        if (rebuild(ring, nodes, count) == BRISK_OK)
            return BRISK_OK;
    }
    bk_free(copy);
    bk_free(nodes);
    return BRISK_ERR_NOMEM;
}

enum brisk_status brisk_ring_remove(struct brisk_ring *ring, const char *name)
{
    if (ring == NULL || name == NULL)
        return BRISK_ERR_INVALID;
    size_t at = find_node(ring, name);
    if (at == ring->node_count)
        return BRISK_MISS;

    char *gone = ring->nodes[at].name;
    struct node *nodes = bk_calloc(ring->node_count, sizeof *nodes);
    if (nodes == NULL)
        return BRISK_ERR_NOMEM;
    memcpy(nodes, ring->nodes, at * sizeof *nodes);
    memcpy(nodes + at, ring->nodes + at + 1, (ring->node_count - at - 1) * sizeof *nodes);
    if (rebuild(ring, nodes, ring->node_count - 1) != BRISK_OK) {
        bk_free(nodes);
        return BRISK_ERR_NOMEM;
    }
    bk_free(gone);
    return BRISK_OK;
}

/* The first point that is not below `value`, going around after the last. */
static size_t next_point(const struct brisk_ring *ring, uint32_t value)
{
    size_t left = 0, right = ring->point_count;
    while (left < right) {
        size_t middle = left + (right - left) / 2;
        if (ring->points[middle].value < value)
            left = middle + 1;
        else
            right = middle;
    }
    return left == ring->point_count ? 0 : left;
}

static bool is_among(const char *name, const char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (names[i] == name)
            return true;
    return false;
}

size_t brisk_ring_nodes_of(
    const struct brisk_ring *ring, struct brisk_bytes key, size_t replicas, const char **names)
{
    if (ring == NULL || ring->point_count == 0 || replicas == 0)
        return 0;
    uint8_t digest[16];
    bk_md5(key.data, key.length, digest);
    size_t at = next_point(ring, word_of(digest, 0));
    size_t found = 0;
    for (size_t step = 0; step < ring->point_count && found < replicas; step++) {
        const char *name = ring->nodes[ring->points[at].node].name;
        if (!is_among(name, names, found))
            names[found++] = name;
        at = at + 1 == ring->point_count ? 0 : at + 1;
    }
    return found;
}

size_t brisk_ring_count(const struct brisk_ring *ring)
{
    return ring == NULL ? 0 : ring->node_count;
}

size_t bk_ring_points(const struct brisk_ring *ring)
{
    return ring->point_count;
}
