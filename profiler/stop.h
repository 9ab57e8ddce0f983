/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_STOP_H
#define PROFILER_STOP_H

#include <sys/types.h>

#include <brisk/status.h>

#include "profiler/registers.h"

/*
 * Stops a thread of another process for the microseconds that it takes to copy its
 * registers and the top of its stack.
 *
 * The kernel ties what is traced to the thread that traces, and lets it go when that
 * thread ends: call this from a thread that ends right afterwards, and nothing stays
 * stopped whatever happens, also when the whole process is killed.
 */
enum {
    BK_STOP_STACK_BYTES = 16 << 10
};

struct bk_snapshot {
    struct bk_registers registers;
    uint8_t stack[BK_STOP_STACK_BYTES]; /* from sp up */
    size_t stack_length;
    uint64_t pause_ns; /* from the request to stop until it may go on: at most this long */
    uint64_t work_ns;  /* of that, from the moment that it was seen to have stopped */
};

/* Called while the thread is stopped, with its snapshot. */
typedef void bk_stop_visit_fn(void *ctx, const struct bk_snapshot *snapshot);

struct bk_stop_request {
    pid_t pid;
    pid_t tid;
    uint32_t timeout_ms;
    bk_stop_visit_fn *visit; /* NULL: none */
    void *ctx;
};

/*
 * BRISK_MISS: the thread has ended. BRISK_ERR_TIMEOUT: it sleeps where it cannot be
 * interrupted (state D). BRISK_ERR_PERMISSION: the kernel refused. BRISK_ERR_UNSUPPORTED: it
 * runs code of another architecture. BRISK_ERR_SYSTEM.
 */
enum brisk_status bk_stop(
    const struct bk_stop_request *request, struct bk_snapshot *snapshot, struct brisk_error *error);

#endif
