/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/json_writer.h"
#include "harness/runner/report.h"

enum {
    STRING_BYTES = 4096
};

static void put_character(FILE *file, const char *text, size_t *length)
{
    const char *character = bk_report_character(text, length);
    fwrite(character, 1, character == text ? *length : strlen(character), file);
}

/* In a description a newline would end it, and a # would start a directive. */
static void put_description(FILE *file, const char *text)
{
    for (size_t length; *text != '\0'; text += length) {
        length = 1;
        if (*text == '\n')
            fputc(' ', file);
        else if (*text == '#' || *text == '\\')
            fprintf(file, "\\%c", *text);
        else
            put_character(file, text, &length);
    }
}

static void put_output(FILE *file, struct brisk_bytes output)
{
    const char *text = output.data;
    size_t length;
    for (size_t at = 0; at < output.length; at += length) {
        if (at == 0 || text[at - 1] == '\n')
            fputs("# ", file);
        put_character(file, text + at, &length);
    }
    if (output.length > 0 && text[output.length - 1] != '\n')
        fputc('\n', file);
}

/* YAML, of which a string in JSON is a part. */
static void put_details(FILE *file, const struct brisk_runner_result *result)
{
    char buffer[STRING_BYTES];
    struct bk_text text = {buffer, sizeof buffer, 0};
    struct bk_json json = {.text = &text};
    bk_json_string(&json, result->reason);
    if (text.length > sizeof buffer)
        text.length = 0;
    fprintf(
        file, "  ---\n  message: %.*s\n  duration_ms: %" PRIu64 ".%03" PRIu64 "\n  ...\n",
        (int)text.length, buffer, result->duration_ns / 1000000, result->duration_ns / 1000 % 1000);
}

static void put_result(FILE *file, size_t number, const struct brisk_runner_result *result)
{
    bool is_failure = bk_is_failure(result->outcome);
    fprintf(file, "%sok %zu - ", is_failure ? "not " : "", number);
    put_description(file, result->program);
    if (*result->test != '\0') {
        fputc(':', file);
        put_description(file, result->test);
    }
    if (result->outcome == BRISK_RUNNER_SKIPPED) {
        fputs(*result->reason == '\0' ? " # SKIP" : " # SKIP ", file);
        put_description(file, result->reason);
    }
    fputc('\n', file);
    if (is_failure) {
        put_details(file, result);
        put_output(file, result->output);
        put_output(file, result->logs);
    } else if (result->outcome == BRISK_RUNNER_PASSED && result->attempts > 1) {
        fprintf(file, "# passed at attempt %u\n", result->attempts);
    }
}

void bk_tap_write(FILE *file, const struct bk_report *report)
{
    struct brisk_runner_summary summary = bk_report_count(report);
    fprintf(
        file, "TAP version 13\n1..%zu\n",
        summary.passed_count + summary.skipped_count + summary.failed_count);
    size_t number = 0;
    for (size_t i = 0; i < report->program_count; i++) {
        const struct bk_program *program = &report->programs[i];
        for (size_t j = 0; j < program->result_count; j++) {
            if (program->results[j].outcome == BRISK_RUNNER_NOT_RUN)
                continue;
            struct brisk_runner_result result = bk_program_show(program, &program->results[j]);
            put_result(file, ++number, &result);
        }
    }
    if (report->is_cut_short)
        fputs("Bail out! the run was stopped\n", file);
}
