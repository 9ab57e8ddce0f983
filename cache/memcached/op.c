/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "cache/memcached/client.h"
#include "cache/memcached/clock.h"

/*
 * The flags of an item: the caller's 24 bits, and ours. Every value that brisk stores
 * has the first, so that flags of other clients are not mistaken for the rest.
 */
#define FLAG_OURS UINT32_C(0x80000000)
#define FLAG_HAS_KEY UINT32_C(0x20000000) /* the value begins with its key */

enum {
    KEY_LENGTH_BYTES = 4, /* little endian, before the key */
    THIRTY_DAYS_S = 60 * 60 * 24 * 30
};

enum brisk_status bk_mc_call_read(
    const struct brisk_memcached *client, const struct brisk_memcached_call *call,
    struct brisk_memcached_call *out, uint64_t *deadline_ns, struct brisk_error *error)
{
    enum brisk_status status = BRISK_OK;
    if (call == NULL)
        *out = (struct brisk_memcached_call){.size = sizeof *out};
    else
        status = bk_options_read(out, sizeof *out, call, sizeof *out, error);
    if (status != BRISK_OK)
        return status;
    if ((out->flags & ~BRISK_MEMCACHED_FLAGS) != 0)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "flags is %#x, beyond BRISK_MEMCACHED_FLAGS", out->flags);
    if (out->timeout_ms == 0)
        out->timeout_ms = client->options.timeout_ms;
    *deadline_ns = bk_mc_now_ns() + (uint64_t)out->timeout_ms * 1000000;
    return BRISK_OK;
}

static struct bk_mc_server *server_of(struct brisk_memcached *client, struct brisk_bytes key)
{
    const char *place = NULL;
    if (client->server_count == 1 || brisk_ring_nodes_of(client->ring, key, 1, &place) == 0)
        return &client->servers[0];
    size_t i = 0;
    while (client->servers[i].place != place)
        i++;
    return &client->servers[i];
}

enum brisk_status
bk_mc_op_begin(struct bk_mc_op *op, struct brisk_bytes key, struct brisk_error *error)
{
    struct brisk_memcached *client = op->client;
    struct brisk_bytes prefix = {client->prefix, client->prefix_length};
    enum brisk_status status = bk_mc_key_make(
        &op->key, prefix, key, client->options.hash_keys, error);
    if (status != BRISK_OK)
        return status;
    op->asked = key;
    op->server = server_of(client, key);
    op->encoded = NULL;
    op->request = (struct bk_mc_request){.key = {op->key.text, op->key.length}};
    return BRISK_OK;
}

enum brisk_status bk_mc_op_open(
    struct bk_mc_op *op, struct brisk_memcached *client, struct brisk_bytes key,
    const struct brisk_memcached_call *call, struct brisk_error *error)
{
    if (client == NULL)
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "there is no client");
    op->client = client;
    enum brisk_status status = bk_mc_call_read(client, call, &op->call, &op->deadline_ns, error);
    return status != BRISK_OK ? status : bk_mc_op_begin(op, key, error);
}

/* The key that stands before the value, if it should, is the one that was asked for. */
static enum brisk_status
strip_key(const struct bk_mc_op *op, uint32_t flags, struct brisk_bytes *value)
{
    bool has_key = (flags & FLAG_OURS) != 0 && (flags & FLAG_HAS_KEY) != 0;
    if (has_key != op->key.is_hashed)
        return BRISK_MISS; /* of another client, whose key looks like a hashed one, or the reverse
                            */
    if (!has_key)
        return BRISK_OK;
    const uint8_t *bytes = value->data;
    if (value->length < KEY_LENGTH_BYTES)
        return BRISK_ERR_CORRUPT;
    size_t length = (size_t)bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16 |
                    (size_t)bytes[3] << 24;
    if (value->length - KEY_LENGTH_BYTES < length)
        return BRISK_ERR_CORRUPT;
    if (length != op->asked.length || memcmp(bytes + KEY_LENGTH_BYTES, op->asked.data, length) != 0)
        return BRISK_MISS; /* two keys with one hash */
    value->data = bytes + KEY_LENGTH_BYTES + length;
    value->length -= KEY_LENGTH_BYTES + length;
    return BRISK_OK;
}

static enum brisk_status take_found(struct bk_mc_request *request, const struct bk_mc_found *found)
{
    const struct bk_mc_target *target = request->take_ctx;
    struct brisk_bytes value = found->value;
    enum brisk_status status = strip_key(target->op, found->flags, &value);
    if (status != BRISK_OK)
        return status;
    bk_mc_count(&target->op->server->counters.read_bytes, value.length);
    if (target->item == NULL) {
        *target->length = value.length;
        if (value.length > target->capacity)
            return BRISK_ERR_SHORT_BUFFER;
        if (value.length > 0)
            memcpy(target->buffer, value.data, value.length);
        return BRISK_OK;
    }
    status = brisk_view_copy(&target->item->value, value);
    if (status != BRISK_OK)
        return status;
    bool is_ours = (found->flags & FLAG_OURS) != 0;
    target->item->flags = is_ours ? found->flags & BRISK_MEMCACHED_FLAGS : found->flags;
    target->item->cas = (struct brisk_memcached_token){
        .token = found->cas, .server = target->op->server->id, .epoch = found->epoch};
    return BRISK_OK;
}

void bk_mc_op_get(struct bk_mc_op *op, struct bk_mc_target *target)
{
    target->op = op;
    op->request.verb = BK_MC_GET;
    op->request.take = take_found;
    op->request.take_ctx = target;
}

/* memcached takes a number above 30 days for a date. */
static int32_t expires_of(int64_t ttl_s)
{
    if (ttl_s < 0)
        return -1;
    if (ttl_s <= THIRTY_DAYS_S)
        return (int32_t)ttl_s;
    int64_t now_s = (int64_t)time(NULL);
    return ttl_s >= INT32_MAX - now_s ? INT32_MAX : (int32_t)(now_s + ttl_s);
}

static enum brisk_status
put_key_before(struct bk_mc_op *op, struct brisk_bytes value, struct brisk_error *error)
{
    size_t length = KEY_LENGTH_BYTES + op->asked.length + value.length;
    uint8_t *bytes = bk_malloc(length);
    if (bytes == NULL)
        return bk_error_set(
            error, BRISK_ERR_NOMEM, 0, "no memory for a value of %zu bytes", length);
    for (unsigned int i = 0; i < KEY_LENGTH_BYTES; i++)
        bytes[i] = (uint8_t)(op->asked.length >> (8 * i));
    memcpy(bytes + KEY_LENGTH_BYTES, op->asked.data, op->asked.length);
    if (value.length > 0)
        memcpy(bytes + KEY_LENGTH_BYTES + op->asked.length, value.data, value.length);
    op->encoded = bytes;
    op->request.value = brisk_bytes_of(bytes, length);
    op->request.flags |= FLAG_HAS_KEY;
    return BRISK_OK;
}

enum brisk_status bk_mc_op_store(
    struct bk_mc_op *op, enum bk_mc_verb verb, struct brisk_bytes value, struct brisk_error *error)
{
    size_t most = op->client->options.max_value_bytes;
    size_t header = op->key.is_hashed ? KEY_LENGTH_BYTES + op->asked.length : 0;
    if (value.length > most || header > most - value.length)
        return bk_error_set(
            error, BRISK_ERR_TOO_BIG, 0, "the value has %zu bytes, more than max_value_bytes, %zu",
            value.length, most);
    op->request.verb = verb;
    op->request.value = value;
    op->request.flags = op->call.flags | FLAG_OURS;
    op->request.expires = expires_of(op->call.ttl_s);
    if (!op->key.is_hashed)
        return BRISK_OK;
    if (verb == BK_MC_APPEND || verb == BK_MC_PREPEND)
        return bk_error_set(
            error, BRISK_ERR_UNSUPPORTED, 0, "nothing can be appended at a key that is hashed");
    return put_key_before(op, value, error);
}

enum brisk_status bk_mc_op_run(struct bk_mc_op *op, struct brisk_error *error)
{
    struct bk_mc_request *request = &op->request;
    if (request->verb == BK_MC_TOUCH)
        request->expires = expires_of(op->call.ttl_s);
    bk_mc_route(op->client, op->server, &request, 1, op->deadline_ns);
    bk_free(op->encoded);
    op->encoded = NULL;
    return bk_mc_explain(op->server, &op->request, op->call.timeout_ms, error);
}

enum brisk_status bk_mc_op_read_status(struct bk_mc_op *op)
{
    enum brisk_status status = op->request.status;
    bool is_server_s = status == BRISK_ERR_TIMEOUT || status == BRISK_ERR_UNREACHABLE ||
                       status == BRISK_ERR_CORRUPT || status == BRISK_ERR_UNSUPPORTED;
    if (!is_server_s || !op->client->options.fail_as_miss)
        return status;
    bk_mc_count(&op->server->counters.failed_as_miss, 1);
    return BRISK_MISS;
}
