/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_CHAIN_H
#define BK_CHAIN_H

#include <stdbool.h>

#include <brisk/chain.h>

enum {
    BK_CHAIN_INLINE = 8
};

/* Memory, or a range of a file. Never without bytes. */
struct bk_segment {
    struct brisk_view view; /* where fd is -1 */
    int fd;
    bool is_owned;   /* the descriptor is closed with the segment */
    bool is_copy;    /* memory that was read from a file: counted as such when it is sent */
    uint8_t unfit;   /* bits of 1 << enum brisk_mechanism that failed on this range */
    int64_t offset;  /* or BRISK_OFFSET_CURRENT */
    uint64_t length; /* of a range; or BRISK_TO_END */
};

struct brisk_chain {
    struct bk_segment *segments; /* to `inline_segments` or the heap */
    size_t first;
    size_t count;
    size_t capacity;
    int stream_fd; /* a sink that is known to be no message socket; -1: none */
    struct bk_segment inline_segments[BK_CHAIN_INLINE];
};

/* For a chain that is not on the heap; brisk_chain_clear and bk_chain_end undo it. */
void bk_chain_begin(struct brisk_chain *chain);
void bk_chain_end(struct brisk_chain *chain);

static inline struct bk_segment *bk_chain_at(const struct brisk_chain *chain, size_t index)
{
    return &chain->segments[chain->first + index];
}

static inline bool bk_segment_is_memory(const struct bk_segment *segment)
{
    return segment->fd < 0;
}

static inline bool bk_segment_is_stream(const struct bk_segment *segment)
{
    return segment->fd >= 0 && segment->offset == BRISK_OFFSET_CURRENT;
}

/* BRISK_TO_END if that is not known. */
static inline uint64_t bk_segment_length(const struct bk_segment *segment)
{
    return bk_segment_is_memory(segment) ? segment->view.length : segment->length;
}

/* Room for a segment in front, so that bk_chain_put_front cannot fail. */
bool bk_chain_reserve_front(struct brisk_chain *chain);

/* Takes over the reference of `view`. Room for it is reserved. */
void bk_chain_put_front(struct brisk_chain *chain, struct brisk_view view, bool is_copy);

/* The first `count` bytes of the first segment, which has so many, have been dealt with. */
void bk_chain_advance(struct brisk_chain *chain, uint64_t count);

/* The first segment goes, whatever is left of it. */
void bk_chain_drop_first(struct brisk_chain *chain);

#endif
