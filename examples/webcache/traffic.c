/* SPDX-License-Identifier: Apache-2.0 */
#include "examples/webcache/traffic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    SEED = 42,
    /* Every so manieth response is decompressed; a checksum is looked at in each. */
    FULL_CHECK_EVERY = 64,
};

struct client {
    const struct traffic *traffic;
    struct brisk_cache *cache;
    struct traffic_log *log;
    struct origin_worker *worker;
    uint64_t random;
    uint64_t deadline_ns;
    uint64_t requests, failures, wrong;
    struct latency latency;
    pthread_t thread;
};

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

bool traffic_init(struct traffic *traffic, const struct origin *origin)
{
    size_t count = origin->count;
    uint64_t random = SEED;
    *traffic = (struct traffic){.origin = origin};
    traffic->file_of_rank = malloc(count * sizeof *traffic->file_of_rank);
    traffic->cumulative = malloc(count * sizeof *traffic->cumulative);
    if (traffic->file_of_rank == NULL || traffic->cumulative == NULL) {
        traffic_free(traffic);
        return false;
    }
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += 1 / pow((double)i + 1, 0.99);
        traffic->cumulative[i] = sum;
        size_t other = next_random(&random) % (i + 1); /* a shuffle from inside out */
        if (other != i)
            traffic->file_of_rank[i] = traffic->file_of_rank[other];
        traffic->file_of_rank[other] = (uint32_t)i;
    }
    return true;
}

void traffic_free(struct traffic *traffic)
{
    free(traffic->file_of_rank);
    free(traffic->cumulative);
}

static const struct origin_file *choose_file(const struct traffic *traffic, uint64_t *random)
{
    size_t count = traffic->origin->count;
    double unit = (double)(next_random(random) >> 11) * 0x1p-53;
    double wanted = unit * traffic->cumulative[count - 1];
    size_t low = 0, high = count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (traffic->cumulative[middle] <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return &traffic->origin->files[traffic->file_of_rank[low]];
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What a loader is told beside the key. */
struct request {
    struct client *client;
    const struct origin_file *file;
};

static enum brisk_status load_response(
    struct brisk_bytes key, struct brisk_view *out, struct brisk_entry_options *entry, void *ctx)
{
    struct request *request = ctx;
    (void)key, (void)entry;
    return origin_serve(request->client->worker, request->file, out);
}

static enum brisk_status
get_response(struct client *client, const struct origin_file *file, struct brisk_view *out)
{
    if (client->cache == NULL)
        return origin_serve(client->worker, file, out);
    struct request request = {client, file};
    return brisk_cache_get_or_load(
        client->cache, brisk_bytes_text(file->path), out, load_response, &request);
}

/* The key may not have blanks in the log, so they are written as in a URL. */
static void write_log(struct traffic_log *log, const char *key, size_t size)
{
    pthread_mutex_lock(&log->lock);
    if (log->lines_left > 0) {
        log->lines_left--;
        for (; *key != '\0'; key++) {
            unsigned char byte = (unsigned char)*key;
            if (byte <= ' ' || byte == '%' || byte >= 0x7f)
                fprintf(log->file, "%%%02X", byte);
            else
                putc_unlocked(byte, log->file);
        }
        fprintf(log->file, " %zu\n", size);
    }
    pthread_mutex_unlock(&log->lock);
}

static void run_request(struct client *client)
{
    const struct origin_file *file = choose_file(client->traffic, &client->random);
    struct brisk_view response = {0};
    uint64_t began_ns = now_ns();
    enum brisk_status status = get_response(client, file, &response);
    latency_add(&client->latency, now_ns() - began_ns);

    bool fully = client->requests++ % FULL_CHECK_EVERY == 0;
    if (status < 0)
        client->failures++;
    else if (!origin_check(client->worker, file, &response, fully))
        client->wrong++;
    if (client->log != NULL)
        write_log(client->log, file->path, response.length);
    brisk_view_release(&response);
}

static void *run_client(void *ctx)
{
    struct client *client = ctx;
    do
        run_request(client);
    while (now_ns() < client->deadline_ns && !atomic_load(client->traffic->has_stopped));
    return NULL;
}

static uint64_t cpu_ns(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    uint64_t us = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
                  (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    return us * 1000;
}

static uint64_t rss_bytes(void)
{
    unsigned long long all, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu %llu", &all, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool start_client(struct client *client, unsigned int index)
{
    client->random = SEED + (uint64_t)index * 1000003;
    client->worker = origin_worker_new();
    if (client->worker == NULL)
        return false;
    if (pthread_create(&client->thread, NULL, run_client, client) == 0)
        return true;
    origin_worker_free(client->worker);
    return false;
}

static void join_client(struct client *client, struct traffic_result *result)
{
    pthread_join(client->thread, NULL);
    origin_worker_free(client->worker);
    result->requests += client->requests;
    result->failures += client->failures;
    result->wrong += client->wrong;
    latency_merge(&result->latency, &client->latency);
}

bool traffic_run(
    const struct traffic *traffic, struct brisk_cache *cache, struct traffic_log *log,
    struct traffic_result *result)
{
    uint64_t began_ns = now_ns(), began_cpu_ns = cpu_ns();
    struct client *clients = calloc(traffic->threads, sizeof *clients);
    *result = (struct traffic_result){0};
    if (clients == NULL)
        return false;
    unsigned int started = 0;
    for (; started < traffic->threads; started++) {
        clients[started].traffic = traffic;
        clients[started].cache = cache;
        clients[started].log = log;
        clients[started].deadline_ns = began_ns + (uint64_t)(traffic->seconds * 1e9);
        if (!start_client(&clients[started], started))
            break;
    }
    for (unsigned int i = 0; i < started; i++)
        join_client(&clients[i], result);
    result->seconds = (double)(now_ns() - began_ns) / 1e9;
    result->cpu_ns = cpu_ns() - began_cpu_ns;
    result->rss_bytes = rss_bytes();
    free(clients);
    return started == traffic->threads;
}
