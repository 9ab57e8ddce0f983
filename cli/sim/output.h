/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_OUTPUT_H
#define SIM_OUTPUT_H

#include <stdio.h>

#include "cli/sim/run.h"

/* What a simulation says, in its forms. */
void sim_print_table(FILE *out, const struct sim_plan *plan, const struct sim_result *result);
void sim_print_csv_header(FILE *out, bool has_estimates);
void sim_print_csv(FILE *out, const struct sim_result *result);
/* One object, on a line of its own; false if there is no memory for it. */
bool sim_print_json(FILE *out, const struct sim_result *result);

/* The smallest size within a point of the best, and the policy for it. */
struct sim_advice {
    const struct sim_row *row; /* NULL: there were no requests */
    double best_miss_ratio;
    const char *confidence; /* "high", "medium" or "low" */
    const char *reason;     /* for it */
};
struct sim_advice sim_advise(const struct sim_result *result);
void sim_print_advice(FILE *out, const struct sim_result *result);

/* The curves, with a letter for each policy. */
void sim_print_chart(FILE *out, const struct sim_plan *plan, const struct sim_result *result);
/* False if it cannot be written; errno says why. */
bool sim_write_svg(const char *path, const struct sim_plan *plan, const struct sim_result *result);

#endif
