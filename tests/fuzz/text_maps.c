/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as /proc/PID/maps and as a JIT's map. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "profiler/jit_map.h"
#include "profiler/maps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void read_maps(const char *text, size_t length)
{
    struct bk_mapping mapping;
    const char *at = text, *end = text + length;
    while (bk_maps_next(&at, end, &mapping)) {
        require(mapping.start < mapping.end);
        require(mapping.path >= text && mapping.path + mapping.path_length <= end);
    }
    require(at == end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    char *text = bk_malloc(length + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, length);
    text[length] = '\0';
    read_maps(text, length);
    struct bk_jit_map map;
    if (bk_jit_map_parse(&map, text, length) != BRISK_OK)
        return 0;
    for (size_t i = 0; i < map.count; i++) {
        const struct bk_jit_symbol *found = bk_jit_map_find(&map, map.symbols[i].start);
        require(found == NULL || found->start == map.symbols[i].start);
        require(strlen(map.symbols[i].name) > 0);
    }
    bk_jit_map_free(&map);
    return 0;
}
