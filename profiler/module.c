/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/module.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "profiler/eh_frame.h"
#include "profiler/process_memory.h"

enum {
    PAGE_BYTES = 4096,
    PATH_BYTES = 4096 + 64,
    MOST_IMAGE_BYTES = 1 << 30,
};

static const char deleted[] = " (deleted)";

/* Where to look, and whose memory says whether it is the right file. */
struct search {
    pid_t pid;
    const char *text;
    const char *text_end;
    const struct bk_mapping *mapping;
    struct bk_mapping first; /* the mapping of the file's start */
    bool has_first;
};

static bool is_same_file(const struct bk_mapping *a, const struct bk_mapping *b)
{
    return a->inode == b->inode && a->device_major == b->device_major &&
           a->device_minor == b->device_minor && a->path_length == b->path_length &&
           memcmp(a->path, b->path, a->path_length) == 0;
}

static bool next_part(const struct search *search, const char **text, struct bk_mapping *part)
{
    while (bk_maps_next(text, search->text_end, part))
        if (is_same_file(part, search->mapping))
            return true;
    return false;
}

static void find_first(struct search *search)
{
    const char *text = search->text;
    struct bk_mapping part;
    while (!search->has_first && next_part(search, &text, &part)) {
        if (part.offset != 0 || !part.is_readable)
            continue;
        search->first = part;
        search->has_first = true;
    }
}

/*
 * Whether the file is the one that is mapped, not one that was put in its place: its
 * first page has the headers and mostly the build-id. Device and inode do not tell; an
 * overlay shows others in maps than in stat.
 */
static bool is_what_is_mapped(const struct search *search, const struct bk_source *source)
{
    uint8_t in_file[PAGE_BYTES], in_memory[PAGE_BYTES];
    size_t length = source->length < PAGE_BYTES ? (size_t)source->length : PAGE_BYTES;
    if (!search->has_first)
        return true;
    return bk_source_read(source, 0, in_file, length) &&
           bk_process_read(search->pid, search->first.start, in_memory, length) == length &&
           memcmp(in_file, in_memory, length) == 0;
}

/* Only regular files: opening a device or a pipe can have effects, or wait for ever. */
static bool open_file(const char *path, struct bk_source *source)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size <= 0) {
        close(fd);
        return false;
    }
    *source = (struct bk_source){.fd = fd, .length = (uint64_t)status.st_size};
    return true;
}

static bool try_file(const struct search *search, const char *path, struct bk_source *source)
{
    if (!open_file(path, source))
        return false;
    if (is_what_is_mapped(search, source))
        return true;
    close(source->fd);
    return false;
}

static bool find_file(const struct search *search, const char *name, struct bk_source *source)
{
    char path[PATH_BYTES];
    const struct bk_mapping *mapping = search->mapping;
    if (name[0] != '/')
        return false;
    snprintf(path, sizeof path, "/proc/%d/root%s", (int)search->pid, name);
    if (try_file(search, path, source))
        return true;
    snprintf(
        path, sizeof path, "/proc/%d/map_files/%lx-%lx", (int)search->pid,
        (unsigned long)mapping->start, (unsigned long)mapping->end);
    if (try_file(search, path, source))
        return true;
    /* Of a deleted program only this name is left, and it takes no privilege. */
    snprintf(path, sizeof path, "/proc/%d/exe", (int)search->pid);
    return search->has_first && try_file(search, path, source);
}

/* What is mapped, at the places that it has in the file. Pages that are gone are zero. */
static bool copy_from_memory(const struct search *search, struct bk_source *source)
{
    struct bk_mapping part;
    uint64_t length = 0;
    for (const char *text = search->text; next_part(search, &text, &part);)
        if (part.offset < MOST_IMAGE_BYTES && part.offset + (part.end - part.start) > length)
            length = part.offset + (part.end - part.start);
    if (!search->has_first || length == 0 || length > MOST_IMAGE_BYTES)
        return false;
    uint8_t *image = bk_calloc(1, length);
    if (image == NULL)
        return false;
    for (const char *text = search->text; next_part(search, &text, &part);)
        if (part.is_readable && part.offset < length)
            bk_process_read(search->pid, part.start, image + part.offset, part.end - part.start);
    *source = (struct bk_source){.data = image, .fd = -1, .length = length};
    return true;
}

static void close_source(struct bk_source *source)
{
    if (source->data != NULL)
        bk_free((void *)(uintptr_t)source->data);
    else
        close(source->fd);
}

/* False only without memory. */
static bool read_elf(struct bk_module *module, struct bk_source *source)
{
    enum brisk_status status = bk_elf_open(&module->elf, source);
    if (status != BRISK_OK) {
        close_source(source);
        return status != BRISK_ERR_NOMEM;
    }
    if (!bk_elf_first_address(&module->elf, &module->first_address)) {
        bk_elf_close(&module->elf);
        close_source(source);
        return true;
    }
    module->is_elf = true;
    return bk_elf_build_id(&module->elf, &module->build_id) == BRISK_OK &&
           bk_eh_frame_load(&module->elf, &module->table) != BRISK_ERR_NOMEM;
}

static bool is_own_memory(const struct bk_mapping *mapping)
{
    return mapping->path_length == 6 && memcmp(mapping->path, "[vdso]", 6) == 0;
}

static char *copy_path(const struct bk_mapping *mapping)
{
    size_t length = mapping->path_length, suffix = sizeof deleted - 1;
    if (length > suffix && memcmp(mapping->path + length - suffix, deleted, suffix) == 0)
        length -= suffix;
    char *path = bk_malloc(length + 1);
    if (path == NULL)
        return NULL;
    memcpy(path, mapping->path, length);
    path[length] = '\0';
    return path;
}

struct bk_module *
bk_module_new(pid_t pid, const char *text, size_t text_length, const struct bk_mapping *mapping)
{
    struct bk_module *module = bk_calloc(1, sizeof *module);
    if (module == NULL)
        return NULL;
    module->path = copy_path(mapping);
    module->inode = mapping->inode;
    module->device_major = mapping->device_major;
    module->device_minor = mapping->device_minor;

    struct search search = {
        .pid = pid, .text = text, .text_end = text + text_length, .mapping = mapping};
    struct bk_source source;
    bool has_memory = module->path != NULL;
    if (has_memory && (mapping->inode != 0 || is_own_memory(mapping))) {
        find_first(&search);
        if (find_file(&search, module->path, &source) || copy_from_memory(&search, &source))
            has_memory = read_elf(module, &source);
    }
    if (!has_memory) {
        bk_module_free(module);
        return NULL;
    }
    return module;
}

void bk_module_free(struct bk_module *module)
{
    if (module == NULL)
        return;
    bk_symbol_table_free(&module->symbols);
    bk_unwind_table_free(&module->table);
    bk_free(module->unwind_bytes);
    if (module->is_elf) {
        close_source(&module->elf.source);
        bk_elf_close(&module->elf);
    }
    bk_free(module->path);
    bk_free(module);
}

bool bk_module_is_of(const struct bk_module *module, const struct bk_mapping *mapping)
{
    size_t length = strlen(module->path);
    return module->inode == mapping->inode && module->device_major == mapping->device_major &&
           module->device_minor == mapping->device_minor && length <= mapping->path_length &&
           memcmp(module->path, mapping->path, length) == 0 &&
           (length == mapping->path_length || mapping->path_length == length + sizeof deleted - 1);
}

bool bk_module_base(
    const struct bk_module *module, const struct bk_mapping *mapping, uint64_t *base)
{
    uint64_t address;
    if (!module->is_elf || !bk_elf_address_of(&module->elf, mapping->offset, &address))
        return false;
    *base = mapping->start - address + module->first_address;
    return true;
}

static const Elf64_Phdr *find_loaded(const struct bk_elf *elf, uint64_t address)
{
    for (size_t i = 0; i < elf->segment_count; i++) {
        const Elf64_Phdr *segment = &elf->segments[i];
        if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
            address - segment->p_vaddr < segment->p_filesz)
            return segment;
    }
    return NULL;
}

static bool load_unwind_bytes(struct bk_module *module)
{
    const struct bk_elf *elf = &module->elf;
    const Elf64_Phdr *header = bk_elf_segment(elf, PT_GNU_EH_FRAME);
    const Elf64_Phdr *loaded = header == NULL ? NULL : find_loaded(elf, header->p_vaddr);
    if (loaded == NULL || loaded->p_vaddr - module->first_address > UINT32_MAX ||
        bk_source_load(&elf->source, loaded->p_offset, loaded->p_filesz, &module->unwind_bytes) !=
            BRISK_OK)
        return false;
    module->unwind_start = (uint32_t)(loaded->p_vaddr - module->first_address);
    module->unwind_length = loaded->p_filesz;
    return true;
}

bool bk_module_word(struct bk_module *module, uint64_t address, uint64_t *word)
{
    if (!module->is_elf || (module->unwind_bytes == NULL && !load_unwind_bytes(module)))
        return false;
    uint64_t offset = address - module->unwind_start, left;
    if (offset < module->unwind_length && module->unwind_length - offset >= sizeof *word) {
        memcpy(word, module->unwind_bytes + offset, sizeof *word);
        return true;
    }
    return bk_elf_offset_of(&module->elf, address + module->first_address, &offset, &left) &&
           left >= sizeof *word && bk_source_read(&module->elf.source, offset, word, sizeof *word);
}
