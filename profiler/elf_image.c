/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/elf_image.h"

#include <string.h>

#include "base/memory.h"

enum {
    MOST_NOTE_BYTES = 1 << 16
};

#if defined(__aarch64__)
static const uint16_t own_machine = EM_AARCH64;
#else
static const uint16_t own_machine = EM_X86_64;
#endif

static enum brisk_status check_header(const Elf64_Ehdr *header)
{
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return BRISK_ERR_CORRUPT;
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
        header->e_machine != own_machine)
        return BRISK_ERR_UNSUPPORTED;
    return BRISK_OK;
}

/* A table whose entries have another size than ours is not for us. */
static enum brisk_status load_table(
    const struct bk_elf *elf, uint64_t offset, size_t count, bool is_right_size, size_t entry_bytes,
    void *table)
{
    uint8_t *bytes = NULL;
    enum brisk_status status = BRISK_MISS;
    if (count != 0 && is_right_size)
        status = bk_source_load(&elf->source, offset, (uint64_t)count * entry_bytes, &bytes);
    memcpy(table, &bytes, sizeof bytes);
    return status;
}

/* Section headers are a convenience: without them the program is profiled all the same. */
static enum brisk_status load_sections(struct bk_elf *elf)
{
    const Elf64_Ehdr *header = &elf->header;
    size_t bytes = sizeof *elf->sections;
    enum brisk_status status = load_table(
        elf, header->e_shoff, header->e_shnum, header->e_shentsize == bytes, bytes, &elf->sections);
    if (status != BRISK_OK)
        return status;
    elf->section_count = header->e_shnum;
    if (header->e_shstrndx >= elf->section_count)
        return BRISK_MISS;
    const Elf64_Shdr *names = &elf->sections[header->e_shstrndx];
    status = bk_elf_load(elf, names, &elf->names);
    if (status == BRISK_OK)
        elf->names_length = names->sh_size;
    return status;
}

static enum brisk_status load_segments(struct bk_elf *elf)
{
    const Elf64_Ehdr *header = &elf->header;
    size_t bytes = sizeof *elf->segments;
    if (header->e_phnum == 0) /* a file of debug information may have none */
        return BRISK_OK;
    enum brisk_status status = load_table(
        elf, header->e_phoff, header->e_phnum, header->e_phentsize == bytes, bytes, &elf->segments);
    if (status == BRISK_OK)
        elf->segment_count = header->e_phnum;
    return status == BRISK_MISS ? BRISK_ERR_CORRUPT : status;
}

enum brisk_status bk_elf_open(struct bk_elf *elf, const struct bk_source *source)
{
    memset(elf, 0, sizeof *elf);
    elf->source = *source;
    if (!bk_source_read(source, 0, &elf->header, sizeof elf->header))
        return BRISK_ERR_CORRUPT;
    enum brisk_status status = check_header(&elf->header);
    if (status != BRISK_OK)
        return status;
    status = load_segments(elf);
    if (status == BRISK_OK && load_sections(elf) == BRISK_ERR_NOMEM)
        status = BRISK_ERR_NOMEM;
    if (status != BRISK_OK)
        bk_elf_close(elf);
    return status;
}

void bk_elf_close(struct bk_elf *elf)
{
    bk_free(elf->segments);
    bk_free(elf->sections);
    bk_free(elf->names);
    memset(elf, 0, sizeof *elf);
}

const Elf64_Shdr *bk_elf_section(const struct bk_elf *elf, const char *name)
{
    size_t length = strlen(name) + 1;
    for (size_t i = 0; i < elf->section_count; i++) {
        size_t at = elf->sections[i].sh_name;
        if (at <= elf->names_length && length <= elf->names_length - at &&
            memcmp(elf->names + at, name, length) == 0)
            return &elf->sections[i];
    }
    return NULL;
}

enum brisk_status bk_elf_load(const struct bk_elf *elf, const Elf64_Shdr *section, uint8_t **bytes)
{
    *bytes = NULL;
    if (section->sh_type == SHT_NOBITS || (section->sh_flags & SHF_COMPRESSED) != 0)
        return BRISK_MISS;
    return bk_source_load(&elf->source, section->sh_offset, section->sh_size, bytes);
}

const Elf64_Phdr *bk_elf_segment(const struct bk_elf *elf, uint32_t type)
{
    for (size_t i = 0; i < elf->segment_count; i++)
        if (elf->segments[i].p_type == type)
            return &elf->segments[i];
    return NULL;
}

bool bk_elf_first_address(const struct bk_elf *elf, uint64_t *address)
{
    const Elf64_Phdr *first = NULL;
    for (size_t i = 0; i < elf->segment_count; i++) {
        const Elf64_Phdr *segment = &elf->segments[i];
        if (segment->p_type == PT_LOAD && (first == NULL || segment->p_vaddr < first->p_vaddr))
            first = segment;
    }
    if (first != NULL)
        *address = first->p_vaddr;
    return first != NULL;
}

bool bk_elf_address_of(const struct bk_elf *elf, uint64_t offset, uint64_t *address)
{
    static const uint64_t page_mask = 4095; /* mappings begin at pages, segments need not */
    for (size_t i = 0; i < elf->segment_count; i++) {
        const Elf64_Phdr *segment = &elf->segments[i];
        uint64_t first = segment->p_offset & ~page_mask;
        uint64_t lead = segment->p_offset - first;
        if (segment->p_type != PT_LOAD || offset < first || segment->p_filesz == 0 ||
            offset - first >= segment->p_filesz + lead)
            continue;
        *address = segment->p_vaddr - lead + (offset - first);
        return true;
    }
    return false;
}

bool bk_elf_offset_of(
    const struct bk_elf *elf, uint64_t address, uint64_t *offset, uint64_t *length)
{
    for (size_t i = 0; i < elf->segment_count; i++) {
        const Elf64_Phdr *segment = &elf->segments[i];
        if (segment->p_type != PT_LOAD || address < segment->p_vaddr ||
            address - segment->p_vaddr >= segment->p_filesz)
            continue;
        uint64_t into = address - segment->p_vaddr;
        *offset = segment->p_offset + into;
        *length = segment->p_filesz - into;
        return true;
    }
    return false;
}

/* Notes are {name length, description length, type, name, description}, at multiples of 4. */
static bool find_build_id(const uint8_t *notes, size_t length, struct bk_build_id *id)
{
    for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= length;) {
        Elf64_Nhdr note;
        memcpy(&note, notes + at, sizeof note);
        at += sizeof note;
        uint64_t name_bytes = ((uint64_t)note.n_namesz + 3) & ~UINT64_C(3);
        uint64_t bytes = ((uint64_t)note.n_descsz + 3) & ~UINT64_C(3);
        if (name_bytes > length - at || bytes > length - at - name_bytes)
            return false;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            memcmp(notes + at, "GNU", 4) == 0 && note.n_descsz > 0 &&
            note.n_descsz <= BK_BUILD_ID_BYTES) {
            id->length = note.n_descsz;
            memcpy(id->bytes, notes + at + name_bytes, id->length);
            return true;
        }
        at += name_bytes + bytes;
    }
    return false;
}

static enum brisk_status
read_notes(const struct bk_elf *elf, uint64_t offset, uint64_t length, struct bk_build_id *id)
{
    uint8_t *notes;
    if (length > MOST_NOTE_BYTES)
        return BRISK_MISS;
    enum brisk_status status = bk_source_load(&elf->source, offset, length, &notes);
    if (status != BRISK_OK)
        return status;
    bool is_found = find_build_id(notes, length, id);
    bk_free(notes);
    return is_found ? BRISK_OK : BRISK_MISS;
}

/* A file of debug information has the segments of its program but not their bytes. */
enum brisk_status bk_elf_build_id(const struct bk_elf *elf, struct bk_build_id *id)
{
    id->length = 0;
    enum brisk_status status = BRISK_MISS;
    const Elf64_Shdr *section = bk_elf_section(elf, ".note.gnu.build-id");
    if (section != NULL && section->sh_type == SHT_NOTE)
        status = read_notes(elf, section->sh_offset, section->sh_size, id);
    for (size_t i = 0; i < elf->segment_count && status == BRISK_MISS; i++) {
        const Elf64_Phdr *segment = &elf->segments[i];
        if (segment->p_type == PT_NOTE)
            status = read_notes(elf, segment->p_offset, segment->p_filesz, id);
    }
    return status == BRISK_MISS ? BRISK_OK : status;
}
