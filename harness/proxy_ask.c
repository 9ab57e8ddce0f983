/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of the control protocol. */
#include <errno.h>
#include <string.h>
#include <sys/time.h>

#include "base/error.h"
#include "harness/proxy_control.h"

static enum brisk_status fail(struct brisk_error *error)
{
    int sys_errno = errno;
    if (sys_errno == EAGAIN || sys_errno == EWOULDBLOCK)
        return bk_error_set(error, BRISK_ERR_TIMEOUT, sys_errno, "the proxy does not answer");
    return bk_error_set(
        error, BRISK_ERR_UNREACHABLE, sys_errno, "the proxy is gone: %s",
        sys_errno != 0 ? strerror(sys_errno) : "it has closed the connection");
}

static bool send_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return false;
        text += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* The last whole line of an answer, if it is the one that ends it. */
static const char *final_line(char *answer, size_t length)
{
    if (length == 0 || answer[length - 1] != '\n')
        return NULL;
    answer[length - 1] = '\0';
    char *line = strrchr(answer, '\n');
    line = line != NULL ? line + 1 : answer;
    if (strcmp(line, "ok") == 0 || strncmp(line, "error ", 6) == 0)
        return line;
    answer[length - 1] = '\n';
    return NULL;
}

/* Up to and with its final line. */
static enum brisk_status
receive(int fd, char answer[BK_CONTROL_MAX_ANSWER], const char **last, struct brisk_error *error)
{
    size_t length = 0;
    *last = NULL;
    while (*last == NULL) {
        if (length == BK_CONTROL_MAX_ANSWER - 1)
            return bk_error_set(error, BRISK_ERR_CORRUPT, 0, "this is not the answer of a proxy");
        ssize_t part = recv(fd, answer + length, BK_CONTROL_MAX_ANSWER - 1 - length, 0);
        if (part < 0 && errno == EINTR)
            continue;
        if (part == 0)
            errno = 0;
        if (part <= 0)
            return fail(error);
        length += (size_t)part;
        answer[length] = '\0';
        *last = final_line(answer, length);
    }
    return BRISK_OK;
}

static enum brisk_status check_request(const char *request, struct brisk_error *error)
{
    if (strchr(request, '\n') != NULL)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "a request is one line; this one has a line break");
    if (strlen(request) >= BK_CONTROL_MAX_LINE)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0, "a request has less than %d bytes, not %zu",
            BK_CONTROL_MAX_LINE, strlen(request));
    return BRISK_OK;
}

static void limit_waiting(int fd, unsigned int timeout_ms)
{
    struct timeval limit = {
        .tv_sec = (time_t)(timeout_ms / 1000), .tv_usec = (suseconds_t)(timeout_ms % 1000 * 1000)};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

enum brisk_status bk_control_ask(
    int fd, const char *request, unsigned int timeout_ms, struct bk_text *answer,
    struct brisk_error *error)
{
    char buffer[BK_CONTROL_MAX_ANSWER];
    const char *last;
    enum brisk_status status = check_request(request, error);
    if (status != BRISK_OK)
        return status;
    limit_waiting(fd, timeout_ms);
    if (!send_all(fd, request, strlen(request)) || !send_all(fd, "\n", 1))
        return fail(error);
    status = receive(fd, buffer, &last, error);
    if (status != BRISK_OK)
        return status;
    if (strcmp(last, "ok") != 0)
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "%s", last + strlen("error "));
    if (answer != NULL)
        bk_text_put(answer, buffer, (size_t)(last - buffer));
    return BRISK_OK;
}
