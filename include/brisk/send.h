/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_SEND_H
#define BRISK_SEND_H

#include <stdbool.h>

#include <brisk/chain.h>

BRISK_BEGIN

/*
 * Moves chains, files and streams to descriptors, by whatever copies least on this
 * pair of descriptors. It survives short writes and signals, obeys one deadline for
 * the whole call, and always says how many bytes went out.
 *
 * Thread safety: any thread; a descriptor, chain and stats belong to one call at a time.
 * Signals: none of the functions raises SIGPIPE or changes how the program handles it.
 * Fork: nothing here is shared with a child but the descriptors.
 */

/* How bytes move. The values are indexes of brisk_send_stats.bytes_by. */
enum brisk_mechanism {
    BRISK_MECHANISM_AUTO = 0,       /* the best that works */
    BRISK_MECHANISM_MEMORY = 1,     /* views, gathered: nothing is copied in this process */
    BRISK_MECHANISM_COPY = 2,       /* read and write */
    BRISK_MECHANISM_SENDFILE = 3,   /* sendfile(2) */
    BRISK_MECHANISM_SPLICE = 4,     /* splice(2) */
    BRISK_MECHANISM_COPY_RANGE = 5, /* copy_file_range(2) */
    BRISK_MECHANISMS = 6
};

/* "sendfile". Never NULL, also for a value that is not in the list. */
BRISK_API const char *brisk_mechanism_name(enum brisk_mechanism mechanism);

/*
 * Told how many bytes the call has sent so far; false stops it with
 * BRISK_ERR_CANCELLED. Runs between two system calls: it must not use the same chain.
 */
typedef bool brisk_progress_fn(uint64_t sent_bytes, void *ctx);

/* Zero in a field means the default. */
struct brisk_send_options {
    size_t size; /* set by brisk_send_options_default */

    /*
     * For the whole call, in real time. Default: no limit. A blocking socket then gets
     * the bytes of files by read and write, because nothing can bound a sendfile on one;
     * better give a non-blocking one, for which the call waits as well.
     */
    uint64_t timeout_ms;
    bool is_nonblocking; /* never wait: BRISK_AGAIN; also for a blocking descriptor */
    bool more_follows;   /* the caller goes on at once: what ends in memory may be held back */
    /*
     * The bytes of files are copied as they are now. Without it a change of the file after
     * the call may still reach the peer: sendfile and splice send the file's own pages.
     */
    bool is_stable;
    bool is_sigpipe_ignored; /* a promise of the program, which saves two system calls */
    /*
     * For ranges of files: COPY, SENDFILE, SPLICE or COPY_RANGE, and nothing else is tried; on a
     * blocking socket all but COPY may wait beyond a deadline.
     * Default: the environment variable BRISK_SEND_MECHANISM ("copy", "sendfile", "splice",
     * "copy_range", "auto"), read once, or else AUTO.
     */
    enum brisk_mechanism mechanism;

    brisk_progress_fn *progress; /* default: none */
    void *progress_ctx;
    uint64_t progress_bytes; /* at most so many between two calls; default: 1 MiB */
};

static inline struct brisk_send_options brisk_send_options_default(void)
{
    struct brisk_send_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    return options;
}

/* What one call did. */
struct brisk_send_stats {
    size_t size; /* set by the caller to sizeof(struct brisk_send_stats) */

    uint64_t bytes;                      /* accepted by the kernel; exact however the call ended */
    uint64_t bytes_by[BRISK_MECHANISMS]; /* the same, by enum brisk_mechanism */
    uint64_t system_calls;
    uint64_t fallbacks; /* mechanisms that were tried and did not work on this pair */
};

/*
 * Sends `chain` to `fd`: a stream socket, a pipe, a file or a terminal, blocking or not.
 * Whatever the answer, the chain begins with the first byte that the kernel did not accept,
 * so a further call neither repeats nor loses one. `options`, `stats` and `error` may be NULL.
 *
 * BRISK_OK: all of it is out.
 * BRISK_AGAIN: is_nonblocking, and the descriptor (or a stream in the chain) is not ready.
 * BRISK_ERR_TIMEOUT: the deadline passed.
 * BRISK_ERR_CANCELLED: the progress callback said stop.
 * BRISK_ERR_UNREACHABLE: the peer has closed or reset the connection, or there is none.
 * BRISK_ERR_TRUNCATED: a file ended before its range did. If the file shrank while it was
 * sent, the last bytes may have been zeros: close the connection.
 * BRISK_ERR_UNSUPPORTED: the mechanism that was asked for does not work here; or a range is
 * to go to a datagram or sequenced-packet socket, where it would be cut anywhere. Memory
 * alone is sent to such a socket as one message; BRISK_ERR_TOO_BIG if it does not fit one.
 * BRISK_ERR_INVALID: an argument, or a descriptor that is not open for this: closed, a
 * directory, a range of something that cannot seek.
 * BRISK_ERR_NOMEM, BRISK_ERR_SYSTEM (the disk is full, say), BRISK_ERR_PERMISSION.
 */
BRISK_API enum brisk_status brisk_send(
    int fd, struct brisk_chain *chain, const struct brisk_send_options *options,
    struct brisk_send_stats *stats, struct brisk_error *error) BRISK_MUST_CHECK BRISK_NONNULL(2);

/* A file, or a part of it, with what goes before and after. All of it is borrowed. */
struct brisk_file_message {
    struct brisk_bytes header;
    int fd;
    int64_t offset;  /* as in brisk_chain_append_file */
    uint64_t length; /* or BRISK_TO_END */
    struct brisk_bytes trailer;
};

/* The whole file, from its first byte on. */
static inline struct brisk_file_message brisk_file_message_whole(int fd)
{
    struct brisk_file_message message;
    memset(&message, 0, sizeof message);
    message.fd = fd;
    message.length = BRISK_TO_END;
    return message;
}

/*
 * brisk_send without a chain. *message is the cursor: it is left at the first byte that
 * was not accepted. A range of a stream (BRISK_OFFSET_CURRENT) cannot be put back, so
 * BRISK_ERR_INVALID with is_nonblocking, and after an error bytes of it may be lost; send it by
 * a chain, which keeps them.
 */
BRISK_API enum brisk_status brisk_send_file(
    int fd, struct brisk_file_message *message, const struct brisk_send_options *options,
    struct brisk_send_stats *stats, struct brisk_error *error) BRISK_MUST_CHECK BRISK_NONNULL(2);

/*
 * What is to be copied from one file to another. The offsets are those of
 * brisk_chain_append_file; with BRISK_OFFSET_CURRENT a file's own position is used and moved.
 */
struct brisk_file_copy {
    int in;
    int64_t in_offset;
    int out;
    int64_t out_offset; /* BRISK_OFFSET_CURRENT also for a file that is open with O_APPEND */
    uint64_t length;    /* or BRISK_TO_END */
};

/*
 * Copies within the kernel where the file systems can, else by read and write. *copy is the
 * cursor: it is left at the first byte that was not copied. It may grow `out`, never cuts it; holes
 * become zeros. BRISK_MECHANISM_COPY_RANGE and COPY may be forced.
 * BRISK_ERR_TRUNCATED: `in` ended before `length`. Else as brisk_send.
 */
BRISK_API enum brisk_status brisk_copy_file(
    struct brisk_file_copy *copy, const struct brisk_send_options *options,
    struct brisk_send_stats *stats, struct brisk_error *error) BRISK_MUST_CHECK BRISK_NONNULL(1);

/*
 * Writes to the file `copy->out` what the stream `copy->in` (a socket or a pipe) gives, up to
 * `length` bytes or to its end; in_offset is BRISK_OFFSET_CURRENT. *copy is the cursor. With
 * is_nonblocking, BRISK_AGAIN says that the stream has no more for now.
 * BRISK_ERR_TRUNCATED: it ended before `length`. If the file cannot be written to (the disk is
 * full), up to 1 MiB that was taken from the stream before is lost. Else as brisk_send.
 */
BRISK_API enum brisk_status brisk_receive_file(
    struct brisk_file_copy *copy, const struct brisk_send_options *options,
    struct brisk_send_stats *stats, struct brisk_error *error) BRISK_MUST_CHECK BRISK_NONNULL(1);

/*
 * Passes on what comes from `a` to `b` and from `b` to `a`, until both have ended: stream
 * sockets, or pipes and terminals. The end of one direction is passed on, too (shutdown), while
 * the other goes on. Where one fails, what the other still brings is delivered first.
 *
 * Blocking descriptors work; for non-blocking ones nothing is copied in this process (splice),
 * where the system lets pipes be 1 MiB large. `a_to_b` and `b_to_a` may be NULL. Of the
 * options, timeout_ms, progress (of both directions together) and is_sigpipe_ignored hold, and
 * mechanism COPY or SPLICE; is_nonblocking is BRISK_ERR_INVALID.
 *
 * BRISK_OK: both ended. BRISK_ERR_TIMEOUT, BRISK_ERR_CANCELLED, BRISK_ERR_UNREACHABLE: bytes
 * on their way are lost. Else as brisk_send.
 */
BRISK_API enum brisk_status brisk_relay(
    int a, int b, const struct brisk_send_options *options, struct brisk_send_stats *a_to_b,
    struct brisk_send_stats *b_to_a, struct brisk_error *error) BRISK_MUST_CHECK;

BRISK_END

#endif
