/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_RING_H
#define BRISK_RING_H

#include <stddef.h>
#include <stdint.h>

#include <brisk/view.h>

BRISK_BEGIN

/*
 * Consistent hashing: which nodes a key belongs to, so that few keys move when a
 * node comes or goes.
 *
 * The method is ketama with weights, and places every key as libmemcached 1.1
 * does with MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED and servers added in the same
 * order: a node has about 160 points on a circle of 32 bits (MD5 of its name,
 * '-' and a number), a key belongs to the next point. A weight shares out all
 * points anew, so that a heavy node also takes points from the others; one whose
 * weight is below a fortieth of the mean has none left.
 *
 * Names are any text. For libmemcached's places they are "host" at port 11211,
 * "host:port" at another one, "path:0" for a UNIX socket.
 *
 * Thread safety: any number of threads may look keys up at once; who adds or
 * removes has the ring alone.
 */
struct brisk_ring;

#define BRISK_RING_NAME_MAX 1023
#define BRISK_RING_WEIGHT_MAX 1000000
#define BRISK_RING_NODES_MAX 4096

/* NULL is allowed. */
BRISK_API void brisk_ring_free(struct brisk_ring *ring);

/* Empty. NULL if there is no memory. */
BRISK_API struct brisk_ring *brisk_ring_new(void) BRISK_NEW(brisk_ring_free);

/*
 * Adds a node, whose name is copied, or gives one that is there another weight;
 * 0 is 1. BRISK_ERR_INVALID: the name is empty or too long, or the weight is too
 * large. BRISK_ERR_TOO_BIG: BRISK_RING_NODES_MAX nodes are there. BRISK_ERR_NOMEM.
 * A failure changes nothing.
 */
BRISK_API enum brisk_status
brisk_ring_add(struct brisk_ring *ring, const char *name, uint32_t weight)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 2);

/* BRISK_MISS if it was not there. BRISK_ERR_NOMEM changes nothing. */
BRISK_API enum brisk_status brisk_ring_remove(struct brisk_ring *ring, const char *name)
    BRISK_NONNULL(1, 2);

/*
 * Fills names[0], the node that the key belongs to, up to names[n - 1], the next
 * different ones on the circle, and returns n: `replicas`, or the number of nodes
 * that have points if that is smaller. The names are the ring's, valid until the ring is changed.
 * Takes no memory.
 */
BRISK_API size_t brisk_ring_nodes_of(
    const struct brisk_ring *ring, struct brisk_bytes key, size_t replicas, const char **names)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/* How many nodes there are. */
BRISK_API size_t brisk_ring_count(const struct brisk_ring *ring) BRISK_MUST_CHECK BRISK_NONNULL(1);

BRISK_END

#endif
