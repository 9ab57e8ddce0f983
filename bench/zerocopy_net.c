/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/measure.h"
#include "bench/zerocopy_cases.h"

enum {
    HEADER_BYTES_MAX = 512,
    COPY_BYTES_MAX = 256 << 10
};

struct net;
typedef void send_message_fn(struct net *net);

struct side {
    send_message_fn *send;
    double ns[MEASURE_MAX_ROUNDS];    /* per message */
    double cpu_s[MEASURE_MAX_ROUNDS]; /* per round */
};

enum {
    BRISK,
    BRISK_IGNORING, /* the same with is_sigpipe_ignored */
    BY_HAND,
    SIDES
};

struct net {
    const struct net_plan *plan;
    struct peer_process peer;
    int file;
    struct brisk_chain *chain;
    struct brisk_send_options options;
    struct brisk_view header;
    uint8_t header_bytes[HEADER_BYTES_MAX];
    uint8_t *buffer;
    struct side sides[SIDES];
};

static void send_all(int fd, const uint8_t *data, size_t length, int flags)
{
    for (size_t done = 0; done < length;) {
        ssize_t count = send(fd, data + done, length - done, MSG_NOSIGNAL | flags);
        if (count <= 0)
            bench_fail("send failed");
        done += (size_t)count;
    }
}

static void send_header(struct net *net)
{
    if (net->plan->header_bytes > 0)
        send_all(net->peer.fd, net->header_bytes, net->plan->header_bytes, MSG_MORE);
}

static void by_sendfile(struct net *net)
{
    off_t offset = 0;
    size_t length = net->plan->file_bytes;
    send_header(net);
    while ((size_t)offset < length)
        if (sendfile(net->peer.fd, net->file, &offset, length - (size_t)offset) <= 0)
            bench_fail("sendfile failed");
}

static void by_copy(struct net *net, size_t block)
{
    size_t length = net->plan->file_bytes;
    send_header(net);
    for (size_t offset = 0; offset < length;) {
        ssize_t count = pread(net->file, net->buffer, block, (off_t)offset);
        if (count <= 0)
            bench_fail("pread failed");
        send_all(net->peer.fd, net->buffer, (size_t)count, 0);
        offset += (size_t)count;
    }
}

static void by_copy_64k(struct net *net)
{
    by_copy(net, 64 << 10);
}

static void by_copy_256k(struct net *net)
{
    by_copy(net, 256 << 10);
}

static void by_brisk_file(struct net *net)
{
    struct brisk_file_message message = brisk_file_message_whole(net->file);
    struct brisk_error error;
    message.length = net->plan->file_bytes;
    if (brisk_send_file(net->peer.fd, &message, &net->options, NULL, &error) != BRISK_OK)
        bench_fail("%s", error.message);
}

static void by_brisk_chain(struct net *net)
{
    struct brisk_error error;
    if (brisk_chain_append(net->chain, &net->header) != BRISK_OK ||
        brisk_chain_append_file(net->chain, net->file, 0, net->plan->file_bytes, BRISK_FD_BORROW) !=
            BRISK_OK)
        bench_fail("cannot fill a chain");
    if (brisk_send(net->peer.fd, net->chain, &net->options, NULL, &error) != BRISK_OK)
        bench_fail("%s", error.message);
}

static void by_brisk(struct net *net)
{
    net->options.is_sigpipe_ignored = false;
    if (net->plan->header_bytes > 0)
        by_brisk_chain(net);
    else
        by_brisk_file(net);
}

static void by_brisk_ignoring(struct net *net)
{
    net->options.is_sigpipe_ignored = true;
    by_brisk_chain(net);
}

static void run_side(struct net *net, struct side *side, size_t files, size_t round)
{
    const struct net_plan *plan = net->plan;
    bool is_answered = plan->header_bytes > 0;
    uint64_t length = plan->header_bytes + plan->file_bytes;
    double cpu_s = zerocopy_cpu_s();
    uint64_t begin_ns = measure_now_ns();
    if (is_answered)
        peer_process_expect(&net->peer, files, length);
    else
        peer_process_expect(&net->peer, 1, files * length);
    for (size_t i = 0; i < files; i++) {
        side->send(net);
        if (is_answered)
            peer_process_wait(&net->peer);
    }
    if (!is_answered)
        peer_process_wait(&net->peer);
    side->ns[round] = (double)(measure_now_ns() - begin_ns) / (double)files;
    side->cpu_s[round] = zerocopy_cpu_s() - cpu_s;
}

static void open_net(struct net *net, const struct net_plan *plan)
{
    static send_message_fn *const by_hand[] = {
        [AGAINST_SENDFILE] = by_sendfile,
        [AGAINST_COPY_64K] = by_copy_64k,
        [AGAINST_COPY_256K] = by_copy_256k};
    *net = (struct net){.plan = plan, .options = brisk_send_options_default()};
    net->options.mechanism = plan->mechanism;
    net->file = zerocopy_file(plan->file_bytes);
    net->peer = peer_process_start(plan->peer);
    net->chain = brisk_chain_new();
    net->buffer = malloc(COPY_BYTES_MAX);
    if (net->chain == NULL || net->buffer == NULL)
        bench_fail("no memory");
    memset(net->buffer, 1, COPY_BYTES_MAX);
    memset(net->header_bytes, 'h', sizeof net->header_bytes);
    net->header = brisk_view_borrow(brisk_bytes_of(net->header_bytes, plan->header_bytes));
    net->sides[BRISK].send = by_brisk;
    net->sides[BY_HAND].send = by_hand[plan->against];
    if (plan->header_bytes > 0)
        net->sides[BRISK_IGNORING].send = by_brisk_ignoring;
}

static void close_net(struct net *net)
{
    peer_process_end(&net->peer);
    brisk_chain_free(net->chain);
    free(net->buffer);
    close(net->file);
}

/* The baseline's value is such that the ratio is the median of the rounds' ratios. */
static void
report_pair(struct bench *bench, struct bench_row row, const double *values, const double *by_hand)
{
    double ratio = measure_median_ratio(values, by_hand, row.rounds);
    row.value = measure_median(values, row.rounds);
    row.baseline = "by hand";
    row.baseline_value = row.value / ratio;
    bench_report(bench, &row);
}

/* In place: from ns per message to what is reported. */
static void convert(struct net *net, size_t rounds)
{
    const struct net_plan *plan = net->plan;
    for (size_t i = 0; i < SIDES; i++)
        for (size_t round = 0; round < rounds; round++) {
            double *ns = &net->sides[i].ns[round];
            *ns = plan->header_bytes > 0 ? *ns / 1000 : (double)plan->file_bytes / *ns;
        }
}

static void report_speed(struct bench *bench, struct net *net, size_t rounds)
{
    bool is_answered = net->plan->header_bytes > 0;
    struct bench_row row = {
        .unit = is_answered ? "us/message" : "GB/s",
        .goal = net->plan->goal,
        .sense = is_answered ? BENCH_AT_MOST : BENCH_AT_LEAST,
        .rounds = rounds};
    convert(net, rounds);
    report_pair(bench, row, net->sides[BRISK].ns, net->sides[BY_HAND].ns);
    row.suffix = "-ignored";
    row.goal = 0;
    if (is_answered)
        report_pair(bench, row, net->sides[BRISK_IGNORING].ns, net->sides[BY_HAND].ns);
}

static void report_cpu(struct bench *bench, const struct net *net, size_t files, size_t rounds)
{
    const struct net_plan *plan = net->plan;
    double gigabytes = (double)(plan->file_bytes + plan->header_bytes) * (double)files / 1e9;
    double cpu_s[2][MEASURE_MAX_ROUNDS];
    for (size_t round = 0; round < rounds; round++) {
        cpu_s[0][round] = net->sides[BRISK].cpu_s[round] / gigabytes;
        cpu_s[1][round] = net->sides[BY_HAND].cpu_s[round] / gigabytes;
    }
    struct bench_row row = {
        .suffix = "-cpu", .unit = "CPU s/GB", .goal = plan->cpu_goal, .rounds = rounds};
    report_pair(bench, row, cpu_s[0], cpu_s[1]);
    if (plan->cpu_seconds_goal == 0)
        return;
    row.suffix = "-cpu-absolute";
    row.value = measure_median(cpu_s[0], rounds);
    row.goal = plan->cpu_seconds_goal;
    bench_report(bench, &row);
}

void case_net(struct bench *bench, const void *argument)
{
    const struct net_plan *plan = argument;
    size_t rounds = bench_rounds(bench, plan->rounds);
    size_t files = plan->files < 10 ? plan->files : bench_scaled(bench, plan->files);
    struct net net;

    open_net(&net, plan);
    for (size_t round = 0; round <= rounds; round++) /* the first one warms up */
        for (size_t i = 0; i < SIDES; i++) {
            struct side *side = &net.sides[round % 2 == 0 ? i : SIDES - 1 - i];
            if (side->send != NULL)
                run_side(&net, side, files, round == 0 ? 0 : round - 1);
        }
    report_speed(bench, &net, rounds);
    report_cpu(bench, &net, files, rounds);
    close_net(&net);
}
