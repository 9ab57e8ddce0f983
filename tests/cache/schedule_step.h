/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_SCHEDULE_STEP_H
#define CACHE_SCHEDULE_STEP_H

/* Included before everything else in the copy of the library that schedule.h explores. */
#include "tests/cache/schedule.h"

#define BK_WORD_STEP(word, is_store) schedule_step(word, is_store)

/* Counts of references are no words of the cache; what else counts so does no harm. */
#include <stdatomic.h>
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#ifdef __clang__
#define STEP_FETCH(operation) __c11_atomic_fetch_##operation
#else
#define STEP_FETCH(operation) __atomic_fetch_##operation
#endif
#define atomic_fetch_add_explicit(count, amount, order)                                            \
    (schedule_step(count, true), STEP_FETCH(add)(count, amount, order))
#define atomic_fetch_sub_explicit(count, amount, order)                                            \
    (schedule_step(count, true), STEP_FETCH(sub)(count, amount, order))

#endif
