/* SPDX-License-Identifier: Apache-2.0 */
/* receivefile PATH FILE: writes what one connection to the UNIX socket PATH brings to FILE. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <brisk/brisk.h>

static int accept_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 1) != 0)
        return -1;
    int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    close(listener);
    unlink(path);
    return connection;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: receivefile PATH FILE\n");
        return 2;
    }
    int connection = accept_at(argv[1]);
    if (connection < 0) {
        fprintf(stderr, "receivefile: cannot accept at %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    struct brisk_file_copy copy = {
        .in = connection,
        .in_offset = BRISK_OFFSET_CURRENT,
        .out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666),
        .length = BRISK_TO_END};
    struct brisk_error error;
    if (brisk_receive_file(&copy, NULL, NULL, &error) != BRISK_OK) {
        fprintf(stderr, "receivefile: %s: %s\n", argv[2], error.message);
        return 1;
    }
    close(connection);
    return close(copy.out) == 0 ? 0 : 1;
}
