/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_PROXY_ADDRESS_H
#define BK_PROXY_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <brisk/status.h>

enum {
    BK_ADDRESS_TEXT = sizeof((struct sockaddr_un *)0)->sun_path + 1
};

struct bk_address {
    struct sockaddr_storage socket;
    socklen_t length;
};

/*
 * "127.0.0.1:11211", "[::1]:80": numbers only, nothing is looked up. What has a '/' is the path of
 * a UNIX socket. BRISK_ERR_INVALID says what is wrong.
 */
enum brisk_status
bk_address_read(struct bk_address *address, const char *text, struct brisk_error *error);

/* In the form that is read. */
void bk_address_print(const struct bk_address *address, char text[BK_ADDRESS_TEXT]);

bool bk_address_is_unix(const struct bk_address *address);

/* The path of a UNIX socket. */
const char *bk_address_path(const struct bk_address *address);

/* 0 of a UNIX socket. */
unsigned int bk_address_port(const struct bk_address *address);

#endif
