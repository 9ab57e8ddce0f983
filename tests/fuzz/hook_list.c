/* SPDX-License-Identifier: Apache-2.0 */
/* Any answer of a hook: a list that is taken holds as many tests as the bytes say. */
#include <stdint.h>
#include <stdlib.h>

#include "harness/runner/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static void require(int condition)
{
    if (!condition)
        abort();
}

/* Fields that begin with a t. */
static size_t count_tests(const uint8_t *data, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += data[i] == 't' && (i == 0 || data[i - 1] == '\0');
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    struct bk_program program = {0};
    enum brisk_status status = bk_program_read_list(&program, (const char *)data, length);
    require(status == BRISK_OK || status == BRISK_ERR_CORRUPT);
    if (status == BRISK_OK) {
        require(program.result_count == count_tests(data, length));
        for (size_t i = 0; i < program.result_count; i++)
            require(program.results[i].test_number <= i);
    }
    bk_program_free(&program);
    bk_program_read_end((const char *)data, length);
    return 0;
}
