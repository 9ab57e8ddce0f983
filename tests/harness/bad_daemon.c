/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad_daemon PORT [WORD]...: answers lines on 127.0.0.1:PORT, and misbehaves as it is told:
 *
 *   line=TEXT     prints TEXT before it listens
 *   exit=STATUS   ends after the lines so far, in place of listening
 *   late=MS       listens so much later
 *   die=MS        ends with status 3 so long after it listens
 *   mute          accepts, and never answers
 *   deaf          does not listen
 *   flood=MB      prints so much before it listens
 *   fds           prints its open descriptors
 *   clone         starts a grandchild in a session of its own that ignores SIGTERM
 *   shm           makes segments of shared memory (System V and POSIX) named after PORT
 *   stubborn      ignores SIGTERM
 *   whoami        prints "uid N"
 *   stamp=FILE    writes when it began to listen, in ns of CLOCK_MONOTONIC
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char *stamp_path;
static long die_ms;
static bool is_mute, is_deaf;

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static void print_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    char list[256] = "";
    const struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL)
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(folder))
            strcat(strcat(list, " "), entry->d_name);
    closedir(folder);
    printf("descriptors:%s\n", list);
}

static void start_grandchild(void)
{
    if (fork() != 0)
        return;
    setsid();
    if (fork() != 0)
        _exit(0);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    for (;;)
        pause();
}

static void make_shared_memory(int port)
{
    char name[32];
    snprintf(name, sizeof name, "/bad-daemon-%d", port);
    int fd = shm_open(name, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, 4096) != 0 || shmget(port, 4096, IPC_CREAT | 0600) < 0)
        perror("shared memory");
}

static void flood(long megabytes)
{
    static char bytes[65536];
    memset(bytes, 'x', sizeof bytes);
    for (size_t i = 79; i < sizeof bytes; i += 80)
        bytes[i] = '\n';
    for (long i = 0; i < megabytes * 16; i++)
        if (write(STDOUT_FILENO, bytes, sizeof bytes) < 0)
            _exit(9);
}

/* As sd_notify(3) says READY=1. */
static void notify(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path != NULL ? path : "");
    if (sendto(fd, "READY=1", 7, 0, (struct sockaddr *)&address, sizeof address) != 7)
        perror("notify");
    close(fd);
}

/* For its words with a value: the value, or NULL. */
static const char *value_of(const char *word, const char *name)
{
    size_t length = strlen(name);
    return strncmp(word, name, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static void obey(const char *word, int port)
{
    const char *value;
    if ((value = value_of(word, "line")) != NULL)
        printf("%s\n", value);
    else if ((value = value_of(word, "exit")) != NULL)
        exit(atoi(value));
    else if ((value = value_of(word, "late")) != NULL)
        sleep_ms(atol(value));
    else if ((value = value_of(word, "die")) != NULL)
        die_ms = atol(value);
    else if ((value = value_of(word, "flood")) != NULL)
        flood(atol(value));
    else if ((value = value_of(word, "stamp")) != NULL)
        stamp_path = value;
    else if (strcmp(word, "notify") == 0)
        notify();
    else if (strcmp(word, "mute") == 0)
        is_mute = true;
    else if (strcmp(word, "deaf") == 0)
        is_deaf = true;
    else if (strcmp(word, "fds") == 0)
        print_descriptors();
    else if (strcmp(word, "clone") == 0)
        start_grandchild();
    else if (strcmp(word, "shm") == 0)
        make_shared_memory(port);
    else if (strcmp(word, "stubborn") == 0)
        signal(SIGTERM, SIG_IGN);
    else if (strcmp(word, "whoami") == 0)
        printf("uid %u\n", (unsigned int)getuid());
}

static int listen_on(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 64) != 0) {
        perror("bind");
        exit(1);
    }
    if (stamp_path == NULL)
        return fd;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    FILE *stamp = fopen(stamp_path, "w");
    fprintf(stamp, "%lld\n", (long long)now.tv_sec * 1000000000 + now.tv_nsec);
    fclose(stamp);
    return fd;
}

/* Answers each line with itself. */
static void serve(int listener)
{
    struct pollfd fds[64] = {{.fd = listener, .events = POLLIN}};
    nfds_t count = 1;
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        poll(fds, count, die_ms != 0 ? 1 : -1);
        clock_gettime(CLOCK_MONOTONIC, &now);
        long passed_ms = (now.tv_sec - start.tv_sec) * 1000 +
                         (now.tv_nsec - start.tv_nsec) / 1000000;
        if (die_ms != 0 && passed_ms >= die_ms) {
            printf("dying\n");
            exit(3);
        }
        if (fds[0].revents != 0 && count < 64)
            fds[count++] = (struct pollfd){.fd = accept(listener, NULL, NULL), .events = POLLIN};
        for (nfds_t i = 1; i < count; i++) {
            char bytes[512];
            if (fds[i].revents == 0)
                continue;
            ssize_t length = read(fds[i].fd, bytes, sizeof bytes);
            if (length > 0 && (is_mute || write(fds[i].fd, bytes, (size_t)length) == length))
                continue;
            close(fds[i].fd);
            fds[i--] = fds[--count];
        }
    }
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    int port = argc > 1 ? atoi(argv[1]) : 0;
    for (int i = 2; i < argc; i++)
        obey(argv[i], port);
    while (is_deaf)
        pause();
    serve(listen_on(port));
}
