/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/fallback.h"

#include "base/memory.h"

#ifdef BRISK_HAS_LIBUNWIND

#include <dlfcn.h>
#include <libunwind-x86_64.h>

/* The functions of libunwind that are used, by the names that its header gives them. */
struct library {
    void *handle;
    unw_addr_space_t (*create_addr_space)(unw_accessors_t *, int);
    void (*destroy_addr_space)(unw_addr_space_t);
    int (*set_caching_policy)(unw_addr_space_t, unw_caching_policy_t);
    void (*flush_cache)(unw_addr_space_t, unw_word_t, unw_word_t);
    int (*init_remote)(unw_cursor_t *, unw_addr_space_t, void *);
    int (*step)(unw_cursor_t *);
    int (*get_reg)(unw_cursor_t *, int, unw_word_t *);
    int (*is_signal_frame)(unw_cursor_t *);
    int (*search_unwind_table)(
        unw_addr_space_t, unw_word_t, unw_dyn_info_t *, unw_proc_info_t *, int, void *);
};

struct bk_fallback {
    struct bk_process_map *map;
    struct library library;
    bool is_opened;
    unw_addr_space_t space;
    uint64_t generation; /* of the map that libunwind's cache is of */
    /* What is unwound now. */
    const struct bk_registers *registers;
    const struct bk_stack *stack;
};

/* ISO C has no conversion from an object pointer to a function; POSIX has. */
#define FIND(library, member, name)                                                                \
    do {                                                                                           \
        void *found = dlsym((library)->handle, name);                                              \
        if (found == NULL)                                                                         \
            return false;                                                                          \
        memcpy(&(library)->member, &found, sizeof found);                                          \
    } while (0)

static bool find_functions(struct library *library)
{
    FIND(library, create_addr_space, "_Ux86_64_create_addr_space");
    FIND(library, destroy_addr_space, "_Ux86_64_destroy_addr_space");
    FIND(library, set_caching_policy, "_Ux86_64_set_caching_policy");
    FIND(library, flush_cache, "_Ux86_64_flush_cache");
    FIND(library, init_remote, "_Ux86_64_init_remote");
    FIND(library, step, "_Ux86_64_step");
    FIND(library, get_reg, "_Ux86_64_get_reg");
    FIND(library, is_signal_frame, "_Ux86_64_is_signal_frame");
    FIND(library, search_unwind_table, "_Ux86_64_dwarf_search_unwind_table");
    return true;
}

/*
 * The search header of the module at `ip`, in the form that libunwind searches: version,
 * encodings, .eh_frame's address, a count, and a table of pairs. Others it cannot search.
 */
static bool describe_table(struct bk_process_map *map, unw_word_t ip, unw_dyn_info_t *info)
{
    uint64_t address;
    const struct bk_module *module = bk_process_map_module(map, ip, &address);
    const Elf64_Phdr *header = module == NULL ? NULL
                                              : bk_elf_segment(&module->elf, PT_GNU_EH_FRAME);
    uint8_t bytes[12];
    if (header == NULL || !bk_source_read(&module->elf.source, header->p_offset, bytes, 12))
        return false;
    static const uint8_t usual[] = {1, 0x1b, 0x03, 0x3b};
    uint32_t count;
    memcpy(&count, bytes + 8, sizeof count);
    if (memcmp(bytes, usual, sizeof usual) != 0)
        return false;
    uint64_t base = ip - address;
    uint64_t at = base + header->p_vaddr - module->first_address;
    *info = (unw_dyn_info_t){.start_ip = base, .end_ip = UINT64_MAX};
    info->format = UNW_INFO_FORMAT_REMOTE_TABLE;
    info->u.rti.segbase = at;
    info->u.rti.table_data = at + sizeof bytes;
    info->u.rti.table_len = count; /* a pair has the size of a word */
    return true;
}

static int find_proc_info(
    unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *info, int is_needed, void *context)
{
    struct bk_fallback *fallback = context;
    unw_dyn_info_t table;
    if (!describe_table(fallback->map, ip, &table))
        return -UNW_ENOINFO;
    return fallback->library.search_unwind_table(space, ip, &table, info, is_needed, context);
}

/* What search_unwind_table made libunwind takes back itself. */
static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *info, void *context)
{
    (void)space, (void)info, (void)context;
}

static int get_dyn_info_list_addr(unw_addr_space_t space, unw_word_t *list, void *context)
{
    (void)space, (void)list, (void)context;
    return -UNW_ENOINFO;
}

/* The stack, or the unwind information of a module. */
static int access_mem(
    unw_addr_space_t space, unw_word_t address, unw_word_t *value, int is_write, void *context)
{
    const struct bk_fallback *fallback = context;
    (void)space;
    if (is_write)
        return -UNW_EINVAL;
    if (bk_stack_read(fallback->stack, address, value) ||
        bk_process_map_word(fallback->map, address, value))
        return 0;
    return -UNW_EINVAL;
}

static int access_reg(
    unw_addr_space_t space, unw_regnum_t number, unw_word_t *value, int is_write, void *context)
{
    const struct bk_fallback *fallback = context;
    (void)space;
    if (is_write || number < 0 || number >= BK_REGISTERS)
        return -UNW_EBADREG;
    *value = fallback->registers->values[number];
    return 0;
}

static int access_fpreg(
    unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int is_write, void *context)
{
    (void)space, (void)number, (void)value, (void)is_write, (void)context;
    return -UNW_EBADREG;
}

static int resume(unw_addr_space_t space, unw_cursor_t *cursor, void *context)
{
    (void)space, (void)cursor, (void)context;
    return -UNW_EINVAL;
}

static int get_proc_name(
    unw_addr_space_t space, unw_word_t ip, char *name, size_t length, unw_word_t *offset,
    void *context)
{
    (void)space, (void)ip, (void)name, (void)length, (void)offset, (void)context;
    return -UNW_ENOINFO;
}

static void open_library(struct bk_fallback *fallback)
{
    static unw_accessors_t accessors = {
        .find_proc_info = find_proc_info,
        .put_unwind_info = put_unwind_info,
        .get_dyn_info_list_addr = get_dyn_info_list_addr,
        .access_mem = access_mem,
        .access_reg = access_reg,
        .access_fpreg = access_fpreg,
        .resume = resume,
        .get_proc_name = get_proc_name,
    };
    struct library *library = &fallback->library;
    fallback->is_opened = true;
    library->handle = dlopen("libunwind-x86_64.so.8", RTLD_NOW | RTLD_LOCAL);
    if (library->handle == NULL || !find_functions(library))
        return;
    fallback->space = library->create_addr_space(&accessors, 0);
    if (fallback->space != NULL)
        library->set_caching_policy(fallback->space, UNW_CACHE_GLOBAL);
}

struct bk_fallback *bk_fallback_new(struct bk_process_map *map)
{
    struct bk_fallback *fallback = bk_calloc(1, sizeof *fallback);
    if (fallback != NULL)
        fallback->map = map;
    return fallback;
}

void bk_fallback_free(struct bk_fallback *fallback)
{
    if (fallback == NULL)
        return;
    if (fallback->space != NULL)
        fallback->library.destroy_addr_space(fallback->space);
    if (fallback->library.handle != NULL)
        dlclose(fallback->library.handle);
    bk_free(fallback);
}

bool bk_fallback_is_available(struct bk_fallback *fallback)
{
    if (!fallback->is_opened)
        open_library(fallback);
    return fallback->space != NULL;
}

static bool begin(
    struct bk_fallback *fallback, const struct bk_registers *innermost,
    const struct bk_stack *stack, unw_cursor_t *cursor)
{
    if (!bk_fallback_is_available(fallback))
        return false;
    uint64_t generation = bk_process_map_generation(fallback->map);
    if (fallback->generation != generation)
        fallback->library.flush_cache(fallback->space, 0, 0);
    fallback->generation = generation;
    fallback->registers = innermost;
    fallback->stack = stack;
    return fallback->library.init_remote(cursor, fallback->space, fallback) == 0;
}

static bool
read_caller(const struct library *library, unw_cursor_t *cursor, struct bk_registers *caller)
{
    uint64_t ip, sp, bp;
    if (library->get_reg(cursor, UNW_X86_64_RIP, &ip) != 0 ||
        library->get_reg(cursor, UNW_X86_64_RSP, &sp) != 0 ||
        library->get_reg(cursor, UNW_X86_64_RBP, &bp) != 0)
        return false;
    caller->values[BK_REGISTER_IP] = ip;
    caller->values[BK_REGISTER_SP] = sp;
    caller->values[BK_REGISTER_BP] = bp;
    return true;
}

bool bk_fallback_step(
    void *context, const struct bk_registers *innermost, const struct bk_stack *stack, size_t depth,
    struct bk_registers *caller, bool *was_signal)
{
    struct bk_fallback *fallback = context;
    unw_cursor_t cursor;
    if (!begin(fallback, innermost, stack, &cursor))
        return false;
    for (size_t i = 0; i < depth; i++)
        if (fallback->library.step(&cursor) <= 0)
            return false;
    *was_signal = fallback->library.is_signal_frame(&cursor) > 0;
    return fallback->library.step(&cursor) > 0 && read_caller(&fallback->library, &cursor, caller);
}

size_t bk_fallback_unwind(
    struct bk_fallback *fallback, const struct bk_registers *innermost,
    const struct bk_stack *stack, uint64_t *pcs, size_t most)
{
    unw_cursor_t cursor;
    size_t count = 0;
    bool is_exact = true;
    if (!begin(fallback, innermost, stack, &cursor))
        return 0;
    while (count < most) {
        unw_word_t ip;
        if (fallback->library.get_reg(&cursor, UNW_X86_64_RIP, &ip) != 0 || ip == 0)
            break;
        pcs[count++] = is_exact ? ip : ip - 1;
        is_exact = fallback->library.is_signal_frame(&cursor) > 0;
        if (fallback->library.step(&cursor) <= 0)
            break;
    }
    return count;
}

#else /* without libunwind the rare frames that need it end a stack */

struct bk_fallback {
    char unused;
};

struct bk_fallback *bk_fallback_new(struct bk_process_map *map)
{
    (void)map;
    return bk_calloc(1, sizeof(struct bk_fallback));
}

void bk_fallback_free(struct bk_fallback *fallback)
{
    bk_free(fallback);
}

bool bk_fallback_is_available(struct bk_fallback *fallback)
{
    (void)fallback;
    return false;
}

bool bk_fallback_step(
    void *context, const struct bk_registers *innermost, const struct bk_stack *stack, size_t depth,
    struct bk_registers *caller, bool *was_signal)
{
    (void)context, (void)innermost, (void)stack, (void)depth, (void)caller, (void)was_signal;
    return false;
}

size_t bk_fallback_unwind(
    struct bk_fallback *fallback, const struct bk_registers *innermost,
    const struct bk_stack *stack, uint64_t *pcs, size_t most)
{
    (void)fallback, (void)innermost, (void)stack, (void)pcs, (void)most;
    return 0;
}

#endif
