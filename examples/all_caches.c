/* SPDX-License-Identifier: Apache-2.0 */
/* The statistics of all caches of a process, as a debug page or an exporter would show them. */
#include <stdio.h>
#include <stdlib.h>

#include <brisk/brisk.h>

/* The buffer is made to measure; numbers may grow between the two calls, so it has some more. */
static enum brisk_status print_one(const struct brisk_registry_item *item, void *ctx)
{
    const enum brisk_format *format = ctx;
    size_t length;
    if (brisk_registry_describe(item->id, *format, NULL, 0, &length) != BRISK_ERR_SHORT_BUFFER)
        return BRISK_OK; /* it is gone, or has nothing to say: on to the next one */
    size_t capacity = length + 256;
    char *text = malloc(capacity);
    if (text == NULL)
        return BRISK_ERR_NOMEM;
    if (brisk_registry_describe(item->id, *format, text, capacity, &length) == BRISK_OK)
        printf("%s\n", text);
    free(text);
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
    if (brisk_registry_for_each("cache", print_one, &text) != BRISK_OK ||
        brisk_registry_for_each("cache", print_one, &json) != BRISK_OK)
        return 1;
    brisk_cache_free(pages);
    brisk_cache_free(users);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "all_caches: cannot write to the standard output\n");
        return 1;
    }
    return 0;
}
