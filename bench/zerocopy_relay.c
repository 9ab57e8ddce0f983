/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure.h"
#include "bench/zerocopy_cases.h"

enum {
    RELAYED_BYTES = 256 << 20,
    BLOCK_BYTES = 64 << 10,
    LARGE_BLOCK_BYTES = 1 << 20,
    ROUNDS = 7
};

enum {
    BRISK,
    BY_HAND,
    BY_HAND_LARGE,
    SIDES
};

struct relay {
    const struct relay_plan *plan;
    size_t length;
    double cpu_s[SIDES][ROUNDS];
    double ns[SIDES][ROUNDS];
};

/* A process that sends and one that receives, both on the CPU of the relay. */
static pid_t start_sender(int fd, int unused, size_t length)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(unused);
    uint8_t *block = malloc(BLOCK_BYTES);
    memset(block, 's', BLOCK_BYTES);
    for (size_t done = 0; done < length;) {
        ssize_t count = send(fd, block, BLOCK_BYTES, MSG_NOSIGNAL);
        if (count <= 0)
            _exit(1);
        done += (size_t)count;
    }
    shutdown(fd, SHUT_WR);
    char end;
    _exit(recv(fd, &end, 1, 0) == 0 ? 0 : 1);
}

static pid_t start_receiver(int fd, int unused, size_t length)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(unused);
    uint8_t *block = malloc(4 * BLOCK_BYTES);
    size_t done = 0;
    for (ssize_t count; (count = recv(fd, block, 4 * BLOCK_BYTES, 0)) > 0;)
        done += (size_t)count;
    close(fd);
    _exit(done >= length ? 0 : 1);
}

static void relay_by_hand(int from, int to, size_t block_bytes)
{
    uint8_t *block = malloc(block_bytes);
    for (ssize_t count; (count = recv(from, block, block_bytes, 0)) > 0;)
        for (ssize_t done = 0; done < count;) {
            ssize_t part = send(to, block + done, (size_t)(count - done), MSG_NOSIGNAL);
            if (part <= 0)
                bench_fail("send failed");
            done += part;
        }
    free(block);
    shutdown(to, SHUT_WR);
    char end;
    if (recv(to, &end, 1, 0) != 0)
        bench_fail("the receiver answered");
    shutdown(from, SHUT_WR);
}

static void relay_by_brisk(int from, int to)
{
    struct brisk_error error;
    fcntl(from, F_SETFL, O_NONBLOCK);
    fcntl(to, F_SETFL, O_NONBLOCK);
    if (brisk_relay(from, to, NULL, NULL, NULL, &error) != BRISK_OK)
        bench_fail("%s", error.message);
}

static void run_side(struct relay *relay, size_t side, size_t round)
{
    int in[2], out[2], status;
    peer_connect(PEER_TCP, relay->plan->segment_bytes, in);
    peer_connect(PEER_TCP, 0, out);
    pid_t receiver = start_receiver(out[1], out[0], relay->length);
    close(out[1]);
    pid_t sender = start_sender(in[0], in[1], relay->length);
    close(in[0]);

    double cpu_s = zerocopy_cpu_s();
    uint64_t begin_ns = measure_now_ns();
    if (side == BRISK)
        relay_by_brisk(in[1], out[0]);
    else
        relay_by_hand(in[1], out[0], side == BY_HAND ? BLOCK_BYTES : LARGE_BLOCK_BYTES);
    relay->ns[side][round] = (double)(measure_now_ns() - begin_ns);
    relay->cpu_s[side][round] = zerocopy_cpu_s() - cpu_s;
    close(in[1]);
    close(out[0]);
    if (waitpid(sender, &status, 0) != sender || status != 0 ||
        waitpid(receiver, &status, 0) != receiver || status != 0)
        bench_fail("not all of it went through");
}

void case_relay(struct bench *bench, const void *argument)
{
    static struct relay relay;
    size_t rounds = bench_rounds(bench, ROUNDS);
    relay.plan = argument;
    relay.length = bench_scaled(bench, RELAYED_BYTES);
    measure_pin(0);
    for (size_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < SIDES; i++)
            run_side(&relay, round % 2 == 0 ? i : SIDES - 1 - i, round);

    double gigabytes = (double)relay.length / 1e9;
    double cpu_s = measure_median(relay.cpu_s[BRISK], rounds) / gigabytes;
    bench_report(
        bench, &(struct bench_row){
                   .suffix = "-cpu",
                   .value = cpu_s,
                   .unit = "CPU s/GB",
                   .baseline = "64 KiB copied",
                   .baseline_value = cpu_s / measure_median_ratio(
                                                 relay.cpu_s[BRISK], relay.cpu_s[BY_HAND], rounds),
                   .goal = relay.plan->cpu_goal,
                   .rounds = rounds});
    double rate = (double)relay.length / measure_median(relay.ns[BRISK], rounds);
    bench_report(
        bench, &(struct bench_row){
                   .value = rate,
                   .unit = "GB/s",
                   .baseline = "1 MiB copied",
                   .baseline_value = rate * measure_median_ratio(
                                                relay.ns[BRISK], relay.ns[BY_HAND_LARGE], rounds),
                   .sense = BENCH_AT_LEAST,
                   .rounds = rounds});
}
