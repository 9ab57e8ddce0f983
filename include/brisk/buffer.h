/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_BUFFER_H
#define BRISK_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>

#include <brisk/view.h>

BRISK_BEGIN

/*
 * Memory that is written in place and then becomes a view, without a copy:
 * reserve or append, read from a descriptor, freeze.
 *
 * What a view of it shows never changes and never moves: while such a view is held,
 * a builder that has to grow, or to write over bytes that the view shows, goes on
 * in new memory.
 *
 * Thread safety: one thread at a time; the views may go anywhere.
 */
struct brisk_builder;

/* Zero in a field means the default. */
struct brisk_builder_options {
    size_t size; /* set by brisk_builder_options_default */

    size_t capacity_bytes; /* room from the start, and after each freeze; default: none, grows */
    size_t max_bytes;      /* of one message; default: no limit */
    bool is_local;         /* its views stay in one thread, as with BRISK_ADOPT_LOCAL */
};

static inline struct brisk_builder_options brisk_builder_options_default(void)
{
    struct brisk_builder_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    return options;
}

BRISK_API void brisk_builder_free(struct brisk_builder *builder);

/* NULL, with the reason in *error: BRISK_ERR_NOMEM or BRISK_ERR_INVALID. */
BRISK_API struct brisk_builder *
brisk_builder_new(const struct brisk_builder_options *options, struct brisk_error *error)
    BRISK_NEW(brisk_builder_free);

/* What is built so far; good until the builder is changed. */
BRISK_API struct brisk_bytes brisk_builder_bytes(const struct brisk_builder *builder)
    BRISK_NONNULL(1);

/*
 * Room for `want` bytes behind the last one, to write to at *tail; *room, which
 * may be NULL, says how many there really are. Good until the next call of any function of
 * this builder; brisk_builder_commit then adds what was written. BRISK_ERR_TOO_BIG
 * beyond max_bytes, BRISK_ERR_NOMEM; nothing is changed then.
 */
BRISK_API enum brisk_status
brisk_builder_reserve(struct brisk_builder *builder, size_t want, uint8_t **tail, size_t *room)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 3);

/* Adds `count` bytes that were written to the reserved room. BRISK_ERR_INVALID beyond it. */
BRISK_API enum brisk_status brisk_builder_commit(struct brisk_builder *builder, size_t count)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/* Copies `bytes`, which may be part of the builder itself. As brisk_builder_reserve. */
BRISK_API enum brisk_status
brisk_builder_append(struct brisk_builder *builder, struct brisk_bytes bytes)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/* `count` bytes that all are `byte`. As brisk_builder_reserve. */
BRISK_API enum brisk_status
brisk_builder_fill(struct brisk_builder *builder, uint8_t byte, size_t count)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/* Without the final '\0'. As brisk_builder_reserve; BRISK_ERR_INVALID if printf refuses it. */
BRISK_API enum brisk_status
brisk_builder_printf(struct brisk_builder *builder, const char *format, ...) BRISK_PRINTF(2, 3)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 2);

/* Forgets all after the first `length` bytes. BRISK_ERR_INVALID if there are fewer. */
BRISK_API enum brisk_status brisk_builder_truncate(struct brisk_builder *builder, size_t length)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/* As `at`: behind the last byte. */
#define BRISK_BUILDER_END SIZE_MAX

/* As `file_offset`: where the descriptor stands, which then moves on. */
#define BRISK_OFFSET_CURRENT INT64_C(-1)

/*
 * Reads up to `want` bytes of `fd`, from `file_offset` on, straight to byte `at`
 * of what is built, over what is there and beyond. Goes on after short reads and
 * signals; *got says how many bytes came.
 *
 * BRISK_OK: all, or all up to the end of the file. BRISK_AGAIN: the descriptor is
 * non-blocking and has no more for now. BRISK_ERR_SYSTEM: reading failed, *got
 * bytes are there. BRISK_ERR_INVALID: `at` is beyond the last byte, or
 * `file_offset` is negative. BRISK_ERR_TOO_BIG, BRISK_ERR_NOMEM: nothing was read.
 */
BRISK_API enum brisk_status brisk_builder_read_fd(
    struct brisk_builder *builder, size_t at, int fd, int64_t file_offset, size_t want, size_t *got,
    struct brisk_error *error) BRISK_MUST_CHECK BRISK_NONNULL(1, 6);

/*
 * A view of all that is built so far; the builder keeps it, too, and goes on.
 * BRISK_OK; of nothing: the empty view.
 */
BRISK_API enum brisk_status
brisk_builder_view(const struct brisk_builder *builder, struct brisk_view *out)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 2);

/*
 * The same, but the memory leaves with the view: the builder begins anew, empty. Room of more
 * than a quarter that was not used is given back, by realloc.
 */
BRISK_API enum brisk_status
brisk_builder_freeze(struct brisk_builder *builder, struct brisk_view *out)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 2);

/*
 * Copies `bytes` into an anonymous file that nobody can change any more (a memfd,
 * sealed against writing and resizing), to be sent to another process over a UNIX
 * socket, or inherited. *fd is close-on-exec and the caller's to close.
 * BRISK_ERR_SYSTEM, BRISK_ERR_NOMEM; *fd is then -1.
 */
BRISK_API enum brisk_status
brisk_memfd_seal(struct brisk_bytes bytes, int *fd, struct brisk_error *error)
    BRISK_MUST_CHECK BRISK_NONNULL(2);

/*
 * A view of what brisk_memfd_seal wrote, mapped, in whatever process. `fd` stays the caller's
 * and may be closed at once. BRISK_ERR_INVALID if the file is not sealed against
 * writing and shrinking: its bytes could change, or vanish, under the reader.
 */
BRISK_API enum brisk_status
brisk_memfd_open(struct brisk_view *out, int fd, struct brisk_error *error)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

BRISK_END

#endif
