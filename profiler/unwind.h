/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_UNWIND_H
#define PROFILER_UNWIND_H

#include <brisk/status.h>

#include "profiler/registers.h"
#include "profiler/stack.h"
#include "profiler/unwind_table.h"

/*
 * From a thread's registers and a copy of its stack to the program counters of its
 * frames. What the code at an address is comes from a map of the process.
 */
struct bk_unwinder;

enum bk_code {
    BK_CODE_NONE,       /* nothing that can run is there */
    BK_CODE_WITH_TABLE, /* of a file with unwind information */
    BK_CODE_WITHOUT,    /* of a JIT, or of a file without: has frame pointers, perhaps */
};

/* What the code at `pc` is and, if it has a table, the rule there. */
typedef enum bk_code bk_unwind_find_fn(void *map, uint64_t pc, struct bk_unwind_rule *rule);

/*
 * Finds the registers of the caller of the frame number `depth` (0: innermost) by other
 * means; *was_signal tells whether that frame was a signal's. False: it cannot. Writes sp,
 * bp and ip only.
 */
typedef bool bk_unwind_fallback_fn(
    void *ctx, const struct bk_registers *innermost, const struct bk_stack *stack, size_t depth,
    struct bk_registers *caller, bool *was_signal);

struct bk_unwind_options {
    bk_unwind_find_fn *find;
    void *map;
    bk_unwind_fallback_fn *fallback; /* NULL: none */
    void *fallback_ctx;
};

struct bk_unwinder *bk_unwinder_new(const struct bk_unwind_options *options);
void bk_unwinder_free(struct bk_unwinder *unwinder);

/* Forgets what it knows of the map, which has changed. */
void bk_unwinder_reset(struct bk_unwinder *unwinder);

struct bk_unwound {
    size_t count;
    size_t fallback_count; /* frames whose caller the fallback found */
    size_t pointer_count;  /* frames whose caller was found by the frame pointer */
    bool is_complete;      /* the last one is the outermost; else the stack is truncated */
};

/*
 * Writes at most `most` program counters to pcs, innermost first. Each lies within the
 * instruction that runs: of a frame that waits for another one to return, that is the last byte
 * of the call, one less than the address that is returned to. Any thread, one at a time.
 */
struct bk_unwound bk_unwind(
    struct bk_unwinder *unwinder, const struct bk_registers *registers,
    const struct bk_stack *stack, uint64_t *pcs, size_t most);

#endif
