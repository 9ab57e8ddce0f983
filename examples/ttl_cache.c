/* SPDX-License-Identifier: Apache-2.0 */
/* A page that is fetched again every five seconds; here a second is one turn of a loop. */
#include <stdio.h>

#include <brisk/brisk.h>

/* Time may be anything that does not go back: seconds, requests, turns. */
static uint64_t count_turns(void *turn)
{
    return *(const uint64_t *)turn;
}

/* In place of a network. */
static enum brisk_status
fetch(struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *turn)
{
    char page[64];
    int length = snprintf(
        page, sizeof page, "%.*s as of %llu", (int)key.length, (const char *)key.data,
        (unsigned long long)*(const uint64_t *)turn);
    (void)entry;
    printf("not cached, fetching\n");
    return brisk_view_copy(out, brisk_bytes_of(page, (size_t)length));
}

int main(void)
{
    uint64_t turn;
    struct brisk_cache_options options = brisk_cache_options_default();
    options.max_entries = 5;
    options.ttl = 5;
    options.clock = count_turns;
    options.clock_ctx = &turn;
    struct brisk_cache *cache = brisk_cache_new(&options, NULL);
    if (cache == NULL)
        return 1;
    for (turn = 0; turn < 12; turn++) {
        struct brisk_view page;
        struct brisk_bytes key = brisk_bytes_text("front page");
        if (brisk_cache_get_or_load(cache, key, &page, fetch, &turn) != BRISK_OK)
            continue;
        printf(
            "%2llu: %.*s\n", (unsigned long long)turn, (int)page.length, (const char *)page.data);
        brisk_view_release(&page);
    }
    brisk_cache_free(cache);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "ttl_cache: cannot write to the standard output\n");
        return 1;
    }
    return 0;
}
