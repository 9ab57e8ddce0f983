/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DURATION_H
#define CLI_DURATION_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* "500ms", "10s", "10" (seconds) or "2min", up to a day; false: it is none. */
static inline bool cli_read_duration_ms(const char *text, unsigned int *ms)
{
    static const struct {
        const char *unit;
        unsigned int ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"min", 60000}};
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long value = strtoul(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) != 0 || value == 0 || value > 86400000 / units[i].ms)
            continue;
        *ms = (unsigned int)value * units[i].ms;
        return true;
    }
    return false;
}

#endif
