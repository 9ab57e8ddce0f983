/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <brisk/brisk.h>

/* Runs once per missing key, however many threads ask for it. */
static enum brisk_status load_page(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    char page[64];
    int length = snprintf(page, sizeof page, "page %.*s", (int)key.length, (const char *)key.data);
    (void)entry, (void)ctx;
    return brisk_view_copy(out, brisk_bytes_of(page, (size_t)length));
}

int main(void)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.max_bytes = 16 << 20;
    options.ttl = 60 * 1000; /* ms */
    struct brisk_cache *cache = brisk_cache_new(&options, NULL);
    struct brisk_bytes key = brisk_bytes_text("home");
    struct brisk_view page;
    for (int i = 0; cache != NULL && i < 2; i++) /* the second one is a hit */
        if (brisk_cache_get_or_load(cache, key, &page, load_page, NULL) == BRISK_OK) {
            printf("%.*s\n", (int)page.length, (const char *)page.data);
            brisk_view_release(&page); /* readable until here, even if the entry is long gone */
        }
    brisk_cache_free(cache);
    return 0;
}
