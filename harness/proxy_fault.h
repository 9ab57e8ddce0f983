/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_PROXY_FAULT_H
#define BK_PROXY_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include <brisk/status.h>

#include "base/text.h"

enum bk_direction {
    BK_UP,  /* from the client to the server */
    BK_DOWN /* from the server to the client */
};

/* How a connection is ended after `end_bytes` bytes. */
enum bk_fault_end {
    BK_END_NONE,
    BK_END_CUT,  /* by an end of file */
    BK_END_RESET /* by an RST */
};

/* What is wrong with one direction; nothing, if all is zero. */
struct bk_fault {
    uint64_t latency_ns;
    uint64_t jitter_ns; /* added to or taken from the latency, at most so much */
    uint64_t bandwidth_bytes_per_s;
    uint64_t slice_min_bytes, slice_max_bytes;
    uint64_t drip_ns;       /* between two pieces */
    uint64_t corrupt_bytes; /* one byte of each block of so many is changed */
    uint64_t slow_close_ns; /* before an end of file is passed on */
    enum bk_fault_end end;
    uint64_t end_bytes;
    bool is_black_hole;
    bool is_swapped; /* only of BK_DOWN */
    /* Bytes are counted, and random numbers drawn, anew since this was changed. */
    unsigned int generation;
};

struct bk_faults {
    struct bk_fault of[2]; /* by enum bk_direction */
    bool is_down;
    uint64_t seed;
};

/* No fault; a zero seed is as good as any. */
struct bk_faults bk_faults_none(uint64_t seed);

/*
 * Changes *faults as a specification says: words with commas or blanks between them.
 *
 *     latency=50ms jitter=10ms bandwidth=64K slice=100 slice=1-16 drip=5ms corrupt=1K cut=100
 *     slow_close=1s blackhole reset reset=100 down swap seed=7 direction=up|down|both clear
 *
 * A fault that is named replaces its older value in the directions that are named (both, if none
 * is); the others stay. `latency=off` takes one away, `clear` all that were set before it.
 * BRISK_ERR_INVALID with a message that names the word and says what to write; *faults is
 * as it was then.
 */
enum brisk_status
bk_faults_change(struct bk_faults *faults, const char *specification, struct brisk_error *error);

/* A specification that makes `faults` out of none: empty if there is none but the seed. */
void bk_faults_print(const struct bk_faults *faults, struct bk_text *text);

/* Bytes go through untouched and undelayed. */
bool bk_fault_is_none(const struct bk_fault *fault);

#endif
