/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_PAGE_READER_H
#define PROFILER_PAGE_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Words of a stopped process's memory, read a page at a time: stacks are walked
 * upwards, and a call of the kernel costs a thousand times as much as a word.
 */
enum {
    BK_PAGE_BYTES = 4096,
    BK_PAGES = 4
};

struct bk_page_reader {
    pid_t pid;
    unsigned int next; /* to be replaced */
    struct {
        uint64_t address;
        bool is_valid;
        uint8_t bytes[BK_PAGE_BYTES];
    } pages[BK_PAGES];
};

/* Forgets the pages: the process has run meanwhile. */
void bk_page_reader_begin(struct bk_page_reader *reader, pid_t pid);

/* For bk_stack, with the reader as its context. */
bool bk_page_reader_word(void *reader, uint64_t address, uint64_t *word);

#endif
