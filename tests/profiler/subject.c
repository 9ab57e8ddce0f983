/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subject MODE [N]: programs whose stacks are known. Each arranges its stack, writes "ready" and
 * waits in wait_here(). Built in several ways; see CMakeLists.txt.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef __clang__
#define KEPT __attribute__((noinline, used))
#else
#define KEPT __attribute__((noinline, noclone, used))
#endif

static volatile int sink;
static volatile int is_waiting = 1; /* for ever, but the compiler cannot know */

static void say_ready(void)
{
    if (write(1, "ready\n", 6) != 6)
        _exit(1);
}

KEPT static void wait_here(void)
{
    say_ready();
    while (is_waiting)
        pause();
}

/* Frames of different sizes, none of them a tail call. */
KEPT static int recurse(int depth)
{
    volatile int local[24];
    local[depth % 24] = depth;
    if (depth == 0)
        wait_here();
    else
        recurse(depth - 1);
    return local[depth % 24] + sink;
}

KEPT static void on_signal(int number)
{
    wait_here();
    sink = number;
}

KEPT static void interrupted(void)
{
    sink++;
    raise(SIGUSR1);
    sink++;
}

KEPT static void be_interrupted(int flags)
{
    static char stack[1 << 16];
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    sigaction(SIGUSR1, &action, NULL);
    interrupted();
}

KEPT static void coroutine(void)
{
    recurse(3);
    sink++;
}

static void run_coroutine(void)
{
    static ucontext_t outer, inner;
    static char stack[1 << 17];
    getcontext(&inner);
    inner.uc_stack.ss_sp = stack;
    inner.uc_stack.ss_size = sizeof stack;
    inner.uc_link = &outer;
    makecontext(&inner, coroutine, 0);
    swapcontext(&outer, &inner);
}

/* push %rbp; mov %rsp, %rbp; call *%rdi; pop %rbp; ret */
KEPT static void run_jit(void)
{
    static const unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
    char path[64];
    unsigned char *memory = mmap(
        NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        _exit(1);
    memcpy(memory, code, sizeof code);
    snprintf(path, sizeof path, "/tmp/perf-%d.map", (int)getpid());
    FILE *map = fopen(path, "w");
    if (map == NULL)
        _exit(1);
    fprintf(map, "%lx %zx jitted code; of a test\n", (unsigned long)(uintptr_t)memory, sizeof code);
    fclose(map);
    void (*jitted)(void (*)(void));
    memcpy(&jitted, &memory, sizeof jitted);
    jitted(wait_here);
    sink++;
}

static void *idle(void *argument)
{
    recurse(5);
    return argument;
}

static void run_threads(int count)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 1 << 17);
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, idle, NULL) != 0)
            _exit(1);
    }
    for (;;)
        pause();
}

static void *end_at_once(void *argument)
{
    return argument;
}

static void churn(void)
{
    say_ready();
    for (;;) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, end_at_once, NULL) == 0)
            pthread_join(thread, NULL);
    }
}

/* Ends with 0 if it was never interrupted. */
static int read_once(void)
{
    char byte;
    say_ready();
    return read(0, &byte, 1) == 1 ? 0 : 3;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    int count = argc > 2 ? atoi(argv[2]) : 0;
    if (strcmp(mode, "deep") == 0)
        return recurse(count);
    if (strcmp(mode, "signal") == 0)
        be_interrupted(0);
    if (strcmp(mode, "altstack") == 0)
        be_interrupted(SA_ONSTACK);
    if (strcmp(mode, "coroutine") == 0)
        run_coroutine();
    if (strcmp(mode, "jit") == 0)
        run_jit();
    if (strcmp(mode, "threads") == 0)
        run_threads(count);
    if (strcmp(mode, "churn") == 0)
        churn();
    if (strcmp(mode, "read") == 0)
        return read_once();
    if (strcmp(mode, "spin") == 0) {
        say_ready();
        for (;;)
            sink++;
    }
    return 2;
}
