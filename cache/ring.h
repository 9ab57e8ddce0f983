/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_RING_H
#define BK_RING_H

#include <brisk/ring.h>

/* How many points the ring has; for tests. */
size_t bk_ring_points(const struct brisk_ring *ring);

#endif
