/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void bk_message_clear(struct bk_message *message)
{
    message->length = 0;
    message->is_too_long = false;
}

void bk_message_add(struct bk_message *message, const char *string)
{
    size_t length = strlen(string) + 1;
    if (length > sizeof message->bytes - message->length) {
        message->is_too_long = true;
        return;
    }
    memcpy(message->bytes + message->length, string, length);
    message->length += length;
}

void bk_message_add_number(struct bk_message *message, long long number)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", number);
    bk_message_add(message, digits);
}

const char *bk_message_next(const struct bk_message *message, size_t *cursor)
{
    if (*cursor >= message->length)
        return NULL;
    const char *string = message->bytes + *cursor;
    *cursor += strlen(string) + 1;
    return string;
}

long long bk_message_next_number(const struct bk_message *message, size_t *cursor)
{
    const char *string = bk_message_next(message, cursor);
    return string == NULL ? 0 : strtoll(string, NULL, 10);
}

bool bk_message_send(int socket, const struct bk_message *message)
{
    if (message->is_too_long) {
        errno = EMSGSIZE;
        return false;
    }
    ssize_t sent;
    do
        sent = send(socket, message->bytes, message->length, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)message->length;
}

bool bk_message_receive(int socket, struct bk_message *message)
{
    bk_message_clear(message);
    ssize_t length;
    do
        length = recv(socket, message->bytes, sizeof message->bytes, MSG_TRUNC);
    while (length < 0 && errno == EINTR);
    if (length <= 0 || (size_t)length > sizeof message->bytes)
        return false;
    message->length = (size_t)length;
    return message->bytes[length - 1] == '\0';
}
