/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_MC_TRANSPORT_H
#define BK_MC_TRANSPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <brisk/memcached.h>

/*
 * The seam between what a client promises and how bytes reach a server. Above it:
 * keys, placing, breakers, repeats, statistics. Below it: connections and the
 * protocol of one server.
 */

enum bk_mc_verb {
    BK_MC_GET,
    BK_MC_SET,
    BK_MC_ADD,
    BK_MC_REPLACE,
    BK_MC_APPEND,
    BK_MC_PREPEND,
    BK_MC_CAS,
    BK_MC_DELETE,
    BK_MC_INCREMENT,
    BK_MC_DECREMENT,
    BK_MC_TOUCH,
    BK_MC_FLUSH,
    BK_MC_STATS
};

struct bk_mc_found {
    struct brisk_bytes value; /* valid for the call */
    uint32_t flags;
    uint64_t cas;
    uint32_t epoch;
};

struct bk_mc_request;

/* Told of the value that a get has found; its answer becomes the request's status. */
typedef enum brisk_status
bk_mc_take_fn(struct bk_mc_request *request, const struct bk_mc_found *found);

struct bk_mc_request {
    enum bk_mc_verb verb;
    struct brisk_bytes key; /* as sent: prefix included, checked */
    struct brisk_bytes value;
    uint32_t flags;
    int32_t expires; /* as the protocol has it */
    uint64_t cas;
    uint32_t epoch; /* of the cas token */
    uint64_t delta;
    bk_mc_take_fn *take; /* of a get */
    void *take_ctx;
    brisk_memcached_stat_fn *visit; /* of stats */
    void *visit_ctx;

    /* The answer. */
    enum brisk_status status;
    uint64_t number; /* of an increment */
    /*
     * It failed because a connection that had lain idle was dead, and nothing can have
     * happened twice if it is run again.
     */
    bool can_repeat;
};

static inline bool bk_mc_is_read(enum bk_mc_verb verb)
{
    return verb == BK_MC_GET || verb == BK_MC_STATS;
}

/* To do it twice is to do it once. */
static inline bool bk_mc_is_idempotent(enum bk_mc_verb verb)
{
    return bk_mc_is_read(verb) || verb == BK_MC_SET || verb == BK_MC_DELETE ||
           verb == BK_MC_TOUCH || verb == BK_MC_FLUSH;
}

struct bk_mc_address {
    char *host; /* or the path of a UNIX socket */
    uint16_t port;
    bool is_unix;
};

/* What a run says about the server, for its breaker. */
enum bk_mc_verdict {
    BK_MC_ALIVE,
    BK_MC_FAILED,
    BK_MC_UNTRIED /* no connection became free in time */
};

struct bk_mc_transport_options {
    const struct bk_mc_address *address; /* outlives the transport */
    unsigned int connections;
    _Atomic uint32_t *epoch;    /* counts connections, over forks too */
    _Atomic uint64_t *connects; /* a statistic */
};

struct bk_mc_transport; /* to one server; any thread */

struct bk_mc_ops {
    struct bk_mc_transport *(*open)(const struct bk_mc_transport_options *options);
    /*
     * Answers all requests by `deadline_ns` of CLOCK_MONOTONIC. The requests are in
     * no order to each other.
     */
    enum bk_mc_verdict (*run)(
        struct bk_mc_transport *transport, struct bk_mc_request *const *requests, size_t count,
        uint64_t deadline_ns);
    void (*close)(struct bk_mc_transport *transport); /* waits for no server */
};

/* By libmemcached, in text. */
extern const struct bk_mc_ops bk_mc_libmemcached;

#endif
