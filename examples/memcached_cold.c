/* SPDX-License-Identifier: Apache-2.0 */
/* A cache is cold at times: ask it, else compute and store. The argument is a memcached's address.
 */
#include <stdio.h>

#include <brisk/memcached.h>

/* In place of a slow query. */
static struct brisk_bytes run_query(void)
{
    printf("not cached, running the query\n");
    return brisk_bytes_text("42");
}

static int ask(struct brisk_memcached *client)
{
    struct brisk_bytes key = brisk_bytes_text("query"), result;
    struct brisk_memcached_item item;
    struct brisk_error error;
    enum brisk_status status = brisk_memcached_get(client, key, NULL, &item, &error);
    if (status == BRISK_OK) {
        printf("cached: %.*s\n", (int)item.value.length, (const char *)item.value.data);
        brisk_view_release(&item.value);
        return 0;
    }
    if (status < 0) /* the service goes on without its cache */
        fprintf(stderr, "memcached_cold: %s\n", error.message);
    result = run_query();
    printf("computed: %.*s\n", (int)result.length, (const char *)result.data);
    if (status == BRISK_MISS)
        status = brisk_memcached_set(client, key, result, NULL, &error);
    return status != BRISK_OK;
}

int main(int argc, char **argv)
{
    struct brisk_memcached_server server = {argc > 1 ? argv[1] : "127.0.0.1", 1};
    struct brisk_memcached_options options = brisk_memcached_options_default();
    struct brisk_error error;
    options.servers = &server;
    options.server_count = 1;
    struct brisk_memcached *client = brisk_memcached_open(&options, &error);
    if (client == NULL) {
        fprintf(stderr, "memcached_cold: %s\n", error.message);
        return 1;
    }
    int failed = ask(client) + ask(client);
    brisk_memcached_close(client);
    return failed != 0 || fflush(stdout) != 0 || ferror(stdout);
}
