/* SPDX-License-Identifier: Apache-2.0 */
/* The statistics of all caches of a process, as a debug page or an exporter would show them. */
#include <stdio.h>

#include <brisk/brisk.h>

static enum brisk_status print_one(const struct brisk_registry_item *item, void *ctx)
{
    char text[4096];
    size_t length;
    const enum brisk_format *format = ctx;
    if (brisk_registry_describe(item->id, *format, text, sizeof text, &length) == BRISK_OK)
        printf("%s\n", text);
    return BRISK_OK;
}

int main(void)
{
    enum brisk_format text = BRISK_FORMAT_TEXT, json = BRISK_FORMAT_JSON;
    struct brisk_cache_options options = brisk_cache_options_default();
    options.name = "pages";
    options.max_entries = 1000;
    struct brisk_cache *pages = brisk_cache_new(&options, NULL);
    options.name = "users";
    struct brisk_cache *users = brisk_cache_new(&options, NULL);
    if (pages == NULL || users == NULL)
        return 1;
    for (int i = 0; i < 10; i++) {
        struct brisk_view view;
        struct brisk_bytes key = brisk_bytes_of(&"abc"[i % 3], 1);
        if (brisk_cache_get(pages, key, &view) == BRISK_MISS &&
            brisk_cache_set(pages, key, brisk_bytes_text("page"), NULL) != BRISK_OK)
            return 1;
        brisk_view_release(&view);
    }
    brisk_registry_for_each("cache", print_one, &text);
    brisk_registry_for_each("cache", print_one, &json);
    brisk_cache_free(pages);
    brisk_cache_free(users);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "all_caches: cannot write to the standard output\n");
        return 1;
    }
    return 0;
}
