/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/brisk.h>
#include <stdio.h>
/* Runs once per missing key, however many threads ask for it. */
static enum brisk_status load_page(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    return (void)entry, (void)ctx, brisk_view_copy(out, key); /* the page, where it is real */
}

int main(void)
{
    struct brisk_cache *cache = brisk_cache_new(NULL, NULL); /* of 64 MiB at most */
    struct brisk_bytes key = brisk_bytes_text("home");
    struct brisk_view view = {0};
    if (cache != NULL && brisk_cache_get_or_load(cache, key, &view, load_page, NULL) >= 0)
        printf("%.*s\n", (int)view.length, (const char *)view.data);
    brisk_view_release(&view); /* readable until here, even if the entry is long gone */
    brisk_cache_free(cache);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
