/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/runner/report.h"

#include "base/text.h"

static void count(struct brisk_runner_summary *summary, const struct bk_result *result)
{
    if (result->outcome == BRISK_RUNNER_NOT_RUN)
        return;
    if (bk_is_failure(result->outcome))
        summary->failed_count++;
    else if (result->outcome == BRISK_RUNNER_SKIPPED)
        summary->skipped_count++;
    else {
        summary->passed_count++;
        summary->unreliable_count += result->attempts > 1;
    }
}

struct brisk_runner_summary bk_report_count(const struct bk_report *report)
{
    struct brisk_runner_summary summary = {0};
    for (size_t i = 0; i < report->program_count; i++)
        for (size_t j = 0; j < report->programs[i].result_count; j++)
            count(&summary, &report->programs[i].results[j]);
    return summary;
}

const char *bk_report_character(const char *text, size_t *length)
{
    unsigned char first = (unsigned char)*text;
    *length = bk_utf8_length(text);
    bool is_control = (first < 0x20 && first != '\t' && first != '\n') || first == 0x7f;
    /* U+FFFE and U+FFFF are UTF-8, but in no XML file. */
    bool is_no_character = *length == 3 && strncmp(text, "\xef\xbf", 2) == 0 &&
                           (unsigned char)text[2] >= 0xbe;
    if (*length != 0 && !is_control && !is_no_character)
        return text;
    if (*length == 0)
        *length = 1;
    return BK_UTF8_REPLACEMENT;
}
