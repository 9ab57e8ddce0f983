/* SPDX-License-Identifier: Apache-2.0 */
/* A result that is computed again after five seconds; the seconds are counted by hand here. */
#include <stdio.h>

#include <brisk/brisk.h>

static uint64_t second;

static uint64_t count_seconds(void *counter)
{
    return *(const uint64_t *)counter;
}

/* In place of something that changes: a price, a setting in a file. */
static int compute_price(int article)
{
    return 100 * article + (int)second;
}

static const struct brisk_memo_options for_five_seconds = {
    .size = sizeof for_five_seconds, .ttl = 5, .clock = count_seconds, .clock_ctx = &second};
BRISK_MEMOIZE_1(int, price_of, compute_price, int, &for_five_seconds);

static void show(struct brisk_memo *memo)
{
    struct brisk_memo_info info = {.size = sizeof info};
    brisk_memo_read_info(memo, &info);
    printf(
        "second %llu: hits %llu, misses %llu, max_entries %llu, entries %llu\n",
        (unsigned long long)second, (unsigned long long)info.hits, (unsigned long long)info.misses,
        (unsigned long long)info.max_entries, (unsigned long long)info.entries);
}

int main(void)
{
    struct brisk_memo *memo = price_of_memo(NULL);
    if (memo == NULL)
        return 1;
    printf("price %d\n", price_of(3));
    show(memo);
    second = 4;
    printf("price %d\n", price_of(3));
    show(memo);
    second = 5; /* nobody asks, and yet it is gone */
    show(memo);
    printf("price %d\n", price_of(3));
    show(memo);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "memo_ttl: cannot write to the standard output\n");
        return 1;
    }
    return 0;
}
