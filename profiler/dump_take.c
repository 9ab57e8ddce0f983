/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "profiler/dump.h"
#include "profiler/fallback.h"
#include "profiler/page_reader.h"
#include "profiler/process_info.h"
#include "profiler/stop.h"

enum {
    MOST_FRAMES = 1 << 16, /* of a thread */
    MOST_ROUNDS = 3        /* threads that start meanwhile may start others */
};

/* All that the tracing thread works with. */
struct taker {
    struct bk_dump_take *take;
    struct bk_unwinder *unwinder;
    struct bk_fallback *fallback;
    struct bk_page_reader *reader;
    uint64_t *pcs; /* of the thread at hand */
    struct bk_unwound unwound;
    bool is_map_fresh; /* it was read again since the dump began */
    uint32_t timeout_ms;
    enum brisk_status status;
    struct brisk_error *error;
};

static enum brisk_status fail_without_memory(struct taker *taker)
{
    return bk_error_set(
        taker->error, BRISK_ERR_NOMEM, 0, "no memory for the stacks of %d", (int)taker->take->pid);
}

static void
unwind(struct taker *taker, const struct bk_snapshot *snapshot, struct bk_page_reader *reader)
{
    struct bk_stack stack = {
        .address = snapshot->registers.values[BK_REGISTER_SP],
        .data = snapshot->stack,
        .length = snapshot->stack_length};
    if (reader != NULL) {
        bk_page_reader_begin(reader, taker->take->pid);
        stack.read = bk_page_reader_word;
        stack.ctx = reader;
    }
    taker->unwound = bk_unwind(
        taker->unwinder, &snapshot->registers, &stack, taker->pcs, MOST_FRAMES);
}

static void unwind_while_stopped(void *ctx, const struct bk_snapshot *snapshot)
{
    struct taker *taker = ctx;
    unwind(taker, snapshot, taker->reader);
}

static bool has_room(void **array, size_t *capacity, size_t needed, size_t entry_bytes)
{
    if (needed <= *capacity)
        return true;
    size_t larger = 2 * needed;
    void *grown = bk_realloc(*array, larger * entry_bytes);
    if (grown == NULL)
        return false;
    *array = grown;
    *capacity = larger;
    return true;
}

static enum brisk_status keep(struct taker *taker, struct brisk_dump_thread *shown)
{
    struct bk_dump_take *take = taker->take;
    size_t count = taker->unwound.count;
    void *threads = take->threads, *pcs = take->pcs;
    bool is_kept = has_room(
                       &threads, &take->thread_capacity, take->thread_count + 1,
                       sizeof *take->threads) &&
                   has_room(&pcs, &take->pc_capacity, take->pc_count + count, sizeof *take->pcs);
    take->threads = threads;
    take->pcs = pcs;
    if (!is_kept)
        return fail_without_memory(taker);
    shown->frames = count;
    shown->is_truncated = shown->is_stopped && !taker->unwound.is_complete;
    take->threads[take->thread_count++] = (struct bk_dump_thread){
        .shown = *shown, .first_pc = take->pc_count};
    if (count != 0)
        memcpy(take->pcs + take->pc_count, taker->pcs, count * sizeof *taker->pcs);
    take->pc_count += count;
    take->fallback_frames += taker->unwound.fallback_count;
    take->pointer_frames += taker->unwound.pointer_count;
    return BRISK_OK;
}

/*
 * A stack that is not complete is deeper than the copy, or on a second stack (of a
 * signal, a coroutine), or the code at its bottom was mapped meanwhile. Then the thread is
 * stopped once more and unwound where it stands: the tables are warm by now, so that takes
 * microseconds too.
 */
static enum brisk_status
try_again(struct taker *taker, struct bk_stop_request *request, struct bk_snapshot *snapshot)
{
    if (!taker->is_map_fresh) {
        enum brisk_status status = bk_process_map_read(taker->take->map, NULL);
        if (status == BRISK_ERR_NOMEM)
            return fail_without_memory(taker);
        taker->is_map_fresh = true;
        bk_unwinder_reset(taker->unwinder);
        unwind(taker, snapshot, NULL);
        if (taker->unwound.is_complete)
            return BRISK_OK;
    }
    request->visit = unwind_while_stopped;
    request->ctx = taker;
    enum brisk_status status = bk_stop(request, snapshot, taker->error);
    return status == BRISK_ERR_NOMEM ? status : BRISK_OK; /* the first stack is as good */
}

static bool is_gone(pid_t pid, pid_t tid)
{
    char name[BK_THREAD_NAME_BYTES], state;
    return !bk_thread_info(pid, tid, name, &state) || state == 'Z' || state == 'X';
}

/* The stack of one thread; one that ends meanwhile has none. */
static enum brisk_status take_thread(struct taker *taker, pid_t tid, struct bk_snapshot *snapshot)
{
    pid_t pid = taker->take->pid;
    struct brisk_dump_thread shown = {.tid = tid};
    taker->unwound = (struct bk_unwound){0};
    if (!bk_thread_info(pid, tid, shown.name, &shown.state))
        return BRISK_OK;
    struct bk_stop_request request = {.pid = pid, .tid = tid, .timeout_ms = taker->timeout_ms};
    enum brisk_status status = bk_stop(&request, snapshot, taker->error);
    if (status == BRISK_MISS || (status == BRISK_ERR_PERMISSION && is_gone(pid, tid)))
        return BRISK_OK;
    if (status == BRISK_ERR_PERMISSION)
        return bk_explain_refusal(pid, taker->error);
    if (status == BRISK_ERR_TIMEOUT)
        return keep(taker, &shown);
    if (status != BRISK_OK)
        return status;
    shown.is_stopped = true;
    unwind(taker, snapshot, NULL);
    if (!taker->unwound.is_complete) {
        status = try_again(taker, &request, snapshot);
        if (status != BRISK_OK)
            return status;
    }
    if (bk_process_map_is_short_of_memory(taker->take->map))
        return fail_without_memory(taker);
    shown.pause_ns = snapshot->pause_ns;
    shown.work_ns = snapshot->work_ns;
    return keep(taker, &shown);
}

static bool is_taken(const struct bk_dump_take *take, pid_t tid)
{
    size_t low = 0, high = take->thread_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (take->threads[middle].shown.tid < tid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < take->thread_count && take->threads[low].shown.tid == tid;
}

static int compare_threads(const void *a, const void *b)
{
    pid_t x = ((const struct bk_dump_thread *)a)->shown.tid;
    pid_t y = ((const struct bk_dump_thread *)b)->shown.tid;
    return x < y ? -1 : x > y;
}

/* The threads that are not taken yet; *is_new tells whether there were any. */
static enum brisk_status take_new(struct taker *taker, struct bk_snapshot *snapshot, bool *is_new)
{
    struct bk_dump_take *take = taker->take;
    pid_t *tids;
    size_t count, known = take->thread_count;
    enum brisk_status status = bk_thread_list(take->pid, &tids, &count);
    if (status == BRISK_ERR_NOMEM)
        return fail_without_memory(taker);
    if (status != BRISK_OK) /* it has ended: what was taken until now is the result */
        return BRISK_OK;
    struct bk_dump_take before = *take;
    for (size_t i = 0; i < count && status == BRISK_OK; i++) {
        before.threads = take->threads;
        if (!is_taken(&before, tids[i]))
            status = take_thread(taker, tids[i], snapshot);
    }
    bk_free(tids);
    *is_new = take->thread_count > known;
    if (*is_new)
        qsort(take->threads, take->thread_count, sizeof *take->threads, compare_threads);
    return status;
}

static enum brisk_status take_all(struct taker *taker)
{
    enum brisk_status status = BRISK_OK;
    struct bk_snapshot *snapshot = bk_malloc(sizeof *snapshot);
    if (snapshot == NULL)
        return fail_without_memory(taker);
    bool is_new = true;
    for (int round = 0; round < MOST_ROUNDS && is_new && status == BRISK_OK; round++) {
        is_new = false;
        status = take_new(taker, snapshot, &is_new);
    }
    bk_free(snapshot);
    if (status == BRISK_OK && taker->take->thread_count == 0)
        status = bk_error_set(
            taker->error, BRISK_ERR_UNREACHABLE, 0, "process %d has ended", (int)taker->take->pid);
    return status;
}

static void *trace(void *ctx)
{
    struct taker *taker = ctx;
    taker->status = take_all(taker);
    return NULL;
}

/* Whatever this thread still traces at its end is let go by the kernel. */
static enum brisk_status run_tracer(struct taker *taker)
{
    pthread_t thread;
    int reason = pthread_create(&thread, NULL, trace, taker);
    if (reason != 0)
        return bk_error_set(
            taker->error, BRISK_ERR_SYSTEM, reason, "cannot start a thread: %s", strerror(reason));
    pthread_join(thread, NULL);
    return taker->status;
}

enum brisk_status
bk_dump_take(struct bk_dump_take *take, uint32_t timeout_ms, struct brisk_error *error)
{
    struct taker taker = {.take = take, .timeout_ms = timeout_ms, .error = error};
    taker.fallback = bk_fallback_new(take->map);
    taker.unwinder = bk_unwinder_new(&(struct bk_unwind_options){
        .find = bk_process_map_find,
        .map = take->map,
        .fallback = bk_fallback_step,
        .fallback_ctx = taker.fallback});
    taker.reader = bk_malloc(sizeof *taker.reader);
    taker.pcs = bk_malloc(MOST_FRAMES * sizeof *taker.pcs);
    enum brisk_status status;
    if (taker.fallback == NULL || taker.unwinder == NULL || taker.reader == NULL ||
        taker.pcs == NULL)
        status = fail_without_memory(&taker);
    else
        status = run_tracer(&taker);
    bk_free(taker.pcs);
    bk_free(taker.reader);
    bk_unwinder_free(taker.unwinder);
    bk_fallback_free(taker.fallback);
    return status;
}
