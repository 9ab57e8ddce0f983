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
    PATH_BYTES = 4096,
    MOST_PATH_SHOWN = 120,
};

#define PLAIN_HINT "a line is `key size [ttl]`; for logs see --field in brisk sim --help"
#define FIELD_HINT "fields are separated by blanks and count from 1, as in awk"
#define DAMAGED_HINT "zstd -t FILE says whether the file is whole"

struct trace {
    int file;
    bool is_file_ours;
    bool is_compressed;
    bool is_at_end; /* of the file */
    bool is_frame_open;
    struct trace_format format;
    off_t start;         /* where stdin was */
    uint64_t file_bytes; /* 0: not known */
    uint64_t bytes_read;
    uint64_t line_number;
    ZSTD_DStream *stream;
    ZSTD_inBuffer input;
    size_t begin, end; /* of what is left of the text */
    size_t searched;   /* up to here no line ends */
    char *path;
    char *name;
    char reason[248]; /* as long as a message may be */
    const char *hint;
    uint8_t input_bytes[INPUT_BYTES];
    char text[TEXT_BYTES];
};

static enum trace_answer fail(struct trace *trace, const char *reason, const char *hint)
{
    size_t length = strlen(trace->path);
    bool is_long = length > MOST_PATH_SHOWN;
    snprintf(
        trace->reason, sizeof trace->reason, "%s%s:%" PRIu64 ": %.80s", is_long ? "..." : "",
        trace->path + (is_long ? length - MOST_PATH_SHOWN : 0), trace->line_number, reason);
    trace->hint = hint;
    return TRACE_WRONG;
}

/* Of the file, in the line that it does not give. */
static bool fail_to_read(struct trace *trace, const char *reason, const char *hint)
{
    trace->line_number++;
    fail(trace, reason, hint);
    return false;
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
    off_t start = lseek(trace->file, 0, SEEK_CUR);
    trace->start = start > 0 ? start : 0;
    if (S_ISREG(about.st_mode) && about.st_size > trace->start)
        trace->file_bytes = (uint64_t)(about.st_size - trace->start);
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
    trace->path = strdup(strcmp(path, "-") == 0 ? "stdin" : path);
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

const char *trace_hint(const struct trace *trace)
{
    return trace->hint;
}

const char *trace_name(const struct trace *trace)
{
    return trace->name;
}

double trace_progress(const struct trace *trace)
{
    return trace->file_bytes == 0 ? -1 : (double)trace->bytes_read / (double)trace->file_bytes;
}

static bool write_all(int file, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(file, bytes, length);
        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
    return true;
}

static bool copy_all(struct trace *trace, int to)
{
    ssize_t got;
    while ((got = read(trace->file, trace->input_bytes, sizeof trace->input_bytes)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || !write_all(to, trace->input_bytes, (size_t)got))
            return false;
        trace->file_bytes += (uint64_t)got;
    }
    return lseek(to, 0, SEEK_SET) == 0;
}

static bool fail_to_copy(struct trace *trace, const char *folder, int file)
{
    snprintf(
        trace->reason, sizeof trace->reason, "%.60s cannot be copied to %.80s: %.60s", trace->name,
        folder, strerror(errno));
    trace->hint = "TMPDIR names another folder; sizes without % need no copy";
    if (file >= 0)
        close(file);
    return false;
}

bool trace_make_seekable(struct trace *trace)
{
    if (lseek(trace->file, 0, SEEK_CUR) >= 0)
        return true;
    const char *folder = getenv("TMPDIR");
    char path[PATH_BYTES];
    if (folder == NULL || *folder == '\0')
        folder = P_tmpdir;
    snprintf(path, sizeof path, "%s/brisk-sim-XXXXXX", folder);
    int file = mkostemp(path, O_CLOEXEC);
    if (file < 0 || unlink(path) != 0 || !copy_all(trace, file))
        return fail_to_copy(trace, folder, file);
    if (trace->is_file_ours)
        close(trace->file);
    trace->file = file;
    trace->is_file_ours = true;
    return true;
}

bool trace_rewind(struct trace *trace)
{
    if (lseek(trace->file, trace->start, SEEK_SET) < 0) {
        fail(trace, strerror(errno), NULL);
        return false;
    }
    ZSTD_DCtx_reset(trace->stream, ZSTD_reset_session_only);
    trace->input = (ZSTD_inBuffer){0};
    trace->is_at_end = trace->is_frame_open = trace->is_compressed = false;
    trace->bytes_read = trace->line_number = 0;
    trace->begin = trace->end = trace->searched = 0;
    return true;
}

/* Of a frame, or of one to be skipped, with which files of many threads begin. */
static bool is_zstd(const uint8_t *bytes, size_t length)
{
    static const uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd}, skipped[] = {0x50, 0x2a, 0x4d, 0x18};
    if (length < sizeof frame)
        return false;
    return memcmp(bytes, frame, sizeof frame) == 0 ||
           ((bytes[0] & 0xf0) == skipped[0] && memcmp(bytes + 1, skipped + 1, 3) == 0);
}

static bool is_gzip(const uint8_t *bytes, size_t length)
{
    return length >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

/* By how it begins. */
static bool recognize(struct trace *trace, size_t length)
{
    trace->is_compressed = is_zstd(trace->input_bytes, length);
    if (is_gzip(trace->input_bytes, length))
        return fail_to_read(trace, "it is compressed with gzip", "zcat FILE | brisk sim -");
    return true;
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
        if (got < 0)
            return fail_to_read(trace, strerror(errno), NULL);
        if (got == 0) {
            trace->is_at_end = true;
            break;
        }
        length += (size_t)got;
    }
    if (trace->bytes_read == 0 && !recognize(trace, length))
        return false;
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
    if (ZSTD_isError(wanted))
        return fail_to_read(trace, ZSTD_getErrorName(wanted), DAMAGED_HINT);
    trace->is_frame_open = wanted != 0;
    trace->end += out.pos;
    return true;
}

/* False if there is no more, or with a reason. */
static bool fill(struct trace *trace)
{
    if (trace->begin != 0)
        memmove(trace->text, trace->text + trace->begin, trace->end - trace->begin);
    trace->end -= trace->begin;
    trace->searched -= trace->begin;
    trace->begin = 0;
    size_t before = trace->end;
    while (trace->end == before) {
        bool has_input = trace->input.pos < trace->input.size;
        if (!has_input && !trace->is_at_end) {
            if (!read_input(trace))
                return false;
            continue;
        }
        /* Without input the decoder may still hold text for which there was no room. */
        if (!has_input && !trace->is_frame_open)
            return false;
        if (!decode(trace))
            return false;
        if (!has_input && trace->end == before)
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
        char *end = memchr(trace->text + trace->searched, '\n', trace->end - trace->searched);
        trace->searched = end != NULL ? (size_t)(end - trace->text) + 1 : trace->end;
        if (end != NULL) {
            trace->line_number++;
            trace->begin = trace->searched;
            *line = brisk_bytes_of(begin, (size_t)(end - begin));
            return TRACE_LINE;
        }
        if (length == sizeof trace->text) {
            trace->line_number++;
            return fail(trace, "the line is longer than 1 MiB", PLAIN_HINT);
        }
        trace->reason[0] = '\0';
        if (fill(trace))
            continue;
        if (trace->reason[0] != '\0')
            return TRACE_WRONG;
        trace->line_number++;
        if (trace->is_frame_open)
            return fail(trace, "the compressed data ends too early", DAMAGED_HINT);
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
        return fail(trace, "there is no size behind the key", PLAIN_HINT);
    if (!read_number(size, &line->size))
        return fail(trace, "the size is not a number up to 2^60", PLAIN_HINT);
    if (ttl.length != 0 && !read_number(ttl, &line->ttl))
        return fail(trace, "the time to live is not a number up to 2^60", PLAIN_HINT);
    if (next_field(&rest).length != 0)
        return fail(trace, "there is more than key, size and time to live", PLAIN_HINT);
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
            return fail(trace, "the line has fewer fields", FIELD_HINT);
        if (i == format->key_field)
            line->key = field;
        bool is_unknown = field.length == 1 && *(const char *)field.data == '-';
        if (i == format->size_field && is_unknown)
            line->size = 0;
        else if (i == format->size_field && !read_number(field, &line->size))
            return fail(trace, "the size is not a number up to 2^60", FIELD_HINT);
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
