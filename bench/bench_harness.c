/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `brisk run X -- true` takes, against the bare floor of the same run: a shell that starts
 * the daemon, asks until it answers, runs true, kills the daemon and removes its folder. Both
 * run as the same unprivileged user, if this is started by root.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <brisk/fixture.h>

#include "bench/measure.h"
#include "bench/runner.h"

enum {
    ROUNDS = 15,
    MOST_ROUNDS = 64,
    NOBODY = 65534,
    MOST_PROCESSES = 128,
};

static char folder[64];

/* A user of no importance with a home and a place for fixtures of its own. */
static void become_ordinary(void)
{
    char path[128];
    snprintf(folder, sizeof folder, "%s/brisk-bench-XXXXXX", P_tmpdir);
    if (mkdtemp(folder) == NULL)
        bench_fail("%s: %s", folder, strerror(errno));
    if (geteuid() == 0) {
        gid_t group = NOBODY;
        if (chown(folder, NOBODY, NOBODY) != 0 || setgroups(0, NULL) != 0 ||
            setresgid(group, group, group) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0)
            bench_fail("to become nobody: %s", strerror(errno));
    }
    setenv("HOME", folder, 1);
    snprintf(path, sizeof path, "%s/cache", folder);
    setenv("BRISK_CACHE_DIR", path, 1);
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("BRISK_RUN_DIR");
    setenv("BRISK_EXEC_PATH", BENCH_COMMAND_FOLDER, 1);
    setenv("BRISK_FIXTURE_PATH", BENCH_FIXTURES, 1);
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0)
        fprintf(stderr, "%s is not removed\n", folder);
}

static void run_in_child(char *const *arguments, int output_fd)
{
    if (output_fd >= 0)
        dup2(output_fd, STDOUT_FILENO);
    execv(arguments[0], arguments);
    _exit(127);
}

/* The wall time of a command, which must succeed, in ms. */
static double time_command(char *const *arguments)
{
    int status;
    uint64_t start = measure_now_ns();
    pid_t child = fork();
    if (child == 0)
        run_in_child(arguments, -1);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        bench_fail("%s %s fails", arguments[0], arguments[1]);
    return (double)(measure_now_ns() - start) / 1e6;
}

/* What is run in turn: `brisk run FIXTURE... -- true` and a script for the floor. */
struct race {
    const char *fixtures[4];
    const char *program; /* the daemon's; where it is missing the case is absent */
    const char *floor;
    double goal;
};

/* Each script leaves nothing behind and fails if the daemon does not answer. */
#define CONNECT_LOOP                                                                               \
    "i=0; until (exec 3<>/dev/tcp/127.0.0.1/$p) 2>/dev/null; do i=$((i+1)); "                      \
    "[ $i -lt 20000 ] || exit 1; done; "
#define FREE_PORT "p=$((20000 + $$ % 20000)); "
#define FOLDER "d=$(mktemp -d -p /dev/shm); "
#define END "/bin/true; kill -KILL $!; wait $! 2>/dev/null; rm -r $d"

static const struct race memcached = {
    {"memcached"},
    "/usr/bin/memcached",
    FREE_PORT FOLDER "/usr/bin/memcached -l 127.0.0.1 -p $p -U 0 -m 64 & " CONNECT_LOOP END,
    1.25};

static const struct race redis = {
    {"redis"},
    "/usr/bin/redis-server",
    FREE_PORT FOLDER
    "/usr/bin/redis-server --bind 127.0.0.1 --port $p --save '' --appendonly no --dir $d "
    ">/dev/null & " CONNECT_LOOP END,
    1.2};

/* The template is made by the warm-up of either side. */
static const struct race postgresql = {
    {"postgresql"},
    "/usr/lib/postgresql/15/bin/postgres",
    FREE_PORT FOLDER
    "b=/usr/lib/postgresql/15/bin; t=$HOME/floor; "
    "[ -d $t ] || $b/initdb -N --wal-segsize=1 --locale=C.UTF-8 -E UTF8 -U postgres -A trust "
    "-D $t >/dev/null || exit 1; cp -a $t $d/data; "
    "$b/postgres -D $d/data -k $d -p $p -c listen_addresses=127.0.0.1 -c fsync=off "
    "-c synchronous_commit=off -c full_page_writes=off -c dynamic_shared_memory_type=mmap "
    "-c autovacuum=off -c shared_buffers=16MB -c max_wal_senders=0 -c wal_level=minimal "
    "2>/dev/null & "
    "until $b/pg_isready -q -h 127.0.0.1 -p $p; do :; done; "
    "/bin/true; kill -QUIT $!; wait $! 2>/dev/null; rm -r $d",
    0.9};

static const struct race mariadb = {
    {"mariadb"},
    "/usr/sbin/mariadbd",
    FREE_PORT FOLDER
    "t=$HOME/floor; s=--innodb-log-file-size=4M; "
    "[ -d $t ] || mariadb-install-db --no-defaults --datadir=$t $s --innodb-flush-method=nosync "
    "--auth-root-authentication-method=normal --skip-name-resolve >/dev/null || exit 1; "
    "cp -a $t $d/data; "
    "/usr/sbin/mariadbd --no-defaults --datadir=$d/data --socket=$d/s --pid-file=$d/pid "
    "--bind-address=127.0.0.1 --port=$p --tmpdir=$d --skip-name-resolve "
    "--innodb-flush-log-at-trx-commit=0 --innodb-flush-method=nosync --innodb-doublewrite=0 $s "
    "--innodb-buffer-pool-size=8M --innodb-fast-shutdown=2 --performance-schema=OFF "
    "2>/dev/null & " CONNECT_LOOP END,
    1.15};

static const struct race etcd = {
    {"etcd"},
    "/usr/bin/etcd",
    FREE_PORT FOLDER
    "u=http://127.0.0.1; q=$((p+1)); "
    "/usr/bin/etcd --data-dir $d/data --unsafe-no-fsync --log-level warn --heartbeat-interval 10 "
    "--election-timeout 50 --listen-client-urls $u:$p --advertise-client-urls $u:$p "
    "--listen-peer-urls $u:$q --initial-advertise-peer-urls $u:$q "
    "--initial-cluster default=$u:$q 2>/dev/null & " CONNECT_LOOP
    "until { exec 3<>/dev/tcp/127.0.0.1/$p; echo -e 'GET /health HTTP/1.0\r\n\r' >&3; "
    "grep -q true <&3; }; do :; done; " END,
    1.25};

static size_t make_command(const struct race *race, char **arguments)
{
    static char command[] = BENCH_COMMAND, run[] = "run", dashes[] = "--", truth[] = "/bin/true";
    static char names[4][32];
    size_t count = 0;
    arguments[count++] = command;
    arguments[count++] = run;
    for (size_t i = 0; i < 4 && race->fixtures[i] != NULL; i++) {
        snprintf(names[i], sizeof names[i], "%s", race->fixtures[i]);
        arguments[count++] = names[i];
    }
    arguments[count++] = dashes;
    arguments[count++] = truth;
    arguments[count] = NULL;
    return count;
}

static void case_run(struct bench *bench, const void *argument)
{
    const struct race *race = argument;
    static char shell[] = "/bin/bash", option[] = "-c", script[2048];
    char *ours[12], *floor[] = {shell, option, script, NULL};
    double ours_ms[MOST_ROUNDS], floor_ms[MOST_ROUNDS];
    size_t rounds = bench_rounds(bench, ROUNDS);
    if (access(race->program, X_OK) != 0) {
        bench_report_absent(bench, race->program);
        return;
    }
    become_ordinary();
    make_command(race, ours);
    snprintf(script, sizeof script, "%s", race->floor);
    time_command(ours);
    time_command(floor);
    for (size_t i = 0; i < rounds; i++) {
        floor_ms[i] = time_command(floor);
        ours_ms[i] = time_command(ours);
    }
    bench_report(
        bench, &(struct bench_row){
                   .value = measure_median(ours_ms, rounds),
                   .unit = "ms",
                   .baseline = "floor",
                   .baseline_value = measure_median(floor_ms, rounds),
                   .goal = race->goal,
                   .rounds = rounds});
    remove_folder();
}

/* A command without a fixture, less the same command alone. */
static void case_overhead(struct bench *bench, const void *argument)
{
    static char truth[] = "/bin/true", nothing[] = "";
    static const struct race none = {{NULL}, "", "", 0};
    char *ours[12], *alone[] = {truth, nothing, NULL};
    double ours_ms[MOST_ROUNDS], alone_ms[MOST_ROUNDS];
    size_t rounds = bench_rounds(bench, 3 * ROUNDS);
    (void)argument;
    become_ordinary();
    make_command(&none, ours);
    for (size_t i = 0; i < rounds; i++) {
        alone_ms[i] = time_command(alone);
        ours_ms[i] = time_command(ours);
    }
    bench_report(
        bench, &(struct bench_row){
                   .value = measure_median(ours_ms, rounds) - measure_median(alone_ms, rounds),
                   .unit = "ms more",
                   .goal = 1.5,
                   .rounds = rounds});
    remove_folder();
}

/* Several at once against the slowest of them alone. */
static void case_together(struct bench *bench, const void *argument)
{
    static const struct race all = {{"memcached", "redis", "postgresql", "mariadb"}, "", "", 0};
    char *together[12], *alone[12];
    double together_ms[MOST_ROUNDS], alone_ms[MOST_ROUNDS];
    size_t rounds = bench_rounds(bench, ROUNDS);
    (void)argument;
    if (access(redis.program, X_OK) != 0 || access(postgresql.program, X_OK) != 0 ||
        access(mariadb.program, X_OK) != 0) {
        bench_report_absent(bench, "not all of these daemons are installed");
        return;
    }
    become_ordinary();
    make_command(&all, together);
    time_command(together);
    for (size_t i = 0; i < rounds; i++) {
        make_command(&mariadb, alone);
        alone_ms[i] = time_command(alone);
        make_command(&all, together);
        together_ms[i] = time_command(together);
    }
    bench_report(
        bench, &(struct bench_row){
                   .value = measure_median(together_ms, rounds),
                   .unit = "ms",
                   .baseline = "mariadb alone",
                   .baseline_value = measure_median(alone_ms, rounds),
                   .goal = 1.15,
                   .rounds = rounds});
    remove_folder();
}

struct reset {
    const char *name;
    double goal_ms;
};

static const struct reset reset_memcached = {"memcached", 1}, reset_redis = {"redis", 1},
                          reset_postgresql = {"postgresql", 15};

/* In process. */
static void case_reset(struct bench *bench, const void *argument)
{
    const struct reset *reset = argument;
    struct brisk_error error;
    double ms[MOST_ROUNDS];
    size_t rounds = bench_rounds(bench, 2 * ROUNDS);
    become_ordinary();
    struct brisk_fixture *fixture = brisk_fixture_start(reset->name, NULL, &error);
    if (fixture == NULL) {
        bench_report_absent(bench, error.message);
        remove_folder();
        return;
    }
    for (size_t i = 0; i < rounds; i++) {
        uint64_t start = measure_now_ns();
        if (brisk_fixture_reset(fixture, &error) != BRISK_OK)
            bench_fail("%s", error.message);
        ms[i] = (double)(measure_now_ns() - start) / 1e6;
    }
    brisk_fixture_stop(fixture, NULL);
    bench_report(
        bench, &(struct bench_row){
                   .value = measure_median(ms, rounds),
                   .unit = "ms",
                   .goal = reset->goal_ms,
                   .rounds = rounds});
    remove_folder();
}

/* All processes of the run: brisk, its guard, the world, the daemon; found by descent. */
static size_t list_descendants(pid_t pid, pid_t *pids, size_t count)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[length > 0 ? length : 0] = '\0';
    char *end = text;
    for (long child; count < MOST_PROCESSES && (child = strtol(end, &end, 10)) > 0;) {
        pids[count++] = (pid_t)child;
        count = list_descendants((pid_t)child, pids, count);
    }
    return count;
}

/* One that has ended is nothing but a number until its new parent asks for it, soon or late. */
static bool is_alive(pid_t pid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[length > 0 ? length : 0] = '\0';
    const char *state = strrchr(text, ')');
    return state != NULL && strchr("ZX", state[2]) == NULL;
}

static bool any_alive(const pid_t *pids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_alive(pids[i]))
            return true;
    return false;
}

/* From kill -9 of brisk until all that it had started is gone, and the folder with it. */
static double time_disappearance(char *const *arguments)
{
    char directory[128] = "";
    int ends[2];
    if (pipe(ends) != 0)
        bench_fail("pipe: %s", strerror(errno));
    pid_t child = fork();
    if (child == 0)
        run_in_child(arguments, ends[1]);
    close(ends[1]);
    if (read(ends[0], directory, sizeof directory - 1) <= 1)
        bench_fail("the run does not start");
    directory[strcspn(directory, "\n")] = '\0';
    pid_t pids[MOST_PROCESSES];
    size_t count = list_descendants(child, pids, 0);
    uint64_t start = measure_now_ns();
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    while (any_alive(pids, count) || access(directory, F_OK) == 0)
        if (measure_now_ns() - start > UINT64_C(5000000000))
            bench_fail("something survives: see %s", directory);
    close(ends[0]);
    return (double)(measure_now_ns() - start) / 1e6;
}

static void case_killed(struct bench *bench, const void *argument)
{
    static char command[] = BENCH_COMMAND, run[] = "run", name[] = "redis", dashes[] = "--",
                shell[] = "/bin/sh", option[] = "-c",
                script[] = "echo $BRISK_REDIS_DIR; exec sleep 60";
    char *arguments[] = {command, run, name, dashes, shell, option, script, NULL};
    double ms[MOST_ROUNDS];
    size_t rounds = bench_rounds(bench, 2 * ROUNDS);
    (void)argument;
    if (access(redis.program, X_OK) != 0) {
        bench_report_absent(bench, redis.program);
        return;
    }
    become_ordinary();
    for (size_t i = 0; i < rounds; i++)
        ms[i] = time_disappearance(arguments);
    bench_report(
        bench,
        &(struct bench_row){
            .value = measure_median(ms, rounds), .unit = "ms", .goal = 10, .rounds = rounds});
    remove_folder();
}

/* A daemon that ends at once: from the call to the answer with its log. */
static void case_dead(struct bench *bench, const void *argument)
{
    struct brisk_error error;
    struct brisk_fixture_options options = brisk_fixture_options_default();
    double ms[MOST_ROUNDS];
    char path[128];
    size_t rounds = bench_rounds(bench, 2 * ROUNDS);
    (void)argument;
    become_ordinary();
    snprintf(path, sizeof path, "%s/dead.ini", folder);
    FILE *file = fopen(path, "we");
    if (file == NULL || fputs("[fixture]\nname = dead\nexec = /bin/false\n", file) < 0 ||
        fclose(file) != 0)
        bench_fail("%s: %s", path, strerror(errno));
    for (size_t i = 0; i < rounds; i++) {
        uint64_t start = measure_now_ns();
        if (brisk_fixture_start(path, &options, &error) != NULL ||
            error.status != BRISK_ERR_UNREACHABLE)
            bench_fail("a dead daemon: %s", error.message);
        ms[i] = (double)(measure_now_ns() - start) / 1e6;
    }
    bench_report(
        bench, &(struct bench_row){
                   .value = measure_median(ms, rounds), .unit = "ms", .goal = 5, .rounds = rounds});
    remove_folder();
}

static const struct bench_case cases[] = {
    {"overhead", "brisk run -- true, less true", case_overhead, NULL},
    {"run-memcached", "brisk run memcached -- true", case_run, &memcached},
    {"run-redis", "brisk run redis -- true", case_run, &redis},
    {"run-postgresql",
     "brisk run postgresql -- true, template made; the floor copies one with cp -a", case_run,
     &postgresql},
    {"run-mariadb", "brisk run mariadb -- true, template made", case_run, &mariadb},
    {"run-etcd", "brisk run etcd -- true", case_run, &etcd},
    {"run-four", "memcached, redis, postgresql and mariadb in one run", case_together, NULL},
    {"reset-memcached", "brisk_fixture_reset", case_reset, &reset_memcached},
    {"reset-redis", "brisk_fixture_reset", case_reset, &reset_redis},
    {"reset-postgresql", "brisk_fixture_reset", case_reset, &reset_postgresql},
    {"killed", "from kill -9 of brisk run redis until processes and folder are gone", case_killed,
     NULL},
    {"dead-daemon", "from the start of a daemon that ends at once to the answer", case_dead, NULL},
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, "bench_harness", cases, sizeof cases / sizeof cases[0]);
}
