/* SPDX-License-Identifier: Apache-2.0 */
/* A memo of the two results that were used last, and what it counts. */
#include <math.h>
#include <stdio.h>

#include <brisk/brisk.h>

static const struct brisk_memo_options two = {.size = sizeof two, .max_entries = 2};
BRISK_MEMOIZE_1(double, memoized_sin, sin, double, &two);

static void show(struct brisk_memo *memo, const char *after)
{
    struct brisk_memo_info info = {.size = sizeof info};
    brisk_memo_read_info(memo, &info);
    printf(
        "%s: hits %llu, misses %llu, max_entries %llu, entries %llu\n", after,
        (unsigned long long)info.hits, (unsigned long long)info.misses,
        (unsigned long long)info.max_entries, (unsigned long long)info.entries);
}

static void call(struct brisk_memo *memo, double x)
{
    char after[48];
    snprintf(after, sizeof after, "sin(%g) = %.16g", x, memoized_sin(x));
    show(memo, after);
}

int main(void)
{
    struct brisk_error error;
    struct brisk_memo *memo = memoized_sin_memo(&error);
    if (memo == NULL) {
        fprintf(stderr, "memo_lru: %s\n", error.message);
        return 1;
    }
    call(memo, 2);
    call(memo, 2);
    call(memo, 3);
    call(memo, 4); /* no room for the result of 2 */
    call(memo, 3);
    brisk_memo_clear(memo);
    show(memo, "cleared");
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "memo_lru: cannot write to the standard output\n");
        return 1;
    }
    return 0;
}
