/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over stored inputs, without libFuzzer: files and folders are arguments. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

enum {
    MAX_INPUT_BYTES = 1 << 20
};

static uint8_t *input;
static unsigned int inputs_run;

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    size_t length = fread(input, 1, MAX_INPUT_BYTES, file);
    fclose(file);
    /* A copy of the exact length, so that AddressSanitizer sees a read beyond the end. */
    uint8_t *exact = malloc(length > 0 ? length : 1);
    if (exact == NULL)
        return 1;
    memcpy(exact, input, length);
    LLVMFuzzerTestOneInput(exact, length);
    free(exact);
    inputs_run++;
    return 0;
}

static int replay_folder(const char *path, DIR *folder)
{
    int failures = 0;
    for (struct dirent *item = readdir(folder); item != NULL; item = readdir(folder)) {
        char file[4096];
        if (item->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "%s/%s", path, item->d_name);
        failures += replay_file(file);
    }
    closedir(folder);
    return failures;
}

int main(int argc, char **argv)
{
    int failures = 0;
    input = malloc(MAX_INPUT_BYTES);
    if (input == NULL)
        return 1;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        failures += folder != NULL ? replay_folder(argv[i], folder) : replay_file(argv[i]);
    }
    free(input);
    printf("%u inputs replayed\n", inputs_run);
    return failures > 0 || inputs_run == 0 ? 1 : 0;
}
