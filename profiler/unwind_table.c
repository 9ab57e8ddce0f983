/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/unwind_table.h"

#include "base/memory.h"

/* Without a branch on what is compared: which half comes next is a coin's toss. */
struct bk_unwind_rule bk_unwind_table_find(const struct bk_unwind_table *table, uint32_t pc)
{
    static const struct bk_unwind_rule none = {.kind = BK_UNWIND_NONE};
    const struct bk_unwind_row *first = table->rows;
    size_t count = table->count;
    if (count == 0 || pc < first->pc)
        return none;
    while (count > 1) {
        size_t half = count / 2;
        first = first[half].pc <= pc ? first + half : first;
        count -= half;
    }
    return first->rule;
}

void bk_unwind_table_free(struct bk_unwind_table *table)
{
    bk_free(table->rows);
    table->rows = NULL;
    table->count = 0;
}
