/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads 10,240,000 random bytes and writes all but the first 1,024: once from a copy of them,
 * once from a view. The copy doubles the memory, the view adds nothing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <brisk/brisk.h>

enum {
    BYTES = 10240000,
    HEADER_BYTES = 1024
};

/* The most memory that this process has had since the last call, in KiB. */
static long peak_kib(void)
{
    char line[128];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    if (file != NULL)
        fclose(file);
    file = fopen("/proc/self/clear_refs", "w");
    if (file != NULL) {
        fputs("5", file);
        fclose(file);
    }
    return kib;
}

static int send_view(int sink, const struct brisk_view *view)
{
    struct brisk_chain *chain = brisk_chain_new();
    int is_sent = chain != NULL && brisk_chain_append(chain, view) == BRISK_OK &&
                  brisk_send(sink, chain, NULL, NULL, NULL) == BRISK_OK;
    brisk_chain_free(chain);
    return is_sent;
}

static int run(int source, int sink, struct brisk_builder *builder)
{
    struct brisk_view all, rest, copy = {0};
    size_t got;
    if (brisk_builder_read_fd(builder, 0, source, BRISK_OFFSET_CURRENT, BYTES, &got, NULL) !=
            BRISK_OK ||
        brisk_builder_freeze(builder, &all) != BRISK_OK)
        return 0;

    /* A first small one, so that the code itself is in memory. */
    int is_sent = brisk_view_slice(&rest, &all, HEADER_BYTES, 1) == BRISK_OK &&
                  send_view(sink, &rest);
    brisk_view_release(&rest);
    peak_kib();
    long before = peak_kib();
    is_sent = is_sent &&
              brisk_view_slice(&rest, &all, HEADER_BYTES, BYTES - HEADER_BYTES) == BRISK_OK &&
              send_view(sink, &rest);
    long by_view = peak_kib() - before;

    before = peak_kib();
    is_sent = is_sent && brisk_view_copy(&copy, brisk_view_bytes(&rest)) == BRISK_OK &&
              send_view(sink, &copy);
    long by_copy = peak_kib() - before;
    brisk_view_release(&copy);
    brisk_view_release(&rest);
    brisk_view_release(&all);
    if (!is_sent)
        return 0;
    printf("written: 2 times %d bytes\n", BYTES - HEADER_BYTES);
    printf("memory for the view: %s\n", by_view <= 256 ? "at most 256 KiB" : "more than 64 KiB");
    printf("memory for the copy: %s\n", by_copy >= 9000 ? "10 MB" : "less than 10 MB");
    return 1;
}

int main(void)
{
    struct brisk_builder_options options = brisk_builder_options_default();
    options.capacity_bytes = BYTES;
    struct brisk_builder *builder = brisk_builder_new(&options, NULL);
    int source = open("/dev/urandom", O_RDONLY);
    int sink = open("/dev/null", O_WRONLY);
    if (builder == NULL || source < 0 || sink < 0 || !run(source, sink, builder)) {
        fprintf(stderr, "skip_header: cannot read or write\n");
        return 1;
    }
    brisk_builder_free(builder);
    close(source);
    close(sink);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
