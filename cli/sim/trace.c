/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sim/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

enum {
    INPUT_BYTES = 256 * 1024,
    TEXT_BYTES = 1024 * 1024, /* so long a line may be */
};

struct trace {
    int file;
    bool is_file_ours;
    bool is_compressed;
    bool is_at_end; /* of the file */
    bool is_frame_open;
    struct trace_format format;
    uint64_t file_bytes; /* 0: not known */
    uint64_t bytes_read;
    uint64_t line_number;
    ZSTD_DStream *stream;
    ZSTD_inBuffer input;
    size_t begin, end; /* of what is left of the text */
    char *path;
    char *name;
    char reason[512];
    uint8_t input_bytes[INPUT_BYTES];
    char text[TEXT_BYTES];
};

static enum trace_answer fail(struct trace *trace, const char *reason)
{
    snprintf(
        trace->reason, sizeof trace->reason, "%.300s:%" PRIu64 ": %.150s", trace->path,
        trace->line_number, reason);
    return TRACE_WRONG;
}

/* The file's own name, for tables. */
static char *short_name(const char *path)
{
    static const char *const endings[] = {".zst", ".trace", ".txt", ".log"};
    const char *slash = strrchr(path, '/');
    char *name = strdup(strcmp(path, "-") == 0 ? "stdin" : slash != NULL ? slash + 1 : path);
    for (size_t i = 0; name != NULL && i < sizeof endings / sizeof endings[0]; i++) {
        size_t length = strlen(name), ending = strlen(endings[i]);
        if (length > ending && strcmp(name + length - ending, endings[i]) == 0)
            name[length - ending] = '\0';
    }
    return name;
}

static bool open_file(struct trace *trace, const char *path)
{
    trace->is_file_ours = strcmp(path, "-") != 0;
    trace->file = trace->is_file_ours ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    struct stat about;
    if (trace->file < 0 || fstat(trace->file, &about) != 0)
        return false;
    if (S_ISDIR(about.st_mode)) {
        errno = EISDIR;
        return false;
    }
    if (S_ISREG(about.st_mode))
        trace->file_bytes = (uint64_t)about.st_size;
    return true;
}

static enum brisk_status refuse(struct brisk_error *error, const char *path, int reason)
{
    error->status = reason == ENOMEM ? BRISK_ERR_NOMEM : BRISK_ERR_SYSTEM;
    error->sys_errno = reason;
    snprintf(error->message, sizeof error->message, "%s: %s", path, strerror(reason));
    return error->status;
}

struct trace *
trace_open(const char *path, const struct trace_format *format, struct brisk_error *error)
{
    struct trace *trace = calloc(1, sizeof *trace);
    if (trace == NULL) {
        refuse(error, path, ENOMEM);
        return NULL;
    }
    trace->format = *format;
    trace->path = strdup(path);
    trace->name = short_name(path);
    trace->stream = ZSTD_createDStream();
    bool has_memory = trace->path != NULL && trace->name != NULL && trace->stream != NULL;
    if (!has_memory || !open_file(trace, path)) {
        refuse(error, path, has_memory ? errno : ENOMEM);
        trace_close(trace);
        return NULL;
    }
    return trace;
}

void trace_close(struct trace *trace)
{
    if (trace == NULL)
        return;
    if (trace->is_file_ours && trace->file >= 0)
        close(trace->file);
    ZSTD_freeDStream(trace->stream);
    free(trace->path);
    free(trace->name);
    free(trace);
}

const char *trace_reason(const struct trace *trace)
{
    return trace->reason;
}

const char *trace_name(const struct trace *trace)
{
    return trace->name;
}

double trace_progress(const struct trace *trace)
{
    return trace->file_bytes == 0 ? -1 : (double)trace->bytes_read / (double)trace->file_bytes;
}

/* Copies what cannot be read twice to a file without a name. */
static int spool(int from)
{
    const char *folder = getenv("TMPDIR");
    int file = open(
        folder != NULL && *folder != '\0' ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    static char buffer[INPUT_BYTES];
    ssize_t got;
    while (file >= 0 && (got = read(from, buffer, sizeof buffer)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || write(file, buffer, (size_t)got) != got) {
            int reason = errno;
            close(file);
            errno = reason;
            return -1;
        }
    }
    if (file >= 0)
        lseek(file, 0, SEEK_SET);
    return file;
}

bool trace_make_seekable(struct trace *trace)
{
    if (lseek(trace->file, 0, SEEK_CUR) >= 0)
        return true;
    int file = spool(trace->file);
    struct stat about;
    if (file < 0 || fstat(file, &about) != 0) {
        fail(trace, strerror(errno));
        return false;
    }
    if (trace->is_file_ours)
        close(trace->file);
    trace->file = file;
    trace->is_file_ours = true;
    trace->file_bytes = (uint64_t)about.st_size;
    return true;
}

bool trace_rewind(struct trace *trace)
{
    if (lseek(trace->file, 0, SEEK_SET) < 0) {
        fail(trace, strerror(errno));
        return false;
    }
    ZSTD_DCtx_reset(trace->stream, ZSTD_reset_session_only);
    trace->input = (ZSTD_inBuffer){0};
    trace->is_at_end = trace->is_frame_open = trace->is_compressed = false;
    trace->bytes_read = trace->line_number = 0;
    trace->begin = trace->end = 0;
    return true;
}

static bool is_zstd(const uint8_t *bytes, size_t length)
{
    static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    return length >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
}

/* The next piece of the file as it is. */
static bool read_input(struct trace *trace)
{
    size_t length = 0;
    while (length < sizeof trace->input_bytes) {
        ssize_t got = read(
            trace->file, trace->input_bytes + length, sizeof trace->input_bytes - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            fail(trace, strerror(errno));
            return false;
        }
        if (got == 0) {
            trace->is_at_end = true;
            break;
        }
        length += (size_t)got;
    }
    if (trace->bytes_read == 0)
        trace->is_compressed = is_zstd(trace->input_bytes, length);
    trace->bytes_read += length;
    trace->input = (ZSTD_inBuffer){trace->input_bytes, length, 0};
    return true;
}

/* Some more text behind what is left of it, from what was read last. */
static bool decode(struct trace *trace)
{
    size_t room = sizeof trace->text - trace->end;
    if (!trace->is_compressed) {
        size_t left = trace->input.size - trace->input.pos;
        size_t length = left < room ? left : room;
        memcpy(trace->text + trace->end, trace->input_bytes + trace->input.pos, length);
        trace->input.pos += length;
        trace->end += length;
        return true;
    }
    ZSTD_outBuffer out = {trace->text + trace->end, room, 0};
    size_t wanted = ZSTD_decompressStream(trace->stream, &out, &trace->input);
    if (ZSTD_isError(wanted)) {
        fail(trace, ZSTD_getErrorName(wanted));
        return false;
    }
    trace->is_frame_open = wanted != 0;
    trace->end += out.pos;
    return true;
}

/* False if there is no more, or with a reason. */
static bool fill(struct trace *trace)
{
    memmove(trace->text, trace->text + trace->begin, trace->end - trace->begin);
    trace->end -= trace->begin;
    trace->begin = 0;
    size_t before = trace->end;
    while (trace->end == before) {
        bool is_used_up = trace->input.pos == trace->input.size;
        if (is_used_up && trace->is_at_end)
            return false;
        if (is_used_up && !read_input(trace))
            return false;
        if (trace->input.size != 0 && !decode(trace))
            return false;
    }
    return true;
}

/* Of a line without its end; grows the text until there is one. */
static enum trace_answer next_text(struct trace *trace, struct brisk_bytes *line)
{
    for (;;) {
        char *begin = trace->text + trace->begin;
        size_t length = trace->end - trace->begin;
        char *end = memchr(begin, '\n', length);
        if (end != NULL) {
            trace->line_number++;
            trace->begin += (size_t)(end - begin) + 1;
            *line = brisk_bytes_of(begin, (size_t)(end - begin));
            return TRACE_LINE;
        }
        if (length == sizeof trace->text) {
            trace->line_number++;
            return fail(trace, "the line is longer than 1 MiB");
        }
        trace->reason[0] = '\0';
        if (fill(trace))
            continue;
        if (trace->reason[0] != '\0')
            return TRACE_WRONG;
        trace->line_number++;
        if (trace->is_frame_open)
            return fail(trace, "the compressed data ends too early");
        trace->begin = trace->end; /* a last line without its end */
        *line = brisk_bytes_of(trace->text, length);
        return length != 0 ? TRACE_LINE : TRACE_END;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the next field off the front of the rest of a line; empty at its end. */
static struct brisk_bytes next_field(struct brisk_bytes *rest)
{
    const char *at = rest->data, *end = at + rest->length;
    while (at < end && is_blank(*at))
        at++;
    const char *begin = at;
    while (at < end && !is_blank(*at))
        at++;
    *rest = brisk_bytes_of(at, (size_t)(end - at));
    return brisk_bytes_of(begin, (size_t)(at - begin));
}

/* Decimal digits and nothing else. */
static bool read_number(struct brisk_bytes field, uint64_t *number)
{
    const char *digits = field.data;
    *number = 0;
    for (size_t i = 0; i < field.length; i++) {
        if (digits[i] < '0' || digits[i] > '9' || *number > TRACE_MOST_SIZE / 10)
            return false;
        *number = *number * 10 + (uint64_t)(digits[i] - '0');
    }
    return field.length != 0 && *number <= TRACE_MOST_SIZE;
}

static enum trace_answer
parse_plain(struct trace *trace, struct brisk_bytes rest, struct trace_line *line)
{
    line->key = next_field(&rest);
    struct brisk_bytes size = next_field(&rest);
    struct brisk_bytes ttl = next_field(&rest);
    line->ttl = 0;
    if (size.length == 0)
        return fail(trace, "there is no size behind the key");
    if (!read_number(size, &line->size))
        return fail(trace, "the size is not a number up to 2^60");
    if (ttl.length != 0 && !read_number(ttl, &line->ttl))
        return fail(trace, "the time to live is not a number up to 2^60");
    if (next_field(&rest).length != 0)
        return fail(trace, "there is more than key, size and time to live");
    return TRACE_LINE;
}

/* As in logs: a size that is not known is a hyphen. */
static enum trace_answer
parse_log(struct trace *trace, struct brisk_bytes rest, struct trace_line *line)
{
    const struct trace_format *format = &trace->format;
    unsigned int last = format->key_field > format->size_field ? format->key_field
                                                               : format->size_field;
    *line = (struct trace_line){.size = 1};
    for (unsigned int i = 1; i <= last; i++) {
        struct brisk_bytes field = next_field(&rest);
        if (field.length == 0)
            return fail(trace, "the line has fewer fields");
        if (i == format->key_field)
            line->key = field;
        bool is_unknown = field.length == 1 && *(const char *)field.data == '-';
        if (i == format->size_field && is_unknown)
            line->size = 0;
        else if (i == format->size_field && !read_number(field, &line->size))
            return fail(trace, "the size is not a number up to 2^60");
    }
    return TRACE_LINE;
}

enum trace_answer trace_next(struct trace *trace, struct trace_line *line)
{
    for (;;) {
        struct brisk_bytes text;
        enum trace_answer answer = next_text(trace, &text);
        if (answer != TRACE_LINE)
            return answer;
        struct brisk_bytes rest = text;
        if (next_field(&rest).length == 0)
            continue;
        return trace->format.key_field != 0 ? parse_log(trace, text, line)
                                            : parse_plain(trace, text, line);
    }
}
