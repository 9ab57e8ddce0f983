/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any output of a program, read at once and byte by byte: the events and the text must be the
 * same, and results must be those of a test that has started.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/runner/cmocka_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

struct trace {
    uint64_t events; /* a hash */
    uint64_t text;
    size_t text_length;
    bool is_running;
    char name[BK_CMOCKA_NAME];
};

static void require(int condition)
{
    if (!condition)
        abort();
}

static void mix(uint64_t *hash, const char *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        *hash = (*hash ^ (unsigned char)data[i]) * UINT64_C(1099511628211);
}

static void on_event(enum bk_cmocka_event event, const char *name, void *ctx)
{
    struct trace *trace = ctx;
    char number = (char)event;
    mix(&trace->events, &number, 1);
    mix(&trace->events, name, strlen(name) + 1);
    if (event == BK_CMOCKA_TEST_STARTED) {
        require(!trace->is_running && strlen(name) < sizeof trace->name);
        strcpy(trace->name, name);
        trace->is_running = true;
    }
    if (event == BK_CMOCKA_TEST_PASSED || event == BK_CMOCKA_TEST_FAILED ||
        event == BK_CMOCKA_TEST_SKIPPED) {
        require(trace->is_running && strcmp(name, trace->name) == 0);
        trace->is_running = false;
    }
}

static void on_text(const char *data, size_t length, void *ctx)
{
    struct trace *trace = ctx;
    mix(&trace->text, data, length);
    trace->text_length += length;
}

static void read_all(const uint8_t *data, size_t length, size_t piece, struct trace *trace)
{
    static struct bk_cmocka_lines lines;
    struct bk_cmocka_handler handler = {on_event, on_text, trace};
    memset(trace, 0, sizeof *trace);
    bk_cmocka_lines_init(&lines, handler);
    for (size_t at = 0; at < length; at += piece) {
        size_t left = length - at;
        bk_cmocka_lines_feed(&lines, (const char *)data + at, left < piece ? left : piece);
    }
    bk_cmocka_lines_finish(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    static struct trace whole, bytes;
    read_all(data, length, length + 1, &whole);
    read_all(data, length, 1, &bytes);
    require(whole.events == bytes.events && whole.text == bytes.text);
    require(whole.text_length == bytes.text_length && whole.text_length <= length);
    return 0;
}
