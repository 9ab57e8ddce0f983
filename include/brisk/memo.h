/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_MEMO_H
#define BRISK_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <brisk/cache.h>
#include <brisk/key.h>

BRISK_BEGIN

/*
 * A function that remembers its results: called again with a key that it was
 * called with before, it answers without being run. In two lines for a C
 * function of numbers or texts, see BRISK_MEMOIZE_1 at the end; for any other,
 * brisk_memo_new and brisk_memo_call.
 *
 * The function must depend on its key alone. It runs without locks held and once
 * at a time for a key: other threads that ask for that key meanwhile wait for its
 * result. It may call the memo with other keys, to any depth that the stack has
 * room for; with its own it gets BRISK_ERR_RECURSION.
 *
 * Thread safety, signals, fork: as brisk_cache.
 */
struct brisk_memo;

/*
 * As max_entries: every result is kept until it is forgotten, expires, or the address
 * space that a cache reserves is full: some GiB per shard, eight shards per CPU.
 */
#define BRISK_MEMO_UNBOUNDED SIZE_MAX
/* As max_entries: nothing is kept; calls run the function and are counted, each as a miss. */
#define BRISK_MEMO_COUNT_ONLY (SIZE_MAX - 1)

/* Zero in a field means the default. */
struct brisk_memo_options {
    size_t size; /* set by brisk_memo_options_default */

    const char *name;   /* copied; what statistics and labels call it; default "memo" */
    size_t max_entries; /* default 128; or one of the above */
    size_t max_bytes;   /* of keys, results and overhead, at least 1,536; default: no limit.
                           To be bound by it alone, set max_entries to BRISK_MEMO_UNBOUNDED. */
    /*
     * Which result leaves when there are too many. Default, and what
     * BRISK_POLICY_DEFAULT means here: BRISK_POLICY_LRU.
     */
    enum brisk_policy policy;
    brisk_clock_fn *clock; /* default: brisk_clock_ms */
    void *clock_ctx;
    uint64_t ttl;                 /* ticks of `clock` since it was computed; default: for ever */
    uint64_t negative_ttl;        /* of a BRISK_MISS of the function; default: it is not kept */
    unsigned int load_timeout_ms; /* of waiting for other threads, real time; default: 30,000 */
};

static inline struct brisk_memo_options brisk_memo_options_default(void)
{
    struct brisk_memo_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    return options;
}

/* Counts since the memo was made or cleared. hits + misses = calls, when none is in progress. */
struct brisk_memo_info {
    size_t size; /* set by the caller to sizeof(struct brisk_memo_info) */

    uint64_t hits;
    uint64_t misses;      /* calls that found no result: they ran the function, or waited for it */
    uint64_t max_entries; /* BRISK_MEMO_UNBOUNDED; 0 of one that only counts */
    uint64_t entries;     /* now, without what has expired */
    uint64_t bytes;       /* that they take: keys, results, overhead */
    uint64_t runs;        /* of the function that have ended */
    uint64_t failures;    /* runs with a negative status */
    uint64_t waits;       /* calls that waited for another thread's run */
    uint64_t saved_ns;    /* estimate: hits times the mean run */
};

/* Views that callers still hold stay valid. NULL is allowed. Must be the last call. */
BRISK_API void brisk_memo_free(struct brisk_memo *memo);

/*
 * A memo of `function`, which is a loader as brisk_cache_get_or_load has it: it
 * fills its view, and may give the result a time to live of its own. `options`
 * and `error` may be NULL. NULL on failure, with the reason in *error.
 */
BRISK_API struct brisk_memo *brisk_memo_new(
    brisk_load_fn *function, const struct brisk_memo_options *options, struct brisk_error *error)
    BRISK_NEW(brisk_memo_free) BRISK_NONNULL(1);

/*
 * The result for `key`, remembered or computed: on BRISK_OK *out is a view that must
 * be released. `ctx` is handed to the function if it runs: usually its arguments,
 * of which `key` is made.
 *
 * Whatever else the function answers is the answer, and is not remembered; but
 * BRISK_MISS is, if there is a negative_ttl. BRISK_ERR_INVALID and BRISK_ERR_TOO_BIG
 * for such a key (empty; over BRISK_CACHE_KEY_MAX); BRISK_ERR_RECURSION, see above;
 * BRISK_ERR_TIMEOUT after waiting load_timeout_ms; BRISK_ERR_NOMEM. A result that
 * does not fit is returned all the same.
 */
BRISK_API enum brisk_status
brisk_memo_call(struct brisk_memo *memo, struct brisk_bytes key, void *ctx, struct brisk_view *out)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 4);

/*
 * The same, copied to `buffer`; a hit makes no allocation. BRISK_ERR_SHORT_BUFFER: the
 * result, which is remembered, needs *length bytes. What `buffer` holds after any
 * answer but BRISK_OK is not specified. `buffer` may be NULL if capacity is 0.
 */
BRISK_API enum brisk_status brisk_memo_call_into(
    struct brisk_memo *memo, struct brisk_bytes key, void *ctx, void *buffer, size_t capacity,
    size_t *length) BRISK_MUST_CHECK BRISK_NONNULL(1, 6);

/* The result for `key` goes; one that is being computed is not remembered. BRISK_MISS: none. */
BRISK_API enum brisk_status brisk_memo_forget(struct brisk_memo *memo, struct brisk_bytes key)
    BRISK_NONNULL(1);

/* All of them go, and the counters are zero again. */
BRISK_API void brisk_memo_clear(struct brisk_memo *memo) BRISK_NONNULL(1);

/*
 * Fills the first info->size bytes. Exact when no call is in progress; otherwise
 * each counter is right at some moment of the call.
 */
BRISK_API void brisk_memo_read_info(struct brisk_memo *memo, struct brisk_memo_info *info)
    BRISK_NONNULL(1, 2);

/*
 * Where the results are, for all that a cache can do: invalidate a group, visit each,
 * resize, write statistics (since the memo was made; brisk_memo_clear does not change
 * them). Lives as long as the memo.
 */
BRISK_API struct brisk_cache *brisk_memo_cache(struct brisk_memo *memo) BRISK_NONNULL(1);

/* Private: a memo that is made when it is first used. */
struct brisk_memo_site {
    struct brisk_memo *memo;
    brisk_load_fn *function;
    const struct brisk_memo_options *options;
    const char *name;
};

/* Private: the memo of a site; NULL if it cannot be made, with the reason in *error. */
BRISK_API struct brisk_memo *brisk_memo_at(struct brisk_memo_site *site, struct brisk_error *error)
    BRISK_NONNULL(1);

/* Private: false if there is no result of `size` bytes. */
BRISK_API bool brisk_memo_call_at(
    struct brisk_memo_site *site, struct brisk_bytes key, void *arguments, void *result,
    size_t size) BRISK_MUST_CHECK BRISK_NONNULL(1, 4);

/*
 * BRISK_MEMOIZE_1(result, name, function, type, options); in a file defines
 *
 *     static result name(type);    as `function`, but it remembers
 *     static struct brisk_memo *name_memo(struct brisk_error *error);
 *
 * the memo behind it, to read, clear and forget; NULL if it could not be made, with
 * the reason in *error. BRISK_MEMOIZE_2 is the same for two arguments, of types
 * `type1` and `type2`:
 *
 *     static double slow(double x) { ... }
 *     BRISK_MEMOIZE_1(double, fast, slow, double, NULL);
 *
 * An argument is an integer, float, double or text (brisk_key_add); the result is
 * copied as it is: a number, or a struct without pointers. `options` is NULL or the
 * address of options that stay where they are; they are read when the memo is made,
 * which is at the first use. It lives until the process ends.
 *
 * The answer is always what `function` answers: what cannot be remembered (no
 * memory, too long a text, options that are not valid) is computed. -0.0 becomes
 * 0.0 before `function` sees it, because both have one result. A recursive function
 * calls `name`, which is declared before it: static result name(type);
 */
#define BRISK_MEMOIZE_1(result, name, function, type, options)                                     \
    struct name##_arguments {                                                                      \
        type first;                                                                                \
    };                                                                                             \
    BRISK_MEMOIZE_SITE(result, name, function(brisk_arguments->first), options)                    \
    static __attribute__((unused)) result name(type brisk_first)                                   \
    {                                                                                              \
        struct name##_arguments brisk_arguments = {brisk_first};                                   \
        struct brisk_key brisk_key;                                                                \
        result brisk_result;                                                                       \
        brisk_key_start(&brisk_key);                                                               \
        BRISK_MEMOIZE_ADD(brisk_arguments.first)                                                   \
        if (!brisk_memo_call_at(                                                                   \
                &name##_site, brisk_key_bytes(&brisk_key), &brisk_arguments, &brisk_result,        \
                sizeof brisk_result))                                                              \
            brisk_result = function(brisk_arguments.first);                                        \
        if (brisk_key.heap != NULL)                                                                \
            brisk_key_release(&brisk_key);                                                         \
        return brisk_result;                                                                       \
    }                                                                                              \
    struct name##_arguments

#define BRISK_MEMOIZE_2(result, name, function, type1, type2, options)                             \
    struct name##_arguments {                                                                      \
        type1 first;                                                                               \
        type2 second;                                                                              \
    };                                                                                             \
    BRISK_MEMOIZE_SITE(                                                                            \
        result, name, function(brisk_arguments->first, brisk_arguments->second), options)          \
    static __attribute__((unused)) result name(type1 brisk_first, type2 brisk_second)              \
    {                                                                                              \
        struct name##_arguments brisk_arguments = {brisk_first, brisk_second};                     \
        struct brisk_key brisk_key;                                                                \
        result brisk_result;                                                                       \
        brisk_key_start(&brisk_key);                                                               \
        BRISK_MEMOIZE_ADD(brisk_arguments.first)                                                   \
        BRISK_MEMOIZE_ADD(brisk_arguments.second)                                                  \
        if (!brisk_memo_call_at(                                                                   \
                &name##_site, brisk_key_bytes(&brisk_key), &brisk_arguments, &brisk_result,        \
                sizeof brisk_result))                                                              \
            brisk_result = function(brisk_arguments.first, brisk_arguments.second);                \
        if (brisk_key.heap != NULL)                                                                \
            brisk_key_release(&brisk_key);                                                         \
        return brisk_result;                                                                       \
    }                                                                                              \
    struct name##_arguments

/* Private: what both of them define. */
#define BRISK_MEMOIZE_SITE(result, name, call, options)                                            \
    static enum brisk_status name##_run(                                                           \
        struct brisk_bytes brisk_unused, struct brisk_view *brisk_out,                             \
        struct brisk_entry_options *brisk_entry, void *brisk_ctx)                                  \
    {                                                                                              \
        struct name##_arguments *brisk_arguments = (struct name##_arguments *)brisk_ctx;           \
        result brisk_result = call;                                                                \
        (void)brisk_unused, (void)brisk_entry;                                                     \
        return brisk_view_copy(brisk_out, brisk_bytes_of(&brisk_result, sizeof brisk_result));     \
    }                                                                                              \
    static struct brisk_memo_site name##_site = {NULL, name##_run, options, #name};                \
    static                                                                                         \
        __attribute__((unused)) struct brisk_memo *name##_memo(struct brisk_error *brisk_error_)   \
    {                                                                                              \
        return brisk_memo_at(&name##_site, brisk_error_);                                          \
    }

/* Private: also makes 0.0 of -0.0, and leaves everything else as it is. */
#define BRISK_MEMOIZE_ADD(argument)                                                                \
    if ((argument) == 0)                                                                           \
        (argument) = 0;                                                                            \
    brisk_key_add(&brisk_key, argument);

BRISK_END

#endif
