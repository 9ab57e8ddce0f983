/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "harness/proxy_loop.h"
#include "harness/proxy_socket.h"

enum {
    ANSWER_WITHIN_MS = 5000
};

struct bk_proxy {
    struct bk_loop *loop; /* NULL: of the thread or the child now */
    int owner_fd;         /* requests go out here; the loop ends when it is closed */
    pthread_mutex_t lock; /* one request at a time */
    pthread_t thread;
    bool has_thread;
    struct bk_address address;
    char text[BK_ADDRESS_TEXT];
};

static struct bk_proxy *new_handle(int owner_fd, struct brisk_error *error)
{
    struct bk_proxy *proxy = bk_calloc(1, sizeof *proxy);
    if (proxy == NULL) {
        bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory for a proxy");
        return NULL;
    }
    proxy->owner_fd = owner_fd;
    pthread_mutex_init(&proxy->lock, NULL);
    return proxy;
}

struct bk_proxy *bk_proxy_open(const struct bk_proxy_options *options, struct brisk_error *error)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        bk_error_set(error, BRISK_ERR_SYSTEM, errno, "no sockets: %s", strerror(errno));
        return NULL;
    }
    struct bk_proxy *proxy = new_handle(ends[0], error);
    struct bk_loop *loop = proxy != NULL ? bk_loop_open(options, ends[1], error) : NULL;
    if (loop == NULL) {
        if (proxy == NULL)
            close(ends[1]);
        close(ends[0]);
        bk_free(proxy);
        return NULL;
    }
    proxy->loop = loop;
    proxy->address = loop->relay.address;
    bk_address_print(&proxy->address, proxy->text);
    return proxy;
}

/* shutdown, because a forked process may hold the descriptor. */
static void free_handle(struct bk_proxy *proxy)
{
    bk_socket_close(proxy->owner_fd);
    if (proxy->has_thread)
        pthread_join(proxy->thread, NULL);
    bk_loop_close(proxy->loop);
    pthread_mutex_destroy(&proxy->lock);
    bk_free(proxy);
}

void bk_proxy_close(struct bk_proxy *proxy)
{
    if (proxy != NULL)
        free_handle(proxy);
}

const char *bk_proxy_address(const struct bk_proxy *proxy)
{
    return proxy->text;
}

unsigned int bk_proxy_port(const struct bk_proxy *proxy)
{
    return bk_address_port(&proxy->address);
}

static void *run_in_thread(void *loop)
{
    bk_loop_run(loop);
    return NULL;
}

enum brisk_status bk_proxy_start(struct bk_proxy *proxy, struct brisk_error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int sys_errno = pthread_create(&proxy->thread, NULL, run_in_thread, proxy->loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (sys_errno != 0)
        return bk_error_set(
            error, BRISK_ERR_SYSTEM, sys_errno, "no thread for a proxy: %s", strerror(sys_errno));
    proxy->has_thread = true;
    proxy->loop = NULL;
    return BRISK_OK;
}

void bk_proxy_run(struct bk_proxy *proxy)
{
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    close(proxy->owner_fd); /* the parent has it: nobody else may keep the loop alive */
    struct bk_loop *loop = proxy->loop;
    pthread_mutex_destroy(&proxy->lock);
    bk_free(proxy);
    bk_loop_run(loop);
}

void bk_proxy_forked(struct bk_proxy *proxy)
{
    bk_loop_abandon(proxy->loop);
    proxy->loop = NULL;
}

static enum brisk_status
ask(struct bk_proxy *proxy, const char *request, struct bk_text *answer, struct brisk_error *error)
{
    if (proxy->loop != NULL)
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "the proxy has not been started");
    pthread_mutex_lock(&proxy->lock);
    enum brisk_status status = bk_control_ask(
        proxy->owner_fd, request, ANSWER_WITHIN_MS, answer, error);
    pthread_mutex_unlock(&proxy->lock);
    return status;
}

enum brisk_status
bk_proxy_fault(struct bk_proxy *proxy, const char *specification, struct brisk_error *error)
{
    static const char verb[] = "fault ";
    size_t length = strlen(specification);
    char request[BK_CONTROL_MAX_LINE];
    if (length >= sizeof request - sizeof verb)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "faults are written in less than %zu bytes, not %zu",
            sizeof request - sizeof verb, length);
    memcpy(request, verb, sizeof verb - 1);
    memcpy(request + sizeof verb - 1, specification, length + 1);
    return ask(proxy, request, NULL, error);
}

enum brisk_status bk_proxy_clear(struct bk_proxy *proxy, struct brisk_error *error)
{
    return ask(proxy, "clear", NULL, error);
}

/* Of the line "name N"; 0 if there is none. */
static uint64_t count_in(const char *answer, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = answer; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n' ? 1 : 0;
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            return strtoull(line + length + 1, NULL, 10);
    }
    return 0;
}

enum brisk_status bk_proxy_read_status(
    struct bk_proxy *proxy, struct bk_proxy_status *status, struct brisk_error *error)
{
    char buffer[BK_CONTROL_MAX_ANSWER];
    struct bk_text answer = {.buffer = buffer, .capacity = sizeof buffer - 1};
    enum brisk_status answered = ask(proxy, "status", &answer, error);
    if (answered != BRISK_OK)
        return answered;
    buffer[answer.length] = '\0';
    *status = (struct bk_proxy_status){
        .seed = count_in(buffer, "seed"),
        .connections = count_in(buffer, "connections"),
        .accepted = count_in(buffer, "accepted"),
        .unreachable = count_in(buffer, "unreachable"),
        .bytes_up = count_in(buffer, "bytes_up"),
        .bytes_down = count_in(buffer, "bytes_down"),
    };
    return BRISK_OK;
}

enum brisk_status
bk_proxy_print_status(struct bk_proxy *proxy, struct bk_text *text, struct brisk_error *error)
{
    return ask(proxy, "status", text, error);
}

/* A connect to a UNIX socket does not wait but for a full queue, and that not for long. */
enum brisk_status bk_proxy_ask_at(
    const char *control, const char *request, struct bk_text *answer, struct brisk_error *error)
{
    struct bk_address address;
    enum brisk_status status = bk_address_read(&address, control, error);
    if (status != BRISK_OK)
        return status;
    int fd = socket(address.socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return bk_error_set(error, BRISK_ERR_SYSTEM, errno, "no socket: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)&address.socket, address.length) == 0)
        status = bk_control_ask(fd, request, ANSWER_WITHIN_MS, answer, error);
    else
        status = bk_error_set(
            error, BRISK_ERR_UNREACHABLE, errno, "no proxy answers at %s: %s", control,
            strerror(errno));
    close(fd);
    return status;
}
