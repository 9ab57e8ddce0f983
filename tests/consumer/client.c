/* SPDX-License-Identifier: Apache-2.0 */
/* A program that links libbrisk-memcached; there need be no server. */
#include <brisk/brisk.h>
#include <brisk/memcached.h>
#include <stdio.h>

int main(void)
{
    struct brisk_error error;
    struct brisk_memcached_item item;
    struct brisk_memcached *client = brisk_memcached_open(NULL, &error);
    if (client == NULL)
        return 1;
    if (brisk_memcached_get(client, brisk_bytes_text("no key"), NULL, &item, &error) !=
        BRISK_ERR_INVALID)
        return 1;
    brisk_memcached_close(client);
    printf("brisk %s consumed\n", brisk_version());
    return 0;
}
