/* SPDX-License-Identifier: Apache-2.0 */
/* The two texts that say where code is: the kernel's maps and a JIT's. */
#include "base/memory.h"
#include "profiler/jit_map.h"
#include "profiler/maps.h"
#include "tests/support/brisk_test.h"

static size_t read_maps(const char *text, struct bk_mapping *mappings, size_t most)
{
    const char *end = text + strlen(text);
    size_t count = 0;
    while (count < most && bk_maps_next(&text, end, &mappings[count]))
        count++;
    return count;
}

static void lines_of_maps_are_read_with_every_kind_of_name(void **state)
{
    (void)state;
    struct bk_mapping maps[8];

    size_t count = read_maps(
        "55d0c0a00000-55d0c0a01000 r-xp 00002000 fd:01 1234567                   /usr/bin/a b\n"
        "7ffd1000-7ffd2000 rw-p 00000000 00:00 0 \n"
        "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n"
        "1000-2000 r--s 0 00:01 7 /x (deleted)",
        maps, 8);

    assert_size(count, 4);
    assert_u64(maps[0].start, 0x55d0c0a00000);
    assert_u64(maps[0].end, 0x55d0c0a01000);
    assert_u64(maps[0].offset, 0x2000);
    assert_u64(maps[0].inode, 1234567);
    assert_u64(maps[0].device_major, 0xfd);
    assert_true(maps[0].is_readable && maps[0].is_executable);
    assert_bytes(
        brisk_bytes_of(maps[0].path, maps[0].path_length), brisk_bytes_of("/usr/bin/a b", 12));
    assert_size(maps[1].path_length, 0);
    assert_false(maps[1].is_executable);
    assert_true(maps[2].is_executable && !maps[2].is_readable);
    assert_bytes(
        brisk_bytes_of(maps[3].path, maps[3].path_length), brisk_bytes_of("/x (deleted)", 12));
}

static void lines_that_are_wrong_are_passed_over(void **state)
{
    (void)state;
    struct bk_mapping maps[8];

    size_t count = read_maps(
        "\n"
        "nonsense\n"
        "2000-1000 r-xp 0 00:00 0 /ends before it starts\n"
        "1000-2000 r-x\n"
        "10000000000000000000-2 r-xp 0 00:00 0 /too large\n"
        "1000-2000 r-xp 0 00:00 0 /right\n",
        maps, 8);

    assert_size(count, 1);
    assert_bytes(brisk_bytes_of(maps[0].path, maps[0].path_length), brisk_bytes_of("/right", 6));
}

static void parse_jit(struct bk_jit_map *map, const char *text)
{
    char *copy = bk_strdup(text);
    assert_non_null(copy);
    assert_ok(bk_jit_map_parse(map, copy, strlen(text)));
}

static void a_jit_s_map_may_be_in_any_order_and_have_any_names(void **state)
{
    (void)state;
    struct bk_jit_map map;

    parse_jit(&map, "2000 10 second; function\n1000 20 first\n1000 8 replaced first\n");

    assert_string_equal(bk_jit_map_find(&map, 0x200f)->name, "second; function");
    assert_string_equal(bk_jit_map_find(&map, 0x1000)->name, "replaced first");
    assert_null(bk_jit_map_find(&map, 0x2010));
    assert_null(bk_jit_map_find(&map, 0xfff));
    bk_jit_map_free(&map);
}

static void lines_of_a_jit_that_are_wrong_are_left_out(void **state)
{
    (void)state;
    struct bk_jit_map map;

    parse_jit(
        &map, "\n1000\n1000 10\n1000 10 \nx 10 name\n1000 0 empty\n"
              "fffffffffffffff0 20 wraps\n11111111111111111 10 too large\n3000 1 right");

    assert_size(map.count, 1);
    assert_string_equal(bk_jit_map_find(&map, 0x3000)->name, "right");
    bk_jit_map_free(&map);
}

static void step_jit(bool is_failing, void *ctx)
{
    struct bk_jit_map map;
    char *text = bk_strdup("1000 10 name\n");
    (void)ctx;
    if (text == NULL)
        return;
    enum brisk_status status = bk_jit_map_parse(&map, text, strlen(text));
    assert_true(status == BRISK_OK || (is_failing && status == BRISK_ERR_NOMEM));
    assert_true((map.count == 1) == (status == BRISK_OK));
    bk_jit_map_free(&map);
}

static void a_jit_s_map_without_memory_says_so(void **state)
{
    (void)state;
    for_each_allocation_failure(step_jit, NULL);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(lines_of_maps_are_read_with_every_kind_of_name),
    cmocka_unit_test(lines_that_are_wrong_are_passed_over),
    cmocka_unit_test(a_jit_s_map_may_be_in_any_order_and_have_any_names),
    cmocka_unit_test(lines_of_a_jit_that_are_wrong_are_left_out),
    cmocka_unit_test(a_jit_s_map_without_memory_says_so))
