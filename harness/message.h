/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_MESSAGE_H
#define BK_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What goes between a fixture's guard and those who talk to it, over a socket that keeps
 * messages apart: strings, each with its '\0'.
 */
enum {
    BK_MESSAGE_BYTES = 65536,
};

struct bk_message {
    size_t length;
    bool is_too_long; /* a string did not fit; it will not be sent */
    char bytes[BK_MESSAGE_BYTES];
};

void bk_message_clear(struct bk_message *message);
void bk_message_add(struct bk_message *message, const char *string);
void bk_message_add_number(struct bk_message *message, long long number);

/* The next string from *cursor on, which begins at 0; NULL at the end. */
const char *bk_message_next(const struct bk_message *message, size_t *cursor);
/* 0 if there is none. */
long long bk_message_next_number(const struct bk_message *message, size_t *cursor);

/* False, with errno, if it was not sent whole. Never raises SIGPIPE. */
bool bk_message_send(int socket, const struct bk_message *message);

/* False at the end of the connection and after an error; what came may be cut nowhere. */
bool bk_message_receive(int socket, struct bk_message *message);

#endif
