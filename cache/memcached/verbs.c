/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "cache/memcached/client.h"

static enum brisk_status
run_read(struct bk_mc_op *op, struct bk_mc_target *target, struct brisk_error *error)
{
    bk_mc_op_get(op, target);
    enum brisk_status status = bk_mc_op_run(op, error);
    return status >= 0 ? status : bk_mc_op_read_status(op);
}

enum brisk_status brisk_memcached_get(
    struct brisk_memcached *client, struct brisk_bytes key, const struct brisk_memcached_call *call,
    struct brisk_memcached_item *out, struct brisk_error *error)
{
    if (out == NULL)
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "there is no place for the item");
    memset(out, 0, sizeof *out);
    struct bk_mc_op op;
    enum brisk_status status = bk_mc_op_open(&op, client, key, call, error);
    struct bk_mc_target target = {.item = out};
    return status != BRISK_OK ? status : run_read(&op, &target, error);
}

enum brisk_status brisk_memcached_get_into(
    struct brisk_memcached *client, struct brisk_bytes key, const struct brisk_memcached_call *call,
    void *buffer, size_t capacity, size_t *length, struct brisk_error *error)
{
    if (length == NULL || (buffer == NULL && capacity > 0))
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "there is no place for the value");
    *length = 0;
    struct bk_mc_op op;
    enum brisk_status status = bk_mc_op_open(&op, client, key, call, error);
    struct bk_mc_target target = {.buffer = buffer, .capacity = capacity, .length = length};
    return status != BRISK_OK ? status : run_read(&op, &target, error);
}

static enum brisk_status store(
    struct brisk_memcached *client, enum bk_mc_verb verb, struct brisk_bytes key,
    struct brisk_bytes value, const struct brisk_memcached_call *call, struct brisk_error *error)
{
    struct bk_mc_op op;
    enum brisk_status status = bk_mc_op_open(&op, client, key, call, error);
    if (status == BRISK_OK)
        status = bk_mc_op_store(&op, verb, value, error);
    return status != BRISK_OK ? status : bk_mc_op_run(&op, error);
}

enum brisk_status brisk_memcached_set(
    struct brisk_memcached *client, struct brisk_bytes key, struct brisk_bytes value,
    const struct brisk_memcached_call *call, struct brisk_error *error)
{
    return store(client, BK_MC_SET, key, value, call, error);
}

enum brisk_status brisk_memcached_add(
    struct brisk_memcached *client, struct brisk_bytes key, struct brisk_bytes value,
    const struct brisk_memcached_call *call, struct brisk_error *error)
{
    return store(client, BK_MC_ADD, key, value, call, error);
}

enum brisk_status brisk_memcached_replace(
    struct brisk_memcached *client, struct brisk_bytes key, struct brisk_bytes value,
    const struct brisk_memcached_call *call, struct brisk_error *error)
{
    return store(client, BK_MC_REPLACE, key, value, call, error);
}

enum brisk_status brisk_memcached_append(
    struct brisk_memcached *client, struct brisk_bytes key, struct brisk_bytes value,
    const struct brisk_memcached_call *call, struct brisk_error *error)
{
    return store(client, BK_MC_APPEND, key, value, call, error);
}

enum brisk_status brisk_memcached_prepend(
    struct brisk_memcached *client, struct brisk_bytes key, struct brisk_bytes value,
    const struct brisk_memcached_call *call, struct brisk_error *error)
{
    return store(client, BK_MC_PREPEND, key, value, call, error);
}

enum brisk_status brisk_memcached_cas(
    struct brisk_memcached *client, struct brisk_bytes key, struct brisk_bytes value,
    struct brisk_memcached_token cas, const struct brisk_memcached_call *call,
    struct brisk_error *error)
{
    struct bk_mc_op op;
    enum brisk_status status = bk_mc_op_open(&op, client, key, call, error);
    if (status != BRISK_OK)
        return status;
    if (cas.token == 0)
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "the cas token is empty");
    if (cas.server != op.server->id)
        return BRISK_CONFLICT;
    status = bk_mc_op_store(&op, BK_MC_CAS, value, error);
    op.request.cas = cas.token;
    op.request.epoch = cas.epoch;
    return status != BRISK_OK ? status : bk_mc_op_run(&op, error);
}

static enum brisk_status run_plain(
    struct brisk_memcached *client, enum bk_mc_verb verb, struct brisk_bytes key,
    const struct brisk_memcached_call *call, struct brisk_error *error)
{
    struct bk_mc_op op;
    enum brisk_status status = bk_mc_op_open(&op, client, key, call, error);
    op.request.verb = verb;
    return status != BRISK_OK ? status : bk_mc_op_run(&op, error);
}

enum brisk_status brisk_memcached_delete(
    struct brisk_memcached *client, struct brisk_bytes key, const struct brisk_memcached_call *call,
    struct brisk_error *error)
{
    return run_plain(client, BK_MC_DELETE, key, call, error);
}

enum brisk_status brisk_memcached_touch(
    struct brisk_memcached *client, struct brisk_bytes key, const struct brisk_memcached_call *call,
    struct brisk_error *error)
{
    return run_plain(client, BK_MC_TOUCH, key, call, error);
}

enum brisk_status brisk_memcached_get_and_touch(
    struct brisk_memcached *client, struct brisk_bytes key, const struct brisk_memcached_call *call,
    struct brisk_memcached_item *out, struct brisk_error *error)
{
    if (out == NULL)
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "there is no place for the item");
    memset(out, 0, sizeof *out);
    struct bk_mc_op op;
    enum brisk_status status = bk_mc_op_open(&op, client, key, call, error);
    if (status != BRISK_OK)
        return status;
    op.request.verb = BK_MC_TOUCH;
    status = bk_mc_op_run(&op, error);
    struct bk_mc_target target = {.item = out};
    return status != BRISK_OK ? status : run_read(&op, &target, error);
}

/* Adds the initial value as if it had been there; BRISK_NOT_STORED: somebody was faster. */
static enum brisk_status
add_initial(struct bk_mc_op *op, uint64_t initial, struct brisk_error *error)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t rest = initial;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    struct brisk_bytes value = {digits + at, sizeof digits - at};
    enum brisk_status status = bk_mc_op_store(op, BK_MC_ADD, value, error);
    if (status == BRISK_OK)
        status = bk_mc_op_run(op, error);
    op->request.number = initial;
    op->request.value = (struct brisk_bytes){NULL, 0};
    return status;
}

static enum brisk_status count_up_or_down(
    struct bk_mc_op *op, enum bk_mc_verb verb, const uint64_t *initial, struct brisk_error *error)
{
    enum brisk_status status;
    bool is_lost; /* between the two somebody else deleted or added it */
    do {
        op->request.verb = verb;
        status = bk_mc_op_run(op, error);
        if (status != BRISK_MISS || initial == NULL)
            return status;
        status = add_initial(op, *initial, error);
        is_lost = status == BRISK_NOT_STORED;
    } while (is_lost);
    return status;
}

static enum brisk_status change_number(
    struct brisk_memcached *client, enum bk_mc_verb verb, struct brisk_bytes key, uint64_t delta,
    const uint64_t *initial, const struct brisk_memcached_call *call, uint64_t *out,
    struct brisk_error *error)
{
    struct bk_mc_op op;
    enum brisk_status status = bk_mc_op_open(&op, client, key, call, error);
    if (status != BRISK_OK)
        return status;
    if (op.key.is_hashed)
        return bk_error_set(
            error, BRISK_ERR_UNSUPPORTED, 0, "a number cannot be counted at a key that is hashed");
    op.request.delta = delta;
    status = count_up_or_down(&op, verb, initial, error);
    if (status == BRISK_OK && out != NULL)
        *out = op.request.number;
    return status;
}

enum brisk_status brisk_memcached_increment(
    struct brisk_memcached *client, struct brisk_bytes key, uint64_t delta, const uint64_t *initial,
    const struct brisk_memcached_call *call, uint64_t *out, struct brisk_error *error)
{
    return change_number(client, BK_MC_INCREMENT, key, delta, initial, call, out, error);
}

enum brisk_status brisk_memcached_decrement(
    struct brisk_memcached *client, struct brisk_bytes key, uint64_t delta, const uint64_t *initial,
    const struct brisk_memcached_call *call, uint64_t *out, struct brisk_error *error)
{
    return change_number(client, BK_MC_DECREMENT, key, delta, initial, call, out, error);
}

/* To a server, not about a key. */
static enum brisk_status
ask(struct brisk_memcached *client, size_t index, struct bk_mc_request *request,
    const struct brisk_memcached_call *call, uint64_t deadline_ns, struct brisk_error *error)
{
    struct bk_mc_server *server = &client->servers[index];
    bk_mc_route(client, server, &request, 1, deadline_ns);
    return bk_mc_explain(server, request, call->timeout_ms, error);
}

enum brisk_status brisk_memcached_flush_all(
    struct brisk_memcached *client, const struct brisk_memcached_call *call,
    struct brisk_error *error)
{
    if (client == NULL)
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "there is no client");
    struct brisk_memcached_call own;
    uint64_t deadline_ns;
    enum brisk_status answer = bk_mc_call_read(client, call, &own, &deadline_ns, error);
    if (answer != BRISK_OK)
        return answer;
    for (size_t i = 0; i < client->server_count; i++) {
        struct bk_mc_request request = {.verb = BK_MC_FLUSH};
        enum brisk_status status = ask(
            client, i, &request, &own, deadline_ns, answer == BRISK_OK ? error : NULL);
        if (answer == BRISK_OK)
            answer = status;
    }
    return answer;
}

enum brisk_status brisk_memcached_ask_server(
    struct brisk_memcached *client, size_t index, const char *group,
    const struct brisk_memcached_call *call, brisk_memcached_stat_fn *visit, void *ctx,
    struct brisk_error *error)
{
    if (client == NULL || visit == NULL || index >= client->server_count)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "no client, no function, or no server %zu", index);
    struct brisk_bytes name = {group, group == NULL ? 0 : strlen(group)};
    if (!bk_mc_is_sendable(name) || name.length > BRISK_MEMCACHED_KEY_MAX)
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "the group is no single word");
    struct brisk_memcached_call own;
    uint64_t deadline_ns;
    enum brisk_status status = bk_mc_call_read(client, call, &own, &deadline_ns, error);
    if (status != BRISK_OK)
        return status;
    struct bk_mc_request request = {
        .verb = BK_MC_STATS, .key = name, .visit = visit, .visit_ctx = ctx};
    return ask(client, index, &request, &own, deadline_ns, error);
}
