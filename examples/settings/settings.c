/* SPDX-License-Identifier: Apache-2.0 */
#include "examples/settings/settings.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    PATIENCE_S = 1, /* for each read and write */
    MESSAGE_BYTES = SETTINGS_NAME_BYTES + SETTINGS_VALUE_BYTES + 64
};

const char *settings_answer_text(enum settings_answer answer)
{
    static const char *const texts[] = {
        "done", "the setting is lost", "the settings' server does not answer",
        "this is no name or value of a setting", "what answers is no memcached"};
    return texts[answer];
}

static int connect_to(const struct settings *settings)
{
    struct timeval patience = {.tv_sec = PATIENCE_S};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(settings->port)};
    if (inet_pton(AF_INET, settings->host, &address.sin_addr) != 1)
        return -1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Sends a request and receives up to `end`, which every answer has; false if it does not come. */
static bool ask(const struct settings *settings, const char *request, const char *end, char *answer)
{
    int fd = connect_to(settings);
    size_t length = 0, wanted = strlen(request);
    bool is_whole = false;
    if (fd < 0)
        return false;
    if (send(fd, request, wanted, MSG_NOSIGNAL) == (ssize_t)wanted) {
        while (!is_whole && length < MESSAGE_BYTES - 1) {
            ssize_t more = recv(fd, answer + length, MESSAGE_BYTES - 1 - length, 0);
            if (more <= 0)
                break;
            length += (size_t)more;
            answer[length] = '\0';
            is_whole = strstr(answer, end) != NULL || strstr(answer, "ERROR") != NULL;
        }
    }
    close(fd);
    return is_whole;
}

static bool is_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= SETTINGS_NAME_BYTES && strpbrk(name, " \t\r\n") == NULL;
}

enum settings_answer
settings_store(const struct settings *settings, const char *name, const char *value)
{
    char request[MESSAGE_BYTES], answer[MESSAGE_BYTES];
    size_t length = strlen(value);
    if (!is_name(name) || length > SETTINGS_VALUE_BYTES || strpbrk(value, "\r\n") != NULL)
        return SETTINGS_NO_SETTING;
    snprintf(request, sizeof request, "set %s 0 0 %zu\r\n%s\r\n", name, length, value);
    if (!ask(settings, request, "STORED\r\n", answer))
        return SETTINGS_NO_SERVER;
    return strcmp(answer, "STORED\r\n") == 0 ? SETTINGS_OK : SETTINGS_NONSENSE;
}

/* "VALUE name flags length\r\nvalue\r\nEND\r\n". */
static bool take_value(const char *answer, const char *name, char *value)
{
    char got_name[SETTINGS_NAME_BYTES + 1];
    unsigned int flags;
    size_t length;
    int header = 0;
    if (sscanf(answer, "VALUE %250s %u %zu%n", got_name, &flags, &length, &header) != 3)
        return false;
    const char *bytes = answer + header + 2;
    if (strcmp(got_name, name) != 0 || length > SETTINGS_VALUE_BYTES ||
        strlen(bytes) != length + strlen("\r\nEND\r\n"))
        return false;
    memcpy(value, bytes, length);
    value[length] = '\0';
    return true;
}

enum settings_answer settings_retrieve(
    const struct settings *settings, const char *name, char value[SETTINGS_VALUE_BYTES + 1])
{
    char request[MESSAGE_BYTES], answer[MESSAGE_BYTES];
    value[0] = '\0';
    if (!is_name(name))
        return SETTINGS_NO_SETTING;
    snprintf(request, sizeof request, "get %s\r\n", name);
    if (!ask(settings, request, "END\r\n", answer))
        return SETTINGS_NO_SERVER;
    if (strcmp(answer, "END\r\n") == 0)
        return SETTINGS_LOST;
    return take_value(answer, name, value) ? SETTINGS_OK : SETTINGS_NONSENSE;
}
