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
    EXIT_SIGNALLED = 128 /* and the number of the signal */
};

enum {
    MOST_THREADS = 256,
    MOST_SECONDS = 3600,
    LOG_LINES = 1000000,
    /* A cache that holds everything would show nothing of what it evicts. */
    CACHE_PERCENT = 20,
    CACHE_MIN_BYTES = 8 << 10,
};

struct settings {
    unsigned int threads;
    size_t files;
    double seconds;
    double cache_percent;
    bool is_json;
    const char *log_path;
    char *const *folders;
};

static atomic_bool has_stopped;
static atomic_int stop_signal;

static sigset_t signals_to_catch(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

/* The first signal ends the run with what there is so far, the second one at once. */
static void *wait_for_signal(void *ctx)
{
    (void)ctx;
    sigset_t signals = signals_to_catch();
    int number;
    if (sigwait(&signals, &number) != 0)
        return NULL;
    atomic_store(&stop_signal, number);
    atomic_store(&has_stopped, true);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    for (;;)
        pause();
}

/* Before other threads start: they inherit that these signals are for the one that waits. */
static bool catch_signals(void)
{
    sigset_t signals = signals_to_catch();
    pthread_t thread;
    signal(SIGINT, SIG_DFL); /* a shell's background programs ignore it */
    signal(SIGTERM, SIG_DFL);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return pthread_create(&thread, NULL, wait_for_signal, NULL) == 0 && pthread_detach(thread) == 0;
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
        "  --seconds N    that each of the two runs takes; default: 8\n"
        "  --cache N      percent of all compressed files that the cache has room for;\n"
        "                 default: %d\n"
        "  --json         the result as one line of JSON\n"
        "  --log FILE     write \"key size\" of each request of the second run, up to %d\n"
        "  --help         show this\n"
        "\n"
        "  webcache --seconds 2 --threads 4 /usr/share/doc\n",
        ORIGIN_LEVEL, CACHE_PERCENT, LOG_LINES);
}

static int complain(const char *what, const char *hint)
{
    fprintf(stderr, "webcache: %s\nhint: %s\n", what, hint);
    return EXIT_USAGE;
}

static int fail(const char *what, const char *hint)
{
    complain(what, hint);
    return EXIT_FAILED;
}

static bool read_number(const char *text, double least, double most, double *out)
{
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    return errno == 0 && end != text && *end == '\0' && *out >= least && *out <= most;
}

static bool read_whole_number(const char *text, double least, double most, double *out)
{
    return read_number(text, least, most, out) && *out == (double)(long)*out;
}

/* 0: go on; else the program ends with that, or with 0 if it is -1. */
static int read_option(int option, struct settings *settings)
{
    double number;
    switch (option) {
    case 't':
        if (!read_whole_number(optarg, 1, MOST_THREADS, &number))
            return complain("--threads takes a whole number from 1 to 256", "webcache --threads 4");
        settings->threads = (unsigned int)number;
        return 0;
    case 'f':
        if (!read_whole_number(optarg, 1, ORIGIN_MOST_FILES, &number))
            return complain(
                "--files takes a whole number from 1 to 20000", "webcache --files 1000");
        settings->files = (size_t)number;
        return 0;
    case 's':
        if (!read_number(optarg, 0.01, MOST_SECONDS, &number))
            return complain("--seconds takes a number from 0.01 to 3600", "webcache --seconds 5");
        settings->seconds = number;
        return 0;
    case 'c':
        if (!read_number(optarg, 0.1, 1000, &number))
            return complain("--cache takes a number from 0.1 to 1000", "webcache --cache 20");
        settings->cache_percent = number;
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
        {"threads", required_argument, NULL, 't'}, {"seconds", required_argument, NULL, 's'},
        {"files", required_argument, NULL, 'f'},   {"cache", required_argument, NULL, 'c'},
        {"json", no_argument, NULL, 'j'},          {"log", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    *settings = (struct settings){
        .threads = 2, .files = 1000, .seconds = 8, .cache_percent = CACHE_PERCENT};
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

static struct brisk_cache *
new_cache(const struct settings *settings, const struct origin *origin, struct brisk_error *error)
{
    struct brisk_cache_options options = brisk_cache_options_default();
    options.name = "responses";
    options.max_bytes = (size_t)((double)origin->packed_bytes * settings->cache_percent / 100);
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
    return report->was_interrupted ? EXIT_SIGNALLED + atomic_load(&stop_signal) : EXIT_SUCCESS;
}

static int run_both(const struct settings *settings, struct report *report, struct traffic_log *log)
{
    static struct traffic_result without, with;
    struct brisk_error error;
    say(settings, "Without a cache");
    if (!traffic_run(report->traffic, NULL, NULL, &without))
        return fail("no memory or no threads", "webcache --threads 2");
    report->without = &without;
    if (!atomic_load(&has_stopped)) {
        report->cache = new_cache(settings, report->origin, &error);
        if (report->cache == NULL)
            return fail(error.message, "fewer files take less memory: webcache --files 100");
        say(settings, "With brisk");
        if (!traffic_run(report->traffic, report->cache, log, &with))
            return fail("no memory or no threads", "webcache --threads 2");
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
        return fail("no memory", "name a smaller folder, or fewer files: webcache --files 100");
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
    bool has_failed = ferror(log) != 0;
    if (fclose(log) != 0 || has_failed) {
        fprintf(stderr, "webcache: %s: the log is not complete\n", settings->log_path);
        if (status == EXIT_SUCCESS)
            status = fail("a write has failed", "is there room where the log is?");
    }
    return status;
}

/* The program's status, which is a failure if what was printed could not be written. */
static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    int failed = fail("cannot write to the standard output", "is there room, and a reader?");
    return status == EXIT_SUCCESS ? failed : status;
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
        return status < 0 ? finish(EXIT_SUCCESS) : status;

    struct origin origin;
    char message[512];
    if (!catch_signals())
        return fail("no threads", "is their limit reached? ulimit -u");
    if (!origin_open(&origin, settings.folders, settings.files, message, sizeof message))
        return complain(message, "name a folder with text files: webcache /usr/share/doc");
    if (!settings.is_json)
        print_origin(&origin);
    status = with_log(&settings, &origin);
    origin_close(&origin);
    return finish(status);
}
