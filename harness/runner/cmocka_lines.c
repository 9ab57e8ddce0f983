/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/runner/cmocka_lines.h"

#include <string.h>

static const char run_mark[] = "[ RUN      ] ";
static const char group_mark[] = "[==========] ";
static const char error_mark[] = "[  ERROR   ] ";
static const char message_mark[] = "[  ERROR   ] --- ";
static const char place_mark[] = "[   LINE   ] --- ";
static const char fixture_mark[] = "Could not run test: ";
static const char failure_mark[] = "ERROR: "; /* of fail_msg, and of print_error in tests */

static const struct {
    const char *mark;
    enum bk_cmocka_event event;
} results[] = {
    {"[       OK ] ", BK_CMOCKA_TEST_PASSED},
    {"[  FAILED  ] ", BK_CMOCKA_TEST_FAILED},
    {"[  SKIPPED ] ", BK_CMOCKA_TEST_SKIPPED},
    {"[  ERROR   ] ", BK_CMOCKA_TEST_FAILED},
};

void bk_cmocka_lines_init(struct bk_cmocka_lines *lines, struct bk_cmocka_handler handler)
{
    lines->handler = handler;
    lines->is_running = false;
    lines->is_summary = false;
    lines->length = 0;
    lines->name[0] = '\0';
}

static void tell(struct bk_cmocka_lines *lines, enum bk_cmocka_event event, const char *name)
{
    lines->handler.event(event, name, lines->handler.ctx);
}

static void pass_text(struct bk_cmocka_lines *lines, size_t length, bool has_newline)
{
    lines->line[length] = '\n';
    if (length + has_newline > 0)
        lines->handler.text(lines->line, length + has_newline, lines->handler.ctx);
}

static const char *after(const char *line, const char *mark)
{
    size_t length = strlen(mark);
    return strncmp(line, mark, length) == 0 ? line + length : NULL;
}

static bool ends_with(const char *line, size_t length, const char *end)
{
    size_t end_length = strlen(end);
    return length >= end_length && memcmp(line + length - end_length, end, end_length) == 0;
}

/* "mark name" at the end of the line; the text before it is the test's. */
static bool read_result(struct bk_cmocka_lines *lines)
{
    size_t name_length = strlen(lines->name);
    if (!ends_with(lines->line, lines->length, lines->name))
        return false;
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        size_t mark_length = strlen(results[i].mark);
        if (!ends_with(lines->line, lines->length - name_length, results[i].mark))
            continue;
        pass_text(lines, lines->length - name_length - mark_length, false);
        lines->is_running = false;
        tell(lines, results[i].event, lines->name);
        return true;
    }
    return false;
}

/* What was printed before the first test, or between two, may stand on the same line. */
static bool read_start(struct bk_cmocka_lines *lines)
{
    char *mark = strstr(lines->line, run_mark);
    const char *name = mark == NULL ? NULL : mark + strlen(run_mark);
    if (name == NULL || strlen(name) >= sizeof lines->name)
        return false;
    strcpy(lines->name, name);
    pass_text(lines, (size_t)(mark - lines->line), false);
    lines->is_running = true;
    lines->is_summary = false;
    tell(lines, BK_CMOCKA_TEST_STARTED, lines->name);
    return true;
}

/* "[==========] Running 2 test(s).", in newer versions with the group's name before "Running". */
static bool read_group(struct bk_cmocka_lines *lines)
{
    char *mark = strstr(lines->line, group_mark);
    if (mark == NULL)
        return false;
    char *running = strstr(mark, "Running ");
    bool is_start = running != NULL && ends_with(lines->line, lines->length, " test(s).");
    if (!is_start && !ends_with(lines->line, lines->length, " test(s) run."))
        return false;
    if (is_start) {
        running += strlen("Running ");
        running[strspn(running, "0123456789")] = '\0';
    }
    pass_text(lines, (size_t)(mark - lines->line), false);
    lines->is_summary = !is_start;
    tell(
        lines, is_start ? BK_CMOCKA_GROUP_STARTED : BK_CMOCKA_GROUP_ENDED, is_start ? running : "");
    return true;
}

static bool read_group_failure(struct bk_cmocka_lines *lines)
{
    if (ends_with(lines->line, lines->length, "[  FAILED  ] GROUP SETUP"))
        tell(lines, BK_CMOCKA_GROUP_SETUP_FAILED, "");
    else if (ends_with(lines->line, lines->length, "[  FAILED  ] GROUP TEARDOWN"))
        tell(lines, BK_CMOCKA_GROUP_TEARDOWN_FAILED, "");
    else
        return false;
    pass_text(lines, lines->length - strlen(strrchr(lines->line, '[')), false);
    return true;
}

static bool is_of_summary(const struct bk_cmocka_lines *lines)
{
    static const char *const starts[] = {"[  PASSED  ] ", "[  FAILED  ] ", "[  SKIPPED ] "};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        if (after(lines->line, starts[i]) != NULL)
            return true;
    return lines->length == 0 || ends_with(lines->line, lines->length, " FAILED TEST(S)") ||
           ends_with(lines->line, lines->length, " SKIPPED TEST(S)");
}

/* "[   LINE   ] --- file:line: error: Failure!" */
static void read_place(struct bk_cmocka_lines *lines, const char *place)
{
    char copy[BK_CMOCKA_LINE];
    const char *end = strstr(place, ": error: ");
    size_t length = end == NULL ? strlen(place) : (size_t)(end - place);
    if (length >= sizeof copy)
        return;
    memcpy(copy, place, length);
    copy[length] = '\0';
    tell(lines, BK_CMOCKA_PLACE, copy);
}

static void read_message(struct bk_cmocka_lines *lines)
{
    const char *message = after(lines->line, message_mark);
    const char *place = after(message != NULL ? message : lines->line, place_mark);
    if (message == NULL)
        message = after(lines->line, fixture_mark);
    if (message == NULL)
        message = after(lines->line, failure_mark);
    if (place != NULL)
        read_place(lines, place);
    else if (message != NULL && *message != '\0')
        tell(lines, BK_CMOCKA_MESSAGE, message);
}

/* After a fixture's failure cmocka repeats the group's name in this form. */
static bool is_group_error(const struct bk_cmocka_lines *lines)
{
    return after(lines->line, error_mark) != NULL && after(lines->line, message_mark) == NULL;
}

static void read_line(struct bk_cmocka_lines *lines, bool has_newline)
{
    if (memchr(lines->line, '\0', lines->length) == NULL) {
        if (lines->is_running ? read_result(lines) : read_start(lines) || read_group(lines))
            return;
        if (!lines->is_running && (read_group_failure(lines) || is_group_error(lines) ||
                                   (lines->is_summary && is_of_summary(lines))))
            return;
        if (lines->is_running)
            read_message(lines);
    }
    pass_text(lines, lines->length, has_newline);
}

static void end_line(struct bk_cmocka_lines *lines, bool has_newline)
{
    lines->line[lines->length] = '\0';
    read_line(lines, has_newline);
    lines->length = 0;
}

/* A result may stand at its end, after all that the test has printed without a newline. */
static void shorten_line(struct bk_cmocka_lines *lines)
{
    size_t passed = BK_CMOCKA_LINE / 2;
    lines->handler.text(lines->line, passed, lines->handler.ctx);
    lines->length -= passed;
    memmove(lines->line, lines->line + passed, lines->length);
}

void bk_cmocka_lines_feed(struct bk_cmocka_lines *lines, const char *data, size_t length)
{
    while (length > 0) {
        const char *newline = memchr(data, '\n', length);
        size_t piece = newline == NULL ? length : (size_t)(newline - data);
        if (lines->length == BK_CMOCKA_LINE && *data != '\n')
            shorten_line(lines);
        if (piece > BK_CMOCKA_LINE - lines->length)
            piece = BK_CMOCKA_LINE - lines->length, newline = NULL;
        memcpy(lines->line + lines->length, data, piece);
        lines->length += piece;
        if (newline != NULL)
            end_line(lines, true);
        data += piece + (newline != NULL);
        length -= piece + (newline != NULL);
    }
}

void bk_cmocka_lines_finish(struct bk_cmocka_lines *lines)
{
    if (lines->length > 0)
        end_line(lines, false);
}
