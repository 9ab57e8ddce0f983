/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two bytes are one operation on a chain of views and ranges of a file. It must always be
 * what a flat array says, and the sanitizers must stay silent.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <brisk/chain.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

enum {
    FILE_BYTES = 256,
    FLAT_BYTES = 1 << 16
};

struct world {
    struct brisk_chain *chain;
    struct brisk_chain *other; /* what is concatenated */
    int file;
    uint8_t flat[FLAT_BYTES];
    size_t length;
    uint8_t other_flat[FLAT_BYTES];
    size_t other_length;
};

static void require(int condition)
{
    if (!condition)
        abort();
}

static uint8_t file_byte(size_t offset)
{
    return (uint8_t)(offset * 7 + 1);
}

static void put(struct world *world, int is_front, const uint8_t *bytes, size_t count)
{
    if (is_front)
        memmove(world->flat + count, world->flat, world->length);
    memcpy(is_front ? world->flat : world->flat + world->length, bytes, count);
    world->length += count;
}

static void add_view(struct world *world, int is_front, size_t offset, size_t count)
{
    uint8_t bytes[16];
    struct brisk_view view;
    for (size_t i = 0; i < count; i++)
        bytes[i] = file_byte(offset + i);
    require(brisk_view_copy(&view, brisk_bytes_of(bytes, count)) == BRISK_OK);
    require(
        (is_front ? brisk_chain_prepend(world->chain, &view)
                  : brisk_chain_append(world->chain, &view)) == BRISK_OK);
    brisk_view_release(&view);
    put(world, is_front, bytes, count);
}

static void add_file(struct world *world, int is_front, size_t offset, size_t count)
{
    uint8_t bytes[16];
    for (size_t i = 0; i < count; i++)
        bytes[i] = file_byte(offset + i);
    require(
        (is_front ? brisk_chain_prepend_file(
                        world->chain, world->file, (int64_t)offset, count, BRISK_FD_BORROW)
                  : brisk_chain_append_file(
                        world->chain, world->file, (int64_t)offset, count, BRISK_FD_BORROW)) ==
        BRISK_OK);
    put(world, is_front, bytes, count);
}

static void consume(struct world *world, size_t count)
{
    enum brisk_status answer = brisk_chain_consume(world->chain, count);
    require(answer == (count <= world->length ? BRISK_OK : BRISK_ERR_INVALID));
    if (answer != BRISK_OK)
        return;
    memmove(world->flat, world->flat + count, world->length - count);
    world->length -= count;
}

static void linearise(struct world *world, size_t count)
{
    struct brisk_view view;
    enum brisk_status answer = brisk_chain_linearise(world->chain, count, &view, NULL);
    require(answer == (count <= world->length ? BRISK_OK : BRISK_ERR_INVALID));
    require(view.length == (answer == BRISK_OK ? count : 0));
    require(view.length == 0 || memcmp(view.data, world->flat, count) == 0);
    brisk_view_release(&view);
}

static void gather(const struct world *world)
{
    struct brisk_bytes parts[16];
    size_t count = brisk_chain_gather(world->chain, parts, 16);
    size_t offset = 0;
    for (size_t i = 0; i < count; offset += parts[i++].length) {
        require(offset + parts[i].length <= world->length);
        require(memcmp(parts[i].data, world->flat + offset, parts[i].length) == 0);
    }
}

/* The chain becomes the other one, and the other way round. */
static void swap(struct world *world)
{
    static uint8_t flat[FLAT_BYTES];
    struct brisk_chain *chain = world->chain;
    size_t length = world->length;
    memcpy(flat, world->flat, length);
    memcpy(world->flat, world->other_flat, world->other_length);
    memcpy(world->other_flat, flat, length);
    world->chain = world->other;
    world->other = chain;
    world->length = world->other_length;
    world->other_length = length;
}

static void concat(struct world *world)
{
    if (world->length + world->other_length > FLAT_BYTES)
        return;
    require(brisk_chain_concat(world->chain, world->other) == BRISK_OK);
    put(world, 0, world->other_flat, world->other_length);
    world->other_length = 0;
}

static void step(struct world *world, uint8_t what, uint8_t amount)
{
    int is_front = (what & 8) != 0;
    size_t count = amount & 15, offset = amount >> 2;
    if (world->length + 16 > FLAT_BYTES)
        consume(world, world->length);
    switch (what & 7) {
    case 0:
    case 1:
        add_view(world, is_front, offset, count);
        break;
    case 2:
    case 3:
        add_file(world, is_front, offset, count);
        break;
    case 4:
        consume(world, amount);
        break;
    case 5:
        linearise(world, amount);
        break;
    case 6:
        gather(world);
        swap(world);
        break;
    default:
        concat(world);
        break;
    }
    require(brisk_chain_length(world->chain) == world->length);
}

static int file_with_bytes(void)
{
    uint8_t bytes[FILE_BYTES];
    int file = memfd_create("fuzz", MFD_CLOEXEC);
    for (size_t i = 0; i < FILE_BYTES; i++)
        bytes[i] = file_byte(i);
    require(file >= 0 && write(file, bytes, FILE_BYTES) == FILE_BYTES);
    return file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    static struct world world;
    static int file = -1;
    if (file < 0)
        file = file_with_bytes();
    world.chain = brisk_chain_new();
    world.other = brisk_chain_new();
    world.file = file;
    world.length = 0;
    world.other_length = 0;
    for (size_t i = 0; i + 1 < length; i += 2)
        step(&world, data[i], data[i + 1]);
    linearise(&world, world.length);
    brisk_chain_free(world.chain);
    brisk_chain_free(world.other);
    return 0;
}
