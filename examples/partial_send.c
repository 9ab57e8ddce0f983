/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends 102,400,000 bytes through a socket that takes some of them at a time. Moving the rest to
 * the front after each part would move gigabytes; a chain is its own cursor and moves nothing.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <brisk/brisk.h>

enum {
    BYTES = 102400000
};

/* What the socket has taken so far. */
static size_t drain(int fd)
{
    static char block[1 << 16];
    size_t length = 0;
    for (ssize_t count; (count = recv(fd, block, sizeof block, MSG_DONTWAIT)) > 0;)
        length += (size_t)count;
    return length;
}

static long most_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static int send_in_parts(int out, int in, struct brisk_chain *chain)
{
    struct brisk_send_options options = brisk_send_options_default();
    struct brisk_send_stats stats = {.size = sizeof stats};
    enum brisk_status status = BRISK_AGAIN;
    uint64_t moved = 0;
    size_t arrived = 0;
    unsigned int parts = 0;
    long before = 0;
    options.is_nonblocking = true;
    while (status == BRISK_AGAIN) { /* a program would wait for POLLOUT in between */
        status = brisk_send(out, chain, &options, &stats, NULL);
        moved += stats.bytes_by[BRISK_MECHANISM_COPY];
        arrived += drain(in);
        if (parts++ == 0)
            before = most_kib(); /* by now the code itself is in memory */
    }
    printf(
        "arrived: %zu bytes in %s\n", arrived, parts > 100 ? "more than 100 parts" : "few parts");
    printf("bytes moved to go on: %llu\n", (unsigned long long)moved);
    printf("memory: %s\n", most_kib() - before <= 256 ? "at most 256 KiB more" : "more");
    return status == BRISK_OK;
}

static int fill(struct brisk_chain *chain)
{
    struct brisk_builder_options options = brisk_builder_options_default();
    struct brisk_view view;
    options.capacity_bytes = BYTES;
    struct brisk_builder *builder = brisk_builder_new(&options, NULL);
    int is_filled = builder != NULL && brisk_builder_fill(builder, 'x', BYTES) == BRISK_OK &&
                    brisk_builder_freeze(builder, &view) == BRISK_OK;
    brisk_builder_free(builder);
    if (!is_filled)
        return 0;
    is_filled = brisk_chain_append(chain, &view) == BRISK_OK;
    brisk_view_release(&view); /* the chain has it */
    return is_filled;
}

int main(void)
{
    int ends[2], buffer_bytes = 1 << 16;
    struct brisk_chain *chain = brisk_chain_new();
    if (chain == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 ||
        setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes) != 0 ||
        !fill(chain) || !send_in_parts(ends[0], ends[1], chain)) {
        fprintf(stderr, "partial_send: not all of it has arrived\n");
        return 1;
    }
    brisk_chain_free(chain);
    close(ends[0]);
    close(ends[1]);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
