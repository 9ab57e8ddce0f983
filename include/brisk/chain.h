/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_CHAIN_H
#define BRISK_CHAIN_H

#include <stdbool.h>

#include <brisk/buffer.h>
#include <brisk/view.h>

BRISK_BEGIN

/*
 * A message in pieces: views, and ranges of files that are not read before they
 * are sent. It is also the cursor: what has been sent is gone from its front.
 *
 * Every function that adds either adds all or, on failure, changes nothing.
 * BRISK_ERR_NOMEM from each of them. Up to 8 pieces need no memory.
 *
 * Thread safety: one thread at a time.
 */
struct brisk_chain;

BRISK_API void brisk_chain_free(struct brisk_chain *chain);

/* Empty. NULL if there is no memory. */
BRISK_API struct brisk_chain *brisk_chain_new(void) BRISK_NEW(brisk_chain_free);

/* Drops all pieces: releases views, closes descriptors that it owns. */
BRISK_API void brisk_chain_clear(struct brisk_chain *chain) BRISK_NONNULL(1);

/*
 * Takes a reference of its own; the caller's view stays the caller's. The bytes of
 * a borrowed view must stay in place until they are sent. An empty view adds nothing.
 */
BRISK_API enum brisk_status
brisk_chain_append(struct brisk_chain *chain, const struct brisk_view *view)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 2);
BRISK_API enum brisk_status
brisk_chain_prepend(struct brisk_chain *chain, const struct brisk_view *view)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 2);

/* Copies `bytes`. */
BRISK_API enum brisk_status
brisk_chain_append_copy(struct brisk_chain *chain, struct brisk_bytes bytes)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/* As `length`: up to the end of the file, wherever that is when the bytes are read. */
#define BRISK_TO_END UINT64_MAX

/* Who closes the descriptor of a range. */
enum brisk_fd_owner {
    BRISK_FD_BORROW = 0, /* the caller, not before the range is sent or dropped */
    BRISK_FD_CLOSE = 1, /* the chain, when the range is sent or dropped, and also if adding fails */
    BRISK_FD_DUP = 2    /* each its own: the chain makes a duplicate */
};

/*
 * Bytes [offset, offset + length) of the file `fd`, whose own position is neither
 * used nor moved. BRISK_OFFSET_CURRENT: the next `length` bytes of a stream (a pipe, a
 * socket), or of a file from its position on, which moves.
 * BRISK_ERR_INVALID: no descriptor, a negative offset, an end beyond INT64_MAX.
 * BRISK_ERR_SYSTEM: the duplicate could not be made.
 */
BRISK_API enum brisk_status brisk_chain_append_file(
    struct brisk_chain *chain, int fd, int64_t offset, uint64_t length, enum brisk_fd_owner owner)
    BRISK_MUST_CHECK BRISK_NONNULL(1);
BRISK_API enum brisk_status brisk_chain_prepend_file(
    struct brisk_chain *chain, int fd, int64_t offset, uint64_t length, enum brisk_fd_owner owner)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/* Moves all pieces of `from` behind those of `chain`. BRISK_ERR_INVALID if they are one. */
BRISK_API enum brisk_status brisk_chain_concat(struct brisk_chain *chain, struct brisk_chain *from)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 2);

/* 0 only if there is nothing left. UINT64_MAX if a range goes up to the end of its file. */
BRISK_API uint64_t brisk_chain_length(const struct brisk_chain *chain) BRISK_NONNULL(1);

/*
 * Drops the first `count` bytes. BRISK_ERR_INVALID, and nothing is dropped, if there
 * are fewer, or if some of them are still in a stream.
 */
BRISK_API enum brisk_status brisk_chain_consume(struct brisk_chain *chain, uint64_t count)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/*
 * Borrows the pieces at the front that are memory, at most `max`; returns how many. A
 * struct brisk_bytes is laid out as a struct iovec, so &out[0] may be passed to writev after
 * a cast. They are good until the chain is changed.
 */
BRISK_API size_t brisk_chain_gather(
    const struct brisk_chain *chain, struct brisk_bytes *out, size_t max) BRISK_NONNULL(1, 2);

/*
 * A view of the first `length` bytes in one piece; BRISK_TO_END: of all. They stay in
 * the chain. Nothing is copied if they are in one view; else they are copied to one, and
 * ranges of files are read, and this view takes their place in the chain.
 *
 * BRISK_ERR_INVALID: there are fewer. BRISK_ERR_TRUNCATED: a file is shorter than its
 * range. BRISK_ERR_UNSUPPORTED: some of them are in a stream, or in a range without an
 * end. BRISK_ERR_SYSTEM: reading failed. The chain is as it was after each of them.
 */
BRISK_API enum brisk_status brisk_chain_linearise(
    struct brisk_chain *chain, uint64_t length, struct brisk_view *out, struct brisk_error *error)
    BRISK_MUST_CHECK BRISK_NONNULL(1, 3);

BRISK_END

#endif
