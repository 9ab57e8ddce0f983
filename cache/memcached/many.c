/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "cache/memcached/client.h"

/* Calls about many keys: an op each, sent server by server. */
struct batch {
    struct brisk_memcached *client;
    struct brisk_memcached_call call;
    uint64_t deadline_ns;
    struct bk_mc_op *ops;
    struct bk_mc_target *targets;
    struct bk_mc_request **sent; /* those for one server */
    size_t count;
    enum brisk_status *statuses;
    struct brisk_error *error; /* NULL once it has been written */
};

static enum brisk_status batch_open(
    struct batch *batch, struct brisk_memcached *client, const struct brisk_memcached_call *call)
{
    if (client == NULL)
        return bk_error_set(batch->error, BRISK_ERR_INVALID, 0, "there is no client");
    batch->client = client;
    enum brisk_status status = bk_mc_call_read(
        client, call, &batch->call, &batch->deadline_ns, batch->error);
    if (status != BRISK_OK)
        return status;
    batch->ops = bk_calloc(batch->count, sizeof *batch->ops);
    batch->targets = bk_calloc(batch->count, sizeof *batch->targets);
    batch->sent = bk_calloc(batch->count, sizeof *batch->sent);
    if (batch->ops != NULL && batch->targets != NULL && batch->sent != NULL)
        return BRISK_OK;
    return bk_error_set(
        batch->error, BRISK_ERR_NOMEM, 0, "no memory for %zu keys at once", batch->count);
}

static void batch_close(struct batch *batch)
{
    for (size_t i = 0; i < batch->count && batch->ops != NULL; i++)
        bk_free(batch->ops[i].encoded);
    bk_free(batch->ops);
    bk_free(batch->targets);
    bk_free(batch->sent);
}

static void note(struct batch *batch, size_t i, enum brisk_status status)
{
    batch->statuses[i] = status;
    if (status < 0)
        batch->error = NULL; /* the first failure is the one that is told */
}

/* False: it is refused and has its status. */
static bool batch_begin(struct batch *batch, size_t i, struct brisk_bytes key)
{
    struct bk_mc_op *op = &batch->ops[i];
    op->client = batch->client;
    op->call = batch->call;
    op->deadline_ns = batch->deadline_ns;
    enum brisk_status status = bk_mc_op_begin(op, key, batch->error);
    if (status != BRISK_OK) {
        op->server = NULL;
        note(batch, i, status);
    }
    return status == BRISK_OK;
}

static void send_to(struct batch *batch, struct bk_mc_server *server)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->ops[i].server == server)
            batch->sent[count++] = &batch->ops[i].request;
    if (count > 0)
        bk_mc_route(batch->client, server, batch->sent, count, batch->deadline_ns);
}

/* How many answered BRISK_OK. */
static size_t batch_run(struct batch *batch)
{
    for (size_t i = 0; i < batch->client->server_count; i++)
        send_to(batch, &batch->client->servers[i]);
    size_t ok = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct bk_mc_op *op = &batch->ops[i];
        if (op->server == NULL)
            continue;
        enum brisk_status status = bk_mc_explain(
            op->server, &op->request, batch->call.timeout_ms, batch->error);
        if (status < 0 && op->request.verb == BK_MC_GET)
            status = bk_mc_op_read_status(op);
        note(batch, i, status);
        ok += status == BRISK_OK;
    }
    return ok;
}

static size_t fail_all(struct batch *batch, enum brisk_status status)
{
    for (size_t i = 0; i < batch->count; i++)
        batch->statuses[i] = status;
    batch_close(batch);
    return 0;
}

size_t brisk_memcached_get_many(
    struct brisk_memcached *client, const struct brisk_bytes *keys, size_t count,
    const struct brisk_memcached_call *call, struct brisk_memcached_item *out,
    enum brisk_status *statuses, struct brisk_error *error)
{
    struct batch batch = {.count = count, .statuses = statuses, .error = error};
    if (count == 0)
        return 0;
    memset(out, 0, count * sizeof *out);
    enum brisk_status status = batch_open(&batch, client, call);
    if (status != BRISK_OK)
        return fail_all(&batch, status);
    for (size_t i = 0; i < count; i++) {
        if (!batch_begin(&batch, i, keys[i]))
            continue;
        batch.targets[i].item = &out[i];
        bk_mc_op_get(&batch.ops[i], &batch.targets[i]);
    }
    size_t ok = batch_run(&batch);
    batch_close(&batch);
    return ok;
}

size_t brisk_memcached_set_many(
    struct brisk_memcached *client, const struct brisk_bytes *keys,
    const struct brisk_bytes *values, size_t count, const struct brisk_memcached_call *call,
    enum brisk_status *statuses, struct brisk_error *error)
{
    struct batch batch = {.count = count, .statuses = statuses, .error = error};
    if (count == 0)
        return 0;
    enum brisk_status status = batch_open(&batch, client, call);
    if (status != BRISK_OK)
        return fail_all(&batch, status);
    for (size_t i = 0; i < count; i++) {
        if (!batch_begin(&batch, i, keys[i]))
            continue;
        status = bk_mc_op_store(&batch.ops[i], BK_MC_SET, values[i], batch.error);
        if (status == BRISK_OK)
            continue;
        batch.ops[i].server = NULL;
        note(&batch, i, status);
    }
    size_t ok = batch_run(&batch);
    batch_close(&batch);
    return ok;
}

size_t brisk_memcached_delete_many(
    struct brisk_memcached *client, const struct brisk_bytes *keys, size_t count,
    const struct brisk_memcached_call *call, enum brisk_status *statuses, struct brisk_error *error)
{
    struct batch batch = {.count = count, .statuses = statuses, .error = error};
    if (count == 0)
        return 0;
    enum brisk_status status = batch_open(&batch, client, call);
    if (status != BRISK_OK)
        return fail_all(&batch, status);
    for (size_t i = 0; i < count; i++)
        if (batch_begin(&batch, i, keys[i]))
            batch.ops[i].request.verb = BK_MC_DELETE;
    size_t ok = batch_run(&batch);
    batch_close(&batch);
    return ok;
}
