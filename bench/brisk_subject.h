/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_BRISK_SUBJECT_H
#define BENCH_BRISK_SUBJECT_H

#include "bench/subject.h"

/* More ways to read from a store of subject_brisk; ids only. */
subject_loop_fn brisk_read_view; /* brisk_cache_get, release */
subject_loop_fn brisk_read_many; /* brisk_cache_get_many_into, 16 keys per call */
subject_loop_fn brisk_read_load; /* brisk_cache_get_or_load, release */

/* Get, on a miss set; a value is the first byte of its key. Returns the hits with that value. */
uint64_t brisk_replay(void *store, const uint64_t *keys, size_t count);

#endif
