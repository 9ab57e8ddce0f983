/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends 102,400,000 bytes through a socket that takes some of them at a time. Moving the rest to
 * the front after each part would move gigabytes; a chain is its own cursor and moves nothing.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <brisk/brisk.h>

enum {
    BYTES = 102400000
};

static _Noreturn void read_all(int fd)
{
    static char block[1 << 16];
    size_t length = 0;
    for (ssize_t count; (count = read(fd, block, sizeof block)) > 0;)
        length += (size_t)count;
    _exit(length == BYTES ? 0 : 1);
}

static long most_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* How many parts it took; 0: it failed. */
static unsigned int
send_in_parts(int fd, struct brisk_chain *chain, uint64_t *moved, long *more_kib)
{
    struct brisk_send_options options = brisk_send_options_default();
    struct brisk_send_stats stats = {.size = sizeof stats};
    enum brisk_status status = BRISK_AGAIN;
    unsigned int parts = 0;
    long before = 0;
    options.is_nonblocking = true;
    while (status == BRISK_AGAIN) {
        struct pollfd entry = {.fd = fd, .events = POLLOUT};
        poll(&entry, 1, -1);
        status = brisk_send(fd, chain, &options, &stats, NULL);
        *moved += stats.bytes_by[BRISK_MECHANISM_COPY];
        if (parts++ == 0)
            before = most_kib(); /* by now the code itself is in memory */
    }
    *more_kib = most_kib() - before;
    return status == BRISK_OK ? parts : 0;
}

static int run(int fd, struct brisk_builder *builder, struct brisk_chain *chain)
{
    struct brisk_view view;
    uint64_t moved = 0;
    if (brisk_builder_fill(builder, 'x', BYTES) != BRISK_OK ||
        brisk_builder_freeze(builder, &view) != BRISK_OK ||
        brisk_chain_append(chain, &view) != BRISK_OK)
        return 0;
    brisk_view_release(&view); /* the chain has it */

    long more_kib;
    unsigned int parts = send_in_parts(fd, chain, &moved, &more_kib);
    printf("sent in %s\n", parts > 100 ? "more than 100 parts" : "few parts");
    printf("bytes moved to go on: %llu\n", (unsigned long long)moved);
    printf("memory: %s\n", more_kib <= 256 ? "at most 256 KiB more" : "more");
    return parts > 0;
}

int main(void)
{
    int ends[2], status = 1;
    struct brisk_builder_options options = brisk_builder_options_default();
    options.capacity_bytes = BYTES;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return 1;
    pid_t reader = fork();
    if (reader == 0) {
        close(ends[0]);
        read_all(ends[1]);
    }
    close(ends[1]);
    struct brisk_builder *builder = brisk_builder_new(&options, NULL);
    struct brisk_chain *chain = brisk_chain_new();
    int is_sent = builder != NULL && chain != NULL && run(ends[0], builder, chain);
    brisk_builder_free(builder);
    brisk_chain_free(chain);
    close(ends[0]);
    if (reader < 0 || waitpid(reader, &status, 0) != reader || status != 0 || !is_sent) {
        fprintf(stderr, "partial_send: not all of it has arrived\n");
        return 1;
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
