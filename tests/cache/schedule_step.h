/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_SCHEDULE_STEP_H
#define CACHE_SCHEDULE_STEP_H

/* Included before everything else in the copy of the library that schedule.h explores. */
#include "tests/cache/schedule.h"

#define BK_WORD_STEP(word, is_store) schedule_step(word, is_store)

#endif
