/* SPDX-License-Identifier: Apache-2.0 */
/* What a cache does for a server whose answers are expensive to make; see --help. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "examples/webcache/report.h"

enum {
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_INTERRUPTED = 130
};

enum {
    MOST_THREADS = 256,
    MOST_SECONDS = 3600,
    LOG_LINES = 1000000,
    /* The cache may hold a tenth of what the files are, but is no toy. */
    CACHE_SHARE = 10,
    CACHE_MIN_BYTES = 16 << 20,
};

struct settings {
    unsigned int threads;
    size_t files;
    double seconds;
    bool is_json;
    const char *log_path;
    char *const *folders;
};

static atomic_bool has_stopped;

static void stop(int signal_number)
{
    (void)signal_number;
    atomic_store(&has_stopped, true);
}

/* The first signal ends the run with what there is so far, the second one at once. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void print_help(void)
{
    printf(
        "usage: webcache [OPTION]... [FOLDER]...\n"
        "\n"
        "Serves files from an origin that reads and compresses each one for each request\n"
        "(zstd, level %d), to threads that ask for popular files more often, first without\n"
        "and then with a brisk cache in front. Each response is checked.\n"
        "\n"
        "The files are the uncompressed ones of 1 KiB to 1 MiB below each FOLDER; default:\n"
        "/usr/share/doc /usr/include\n"
        "\n"
        "  --files N      that are served, evenly spread over those found; default: 1000\n"
        "  --threads N    that request at once; default: one per CPU, at least 2\n"
        "  --seconds N    that each of the two runs takes; default: 10\n"
        "  --json         the result as one line of JSON\n"
        "  --log FILE     write \"key size\" of each request of the second run, up to %d\n"
        "  --help         show this\n"
        "\n"
        "  webcache --seconds 2 --threads 4 /usr/share/doc\n",
        ORIGIN_LEVEL, LOG_LINES);
}

static int complain(const char *what, const char *hint)
{
    fprintf(stderr, "webcache: %s\nhint: %s\n", what, hint);
    return EXIT_USAGE;
}

static bool read_number(const char *text, double least, double most, double *out)
{
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    return errno == 0 && end != text && *end == '\0' && *out >= least && *out <= most;
}

/* 0: go on; else the program ends with that, or with 0 if it is -1. */
static int read_option(int option, struct settings *settings)
{
    double number;
    switch (option) {
    case 't':
        if (!read_number(optarg, 1, MOST_THREADS, &number))
            return complain("--threads takes a number from 1 to 256", "webcache --threads 4");
        settings->threads = (unsigned int)number;
        return 0;
    case 'f':
        if (!read_number(optarg, 1, ORIGIN_MOST_FILES, &number))
            return complain("--files takes a number from 1 to 20000", "webcache --files 1000");
        settings->files = (size_t)number;
        return 0;
    case 's':
        if (!read_number(optarg, 0.01, MOST_SECONDS, &number))
            return complain("--seconds takes a number from 0.01 to 3600", "webcache --seconds 5");
        settings->seconds = number;
        return 0;
    case 'j':
        settings->is_json = true;
        return 0;
    case 'l':
        settings->log_path = optarg;
        return 0;
    case 'h':
        print_help();
        return -1;
    default: /* getopt has said what is wrong */
        fprintf(stderr, "hint: webcache --help\n");
        return EXIT_USAGE;
    }
}

static int read_settings(int argc, char **argv, struct settings *settings)
{
    static char docs[] = "/usr/share/doc", headers[] = "/usr/include";
    static char *const default_folders[] = {docs, headers, NULL};
    static const struct option options[] = {
        {"threads", required_argument, NULL, 't'},
        {"seconds", required_argument, NULL, 's'},
        {"files", required_argument, NULL, 'f'},
        {"json", no_argument, NULL, 'j'},
        {"log", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    *settings = (struct settings){.threads = 2, .files = 1000, .seconds = 10};
    if (cpus > 2)
        settings->threads = (unsigned int)(cpus < MOST_THREADS ? cpus : MOST_THREADS);

    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        int status = read_option(option, settings);
        if (status != 0)
            return status;
    }
    settings->folders = optind < argc ? argv + optind : default_folders;
    return 0;
}

static struct brisk_cache *new_cache(const struct origin *origin, struct brisk_error *error)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.name = "responses";
    options.max_bytes = origin->bytes / CACHE_SHARE;
    if (options.max_bytes < CACHE_MIN_BYTES)
        options.max_bytes = CACHE_MIN_BYTES;
    return brisk_cache_new(&options, error);
}

static void say(const struct settings *settings, const char *what)
{
    if (!settings->is_json)
        fprintf(
            stderr, "%s: %g s with %u threads ...\n", what, settings->seconds, settings->threads);
}

static int judge(const struct report *report)
{
    uint64_t faults = report->without->failures + report->without->wrong;
    if (report->with != NULL)
        faults += report->with->failures + report->with->wrong;
    if (faults != 0) {
        fprintf(
            stderr,
            "webcache: %llu responses were missing or wrong\n"
            "hint: run it again if files changed meanwhile\n",
            (unsigned long long)faults);
        return EXIT_FAILED;
    }
    return report->was_interrupted ? EXIT_INTERRUPTED : EXIT_SUCCESS;
}

static int run_both(const struct settings *settings, struct report *report, struct traffic_log *log)
{
    static struct traffic_result without, with;
    struct brisk_error error;
    say(settings, "Without a cache");
    if (!traffic_run(report->traffic, NULL, NULL, &without))
        return complain("no memory or no threads", "webcache --threads 2");
    report->without = &without;
    if (!atomic_load(&has_stopped)) {
        report->cache = new_cache(report->origin, &error);
        if (report->cache == NULL) {
            fprintf(stderr, "webcache: %s\n", error.message);
            return EXIT_FAILED;
        }
        say(settings, "With brisk");
        if (!traffic_run(report->traffic, report->cache, log, &with))
            return complain("no memory or no threads", "webcache --threads 2");
        report->with = &with;
    }
    report->was_interrupted = atomic_load(&has_stopped);
    if (settings->is_json)
        report_print_json(report);
    else
        report_print_table(report);
    return judge(report);
}

static int run(const struct settings *settings, const struct origin *origin, FILE *log_file)
{
    struct traffic traffic;
    struct traffic_log log = {PTHREAD_MUTEX_INITIALIZER, log_file, LOG_LINES};
    if (!traffic_init(&traffic, origin))
        return complain("no memory", "name a smaller folder");
    traffic.threads = settings->threads;
    traffic.seconds = settings->seconds;
    traffic.has_stopped = &has_stopped;

    struct report report = {.origin = origin, .traffic = &traffic};
    int status = run_both(settings, &report, log_file != NULL ? &log : NULL);
    brisk_cache_free(report.cache);
    traffic_free(&traffic);
    return status;
}

static int with_log(const struct settings *settings, const struct origin *origin)
{
    if (settings->log_path == NULL)
        return run(settings, origin, NULL);
    FILE *log = fopen(settings->log_path, "we");
    if (log == NULL) {
        fprintf(stderr, "webcache: %s: %s\n", settings->log_path, strerror(errno));
        return complain("the log cannot be written", "--log with a path in a folder of yours");
    }
    int status = run(settings, origin, log);
    if (ferror(log) + fclose(log) != 0 && status == EXIT_SUCCESS) {
        fprintf(stderr, "webcache: %s: the log is not complete\n", settings->log_path);
        status = EXIT_FAILED;
    }
    return status;
}

static void print_origin(const struct origin *origin)
{
    printf(
        "Origin: %zu of %zu files, %.1f MB, compressed with zstd level %d at each request\n",
        origin->count, origin->found_count, (double)origin->bytes / 1e6, ORIGIN_LEVEL);
    if (origin->unreadable != 0)
        printf("%zu files or folders cannot be read and are left out\n", origin->unreadable);
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct settings settings;
    int status = read_settings(argc, argv, &settings);
    if (status != 0)
        return status < 0 ? EXIT_SUCCESS : status;

    struct origin origin;
    char message[512];
    catch_signals();
    if (!origin_open(&origin, settings.folders, settings.files, message, sizeof message))
        return complain(message, "name a folder with text files: webcache /usr/share/doc");
    if (!settings.is_json)
        print_origin(&origin);
    status = with_log(&settings, &origin);
    origin_close(&origin);
    return status;
}
