/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/debug_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "profiler/cursor.h"

enum {
    PATH_BYTES = 4096
};

struct wanted {
    const struct bk_module *module;
    bool has_crc;
    uint32_t crc;
};

/* CRC-32 as in ISO 3309, which .gnu_debuglink has of the whole file. */
static bool crc_of(const struct bk_source *source, uint32_t *crc)
{
    uint32_t table[256];
    uint8_t bytes[1 << 14];
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ ((table[i] & 1) != 0 ? UINT32_C(0xedb88320) : 0);
    }
    uint32_t value = UINT32_MAX;
    for (uint64_t at = 0; at < source->length; at += sizeof bytes) {
        uint64_t left = source->length - at;
        size_t length = left < sizeof bytes ? (size_t)left : sizeof bytes;
        if (!bk_source_read(source, at, bytes, length))
            return false;
        for (size_t i = 0; i < length; i++)
            value = value >> 8 ^ table[(value ^ bytes[i]) & 0xff];
    }
    *crc = ~value;
    return true;
}

static enum brisk_status check(const struct wanted *wanted, const struct bk_elf *debug)
{
    const struct bk_build_id *own = &wanted->module->build_id;
    struct bk_build_id id;
    uint32_t crc;
    if (own->length == 0) {
        bool is_right = wanted->has_crc && crc_of(&debug->source, &crc) && crc == wanted->crc;
        return is_right ? BRISK_OK : BRISK_MISS;
    }
    enum brisk_status status = bk_elf_build_id(debug, &id);
    if (status != BRISK_OK)
        return status;
    bool is_right = id.length == own->length && memcmp(id.bytes, own->bytes, id.length) == 0;
    return is_right ? BRISK_OK : BRISK_MISS;
}

static enum brisk_status
try_path(const struct wanted *wanted, const char *path, struct bk_elf *debug)
{
    struct stat file;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return BRISK_MISS;
    struct bk_source source = {.fd = fd};
    enum brisk_status status = BRISK_MISS;
    if (fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && file.st_size > 0) {
        source.length = (uint64_t)file.st_size;
        status = bk_elf_open(debug, &source);
    }
    if (status != BRISK_OK) {
        close(fd);
        return status == BRISK_ERR_NOMEM ? status : BRISK_MISS;
    }
    status = check(wanted, debug);
    if (status != BRISK_OK)
        bk_debug_file_close(debug);
    return status;
}

static enum brisk_status
try_both_roots(const struct wanted *wanted, pid_t pid, const char *path, struct bk_elf *debug)
{
    char in_process[PATH_BYTES + 32];
    snprintf(in_process, sizeof in_process, "/proc/%d/root%s", (int)pid, path);
    enum brisk_status status = try_path(wanted, in_process, debug);
    return status == BRISK_MISS ? try_path(wanted, path, debug) : status;
}

static enum brisk_status by_build_id(const struct wanted *wanted, pid_t pid, struct bk_elf *debug)
{
    const struct bk_build_id *id = &wanted->module->build_id;
    char path[64 + 2 * BK_BUILD_ID_BYTES];
    if (id->length < 2)
        return BRISK_MISS;
    int length = snprintf(path, sizeof path, "/usr/lib/debug/.build-id/%02x/", id->bytes[0]);
    for (size_t i = 1; i < id->length; i++)
        length += snprintf(path + length, sizeof path - (size_t)length, "%02x", id->bytes[i]);
    snprintf(path + length, sizeof path - (size_t)length, ".debug");
    return try_both_roots(wanted, pid, path, debug);
}

/* The three places of gdb, for a module in `folder`. */
static enum brisk_status
by_name(const struct wanted *wanted, pid_t pid, const char *name, struct bk_elf *debug)
{
    const char *module = wanted->module->path;
    const char *slash = strrchr(module, '/');
    if (slash == NULL || *name == '\0' || strchr(name, '/') != NULL)
        return BRISK_MISS;
    int folder = (int)(slash - module);
    const char *const forms[][2] = {{"", "/"}, {"", "/.debug/"}, {"/usr/lib/debug", "/"}};
    enum brisk_status status = BRISK_MISS;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0] && status == BRISK_MISS; i++) {
        char path[PATH_BYTES];
        int length = snprintf(
            path, sizeof path, "%s%.*s%s%s", forms[i][0], folder, module, forms[i][1], name);
        if (length < (int)sizeof path)
            status = try_both_roots(wanted, pid, path, debug);
    }
    return status;
}

/* The section is a name, zeros up to a multiple of 4, and the CRC. */
static enum brisk_status by_link(struct wanted *wanted, pid_t pid, struct bk_elf *debug)
{
    const struct bk_elf *elf = &wanted->module->elf;
    const Elf64_Shdr *section = bk_elf_section(elf, ".gnu_debuglink");
    uint8_t *bytes;
    if (section == NULL)
        return BRISK_MISS;
    enum brisk_status status = bk_elf_load(elf, section, &bytes);
    if (status != BRISK_OK)
        return status;
    struct bk_cursor cursor = bk_cursor_of(bytes, section->sh_size);
    const char *name = bk_cursor_string(&cursor);
    size_t used = (size_t)(cursor.at - bytes);
    bk_cursor_take(&cursor, -used & 3);
    wanted->crc = (uint32_t)bk_cursor_unsigned(&cursor, 4);
    wanted->has_crc = !cursor.is_short;
    status = wanted->has_crc ? by_name(wanted, pid, name, debug) : BRISK_MISS;
    bk_free(bytes);
    return status;
}

enum brisk_status
bk_debug_file_open(struct bk_elf *debug, const struct bk_module *module, pid_t pid)
{
    struct wanted wanted = {.module = module};
    enum brisk_status status = by_build_id(&wanted, pid, debug);
    return status == BRISK_MISS ? by_link(&wanted, pid, debug) : status;
}

void bk_debug_file_close(struct bk_elf *debug)
{
    close(debug->source.fd);
    bk_elf_close(debug);
}
