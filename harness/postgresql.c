/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/postgresql.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    PROTOCOL = 3 << 16,
    HEADER_BYTES = 5, /* a letter and the length of the rest, itself included */
    MESSAGE_BYTES = 1024,
};

static void put_u32(char *into, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        into[i] = (char)(value >> (24 - 8 * i));
}

static uint32_t get_u32(const char *from)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++)
        value = value << 8 | (unsigned char)from[i];
    return value;
}

/* The field 'M' of an error: what happened, for people. */
static void keep_message(char *answer, const char *fields, size_t length)
{
    for (size_t at = 0; at < length && fields[at] != '\0';) {
        size_t span = strnlen(fields + at, length - at);
        if (fields[at] == 'M')
            snprintf(answer, BK_POSTGRESQL_ANSWER_BYTES, "%.*s", (int)(span - 1), fields + at + 1);
        at += span + 1;
    }
}

/* Skips the rest of a message that may be longer than the buffer. */
static bool skip(struct bk_talk *talk, size_t length)
{
    while (length > 0) {
        if (talk->received == 0 && !bk_talk_need(talk, 1))
            return false;
        size_t step = length < talk->received ? length : talk->received;
        bk_talk_drop(talk, step);
        length -= step;
    }
    return true;
}

/* Reads up to ReadyForQuery ('Z'); false if there was an error or the connection ended. */
static bool await_ready(struct bk_talk *talk, char *answer)
{
    bool is_good = true;
    for (;;) {
        if (!bk_talk_need(talk, HEADER_BYTES))
            return false;
        char kind = talk->buffer[0];
        uint32_t length = get_u32(talk->buffer + 1);
        if (length < 4)
            return false;
        bk_talk_drop(talk, HEADER_BYTES);
        length -= 4;
        if (kind == 'E') {
            is_good = false;
            if (length <= BK_TALK_BYTES && bk_talk_need(talk, length))
                keep_message(answer, talk->buffer, length);
        }
        if (kind == 'R' && (!bk_talk_need(talk, 4) || get_u32(talk->buffer) != 0)) {
            snprintf(answer, BK_POSTGRESQL_ANSWER_BYTES, "it wants a password");
            return false;
        }
        if (!skip(talk, length))
            return false;
        if (kind == 'Z')
            return is_good;
    }
}

bool bk_postgresql_login(struct bk_talk *talk, const char *user, const char *database, char *answer)
{
    char message[MESSAGE_BYTES];
    size_t used = 8;
    const char *const words[] = {"user", user, "database", database, ""};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t length = strlen(words[i]) + 1;
        if (used + length > sizeof message)
            return false;
        memcpy(message + used, words[i], length);
        used += length;
    }
    put_u32(message, (uint32_t)used);
    put_u32(message + 4, PROTOCOL);
    snprintf(answer, BK_POSTGRESQL_ANSWER_BYTES, "the server closed the connection");
    return bk_talk_send(talk, message, used) && await_ready(talk, answer);
}

bool bk_postgresql_execute(struct bk_talk *talk, const char *statement, char *answer)
{
    char message[MESSAGE_BYTES];
    size_t length = strlen(statement) + 1;
    if (HEADER_BYTES + length > sizeof message)
        return false;
    message[0] = 'Q';
    put_u32(message + 1, (uint32_t)(4 + length));
    memcpy(message + HEADER_BYTES, statement, length);
    snprintf(answer, BK_POSTGRESQL_ANSWER_BYTES, "the server closed the connection");
    return bk_talk_send(talk, message, HEADER_BYTES + length) && await_ready(talk, answer);
}
