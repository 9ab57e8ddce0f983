/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_THREAD_SLOT_H
#define BK_THREAD_SLOT_H

/*
 * A small number for each live thread, to index per-thread counters, epochs
 * and pools with.
 *
 * No two live threads have the same slot; the lowest free one is given out, so
 * that slots stay dense. A slot goes to a new thread when its thread has ended:
 * everything that the old owner wrote happens before everything that the new
 * owner does, and so the new one may go on with plain or relaxed accesses.
 *
 * Fork: the child keeps the slot of the thread that forked; all others are free.
 * Signals: a thread's first call takes a lock, so it may not be in a handler.
 */
enum {
    BK_THREAD_SLOTS = 4096
};

/*
 * The slot of a thread that found BK_THREAD_SLOTS others alive, for as long as
 * it lives, and of a thread so late in its exit that its slot is given back. A
 * caller needs a way that is shared between such threads.
 */
#define BK_THREAD_SLOT_NONE 0xffffffffu

/*
 * `forget` is called on each thread whose slot is given back, just before: what the
 * thread remembers of its slot is then nobody's. There is one; a later one replaces it.
 */
void bk_thread_slot_on_release(void (*forget)(void));

/* For bk_thread_slot alone. */
#define BK_THREAD_SLOT_UNSET 0xfffffffeu
extern _Thread_local unsigned bk_thread_slot_cached
    __attribute__((visibility("hidden"), tls_model("initial-exec")));
unsigned bk_thread_slot_claim(void);

/* Below BK_THREAD_SLOTS, or BK_THREAD_SLOT_NONE. */
static inline unsigned bk_thread_slot(void)
{
    unsigned slot = bk_thread_slot_cached;
    if (__builtin_expect(slot == BK_THREAD_SLOT_UNSET, 0))
        return bk_thread_slot_claim();
    return slot;
}

#endif
