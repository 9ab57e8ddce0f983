/* SPDX-License-Identifier: Apache-2.0 */
/* A page stays available for a while when the server behind it does not answer. */
#include <stdio.h>

#include <brisk/brisk.h>

struct server {
    uint64_t minute;
    bool is_down;
};

static uint64_t minutes_of(void *server)
{
    return ((const struct server *)server)->minute;
}

static enum brisk_status ask_server(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    const struct server *server = ctx;
    char page[32];
    (void)key, (void)entry;
    if (server->is_down)
        return BRISK_ERR_UNREACHABLE;
    int length = snprintf(
        page, sizeof page, "news of minute %llu", (unsigned long long)server->minute);
    return brisk_view_copy(out, brisk_bytes_of(page, (size_t)length));
}

static void show_news(struct brisk_cache *cache, struct server *server, uint64_t minute)
{
    struct brisk_view page;
    server->minute = minute;
    enum brisk_status status = brisk_cache_get_or_load(
        cache, brisk_bytes_text("news"), &page, ask_server, server);
    printf(
        "minute %2llu: %-21s %.*s\n", (unsigned long long)minute, brisk_status_name(status),
        (int)page.length, (const char *)page.data); /* without a value the view is empty */
    brisk_view_release(&page);
}

int main(void)
{
    struct server server = {0, false};
    struct brisk_cache_options options = brisk_cache_options_default();
    options.ttl = 10;
    options.stale = 30; /* so long after its deadline it serves where loading fails */
    options.clock = minutes_of;
    options.clock_ctx = &server;
    struct brisk_cache *cache = brisk_cache_new(&options, NULL);
    if (cache == NULL)
        return 1;
    show_news(cache, &server, 0);
    show_news(cache, &server, 9);
    server.is_down = true;
    show_news(cache, &server, 10);
    show_news(cache, &server, 39);
    show_news(cache, &server, 40);
    server.is_down = false;
    show_news(cache, &server, 41);
    brisk_cache_free(cache);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "stale_page: cannot write to the standard output\n");
        return 1;
    }
    return 0;
}
