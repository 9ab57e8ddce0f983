/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two visitors come at the same moment: counting by get and set loses one, by compare and
 * swap or by increment none. The argument is a memcached's address.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <brisk/memcached.h>

static const char key_text[] = "visitors";

static struct brisk_bytes key(void)
{
    return brisk_bytes_text(key_text);
}

static unsigned long long number_of(const struct brisk_view *view)
{
    char text[32] = "";
    if (view->length < sizeof text && view->length > 0)
        memcpy(text, view->data, view->length);
    return strtoull(text, NULL, 10);
}

static struct brisk_bytes write_number(char text[32], unsigned long long number)
{
    snprintf(text, 32, "%llu", number);
    return brisk_bytes_text(text);
}

static enum brisk_status count_visitor(struct brisk_memcached *client)
{
    return brisk_memcached_increment(client, key(), 1, NULL, NULL, NULL, NULL);
}

/* Somebody else comes between our get and our set. */
static enum brisk_status visit_by_set(struct brisk_memcached *client)
{
    struct brisk_memcached_item item;
    char text[32];
    enum brisk_status status = brisk_memcached_get(client, key(), NULL, &item, NULL);
    if (status != BRISK_OK)
        return status;
    status = count_visitor(client);
    if (status == BRISK_OK)
        status = brisk_memcached_set(
            client, key(), write_number(text, number_of(&item.value) + 1), NULL, NULL);
    brisk_view_release(&item.value);
    return status;
}

struct visit {
    struct brisk_memcached *client;
    int turns;
};

/* Somebody else comes between, the first time. */
static enum brisk_status
next_number(const struct brisk_memcached_item *old, struct brisk_view *out, void *ctx)
{
    struct visit *visit = ctx;
    char text[32];
    if (visit->turns++ == 0 && count_visitor(visit->client) != BRISK_OK)
        return BRISK_ERR_CANCELLED;
    return brisk_view_copy(out, write_number(text, old == NULL ? 1 : number_of(&old->value) + 1));
}

static int report(struct brisk_memcached *client, const char *how, enum brisk_status status)
{
    struct brisk_memcached_item item;
    if (status == BRISK_OK)
        status = brisk_memcached_get(client, key(), NULL, &item, NULL);
    if (status != BRISK_OK) {
        fprintf(stderr, "memcached_visitors: %s\n", brisk_status_text(status));
        return 1;
    }
    printf("%s: 42 and two more are %llu\n", how, number_of(&item.value));
    brisk_view_release(&item.value);
    return 0;
}

static int run(struct brisk_memcached *client)
{
    const struct brisk_bytes many = brisk_bytes_text("42");
    enum brisk_status status = brisk_memcached_set(client, key(), many, NULL, NULL);
    if (status == BRISK_OK)
        status = visit_by_set(client);
    if (report(client, "get and set", status) != 0)
        return 1;

    struct visit visit = {client, 0};
    status = brisk_memcached_set(client, key(), many, NULL, NULL);
    if (status == BRISK_OK)
        status = brisk_memcached_update(client, key(), next_number, &visit, NULL, NULL);
    if (report(client, "update", status) != 0)
        return 1;

    status = brisk_memcached_set(client, key(), many, NULL, NULL);
    for (int i = 0; i < 2 && status == BRISK_OK; i++)
        status = count_visitor(client);
    return report(client, "increment", status);
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
        fprintf(stderr, "memcached_visitors: %s\n", error.message);
        return 1;
    }
    int failed = run(client);
    brisk_memcached_close(client);
    return failed != 0 || fflush(stdout) != 0 || ferror(stdout);
}
