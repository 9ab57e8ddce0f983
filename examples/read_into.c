/* SPDX-License-Identifier: Apache-2.0 */
/* An array of 8 bytes; 4 random ones are read straight into its second half. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <brisk/brisk.h>

int main(void)
{
    struct brisk_builder *builder = brisk_builder_new(NULL, NULL);
    int source = open("/dev/urandom", O_RDONLY);
    struct brisk_view view;
    uint32_t first_half;
    size_t got;
    if (builder == NULL || source < 0 || brisk_builder_fill(builder, 0, 8) != BRISK_OK ||
        brisk_builder_read_fd(builder, 4, source, BRISK_OFFSET_CURRENT, 4, &got, NULL) !=
            BRISK_OK ||
        brisk_builder_freeze(builder, &view) != BRISK_OK)
        return 1;

    char dump[128];
    brisk_bytes_hexdump(brisk_view_bytes(&view), dump, sizeof dump);
    fprintf(stderr, "%s", dump); /* another one each time */
    if (brisk_bytes_get_u32be(brisk_view_bytes(&view), 0, &first_half) != BRISK_OK)
        return 1;
    printf("%zu bytes, %zu of them read, the first half is %u\n", view.length, got, first_half);
    brisk_view_release(&view);
    brisk_builder_free(builder);
    close(source);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
