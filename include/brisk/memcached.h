/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_MEMCACHED_H
#define BRISK_MEMCACHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <brisk/registry.h>
#include <brisk/view.h>

BRISK_BEGIN

/*
 * A client of one or more memcached servers, in the library libbrisk-memcached.
 *
 * Thread safety: every function may be called from any thread, except that
 * brisk_memcached_close must be the last call. Callbacks run with no lock held.
 * Signal safety: none of it may be called from a handler. While a call talks to a
 * server, signals wait until it has ended (libmemcached can hang when one comes).
 * After fork: the child may use the client; it makes connections of its own and
 * leaves the parent's open, untouched, until it ends or executes another program.
 *
 * Answers. BRISK_OK, BRISK_MISS, BRISK_CONFLICT and BRISK_NOT_STORED are what the
 * server said. Beyond these every call may answer
 *
 *   BRISK_ERR_INVALID          key, value or options break the rules; nothing was sent
 *   BRISK_ERR_TIMEOUT          no answer in time; a write that answers so was not sent
 *   BRISK_ERR_UNREACHABLE      no connection, or the server failed lately and is left
 *                              alone for a while; nothing was sent, or it was a read
 *   BRISK_ERR_UNKNOWN_OUTCOME  the write was sent, no answer came: it may have happened
 *   BRISK_ERR_CORRUPT          what came was no answer to the question; connection dropped
 *   BRISK_ERR_TOO_BIG          the value is larger than the server, or the options, allow
 *   BRISK_ERR_NOMEM            this process, or the server, has no memory
 *
 * get, set, delete, touch and flush_all are sent once more, within the same time,
 * when a connection that lay idle turns out to be dead, because to do them twice
 * is to do them once. No other verb is ever sent twice.
 *
 * Limits of libmemcached 1.1.4, which carries the requests: a host's name is
 * resolved without regard to the timeout; a server that sends an answer in pieces
 * gets the timeout anew for each piece; a server that answers a read with ERROR or
 * SERVER_ERROR looks like a miss; one that breaks the protocol on purpose can end
 * this process by a failed assertion within libmemcached. Talk to servers that you
 * trust.
 */
struct brisk_memcached;

/* Of the prefix and the key together. */
#define BRISK_MEMCACHED_KEY_MAX 250

/* Of the flags of an item these belong to the caller; the others are brisk's. */
#define BRISK_MEMCACHED_FLAGS UINT32_C(0x00ffffff)

struct brisk_memcached_server {
    const char *address; /* "10.0.0.1", "host:11212", "[::1]:11211", or "/run/a.sock" */
    uint32_t weight;     /* default 1 */
};

/* Zero in a field means the default, which may improve between releases. */
struct brisk_memcached_options {
    size_t size; /* set by brisk_memcached_options_default */

    const char *name; /* copied; what statistics call it; default "memcached" */

    /*
     * Copied. Keys are placed as libmemcached's weighted ketama does (brisk/ring.h),
     * by the key without its prefix. Default: one server, 127.0.0.1, port 11211.
     */
    const struct brisk_memcached_server *servers;
    size_t server_count;

    unsigned int timeout_ms;  /* of a whole call; default 500 */
    unsigned int connections; /* per server, at most 1024; further callers wait; default 16 */

    const char *key_prefix; /* copied; put in front of every key; default none */
    /*
     * A key that is too long, or has bytes that memcached does not take, is stored
     * under a hash of it, and itself beside the value, where reading compares it.
     * append, prepend, increment and decrement answer BRISK_ERR_UNSUPPORTED for such
     * keys. Default: such keys are BRISK_ERR_INVALID.
     */
    bool hash_keys;

    size_t max_value_bytes; /* checked before sending; default 1,047,552: memcached's own */

    /*
     * A read that fails answers BRISK_MISS instead, and counts as `failed_as_miss`.
     */
    bool fail_as_miss;

    /*
     * After so many failures in a row (default 3) a server is left alone for
     * breaker_wait_ms (default 100), then one call tries it; each further failure
     * doubles the wait, up to breaker_max_wait_ms (default 10,000). Waits are
     * shortened by a random part of up to a half.
     */
    unsigned int breaker_failures;
    unsigned int breaker_wait_ms;
    unsigned int breaker_max_wait_ms;
};

static inline struct brisk_memcached_options brisk_memcached_options_default(void)
{
    struct brisk_memcached_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    return options;
}

/* How one call is made; NULL, and zero in a field, means the client's own setting. */
struct brisk_memcached_call {
    size_t size; /* set by brisk_memcached_call_default */

    unsigned int timeout_ms;
    /*
     * Time to live of what is stored, in seconds, by the server's clock; more than 30
     * days are fine. Negative: expired at once, so the key is deleted. Default: none.
     */
    int64_t ttl_s;
    uint32_t flags; /* stored with the value; within BRISK_MEMCACHED_FLAGS */
};

static inline struct brisk_memcached_call brisk_memcached_call_default(void)
{
    struct brisk_memcached_call call;
    memset(&call, 0, sizeof call);
    call.size = sizeof call;
    return call;
}

/*
 * What an item's value was, for brisk_memcached_cas. Opaque. It is good for the
 * server that gave it out, and as long as connections to that server last.
 */
struct brisk_memcached_token {
    uint64_t token;
    uint32_t server;
    uint32_t epoch;
};

struct brisk_memcached_item {
    struct brisk_view value; /* to be released; outlives the client */
    uint32_t flags;          /* the caller's; all 32 if another client stored it */
    struct brisk_memcached_token cas;
};

/* Never waits for a server. NULL is allowed. */
BRISK_API void brisk_memcached_close(struct brisk_memcached *client);

/*
 * Connects to nobody yet. NULL on failure, with the reason in *error: BRISK_ERR_INVALID
 * with the field's name, or BRISK_ERR_NOMEM. Both arguments may be NULL.
 */
BRISK_API struct brisk_memcached *
brisk_memcached_open(const struct brisk_memcached_options *options, struct brisk_error *error)
    BRISK_NEW(brisk_memcached_close);

/*
 * Looks `key` up. BRISK_OK fills *out, whose value must be released, and whose cas
 * is good for brisk_memcached_cas; any other answer leaves it empty. In all
 * functions `call` and `error` may be NULL.
 */
BRISK_API enum brisk_status brisk_memcached_get(
    struct brisk_memcached *client, struct brisk_bytes key, const struct brisk_memcached_call *call,
    struct brisk_memcached_item *out, struct brisk_error *error)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 4);

/*
 * Looks `key` up and copies its value to `buffer`; brisk itself allocates nothing.
 * BRISK_ERR_SHORT_BUFFER: the value needs *length bytes.
 */
BRISK_API enum brisk_status brisk_memcached_get_into(
    struct brisk_memcached *client, struct brisk_bytes key, const struct brisk_memcached_call *call,
    void *buffer, size_t capacity, size_t *length, struct brisk_error *error)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 6);

/*
 * Looks many keys up with one request per server, one server after the other
 * within one timeout. out[i] and statuses[i] are what get would have answered for
 * keys[i]. Returns the number of BRISK_OK; *error is about one that failed, if any.
 */
BRISK_API size_t brisk_memcached_get_many(
    struct brisk_memcached *client, const struct brisk_bytes *keys, size_t count,
    const struct brisk_memcached_call *call, struct brisk_memcached_item *out,
    enum brisk_status *statuses, struct brisk_error *error) BRISK_NONNULL(1);

/* Stores `value`. */
BRISK_API enum brisk_status brisk_memcached_set(
    struct brisk_memcached *client, struct brisk_bytes key, struct brisk_bytes value,
    const struct brisk_memcached_call *call, struct brisk_error *error)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/* Stores values[i] under keys[i]; see brisk_memcached_get_many. */
BRISK_API size_t brisk_memcached_set_many(
    struct brisk_memcached *client, const struct brisk_bytes *keys,
    const struct brisk_bytes *values, size_t count, const struct brisk_memcached_call *call,
    enum brisk_status *statuses, struct brisk_error *error) BRISK_NONNULL(1);

/* BRISK_NOT_STORED if the key is there. */
BRISK_API enum brisk_status brisk_memcached_add(
    struct brisk_memcached *client, struct brisk_bytes key, struct brisk_bytes value,
    const struct brisk_memcached_call *call, struct brisk_error *error)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/* BRISK_NOT_STORED if the key is not there. */
BRISK_API enum brisk_status brisk_memcached_replace(
    struct brisk_memcached *client, struct brisk_bytes key, struct brisk_bytes value,
    const struct brisk_memcached_call *call, struct brisk_error *error)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/*
 * Puts `value` behind what is there; time to live and flags stay. BRISK_NOT_STORED if
 * the key is not there.
 */
BRISK_API enum brisk_status brisk_memcached_append(
    struct brisk_memcached *client, struct brisk_bytes key, struct brisk_bytes value,
    const struct brisk_memcached_call *call, struct brisk_error *error)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/* The same in front of what is there. */
BRISK_API enum brisk_status brisk_memcached_prepend(
    struct brisk_memcached *client, struct brisk_bytes key, struct brisk_bytes value,
    const struct brisk_memcached_call *call, struct brisk_error *error)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/*
 * Stores `value` if nobody has stored another one since `cas` was read.
 * BRISK_CONFLICT: somebody has, or that cannot be known, because the token is of
 * another server or of before a connection was lost. BRISK_MISS: the key is gone.
 */
BRISK_API enum brisk_status brisk_memcached_cas(
    struct brisk_memcached *client, struct brisk_bytes key, struct brisk_bytes value,
    struct brisk_memcached_token cas, const struct brisk_memcached_call *call,
    struct brisk_error *error) BRISK_MUST_CHECK BRISK_NONNULL(1);

/*
 * The value that shall follow `old`, or NULL if the key is not there. On BRISK_OK the
 * reference in *out is taken over. Anything else ends the update with that answer.
 * It may be called several times. It must return: no longjmp, no pthread_exit.
 */
typedef enum brisk_status brisk_memcached_update_fn(
    const struct brisk_memcached_item *old, struct brisk_view *out, void *ctx);

/*
 * Reads, asks `update` for the next value, and stores it if nobody was faster;
 * else again, after a random wait that grows to 64 ms, until the call's time is up:
 * BRISK_CONFLICT. A key that is not there is added. BRISK_ERR_UNKNOWN_OUTCOME is
 * not tried again: the update may have happened.
 */
BRISK_API enum brisk_status brisk_memcached_update(
    struct brisk_memcached *client, struct brisk_bytes key, brisk_memcached_update_fn *update,
    void *ctx, const struct brisk_memcached_call *call, struct brisk_error *error)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 3);

/* BRISK_MISS if it was not there; also if a first try, whose answer was lost, removed it. */
BRISK_API enum brisk_status brisk_memcached_delete(
    struct brisk_memcached *client, struct brisk_bytes key, const struct brisk_memcached_call *call,
    struct brisk_error *error) BRISK_NONNULL(1);

/* Deletes many; see brisk_memcached_get_many. */
BRISK_API size_t brisk_memcached_delete_many(
    struct brisk_memcached *client, const struct brisk_bytes *keys, size_t count,
    const struct brisk_memcached_call *call, enum brisk_status *statuses, struct brisk_error *error)
    BRISK_NONNULL(1);

/*
 * Adds `delta` to a value that is a decimal number, modulo 2^64, and gives the
 * result in *out, which may be NULL. BRISK_MISS if the key is not there and `initial`
 * is NULL; else *initial is added as its value, with the call's time to live.
 * BRISK_ERR_INVALID: the value is no number.
 */
BRISK_API enum brisk_status brisk_memcached_increment(
    struct brisk_memcached *client, struct brisk_bytes key, uint64_t delta, const uint64_t *initial,
    const struct brisk_memcached_call *call, uint64_t *out, struct brisk_error *error)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/* Subtracts; stops at 0. */
BRISK_API enum brisk_status brisk_memcached_decrement(
    struct brisk_memcached *client, struct brisk_bytes key, uint64_t delta, const uint64_t *initial,
    const struct brisk_memcached_call *call, uint64_t *out, struct brisk_error *error)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/* Gives the item the call's time to live, from now on. BRISK_MISS if it is not there. */
BRISK_API enum brisk_status brisk_memcached_touch(
    struct brisk_memcached *client, struct brisk_bytes key, const struct brisk_memcached_call *call,
    struct brisk_error *error) BRISK_MUST_CHECK BRISK_NONNULL(1);

/*
 * A touch and then a get: not one step, so the value may be one that another client
 * stored between the two, with a time to live of its own.
 */
BRISK_API enum brisk_status brisk_memcached_get_and_touch(
    struct brisk_memcached *client, struct brisk_bytes key, const struct brisk_memcached_call *call,
    struct brisk_memcached_item *out, struct brisk_error *error)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 4);

/* Empties all servers, also of other clients' items. The first failure is the answer. */
BRISK_API enum brisk_status brisk_memcached_flush_all(
    struct brisk_memcached *client, const struct brisk_memcached_call *call,
    struct brisk_error *error) BRISK_MUST_CHECK BRISK_NONNULL(1);

/* Whether calls are sent to a server. */
enum brisk_breaker {
    BRISK_BREAKER_CLOSED = 0, /* all */
    BRISK_BREAKER_OPEN = 1,   /* none: it failed lately */
    BRISK_BREAKER_PROBING = 2 /* one, to see whether it is back */
};

/* Counters since the client was opened; after a fork each process counts on for itself. */
struct brisk_memcached_stats {
    size_t size; /* set by the caller to sizeof(struct brisk_memcached_stats) */

    uint64_t reads; /* keys: hits + misses + failures */
    uint64_t hits;
    uint64_t misses;
    uint64_t writes;    /* everything else */
    uint64_t conflicts; /* BRISK_CONFLICT and BRISK_NOT_STORED */
    uint64_t timeouts;
    uint64_t unreachable; /* breaker_rejected included */
    uint64_t unknown_outcomes;
    uint64_t corrupt;
    uint64_t other_errors;
    uint64_t failed_as_miss;   /* reads that failed and, by option, answered BRISK_MISS */
    uint64_t retries;          /* requests sent again because an idle connection was dead */
    uint64_t breaker_opened;   /* how often */
    uint64_t breaker_rejected; /* requests that were not sent for that */
    uint64_t connects;
    uint64_t read_bytes;    /* values of hits */
    uint64_t written_bytes; /* values that were sent */
    uint64_t p50_ns;        /* time of the calls, to an eighth */
    uint64_t p99_ns;
    uint64_t p999_ns;
    uint64_t breaker; /* enum brisk_breaker; of all servers the number that is not closed */
};

/* Of server `index`, in the order of the options. BRISK_ERR_INVALID: there is none. */
BRISK_API enum brisk_status brisk_memcached_read_server_stats(
    struct brisk_memcached *client, size_t index, struct brisk_memcached_stats *stats)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 3);

/* Of all servers together. Fills the first stats->size bytes. */
BRISK_API void
brisk_memcached_read_stats(struct brisk_memcached *client, struct brisk_memcached_stats *stats)
    BRISK_NONNULL(1, 2);

/*
 * The statistics of all servers together as text, Prometheus exposition or one line
 * of JSON, with a final '\0' that *length does not count. BRISK_ERR_SHORT_BUFFER:
 * *length + 1 bytes are needed.
 */
BRISK_API enum brisk_status brisk_memcached_write_stats(
    struct brisk_memcached *client, enum brisk_format format, char *buffer, size_t capacity,
    size_t *length) BRISK_MUST_CHECK BRISK_NONNULL(1, 5);

/* Both are valid for the call. */
typedef void brisk_memcached_stat_fn(const char *name, const char *value, void *ctx);

/*
 * What server `index` says of itself: "version", "curr_items" and so on; `group` is
 * NULL or one of memcached's, such as "items".
 */
BRISK_API enum brisk_status brisk_memcached_ask_server(
    struct brisk_memcached *client, size_t index, const char *group,
    const struct brisk_memcached_call *call, brisk_memcached_stat_fn *visit, void *ctx,
    struct brisk_error *error) BRISK_MUST_CHECK BRISK_NONNULL(1, 5);

BRISK_END

#endif
