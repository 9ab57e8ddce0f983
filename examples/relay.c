/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay LISTEN CONNECT: accepts connections at the UNIX socket or TCP port LISTEN and relays each
 * to CONNECT, in a thread of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <brisk/brisk.h>

static const char usage[] =
    "usage: relay [--once] LISTEN CONNECT\n"
    "\n"
    "  LISTEN and CONNECT are unix:PATH, or tcp:PORT on 127.0.0.1. A LISTEN of tcp:0 takes a\n"
    "  free port; the first line of the output says which. Each connection is reported when it\n"
    "  ends.\n"
    "\n"
    "  --once  ends after the first connection\n";

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_un un;
};

static int read_address(const char *text, union address *out, socklen_t *length)
{
    memset(out, 0, sizeof *out);
    if (strncmp(text, "unix:", 5) == 0 && strlen(text + 5) < sizeof out->un.sun_path) {
        out->un.sun_family = AF_UNIX;
        strcpy(out->un.sun_path, text + 5);
        *length = sizeof out->un;
        return 1;
    }
    char *end;
    unsigned long port = strncmp(text, "tcp:", 4) == 0 ? strtoul(text + 4, &end, 10) : 65536;
    if (port > 65535 || end == text + 4 || *end != '\0') {
        fprintf(stderr, "relay: '%s' is neither unix:PATH nor tcp:PORT\n", text);
        return 0;
    }
    out->in.sin_family = AF_INET;
    out->in.sin_port = htons((uint16_t)port);
    out->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *length = sizeof out->in;
    return 1;
}

static int listen_at(union address *address, socklen_t length)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, &address->any, length) != 0 || listen(fd, 16) != 0)
        return -1;
    if (address->any.sa_family != AF_INET)
        return fd;
    getsockname(fd, &address->any, &length);
    printf("listening at tcp:%u\n", ntohs(address->in.sin_port));
    return fflush(stdout) == 0 ? fd : -1;
}

struct connection {
    int client;
    int server;
};

/* Splice needs descriptors that do not block; small answers shall not wait for large ones. */
static void prepare(int fd)
{
    int on = 1;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void *relay_one(void *argument)
{
    struct connection *connection = argument;
    struct brisk_send_stats there = {.size = sizeof there}, back = {.size = sizeof back};
    struct brisk_error error;
    enum brisk_status status = brisk_relay(
        connection->client, connection->server, NULL, &there, &back, &error);
    printf(
        "%llu bytes there, %llu back: %s\n", (unsigned long long)there.bytes,
        (unsigned long long)back.bytes, status == BRISK_OK ? "done" : error.message);
    fflush(stdout);
    close(connection->client);
    close(connection->server);
    free(connection);
    return NULL;
}

/* A connection to the server for one of the client's; NULL if there is none. */
static struct connection *connect_for(int client, const union address *address, socklen_t length)
{
    struct connection *connection = malloc(sizeof *connection);
    int server = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection != NULL && server >= 0 && connect(server, &address->any, length) == 0) {
        prepare(client);
        prepare(server);
        *connection = (struct connection){client, server};
        return connection;
    }
    fprintf(stderr, "relay: cannot connect: %s\n", strerror(errno));
    if (server >= 0)
        close(server);
    close(client);
    free(connection);
    return NULL;
}

static int serve(int listener, const union address *address, socklen_t length, int is_once)
{
    for (;;) {
        pthread_t thread;
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (client < 0) {
            fprintf(stderr, "relay: cannot accept: %s\n", strerror(errno));
            return 1;
        }
        struct connection *connection = connect_for(client, address, length);
        if (connection == NULL) {
            if (is_once)
                return 1;
            continue;
        }
        if (is_once) {
            relay_one(connection);
            return 0;
        }
        if (pthread_create(&thread, NULL, relay_one, connection) == 0)
            pthread_detach(thread);
        else
            relay_one(connection); /* the others wait */
    }
}

int main(int argc, char **argv)
{
    int is_once = argc > 1 && strcmp(argv[1], "--once") == 0;
    union address at, to;
    socklen_t at_length, to_length;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return fflush(stdout) == 0 ? 0 : 1;
    }
    if (argc - is_once != 3) {
        fputs(usage, stderr);
        return 2;
    }
    if (!read_address(argv[1 + is_once], &at, &at_length) ||
        !read_address(argv[2 + is_once], &to, &to_length))
        return 2;
    int listener = listen_at(&at, at_length);
    if (listener < 0) {
        fprintf(stderr, "relay: cannot listen at %s: %s\n", argv[1 + is_once], strerror(errno));
        return 1;
    }
    return serve(listener, &to, to_length, is_once);
}
