/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_STACKS_H
#define BENCH_STACKS_H

#include "profiler/process_map.h"
#include "profiler/stack.h"

/* Copied stacks of programs that run, for whatever unwinds them. */
struct sample {
    struct bk_registers registers;
    struct bk_stack stack;
};

struct stacks {
    pid_t pid;
    struct bk_process_map *map;
    struct sample *samples;
    size_t count;
    double *work_ns; /* per sample, while the thread was stopped */
};

/*
 * Starts `command` (of the shell; NULL: a burner of our own), and copies the first thread's
 * registers and stack, up to 64 KB, `count` times while it works. False: the command is not
 * there. The program is stopped then, and ended by stacks_free.
 */
bool stacks_take(struct stacks *stacks, const char *command, size_t count);
void stacks_free(struct stacks *stacks);

#endif
