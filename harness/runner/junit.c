/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "harness/runner/report.h"

static const char *find_escape(char letter, bool is_attribute)
{
    switch (letter) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return is_attribute ? "&quot;" : NULL;
    case '\n':
        return is_attribute ? "&#10;" : NULL;
    case '\t':
        return is_attribute ? "&#9;" : NULL;
    default:
        return NULL;
    }
}

static void put_text(FILE *file, struct brisk_bytes bytes, bool is_attribute)
{
    const char *text = bytes.data;
    size_t length;
    for (size_t at = 0; at < bytes.length; at += length) {
        const char *escape = find_escape(text[at], is_attribute);
        const char *character = bk_report_character(text + at, &length);
        if (escape != NULL)
            fputs(escape, file);
        else
            fwrite(character, 1, character == text + at ? length : strlen(character), file);
    }
}

static void put_attribute(FILE *file, const char *name, const char *value)
{
    fprintf(file, " %s=\"", name);
    put_text(file, brisk_bytes_text(value), true);
    fputc('"', file);
}

static void put_time(FILE *file, uint64_t ns)
{
    fprintf(file, " time=\"%" PRIu64 ".%06" PRIu64 "\"", ns / 1000000000, ns / 1000 % 1000000);
}

static void put_counts(FILE *file, const struct bk_report *report)
{
    size_t tests = 0, failures = 0, errors = 0, skipped = 0;
    uint64_t ns = 0;
    for (size_t i = 0; i < report->program_count; i++) {
        for (size_t j = 0; j < report->programs[i].result_count; j++) {
            const struct bk_result *result = &report->programs[i].results[j];
            tests += result->outcome != BRISK_RUNNER_NOT_RUN;
            failures += result->outcome == BRISK_RUNNER_FAILED;
            errors += result->outcome > BRISK_RUNNER_FAILED;
            skipped += result->outcome == BRISK_RUNNER_SKIPPED;
            ns += result->duration_ns;
        }
    }
    fprintf(
        file, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"", tests, failures,
        errors, skipped);
    put_time(file, ns);
}

static void put_failure(FILE *file, const struct brisk_runner_result *result)
{
    static const char *const types[] = {
        [BRISK_RUNNER_FAILED] = "failed",
        [BRISK_RUNNER_CRASHED] = "crashed",
        [BRISK_RUNNER_TIMED_OUT] = "timed out",
    };
    const char *element = result->outcome == BRISK_RUNNER_FAILED ? "failure" : "error";
    fprintf(file, "      <%s", element);
    put_attribute(file, "type", types[result->outcome]);
    put_attribute(file, "message", result->reason);
    fputc('>', file);
    put_text(file, result->output, false);
    fprintf(file, "</%s>\n", element);
    if (result->logs.length == 0)
        return;
    fputs("      <system-err>", file);
    put_text(file, result->logs, false);
    fputs("</system-err>\n", file);
}

static void put_case(FILE *file, const struct brisk_runner_result *result)
{
    bool is_plain = result->outcome == BRISK_RUNNER_PASSED && result->attempts == 1;
    fputs("    <testcase", file);
    fputs(" classname=\"", file);
    put_text(file, brisk_bytes_text(result->program), true);
    if (*result->group != '\0') {
        fputc('.', file);
        put_text(file, brisk_bytes_text(result->group), true);
    }
    fputc('"', file);
    put_attribute(file, "name", *result->test != '\0' ? result->test : result->program);
    put_time(file, result->duration_ns);
    fputs(is_plain ? "/>\n" : ">\n", file);
    if (is_plain)
        return;
    if (bk_is_failure(result->outcome)) {
        put_failure(file, result);
    } else if (result->outcome == BRISK_RUNNER_SKIPPED) {
        fputs("      <skipped", file);
        put_attribute(file, "message", result->reason);
        fputs("/>\n", file);
    } else {
        fprintf(file, "      <system-out>passed at attempt %u</system-out>\n", result->attempts);
    }
    fputs("    </testcase>\n", file);
}

static void put_suite(FILE *file, const struct bk_program *program)
{
    struct bk_report alone = {program, 1, false};
    fputs("  <testsuite", file);
    put_attribute(file, "name", program->name);
    put_counts(file, &alone);
    fputs(">\n", file);
    for (size_t i = 0; i < program->result_count; i++) {
        struct brisk_runner_result result = bk_program_show(program, &program->results[i]);
        if (result.outcome != BRISK_RUNNER_NOT_RUN)
            put_case(file, &result);
    }
    fputs("  </testsuite>\n", file);
}

void bk_junit_write(FILE *file, const struct bk_report *report)
{
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"brisk test\"", file);
    put_counts(file, report);
    fputs(">\n", file);
    for (size_t i = 0; i < report->program_count; i++)
        put_suite(file, &report->programs[i]);
    fputs("</testsuites>\n", file);
}
