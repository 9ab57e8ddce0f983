/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/dump.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "profiler/process_info.h"
#include "profiler/symbolizer.h"

enum {
    DEFAULT_TIMEOUT_MS = 100
};

struct named_pc {
    uint64_t pc;
    struct bk_location location;
};

struct brisk_dump {
    struct bk_dump_take take;
    struct named_pc *names; /* sorted by pc, each once: threads of a pool share their stacks */
    size_t name_count;
};

void brisk_dump_free(struct brisk_dump *dump)
{
    if (dump == NULL)
        return;
    for (size_t i = 0; i < dump->name_count; i++)
        bk_free(dump->names[i].location.function);
    bk_free(dump->names);
    bk_free(dump->take.threads);
    bk_free(dump->take.pcs);
    bk_process_map_free(dump->take.map);
    bk_free(dump);
}

static int compare_pcs(const void *a, const void *b)
{
    uint64_t x = ((const struct named_pc *)a)->pc, y = ((const struct named_pc *)b)->pc;
    return x < y ? -1 : x > y;
}

static bool list_pcs(struct brisk_dump *dump)
{
    size_t count = dump->take.pc_count;
    dump->names = bk_calloc(count + 1, sizeof *dump->names);
    if (dump->names == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        dump->names[i].pc = dump->take.pcs[i];
    qsort(dump->names, count, sizeof *dump->names, compare_pcs);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || dump->names[i].pc != dump->names[dump->name_count - 1].pc)
            dump->names[dump->name_count++].pc = dump->names[i].pc;
    return true;
}

static enum brisk_status name_pcs(struct brisk_dump *dump)
{
    struct bk_symbolizer *symbolizer = bk_symbolizer_new(dump->take.map, dump->take.pid);
    enum brisk_status status = symbolizer == NULL ? BRISK_ERR_NOMEM : BRISK_OK;
    for (size_t i = 0; i < dump->name_count && status != BRISK_ERR_NOMEM; i++)
        status = bk_symbolize(symbolizer, dump->names[i].pc, &dump->names[i].location);
    bk_symbolizer_free(symbolizer);
    if (bk_process_map_is_short_of_memory(dump->take.map))
        status = BRISK_ERR_NOMEM;
    return status == BRISK_ERR_NOMEM ? status : BRISK_OK;
}

static enum brisk_status
take(struct brisk_dump *dump, const struct brisk_dump_options *options, struct brisk_error *error)
{
    dump->take.map = bk_process_map_new(dump->take.pid);
    if (dump->take.map == NULL)
        return bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory for a dump");
    enum brisk_status status = bk_process_map_read(dump->take.map, error);
    if (status != BRISK_OK)
        return status;
    uint32_t timeout_ms = options->timeout_ms != 0 ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
    status = bk_dump_take(&dump->take, timeout_ms, error);
    if (status != BRISK_OK)
        return status;
    if (!list_pcs(dump) || name_pcs(dump) != BRISK_OK)
        return bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory for the names of functions");
    return BRISK_OK;
}

struct brisk_dump *
brisk_dump_new(pid_t pid, const struct brisk_dump_options *options, struct brisk_error *error)
{
    struct brisk_dump_options known;
    if (bk_options_read(&known, sizeof known, options, sizeof known, error) != BRISK_OK)
        return NULL;
    if (pid <= 0 || bk_is_own_process(pid)) {
        bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            pid <= 0 ? "%d is no process" : "process %d is this one, which cannot stop itself",
            (int)pid);
        return NULL;
    }
    struct brisk_dump *dump = bk_calloc(1, sizeof *dump);
    if (dump == NULL) {
        bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory for a dump");
        return NULL;
    }
    dump->take.pid = pid;
    if (take(dump, &known, error) != BRISK_OK) {
        brisk_dump_free(dump);
        return NULL;
    }
    return dump;
}

enum brisk_status brisk_dump_get_info(const struct brisk_dump *dump, struct brisk_dump_info *info)
{
    if (info->size != sizeof *info)
        return BRISK_ERR_INVALID;
    info->threads = dump->take.thread_count;
    info->frames = dump->take.pc_count;
    info->fallback_frames = dump->take.fallback_frames;
    info->frame_pointer_frames = dump->take.pointer_frames;
    return BRISK_OK;
}

enum brisk_status
brisk_dump_get_thread(const struct brisk_dump *dump, size_t index, struct brisk_dump_thread *thread)
{
    if (index >= dump->take.thread_count)
        return BRISK_MISS;
    *thread = dump->take.threads[index].shown;
    return BRISK_OK;
}

enum brisk_status brisk_dump_get_frame(
    const struct brisk_dump *dump, size_t thread, size_t index, struct brisk_dump_frame *frame)
{
    if (thread >= dump->take.thread_count || index >= dump->take.threads[thread].shown.frames)
        return BRISK_MISS;
    struct named_pc key = {.pc = dump->take.pcs[dump->take.threads[thread].first_pc + index]};
    const struct named_pc *found = bsearch(
        &key, dump->names, dump->name_count, sizeof *dump->names, compare_pcs);
    if (found == NULL)
        return BRISK_MISS;
    *frame = (struct brisk_dump_frame){
        .address = key.pc,
        .function = found->location.function,
        .function_offset = found->location.function_offset,
        .module = found->location.module,
        .module_offset = found->location.module_offset};
    return BRISK_OK;
}
