/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_MC_CLIENT_H
#define BK_MC_CLIENT_H

#include <sys/types.h>

#include <brisk/ring.h>

#include "cache/memcached/breaker.h"
#include "cache/memcached/key.h"
#include "cache/memcached/latency.h"
#include "cache/memcached/transport.h"

/* Relaxed: each is right for itself. */
struct bk_mc_counters {
    _Atomic uint64_t reads, hits, misses, writes, conflicts, timeouts, unreachable;
    _Atomic uint64_t unknown_outcomes, corrupt, other_errors, failed_as_miss, retries;
    _Atomic uint64_t breaker_opened, breaker_rejected, connects, read_bytes, written_bytes;
    struct bk_latency latency;
};

static inline void bk_mc_count(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

/* What is known of a server for as long as the client lives. */
struct bk_mc_server {
    struct bk_mc_address address;
    char *name;        /* what the ring calls it */
    const char *place; /* the same, in the ring's memory */
    uint32_t id;       /* of its cas tokens: a hash of the name */
    _Atomic uint32_t epoch;
    struct bk_mc_counters counters;
};

/* How this process talks to a server. */
struct bk_mc_line {
    struct bk_mc_transport *transport;
    struct bk_breaker breaker;
};

/*
 * A forked child may touch nothing of this: connections are its parent's, and locks may
 * be held by threads that it does not have. It makes another one.
 */
struct bk_mc_process {
    pid_t pid;
    struct bk_mc_line *lines; /* one per server */
};

struct brisk_memcached {
    struct brisk_memcached_options options; /* without zeros; pointers are not to be followed */
    char *name;
    char *prefix;
    size_t prefix_length;
    struct bk_mc_server *servers;
    size_t server_count;
    struct brisk_ring *ring;
    const struct bk_mc_ops *ops;
    _Atomic(struct bk_mc_process *) process;
    uint64_t registry_id;
};

/* One call about one key. */
struct bk_mc_op {
    struct brisk_memcached *client;
    struct brisk_memcached_call call;
    uint64_t deadline_ns;
    struct brisk_bytes asked; /* the key as the caller has it */
    struct bk_mc_key key;     /* as it is sent */
    struct bk_mc_server *server;
    struct bk_mc_request request;
    void *encoded; /* the value with a header, if it needs one; to be freed */
};

/* Where what a get finds goes: one of the two. */
struct bk_mc_target {
    const struct bk_mc_op *op;
    struct brisk_memcached_item *item;
    void *buffer;
    size_t capacity;
    size_t *length;
};

/* The options of a call, checked, and when its time is up. */
enum brisk_status bk_mc_call_read(
    const struct brisk_memcached *client, const struct brisk_memcached_call *call,
    struct brisk_memcached_call *out, uint64_t *deadline_ns, struct brisk_error *error);

/* Checks the key and finds its server; the request is about it, the verb is open. */
enum brisk_status
bk_mc_op_begin(struct bk_mc_op *op, struct brisk_bytes key, struct brisk_error *error);
/* All of it for one call. */
enum brisk_status bk_mc_op_open(
    struct bk_mc_op *op, struct brisk_memcached *client, struct brisk_bytes key,
    const struct brisk_memcached_call *call, struct brisk_error *error);
void bk_mc_op_get(struct bk_mc_op *op, struct bk_mc_target *target);
/* Checks the value and gives it its flags and header; frees nothing on failure. */
enum brisk_status bk_mc_op_store(
    struct bk_mc_op *op, enum bk_mc_verb verb, struct brisk_bytes value, struct brisk_error *error);
/* Sends, and says in *error what went wrong. */
enum brisk_status bk_mc_op_run(struct bk_mc_op *op, struct brisk_error *error);
/* The status of a get that has run, after fail_as_miss. */
enum brisk_status bk_mc_op_read_status(struct bk_mc_op *op);

/*
 * Sends requests to one server by its breaker, those that met a dead connection twice, and
 * counts. The pointers are put into another order.
 */
void bk_mc_route(
    struct brisk_memcached *client, struct bk_mc_server *server, struct bk_mc_request **requests,
    size_t count, uint64_t deadline_ns);

/* Fills in why a request failed; returns its status. */
enum brisk_status bk_mc_explain(
    const struct bk_mc_server *server, const struct bk_mc_request *request, uint32_t timeout_ms,
    struct brisk_error *error);

/* NULL: no memory. */
struct bk_mc_process *bk_mc_process_of(struct brisk_memcached *client);
void bk_mc_process_free(struct brisk_memcached *client, struct bk_mc_process *process);

#endif
