/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/port.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"

enum {
    STATE_LISTEN = 0x0a, /* TCP_LISTEN as /proc/net/tcp prints it */
    MOST_LISTENERS = 16, /* of one port, on different addresses or with SO_REUSEPORT */
};

static int set_reuse(int fd)
{
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
}

/*
 * A fixed port may be in TIME_WAIT from the run before, so there the option comes first; the
 * kernel still refuses if somebody listens.
 */
static int bind_to(int fd, uint16_t number)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(number),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (number != 0 && set_reuse(fd) != 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
        return -1;
    return number != 0 ? 0 : set_reuse(fd);
}

enum brisk_status bk_port_reserve(struct bk_port *port, uint16_t number, struct brisk_error *error)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    port->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (port->fd >= 0 && bind_to(port->fd, number) == 0 &&
        getsockname(port->fd, (struct sockaddr *)&address, &length) == 0) {
        port->number = ntohs(address.sin_port);
        return BRISK_OK;
    }
    int reason = errno;
    bk_port_release(port);
    if (reason == EADDRINUSE && number != 0)
        return bk_error_set(
            error, BRISK_ERR_SYSTEM, reason,
            "port %u of " BK_PORT_HOST " belongs to somebody else; without port=%u any free one "
            "is taken",
            number, number);
    return bk_error_set(
        error, BRISK_ERR_SYSTEM, reason, "no port on " BK_PORT_HOST ": %s", strerror(reason));
}

void bk_port_release(struct bk_port *port)
{
    if (port->fd >= 0)
        close(port->fd);
    port->fd = -1;
}

/* Inodes of the sockets that listen on the port, from one of the tables. */
static size_t find_listeners(const char *table, uint16_t number, uint64_t *inodes, size_t room)
{
    FILE *file = fopen(table, "re");
    if (file == NULL)
        return 0;
    size_t count = 0;
    char line[256];
    while (count < room && fgets(line, sizeof line, file) != NULL) {
        unsigned int port, state;
        uint64_t inode;
        if (sscanf(
                line, " %*[^:]: %*[^:]:%x %*s %x %*s %*s %*s %*s %*s %" SCNu64, &port, &state,
                &inode) == 3 &&
            port == number && state == STATE_LISTEN)
            inodes[count++] = inode;
    }
    fclose(file);
    return count;
}

static bool has_socket(pid_t pid, const uint64_t *inodes, size_t count)
{
    char path[64], target[64], wanted[32];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return false;
    bool is_found = false;
    const struct dirent *entry;
    while (!is_found && (entry = readdir(folder)) != NULL) {
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
        if (length <= 0)
            continue;
        target[length] = '\0';
        for (size_t i = 0; i < count && !is_found; i++) {
            snprintf(wanted, sizeof wanted, "socket:[%" PRIu64 "]", inodes[i]);
            is_found = strcmp(target, wanted) == 0;
        }
    }
    closedir(folder);
    return is_found;
}

enum bk_port_owner bk_port_owner(uint16_t number, const pid_t *pids, size_t count)
{
    uint64_t inodes[MOST_LISTENERS];
    size_t found = find_listeners("/proc/self/net/tcp", number, inodes, MOST_LISTENERS);
    if (found < MOST_LISTENERS)
        found += find_listeners(
            "/proc/self/net/tcp6", number, inodes + found, MOST_LISTENERS - found);
    if (found == 0)
        return BK_PORT_NOBODY;
    for (size_t i = 0; i < count; i++)
        if (has_socket(pids[i], inodes, found))
            return BK_PORT_OURS;
    return BK_PORT_FOREIGN;
}
