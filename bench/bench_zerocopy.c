/* SPDX-License-Identifier: Apache-2.0 */
/* Views, sending, relaying and copying, against system calls written by hand. */
#include "bench/zerocopy_cases.h"

#define KIB(count) ((size_t)(count) << 10)
#define MIB(count) ((size_t)(count) << 20)
#define NET(...)                                                                                   \
    &(const struct net_plan)                                                                       \
    {                                                                                              \
        .rounds = 15, __VA_ARGS__                                                                  \
    }

static const struct bench_case cases[] = {
    {"reply-4k", "200 B header and 4 KiB file, answered, against MSG_MORE and sendfile", case_net,
     NET(.file_bytes = KIB(4), .header_bytes = 200, .files = 2000, .goal = 0.95)},
    {"reply-64k", "the same with 64 KiB", case_net,
     NET(.file_bytes = KIB(64), .header_bytes = 200, .files = 1500, .goal = 1.03)},
    {"reply-1m", "the same with 1 MiB", case_net,
     NET(.file_bytes = MIB(1), .header_bytes = 200, .files = 300, .goal = 1.03)},
    {"stream-1m", "files of 1 MiB over TCP, against a sendfile loop", case_net,
     NET(.file_bytes = MIB(1), .files = 256, .goal = 0.97, .cpu_goal = 1.03)},
    {"stream-100m", "the same with 100 MiB", case_net,
     NET(.file_bytes = MIB(100), .files = 2, .goal = 0.97, .cpu_goal = 1.03)},
    {"stream-1g", "the same with 1 GiB", case_net,
     NET(.file_bytes = MIB(1024), .files = 1, .goal = 0.97, .cpu_goal = 1.03)},
    {"unix-1m", "files of 1 MiB over a UNIX socket, against read and write of 64 KiB", case_net,
     NET(.peer = PEER_UNIX, .file_bytes = MIB(1), .files = 256, .against = AGAINST_COPY_64K,
         .goal = 2.2, .cpu_seconds_goal = 0.035)},
    {"fallback-1m", "files of 1 MiB by copy, against read and write of 256 KiB", case_net,
     NET(.file_bytes = MIB(1), .files = 256, .mechanism = BRISK_MECHANISM_COPY,
         .against = AGAINST_COPY_256K, .goal = 0.97)},
    {"memory-sendfile", "memory while a file of 1 GiB is sent", case_send_memory,
     NET(.peer = PEER_UNIX, .file_bytes = MIB(1024), .goal = 64)},
    {"memory-fallback", "the same by copy, 100 MiB", case_send_memory,
     NET(.peer = PEER_UNIX, .file_bytes = MIB(100), .mechanism = BRISK_MECHANISM_COPY,
         .goal = 320)},
    {"memory-slice", "memory for a view of 10 MB without their first KiB", case_slice_memory, NULL},
    {"partial", "100 MB to a socket that takes 64 KiB, against moving the rest", case_partial,
     NULL},
    {"slice-local", "a slice and its release, LOCAL", case_slice,
     &(const struct slice_plan){.flags = BRISK_ADOPT_LOCAL, .goal = 3.5}},
    {"slice-atomic", "the same for all threads", case_slice,
     &(const struct slice_plan){.goal = 18}},
    {"relay-large", "TCP to TCP, segments as they come", case_relay,
     &(const struct relay_plan){.cpu_goal = 0.5}},
    {"relay-1448", "TCP to TCP, segments of 1448 bytes", case_relay,
     &(const struct relay_plan){.segment_bytes = 1448, .cpu_goal = 0.6}},
    {"copy-cp", "a file of 100 MiB to another, against cp", case_copy_cp, NULL},
    {"copy-range", "the same against a copy_file_range loop", case_copy_range, NULL},
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, "zerocopy", cases, sizeof cases / sizeof *cases);
}
