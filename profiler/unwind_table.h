/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_UNWIND_TABLE_H
#define PROFILER_UNWIND_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What .eh_frame says, interpreted once: from which pc on the caller's registers are
 * where. Eight bytes a row, sorted; a row holds up to the next one. Of the registers
 * only sp, bp and the return address matter: nothing else is needed for the next frame.
 * The return address is at CFA - 8 (the CFA is sp before the call), except as noted.
 */
enum bk_unwind_kind {
    BK_UNWIND_NONE = 0,    /* no function is here */
    BK_UNWIND_SP,          /* CFA = sp + offset */
    BK_UNWIND_BP,          /* CFA = bp + offset */
    BK_UNWIND_SP_MEMORY,   /* CFA = *(sp + offset) + 8: stacks aligned by hand (openssl) */
    BK_UNWIND_BP_MEMORY,   /* CFA = *(bp + offset): stacks aligned by the compiler */
    BK_UNWIND_PLT,         /* CFA = sp + 8, and 8 more if (pc & 15) >= offset_words */
    BK_UNWIND_SIGNAL,      /* a signal's frame: sp points to the ucontext */
    BK_UNWIND_END,         /* the outermost frame */
    BK_UNWIND_UNSUPPORTED, /* something that a row cannot express */
};

struct bk_unwind_rule {
    int16_t offset_words; /* of the CFA, in units of 8 bytes */
    uint8_t kind;
    int8_t bp_words; /* the caller's bp is at CFA + 8 * this; see below */
};

enum {
    BK_BP_SAME = 0,  /* bp was not changed */
    BK_BP_AT_BP = 1, /* it is where bp points to */
};

struct bk_unwind_row {
    uint32_t pc; /* from the image's first address */
    struct bk_unwind_rule rule;
};

struct bk_unwind_table {
    struct bk_unwind_row *rows;
    size_t count;
};

/* The rule at `pc`; its kind is BK_UNWIND_NONE where no function is. */
struct bk_unwind_rule bk_unwind_table_find(const struct bk_unwind_table *table, uint32_t pc);

void bk_unwind_table_free(struct bk_unwind_table *table);

#endif
