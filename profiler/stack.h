/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_STACK_H
#define PROFILER_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A copy of the bytes from a thread's stack pointer up, and a way to more of its memory. */
struct bk_stack {
    uint64_t address;
    const uint8_t *data;
    size_t length;
    /* Reads what the copy does not hold; NULL: nobody can (the thread has moved on). */
    bool (*read)(void *ctx, uint64_t address, uint64_t *word);
    void *ctx;
};

static inline bool bk_stack_read(const struct bk_stack *stack, uint64_t address, uint64_t *word)
{
    uint64_t offset = address - stack->address;
    if (__builtin_expect(offset < stack->length && stack->length - offset >= sizeof *word, true)) {
        memcpy(word, stack->data + offset, sizeof *word);
        return true;
    }
    return stack->read != NULL && stack->read(stack->ctx, address, word);
}

#endif
