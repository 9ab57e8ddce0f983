/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_CURVE_CASES_H
#define BENCH_CURVE_CASES_H

#include "bench/cases.h"

/* curve_error.c: how far estimates are off on the traces that BRISK_TRACES names; `argument` is: */
struct error_plan {
    const char *policy;
    int step_percent; /* sizes are its multiples up to all keys */
    double goal;      /* percentage points */
};
case_fn case_error;

/* curve_cost.c */
case_fn case_curve_memory; /* `argument`: its goal in bytes, a double */
case_fn case_curve_add;    /* `argument`: the sample rate, a double */

#endif
