/* SPDX-License-Identifier: Apache-2.0 */
/* All that was rendered from one article goes at once when the article changes. */
#include <stdio.h>

#include <brisk/brisk.h>

static void put(struct brisk_cache *cache, const char *key, const char *value, uint64_t article)
{
    struct brisk_entry_options entry = brisk_entry_options_default();
    entry.group = article;
    if (brisk_cache_set(cache, brisk_bytes_text(key), brisk_bytes_text(value), &entry) != BRISK_OK)
        fprintf(stderr, "%s is not kept\n", key);
}

static void show(struct brisk_cache *cache)
{
    static const char *const keys[] = {"7.html", "7.json", "7.print", "8.html"};
    for (int i = 0; i < 4; i++) {
        bool is_there = brisk_cache_contains(cache, brisk_bytes_text(keys[i])) == BRISK_OK;
        printf("%s%s%s", i == 0 ? "" : ", ", keys[i], is_there ? "" : " missing");
    }
    printf("\n");
}

int main(void)
{
    struct brisk_cache *cache = brisk_cache_new(NULL, NULL);
    if (cache == NULL)
        return 1;
    put(cache, "7.html", "<h1>Seven</h1>", 7);
    put(cache, "7.json", "{\"title\":\"Seven\"}", 7);
    put(cache, "7.print", "SEVEN", 7);
    put(cache, "8.html", "<h1>Eight</h1>", 8);
    show(cache);

    brisk_cache_invalidate_group(cache, 7); /* the same time for 3 entries or 3 million */
    show(cache);

    put(cache, "7.html", "<h1>Seven, corrected</h1>", 7); /* the group goes on */
    show(cache);
    brisk_cache_free(cache);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "group: cannot write to the standard output\n");
        return 1;
    }
    return 0;
}
