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
/*
 * Lookups of caches with a curve against the same without. Two caches differ by
 * a percent or two for where their entries happen to lie, and by which keys they
 * sample: so they sample 16 times as many as by default, a 16th of the difference
 * counts, and the figure is the median of several pairs.
 */
case_fn case_curve_live; /* `argument`: a struct plan */
case_fn case_curve_add;  /* `argument`: the sample rate, a double */

#endif
