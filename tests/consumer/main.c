/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <brisk/brisk.h>

int main(void)
{
    struct brisk_view view;
    enum brisk_status status = brisk_view_copy(&view, brisk_bytes_text("consumed"));
    if (status < 0) {
        fprintf(stderr, "%s\n", brisk_status_text(status));
        return 1;
    }
    printf("brisk %s %.*s\n", brisk_version(), (int)view.length, (const char *)view.data);
    brisk_view_release(&view);
    return 0;
}
