/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/deadline.h"

static uint64_t add_ticks(uint64_t now, uint64_t ticks)
{
    return ticks >= BRISK_TTL_FOREVER - now ? BRISK_TTL_FOREVER : now + ticks;
}

/* splitmix64, Steele, Lea and Flood 2014: the same moment spreads by key. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

static uint64_t shorten(uint64_t ttl, unsigned int percent, uint64_t salt)
{
    if (percent == 0 || ttl == BRISK_TTL_FOREVER)
        return ttl;
    uint64_t most = ttl / 100 * percent + ttl % 100 * percent / 100;
    most = most < ttl ? most : ttl - 1;
    return ttl - mix(salt) % (most + 1);
}

struct bk_deadline
bk_deadline_after(struct bk_shard *shard, uint64_t hash, uint64_t ttl, uint64_t *now)
{
    struct bk_settings *settings = shard->settings;
    struct bk_deadline deadline = {0};
    if (ttl == 0)
        ttl = settings->ttl != 0 ? settings->ttl : BRISK_TTL_FOREVER;
    if (ttl == BRISK_TTL_FOREVER && settings->idle_ttl == 0)
        return deadline;

    bk_settings_use_time(settings);
    *now = bk_shard_now(shard);
    ttl = shorten(ttl, settings->ttl_jitter_percent, hash + *now);
    deadline.flags = BK_META_DEADLINE;
    deadline.time = add_ticks(*now, ttl);
    if (settings->idle_ttl != 0) {
        deadline.idle_limit = deadline.time;
        uint64_t idle = add_ticks(*now, settings->idle_ttl);
        deadline.time = idle < deadline.time ? idle : deadline.time;
    }
    if (settings->idle_ttl != 0 || ttl >= BK_WHEEL_NEAR_TICKS ||
        settings->stale >= BK_WHEEL_NEAR_TICKS)
        deadline.flags |= BK_META_WIDE;
    return deadline;
}
