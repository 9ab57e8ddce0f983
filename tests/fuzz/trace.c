/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any file as a trace. The first byte says which fields of a log to take, or none; the second,
 * whether the rest is compressed before, in how large pieces, and whether its end is lost. Lines of
 * text must be those of a reader that is simple enough to be right, and the same once more after a
 * rewind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zstd.h>

#include "cli/sim/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

enum {
    SETUP_BYTES = 2,
    MOST_BYTES = 1 << 20,
    MOST_LINES = 100000, /* of what is small and unpacks to gigabytes */
};

/* What a file says, in short. */
struct summary {
    uint64_t lines;
    uint64_t sum; /* of all that the lines say, in their order */
    bool is_wrong;
    bool is_cut;
};

static void require(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void add_line(struct summary *summary, const struct trace_line *line)
{
    const uint8_t *key = line->key.data;
    uint64_t sum = summary->sum;
    for (size_t i = 0; i < line->key.length; i++)
        sum = (sum ^ key[i]) * UINT64_C(0x100000001b3);
    summary->sum = ((sum ^ line->size) * 31 ^ line->ttl) * 31;
    summary->lines++;
}

static struct summary read_trace(struct trace *trace)
{
    struct summary summary = {0};
    struct trace_line line;
    enum trace_answer answer = TRACE_LINE;
    while (summary.lines < MOST_LINES && (answer = trace_next(trace, &line)) == TRACE_LINE) {
        require(line.key.length > 0, "a key is empty");
        require(
            line.size <= TRACE_MOST_SIZE && line.ttl <= TRACE_MOST_SIZE, "a number is too large");
        add_line(&summary, &line);
    }
    summary.is_cut = answer == TRACE_LINE;
    summary.is_wrong = answer == TRACE_WRONG;
    if (summary.is_wrong)
        require(strchr(trace_reason(trace), ':') != NULL, "there is no reason");
    return summary;
}

/* The naive reader: takes a line apart with the means of the C library. */
static bool number_of(const char *text, uint64_t *number)
{
    char *end;
    size_t zeros = strspn(text, "0");
    if (*text == '\0' || strspn(text, "0123456789") != strlen(text) || strlen(text + zeros) > 19)
        return false;
    *number = strtoull(text, &end, 10);
    return *number <= TRACE_MOST_SIZE;
}

static bool take_plain(char **fields, size_t count, struct trace_line *line)
{
    if (count < 2 || count > 3)
        return false;
    line->key = brisk_bytes_text(fields[0]);
    return number_of(fields[1], &line->size) && (count == 2 || number_of(fields[2], &line->ttl));
}

static bool
take_fields(char **fields, size_t count, const struct trace_format *format, struct trace_line *line)
{
    if (count < format->key_field || count < format->size_field)
        return false;
    line->key = brisk_bytes_text(fields[format->key_field - 1]);
    line->size = 1;
    if (format->size_field == 0)
        return true;
    const char *size = fields[format->size_field - 1];
    line->size = 0;
    return strcmp(size, "-") == 0 || number_of(size, &line->size);
}

static struct summary read_naively(char *text, const struct trace_format *format)
{
    struct summary summary = {0};
    char *fields[16], *rest_of_text, *rest;
    for (char *row = strtok_r(text, "\n", &rest_of_text); row != NULL;
         row = strtok_r(NULL, "\n", &rest_of_text)) {
        size_t count = 0;
        struct trace_line line = {0};
        for (char *field = strtok_r(row, " \t\r", &rest); field != NULL && count < 16;
             field = strtok_r(NULL, " \t\r", &rest))
            fields[count++] = field;
        if (count == 0)
            continue;
        summary.is_wrong = format->key_field == 0 ? !take_plain(fields, count, &line)
                                                  : !take_fields(fields, count, format, &line);
        if (summary.is_wrong)
            break;
        add_line(&summary, &line);
    }
    return summary;
}

static bool is_same(const struct summary *a, const struct summary *b)
{
    return a->lines == b->lines && a->sum == b->sum && a->is_wrong == b->is_wrong;
}

/* A file without a name, which /proc names. */
static int new_file(char path[32])
{
    int file = memfd_create("trace", MFD_CLOEXEC);
    require(file >= 0, "no memory for a file");
    snprintf(path, 32, "/proc/self/fd/%d", file);
    return file;
}

static void write_all(int file, const void *bytes, size_t length)
{
    require(write(file, bytes, length) == (ssize_t)length, "a file cannot be written");
}

/* In frames of up to `piece` bytes of text each; the last `lost` bytes are. */
static void write_packed(int file, const uint8_t *text, size_t length, size_t piece, size_t lost)
{
    static uint8_t packed[MOST_BYTES + MOST_BYTES / 8];
    size_t packed_length = 0;
    for (size_t at = 0; at < length; at += piece) {
        size_t size = length - at < piece ? length - at : piece;
        if (sizeof packed - packed_length < ZSTD_compressBound(size))
            break;
        packed_length += ZSTD_compress(
            packed + packed_length, sizeof packed - packed_length, text + at, size, 1);
    }
    write_all(file, packed, packed_length < lost ? 0 : packed_length - lost);
}

static void
check(const char *path, const struct trace_format *format, const uint8_t *text, size_t length)
{
    struct brisk_error error = {0};
    struct trace *trace = trace_open(path, format, &error);
    require(trace != NULL, error.message);
    require(trace_make_seekable(trace), "a file is not seekable");
    struct summary first = read_trace(trace);
    if (text != NULL && memchr(text, '\0', length) == NULL && !first.is_cut) {
        char *copy = strndup((const char *)text, length);
        struct summary naive = read_naively(copy, format);
        require(is_same(&first, &naive), "the lines are not those of the naive reader");
        free(copy);
    }
    require(trace_rewind(trace), "a file cannot be read again");
    struct summary second = read_trace(trace);
    require(is_same(&first, &second), "the file says something else the second time");
    trace_close(trace);
}

/* A frame of zstd, one to be skipped, or gzip. */
static bool begins_as_packed(const uint8_t *text, size_t length)
{
    if (length >= 2 && memcmp(text, "\x1f\x8b", 2) == 0)
        return true;
    return length >= 4 && (memcmp(text, "\x28\xb5\x2f\xfd", 4) == 0 ||
                           (text[0] >> 4 == 5 && memcmp(text + 1, "\x2a\x4d\x18", 3) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    char path[32];
    if (length < SETUP_BYTES || length > MOST_BYTES / 2)
        return 0;
    struct trace_format format = {data[0] & 7, (data[0] & 7) == 0 ? 0 : data[0] >> 4 & 7};
    const uint8_t *text = data + SETUP_BYTES;
    size_t text_length = length - SETUP_BYTES;
    bool is_packed = (data[1] & 1) != 0;
    size_t lost = data[1] >> 4;
    int file = new_file(path);
    if (is_packed)
        write_packed(file, text, text_length, (data[1] & 2) != 0 ? 7 : MOST_BYTES, lost);
    else
        write_all(file, text, text_length);
    bool is_text = is_packed ? lost == 0 : !begins_as_packed(text, text_length);
    check(path, &format, is_text ? text : NULL, text_length);
    close(file);
    return 0;
}
