/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "bench/measure.h"
#include "bench/zerocopy_cases.h"

#ifdef BENCH_HAS_GLIB
#include <glib.h>
#endif

enum {
    SLICES = 2000000,
    ROUNDS = 15
};

static uint8_t memory[4096];

static void keep(void *data, size_t length, void *ctx)
{
    (void)data;
    (void)length;
    (void)ctx;
}

/* Per slice and release. */
static double slice_ns(const struct brisk_view *view, size_t count)
{
    struct brisk_view part;
    uint64_t begin_ns = measure_now_ns();
    for (size_t i = 0; i < count; i++) {
        if (brisk_view_slice(&part, view, i % 1024, 1024) != BRISK_OK)
            bench_fail("a slice failed");
        brisk_view_release(&part);
    }
    return (double)(measure_now_ns() - begin_ns) / (double)count;
}

#ifdef BENCH_HAS_GLIB
static double glib_ns(size_t count)
{
    GBytes *bytes = g_bytes_new_static(memory, sizeof memory);
    uint64_t begin_ns = measure_now_ns();
    for (size_t i = 0; i < count; i++)
        g_bytes_unref(g_bytes_new_from_bytes(bytes, i % 1024, 1024));
    double ns = (double)(measure_now_ns() - begin_ns) / (double)count;
    g_bytes_unref(bytes);
    return ns;
}
#else
static double glib_ns(size_t count)
{
    (void)count;
    return BENCH_NONE;
}
#endif

void case_slice(struct bench *bench, const void *argument)
{
    const struct slice_plan *plan = argument;
    size_t count = bench_scaled(bench, SLICES);
    size_t rounds = bench_rounds(bench, ROUNDS);
    double ns[ROUNDS], by_glib[ROUNDS];
    struct brisk_view view;

    measure_pin(0);
    if (brisk_view_adopt_as(&view, memory, sizeof memory, plan->flags, keep, NULL) != BRISK_OK)
        bench_fail("cannot adopt memory");
    for (size_t round = 0; round < rounds; round++) {
        ns[round] = slice_ns(&view, count);
        by_glib[round] = glib_ns(count);
    }
    struct bench_row row = {
        .value = measure_median(ns, rounds), .unit = "ns", .goal = plan->goal, .rounds = rounds};
    bench_report(bench, &row);
    row.suffix = "-glib";
    row.goal = 0;
    row.baseline = "GBytes";
    row.baseline_value = measure_median(by_glib, rounds);
    if (row.baseline_value > 0) /* not where there is no GLib */
        bench_report(bench, &row);
    brisk_view_release(&view);
}
