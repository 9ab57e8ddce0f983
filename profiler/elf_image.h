/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_ELF_IMAGE_H
#define PROFILER_ELF_IMAGE_H

#include <elf.h>

#include <brisk/status.h>

#include "profiler/source.h"

/*
 * The parts of a 64-bit little-endian ELF file that a profiler needs. Nothing in the
 * file is believed: every offset and length is checked when it is used.
 */
struct bk_elf {
    struct bk_source source;
    Elf64_Ehdr header;
    Elf64_Phdr *segments;
    size_t segment_count;
    Elf64_Shdr *sections;
    size_t section_count; /* 0 also if the section headers are missing or damaged */
    uint8_t *names;       /* of the sections */
    size_t names_length;
};

enum {
    BK_BUILD_ID_BYTES = 32 /* 20 (SHA-1) as a rule */
};
struct bk_build_id {
    uint8_t bytes[BK_BUILD_ID_BYTES];
    size_t length; /* 0: the file has none */
};

/*
 * Reads the headers. BRISK_ERR_CORRUPT: this is no ELF file; BRISK_ERR_UNSUPPORTED:
 * another class or machine than this program's; BRISK_ERR_NOMEM. `source` must outlive *elf.
 */
enum brisk_status bk_elf_open(struct bk_elf *elf, const struct bk_source *source);
void bk_elf_close(struct bk_elf *elf);

/* NULL if there is none of that name. */
const Elf64_Shdr *bk_elf_section(const struct bk_elf *elf, const char *name);
/* A section's bytes, as bk_source_load. */
enum brisk_status bk_elf_load(const struct bk_elf *elf, const Elf64_Shdr *section, uint8_t **bytes);

/* The first segment of that type; NULL if there is none. */
const Elf64_Phdr *bk_elf_segment(const struct bk_elf *elf, uint32_t type);

/* The lowest address of what is loaded; false if nothing is. */
bool bk_elf_first_address(const struct bk_elf *elf, uint64_t *address);
/* The address that the byte at `offset` of the file has when it is loaded. */
bool bk_elf_address_of(const struct bk_elf *elf, uint64_t offset, uint64_t *address);
/* The reverse, and how many bytes of the file follow there. */
bool bk_elf_offset_of(
    const struct bk_elf *elf, uint64_t address, uint64_t *offset, uint64_t *length);

/* id->length is 0 if there is none. BRISK_OK or BRISK_ERR_NOMEM. */
enum brisk_status bk_elf_build_id(const struct bk_elf *elf, struct bk_build_id *id);

#endif
