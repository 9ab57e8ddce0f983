/* SPDX-License-Identifier: Apache-2.0 */
/* A C function that remembers its results, in two lines: the options and BRISK_MEMOIZE_1. */
#include <math.h>
#include <stdio.h>

#include <brisk/brisk.h>

static double compute_sin(double x)
{
    printf("computing sin(%g)\n", x);
    return sin(x);
}

static const struct brisk_memo_options unbounded = {
    .size = sizeof unbounded, .max_entries = BRISK_MEMO_UNBOUNDED};
BRISK_MEMOIZE_1(double, memoized_sin, compute_sin, double, &unbounded);

int main(void)
{
    static const double arguments[] = {1, 1, 2, 1, 2};
    for (int i = 0; i < 5; i++)
        printf("sin(%g) = %.16g\n", arguments[i], memoized_sin(arguments[i]));

    struct brisk_memo *memo = memoized_sin_memo(NULL);
    struct brisk_memo_info info = {.size = sizeof info};
    if (memo == NULL)
        return 1;
    brisk_memo_read_info(memo, &info);
    printf(
        "%llu hits, %llu misses, %llu results kept%s\n", (unsigned long long)info.hits,
        (unsigned long long)info.misses, (unsigned long long)info.entries,
        info.max_entries == BRISK_MEMO_UNBOUNDED ? ", without a bound" : "");
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "memo_sin: cannot write to the standard output\n");
        return 1;
    }
    return 0;
}
