/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/zerocopy/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

const char *wire_name(enum wire_kind kind)
{
    static const char *const names[] = {"TCP", "UNIX", "pipe", "file"};
    return names[kind];
}

static struct wire open_tcp(bool is_narrow)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int bytes = 4096;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_i64(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    if (is_narrow)
        setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    assert_i64(listen(listener, 1), 0);
    assert_i64(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    struct wire wire = {.out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (is_narrow)
        setsockopt(wire.out, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    assert_i64(connect(wire.out, (struct sockaddr *)&address, sizeof address), 0);
    wire.in = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(wire.in >= 0);
    close(listener);
    int on = 1;
    setsockopt(wire.out, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return wire;
}

static struct wire open_any(enum wire_kind kind, bool is_narrow)
{
    int ends[2];
    int bytes = 4096;
    if (kind == WIRE_TCP)
        return open_tcp(is_narrow);
    if (kind == WIRE_FILE) {
        int file = wire_disk_file(0, 0);
        return (struct wire){.out = file, .in = fcntl(file, F_DUPFD_CLOEXEC, 0)};
    }
    if (kind == WIRE_PIPE) {
        assert_i64(pipe2(ends, O_CLOEXEC), 0);
        assert_true(fcntl(ends[1], F_SETPIPE_SZ, is_narrow ? 4096 : 1 << 20) >= 4096);
        return (struct wire){.out = ends[1], .in = ends[0]};
    }
    assert_i64(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    if (is_narrow)
        setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    return (struct wire){.out = ends[0], .in = ends[1]};
}

/* A storm of signals is for the library, not for the calls of the test. */
struct wire wire_open(enum wire_kind kind, bool is_narrow)
{
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &set, &old);
    struct wire wire = open_any(kind, is_narrow);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return wire;
}

void wire_close_out(struct wire *wire)
{
    if (wire->out >= 0)
        close(wire->out);
    wire->out = -1;
}

void wire_close(struct wire *wire)
{
    wire_close_out(wire);
    if (wire->in >= 0)
        close(wire->in);
    wire->in = -1;
}

void wire_set_nonblocking(int fd)
{
    assert_i64(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

static void *reader_main(void *argument)
{
    struct wire_reader *reader = argument;
    size_t capacity = 0;
    while (reader->length < reader->limit) {
        size_t want = reader->limit - reader->length;
        if (want > reader->step)
            want = reader->step;
        if (capacity - reader->length < want) {
            capacity = 2 * capacity + want;
            reader->bytes = realloc(reader->bytes, capacity);
        }
        ssize_t count = read(reader->fd, reader->bytes + reader->length, want);
        if (count <= 0 && errno != EINTR)
            break;
        if (count == 0)
            break;
        if (count > 0)
            reader->length += (size_t)count;
    }
    close(reader->fd);
    return NULL;
}

void wire_reader_start(struct wire_reader *reader, struct wire *wire, size_t step, size_t limit)
{
    *reader = (struct wire_reader){.fd = wire->in, .step = step, .limit = limit};
    wire->in = -1;
    assert_i64(pthread_create(&reader->thread, NULL, reader_main, reader), 0);
}

void wire_reader_finish(struct wire_reader *reader)
{
    pthread_join(reader->thread, NULL);
}

uint8_t wire_byte(unsigned int pattern, uint64_t offset)
{
    return (uint8_t)((offset * 2654435761u >> 13) + pattern * 97);
}

static void write_pattern(int fd, size_t length, unsigned int pattern)
{
    uint8_t *bytes = malloc(length + 1);
    for (size_t i = 0; i < length; i++)
        bytes[i] = wire_byte(pattern, i);
    assert_i64(pwrite(fd, bytes, length, 0), (int64_t)length);
    free(bytes);
}

int wire_memory_file(size_t length, unsigned int pattern)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    assert_true(fd >= 0);
    write_pattern(fd, length, pattern);
    return fd;
}

int wire_disk_file(size_t length, unsigned int pattern)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    int fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 0);
    fclose(file);
    assert_true(fd >= 0);
    write_pattern(fd, length, pattern);
    return fd;
}

static void add_memory(struct wire_message *message, size_t length)
{
    struct brisk_bytes bytes = brisk_bytes_of(message->bytes + message->length, length);
    struct brisk_view view;
    for (size_t i = 0; i < length; i++)
        message->bytes[message->length + i] = wire_byte(7, message->length + i);
    assert_ok(brisk_view_copy(&view, bytes));
    assert_ok(brisk_chain_append(message->chain, &view));
    brisk_view_release(&view);
    message->length += length;
}

static void add_range(struct wire_message *message, unsigned int file, size_t offset, size_t length)
{
    for (size_t i = 0; i < length; i++)
        message->bytes[message->length + i] = wire_byte(file, offset + i);
    assert_ok(brisk_chain_append_file(
        message->chain, message->files[file], (int64_t)offset, length, BRISK_FD_BORROW));
    message->length += length;
}

struct wire_message wire_message_new(size_t scale)
{
    struct wire_message message = {
        .chain = brisk_chain_new(),
        .bytes = malloc(4 * scale + 100000),
        .files = {wire_disk_file(2 * scale + 1000, 0), wire_memory_file(scale + 40000, 1)}};
    add_memory(&message, 200);
    add_range(&message, 0, 100, scale);
    add_memory(&message, 3000);
    add_memory(&message, 1);
    add_range(&message, 1, 77, 5000);
    add_range(&message, 0, scale / 2, scale / 2);
    add_range(&message, 1, 20000, 20000);
    add_memory(&message, 17);
    return message;
}

void wire_message_free(struct wire_message *message)
{
    brisk_chain_free(message->chain);
    close(message->files[0]);
    close(message->files[1]);
    free(message->bytes);
}

enum brisk_status wire_send_all(
    int fd, struct brisk_chain *chain, const struct brisk_send_options *options, uint64_t *sent)
{
    struct brisk_send_stats stats = {.size = sizeof stats};
    struct brisk_error error = {0};
    for (;;) {
        enum brisk_status status = brisk_send(fd, chain, options, &stats, &error);
        *sent += stats.bytes;
        if (status < 0 && status != error.status)
            brisk_assert_failed(__FILE__, __LINE__, "%s without words", brisk_status_name(status));
        if (status != BRISK_AGAIN)
            return status;
        struct pollfd entry = {.fd = fd, .events = POLLOUT};
        poll(&entry, 1, 10000);
    }
}

uint64_t wire_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static _Atomic unsigned int sigpipes;

static void count_sigpipe(int number)
{
    (void)number;
    atomic_fetch_add(&sigpipes, 1);
}

void wire_watch_sigpipe(void)
{
    struct sigaction action = {.sa_handler = count_sigpipe};
    sigaction(SIGPIPE, &action, NULL);
    atomic_store(&sigpipes, 0);
}

unsigned int wire_sigpipe_count(void)
{
    return atomic_load(&sigpipes);
}

static void do_nothing(int number)
{
    (void)number;
}

static void set_timer(suseconds_t period_us)
{
    struct itimerval timer = {{0, period_us}, {0, period_us}};
    assert_i64(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

void wire_storm_begin(void)
{
    struct sigaction action = {.sa_handler = do_nothing}; /* without SA_RESTART */
    sigaction(SIGALRM, &action, NULL);
    set_timer(1000);
}

void wire_storm_end(void)
{
    set_timer(0);
}
