/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_BUFFER_H
#define BK_BUFFER_H

#include <stdatomic.h>
#include <stdbool.h>

#include <brisk/view.h>

#include "base/memory.h"

/*
 * Memory with a reference count, behind every counted view.
 *
 * A count of one belongs to its holder alone: a reference may only be taken by
 * somebody who holds one, or who keeps a holder from letting go meanwhile. That
 * saves the last release an atomic write, about a third of what a view costs.
 *
 * Thread safety: any thread, for all functions.
 */
enum bk_buffer_kind {
    BK_BUFFER_OWNED = 1,   /* the bytes follow the struct, 8-byte aligned */
    BK_BUFFER_ADOPTED = 2, /* a struct bk_adopted_buffer */
    /* With either: */
    BK_BUFFER_LOCAL = 4,   /* one thread only: counted by view.c alone, never given to a cache */
    BK_BUFFER_WRITABLE = 8 /* who has the only reference may write to adopted memory */
};

struct brisk_buffer {
    _Atomic uint32_t references;
    uint32_t kind;
    size_t held_bytes; /* what this buffer keeps alive, itself included */
    _Atomic(struct bk_account *) account;
};
_Static_assert(sizeof(struct brisk_buffer) % 8 == 0, "the bytes behind it must be aligned");

/*
 * Counts the bytes that views keep alive after their owner (a cache) let go of
 * them. It outlives its owner, because views do.
 */
struct bk_account {
    _Atomic uint32_t references;
    _Atomic uint64_t pinned_bytes;
};

/* With one reference; NULL if there is no memory. */
struct bk_account *bk_account_new(void);
void bk_account_release(struct bk_account *account);

static inline uint64_t bk_account_pinned_bytes(struct bk_account *account)
{
    return atomic_load_explicit(&account->pinned_bytes, memory_order_relaxed);
}

/* For bk_buffer_release alone: `old_count` is what it found. */
void bk_buffer_end(struct brisk_buffer *buffer, uint32_t old_count);

/*
 * From here on a count never goes back and the buffer is never freed: with so
 * many references somebody leaks them, and a leak is better than a wrapped count.
 */
#define BK_BUFFER_SATURATED UINT32_C(0x80000000)

/* Room for `length` bytes, with one reference; NULL if there is no memory. */
static inline struct brisk_buffer *bk_buffer_new(size_t length)
{
    if (length > PTRDIFF_MAX - sizeof(struct brisk_buffer))
        return NULL;
    size_t total = sizeof(struct brisk_buffer) + length;
    struct brisk_buffer *buffer = (struct brisk_buffer *)bk_malloc(total);
    if (buffer == NULL)
        return NULL;
    atomic_init(&buffer->references, 1);
    buffer->kind = BK_BUFFER_OWNED;
    buffer->held_bytes = total;
    atomic_init(&buffer->account, NULL);
    return buffer;
}

/* Of a buffer from bk_buffer_new; to be written before the buffer is shared. */
static inline uint8_t *bk_buffer_data(struct brisk_buffer *buffer)
{
    return (uint8_t *)(buffer + 1);
}

static inline void bk_buffer_retain(struct brisk_buffer *buffer)
{
    uint32_t old = atomic_fetch_add_explicit(&buffer->references, 1, memory_order_relaxed);
    if (__builtin_expect(old >= BK_BUFFER_SATURATED, 0))
        atomic_store_explicit(
            &buffer->references, BK_BUFFER_SATURATED + BK_BUFFER_SATURATED / 2,
            memory_order_relaxed);
}

static inline void bk_buffer_release(struct brisk_buffer *buffer)
{
    uint32_t old = atomic_load_explicit(&buffer->references, memory_order_acquire);
    if (old != 1)
        old = atomic_fetch_sub_explicit(&buffer->references, 1, memory_order_acq_rel);
    if (old == 1 || __builtin_expect(old >= BK_BUFFER_SATURATED, 0))
        bk_buffer_end(buffer, old);
}

/* Whether the caller's reference is the only one. */
static inline bool bk_buffer_is_unique(struct brisk_buffer *buffer)
{
    return atomic_load_explicit(&buffer->references, memory_order_acquire) == 1;
}

/* Whether `view` may not leave its thread. */
static inline bool bk_view_is_local(const struct brisk_view *view)
{
    return view->buffer != NULL && (view->buffer->kind & BK_BUFFER_LOCAL) != 0;
}

/* The view takes over the caller's reference. `data` is inside the buffer. */
static inline struct brisk_view
bk_view_of(struct brisk_buffer *buffer, const uint8_t *data, size_t length)
{
    return (struct brisk_view){data, length, buffer};
}

/*
 * Adds the buffer's held_bytes to `account` until the buffer is freed. The
 * first account that is charged counts, later ones do nothing. The caller holds
 * a reference to both.
 */
void bk_buffer_charge(struct brisk_buffer *buffer, struct bk_account *account);

#endif
