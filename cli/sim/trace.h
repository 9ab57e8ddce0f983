/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <brisk/view.h>

/*
 * Requests from a file of text, which may be compressed with zstd: `key size [ttl]`
 * per line, or, of a log, the n-th field of each line. Blank lines are passed over.
 */
struct trace_format {
    unsigned int key_field;  /* from 1; 0: lines are `key size [ttl]` */
    unsigned int size_field; /* of a log; 0: every size is 1 */
};

struct trace_line {
    struct brisk_bytes key; /* until the next line is read */
    uint64_t size;          /* at most TRACE_MOST_SIZE */
    uint64_t ttl;           /* 0: none is given */
};

#define TRACE_MOST_SIZE (UINT64_C(1) << 60)

enum trace_answer {
    TRACE_END,
    TRACE_LINE,
    TRACE_WRONG /* `trace_reason` says what */
};

struct trace;

/* NULL, with the reason in *error. "-" is stdin. `format` is copied. */
struct trace *
trace_open(const char *path, const struct trace_format *format, struct brisk_error *error);
void trace_close(struct trace *trace);
enum trace_answer trace_next(struct trace *trace, struct trace_line *line);
/* "FILE:LINE: what is wrong", until the trace is closed. */
const char *trace_reason(const struct trace *trace);
/* What to try then; or NULL. */
const char *trace_hint(const struct trace *trace);
/*
 * Before the first line is read: makes sure that trace_rewind will work, by copying
 * a pipe to a file without a name in TMPDIR. Both are false with a reason.
 */
bool trace_make_seekable(struct trace *trace);
bool trace_rewind(struct trace *trace);
/* Its file name without folder and without .trace.zst and the like. */
const char *trace_name(const struct trace *trace);
/* How much of the file has been read, in [0, 1]; below 0 if that is not known. */
double trace_progress(const struct trace *trace);

#endif
