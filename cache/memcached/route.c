/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cache/memcached/client.h"
#include "cache/memcached/clock.h"

static void answer_all(struct bk_mc_request **requests, size_t count, enum brisk_status status)
{
    for (size_t i = 0; i < count; i++)
        requests[i]->status = status;
}

static void count_status(struct bk_mc_counters *counters, enum brisk_status status)
{
    switch (status) {
    case BRISK_OK:
    case BRISK_MISS:
        break;
    case BRISK_CONFLICT:
    case BRISK_NOT_STORED:
        bk_mc_count(&counters->conflicts, 1);
        break;
    case BRISK_ERR_TIMEOUT:
        bk_mc_count(&counters->timeouts, 1);
        break;
    case BRISK_ERR_UNREACHABLE:
        bk_mc_count(&counters->unreachable, 1);
        break;
    case BRISK_ERR_UNKNOWN_OUTCOME:
        bk_mc_count(&counters->unknown_outcomes, 1);
        break;
    case BRISK_ERR_CORRUPT:
        bk_mc_count(&counters->corrupt, 1);
        break;
    default:
        bk_mc_count(&counters->other_errors, 1);
    }
}

static void count_request(struct bk_mc_counters *counters, const struct bk_mc_request *request)
{
    count_status(counters, request->status);
    if (request->verb != BK_MC_GET) {
        bk_mc_count(&counters->writes, request->verb != BK_MC_STATS);
        bk_mc_count(&counters->written_bytes, request->value.length);
        return;
    }
    bk_mc_count(&counters->reads, 1);
    if (request->status == BRISK_MISS)
        bk_mc_count(&counters->misses, 1);
    else if (request->status == BRISK_OK || request->status == BRISK_ERR_SHORT_BUFFER)
        bk_mc_count(&counters->hits, 1);
}

/* Moves those that may be run again to the front; how many they are. */
static size_t gather_repeats(struct bk_mc_request **requests, size_t count)
{
    size_t repeats = 0;
    for (size_t i = 0; i < count; i++) {
        if (!requests[i]->can_repeat)
            continue;
        struct bk_mc_request *one = requests[i];
        requests[i] = requests[repeats];
        requests[repeats++] = one;
        one->can_repeat = false;
    }
    return repeats;
}

static void send(
    struct brisk_memcached *client, struct bk_mc_server *server, struct bk_mc_line *line,
    struct bk_mc_request **requests, size_t count, uint64_t deadline_ns)
{
    enum bk_mc_verdict verdict = client->ops->run(line->transport, requests, count, deadline_ns);
    if (verdict == BK_MC_FAILED) {
        size_t repeats = gather_repeats(requests, count);
        bk_mc_count(&server->counters.retries, repeats);
        if (repeats > 0)
            verdict = client->ops->run(line->transport, requests, repeats, deadline_ns);
    }
    if (bk_breaker_report(&line->breaker, verdict, bk_mc_now_ns()))
        bk_mc_count(&server->counters.breaker_opened, 1);
}

void bk_mc_route(
    struct brisk_memcached *client, struct bk_mc_server *server, struct bk_mc_request **requests,
    size_t count, uint64_t deadline_ns)
{
    uint64_t began_ns = bk_mc_now_ns();
    struct bk_mc_process *process = bk_mc_process_of(client);
    struct bk_mc_line *line = process == NULL ? NULL : &process->lines[server - client->servers];
    if (line == NULL) {
        answer_all(requests, count, BRISK_ERR_NOMEM);
    } else if (!bk_breaker_allows(&line->breaker, began_ns)) {
        bk_mc_count(&server->counters.breaker_rejected, count);
        answer_all(requests, count, BRISK_ERR_UNREACHABLE);
    } else {
        send(client, server, line, requests, count, deadline_ns);
        bk_latency_add(&server->counters.latency, bk_mc_now_ns() - began_ns);
    }
    for (size_t i = 0; i < count; i++)
        count_request(&server->counters, requests[i]);
}

enum brisk_status bk_mc_explain(
    const struct bk_mc_server *server, const struct bk_mc_request *request, uint32_t timeout_ms,
    struct brisk_error *error)
{
    enum brisk_status status = request->status;
    switch (status) {
    case BRISK_ERR_TIMEOUT:
        return bk_error_set(
            error, status, 0, "memcached at %.100s did not answer within %u ms", server->name,
            timeout_ms);
    case BRISK_ERR_UNREACHABLE:
        return bk_error_set(
            error, status, 0, "memcached at %.100s cannot be reached; is it running?",
            server->name);
    case BRISK_ERR_UNKNOWN_OUTCOME:
        return bk_error_set(
            error, status, 0,
            "memcached at %.100s got the write and gave no answer within %u ms; it may have "
            "happened",
            server->name, timeout_ms);
    case BRISK_ERR_CORRUPT:
        return bk_error_set(
            error, status, 0, "what came from %.100s is no answer; is it a memcached?",
            server->name);
    case BRISK_ERR_TOO_BIG:
        return bk_error_set(
            error, status, 0, "memcached at %.100s takes no value of %zu bytes; see its option -I",
            server->name, request->value.length);
    case BRISK_ERR_INVALID:
        return bk_error_set(
            error, status, 0, "the value at %.100s is no decimal number", server->name);
    default:
        if (status < 0)
            bk_error_set(
                error, status, 0, "memcached at %.100s: %s", server->name,
                brisk_status_text(status));
        return status;
    }
}
