/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_CLOCK_H
#define BRISK_CLOCK_H

#include <stdint.h>

#include <brisk/export.h>

BRISK_BEGIN

/*
 * What time it is, in ticks of the caller's choice: milliseconds, requests,
 * pings. Called from any thread, often, and without locks held; it must be
 * cheap and must not call back into the object that reads it.
 *
 * A clock may stand still or jump. Objects that read one treat a step back as
 * a clock that stands still until it has caught up.
 */
typedef uint64_t brisk_clock_fn(void *ctx);

/*
 * Milliseconds since some point in the past, not counting suspend, with the
 * resolution of the kernel's timer tick (1 to 10 ms; CLOCK_MONOTONIC_COARSE in
 * clock_gettime(2)). The clock of every object that is not given another one.
 * `ctx` is not used. Any thread; async-signal-safe.
 */
BRISK_API uint64_t brisk_clock_ms(void *ctx);

BRISK_END

#endif
