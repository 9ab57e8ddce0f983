/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/test_output.h"

#include <string.h>

enum color {
    COLOR_RED = 31,
    COLOR_GREEN = 32,
    COLOR_YELLOW = 33,
};

static void put_colored(const struct test_output *output, enum color color, const char *text)
{
    if (cli_has_color(output->stream))
        fprintf(output->stream, "\033[%dm%s\033[0m", (int)color, text);
    else
        fputs(text, output->stream);
}

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

void test_output_progress(struct test_output *output, const struct brisk_runner_progress *progress)
{
    if (output->is_quiet || !cli_progress_is_due(&output->progress))
        return;
    const char *separator = *progress->test != '\0' ? ":" : "";
    cli_progress_show(
        &output->progress, "%zu of %zu tests, %zu failed, %.0f s; %zu running: %.30s%s%.50s",
        progress->finished_count, progress->known_count, progress->failed_count,
        seconds(progress->elapsed_ns), progress->running_count, progress->program, separator,
        progress->test);
}

static void put_name(const struct test_output *output, const struct brisk_runner_result *result)
{
    fputs(result->program, output->stream);
    if (*result->test != '\0')
        fprintf(output->stream, ":%s", result->test);
}

/* Indented, so that it is told from what brisk says. */
static void put_written(const struct test_output *output, struct brisk_bytes written)
{
    const char *text = written.data;
    for (size_t at = 0; at < written.length;) {
        const char *newline = memchr(text + at, '\n', written.length - at);
        size_t end = newline == NULL ? written.length : (size_t)(newline - text);
        fputs("    ", output->stream);
        fwrite(text + at, 1, end - at, output->stream);
        fputc('\n', output->stream);
        at = end + 1;
    }
}

static void put_head(
    const struct test_output *output, enum color color, const char *word,
    const struct brisk_runner_result *result)
{
    put_colored(output, color, word);
    fputc(' ', output->stream);
    put_name(output, result);
    fprintf(output->stream, " (%.3f s", seconds(result->duration_ns));
    if (result->attempts > 1)
        fprintf(output->stream, ", attempt %u", result->attempts);
    fputc(')', output->stream);
    if (*result->reason != '\0')
        fprintf(output->stream, ": %s", result->reason);
    fputc('\n', output->stream);
}

void test_output_result(struct test_output *output, const struct brisk_runner_result *result)
{
    bool is_passed = result->outcome == BRISK_RUNNER_PASSED;
    bool is_skipped = result->outcome == BRISK_RUNNER_SKIPPED;
    bool is_unreliable = is_passed && result->attempts > 1;
    if ((is_passed || is_skipped) && (output->is_quiet || !output->is_verbose) && !is_unreliable)
        return;
    if (is_unreliable && output->is_quiet)
        return;
    cli_progress_end(&output->progress);
    if (is_unreliable)
        put_head(output, COLOR_YELLOW, "unreliable", result);
    else if (is_passed)
        put_head(output, COLOR_GREEN, "passed    ", result);
    else if (is_skipped)
        put_head(output, COLOR_YELLOW, "skipped   ", result);
    else {
        put_head(output, COLOR_RED, "failed    ", result);
        put_written(output, result->output);
        put_written(output, result->logs);
    }
    fflush(output->stream);
}

void test_output_list(struct test_output *output, const struct brisk_runner_result *result)
{
    put_name(output, result);
    fputc('\n', output->stream);
}

void test_output_end(struct test_output *output, const struct brisk_runner_summary *summary)
{
    cli_progress_end(&output->progress);
    if (summary == NULL || output->is_quiet)
        return;
    fprintf(output->stream, "%zu passed", summary->passed_count);
    if (summary->unreliable_count > 0)
        fprintf(output->stream, " (%zu unreliable)", summary->unreliable_count);
    fprintf(
        output->stream, ", %zu failed, %zu skipped in %.1f s\n", summary->failed_count,
        summary->skipped_count, seconds(summary->duration_ns));
}
