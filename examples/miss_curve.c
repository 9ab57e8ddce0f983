/* SPDX-License-Identifier: Apache-2.0 */
/* How large should the cache be? The curve of lookups whose popularity falls with their rank. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <brisk/curve.h>

enum {
    KEYS = 100000,
    LOOKUPS = 1000000,
    PRESENT_SIZE = 5000
};

/* xorshift: the same numbers in each run. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

int main(void)
{
    struct brisk_error error;
    struct brisk_curve *curve = brisk_curve_new(NULL, &error);
    if (curve == NULL) {
        fprintf(stderr, "%s\n", error.message);
        return EXIT_FAILURE;
    }
    uint64_t state = 42;
    for (int i = 0; i < LOOKUPS; i++) {
        double share = (double)(next_random(&state) >> 11) / 9007199254740992.0;
        uint64_t key = (uint64_t)(share * share * share * KEYS);
        brisk_curve_add(curve, brisk_bytes_of(&key, sizeof key));
    }

    char text[1024];
    size_t length;
    struct brisk_curve_reading reading = {.size = sizeof reading};
    brisk_curve_read(curve, PRESENT_SIZE, &reading);
    if (brisk_curve_write_text(&reading, text, sizeof text, &length) == BRISK_OK)
        fputs(text, stdout);
    for (uint64_t entries = 1000; entries <= KEYS; entries *= 10)
        printf(
            "%" PRIu64 " entries miss %.0f %%\n", entries,
            100 * brisk_curve_miss_ratio(curve, entries));
    brisk_curve_free(curve);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
