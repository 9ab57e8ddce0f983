/* SPDX-License-Identifier: Apache-2.0 */
/* A service that is down for a while: what the waits before each attempt are. Nothing really waits.
 */
#include <stdio.h>

#include <brisk/brisk.h>

static uint64_t now_ms;

static uint64_t read_clock(void *ctx)
{
    (void)ctx;
    return now_ms;
}

static void wait_a_while(uint64_t ms, void *ctx)
{
    (void)ctx;
    printf(" %llu.%llu", (unsigned long long)(ms / 1000), (unsigned long long)(ms / 100 % 10));
    now_ms += ms;
}

/* In place of a service: not there until `*back_at_ms`, and then without a result once. */
static enum brisk_status ask_service(unsigned int attempt, void *back_at_ms)
{
    (void)attempt;
    if (now_ms < *(const uint64_t *)back_at_ms)
        return BRISK_ERR_UNREACHABLE;
    return now_ms < *(const uint64_t *)back_at_ms + 5000 ? BRISK_MISS : BRISK_OK;
}

static int try_it(const char *what, struct brisk_retry_options *options, uint64_t back_at_ms)
{
    struct brisk_error error;
    options->clock = read_clock;
    options->sleep = wait_a_while;
    options->statuses = BRISK_RETRY_ON(BRISK_ERR_UNREACHABLE) | BRISK_RETRY_ON(BRISK_MISS);
    now_ms = 0;
    printf("%s:", what);
    enum brisk_status status = brisk_retry_run(options, ask_service, &back_at_ms, &error);
    printf(" s, %s\n", brisk_status_text(status));
    return status == BRISK_ERR_INVALID;
}

int main(void)
{
    int failed = 0;
    struct brisk_retry_options fixed = brisk_retry_options_default();
    fixed.fixed_ms = 2000;
    fixed.max_attempts = 4;
    failed += try_it("fixed, 4 attempts", &fixed, 60000);

    struct brisk_retry_options exponential = brisk_retry_options_default();
    exponential.exponential_ms = 1000;
    exponential.exponential_max_ms = 30000;
    exponential.max_attempts = 8;
    failed += try_it("exponential", &exponential, 50000);

    struct brisk_retry_options random = brisk_retry_options_default();
    random.fixed_ms = 10000;
    random.random_ms = 3000;
    random.stop_after_ms = 60000;
    random.random_seed = 1;
    failed += try_it("fixed and random, for a minute", &random, 90000);

    if (failed > 0 || fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "retry: cannot write to the standard output\n");
        return 1;
    }
    return 0;
}
