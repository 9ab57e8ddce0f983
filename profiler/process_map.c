/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/process_map.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "profiler/process_info.h"
#include "profiler/process_memory.h"

struct region {
    struct bk_mapping mapping; /* executable; in the order of addresses, as the kernel writes */
    struct bk_module *module;  /* NULL: not looked at yet, or has none */
    uint64_t base;             /* of the module's tables */
    bool is_opened;
};

/* What one reading of the maps gave. */
struct snapshot {
    char *text; /* the mappings' paths point into it */
    size_t text_length;
    struct region *regions;
    size_t region_count;
};

struct bk_process_map {
    pid_t pid;
    struct snapshot now;
    struct bk_module **modules;
    size_t module_count;
    size_t module_capacity;
    uint64_t generation;
    const struct region *last; /* that a word was read of; NULL: none */
    bool is_short_of_memory;
};

struct bk_process_map *bk_process_map_new(pid_t pid)
{
    struct bk_process_map *map = bk_calloc(1, sizeof *map);
    if (map != NULL)
        map->pid = pid;
    return map;
}

static void free_snapshot(struct snapshot *snapshot)
{
    bk_free(snapshot->text);
    bk_free(snapshot->regions);
}

void bk_process_map_free(struct bk_process_map *map)
{
    if (map == NULL)
        return;
    free_snapshot(&map->now);
    for (size_t i = 0; i < map->module_count; i++)
        bk_module_free(map->modules[i]);
    bk_free(map->modules);
    bk_free(map);
}

static enum brisk_status fail_to_read(pid_t pid, struct brisk_error *error)
{
    int reason = errno;
    if (reason == ENOMEM)
        return bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory for the map of %d", (int)pid);
    if (reason == ENOENT || reason == ESRCH)
        return bk_error_set(
            error, BRISK_ERR_UNREACHABLE, reason, "there is no process %d", (int)pid);
    if (reason == EACCES || reason == EPERM)
        return bk_explain_refusal(pid, error);
    return bk_error_set(
        error, BRISK_ERR_SYSTEM, reason, "/proc/%d/maps: %s", (int)pid, strerror(reason));
}

static size_t count_executable(const struct snapshot *snapshot)
{
    size_t count = 0;
    struct bk_mapping mapping;
    const char *text = snapshot->text, *end = text + snapshot->text_length;
    while (bk_maps_next(&text, end, &mapping))
        count += mapping.is_executable;
    return count;
}

static bool list_regions(struct snapshot *snapshot)
{
    size_t count = count_executable(snapshot);
    snapshot->regions = bk_calloc(count + 1, sizeof *snapshot->regions);
    if (snapshot->regions == NULL)
        return false;
    struct bk_mapping mapping;
    const char *text = snapshot->text, *end = text + snapshot->text_length;
    while (bk_maps_next(&text, end, &mapping)) {
        size_t last = snapshot->region_count;
        bool is_behind = last == 0 || snapshot->regions[last - 1].mapping.end <= mapping.start;
        if (mapping.is_executable && is_behind)
            snapshot->regions[snapshot->region_count++].mapping = mapping;
    }
    return true;
}

enum brisk_status bk_process_map_read(struct bk_process_map *map, struct brisk_error *error)
{
    struct snapshot snapshot = {0};
    snapshot.text = bk_process_file(map->pid, "maps", &snapshot.text_length);
    if (snapshot.text == NULL)
        return fail_to_read(map->pid, error);
    enum brisk_status status = BRISK_OK;
    if (snapshot.text_length == 0)
        status = bk_error_set(
            error, BRISK_ERR_UNREACHABLE, 0,
            "process %d has no memory: it has ended, or is a thread of the kernel", (int)map->pid);
    else if (!list_regions(&snapshot))
        status = bk_error_set(
            error, BRISK_ERR_NOMEM, 0, "no memory for the map of %d", (int)map->pid);
    if (status != BRISK_OK) {
        free_snapshot(&snapshot);
        return status;
    }
    free_snapshot(&map->now);
    map->now = snapshot;
    map->last = NULL;
    map->generation++;
    return BRISK_OK;
}

static struct region *find_region(struct bk_process_map *map, uint64_t pc)
{
    size_t low = 0, high = map->now.region_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (map->now.regions[middle].mapping.end <= pc)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_found = low < map->now.region_count && map->now.regions[low].mapping.start <= pc;
    return is_found ? &map->now.regions[low] : NULL;
}

static struct bk_module *find_module(const struct bk_process_map *map, const struct bk_mapping *of)
{
    for (size_t i = 0; i < map->module_count; i++)
        if (bk_module_is_of(map->modules[i], of))
            return map->modules[i];
    return NULL;
}

static bool make_room(struct bk_process_map *map)
{
    if (map->module_count < map->module_capacity)
        return true;
    size_t larger = map->module_capacity == 0 ? 16 : 2 * map->module_capacity;
    void *grown = bk_realloc(map->modules, larger * sizeof(struct bk_module *));
    if (grown == NULL)
        return false;
    map->modules = grown;
    map->module_capacity = larger;
    return true;
}

static struct bk_module *open_module(struct bk_process_map *map, const struct bk_mapping *of)
{
    struct bk_module *module = find_module(map, of);
    if (module != NULL)
        return module;
    if (make_room(map))
        module = bk_module_new(map->pid, map->now.text, map->now.text_length, of);
    if (module == NULL)
        map->is_short_of_memory = true;
    else
        map->modules[map->module_count++] = module;
    return module;
}

/* Memory without a file is a JIT's, or a program's that unpacked itself. */
static void open_region(struct bk_process_map *map, struct region *region)
{
    if (region->is_opened)
        return;
    region->is_opened = true;
    if (region->mapping.path_length == 0)
        return;
    struct bk_module *module = open_module(map, &region->mapping);
    if (module != NULL && bk_module_base(module, &region->mapping, &region->base))
        region->module = module;
}

enum bk_code bk_process_map_find(void *context, uint64_t pc, struct bk_unwind_rule *rule)
{
    struct bk_process_map *map = context;
    struct region *region = find_region(map, pc);
    if (region == NULL)
        return BK_CODE_NONE;
    open_region(map, region);
    if (region->module == NULL || region->module->table.count == 0)
        return BK_CODE_WITHOUT;
    uint64_t address = pc - region->base;
    if (address <= UINT32_MAX)
        *rule = bk_unwind_table_find(&region->module->table, (uint32_t)address);
    return BK_CODE_WITH_TABLE;
}

struct bk_module *bk_process_map_module(struct bk_process_map *map, uint64_t pc, uint64_t *address)
{
    *address = pc;
    struct region *region = find_region(map, pc);
    if (region == NULL)
        return NULL;
    open_region(map, region);
    if (region->module == NULL)
        return NULL;
    *address = pc - region->base;
    return region->module;
}

static bool read_word(const struct region *region, uint64_t address, uint64_t *word)
{
    struct bk_module *module = region->module;
    if (module == NULL || address < region->base)
        return false;
    return bk_module_word(module, address - region->base, word);
}

bool bk_process_map_word(struct bk_process_map *map, uint64_t address, uint64_t *word)
{
    if (map->last != NULL && read_word(map->last, address, word))
        return true;
    for (size_t i = 0; i < map->now.region_count; i++) {
        map->last = &map->now.regions[i];
        if (read_word(map->last, address, word))
            return true;
    }
    map->last = NULL;
    return false;
}

uint64_t bk_process_map_generation(const struct bk_process_map *map)
{
    return map->generation;
}

bool bk_process_map_is_short_of_memory(const struct bk_process_map *map)
{
    return map->is_short_of_memory;
}
