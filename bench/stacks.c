/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/stacks.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/runner.h"
#include "profiler/process_memory.h"
#include "profiler/stop.h"

enum {
    STACK_BYTES = 65000,
    START_NS = 500000000, /* until a program does its work */
    MISSING_COMMAND = 127,
    DEPTH = 16,
};

/* Functions of different frames that call each other, sixteen deep, optimised. */
#define BURNER(name, next, words)                                                                  \
    static __attribute__((noinline)) uint64_t name(uint64_t seed, unsigned int depth)              \
    {                                                                                              \
        volatile uint64_t local[words];                                                            \
        for (unsigned int i = 0; i < (words); i++)                                                 \
            local[i] = seed * (i + 1) + (seed >> 7);                                               \
        uint64_t below = depth == 0 ? seed : next(seed + local[seed % (words)], depth - 1);        \
        return below ^ local[below % (words)];                                                     \
    }

static uint64_t burn_a(uint64_t seed, unsigned int depth);
BURNER(burn_c, burn_a, 37)
BURNER(burn_b, burn_c, 5)
BURNER(burn_a, burn_b, 12)

static _Noreturn void burn(void)
{
    static volatile uint64_t sink;
    for (uint64_t i = 0;; i++)
        sink = burn_a(i + sink, DEPTH);
}

static pid_t start(const char *command)
{
    pid_t pid = fork();
    if (pid < 0)
        bench_fail("cannot fork");
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (command == NULL)
        burn();
    char line[4096];
    snprintf(line, sizeof line, "exec %s > /dev/null 2>&1", command);
    execl("/bin/sh", "sh", "-c", line, (char *)NULL);
    _exit(MISSING_COMMAND);
}

static void wait_ns(long ns)
{
    nanosleep(&(struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000}, NULL);
}

struct copying {
    pid_t pid;
    struct sample *to;
};

static void copy_stack(void *ctx, const struct bk_snapshot *snapshot)
{
    const struct copying *copying = ctx;
    struct sample *to = copying->to;
    uint8_t *bytes = malloc(STACK_BYTES);
    if (bytes == NULL)
        bench_fail("no memory for the stacks");
    to->registers = snapshot->registers;
    to->stack = (struct bk_stack){.address = snapshot->registers.values[BK_REGISTER_SP]};
    to->stack.length = bk_process_read(copying->pid, to->stack.address, bytes, STACK_BYTES);
    to->stack.data = bytes;
    to->stack.ctx = bytes; /* to be freed */
}

/* The whole stack is read after the snapshot that is timed, in a second stop. */
static bool take_one(struct stacks *stacks, struct bk_snapshot *snapshot)
{
    struct bk_stop_request request = {.pid = stacks->pid, .tid = stacks->pid, .timeout_ms = 1000};
    if (bk_stop(&request, snapshot, NULL) != BRISK_OK)
        return false;
    stacks->work_ns[stacks->count] = (double)snapshot->work_ns;
    struct copying copying = {.pid = stacks->pid, .to = &stacks->samples[stacks->count]};
    request.visit = copy_stack;
    request.ctx = &copying;
    if (bk_stop(&request, snapshot, NULL) != BRISK_OK)
        return false;
    stacks->count++;
    return true;
}

bool stacks_take(struct stacks *stacks, const char *command, size_t count)
{
    memset(stacks, 0, sizeof *stacks);
    stacks->samples = calloc(count, sizeof *stacks->samples);
    stacks->work_ns = calloc(count, sizeof *stacks->work_ns);
    struct bk_snapshot *snapshot = malloc(sizeof *snapshot);
    stacks->pid = start(command);
    stacks->map = bk_process_map_new(stacks->pid);
    if (stacks->samples == NULL || stacks->work_ns == NULL || snapshot == NULL ||
        stacks->map == NULL)
        bench_fail("no memory for the stacks");
    wait_ns(START_NS);
    for (uint32_t turn = 1; stacks->count < count; turn++) {
        if (!take_one(stacks, snapshot))
            break;
        wait_ns(1000000 + (long)(turn * UINT32_C(2654435761) >> 12)); /* 1 to 2 ms, uneven */
    }
    free(snapshot);
    kill(stacks->pid, SIGSTOP); /* what is measured next has the CPU for itself */
    bool is_taken = stacks->count == count && bk_process_map_read(stacks->map, NULL) == BRISK_OK;
    if (!is_taken)
        stacks_free(stacks);
    return is_taken;
}

void stacks_free(struct stacks *stacks)
{
    kill(stacks->pid, SIGKILL);
    waitpid(stacks->pid, NULL, 0);
    for (size_t i = 0; i < stacks->count; i++)
        free(stacks->samples[i].stack.ctx);
    free(stacks->samples);
    free(stacks->work_ns);
    bk_process_map_free(stacks->map);
}
