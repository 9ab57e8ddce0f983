/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MEMO_SUPPORT_H
#define MEMO_SUPPORT_H

/* A memo of a function that a test tells what to answer. */
#include <brisk/memo.h>

#include "tests/cache/cache_support.h"

struct subject {
    struct brisk_memo *memo;
    struct fake_clock clock;
    _Atomic unsigned int runs;
    enum brisk_status status; /* the function's answer */
    uint64_t ttl;             /* of its results */
};

/* The key, reversed. */
static inline enum brisk_status reverse(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct subject *subject = ctx;
    char reversed[64];
    atomic_fetch_add(&subject->runs, 1);
    entry->ttl = subject->ttl;
    if (subject->status != BRISK_OK && subject->status != BRISK_STALE)
        return subject->status;
    for (size_t i = 0; i < key.length; i++)
        reversed[i] = ((const char *)key.data)[key.length - 1 - i];
    enum brisk_status status = brisk_view_copy(out, brisk_bytes_of(reversed, key.length));
    return status == BRISK_OK ? subject->status : status;
}

static inline struct brisk_memo *
new_memo(brisk_load_fn *function, const struct brisk_memo_options *options)
{
    struct brisk_error error = {0};
    struct brisk_memo *memo = brisk_memo_new(function, options, &error);
    assert_that(memo != NULL, "no memo: %s", error.message);
    return memo;
}

static inline struct brisk_memo_options memo_options_at(struct subject *subject, uint64_t now)
{
    struct brisk_memo_options options = brisk_memo_options_default();
    options.clock = fake_clock_now;
    options.clock_ctx = &subject->clock;
    atomic_store(&subject->clock.now, now);
    return options;
}

static inline struct brisk_memo_info info_of(struct brisk_memo *memo)
{
    struct brisk_memo_info info = {.size = sizeof info};
    brisk_memo_read_info(memo, &info);
    return info;
}

static inline void
assert_info(struct brisk_memo *memo, uint64_t hits, uint64_t misses, uint64_t max, uint64_t entries)
{
    struct brisk_memo_info info = info_of(memo);
    assert_u64(info.hits, hits);
    assert_u64(info.misses, misses);
    assert_u64(info.max_entries, max);
    assert_u64(info.entries, entries);
}

static inline void
assert_call(struct subject *subject, const char *key, enum brisk_status status, const char *result)
{
    struct brisk_view view;
    assert_status(brisk_memo_call(subject->memo, text(key), subject, &view), status);
    assert_bytes(brisk_view_bytes(&view), text(result));
    brisk_view_release(&view);
}

static inline void assert_call_into(
    struct subject *subject, const char *key, enum brisk_status status, const char *result)
{
    char buffer[64];
    size_t length = 99;
    assert_status(
        brisk_memo_call_into(subject->memo, text(key), subject, buffer, sizeof buffer, &length),
        status);
    assert_bytes(brisk_bytes_of(buffer, length), text(result));
}

#endif
