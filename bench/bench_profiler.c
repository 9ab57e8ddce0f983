/* SPDX-License-Identifier: Apache-2.0 */
/* What it takes to unwind copied stacks of real programs, beside libunwind over the same ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/measure.h"
#include "bench/runner.h"
#include "bench/stacks.h"
#include "profiler/fallback.h"
#include "profiler/symbol_table.h"
#include "profiler/unwind.h"

enum {
    SAMPLES = 300,
    ROUNDS = 15,
    MOST_FRAMES = 1024,
    OWN_TURNS = 30, /* so that a round of each side takes about as long */
    LOOKUPS = 1 << 16,
};

/* A program with stacks worth unwinding; `prepare` makes its command, or false. */
struct subject {
    const char *command;
    bool (*prepare)(char *command, size_t capacity);
    double agreement_goal; /* 0: nothing of it has a goal */
};

struct sides {
    struct stacks stacks;
    struct bk_unwinder *unwinder;
    struct bk_fallback *libunwind;
    uint64_t own_pcs[MOST_FRAMES];
    uint64_t other_pcs[MOST_FRAMES];
};

static bool open_sides(struct sides *sides, const struct subject *subject, size_t count)
{
    char command[4096];
    if (subject->prepare != NULL && !subject->prepare(command, sizeof command))
        return false;
    const char *line = subject->prepare != NULL ? command : subject->command;
    if (!stacks_take(&sides->stacks, line, count))
        return false;
    sides->libunwind = bk_fallback_new(sides->stacks.map);
    sides->unwinder = bk_unwinder_new(&(struct bk_unwind_options){
        .find = bk_process_map_find,
        .map = sides->stacks.map,
        .fallback = bk_fallback_step,
        .fallback_ctx = sides->libunwind});
    if (sides->libunwind == NULL || sides->unwinder == NULL)
        bench_fail("no memory for the unwinders");
    return true;
}

static void close_sides(struct sides *sides)
{
    bk_unwinder_free(sides->unwinder);
    bk_fallback_free(sides->libunwind);
    stacks_free(&sides->stacks);
}

/* Frames of all samples. */
static size_t unwind_own(struct sides *sides)
{
    size_t frames = 0;
    for (size_t i = 0; i < sides->stacks.count; i++) {
        const struct sample *sample = &sides->stacks.samples[i];
        frames += bk_unwind(
                      sides->unwinder, &sample->registers, &sample->stack, sides->own_pcs,
                      MOST_FRAMES)
                      .count;
    }
    return frames;
}

static size_t unwind_other(struct sides *sides)
{
    size_t frames = 0;
    for (size_t i = 0; i < sides->stacks.count; i++) {
        const struct sample *sample = &sides->stacks.samples[i];
        frames += bk_fallback_unwind(
            sides->libunwind, &sample->registers, &sample->stack, sides->other_pcs, MOST_FRAMES);
    }
    return frames;
}

struct agreement {
    size_t complete;
    size_t equal;
    size_t frames;
    size_t fallback_frames;
};

static struct agreement compare(struct sides *sides)
{
    struct agreement agreement = {0};
    for (size_t i = 0; i < sides->stacks.count; i++) {
        const struct sample *sample = &sides->stacks.samples[i];
        struct bk_unwound own = bk_unwind(
            sides->unwinder, &sample->registers, &sample->stack, sides->own_pcs, MOST_FRAMES);
        size_t other = bk_fallback_unwind(
            sides->libunwind, &sample->registers, &sample->stack, sides->other_pcs, MOST_FRAMES);
        agreement.frames += own.count;
        agreement.fallback_frames += own.fallback_count;
        agreement.complete += own.is_complete;
        bool is_equal = own.count == other &&
                        memcmp(sides->own_pcs, sides->other_pcs, other * sizeof(uint64_t)) == 0;
        agreement.equal += own.is_complete && is_equal;
    }
    return agreement;
}

static void report_agreement(
    struct bench *bench, const struct subject *subject, size_t samples,
    const struct agreement *agreement)
{
    struct bench_row rows[] = {
        {.suffix = "-agreement",
         .value = (double)agreement->equal / (double)agreement->complete,
         .unit = "of complete stacks",
         .goal = subject->agreement_goal,
         .sense = BENCH_AT_LEAST},
        {.suffix = "-complete",
         .value = (double)agreement->complete / (double)samples,
         .unit = "of stacks of 64 KB",
         .goal = subject->agreement_goal == 0 ? 0 : 0.995,
         .sense = BENCH_AT_LEAST},
        {.suffix = "-fallback",
         .value = (double)agreement->fallback_frames / (double)agreement->frames,
         .unit = "of frames",
         .goal = subject->agreement_goal == 0 ? 0 : 0.01}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        bench_report(bench, &rows[i]);
}

static double per_frame(uint64_t start_ns, size_t frames)
{
    return (double)(measure_now_ns() - start_ns) / (double)frames;
}

static void case_unwind(struct bench *bench, const void *argument)
{
    const struct subject *subject = argument;
    static struct sides sides;
    if (!open_sides(&sides, subject, bench_scaled(bench, SAMPLES))) {
        bench_report_absent(bench, "the program is not installed");
        return;
    }
    if (!bk_fallback_is_available(sides.libunwind))
        bench_fail("there is no libunwind to compare with");
    struct agreement agreement = compare(&sides); /* and both are warm */
    double own_ns[MEASURE_MAX_ROUNDS], other_ns[MEASURE_MAX_ROUNDS];
    size_t rounds = bench_rounds(bench, ROUNDS);
    for (size_t i = 0; i < rounds; i++) {
        uint64_t start = measure_now_ns();
        size_t frames = 0;
        for (int turn = 0; turn < OWN_TURNS; turn++)
            frames += unwind_own(&sides);
        own_ns[i] = per_frame(start, frames);
        start = measure_now_ns();
        frames = unwind_other(&sides);
        other_ns[i] = per_frame(start, frames);
    }
    double own = measure_median(own_ns, rounds), other = measure_median(other_ns, rounds);
    bench_report(
        bench, &(struct bench_row){
                   .value = own,
                   .unit = "ns/frame",
                   .baseline = "libunwind",
                   .baseline_value = other,
                   .goal = subject->agreement_goal == 0 ? 0 : 1.0 / 25,
                   .rounds = rounds});
    bench_report(
        bench, &(struct bench_row){
                   .suffix = "-time",
                   .value = own,
                   .unit = "ns/frame",
                   .goal = subject->agreement_goal == 0 ? 0 : 12,
                   .rounds = rounds});
    report_agreement(bench, subject, sides.stacks.count, &agreement);
    close_sides(&sides);
}

static void case_stop(struct bench *bench, const void *argument)
{
    struct stacks stacks;
    if (!stacks_take(&stacks, argument, bench_scaled(bench, SAMPLES)))
        bench_fail("the burner does not run");
    bench_report(
        bench, &(struct bench_row){
                   .value = measure_percentile(stacks.work_ns, stacks.count, 0.5),
                   .unit = "ns",
                   .goal = 3000,
                   .rounds = stacks.count});
    stacks_free(&stacks);
}

/* Every function of the largest library at hand: libc, or its debug file. */
static void case_symbol(struct bench *bench, const void *argument)
{
    (void)argument;
    struct bk_process_map *map = bk_process_map_new(getpid());
    uint64_t address;
    if (map == NULL || bk_process_map_read(map, NULL) != BRISK_OK)
        bench_fail("the own map cannot be read");
    struct bk_module *module = bk_process_map_module(map, (uint64_t)(uintptr_t)&fork, &address);
    struct bk_symbol_table table;
    if (module == NULL ||
        bk_symbol_table_load(&table, &module->elf, ".dynsym", module->first_address) != BRISK_OK)
        bench_fail("libc has no symbols");
    double ns[MEASURE_MAX_ROUNDS];
    size_t rounds = bench_rounds(bench, ROUNDS), found = 0;
    uint32_t last = table.symbols[table.count - 1].start;
    for (size_t i = 0; i < rounds; i++) {
        uint32_t state = 42;
        uint64_t start = measure_now_ns();
        for (size_t k = 0; k < LOOKUPS; k++) {
            state = state * 1664525 + 1013904223;
            found += bk_symbol_table_find(&table, (uint32_t)((uint64_t)state * last >> 32)) != NULL;
        }
        ns[i] = (double)(measure_now_ns() - start) / LOOKUPS;
    }
    if (found == 0)
        bench_fail("nothing was found");
    bench_report(
        bench,
        &(struct bench_row){
            .value = measure_median(ns, rounds), .unit = "ns", .goal = 100, .rounds = rounds});
    bk_symbol_table_free(&table);
    bk_process_map_free(map);
}

/* A source that keeps a compiler busy for seconds; its functions differ. */
static bool prepare_compiler(char *command, size_t capacity)
{
    static char path[] = "/tmp/brisk-bench-XXXXXX";
    char compiler[1024] = "";
    FILE *pipe = popen("gcc -print-prog-name=cc1 2>/dev/null", "r");
    if (pipe == NULL)
        return false;
    bool is_there = fgets(compiler, sizeof compiler, pipe) != NULL && compiler[0] == '/';
    pclose(pipe);
    int fd = is_there ? mkstemp(path) : -1;
    if (fd < 0)
        return false;
    FILE *source = fdopen(fd, "w");
    for (int i = 0; source != NULL && i < 30000; i++)
        fprintf(
            source,
            "int f%d(int *a, int n) { int s = %d; for (int i = 0; i < n; i++)\n"
            "if (a[i] %% %d) s += a[i] * %d; else s ^= a[(i * %d) %% n]; return s; }\n",
            i, i, i % 13 + 2, i % 7, i % 11);
    if (source == NULL || fclose(source) != 0)
        return false;
    compiler[strcspn(compiler, "\n")] = '\0';
    /* The shell removes the source as soon as it has opened it. */
    snprintf(
        command, capacity, "sh -c 'exec < %s; rm %s; exec %s -quiet -O2 -o /dev/null -'", path,
        path, compiler);
    return true;
}

static const char python[] = "python3 -c 'import json\n"
                             "def walk(n): return [walk(n - 1), walk(n - 1)] if n else n\n"
                             "while True: json.dumps(sorted([str(walk(6)), \"b\"]))'";
static const char node[] = "node -e 'function f(n) { return n < 2 ? n : f(n - 1) + f(n - 2) }\n"
                           "for (;;) f(25)'";

#define SUBJECT(...) (&(const struct subject){__VA_ARGS__})

static const struct bench_case cases[] = {
    {"unwind-burner", "optimised functions without frame pointers, 16 deep", case_unwind,
     SUBJECT(.agreement_goal = 0.999)},
    {"unwind-cc1", "the C compiler at work", case_unwind,
     SUBJECT(.prepare = prepare_compiler, .agreement_goal = 0.999)},
    {"unwind-python3", "an interpreter", case_unwind,
     SUBJECT(.command = python, .agreement_goal = 0.999)},
    {"unwind-openssl", "a crypto tool, with stacks aligned by hand", case_unwind,
     SUBJECT(.command = "openssl speed -seconds 100 rsa2048", .agreement_goal = 0.999)},
    {"unwind-node", "a JIT: libunwind guesses where there is no information", case_unwind,
     SUBJECT(.command = node)},
    {"stop", "work while a thread is stopped: registers and 16 KB of stack", case_stop, NULL},
    {"symbol", "an address to its function, in libc's dynamic symbols", case_symbol, NULL},
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, "profiler", cases, sizeof cases / sizeof cases[0]);
}
