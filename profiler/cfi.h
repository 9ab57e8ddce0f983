/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_CFI_H
#define PROFILER_CFI_H

#include "profiler/cursor.h"
#include "profiler/unwind_table.h"

/*
 * Interprets the call frame programs of DWARF (version 5, section 6.4) as far as sp, bp
 * and the return address go, and tells the rule of each stretch of code.
 */

/* What the CIE says; the same for all its functions. */
struct bk_cfi_unit {
    uint64_t code_factor;
    int64_t data_factor;
    bool is_signal_frame;
    struct bk_cursor initial;
};

/* From `pc` on (relative to the function) the rule holds; false: no memory, stop. */
typedef bool bk_cfi_emit_fn(void *ctx, uint64_t pc, struct bk_unwind_rule rule);

/*
 * Runs `program` and emits at least one rule, for pc 0. Damage gives rules of the
 * kind unsupported. False only if `emit` answered so.
 */
bool bk_cfi_run(
    const struct bk_cfi_unit *unit, struct bk_cursor program, bk_cfi_emit_fn *emit, void *ctx);

#endif
