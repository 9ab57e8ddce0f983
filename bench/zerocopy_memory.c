/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <unistd.h>

#include <brisk/buffer.h>

#include "bench/zerocopy_cases.h"

static void send_once(int fd, int file, const struct net_plan *plan, size_t length)
{
    struct brisk_file_message message = brisk_file_message_whole(file);
    struct brisk_send_options options = brisk_send_options_default();
    struct brisk_error error;
    options.mechanism = plan->mechanism;
    message.length = length;
    if (brisk_send_file(fd, &message, &options, NULL, &error) != BRISK_OK)
        bench_fail("%s", error.message);
}

void case_send_memory(struct bench *bench, const void *argument)
{
    const struct net_plan *plan = argument;
    int file = zerocopy_file(plan->file_bytes);
    struct peer_process peer = peer_process_start(plan->peer);

    peer_process_expect(&peer, 1, 1); /* so that the code is there */
    struct net_plan by_sendfile = {.mechanism = BRISK_MECHANISM_SENDFILE};
    send_once(peer.fd, file, plan->mechanism == 0 ? &by_sendfile : plan, 1);
    peer_process_wait(&peer);
    double growth = -zerocopy_faulted_kib();
    peer_process_expect(&peer, 1, plan->file_bytes);
    send_once(peer.fd, file, plan, plan->file_bytes);
    peer_process_wait(&peer);
    growth += zerocopy_faulted_kib();
    bench_report(
        bench, &(struct bench_row){.value = growth, .unit = "KiB more", .goal = plan->goal});
    peer_process_end(&peer);
    close(file);
}

enum {
    SLICED_BYTES = 10240000,
    SKIPPED_BYTES = 1024
};

void case_slice_memory(struct bench *bench, const void *argument)
{
    struct brisk_builder_options options = brisk_builder_options_default();
    struct brisk_view whole, rest;
    struct brisk_chain *chain = brisk_chain_new();
    int source = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    int sink = open("/dev/null", O_WRONLY | O_CLOEXEC);
    size_t got;
    (void)argument;

    options.capacity_bytes = SLICED_BYTES;
    struct brisk_builder *builder = brisk_builder_new(&options, NULL);
    if (chain == NULL || builder == NULL ||
        brisk_builder_read_fd(builder, 0, source, BRISK_OFFSET_CURRENT, SLICED_BYTES, &got, NULL) !=
            BRISK_OK ||
        brisk_builder_freeze(builder, &whole) != BRISK_OK)
        bench_fail("cannot read random bytes");
    if (brisk_view_slice(&rest, &whole, 0, 1) != BRISK_OK ||
        brisk_chain_append(chain, &rest) != BRISK_OK ||
        brisk_send(sink, chain, NULL, NULL, NULL) != BRISK_OK) /* so that the code is there */
        bench_fail("cannot send a slice");
    brisk_view_release(&rest);
    double growth = -zerocopy_faulted_kib();
    if (brisk_view_slice(&rest, &whole, SKIPPED_BYTES, SLICED_BYTES - SKIPPED_BYTES) != BRISK_OK ||
        brisk_chain_append(chain, &rest) != BRISK_OK ||
        brisk_send(sink, chain, NULL, NULL, NULL) != BRISK_OK)
        bench_fail("cannot send a slice");
    growth += zerocopy_faulted_kib();
    bench_report(bench, &(struct bench_row){.value = growth, .unit = "KiB more", .goal = 64});
    brisk_view_release(&rest);
    brisk_view_release(&whole);
    brisk_builder_free(builder);
    brisk_chain_free(chain);
    close(source);
    close(sink);
}
