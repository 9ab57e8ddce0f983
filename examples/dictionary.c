/* SPDX-License-Identifier: Apache-2.0 */
/* Why a bound is needed: a dictionary of string lengths keeps all that it ever saw. */
#include <stdio.h>

#include <brisk/brisk.h>

/* The length of `word`, from the cache or else computed and kept there. */
static size_t length_of(struct brisk_cache *cache, const char *word)
{
    struct brisk_bytes key = brisk_bytes_text(word);
    size_t length = 0, copied;
    if (brisk_cache_get_into(cache, key, &length, sizeof length, &copied) == BRISK_MISS) {
        length = strlen(word);
        if (brisk_cache_set(cache, key, brisk_bytes_of(&length, sizeof length), NULL) != BRISK_OK)
            fprintf(stderr, "%s is not kept\n", word); /* the length is right all the same */
    }
    return length;
}

static void use(const char *name, struct brisk_cache *cache)
{
    printf("foobar -> %zu\n", length_of(cache, "foobar"));
    printf("babaz -> %zu\n", length_of(cache, "babaz"));
    for (int i = 0; i < 100000; i++) {
        char word[32];
        snprintf(word, sizeof word, "word %d", i);
        length_of(cache, word);
    }
    struct brisk_cache_stats stats = {.size = sizeof stats};
    brisk_cache_read_stats(cache, &stats);
    printf("%s: %llu entries\n", name, (unsigned long long)stats.entries);
}

int main(void)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.max_bytes = (size_t)1 << 40; /* as good as none */
    struct brisk_cache *dictionary = brisk_cache_new(&options, NULL);
    options.max_bytes = 0;
    options.max_entries = 1000;
    struct brisk_cache *bounded = brisk_cache_new(&options, NULL);
    if (dictionary == NULL || bounded == NULL)
        return 1;
    use("a dictionary without a bound", dictionary);
    use("a cache of 1000", bounded);
    brisk_cache_free(dictionary);
    brisk_cache_free(bounded);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "dictionary: cannot write to the standard output\n");
        return 1;
    }
    return 0;
}
