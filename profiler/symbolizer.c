/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/symbolizer.h"

#include <string.h>

#include "base/memory.h"
#include "profiler/debug_file.h"
#include "profiler/demangle.h"
#include "profiler/jit_map.h"

struct bk_symbolizer {
    struct bk_process_map *map;
    pid_t pid;
    struct bk_jit_map jit;
    bool has_jit; /* it was looked for */
};

struct bk_symbolizer *bk_symbolizer_new(struct bk_process_map *map, pid_t pid)
{
    struct bk_symbolizer *symbolizer = bk_calloc(1, sizeof *symbolizer);
    if (symbolizer == NULL)
        return NULL;
    symbolizer->map = map;
    symbolizer->pid = pid;
    return symbolizer;
}

void bk_symbolizer_free(struct bk_symbolizer *symbolizer)
{
    if (symbolizer == NULL)
        return;
    bk_jit_map_free(&symbolizer->jit);
    bk_free(symbolizer);
}

static enum brisk_status load_split_symbols(struct bk_module *module, pid_t pid)
{
    struct bk_elf debug;
    enum brisk_status status = bk_debug_file_open(&debug, module, pid);
    if (status != BRISK_OK)
        return status;
    status = bk_symbol_table_load(&module->symbols, &debug, ".symtab", module->first_address);
    bk_debug_file_close(&debug);
    return status;
}

/* All functions if they are to be had, else those that others may call. */
static enum brisk_status load_symbols(struct bk_module *module, pid_t pid)
{
    if (module->has_symbols)
        return BRISK_OK;
    uint64_t first = module->first_address;
    enum brisk_status status = bk_symbol_table_load(
        &module->symbols, &module->elf, ".symtab", first);
    if (status == BRISK_MISS)
        status = load_split_symbols(module, pid);
    if (status == BRISK_MISS)
        status = bk_symbol_table_load(&module->symbols, &module->elf, ".dynsym", first);
    if (status == BRISK_ERR_NOMEM)
        return status;
    module->has_symbols = true;
    return BRISK_OK;
}

static enum brisk_status name_function(struct bk_location *location, const char *name)
{
    location->function = bk_demangle(name);
    if (location->function == NULL)
        location->function = bk_strdup(name);
    return location->function == NULL ? BRISK_ERR_NOMEM : BRISK_OK;
}

static enum brisk_status symbolize_in_module(
    struct bk_symbolizer *symbolizer, struct bk_module *module, uint64_t address,
    struct bk_location *location)
{
    location->module = module->path;
    location->module_offset = address + module->first_address;
    if (load_symbols(module, symbolizer->pid) != BRISK_OK)
        return BRISK_ERR_NOMEM;
    const struct bk_symbol *symbol = NULL;
    if (address <= UINT32_MAX)
        symbol = bk_symbol_table_find(&module->symbols, (uint32_t)address);
    if (symbol == NULL)
        return BRISK_MISS;
    location->function_offset = address - symbol->start;
    if (name_function(location, bk_symbol_name(&module->symbols, symbol)) != BRISK_OK)
        return BRISK_ERR_NOMEM;
    /* The linker's mark of a symbol's version ("@@GLIBC_2.34") is no part of its name. */
    char *version = location->function[0] == '\0' ? NULL : strchr(location->function + 1, '@');
    if (version != NULL)
        *version = '\0';
    return BRISK_OK;
}

static enum brisk_status
symbolize_in_jit(struct bk_symbolizer *symbolizer, uint64_t pc, struct bk_location *location)
{
    location->module_offset = pc;
    if (!symbolizer->has_jit &&
        bk_jit_map_load(&symbolizer->jit, symbolizer->pid) == BRISK_ERR_NOMEM)
        return BRISK_ERR_NOMEM;
    symbolizer->has_jit = true;
    const struct bk_jit_symbol *symbol = bk_jit_map_find(&symbolizer->jit, pc);
    if (symbol == NULL)
        return BRISK_MISS;
    location->function_offset = pc - symbol->start;
    return name_function(location, symbol->name);
}

enum brisk_status
bk_symbolize(struct bk_symbolizer *symbolizer, uint64_t pc, struct bk_location *location)
{
    *location = (struct bk_location){0};
    uint64_t address;
    struct bk_module *module = bk_process_map_module(symbolizer->map, pc, &address);
    return module != NULL ? symbolize_in_module(symbolizer, module, address, location)
                          : symbolize_in_jit(symbolizer, pc, location);
}
