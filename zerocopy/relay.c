/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/error.h"
#include "zerocopy/pump.h"

/* From `a` to `b` is the first direction. */
struct relay {
    struct bk_transfer transfers[2];
    struct bk_pump pumps[2];
    bool is_over[2]; /* its end has been passed on, or it has failed */
    enum brisk_status failure;
    struct brisk_send_options options;
    uint64_t told_bytes;
};

/* The end of a direction: its sink is told, and a sink that failed is not waited for. */
static void finish_direction(struct relay *relay, unsigned int way, enum brisk_status status)
{
    relay->is_over[way] = true;
    relay->transfers[way].stats.system_calls++;
    shutdown(relay->transfers[way].out, SHUT_WR); /* what is no socket has no half to close */
    if (status == BRISK_OK || relay->failure != BRISK_OK)
        return;
    relay->failure = status;
}

/* BRISK_AGAIN: it waits; else it is over or has moved something. */
static enum brisk_status step_direction(struct relay *relay, unsigned int way)
{
    if (relay->is_over[way])
        return BRISK_AGAIN;
    struct bk_pump *pump = &relay->pumps[way];
    enum brisk_status status = bk_pump_step(pump);
    if (status < 0 || (status == BRISK_OK && bk_pump_is_done(pump)))
        finish_direction(relay, way, status);
    return status == BRISK_AGAIN ? BRISK_AGAIN : BRISK_OK;
}

/* Until one of the descriptors is ready that a direction waits for. */
static enum brisk_status wait_for_either(struct relay *relay)
{
    struct pollfd entries[2];
    nfds_t count = 0;
    for (unsigned int way = 0; way < 2; way++)
        if (!relay->is_over[way])
            entries[count++] = (struct pollfd){
                .fd = relay->pumps[way].wait_fd, .events = relay->pumps[way].wait_events};
    return bk_transfer_poll(&relay->transfers[0], entries, count);
}

static enum brisk_status tell(struct relay *relay)
{
    const struct brisk_send_options *options = &relay->options;
    uint64_t bytes = relay->transfers[0].stats.bytes + relay->transfers[1].stats.bytes;
    if (options->progress == NULL || bytes - relay->told_bytes < options->progress_bytes)
        return BRISK_OK;
    relay->told_bytes = bytes;
    if (options->progress(bytes, options->progress_ctx))
        return BRISK_OK;
    return bk_error_set(
        relay->transfers[0].error, BRISK_ERR_CANCELLED, 0,
        "the progress callback stopped it after %llu bytes", (unsigned long long)bytes);
}

static enum brisk_status run(struct relay *relay)
{
    while (!relay->is_over[0] || !relay->is_over[1]) {
        enum brisk_status first = step_direction(relay, 0);
        enum brisk_status second = step_direction(relay, 1);
        enum brisk_status status = BRISK_OK;
        if (first == BRISK_AGAIN && second == BRISK_AGAIN)
            status = wait_for_either(relay);
        else
            status = bk_transfer_tell(&relay->transfers[0], false); /* the deadline */
        if (status == BRISK_OK)
            status = tell(relay);
        if (status != BRISK_OK)
            return status;
    }
    return relay->failure;
}

static enum brisk_status begin(
    struct relay *relay, int a, int b, const struct brisk_send_options *options,
    struct brisk_error *error)
{
    enum brisk_status status = bk_transfer_begin(&relay->transfers[0], b, options, error);
    if (status == BRISK_OK)
        status = bk_transfer_begin(&relay->transfers[1], a, options, error);
    if (status != BRISK_OK)
        return status;
    relay->options = relay->transfers[0].options;
    if (relay->options.is_nonblocking)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            "options.is_nonblocking is set, but a relay waits; run it in a thread of its own");
    for (unsigned int way = 0; way < 2; way++) {
        relay->transfers[way].options.progress = NULL; /* told of both together */
        bk_transfer_hold_sigpipe(&relay->transfers[way]);
    }
    status = bk_pump_begin(
        &relay->pumps[0], &relay->transfers[0], a, BRISK_OFFSET_CURRENT, BRISK_TO_END);
    if (status != BRISK_OK)
        return status;
    return bk_pump_begin(
        &relay->pumps[1], &relay->transfers[1], b, BRISK_OFFSET_CURRENT, BRISK_TO_END);
}

enum brisk_status brisk_relay(
    int a, int b, const struct brisk_send_options *options, struct brisk_send_stats *a_to_b,
    struct brisk_send_stats *b_to_a, struct brisk_error *error)
{
    struct relay relay = {.pumps = {{.pipe = {-1, -1}}, {.pipe = {-1, -1}}}};
    enum brisk_status status = begin(&relay, a, b, options, error);
    if (status == BRISK_OK)
        status = run(&relay);
    bk_pump_end(&relay.pumps[0]);
    bk_pump_end(&relay.pumps[1]);
    /* The first one blocked SIGPIPE, so it is the last to let go. */
    bk_transfer_end(&relay.transfers[1], status, b_to_a);
    return bk_transfer_end(&relay.transfers[0], status, a_to_b);
}
