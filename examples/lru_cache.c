/* SPDX-License-Identifier: Apache-2.0 */
/* A cache of three entries that drops the one that was not used for the longest time. */
#include <stdio.h>

#include <brisk/brisk.h>

static void put(struct brisk_cache *cache, const char *key, const char *value)
{
    if (brisk_cache_set(cache, brisk_bytes_text(key), brisk_bytes_text(value), NULL) == BRISK_OK)
        printf("put %s=%s\n", key, value);
}

static void read_and_print(struct brisk_cache *cache, const char *key)
{
    struct brisk_view value;
    if (brisk_cache_get(cache, brisk_bytes_text(key), &value) == BRISK_OK)
        printf("%s is %.*s\n", key, (int)value.length, (const char *)value.data);
    else
        printf("%s is not there\n", key);
    brisk_view_release(&value);
}

int main(void)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.policy = BRISK_POLICY_LRU;
    options.max_entries = 3;
    struct brisk_cache *cache = brisk_cache_new(&options, NULL);
    if (cache == NULL)
        return 1;
    put(cache, "foo", "1");
    put(cache, "bar", "42");
    read_and_print(cache, "bar");
    read_and_print(cache, "foo"); /* now bar is the least recently used */
    read_and_print(cache, "12");
    put(cache, "baz", "33");
    put(cache, "babar", "32"); /* the fourth: bar has to go */

    static const char *const keys[] = {"foo", "bar", "baz", "babar"};
    for (int i = 0; i < 4; i++)
        if (brisk_cache_contains(cache, brisk_bytes_text(keys[i])) == BRISK_OK)
            printf("left: %s\n", keys[i]);
    brisk_cache_free(cache);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "lru_cache: cannot write to the standard output\n");
        return 1;
    }
    return 0;
}
