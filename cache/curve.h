/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CACHE_CURVE_H
#define BK_CACHE_CURVE_H

#include <brisk/curve.h>

/* For who leaves lookups out by himself: only hashes below this are followed. */
uint64_t bk_curve_threshold(const struct brisk_curve *curve);
/* How many lookups there were, those that were left out included. */
void bk_curve_set_requests(struct brisk_curve *curve, uint64_t requests);

#endif
