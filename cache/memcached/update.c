/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "base/error.h"
#include "cache/memcached/client.h"
#include "cache/memcached/clock.h"

enum {
    FIRST_WAIT_NS = 1000000,
    MOST_WAIT_NS = 64000000
};

struct update {
    struct brisk_memcached *client;
    struct brisk_bytes key;
    brisk_memcached_update_fn *update;
    void *ctx;
    struct brisk_memcached_call call;
    uint64_t deadline_ns;
    struct brisk_error *error;
    bool is_lost; /* the last turn: somebody was faster */
};

/* Each of the requests has the time that is left of the whole. */
static bool set_time_left(struct update *update)
{
    uint64_t now_ns = bk_mc_now_ns();
    if (now_ns >= update->deadline_ns)
        return false;
    update->call.timeout_ms = (unsigned int)((update->deadline_ns - now_ns + 999999) / 1000000);
    return true;
}

static enum brisk_status store_next(
    struct update *update, const struct brisk_memcached_item *old, const struct brisk_view *next)
{
    struct brisk_bytes value = brisk_view_bytes(next);
    if (old == NULL)
        return brisk_memcached_add(
            update->client, update->key, value, &update->call, update->error);
    return brisk_memcached_cas(
        update->client, update->key, value, old->cas, &update->call, update->error);
}

/* One turn: read, compute, store. */
static enum brisk_status try_once(struct update *update)
{
    struct brisk_memcached_item item;
    enum brisk_status status = brisk_memcached_get(
        update->client, update->key, &update->call, &item, update->error);
    if (status != BRISK_OK && status != BRISK_MISS)
        return status;
    const struct brisk_memcached_item *old = status == BRISK_OK ? &item : NULL;
    struct brisk_view next = {NULL, 0, NULL};
    status = update->update(old, &next, update->ctx);
    if (status != BRISK_OK) {
        brisk_view_release(&item.value);
        return status;
    }
    status = set_time_left(update) ? store_next(update, old, &next)
                                   : bk_error_set(
                                         update->error, BRISK_ERR_TIMEOUT, 0,
                                         "the time was up before the update could be stored");
    brisk_view_release(&next);
    brisk_view_release(&item.value);
    update->is_lost = status == BRISK_NOT_STORED || status == BRISK_MISS ||
                      status == BRISK_CONFLICT;
    return update->is_lost ? BRISK_CONFLICT : status;
}

/* False: the wait would be longer than there is time. */
static bool wait_a_while(const struct update *update, uint64_t wait_ns)
{
    uint64_t until_ns = bk_mc_now_ns() + wait_ns;
    if (until_ns >= update->deadline_ns)
        return false;
    struct timespec until = {(time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
        ;
    return true;
}

enum brisk_status brisk_memcached_update(
    struct brisk_memcached *client, struct brisk_bytes key, brisk_memcached_update_fn *update,
    void *ctx, const struct brisk_memcached_call *call, struct brisk_error *error)
{
    if (client == NULL || update == NULL)
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "no client, or no function");
    struct update own = {
        .client = client, .key = key, .update = update, .ctx = ctx, .error = error};
    enum brisk_status status = bk_mc_call_read(client, call, &own.call, &own.deadline_ns, error);
    if (status != BRISK_OK)
        return status;
    uint64_t random = bk_mc_now_ns() ^ (uint64_t)(uintptr_t)&own;
    uint64_t most_ns = FIRST_WAIT_NS;
    do {
        status = try_once(&own);
        if (!own.is_lost)
            return status;
        /* From 0 to the most ("full jitter"), so that those who collided do not meet again. */
        uint64_t wait_ns = bk_mc_random(&random) % most_ns;
        most_ns = most_ns >= MOST_WAIT_NS / 2 ? MOST_WAIT_NS : most_ns * 2;
        if (!wait_a_while(&own, wait_ns))
            return status;
    } while (set_time_left(&own));
    return status;
}
