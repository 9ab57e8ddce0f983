/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/page_reader.h"

#include <string.h>

#include "profiler/process_memory.h"

void bk_page_reader_begin(struct bk_page_reader *reader, pid_t pid)
{
    reader->pid = pid;
    reader->next = 0;
    for (unsigned int i = 0; i < BK_PAGES; i++)
        reader->pages[i].is_valid = false;
}

static const uint8_t *find_page(struct bk_page_reader *reader, uint64_t address)
{
    for (unsigned int i = 0; i < BK_PAGES; i++)
        if (reader->pages[i].is_valid && reader->pages[i].address == address)
            return reader->pages[i].bytes;
    unsigned int slot = reader->next;
    reader->pages[slot].is_valid = bk_process_read(
                                       reader->pid, address, reader->pages[slot].bytes,
                                       BK_PAGE_BYTES) == BK_PAGE_BYTES;
    if (!reader->pages[slot].is_valid)
        return NULL;
    reader->pages[slot].address = address;
    reader->next = (slot + 1) % BK_PAGES;
    return reader->pages[slot].bytes;
}

/* A word across two pages is no stack slot. */
bool bk_page_reader_word(void *context, uint64_t address, uint64_t *word)
{
    uint64_t offset = address % BK_PAGE_BYTES;
    if (offset > BK_PAGE_BYTES - sizeof *word)
        return false;
    const uint8_t *page = find_page(context, address - offset);
    if (page == NULL)
        return false;
    memcpy(word, page + offset, sizeof *word);
    return true;
}
