/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_SYMBOL_TABLE_H
#define PROFILER_SYMBOL_TABLE_H

#include <brisk/status.h>

#include "profiler/elf_image.h"

/* The functions of an image, sorted by address. Addresses count from its first one. */
struct bk_symbol {
    uint32_t start;
    uint32_t length; /* 0: unknown, up to the next one */
    uint32_t name;   /* in the table's names */
    uint32_t rank;   /* which of several names at one address is shown */
};

struct bk_symbol_table {
    struct bk_symbol *symbols;
    size_t count;
    char *names; /* ends with '\0' */
    size_t names_length;
};

/*
 * Reads a section of the image, ".symtab" or ".dynsym". BRISK_MISS if there is none, or no
 * function in it; BRISK_ERR_NOMEM. `first_address` is the one of the program, which an
 * image of debug information does not always know.
 */
enum brisk_status bk_symbol_table_load(
    struct bk_symbol_table *table, const struct bk_elf *elf, const char *name,
    uint64_t first_address);
void bk_symbol_table_free(struct bk_symbol_table *table);

/* The function that the address is in; NULL: in none. */
const struct bk_symbol *bk_symbol_table_find(const struct bk_symbol_table *table, uint32_t address);

static inline const char *
bk_symbol_name(const struct bk_symbol_table *table, const struct bk_symbol *symbol)
{
    return table->names + symbol->name;
}

#endif
