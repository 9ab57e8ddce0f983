/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/label.h>

#include <stdatomic.h>

/*
 * Atomics and fences order the stores of a push for a handler that interrupts
 * it in the same thread: it reads the old depth, or the new one and the name.
 */
static _Thread_local _Atomic(const char *) names_kept[BRISK_LABEL_DEPTH];
static _Thread_local _Atomic size_t depth;

void brisk_label_push(const char *name)
{
    size_t top = atomic_load_explicit(&depth, memory_order_relaxed);
    if (top < BRISK_LABEL_DEPTH)
        atomic_store_explicit(&names_kept[top], name == NULL ? "" : name, memory_order_relaxed);
    atomic_signal_fence(memory_order_release);
    atomic_store_explicit(&depth, top + 1, memory_order_relaxed);
}

void brisk_label_pop(void)
{
    size_t top = atomic_load_explicit(&depth, memory_order_relaxed);
    if (top > 0)
        atomic_store_explicit(&depth, top - 1, memory_order_relaxed);
}

size_t brisk_label_read(const char **names, size_t capacity)
{
    size_t count = atomic_load_explicit(&depth, memory_order_relaxed);
    atomic_signal_fence(memory_order_acquire);
    if (count > BRISK_LABEL_DEPTH)
        count = BRISK_LABEL_DEPTH;
    if (count > capacity)
        count = capacity;
    for (size_t i = 0; i < count; i++)
        names[i] = atomic_load_explicit(&names_kept[i], memory_order_relaxed);
    return count;
}
