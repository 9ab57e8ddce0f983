/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_FALLBACK_H
#define PROFILER_FALLBACK_H

#include "profiler/process_map.h"
#include "profiler/unwind.h"

/*
 * libunwind over a copied stack, for what a table's row cannot express. It is loaded when the
 * first frame needs it, into a scope of its own: linked, its _Unwind_* functions would
 * replace those of the C++ run-time. Never in a signal handler. One thread at a time.
 */
struct bk_fallback;

/* NULL: no memory. `map` must outlive it. */
struct bk_fallback *bk_fallback_new(struct bk_process_map *map);
void bk_fallback_free(struct bk_fallback *fallback);

/* Whether libunwind is there. */
bool bk_fallback_is_available(struct bk_fallback *fallback);

/* A bk_unwind_fallback_fn, with the bk_fallback as its context. */
bool bk_fallback_step(
    void *fallback, const struct bk_registers *innermost, const struct bk_stack *stack,
    size_t depth, struct bk_registers *caller, bool *was_signal);

/* All frames, as bk_unwind: for comparison. The count; 0 if libunwind is not there. */
size_t bk_fallback_unwind(
    struct bk_fallback *fallback, const struct bk_registers *innermost,
    const struct bk_stack *stack, uint64_t *pcs, size_t most);

#endif
