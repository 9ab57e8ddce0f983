/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "harness/proxy_quantity.h"

enum {
    MAX_HOST = INET6_ADDRSTRLEN,
    MAX_PORT = 65535
};

static enum brisk_status
read_path(struct bk_address *address, const char *path, struct brisk_error *error)
{
    struct sockaddr_un *to = (struct sockaddr_un *)&address->socket;
    size_t length = strlen(path);
    if (length >= sizeof to->sun_path)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            "the path of a socket has at most %zu bytes, not %zu; use a shorter folder",
            sizeof to->sun_path - 1, length);
    to->sun_family = AF_UNIX;
    memcpy(to->sun_path, path, length);
    address->length = sizeof *to;
    return BRISK_OK;
}

static bool set_host(struct bk_address *address, const char *host, in_port_t port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address->socket;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = port;
        address->length = sizeof *v4;
        return true;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address->socket;
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = port;
        address->length = sizeof *v6;
        return true;
    }
    return false;
}

/* "host:port" or "[host]:port". */
static bool read_host_and_port(struct bk_address *address, const char *text)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;
    if (colon == NULL || !bk_number_read(&port, colon + 1, strlen(colon + 1)) || port > MAX_PORT)
        return false;
    size_t length = (size_t)(colon - text);
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    char host[MAX_HOST];
    if (length >= sizeof host)
        return false;
    memcpy(host, text, length);
    host[length] = '\0';
    return set_host(address, host, htons((uint16_t)port));
}

enum brisk_status
bk_address_read(struct bk_address *address, const char *text, struct brisk_error *error)
{
    memset(address, 0, sizeof *address);
    if (strchr(text, '/') != NULL)
        return read_path(address, text, error);
    if (read_host_and_port(address, text))
        return BRISK_OK;
    return bk_error_set(
        error, BRISK_ERR_INVALID, 0,
        "'%.60s' is no address; write 127.0.0.1:PORT, [::1]:PORT, or the path of a UNIX socket "
        "with "
        "a '/'",
        text);
}

bool bk_address_is_unix(const struct bk_address *address)
{
    return address->socket.ss_family == AF_UNIX;
}

const char *bk_address_path(const struct bk_address *address)
{
    return ((const struct sockaddr_un *)&address->socket)->sun_path;
}

unsigned int bk_address_port(const struct bk_address *address)
{
    if (address->socket.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&address->socket)->sin_port);
    if (address->socket.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address->socket)->sin6_port);
    return 0;
}

void bk_address_print(const struct bk_address *address, char text[BK_ADDRESS_TEXT])
{
    char host[MAX_HOST] = "";
    if (bk_address_is_unix(address)) {
        snprintf(text, BK_ADDRESS_TEXT, "%s", bk_address_path(address));
        return;
    }
    bool is_v6 = address->socket.ss_family == AF_INET6;
    const void *number =
        is_v6 ? (const void *)&((const struct sockaddr_in6 *)&address->socket)->sin6_addr
              : (const void *)&((const struct sockaddr_in *)&address->socket)->sin_addr;
    inet_ntop(address->socket.ss_family, number, host, sizeof host);
    snprintf(text, BK_ADDRESS_TEXT, is_v6 ? "[%s]:%u" : "%s:%u", host, bk_address_port(address));
}
