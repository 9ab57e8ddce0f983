/* SPDX-License-Identifier: Apache-2.0 */
#include "base/options.h"

#include <stdbool.h>
#include <string.h>

#include "base/error.h"

static bool is_zero(const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

enum brisk_status bk_options_read(
    void *into, size_t known_size, const void *options, size_t min_size, struct brisk_error *error)
{
    memset(into, 0, known_size);
    if (options == NULL) {
        memcpy(into, &known_size, sizeof known_size);
        return BRISK_OK;
    }

    size_t size;
    memcpy(&size, options, sizeof size);
    if (size < min_size)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            "options.size is %zu, not %zu or more; start from the options' _default()", size,
            min_size);

    const unsigned char *bytes = options;
    if (size > known_size && !is_zero(bytes + known_size, size - known_size))
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            "an option beyond byte %zu is set that this version of brisk does not know",
            known_size);

    memcpy(into, options, size < known_size ? size : known_size);
    memcpy(into, &known_size, sizeof known_size);
    return BRISK_OK;
}
