/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_ZEROCOPY_CASES_H
#define BENCH_ZEROCOPY_CASES_H

#include <stddef.h>
#include <stdint.h>

#include <brisk/send.h>

#include "bench/peer_process.h"
#include "bench/runner.h"

/* Bodies of cases of bench_zerocopy. */
typedef void zerocopy_case_fn(struct bench *bench, const void *argument);

/* zerocopy_net.c: a struct net_plan. Files to a socket, against calls written by hand. */
struct net_plan {
    enum peer_kind peer;
    size_t file_bytes;
    size_t header_bytes; /* 0: a stream of files, without answers between them */
    size_t files;        /* per round */
    size_t rounds;
    enum brisk_mechanism mechanism;
    enum {
        AGAINST_SENDFILE,
        AGAINST_COPY_64K,
        AGAINST_COPY_256K
    } against;
    double goal;             /* of the time with a header, else of the throughput */
    double cpu_goal;         /* of the CPU time over the baseline's; 0: none */
    double cpu_seconds_goal; /* per GB, absolute; 0: none */
};
zerocopy_case_fn case_net;

/* zerocopy_memory.c: by how much memory the process grows. */
zerocopy_case_fn case_send_memory; /* a struct net_plan */
zerocopy_case_fn case_slice_memory;

/* zerocopy_partial.c: 100 MB to a socket that takes a little at a time. */
zerocopy_case_fn case_partial;

/* zerocopy_view.c: a slice and its release; the argument is the flags of brisk_view_adopt_as. */
struct slice_plan {
    unsigned int flags;
    double goal; /* ns */
};
zerocopy_case_fn case_slice;

/* zerocopy_relay.c: from one TCP connection to another. */
struct relay_plan {
    int segment_bytes; /* TCP_MAXSEG of the source; 0: as it comes */
    double cpu_goal;
};
zerocopy_case_fn case_relay;

/* zerocopy_copy.c: a file of 100 MB to another. */
zerocopy_case_fn case_copy_cp;
zerocopy_case_fn case_copy_range;

/* A file without a name of `length` bytes that are not all alike, in the page cache. */
int zerocopy_file(size_t length);

/* CPU seconds of this process so far. */
double zerocopy_cpu_s(void);

/*
 * Memory that this process has been given page by page so far, in KiB: an upper bound of what
 * it grew by. (The kernel counts VmHWM in steps of 128 KiB per CPU.)
 */
double zerocopy_faulted_kib(void);

#endif
