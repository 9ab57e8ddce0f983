/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any order of operations on a cache of any policy: three bytes choose it, each four are a step.
 * Its answers and its keys must be the model's, and the sanitizers must stay silent.
 */
#include <stdlib.h>

#include "tests/cache/model_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    static struct world world;
    if (length < WORLD_SETUP_BYTES || !world_open(&world, data))
        return 0;
    for (size_t i = WORLD_SETUP_BYTES; i + WORLD_STEP_BYTES <= length; i += WORLD_STEP_BYTES) {
        if (world_step(&world, data + i))
            continue;
        fprintf(stderr, "%s\n", world.problem);
        abort();
    }
    world_close(&world);
    return 0;
}
