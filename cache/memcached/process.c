/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "base/memory.h"
#include "cache/memcached/client.h"
#include "cache/memcached/clock.h"

enum {
    NS_PER_MS = 1000000
};

static bool open_line(
    const struct brisk_memcached *client, struct bk_mc_line *line, struct bk_mc_server *server)
{
    const struct brisk_memcached_options *options = &client->options;
    const struct bk_breaker_options breaker = {
        .failures = options->breaker_failures,
        .wait_ns = (uint64_t)options->breaker_wait_ms * NS_PER_MS,
        .most_wait_ns = (uint64_t)options->breaker_max_wait_ms * NS_PER_MS,
        .seed = bk_mc_now_ns() ^ (uint64_t)getpid() << 32 ^ server->id};
    const struct bk_mc_transport_options transport = {
        .address = &server->address,
        .connections = options->connections,
        .epoch = &server->epoch,
        .connects = &server->counters.connects};
    line->transport = client->ops->open(&transport);
    if (line->transport == NULL)
        return false;
    if (bk_breaker_init(&line->breaker, &breaker))
        return true;
    client->ops->close(line->transport);
    line->transport = NULL;
    return false;
}

static void close_lines(struct brisk_memcached *client, struct bk_mc_process *process)
{
    for (size_t i = 0; i < client->server_count; i++) {
        if (process->lines[i].transport == NULL)
            continue;
        client->ops->close(process->lines[i].transport);
        bk_breaker_free(&process->lines[i].breaker);
    }
    bk_free(process->lines);
    bk_free(process);
}

static struct bk_mc_process *open_process(struct brisk_memcached *client)
{
    struct bk_mc_process *process = bk_calloc(1, sizeof *process);
    if (process == NULL)
        return NULL;
    process->pid = getpid();
    process->lines = bk_calloc(client->server_count, sizeof *process->lines);
    if (process->lines == NULL) {
        bk_free(process);
        return NULL;
    }
    for (size_t i = 0; i < client->server_count; i++) {
        if (!open_line(client, &process->lines[i], &client->servers[i])) {
            close_lines(client, process);
            return NULL;
        }
    }
    return process;
}

struct bk_mc_process *bk_mc_process_of(struct brisk_memcached *client)
{
    struct bk_mc_process *process = atomic_load_explicit(&client->process, memory_order_acquire);
    if (process != NULL && process->pid == getpid())
        return process;
    struct bk_mc_process *fresh = open_process(client);
    if (fresh == NULL)
        return NULL;
    /* What was the parent's is left as it is: to close its connections would say "quit" for it. */
    if (atomic_compare_exchange_strong(&client->process, &process, fresh))
        return fresh;
    close_lines(client, fresh);
    return process; /* another thread of this child was faster */
}

void bk_mc_process_free(struct brisk_memcached *client, struct bk_mc_process *process)
{
    if (process != NULL && process->pid == getpid())
        close_lines(client, process);
}
