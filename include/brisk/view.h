/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_VIEW_H
#define BRISK_VIEW_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <brisk/status.h>

BRISK_BEGIN

/*
 * Bytes that belong to somebody else. Passed by value, valid for the call.
 * Need not end in '\0'. { NULL, 0 } is empty.
 */
struct brisk_bytes {
    const void *data;
    size_t length;
};

static inline struct brisk_bytes brisk_bytes_of(const void *data, size_t length)
{
    struct brisk_bytes bytes = {data, length};
    return bytes;
}

/* Without the final '\0'. */
static inline struct brisk_bytes brisk_bytes_text(const char *text)
{
    return brisk_bytes_of(text, strlen(text));
}

struct brisk_buffer; /* memory with a reference count; private */

/*
 * A window on a buffer that keeps the buffer alive. All zero is the empty view.
 *
 * Each view that brisk hands out holds one reference: give it back with
 * brisk_view_release. A function that does not answer BRISK_OK leaves its view
 * empty, unless it says otherwise.
 *
 * A view without a buffer is borrowed: it lives as long as its bytes do, for
 * ever if they are static, else as long as the function that hands it over says
 * (a callback's argument: for the call). Retaining or slicing it borrows again,
 * releasing it does nothing but empty it. brisk_view_copy makes it last.
 *
 * Thread safety: the bytes are read-only and may be read from any thread; the
 * struct itself belongs to one thread at a time, so each thread takes its own
 * view with brisk_view_retain.
 */
struct brisk_view {
    const uint8_t *data;
    size_t length;
    struct brisk_buffer *buffer; /* private */
};

/* Borrows `bytes`, which the caller keeps in place for as long as the view is in use. */
static inline struct brisk_view brisk_view_borrow(struct brisk_bytes bytes)
{
    struct brisk_view view = {(const uint8_t *)bytes.data, bytes.length, NULL};
    return view;
}

/* Borrows the bytes of `view`, for as long as the view is held. */
static inline struct brisk_bytes brisk_view_bytes(const struct brisk_view *view)
{
    return brisk_bytes_of(view->data, view->length);
}

/* Empties `view`; a second call, or a call on an empty view or NULL, does nothing. */
BRISK_API void brisk_view_release(struct brisk_view *view);

/* A second reference to the same bytes. Of an empty view: an empty view. */
BRISK_API struct brisk_view brisk_view_retain(const struct brisk_view *view)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/*
 * Copies `bytes` into a new buffer; no bytes give the empty view. *out is
 * overwritten, not released. BRISK_ERR_NOMEM, also for an absurd length.
 */
BRISK_API enum brisk_status brisk_view_copy(struct brisk_view *out, struct brisk_bytes bytes)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

typedef void brisk_release_fn(void *data, size_t length, void *ctx);

/*
 * Takes over memory that the caller allocated: `release` is called once, when
 * the last view goes, from the thread that releases it; also for a length of
 * 0. On failure the memory stays the caller's and `release` is not called.
 */
BRISK_API enum brisk_status brisk_view_adopt(
    struct brisk_view *out, void *data, size_t length, brisk_release_fn *release, void *ctx)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 4);

/*
 * Bytes [offset, offset + length) of `view`, sharing its memory, with a
 * reference of its own; a range without bytes gives the empty view.
 * BRISK_ERR_INVALID if the range is not inside, or if `out` is `view` itself,
 * which is then left as it is.
 */
BRISK_API enum brisk_status brisk_view_slice(
    struct brisk_view *out, const struct brisk_view *view, size_t offset, size_t length)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 2);

BRISK_END

#endif
