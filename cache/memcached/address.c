/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/memcached/address.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/error.h"
#include "base/memory.h"

enum {
    DEFAULT_PORT = 11211,
    HOST_MAX = 255 /* of a name in DNS, and less than libmemcached takes */
};

static enum brisk_status refuse(const char *text, const char *why, struct brisk_error *error)
{
    return bk_error_set(error, BRISK_ERR_INVALID, 0, "the server's address '%.128s' %s", text, why);
}

/* 1 to 65535; 0 if it is no such number. */
static uint16_t read_port(const char *text)
{
    uint32_t port = 0;
    if (*text == '\0')
        return 0;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return 0;
        port = port * 10 + (uint32_t)(*text - '0');
        if (port > UINT16_MAX)
            return 0;
    }
    return (uint16_t)port;
}

static enum brisk_status keep_host(struct bk_mc_address *out, const char *host, size_t length)
{
    out->host = bk_malloc(length + 1);
    if (out->host == NULL)
        return BRISK_ERR_NOMEM;
    memcpy(out->host, host, length);
    out->host[length] = '\0';
    return BRISK_OK;
}

static enum brisk_status
read_socket(struct bk_mc_address *out, const char *path, struct brisk_error *error)
{
    size_t length = strlen(path);
    if (length >= sizeof((struct sockaddr_un *)0)->sun_path)
        return refuse(path, "is too long for a UNIX socket", error);
    out->is_unix = true;
    out->port = 0;
    return keep_host(out, path, length);
}

enum brisk_status
bk_mc_address_read(struct bk_mc_address *out, const char *text, struct brisk_error *error)
{
    *out = (struct bk_mc_address){.port = DEFAULT_PORT};
    if (text == NULL || *text == '\0')
        return refuse(text == NULL ? "" : text, "is empty", error);
    if (*text == '/')
        return read_socket(out, text, error);

    const char *host = text, *end = text + strlen(text), *port = NULL;
    const char *colon = strchr(text, ':');
    if (*text == '[') {
        host = text + 1;
        end = strchr(host, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return refuse(text, "has no matching bracket", error);
        port = end[1] == ':' ? end + 2 : NULL;
    } else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
        end = colon; /* with several colons it is an IPv6 address without a port */
        port = colon + 1;
    }
    struct brisk_bytes name = {host, (size_t)(end - host)};
    if (name.length == 0 || name.length > HOST_MAX)
        return refuse(text, "has no host, or a too long one", error);
    for (const char *at = host; at < end; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f || *at == '/')
            return refuse(text, "has a blank, a slash or a control character", error);
    if (port != NULL) {
        out->port = read_port(port);
        if (out->port == 0)
            return refuse(text, "has a port that is not 1 to 65535", error);
    }
    return keep_host(out, host, name.length);
}

char *bk_mc_address_name(const struct bk_mc_address *address)
{
    size_t capacity = strlen(address->host) + sizeof ":65535";
    char *name = bk_malloc(capacity);
    if (name == NULL)
        return NULL;
    if (address->port == DEFAULT_PORT)
        snprintf(name, capacity, "%s", address->host);
    else
        snprintf(name, capacity, "%s:%u", address->host, (unsigned int)address->port);
    return name;
}
