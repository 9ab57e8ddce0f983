/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_EH_FRAME_H
#define PROFILER_EH_FRAME_H

#include <brisk/status.h>

#include "profiler/elf_image.h"
#include "profiler/unwind_table.h"

/* The bytes of an .eh_frame section and the address that they have in the image. */
struct bk_eh_frame {
    const uint8_t *data;
    size_t length;
    uint64_t address;
    uint64_t first_address; /* of the image; the table counts from there */
};

/*
 * Makes the table. Damaged entries are left out: what they describe has no rule.
 * BRISK_ERR_NOMEM is the only failure.
 */
enum brisk_status bk_eh_frame_parse(const struct bk_eh_frame *frame, struct bk_unwind_table *table);

/*
 * Finds .eh_frame by its section or, in an image without section headers, by its search
 * header, and makes the table. BRISK_MISS if the image has none.
 */
enum brisk_status bk_eh_frame_load(const struct bk_elf *elf, struct bk_unwind_table *table);

#endif
