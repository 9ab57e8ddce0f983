/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/ticks.h"

#include "bench/measure.h"

double ticks_ns(void)
{
    uint64_t start_ns = measure_now_ns();
    uint64_t start = ticks_start();
    uint64_t end_ns;

    do
        end_ns = measure_now_ns();
    while (end_ns - start_ns < 50 * 1000000u);
    return (double)(end_ns - start_ns) / (double)(ticks_end() - start);
}

double ticks_cost(void)
{
    double costs[1001];
    enum {
        COUNT = sizeof costs / sizeof *costs
    };

    for (int i = 0; i < COUNT; i++) {
        uint64_t start = ticks_start();

        costs[i] = (double)(ticks_end() - start);
    }
    return measure_percentile(costs, COUNT, 0.5);
}
