/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transport by libmemcached 1.1.4, in a profile that stays clear of what it gets
 * wrong: text protocol only; keys and cas tokens come checked; nothing is buffered or
 * sent without waiting for the answer; a connection of which anything unexpected came
 * is never used again; gets compare the key that came back; one memcached_st per
 * connection, with one server, in a pool of ours.
 */
#include <libmemcached/memcached.h>

#include <signal.h>
#include <string.h>

#include "base/memory.h"
#include "cache/memcached/clock.h"
#include "cache/memcached/pool.h"
#include "cache/memcached/transport.h"

enum {
    GETS_AT_ONCE = 128
};

struct bk_mc_transport {
    struct bk_mc_transport_options options;
    struct bk_mc_pool pool;
};

struct link {
    struct bk_mc_pooled pooled; /* first: the pool sees only this */
    memcached_st *memc;
    memcached_result_st result; /* keeps its memory from get to get */
    bool is_kept;               /* it has lain in the pool, so it may be dead by now */
};

/* Requests of one run, on one link, until it breaks. */
struct run {
    struct bk_mc_transport *transport;
    struct link *link;
    struct bk_mc_request *const *requests;
    size_t count;
    size_t done; /* the requests before this one have their answers */
    uint64_t deadline_ns;
    bool is_broken;
};

/*
 * libmemcached's wait forgets its deadline whenever a signal comes, and then may never
 * end. So signals that are not faults wait.
 */
static void hold_signals(sigset_t *before)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t held;
    sigfillset(&held);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&held, faults[i]);
    pthread_sigmask(SIG_SETMASK, &held, before);
}

static bool set_time_left(memcached_st *memc, uint64_t deadline_ns)
{
    uint64_t now_ns = bk_mc_now_ns();
    if (now_ns >= deadline_ns)
        return false;
    uint64_t left_ms = (deadline_ns - now_ns + 999999) / 1000000;
    if (left_ms > 1000000000)
        left_ms = 1000000000;
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_POLL_TIMEOUT, left_ms);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, left_ms);
    return true;
}

static memcached_st *create_memc(const struct bk_mc_address *address)
{
    memcached_st *memc = memcached_create(NULL);
    if (memc == NULL)
        return NULL;
    memcached_return_t rc = memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_SUPPORT_CAS, 1);
    if (memcached_success(rc))
        rc = memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
    if (memcached_success(rc))
        rc = memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_TCP_KEEPALIVE, 1);
    if (memcached_success(rc))
        rc = address->is_unix ? memcached_server_add_unix_socket(memc, address->host)
                              : memcached_server_add(memc, address->host, address->port);
    if (memcached_success(rc))
        return memc;
    memcached_free(memc);
    return NULL;
}

/* With no time to wait, freeing says "quit" and closes; else it would wait for the server. */
static void free_memc(memcached_st *memc)
{
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_POLL_TIMEOUT, 0);
    memcached_free(memc);
}

static void free_link(struct link *link)
{
    sigset_t before;
    hold_signals(&before);
    memcached_result_free(&link->result);
    free_memc(link->memc);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    bk_free(link);
}

/*
 * Connects by asking for the version: a request after that has certainly been sent if
 * it fails, and one before has certainly not.
 */
static enum brisk_status connect_memc(memcached_st *memc, uint64_t deadline_ns)
{
    if (!set_time_left(memc, deadline_ns))
        return BRISK_ERR_TIMEOUT;
    memcached_return_t rc = memcached_version(memc);
    if (memcached_success(rc))
        return BRISK_OK;
    bool is_late = memcached_last_error(memc) == MEMCACHED_TIMEOUT || bk_mc_now_ns() >= deadline_ns;
    return is_late ? BRISK_ERR_TIMEOUT : BRISK_ERR_UNREACHABLE;
}

static enum brisk_status
make_link(struct bk_mc_transport *transport, uint64_t deadline_ns, struct link **out)
{
    struct link *link = bk_calloc(1, sizeof *link);
    memcached_st *memc = link == NULL ? NULL : create_memc(transport->options.address);
    if (memc == NULL) {
        bk_free(link);
        return BRISK_ERR_NOMEM;
    }
    enum brisk_status status = connect_memc(memc, deadline_ns);
    if (status != BRISK_OK) {
        free_memc(memc);
        bk_free(link);
        return status;
    }
    link->memc = memc;
    memcached_result_create(memc, &link->result);
    link->pooled.epoch = atomic_fetch_add(transport->options.epoch, 1) + 1;
    atomic_fetch_add_explicit(transport->options.connects, 1, memory_order_relaxed);
    *out = link;
    return BRISK_OK;
}

/* What the protocol says, in our words; false if the connection is of no more use. */
static bool is_answer(memcached_return_t rc, enum bk_mc_verb verb, enum brisk_status *out)
{
    bool is_number = verb == BK_MC_INCREMENT || verb == BK_MC_DECREMENT;
    switch (rc) {
    case MEMCACHED_SUCCESS:
        *out = BRISK_OK;
        return true;
    case MEMCACHED_NOTFOUND:
        *out = BRISK_MISS;
        return true;
    case MEMCACHED_NOTSTORED:
        *out = BRISK_NOT_STORED;
        return true;
    case MEMCACHED_DATA_EXISTS:
        *out = BRISK_CONFLICT;
        return true;
    case MEMCACHED_E2BIG:
        *out = BRISK_ERR_TOO_BIG;
        return true;
    case MEMCACHED_SERVER_MEMORY_ALLOCATION_FAILURE:
        *out = BRISK_ERR_NOMEM;
        return true;
    case MEMCACHED_CLIENT_ERROR:
        *out = BRISK_ERR_INVALID; /* the value is no number */
        return is_number;
    default:
        return false;
    }
}

/* Why a request that was sent has no answer. */
static enum brisk_status loss_of(memcached_return_t rc, enum bk_mc_verb verb)
{
    if (rc == MEMCACHED_ERROR)
        return BRISK_ERR_UNSUPPORTED; /* "ERROR": the server does not know the command */
    if (!bk_mc_is_read(verb))
        return BRISK_ERR_UNKNOWN_OUTCOME;
    switch (rc) {
    case MEMCACHED_TIMEOUT:
        return BRISK_ERR_TIMEOUT;
    case MEMCACHED_MEMORY_ALLOCATION_FAILURE:
        return BRISK_ERR_NOMEM;
    case MEMCACHED_UNKNOWN_READ_FAILURE:
    case MEMCACHED_PROTOCOL_ERROR:
    case MEMCACHED_CLIENT_ERROR:
    case MEMCACHED_PARTIAL_READ:
        return BRISK_ERR_CORRUPT;
    default:
        return BRISK_ERR_UNREACHABLE;
    }
}

static bool is_connection_lost(memcached_return_t rc)
{
    return rc == MEMCACHED_CONNECTION_FAILURE || rc == MEMCACHED_WRITE_FAILURE ||
           rc == MEMCACHED_READ_FAILURE || rc == MEMCACHED_ERRNO;
}

/* The request was sent, or half sent, and the connection is of no more use. */
static void lose(struct run *run, struct bk_mc_request *request, memcached_return_t rc)
{
    run->is_broken = true;
    request->status = loss_of(rc, request->verb);
    request->can_repeat = run->link->is_kept && is_connection_lost(rc) &&
                          bk_mc_is_idempotent(request->verb);
}

static memcached_return_t store(memcached_st *memc, const struct bk_mc_request *r)
{
    const char *key = r->key.data, *value = r->value.data;
    size_t key_length = r->key.length, length = r->value.length;
    if (length == 0)
        value = "";
    switch (r->verb) {
    case BK_MC_ADD:
        return memcached_add(memc, key, key_length, value, length, r->expires, r->flags);
    case BK_MC_REPLACE:
        return memcached_replace(memc, key, key_length, value, length, r->expires, r->flags);
    case BK_MC_APPEND:
        return memcached_append(memc, key, key_length, value, length, r->expires, r->flags);
    case BK_MC_PREPEND:
        return memcached_prepend(memc, key, key_length, value, length, r->expires, r->flags);
    case BK_MC_CAS:
        return memcached_cas(memc, key, key_length, value, length, r->expires, r->flags, r->cas);
    default:
        return memcached_set(memc, key, key_length, value, length, r->expires, r->flags);
    }
}

static memcached_return_t visit_stat(
    const memcached_instance_st *server, const char *key, size_t key_length, const char *value,
    size_t value_length, void *ctx)
{
    (void)server, (void)key_length, (void)value_length;
    const struct bk_mc_request *request = ctx;
    request->visit(key, value, request->visit_ctx);
    return MEMCACHED_SUCCESS;
}

static memcached_return_t send_other(memcached_st *memc, struct bk_mc_request *r)
{
    const char *key = r->key.data;
    size_t length = r->key.length;
    switch (r->verb) {
    case BK_MC_DELETE:
        return memcached_delete(memc, key, length, 0);
    case BK_MC_TOUCH:
        return memcached_touch(memc, key, length, r->expires);
    case BK_MC_INCREMENT: /* the plain function takes deltas of 32 bits only */
        return memcached_increment_by_key(memc, key, length, key, length, r->delta, &r->number);
    case BK_MC_DECREMENT:
        return memcached_decrement_by_key(memc, key, length, key, length, r->delta, &r->number);
    case BK_MC_FLUSH:
        return memcached_flush(memc, 0);
    case BK_MC_STATS:
        return memcached_stat_execute(memc, r->key.data, visit_stat, r);
    default:
        return store(memc, r);
    }
}

static void run_one(struct run *run)
{
    struct bk_mc_request *request = run->requests[run->done++];
    /* Whether the server that gave out the token is the one behind this connection is not known. */
    if (request->verb == BK_MC_CAS && run->link->pooled.epoch > request->epoch) {
        request->status = BRISK_CONFLICT;
        return;
    }
    memcached_return_t rc = send_other(run->link->memc, request);
    if (!is_answer(rc, request->verb, &request->status))
        lose(run, request, rc);
}

static void
take_result(struct bk_mc_request *request, const memcached_result_st *result, uint32_t epoch)
{
    struct bk_mc_found found = {
        .value = {memcached_result_value(result), memcached_result_length(result)},
        .flags = memcached_result_flags(result),
        .cas = memcached_result_cas(result),
        .epoch = epoch};
    request->status = request->take(request, &found);
}

static bool is_result_of(const struct bk_mc_request *request, const memcached_result_st *result)
{
    return memcached_result_key_length(result) == request->key.length &&
           memcmp(memcached_result_key_value(result), request->key.data, request->key.length) == 0;
}

/*
 * Reads the answers to `count` gets. They come in the order of the questions, misses
 * left out; a key that was not asked for, or out of turn, means that this connection
 * has lost count, and then nothing it has not yet proven is believed.
 */
static void fetch(struct run *run, struct bk_mc_request *const *requests, size_t count)
{
    memcached_st *memc = run->link->memc;
    uint32_t epoch = atomic_load(run->transport->options.epoch);
    memcached_return_t rc;
    bool is_taken[GETS_AT_ONCE] = {false};
    size_t at = 0;
    while (memcached_fetch_result(memc, &run->link->result, &rc) != NULL) {
        while (at < count && !is_result_of(requests[at], &run->link->result))
            at++;
        if (at == count) {
            rc = MEMCACHED_PROTOCOL_ERROR;
            break;
        }
        take_result(requests[at], &run->link->result, epoch);
        is_taken[at++] = true;
    }
    /* A line that is no answer ends the loop as END does; the last error tells them apart. */
    if (rc == MEMCACHED_NOTFOUND || rc == MEMCACHED_END)
        rc = memcached_last_error(memc);
    for (size_t i = 0; i < count; i++) {
        if (is_taken[i])
            continue;
        requests[i]->status = BRISK_MISS;
        if (rc != MEMCACHED_SUCCESS)
            lose(run, requests[i], rc);
    }
    run->is_broken = run->is_broken || rc != MEMCACHED_SUCCESS;
}

static void run_gets(struct run *run)
{
    const char *keys[GETS_AT_ONCE];
    size_t lengths[GETS_AT_ONCE];
    struct bk_mc_request *const *first = run->requests + run->done;
    size_t count = 0;
    while (count < GETS_AT_ONCE && run->done < run->count && first[count]->verb == BK_MC_GET) {
        keys[count] = first[count]->key.data;
        lengths[count] = first[count]->key.length;
        count++;
        run->done++;
    }
    memcached_return_t rc = memcached_mget(run->link->memc, keys, lengths, count);
    if (memcached_success(rc)) {
        fetch(run, first, count);
        return;
    }
    if (memcached_last_error(run->link->memc) != MEMCACHED_SUCCESS)
        rc = memcached_last_error(run->link->memc);
    for (size_t i = 0; i < count; i++)
        lose(run, first[i], rc);
}

/* Of all that was not sent. */
static void refuse_rest(struct run *run, enum brisk_status status, bool can_repeat)
{
    for (; run->done < run->count; run->done++) {
        run->requests[run->done]->status = status;
        run->requests[run->done]->can_repeat = can_repeat;
    }
}

static void run_on_link(struct run *run)
{
    while (run->done < run->count && !run->is_broken) {
        if (!set_time_left(run->link->memc, run->deadline_ns))
            break;
        if (run->requests[run->done]->verb == BK_MC_GET)
            run_gets(run);
        else
            run_one(run);
    }
    bool is_late = bk_mc_now_ns() >= run->deadline_ns;
    refuse_rest(
        run, is_late ? BRISK_ERR_TIMEOUT : BRISK_ERR_UNREACHABLE,
        run->is_broken && run->link->is_kept && !is_late);
}

static void free_links(struct bk_mc_pooled *pooled)
{
    while (pooled != NULL) {
        struct bk_mc_pooled *next = pooled->next;
        free_link((struct link *)(void *)pooled);
        pooled = next;
    }
}

static enum bk_mc_pool_answer take_link(struct run *run, enum brisk_status *status)
{
    struct bk_mc_transport *transport = run->transport;
    uint32_t newest = UINT32_MAX;
    if (run->count == 1 && run->requests[0]->verb == BK_MC_CAS)
        newest = run->requests[0]->epoch;
    struct bk_mc_pooled *pooled = NULL;
    enum bk_mc_pool_answer answer = bk_mc_pool_take(
        &transport->pool, newest, run->deadline_ns, &pooled);
    *status = BRISK_ERR_TIMEOUT;
    if (answer == BK_MC_POOL_FOUND) {
        run->link = (struct link *)(void *)pooled;
        run->link->is_kept = true;
        *status = BRISK_OK;
    } else if (answer == BK_MC_POOL_MAKE) {
        *status = make_link(transport, run->deadline_ns, &run->link);
        if (*status != BRISK_OK)
            bk_mc_pool_forgo(&transport->pool);
    }
    return answer;
}

static void give_link_back(struct run *run)
{
    struct bk_mc_transport *transport = run->transport;
    if (!run->is_broken) {
        bk_mc_pool_give(&transport->pool, &run->link->pooled);
        return;
    }
    /* What killed this connection has most likely killed those that lie idle. */
    free_link(run->link);
    bk_mc_pool_forgo(&transport->pool);
    free_links(bk_mc_pool_drain(&transport->pool));
}

static enum bk_mc_verdict run_requests(
    struct bk_mc_transport *transport, struct bk_mc_request *const *requests, size_t count,
    uint64_t deadline_ns)
{
    struct run run = {
        .transport = transport, .requests = requests, .count = count, .deadline_ns = deadline_ns};
    sigset_t before;
    hold_signals(&before);
    enum brisk_status status;
    enum bk_mc_pool_answer answer = take_link(&run, &status);
    enum bk_mc_verdict verdict = BK_MC_ALIVE;
    if (status != BRISK_OK) {
        refuse_rest(&run, status, false);
        bool is_untried = answer == BK_MC_POOL_TIMEOUT || status == BRISK_ERR_NOMEM;
        verdict = is_untried ? BK_MC_UNTRIED : BK_MC_FAILED;
    } else {
        run_on_link(&run);
        verdict = run.is_broken ? BK_MC_FAILED : BK_MC_ALIVE;
        give_link_back(&run);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return verdict;
}

static struct bk_mc_transport *open_transport(const struct bk_mc_transport_options *options)
{
    struct bk_mc_transport *transport = bk_calloc(1, sizeof *transport);
    if (transport == NULL)
        return NULL;
    transport->options = *options;
    if (bk_mc_pool_init(&transport->pool, options->connections))
        return transport;
    bk_free(transport);
    return NULL;
}

static void close_transport(struct bk_mc_transport *transport)
{
    free_links(bk_mc_pool_drain(&transport->pool));
    bk_mc_pool_free(&transport->pool);
    bk_free(transport);
}

const struct bk_mc_ops bk_mc_libmemcached = {open_transport, run_requests, close_transport};
