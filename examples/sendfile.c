/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sendfile [OPTION]... FILE TO: sends a file to where TO says: `tcp:HOST:PORT`, `unix:PATH`,
 * `-` (the standard output) or the path of a pipe or file.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <brisk/brisk.h>

static const char usage[] =
    "usage: sendfile [OPTION]... FILE TO\n"
    "\n"
    "  TO is tcp:HOST:PORT, unix:PATH, - for the standard output, or a pipe's or file's path;\n"
    "  FILE may be - for the standard input.\n"
    "\n"
    "  --offset BYTES    from there on (default: 0)\n"
    "  --length BYTES    so many (default: to the end)\n"
    "  --timeout MS      for all of it (default: none)\n"
    "  --stable          send the file as it is now, whatever becomes of it\n"
    "  --mechanism NAME  copy, sendfile, splice or copy_range (default: the best that works)\n"
    "  --progress        say how far it is\n"
    "  --statistics      say at the end what was done\n";

struct arguments {
    struct brisk_file_message message;
    struct brisk_send_options options;
    int wants_progress;
    int wants_statistics;
    int is_stable;
    int wants_help;
};

static int read_number(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && text[0] != '-' && *out <= INT64_MAX)
        return 1;
    fprintf(stderr, "sendfile: '%s' is no number of 0 or more\n", text);
    return 0;
}

static int read_mechanism(const char *text, enum brisk_mechanism *out)
{
    for (int i = 0; i < BRISK_MECHANISMS; i++)
        if (i != BRISK_MECHANISM_MEMORY &&
            strcmp(text, brisk_mechanism_name((enum brisk_mechanism)i)) == 0) {
            *out = (enum brisk_mechanism)i;
            return 1;
        }
    fprintf(stderr, "sendfile: no mechanism is named '%s'\n", text);
    return 0;
}

static int read_option(struct arguments *arguments, int option)
{
    uint64_t number = 0;
    switch (option) {
    case 0:
        return 1;
    case 'o':
        if (!read_number(optarg, &number))
            return 0;
        arguments->message.offset = (int64_t)number;
        return 1;
    case 'l':
        return read_number(optarg, &arguments->message.length);
    case 't':
        return read_number(optarg, &arguments->options.timeout_ms);
    case 'm':
        return read_mechanism(optarg, &arguments->options.mechanism);
    default:
        return 0;
    }
}

static int read_arguments(struct arguments *arguments, int argc, char **argv)
{
    const struct option known[] = {
        {"offset", required_argument, NULL, 'o'},
        {"length", required_argument, NULL, 'l'},
        {"timeout", required_argument, NULL, 't'},
        {"mechanism", required_argument, NULL, 'm'},
        {"stable", no_argument, &arguments->is_stable, 1},
        {"progress", no_argument, &arguments->wants_progress, 1},
        {"statistics", no_argument, &arguments->wants_statistics, 1},
        {"help", no_argument, &arguments->wants_help, 1},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;)
        if (!read_option(arguments, option))
            return 0;
    arguments->options.is_stable = arguments->is_stable != 0;
    return arguments->wants_help || argc - optind == 2;
}

/* Into `host` and `port`, which `text` is cut to. */
static int connect_tcp(char *text)
{
    char *port = strrchr(text, ':');
    struct addrinfo hints, *found = NULL;
    int fd = -1;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    if (port == NULL) {
        errno = EINVAL;
        return -1;
    }
    *port = '\0';
    if (getaddrinfo(text, port + 1, &hints, &found) != 0) {
        errno = EHOSTUNREACH;
        return -1;
    }
    for (struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
            int number = errno;
            close(fd);
            errno = number;
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

static int connect_unix(const char *path)
{
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

/* A connection with a deadline must not block: brisk waits for it. */
static int set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return fd >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? fd : -1;
}

static int open_sink(char *to)
{
    if (strcmp(to, "-") == 0)
        return STDOUT_FILENO;
    if (strncmp(to, "tcp:", 4) == 0)
        return set_nonblocking(connect_tcp(to + 4));
    if (strncmp(to, "unix:", 5) == 0)
        return set_nonblocking(connect_unix(to + 5));
    return open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

static bool show(uint64_t sent_bytes, void *ctx)
{
    (void)ctx;
    fprintf(stderr, "\r%llu bytes", (unsigned long long)sent_bytes);
    return true;
}

static void show_statistics(const struct brisk_send_stats *stats)
{
    fprintf(
        stderr, "%llu bytes, %llu system calls, %llu fallbacks\n", (unsigned long long)stats->bytes,
        (unsigned long long)stats->system_calls, (unsigned long long)stats->fallbacks);
    for (int i = 0; i < BRISK_MECHANISMS; i++)
        if (stats->bytes_by[i] > 0)
            fprintf(
                stderr, "%s: %llu bytes\n", brisk_mechanism_name((enum brisk_mechanism)i),
                (unsigned long long)stats->bytes_by[i]);
}

static int open_source(struct arguments *arguments, const char *path)
{
    if (strcmp(path, "-") != 0)
        return open(path, O_RDONLY | O_CLOEXEC);
    if (lseek(STDIN_FILENO, 0, SEEK_CUR) < 0) /* a pipe, a socket or a terminal */
        arguments->message.offset = BRISK_OFFSET_CURRENT;
    return STDIN_FILENO;
}

static int send_it(struct arguments *arguments, int sink)
{
    struct brisk_send_stats stats = {.size = sizeof stats};
    struct brisk_error error;
    if (arguments->wants_progress)
        arguments->options.progress = show;
    enum brisk_status status = brisk_send_file(
        sink, &arguments->message, &arguments->options, &stats, &error);
    if (arguments->wants_progress)
        fputc('\n', stderr);
    if (arguments->wants_statistics)
        show_statistics(&stats);
    if (status != BRISK_OK)
        fprintf(stderr, "sendfile: %s\n", error.message);
    return status == BRISK_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {
        .message = {.length = BRISK_TO_END}, .options = brisk_send_options_default()};
    if (!read_arguments(&arguments, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    if (arguments.wants_help) {
        fputs(usage, stdout);
        return fflush(stdout) == 0 ? 0 : 1;
    }
    char *from = argv[optind], *to = argv[optind + 1];
    int source = open_source(&arguments, from);
    if (source < 0) {
        fprintf(stderr, "sendfile: cannot read %s: %s\n", from, strerror(errno));
        return 1;
    }
    int sink = open_sink(to);
    if (sink < 0) {
        fprintf(stderr, "sendfile: cannot reach %s: %s\n", to, strerror(errno));
        return 1;
    }
    arguments.message.fd = source;
    int status = send_it(&arguments, sink);
    close(source);
    if (close(sink) != 0 && status == 0) {
        fprintf(stderr, "sendfile: cannot write to %s: %s\n", to, strerror(errno));
        return 1;
    }
    return status;
}
