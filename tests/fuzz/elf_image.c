/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an ELF file, and as an .eh_frame section: tables are sorted, nothing is overrun. */
#include <stdlib.h>
#include <string.h>

#include "profiler/eh_frame.h"
#include "profiler/symbol_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static void check_table(const struct bk_unwind_table *table)
{
    for (size_t i = 1; i < table->count; i++)
        if (table->rows[i - 1].pc >= table->rows[i].pc)
            abort();
}

static void check_symbols(const struct bk_symbol_table *symbols)
{
    size_t letters = 0;
    for (size_t i = 0; i < symbols->count; i++) {
        letters += strlen(bk_symbol_name(symbols, &symbols->symbols[i]));
        if (i > 0 && symbols->symbols[i - 1].start >= symbols->symbols[i].start)
            abort();
    }
    if (symbols->count > 0 && letters == 0)
        abort();
}

static void read_image(const struct bk_source *source)
{
    struct bk_elf elf;
    struct bk_unwind_table table;
    struct bk_symbol_table symbols;
    struct bk_build_id id;
    uint64_t address = 0;
    if (bk_elf_open(&elf, source) != BRISK_OK)
        return;
    bk_elf_first_address(&elf, &address);
    bk_elf_address_of(&elf, 0x1000, &address);
    bk_elf_build_id(&elf, &id);
    bk_eh_frame_load(&elf, &table);
    check_table(&table);
    bk_unwind_table_free(&table);
    const char *const sections[] = {".symtab", ".dynsym"};
    for (int i = 0; i < 2; i++) {
        bk_symbol_table_load(&symbols, &elf, sections[i], address);
        check_symbols(&symbols);
        bk_symbol_table_free(&symbols);
    }
    bk_elf_close(&elf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    if (length == 0)
        return 0;
    struct bk_source source = {.data = data, .fd = -1, .length = length};
    read_image(&source);
    struct bk_unwind_table table;
    struct bk_eh_frame frame = {.data = data, .length = length, .address = 0x1000};
    if (bk_eh_frame_parse(&frame, &table) == BRISK_OK)
        check_table(&table);
    bk_unwind_table_free(&table);
    return 0;
}
