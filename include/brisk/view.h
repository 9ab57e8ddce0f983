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

/* How adopted memory may be used; to be combined with |. */
#define BRISK_ADOPT_WRITABLE 1u /* brisk_view_make_mutable may write to it */
#define BRISK_ADOPT_LOCAL 2u    /* counted for one thread only, which is faster */

/*
 * brisk_view_adopt with `flags`. All views of LOCAL memory stay in the thread that
 * adopts it; a cache refuses them with BRISK_ERR_INVALID. BRISK_ERR_INVALID also for an
 * unknown flag.
 */
BRISK_API enum brisk_status brisk_view_adopt_as(
    struct brisk_view *out, void *data, size_t length, unsigned int flags,
    brisk_release_fn *release, void *ctx) BRISK_MUST_CHECK BRISK_NONNULL(1, 5);

/*
 * Bytes [offset, offset + length) of `view`, sharing its memory, with a
 * reference of its own; a range without bytes gives the empty view.
 * BRISK_ERR_INVALID if the range is not inside, or if `out` is `view` itself,
 * which is then left as it is.
 */
BRISK_API enum brisk_status brisk_view_slice(
    struct brisk_view *out, const struct brisk_view *view, size_t offset, size_t length)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 2);

/*
 * Cuts `view` in two: the first `at` bytes go to *front, the rest stays in
 * `view`. BRISK_ERR_INVALID if it has fewer or if they are the same view; it is
 * then left as it is.
 */
BRISK_API enum brisk_status
brisk_view_split(struct brisk_view *view, size_t at, struct brisk_view *front)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 3);

/*
 * Drops the first `count` bytes, or all after the first `length`. A view that loses its
 * last byte is released. BRISK_ERR_INVALID if it has fewer; it is then left as it is.
 */
BRISK_API enum brisk_status brisk_view_advance(struct brisk_view *view, size_t count)
    BRISK_NONNULL(1);
BRISK_API enum brisk_status brisk_view_truncate(struct brisk_view *view, size_t length)
    BRISK_NONNULL(1);

/*
 * Makes the bytes of `view` the caller's to write to, at *data. They stay where
 * they are if no other view can see them; else, and where memory was adopted
 * without BRISK_ADOPT_WRITABLE or only borrowed, `view` becomes a copy. *data
 * is good until `view` is retained, sliced, split or released. Of no bytes: NULL.
 * BRISK_ERR_NOMEM leaves the view as it is.
 */
BRISK_API enum brisk_status brisk_view_make_mutable(struct brisk_view *view, uint8_t **data)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 2);

/* How much memory `view` keeps alive, what brisk adds included; 0 if it is borrowed. */
BRISK_API size_t brisk_view_pinned_bytes(const struct brisk_view *view) BRISK_NONNULL(1);

/*
 * Against the small slice that keeps a large buffer alive: copies the bytes and
 * lets go of the buffer, if that pins more than `max_waste_bytes` beyond the view's
 * length. BRISK_ERR_NOMEM leaves the view as it is.
 */
BRISK_API enum brisk_status brisk_view_compact(struct brisk_view *view, size_t max_waste_bytes)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

BRISK_END

#endif
