/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file to a socket in three ways: read and send by hand, sendfile(2) by hand, and brisk, which
 * does the right one of them for this pair, with all that the others leave out.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <brisk/brisk.h>

enum {
    BYTES = 3000000
};

static void by_hand(int out, int file)
{
    char block[8192];
    off_t offset = 0;
    for (ssize_t count; (count = pread(file, block, sizeof block, offset)) > 0; offset += count)
        if (send(out, block, (size_t)count, MSG_NOSIGNAL) != count)
            return; /* a short write, a signal, a closed peer: a program would handle each */
}

static void by_sendfile(int out, int file)
{
    off_t offset = 0;
    while (offset < BYTES && sendfile(out, file, &offset, BYTES - (size_t)offset) > 0) {
    }
}

static void by_brisk(int out, int file)
{
    struct brisk_file_message message = brisk_file_message_whole(file);
    struct brisk_send_stats stats = {.size = sizeof stats};
    struct brisk_error error;
    if (brisk_send_file(out, &message, NULL, &stats, &error) != BRISK_OK)
        fprintf(stderr, "%s\n", error.message);
    printf(
        "by sendfile: %llu bytes\n", (unsigned long long)stats.bytes_by[BRISK_MECHANISM_SENDFILE]);
}

static void *count_all(void *argument)
{
    char block[65536];
    size_t length = 0;
    for (ssize_t count; (count = read(*(int *)argument, block, sizeof block)) > 0;)
        length += (size_t)count;
    printf("arrived: %zu bytes\n", length);
    return NULL;
}

static int try(void (*send_it)(int out, int file), int file)
{
    int ends[2];
    pthread_t reader;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 ||
        pthread_create(&reader, NULL, count_all, &ends[1]) != 0)
        return 0;
    send_it(ends[0], file);
    close(ends[0]);
    pthread_join(reader, NULL);
    close(ends[1]);
    return 1;
}

int main(void)
{
    FILE *file = tmpfile();
    static char bytes[BYTES];
    memset(bytes, 'x', sizeof bytes);
    if (file == NULL || fwrite(bytes, 1, BYTES, file) != BYTES || fflush(file) != 0)
        return 1;
    if (!try(by_hand, fileno(file)) || !try(by_sendfile, fileno(file)) ||
        !try(by_brisk, fileno(file)))
        return 1;
    fclose(file);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
