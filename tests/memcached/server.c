/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/memcached/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    START_PATIENCE_MS = 30000,
    MOST_STARTS = 5
};

uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void pause_briefly(unsigned int ms)
{
    nanosleep(
        &(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

static struct sockaddr_in local_address(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return address;
}

/* Bound and listening at a port that the kernel chose. */
static int listen_somewhere(uint16_t *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = local_address(0);
    socklen_t length = sizeof address;
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static int connect_to(const struct server *server)
{
    int fd;
    if (server->folder[0] == '\0') {
        struct sockaddr_in address = local_address(server->port);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
            return fd;
    } else {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        memcpy(address.sun_path, server->address, strlen(server->address));
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
            return fd;
    }
    close(fd);
    return -1;
}

static void run_daemon(const struct server *server)
{
    char port[16];
    snprintf(port, sizeof port, "%u", (unsigned int)server->port);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (server->folder[0] == '\0')
        execlp(
            "memcached", "memcached", "-u", "root", "-t", "2", "-l", "127.0.0.1", "-p", port, "-U",
            "0", (char *)NULL);
    else
        execlp(
            "memcached", "memcached", "-u", "root", "-t", "2", "-s", server->address, (char *)NULL);
    _exit(127);
}

/* False: it ended at once, because somebody else took the port. */
static bool start_once(struct server *server)
{
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0)
        run_daemon(server);
    for (uint64_t end_ms = now_ms() + START_PATIENCE_MS; now_ms() < end_ms; pause_briefly(2)) {
        int status = 0;
        if (waitpid(server->pid, &status, WNOHANG) == server->pid) {
            server->pid = 0;
            assert_that(
                !WIFEXITED(status) || WEXITSTATUS(status) != 127, "memcached is not installed");
            return false;
        }
        int fd = connect_to(server);
        if (fd < 0)
            continue;
        close(fd);
        return true;
    }
    server_kill(server);
    return false;
}

void server_start(struct server *server)
{
    *server = (struct server){.pid = 0};
    for (int i = 0; i < MOST_STARTS; i++) {
        close(listen_somewhere(&server->port));
        snprintf(server->address, sizeof server->address, "127.0.0.1:%u", server->port);
        if (start_once(server))
            return;
    }
    brisk_assert_failed(__FILE__, __LINE__, "memcached does not start");
}

void server_start_on_socket(struct server *server)
{
    *server = (struct server){.pid = 0};
    snprintf(server->folder, sizeof server->folder, "%s/brisk-memcached-XXXXXX", P_tmpdir);
    assert_non_null(mkdtemp(server->folder));
    snprintf(server->address, sizeof server->address, "%s/socket", server->folder);
    assert_that(start_once(server), "memcached does not start");
}

void server_restart(struct server *server)
{
    for (int i = 0; i < MOST_STARTS; i++)
        if (start_once(server))
            return;
    brisk_assert_failed(__FILE__, __LINE__, "memcached does not start again");
}

void server_kill(struct server *server)
{
    if (server->pid == 0)
        return;
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

void server_pause(struct server *server)
{
    int status = 0;
    kill(server->pid, SIGSTOP);
    assert_int_equal(waitpid(server->pid, &status, WUNTRACED), server->pid);
    assert_true(WIFSTOPPED(status));
}

void server_resume(struct server *server)
{
    kill(server->pid, SIGCONT);
}

void server_end(struct server *server)
{
    server_kill(server);
    if (server->folder[0] == '\0')
        return;
    unlink(server->address);
    rmdir(server->folder);
}

struct brisk_memcached_options options_for(
    const struct server *const *servers, size_t count, struct brisk_memcached_server *storage)
{
    struct brisk_memcached_options options = brisk_memcached_options_default();
    for (size_t i = 0; i < count; i++)
        storage[i] = (struct brisk_memcached_server){servers[i]->address, 1};
    options.servers = storage;
    options.server_count = count;
    options.timeout_ms = 20000; /* no test fails because the machine is busy */
    return options;
}

struct brisk_memcached *client_with(const struct brisk_memcached_options *options)
{
    struct brisk_error error;
    struct brisk_memcached *client = brisk_memcached_open(options, &error);
    assert_that(client != NULL, "%s", error.message);
    return client;
}

struct brisk_memcached *client_of(const struct server *server)
{
    struct brisk_memcached_server storage[1];
    struct brisk_memcached_options options = options_for(&server, 1, storage);
    return client_with(&options);
}

static bool send_slowly(int fd, const char *data, size_t length, unsigned int pause_ms)
{
    size_t step = pause_ms == 0 ? length : 1;
    for (size_t at = 0; at < length; at += step) {
        if (send(fd, data + at, step, MSG_NOSIGNAL) != (ssize_t)step)
            return false;
        pause_briefly(pause_ms);
    }
    return true;
}

/* False: the connection is to be closed. */
static bool answer(struct liar *liar, int fd, const char *request, bool *is_hanging)
{
    static const char version[] = "VERSION 1.6.18\r\n";
    if (strncmp(request, "version", 7) == 0)
        return send_slowly(fd, version, sizeof version - 1, 0);
    if (strncmp(request, "quit", 4) == 0)
        return false;
    atomic_fetch_add(&liar->requests, 1);
    char reply[sizeof liar->reply];
    pthread_mutex_lock(&liar->lock);
    size_t length = liar->length;
    memcpy(reply, liar->reply, length);
    unsigned int pause_ms = liar->pause_ms;
    enum liar_end end = liar->end;
    pthread_mutex_unlock(&liar->lock);
    *is_hanging = end == LIAR_HANGS;
    return send_slowly(fd, reply, length, pause_ms) && end != LIAR_CLOSES;
}

static void talk(struct liar *liar, int fd)
{
    char request[4096];
    bool is_hanging = false, goes_on = true;
    while (goes_on) {
        ssize_t length = recv(fd, request, sizeof request - 1, 0);
        if (length <= 0)
            return;
        request[length] = '\0';
        if (!is_hanging)
            goes_on = answer(liar, fd, request, &is_hanging);
    }
}

static void *run_liar(void *arg)
{
    struct liar *liar = arg;
    for (;;) {
        int fd = accept(liar->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        atomic_fetch_add(&liar->connections, 1);
        talk(liar, fd);
        close(fd);
    }
}

void liar_start(struct liar *liar)
{
    memset(liar, 0, sizeof *liar);
    liar->listener = listen_somewhere(&liar->port);
    snprintf(liar->address, sizeof liar->address, "127.0.0.1:%u", liar->port);
    pthread_mutex_init(&liar->lock, NULL);
    assert_int_equal(pthread_create(&liar->thread, NULL, run_liar, liar), 0);
}

void liar_say(struct liar *liar, const char *reply, size_t length, enum liar_end end)
{
    assert_true(length <= sizeof liar->reply);
    pthread_mutex_lock(&liar->lock);
    memcpy(liar->reply, reply, length);
    liar->length = length;
    liar->end = end;
    pthread_mutex_unlock(&liar->lock);
}

void liar_stop(struct liar *liar)
{
    shutdown(liar->listener, SHUT_RDWR);
    pthread_join(liar->thread, NULL);
    close(liar->listener);
    pthread_mutex_destroy(&liar->lock);
}
