/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/stop.h"

#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#include "base/error.h"
#include "profiler/process_memory.h"

enum {
    NS_PER_MS = 1000000,
    FEW_TRIES = 1000, /* most threads stop within some of these; each gives up the CPU */
    SHORT_SLEEP_NS = 20000,
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 * NS_PER_MS + (uint64_t)now.tv_nsec;
}

#if defined(__x86_64__)

static void convert(const struct user_regs_struct *from, struct bk_registers *to)
{
    const uint64_t values[BK_REGISTERS] = {from->rax, from->rdx, from->rcx, from->rbx, from->rsi,
                                           from->rdi, from->rbp, from->rsp, from->r8,  from->r9,
                                           from->r10, from->r11, from->r12, from->r13, from->r14,
                                           from->r15, from->rip};
    memcpy(to->values, values, sizeof values);
}

static enum brisk_status read_registers(pid_t tid, struct bk_registers *registers)
{
    struct user_regs_struct own;
    struct iovec part = {.iov_base = &own, .iov_len = sizeof own};
    if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &part) != 0)
        return errno == ESRCH ? BRISK_MISS : BRISK_ERR_SYSTEM;
    if (part.iov_len != sizeof own) /* a program of 32 bits */
        return BRISK_ERR_UNSUPPORTED;
    convert(&own, registers);
    return BRISK_OK;
}

#else

static enum brisk_status read_registers(pid_t tid, struct bk_registers *registers)
{
    (void)tid, (void)registers;
    return BRISK_ERR_UNSUPPORTED;
}

#endif

/*
 * Whether it has stopped, and by what; BRISK_AGAIN: not yet. That it has ended is left to be
 * waited for by its parent, which may be this process.
 */
static enum brisk_status look(pid_t tid, int *stop)
{
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)tid, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) != 0)
        return errno == EINTR ? BRISK_AGAIN : BRISK_MISS;
    if (info.si_pid == 0)
        return BRISK_AGAIN;
    if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED)
        return BRISK_MISS;
    *stop = info.si_status;
    waitid(P_PID, (id_t)tid, &info, WSTOPPED | WNOHANG | __WALL);
    return BRISK_OK;
}

/* To wait without a limit would be to hang on a thread that waits for a broken disk. */
static enum brisk_status wait_for_stop(pid_t tid, uint32_t timeout_ms, int *stop)
{
    uint64_t deadline = now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
    for (unsigned int tries = 0;; tries++) {
        enum brisk_status status = look(tid, stop);
        if (status != BRISK_AGAIN)
            return status;
        if (tries < FEW_TRIES) {
            sched_yield();
            continue;
        }
        if (now_ns() > deadline)
            return BRISK_ERR_TIMEOUT;
        nanosleep(&(struct timespec){.tv_nsec = SHORT_SLEEP_NS}, NULL);
    }
}

static enum brisk_status copy(const struct bk_stop_request *request, struct bk_snapshot *snapshot)
{
    enum brisk_status status = read_registers(request->tid, &snapshot->registers);
    if (status != BRISK_OK)
        return status;
    uint64_t sp = snapshot->registers.values[BK_REGISTER_SP];
    snapshot->stack_length = bk_process_read(
        request->pid, sp, snapshot->stack, sizeof snapshot->stack);
    if (request->visit != NULL)
        request->visit(request->ctx, snapshot);
    return BRISK_OK;
}

/*
 * A stop that is ours, or the process's own by SIGSTOP, leaves no signal behind. Where it
 * was about to get a signal it gets it now.
 */
static void let_go(pid_t tid, int stop)
{
    bool is_event = stop >> 8 == PTRACE_EVENT_STOP;
    ptrace(PTRACE_DETACH, tid, NULL, (void *)(intptr_t)(is_event ? 0 : stop & 0x7f));
}

static enum brisk_status fail(
    const struct bk_stop_request *request, enum brisk_status status, int reason,
    struct brisk_error *error)
{
    int tid = (int)request->tid;
    switch (status) {
    case BRISK_MISS:
        return bk_error_set(error, status, reason, "thread %d has ended", tid);
    case BRISK_ERR_TIMEOUT:
        return bk_error_set(
            error, status, 0, "thread %d does not stop: it sleeps uninterruptibly", tid);
    case BRISK_ERR_UNSUPPORTED:
        return bk_error_set(
            error, status, 0, "thread %d runs code of another architecture than brisk", tid);
    case BRISK_ERR_PERMISSION:
        return bk_error_set(error, status, reason, "thread %d may not be traced", tid);
    default:
        return bk_error_set(error, status, reason, "thread %d: %s", tid, strerror(reason));
    }
}

static enum brisk_status seize(pid_t tid)
{
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) == 0)
        return BRISK_OK;
    if (errno == ESRCH)
        return BRISK_MISS;
    return errno == EPERM ? BRISK_ERR_PERMISSION : BRISK_ERR_SYSTEM;
}

enum brisk_status bk_stop(
    const struct bk_stop_request *request, struct bk_snapshot *snapshot, struct brisk_error *error)
{
    enum brisk_status status = seize(request->tid);
    if (status != BRISK_OK)
        return fail(request, status, errno, error);
    uint64_t asked_ns = now_ns();
    if (ptrace(PTRACE_INTERRUPT, request->tid, NULL, NULL) != 0)
        return fail(request, BRISK_MISS, errno, error);
    int stop = 0;
    status = wait_for_stop(request->tid, request->timeout_ms, &stop);
    if (status != BRISK_OK)
        return fail(request, status, 0, error);
    uint64_t stopped_ns = now_ns();
    status = copy(request, snapshot);
    int reason = errno;
    uint64_t end_ns = now_ns();
    let_go(request->tid, stop);
    snapshot->work_ns = end_ns - stopped_ns;
    snapshot->pause_ns = end_ns - asked_ns;
    return status == BRISK_OK ? BRISK_OK : fail(request, status, reason, error);
}
