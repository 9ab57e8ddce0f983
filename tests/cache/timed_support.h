/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIMED_SUPPORT_H
#define TIMED_SUPPORT_H

/* One clock that a test turns, and the times at which something may go wrong. */
#include "cache/wheel.h"
#include "tests/cache/cache_support.h"

#define NEAR_TICKS BK_WHEEL_NEAR_TICKS

static struct fake_clock the_clock;

static inline void set_clock(uint64_t now)
{
    atomic_store(&the_clock.now, now);
}

static inline void advance(uint64_t ticks)
{
    fake_clock_advance(&the_clock, ticks);
}

static inline struct brisk_cache_options options_at(uint64_t now)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.clock = fake_clock_now;
    options.clock_ctx = &the_clock;
    options.hash_seed = 1;
    options.shards = 1;
    set_clock(now);
    return options;
}

static inline struct brisk_cache *timed_cache(enum brisk_policy policy, uint64_t now)
{
    struct brisk_cache_options options = options_at(now);
    options.policy = policy;
    return new_cache(&options);
}

static const uint64_t starts[] = {
    0,
    1,
    (UINT64_C(1) << 31) - 1,
    (UINT64_C(1) << 32) - 3,
    (UINT64_C(1) << 32) + 1000,
    UINT64_C(1700000000000),
    UINT64_C(1700000000123456789), /* nanoseconds since 1970 */
    UINT64_MAX - (UINT64_C(1) << 55),
};

static const uint64_t ttls[] = {
    1,
    2,
    63,
    64,
    65,
    4095,
    4096,
    (UINT64_C(1) << 24) + 1,
    NEAR_TICKS - 1,
    NEAR_TICKS,
    UINT64_C(1) << 31,
    (UINT64_C(1) << 32) - 1,
    (UINT64_C(1) << 32) + 5,
    UINT64_C(1) << 40,
    (UINT64_C(1) << 54) + 77,
};

enum {
    STARTS = sizeof starts / sizeof starts[0],
    TTLS = sizeof ttls / sizeof ttls[0]
};

static inline void read_with(struct brisk_cache *cache, int verb, enum brisk_status wanted)
{
    struct brisk_bytes key = text("key"), value;
    struct brisk_view view = {0};
    enum brisk_status status = BRISK_OK;
    char buffer[64];
    size_t length;
    if (verb == 0)
        status = brisk_cache_get(cache, key, &view);
    else if (verb == 1)
        status = brisk_cache_get_into(cache, key, buffer, sizeof buffer, &length);
    else if (verb == 2)
        brisk_cache_get_many(cache, &key, 1, &view, &status);
    else
        brisk_cache_get_many_into(cache, &key, 1, buffer, sizeof buffer, &value, &status);
    brisk_view_release(&view);
    assert_status(status, wanted);
}

#endif
