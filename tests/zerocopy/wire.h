/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_WIRE_H
#define TEST_WIRE_H

#include <pthread.h>

#include <brisk/send.h>

#include "tests/support/brisk_test.h"

/* What is sent through, and a reader at the other end. */
enum wire_kind {
    WIRE_TCP,
    WIRE_UNIX,
    WIRE_PIPE,
    WIRE_FILE,
    WIRE_KINDS
};

const char *wire_name(enum wire_kind kind);

struct wire {
    int out; /* -1 when closed */
    int in;
};

/* `is_narrow`: takes only a few KiB before it is full. */
struct wire wire_open(enum wire_kind kind, bool is_narrow);
void wire_close(struct wire *wire);
void wire_close_out(struct wire *wire);
void wire_set_nonblocking(int fd);

/* Reads all there is to the end, or `limit` bytes and then closes; `step` bytes at a time. */
struct wire_reader {
    pthread_t thread;
    int fd;
    size_t step;
    size_t limit;
    uint8_t *bytes;
    size_t length;
};

void wire_reader_start(struct wire_reader *reader, struct wire *wire, size_t step, size_t limit);
/* Waits for the end; the bytes are to be freed. */
void wire_reader_finish(struct wire_reader *reader);

/* A file without a name in memory, or on disk, with `length` bytes of a pattern of its own. */
int wire_memory_file(size_t length, unsigned int pattern);
int wire_disk_file(size_t length, unsigned int pattern);
/* The byte of that pattern at `offset`. */
uint8_t wire_byte(unsigned int pattern, uint64_t offset);

/* A message of views and ranges, and the same bytes flat. */
struct wire_message {
    struct brisk_chain *chain;
    uint8_t *bytes;
    size_t length;
    int files[2];
};

/* Header, three ranges of two files, memory between them, trailer; about `scale` bytes. */
struct wire_message wire_message_new(size_t scale);
void wire_message_free(struct wire_message *message);

/* brisk_send, again after each BRISK_AGAIN; adds up in *sent. */
enum brisk_status wire_send_all(
    int fd, struct brisk_chain *chain, const struct brisk_send_options *options, uint64_t *sent);

uint64_t wire_now_ms(void);

/* SIGPIPEs that reached the program since wire_watch_sigpipe. */
void wire_watch_sigpipe(void);
unsigned int wire_sigpipe_count(void);

/* A signal that interrupts system calls, a thousand times a second. */
void wire_storm_begin(void);
void wire_storm_end(void);

#endif
