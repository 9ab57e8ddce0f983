/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_RUNNER_H
#define BENCH_RUNNER_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Runs cases and prints what they report. Each case runs in a child process of
 * its own: it finds a fresh allocator, leaves no memory to the next one, and a
 * crash costs one case only.
 */
struct bench;

enum bench_sense {
    BENCH_AT_MOST, /* the goal is an upper bound */
    BENCH_AT_LEAST
};

/* A value that does not exist. */
#define BENCH_NONE ((double)NAN)

/*
 * One figure. With a baseline the goal bounds value / baseline_value, without
 * one it bounds the value.
 */
struct bench_row {
    const char *suffix; /* appended to the name of the case; NULL for its main figure */
    double value;
    const char *unit;
    const char *baseline; /* NULL: none */
    double baseline_value;
    double goal; /* 0: reported only */
    enum bench_sense sense;
    size_t rounds; /* 0: one */
};

struct bench_case {
    const char *name;
    const char *summary;
    void (*run)(struct bench *bench, const void *argument);
    const void *argument;
};

/* The whole program: options, cases, exit status. */
int bench_main(
    int argc, char **argv, const char *name, const struct bench_case *cases, size_t count);

void bench_report(struct bench *bench, const struct bench_row *row);

/* Reports that this build or machine cannot measure the case, and why. */
void bench_report_absent(struct bench *bench, const char *why);

/* Ends the case with a message on stderr. */
_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * A quick run checks the program: a tenth of the requests and, where a case does not
 * name them, of the keys; three rounds.
 */
size_t bench_scaled(const struct bench *bench, size_t count);
size_t bench_rounds(const struct bench *bench, size_t rounds);

#endif
