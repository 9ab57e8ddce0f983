/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEBCACHE_REPORT_H
#define WEBCACHE_REPORT_H

#include "examples/webcache/traffic.h"

/* What was done; a run that did not take place is NULL. */
struct report {
    const struct origin *origin;
    const struct traffic *traffic;
    const struct traffic_result *without, *with;
    struct brisk_cache *cache; /* NULL if there was no run with it */
    bool was_interrupted;
};

void report_print_table(const struct report *report);
/* One line. */
void report_print_json(const struct report *report);

#endif
