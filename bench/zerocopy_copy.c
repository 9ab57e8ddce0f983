/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure.h"
#include "bench/zerocopy_cases.h"

extern char **environ;

enum {
    COPIED_BYTES = 100 << 20,
    ROUNDS = 9
};

/* Two files with names, in the folder for temporary files. */
struct copies {
    char from[64];
    char to[64];
    size_t length;
    double ns[2][ROUNDS];
};

static void name_file(char *name, size_t size)
{
    const char *folder = getenv("TMPDIR");
    snprintf(name, size, "%.40s/bench-XXXXXX", folder == NULL ? "/var/tmp" : folder);
    int fd = mkstemp(name);
    if (fd < 0)
        bench_fail("cannot make %s", name);
    close(fd);
}

static void by_cp(const struct copies *copies)
{
    char from[64], to[64], cp[] = "cp";
    char *arguments[] = {cp, from, to, NULL};
    pid_t pid;
    int status;
    snprintf(from, sizeof from, "%s", copies->from);
    snprintf(to, sizeof to, "%s", copies->to);
    if (posix_spawnp(&pid, "cp", NULL, NULL, arguments, environ) != 0 ||
        waitpid(pid, &status, 0) != pid || status != 0)
        bench_fail("cp failed");
}

static void by_hand(const struct copies *copies)
{
    int in = open(copies->from, O_RDONLY | O_CLOEXEC);
    int out = open(copies->to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    for (size_t done = 0; done < copies->length;) {
        ssize_t count = copy_file_range(in, NULL, out, NULL, copies->length - done, 0);
        if (count <= 0)
            bench_fail("copy_file_range failed");
        done += (size_t)count;
    }
    close(in);
    close(out);
}

static void by_brisk(const struct copies *copies)
{
    struct brisk_error error;
    struct brisk_file_copy copy = {
        .in = open(copies->from, O_RDONLY | O_CLOEXEC),
        .out = open(copies->to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600),
        .length = BRISK_TO_END};
    if (brisk_copy_file(&copy, NULL, NULL, &error) != BRISK_OK)
        bench_fail("%s", error.message);
    close(copy.in);
    close(copy.out);
}

static void time_side(
    struct copies *copies, size_t side, size_t round, void (*copy)(const struct copies *copies))
{
    unlink(copies->to); /* a file that is cut to nothing would be written to the disk at once */
    uint64_t begin_ns = measure_now_ns();
    copy(copies);
    copies->ns[side][round] = (double)(measure_now_ns() - begin_ns);
}

static void open_copies(struct bench *bench, struct copies *copies)
{
    struct brisk_error error;
    copies->length = bench_scaled(bench, COPIED_BYTES);
    name_file(copies->from, sizeof copies->from);
    name_file(copies->to, sizeof copies->to);
    struct brisk_file_copy copy = {
        .in = zerocopy_file(copies->length),
        .out = open(copies->from, O_WRONLY | O_CLOEXEC),
        .length = BRISK_TO_END};
    if (brisk_copy_file(&copy, NULL, NULL, &error) != BRISK_OK)
        bench_fail("%s", error.message);
    close(copy.in);
    close(copy.out);
}

static void
run(struct bench *bench, const char *baseline, double goal,
    void (*against)(const struct copies *copies))
{
    static struct copies copies;
    size_t rounds = bench_rounds(bench, ROUNDS);
    measure_pin(0);
    open_copies(bench, &copies);
    time_side(&copies, 0, 0, by_brisk); /* warms up */
    for (size_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < 2; i++) {
            size_t side = round % 2 == 0 ? i : 1 - i;
            time_side(&copies, side, round, side == 0 ? by_brisk : against);
        }
    unlink(copies.from);
    unlink(copies.to);
    double rate = (double)copies.length / measure_median(copies.ns[0], rounds);
    bench_report(
        bench,
        &(struct bench_row){
            .value = rate,
            .unit = "GB/s",
            .baseline = baseline,
            .baseline_value = rate * measure_median_ratio(copies.ns[0], copies.ns[1], rounds),
            .goal = goal,
            .sense = BENCH_AT_LEAST,
            .rounds = rounds});
}

void case_copy_cp(struct bench *bench, const void *argument)
{
    (void)argument;
    run(bench, "cp", 1.0, by_cp);
}

void case_copy_range(struct bench *bench, const void *argument)
{
    (void)argument;
    run(bench, "by hand", 0.97, by_hand);
}
