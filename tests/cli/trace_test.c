/* SPDX-License-Identifier: Apache-2.0 */
/* Traces of all kinds, and what is none. */
#include <fcntl.h>
#include <unistd.h>

#include <zstd.h>

#include "cli/sim/trace.h"
#include "tests/support/brisk_test.h"

/* A file with this content; its name is good until the next one. */
static const char *file_with(const void *content, size_t length)
{
    static char path[4096];
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/brisk-trace-XXXXXX", folder != NULL ? folder : P_tmpdir);
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, content, length), (ssize_t)length);
    close(file);
    return path;
}

static struct trace *open_bytes(const void *content, size_t length, struct trace_format format)
{
    struct brisk_error error = {0};
    const char *path = file_with(content, length);
    struct trace *trace = trace_open(path, &format, &error);
    assert_that(trace != NULL, "%s", error.message);
    unlink(path);
    return trace;
}

static struct trace *open_text(const char *content)
{
    return open_bytes(content, strlen(content), (struct trace_format){0, 0});
}

static void assert_line(struct trace *trace, const char *key, uint64_t size, uint64_t ttl)
{
    struct trace_line line;
    assert_int_equal(trace_next(trace, &line), TRACE_LINE);
    assert_bytes(line.key, brisk_bytes_text(key));
    assert_u64(line.size, size);
    assert_u64(line.ttl, ttl);
}

static void assert_end(struct trace *trace)
{
    struct trace_line line;
    assert_int_equal(trace_next(trace, &line), TRACE_END);
    trace_close(trace);
}

static void lines_are_key_size_and_time_to_live(void **state)
{
    (void)state;
    struct trace *trace = open_text("a 1\n  b\t22   333 \r\n\n\nlast 4");
    assert_line(trace, "a", 1, 0);
    assert_line(trace, "b", 22, 333);
    assert_line(trace, "last", 4, 0);
    assert_end(trace);
}

static void an_empty_trace_has_no_lines(void **state)
{
    (void)state;
    assert_end(open_text(""));
    assert_end(open_text("\n \n"));
}

static void fields_of_a_log_are_counted_from_one(void **state)
{
    (void)state;
    const char *log = "h - - [10/Oct/2000:13:55:36 +0000] \"GET /a HTTP/1.0\" 200 2326\n"
                      "h - - [10/Oct/2000:13:55:37 +0000] \"GET /b HTTP/1.0\" 304 -\n";
    struct trace *trace = open_bytes(log, strlen(log), (struct trace_format){7, 10});
    assert_line(trace, "/a", 2326, 0);
    assert_line(trace, "/b", 0, 0);
    assert_end(trace);
    trace = open_bytes(log, strlen(log), (struct trace_format){1, 0});
    assert_line(trace, "h", 1, 0);
    trace_close(trace);
}

struct wrong_line {
    const char *content;
    unsigned int line;
    const char *reason;
};

static void a_wrong_line_is_named_with_its_reason(void **state)
{
    (void)state;
    static const struct wrong_line rows[] = {
        {"a 1\nb\n", 2, "no size"},
        {"a x\n", 1, "not a number"},
        {"a -1\n", 1, "not a number"},
        {"a 1.5\n", 1, "not a number"},
        {"a 99999999999999999999\n", 1, "not a number"},
        {"a 2305843009213693952\n", 1, "not a number"},
        {"a 1\n\na 1 x\n", 3, "time to live"},
        {"a 1 2 3\n", 1, "more than"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct trace *trace = open_text(rows[i].content);
        struct trace_line line;
        char where[16];
        enum trace_answer answer;
        do
            answer = trace_next(trace, &line);
        while (answer == TRACE_LINE);
        snprintf(where, sizeof where, ":%u: ", rows[i].line);
        assert_int_equal(answer, TRACE_WRONG);
        assert_that(
            strstr(trace_reason(trace), where) != NULL &&
                strstr(trace_reason(trace), rows[i].reason) != NULL,
            "%s", trace_reason(trace));
        trace_close(trace);
    }
}

static void a_line_of_more_than_a_mebibyte_is_wrong(void **state)
{
    (void)state;
    size_t length = (1 << 20) + 10;
    char *content = malloc(length);
    assert_non_null(content);
    memset(content, 'k', length);
    struct trace *trace = open_bytes(content, length, (struct trace_format){0, 0});
    struct trace_line line;
    assert_int_equal(trace_next(trace, &line), TRACE_WRONG);
    assert_non_null(strstr(trace_reason(trace), "longer"));
    trace_close(trace);
    free(content);
}

enum {
    MANY = 300000
};

/* More than any buffer holds, so that lines are cut everywhere. */
static char *many_lines(size_t *length)
{
    char *text = malloc((size_t)MANY * 24);
    assert_non_null(text);
    *length = 0;
    for (int i = 0; i < MANY; i++)
        *length += (size_t)sprintf(text + *length, "key%d %d\n", i, i % 977);
    return text;
}

static void assert_many(struct trace *trace)
{
    char key[16];
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "key%d", i);
        assert_line(trace, key, (uint64_t)(i % 977), 0);
    }
}

static void many_lines_are_read_twice_compressed_or_not(void **state)
{
    (void)state;
    size_t length, bound;
    char *text = many_lines(&length);
    bound = ZSTD_compressBound(length);
    char *packed = malloc(bound);
    size_t packed_length = ZSTD_compress(packed, bound, text, length, 1);
    for (int is_packed = 0; is_packed < 2; is_packed++) {
        struct trace *trace = open_bytes(
            is_packed ? packed : text, is_packed ? packed_length : length,
            (struct trace_format){0, 0});
        assert_true(trace_make_seekable(trace));
        assert_many(trace);
        assert_true(trace_rewind(trace));
        assert_many(trace);
        assert_end(trace);
    }
    free(packed);
    free(text);
}

static void compressed_data_that_is_cut_or_damaged_is_wrong(void **state)
{
    (void)state;
    size_t length, bound;
    char *text = many_lines(&length);
    bound = ZSTD_compressBound(length);
    char *packed = malloc(bound);
    size_t packed_length = ZSTD_compress(packed, bound, text, length, 1);
    for (int is_damaged = 0; is_damaged < 2; is_damaged++) {
        if (is_damaged)
            memset(packed + 8, 0xff, 16); /* of a block's header */
        struct trace *trace = open_bytes(
            packed, is_damaged ? packed_length : packed_length / 2, (struct trace_format){0, 0});
        struct trace_line line;
        enum trace_answer answer;
        do
            answer = trace_next(trace, &line);
        while (answer == TRACE_LINE);
        assert_int_equal(answer, TRACE_WRONG);
        trace_close(trace);
    }
    free(packed);
    free(text);
}

/* Text that is unpacked when no input is left, but had no room. */
static void the_end_of_compressed_text_is_not_held_back(void **state)
{
    (void)state;
    enum {
        MOST = 1400000
    };
    char *text = malloc(MOST), *packed = malloc(ZSTD_compressBound(MOST));
    assert_true(text != NULL && packed != NULL);
    for (size_t i = 0; i < MOST; i++)
        text[i] = "key 5\n"[i % 6];
    for (size_t lines = 174000; lines * 6 <= MOST; lines += 7777) {
        size_t length = ZSTD_compress(packed, ZSTD_compressBound(MOST), text, lines * 6, 1);
        struct trace *trace = open_bytes(packed, length, (struct trace_format){0, 0});
        for (size_t i = 0; i < lines; i++)
            assert_line(trace, "key", 5, 0);
        assert_end(trace);
    }
    free(packed);
    free(text);
}

static void a_frame_to_be_skipped_may_come_first(void **state)
{
    (void)state;
    char packed[200] = "\x50\x2a\x4d\x18\x04\0\0\0abcd";
    size_t length = 12 + ZSTD_compress(packed + 12, sizeof packed - 12, "a 1\n", 4, 1);
    struct trace *trace = open_bytes(packed, length, (struct trace_format){0, 0});
    assert_line(trace, "a", 1, 0);
    assert_end(trace);
}

static void what_gzip_wrote_is_recognized(void **state)
{
    (void)state;
    struct trace *trace = open_bytes("\x1f\x8b\x08\0\0", 5, (struct trace_format){0, 0});
    struct trace_line line;
    assert_int_equal(trace_next(trace, &line), TRACE_WRONG);
    assert_non_null(strstr(trace_reason(trace), ":1: it is compressed with gzip"));
    assert_non_null(strstr(trace_hint(trace), "zcat"));
    trace_close(trace);
}

static void a_long_path_leaves_room_for_line_and_reason(void **state)
{
    (void)state;
    char path[600];
    struct brisk_error error = {0};
    struct trace_format format = {0, 0};
    const char *short_path = file_with("a\n", 2);
    size_t length = (size_t)snprintf(
        path, sizeof path, "%.*s", (int)(strrchr(short_path, '/') - short_path), short_path);
    while (length < 400)
        length += (size_t)snprintf(path + length, sizeof path - length, "/.");
    snprintf(path + length, sizeof path - length, "%s", strrchr(short_path, '/'));
    struct trace *trace = trace_open(path, &format, &error);
    assert_that(trace != NULL, "%s", error.message);
    struct trace_line line;
    assert_int_equal(trace_next(trace, &line), TRACE_WRONG);
    assert_true(strlen(trace_reason(trace)) < sizeof error.message);
    assert_non_null(strstr(trace_reason(trace), ":1: there is no size"));
    trace_close(trace);
    unlink(path);
}

/* As in `(read line; brisk sim -) < file`. */
static void stdin_is_read_again_from_where_it_was(void **state)
{
    (void)state;
    struct brisk_error error = {0};
    struct trace_format format = {0, 0};
    const char *path = file_with("header of it\na 1\nb 2\n", 21);
    int saved = dup(STDIN_FILENO), file = open(path, O_RDONLY);
    assert_int_equal(dup2(file, STDIN_FILENO), STDIN_FILENO);
    lseek(STDIN_FILENO, 13, SEEK_SET);

    struct trace *trace = trace_open("-", &format, &error);
    assert_non_null(trace);
    assert_true(trace_make_seekable(trace));
    for (int i = 0; i < 2; i++) {
        assert_line(trace, "a", 1, 0);
        assert_line(trace, "b", 2, 0);
        assert_true(trace_progress(trace) == 1);
        assert_true(trace_rewind(trace));
    }

    trace_close(trace);
    dup2(saved, STDIN_FILENO);
    close(saved);
    close(file);
    unlink(path);
}

static void what_is_no_file_says_why(void **state)
{
    (void)state;
    struct trace_format format = {0, 0};
    struct brisk_error error = {0};
    assert_null(trace_open("no-such-file", &format, &error));
    assert_non_null(strstr(error.message, "no-such-file: No such file"));
    assert_null(trace_open("/", &format, &error));
    assert_non_null(strstr(error.message, "directory"));
}

static void a_name_is_the_files_own_without_its_endings(void **state)
{
    (void)state;
    struct brisk_error error = {0};
    struct trace_format format = {0, 0};
    assert_int_equal(chdir(P_tmpdir), 0);
    FILE *file = fopen("brisk-name-test.trace.zst", "w");
    assert_non_null(file);
    fclose(file);
    struct trace *trace = trace_open("./brisk-name-test.trace.zst", &format, &error);
    assert_non_null(trace);
    assert_string_equal(trace_name(trace), "brisk-name-test");
    trace_close(trace);
    unlink("brisk-name-test.trace.zst");
}

BRISK_TEST_MAIN(
    cmocka_unit_test(lines_are_key_size_and_time_to_live),
    cmocka_unit_test(an_empty_trace_has_no_lines),
    cmocka_unit_test(fields_of_a_log_are_counted_from_one),
    cmocka_unit_test(a_wrong_line_is_named_with_its_reason),
    cmocka_unit_test(a_line_of_more_than_a_mebibyte_is_wrong),
    cmocka_unit_test(many_lines_are_read_twice_compressed_or_not),
    cmocka_unit_test(compressed_data_that_is_cut_or_damaged_is_wrong),
    cmocka_unit_test(the_end_of_compressed_text_is_not_held_back),
    cmocka_unit_test(a_frame_to_be_skipped_may_come_first),
    cmocka_unit_test(what_gzip_wrote_is_recognized),
    cmocka_unit_test(a_long_path_leaves_room_for_line_and_reason),
    cmocka_unit_test(stdin_is_read_again_from_where_it_was),
    cmocka_unit_test(what_is_no_file_says_why),
    cmocka_unit_test(a_name_is_the_files_own_without_its_endings))
