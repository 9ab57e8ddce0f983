/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "cache/memcached/address.h"
#include "cache/memcached/client.h"

enum {
    DEFAULT_TIMEOUT_MS = 500,
    DEFAULT_CONNECTIONS = 16,
    MOST_CONNECTIONS = 1024,
    DEFAULT_BREAKER_FAILURES = 3,
    DEFAULT_BREAKER_WAIT_MS = 100,
    DEFAULT_BREAKER_MAX_WAIT_MS = 10000,
    /* memcached's items are up to 1 MiB with key, header and chunks; this leaves a KiB. */
    DEFAULT_MAX_VALUE_BYTES = 1024 * 1024 - 1024,
    /* Leaves room for a key, or the hash of one. */
    PREFIX_MAX = 128
};

static enum brisk_status no_memory(struct brisk_error *error)
{
    return bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory for a memcached client");
}

static void or_default(unsigned int *field, unsigned int value)
{
    if (*field == 0)
        *field = value;
}

static enum brisk_status resolve_options(
    struct brisk_memcached_options *own, const struct brisk_memcached_options *given,
    struct brisk_error *error)
{
    enum brisk_status status = bk_options_read(own, sizeof *own, given, sizeof *own, error);
    if (status != BRISK_OK)
        return status;
    or_default(&own->timeout_ms, DEFAULT_TIMEOUT_MS);
    or_default(&own->connections, DEFAULT_CONNECTIONS);
    or_default(&own->breaker_failures, DEFAULT_BREAKER_FAILURES);
    or_default(&own->breaker_wait_ms, DEFAULT_BREAKER_WAIT_MS);
    or_default(&own->breaker_max_wait_ms, DEFAULT_BREAKER_MAX_WAIT_MS);
    if (own->max_value_bytes == 0)
        own->max_value_bytes = DEFAULT_MAX_VALUE_BYTES;
    if (own->name == NULL)
        own->name = "memcached";
    if (own->key_prefix == NULL)
        own->key_prefix = "";
    if (own->connections > MOST_CONNECTIONS)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "connections is %u, more than %d", own->connections,
            MOST_CONNECTIONS);
    size_t length = strlen(own->key_prefix);
    if (length > PREFIX_MAX || !bk_mc_is_sendable(brisk_bytes_of(own->key_prefix, length)))
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            "key_prefix has more than %d bytes, or a blank or control character", PREFIX_MAX);
    if ((own->servers == NULL) != (own->server_count == 0))
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "servers and server_count do not fit each other");
    return BRISK_OK;
}

/* FNV-1a: the same in every process. */
static uint32_t id_of(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash;
}

static enum brisk_status add_server(
    struct brisk_memcached *client, const struct brisk_memcached_server *given,
    struct brisk_error *error)
{
    struct bk_mc_server *server = &client->servers[client->server_count];
    enum brisk_status status = bk_mc_address_read(&server->address, given->address, error);
    if (status == BRISK_ERR_NOMEM)
        return no_memory(error);
    if (status != BRISK_OK)
        return status;
    client->server_count++;
    server->name = bk_mc_address_name(&server->address);
    if (server->name == NULL)
        return no_memory(error);
    server->id = id_of(server->name);
    for (size_t i = 0; i + 1 < client->server_count; i++)
        if (strcmp(client->servers[i].name, server->name) == 0)
            return bk_error_set(
                error, BRISK_ERR_INVALID, 0, "the server '%.128s' is there twice", given->address);
    status = brisk_ring_add(client->ring, server->name, given->weight);
    if (status == BRISK_ERR_NOMEM)
        return no_memory(error);
    if (status != BRISK_OK)
        return bk_error_set(
            error, status, 0, "the server '%.128s' has a weight above %d, or is one too many",
            given->address, BRISK_RING_WEIGHT_MAX);
    return BRISK_OK;
}

/* The ring answers with names of its own; equal pointers are faster to find than equal texts. */
static enum brisk_status note_places(struct brisk_memcached *client, struct brisk_error *error)
{
    const char **names = bk_calloc(client->server_count, sizeof *names);
    if (names == NULL)
        return no_memory(error);
    size_t count = brisk_ring_nodes_of(
        client->ring, brisk_bytes_text("any"), client->server_count, names);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < client->server_count; j++)
            if (strcmp(client->servers[j].name, names[i]) == 0)
                client->servers[j].place = names[i];
    bk_free(names);
    return BRISK_OK;
}

static enum brisk_status add_servers(struct brisk_memcached *client, struct brisk_error *error)
{
    static const struct brisk_memcached_server local = {"127.0.0.1", 1};
    const struct brisk_memcached_server *given = client->options.servers;
    size_t count = given == NULL ? 1 : client->options.server_count;
    if (given == NULL)
        given = &local;
    client->servers = bk_calloc(count, sizeof *client->servers);
    client->ring = brisk_ring_new();
    if (client->servers == NULL || client->ring == NULL)
        return no_memory(error);
    for (size_t i = 0; i < count; i++) {
        enum brisk_status status = add_server(client, &given[i], error);
        if (status != BRISK_OK)
            return status;
    }
    return note_places(client, error);
}

static enum brisk_status
describe(void *client, enum brisk_format format, char *buffer, size_t capacity, size_t *out_length)
{
    enum brisk_status status = brisk_memcached_write_stats(
        client, format, buffer, capacity, out_length);
    if (status == BRISK_ERR_SHORT_BUFFER)
        *out_length += 1;
    return status;
}

static enum brisk_status fill(
    struct brisk_memcached *client, const struct brisk_memcached_options *options,
    struct brisk_error *error)
{
    enum brisk_status status = resolve_options(&client->options, options, error);
    if (status != BRISK_OK)
        return status;
    client->ops = &bk_mc_libmemcached;
    client->name = bk_strdup(client->options.name);
    client->prefix = bk_strdup(client->options.key_prefix);
    if (client->name == NULL || client->prefix == NULL)
        return no_memory(error);
    client->prefix_length = strlen(client->prefix);
    status = add_servers(client, error);
    if (status != BRISK_OK)
        return status;
    if (bk_mc_process_of(client) == NULL)
        return no_memory(error);
    client->registry_id = brisk_registry_add("memcached", client->name, client, describe, error);
    return client->registry_id != 0 ? BRISK_OK : BRISK_ERR_NOMEM;
}

struct brisk_memcached *
brisk_memcached_open(const struct brisk_memcached_options *options, struct brisk_error *error)
{
    struct brisk_memcached *client = bk_calloc(1, sizeof *client);
    if (client == NULL) {
        no_memory(error);
        return NULL;
    }
    if (fill(client, options, error) == BRISK_OK)
        return client;
    brisk_memcached_close(client);
    return NULL;
}

void brisk_memcached_close(struct brisk_memcached *client)
{
    if (client == NULL)
        return;
    brisk_registry_remove(client->registry_id);
    bk_mc_process_free(client, atomic_load(&client->process));
    for (size_t i = 0; i < client->server_count; i++) {
        bk_free(client->servers[i].address.host);
        bk_free(client->servers[i].name);
    }
    bk_free(client->servers);
    brisk_ring_free(client->ring);
    bk_free(client->prefix);
    bk_free(client->name);
    bk_free(client);
}
