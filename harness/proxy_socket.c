/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy_socket.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"

enum {
    BACKLOG = 4096 /* the kernel cuts it to net.core.somaxconn */
};

int bk_socket_new(const struct bk_address *address)
{
    return socket(address->socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static const struct sockaddr *generic(const struct bk_address *address)
{
    return (const struct sockaddr *)&address->socket;
}

static enum brisk_status
fail(int fd, const char *what, const struct bk_address *address, struct brisk_error *error)
{
    int sys_errno = errno;
    char text[BK_ADDRESS_TEXT];
    bk_address_print(address, text);
    if (fd >= 0)
        close(fd);
    return bk_error_set(
        error, BRISK_ERR_SYSTEM, sys_errno, "cannot %s %s: %s%s", what, text, strerror(sys_errno),
        sys_errno == EADDRINUSE ? "; port 0 takes a free one" : "");
}

/* The port that the kernel has chosen. */
static void learn_port(int fd, struct bk_address *address)
{
    socklen_t length = sizeof address->socket;
    if (!bk_address_is_unix(address))
        getsockname(fd, (struct sockaddr *)&address->socket, &length);
}

/*
 * A port that the kernel chooses must be free of everybody, which SO_REUSEADDR would not
 * demand; it is set later, so that our own listener may share the port.
 */
enum brisk_status bk_socket_hold(int *fd, struct bk_address *address, struct brisk_error *error)
{
    int yes = 1;
    *fd = bk_socket_new(address);
    if (*fd < 0)
        return fail(*fd, "make a socket for", address, error);
    bool is_chosen = bk_address_port(address) == 0;
    if (!is_chosen)
        setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(*fd, generic(address), address->length) != 0)
        return fail(*fd, "bind", address, error);
    if (is_chosen)
        setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    learn_port(*fd, address);
    return BRISK_OK;
}

enum brisk_status bk_socket_listen(int *fd, struct bk_address *address, struct brisk_error *error)
{
    int yes = 1;
    *fd = bk_socket_new(address);
    if (*fd < 0)
        return fail(*fd, "make a socket for", address, error);
    if (bk_address_is_unix(address))
        unlink(bk_address_path(address)); /* our own of before, in our own folder */
    else
        setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(*fd, generic(address), address->length) != 0 || listen(*fd, BACKLOG) != 0)
        return fail(*fd, "listen at", address, error);
    learn_port(*fd, address);
    return BRISK_OK;
}

void bk_socket_end_listening(int fd)
{
    shutdown(fd, SHUT_RDWR);
    close(fd);
}

void bk_socket_no_delay(int fd)
{
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

void bk_socket_close(int fd)
{
    shutdown(fd, SHUT_RDWR);
    close(fd);
}

/* connect(2) to no address: an RST at once, also if others hold the socket. */
void bk_socket_reset(int fd)
{
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    connect(fd, &none, sizeof none);
    bk_socket_close(fd);
}

size_t bk_socket_unsent(int fd)
{
    int unsent = 0;
    return ioctl(fd, SIOCOUTQNSD, &unsent) == 0 && unsent > 0 ? (size_t)unsent : 0;
}
