/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any order of copies, slices and releases of eight views: each input byte pair is a step. The
 * views must show what the model says, and the sanitizers must stay silent.
 */
#include <stdlib.h>

#include <brisk/view.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

enum {
    VIEWS = 8
};

struct world {
    struct brisk_view views[VIEWS];
    struct brisk_bytes shown[VIEWS];
};

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check_view(const struct brisk_view *view, struct brisk_bytes shown)
{
    require(view->length == shown.length);
    require(shown.length == 0 || memcmp(view->data, shown.data, shown.length) == 0);
}

static void slice(struct world *world, size_t from, size_t to, size_t offset, size_t length)
{
    struct brisk_bytes shown = world->shown[from];
    int is_inside = from != to && offset <= shown.length && length <= shown.length - offset;
    enum brisk_status answer = brisk_view_slice(
        &world->views[to], &world->views[from], offset, length);
    require(answer == (is_inside ? BRISK_OK : BRISK_ERR_INVALID));
    if (is_inside && length > 0)
        world->shown[to] = brisk_bytes_of((const uint8_t *)shown.data + offset, length);
}

static void step(struct world *world, struct brisk_bytes input, uint8_t what, uint8_t amount)
{
    size_t from = what & 7, to = (what >> 3) & 7;
    size_t offset = amount & 15, length = amount >> 4;
    if (from != to) {
        brisk_view_release(&world->views[to]);
        world->shown[to] = brisk_bytes_of(NULL, 0);
    }
    switch (what >> 6) {
    case 0:
        slice(world, from, to, offset, length);
        break;
    case 1:
        slice(world, from, to, offset, amount == 255 ? SIZE_MAX : length);
        break;
    case 2:
        if (from != to) {
            require(brisk_view_copy(&world->views[to], input) == BRISK_OK);
            world->shown[to] = input;
        }
        break;
    default:
        if (from != to) {
            world->views[to] = brisk_view_retain(&world->views[from]);
            world->shown[to] = world->shown[from];
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    struct world world;
    memset(&world, 0, sizeof world);
    struct brisk_bytes input = brisk_bytes_of(data, length);
    for (size_t i = 0; i + 1 < length; i += 2) {
        step(&world, input, data[i], data[i + 1]);
        for (int k = 0; k < VIEWS; k++)
            check_view(&world.views[k], world.shown[k]);
    }
    for (int k = 0; k < VIEWS; k++)
        brisk_view_release(&world.views[k]);
    return 0;
}
