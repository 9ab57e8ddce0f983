/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/symbol_table.h"

#include <string.h>

#include "base/memory.h"

/* What of a symbol goes into the table; false: it is no function, or nonsense. */
static bool convert(
    const Elf64_Sym *from, const struct bk_symbol_table *table, uint64_t first_address,
    struct bk_symbol *to)
{
    unsigned int type = ELF64_ST_TYPE(from->st_info);
    bool is_function = type == STT_FUNC || type == STT_GNU_IFUNC ||
                       (type == STT_NOTYPE && from->st_size != 0);
    if (!is_function || from->st_shndx == SHN_UNDEF || from->st_shndx >= SHN_LORESERVE ||
        from->st_name >= table->names_length || table->names[from->st_name] == '\0' ||
        from->st_value < first_address || from->st_value - first_address > UINT32_MAX)
        return false;
    to->start = (uint32_t)(from->st_value - first_address);
    to->length = from->st_size > UINT32_MAX ? 0 : (uint32_t)from->st_size;
    to->name = from->st_name;
    to->rank = ELF64_ST_BIND(from->st_info) == STB_GLOBAL ? 0 : 1;
    return true;
}

/* Of the names of one address the one with a length, then a global one, then the plainest. */
static int compare(const void *a, const void *b)
{
    const struct bk_symbol *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if ((x->length == 0) != (y->length == 0))
        return x->length == 0 ? 1 : -1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->name < y->name ? -1 : x->name > y->name;
}

static void sort(struct bk_symbol_table *table)
{
    qsort(table->symbols, table->count, sizeof *table->symbols, compare);
    size_t kept = 0;
    for (size_t i = 0; i < table->count; i++)
        if (kept == 0 || table->symbols[kept - 1].start != table->symbols[i].start)
            table->symbols[kept++] = table->symbols[i];
    table->count = kept;
}

static enum brisk_status
load_names(struct bk_symbol_table *table, const struct bk_elf *elf, const Elf64_Shdr *section)
{
    uint64_t length = section->sh_size;
    if (section->sh_type != SHT_STRTAB || length == 0 || length > UINT32_MAX)
        return BRISK_MISS;
    uint8_t *bytes;
    enum brisk_status status = bk_elf_load(elf, section, &bytes);
    if (status != BRISK_OK)
        return status;
    table->names = (char *)bytes;
    table->names[length - 1] = '\0';
    table->names_length = length;
    return BRISK_OK;
}

static enum brisk_status load_symbols(
    struct bk_symbol_table *table, const struct bk_elf *elf, const Elf64_Shdr *section,
    uint64_t first_address)
{
    uint8_t *bytes;
    enum brisk_status status = bk_elf_load(elf, section, &bytes);
    if (status != BRISK_OK)
        return status;
    const Elf64_Sym *symbols = (const void *)bytes;
    size_t count = section->sh_size / sizeof *symbols;
    table->symbols = count == 0 ? NULL : bk_malloc(count * sizeof *table->symbols);
    for (size_t i = 0; table->symbols != NULL && i < count; i++)
        if (convert(&symbols[i], table, first_address, &table->symbols[table->count]))
            table->count++;
    bk_free(bytes);
    if (table->symbols == NULL)
        return count == 0 ? BRISK_MISS : BRISK_ERR_NOMEM;
    if (table->count == 0)
        return BRISK_MISS;
    sort(table);
    return BRISK_OK;
}

enum brisk_status bk_symbol_table_load(
    struct bk_symbol_table *table, const struct bk_elf *elf, const char *name,
    uint64_t first_address)
{
    memset(table, 0, sizeof *table);
    const Elf64_Shdr *section = bk_elf_section(elf, name);
    if (section == NULL || section->sh_entsize != sizeof(Elf64_Sym) ||
        section->sh_link >= elf->section_count)
        return BRISK_MISS;
    enum brisk_status status = load_names(table, elf, &elf->sections[section->sh_link]);
    if (status == BRISK_OK)
        status = load_symbols(table, elf, section, first_address);
    if (status != BRISK_OK)
        bk_symbol_table_free(table);
    return status;
}

void bk_symbol_table_free(struct bk_symbol_table *table)
{
    bk_free(table->symbols);
    bk_free(table->names);
    memset(table, 0, sizeof *table);
}

const struct bk_symbol *bk_symbol_table_find(const struct bk_symbol_table *table, uint32_t address)
{
    const struct bk_symbol *first = table->symbols;
    size_t count = table->count;
    if (count == 0 || address < first->start)
        return NULL;
    while (count > 1) {
        size_t half = count / 2;
        first = first[half].start <= address ? first + half : first;
        count -= half;
    }
    bool is_inside = first->length == 0 || address - first->start < first->length;
    return is_inside ? first : NULL;
}
