/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/mman.h>
#include <unistd.h>

#include <brisk/cache.h>

#include "tests/zerocopy/wire.h"

enum {
    VALUE_BYTES = 200000
};

/*
 * The whole way of a value, file to view to cache to socket. Whoever copied it on the way
 * would need memory for it, or count it as copied.
 */
struct way {
    struct brisk_cache *cache;
    struct wire wire;
    struct wire_reader reader;
    unsigned int unmapped;
};

static void unmap(void *data, size_t length, void *ctx)
{
    munmap(data, length);
    ++*(unsigned int *)ctx;
}

/* The file's own pages. */
static struct brisk_view map_file(struct way *way)
{
    int file = wire_disk_file(VALUE_BYTES, 3);
    void *data = mmap(NULL, VALUE_BYTES, PROT_READ, MAP_PRIVATE, file, 0);
    struct brisk_view view;
    close(file);
    assert_true(data != MAP_FAILED);
    assert_ok(brisk_view_adopt(&view, data, VALUE_BYTES, unmap, &way->unmapped));
    return view;
}

static void open_way(struct way *way)
{
    *way = (struct way){.cache = brisk_cache_new(NULL, NULL), .wire = wire_open(WIRE_UNIX, false)};
    assert_non_null(way->cache);
    wire_reader_start(&way->reader, &way->wire, 65536, SIZE_MAX);
}

static void close_way(struct way *way, size_t want)
{
    wire_close(&way->wire);
    wire_reader_finish(&way->reader);
    assert_size(way->reader.length, want);
    for (size_t i = 0; i < VALUE_BYTES; i++)
        assert_that(
            way->reader.bytes[want - VALUE_BYTES + i] == wire_byte(3, i), "byte %zu differs", i);
    free(way->reader.bytes);
    brisk_cache_free(way->cache);
    assert_u64(way->unmapped, 1);
}

static void nothing_is_copied_from_a_file_through_the_cache_to_a_socket(void **state)
{
    (void)state;
    struct way way;
    struct brisk_chain *chain = brisk_chain_new();
    struct brisk_send_stats stats = {.size = sizeof stats};
    struct brisk_bytes key = brisk_bytes_text("page");
    struct brisk_view stored, found, header = brisk_view_borrow(brisk_bytes_text("200 OK\r\n\r\n"));
    open_way(&way);
    stored = map_file(&way);
    const uint8_t *data = stored.data;

    assert_ok(brisk_cache_set_view(way.cache, key, &stored, NULL));
    brisk_view_release(&stored);
    assert_ok(brisk_cache_get(way.cache, key, &found)); /* a thread's first read may need memory */
    brisk_view_release(&found);
    uint64_t allocations = allocation_count();
    assert_ok(brisk_cache_get(way.cache, key, &found));
    assert_ok(brisk_chain_append(chain, &header));
    assert_ok(brisk_chain_append(chain, &found));
    brisk_view_release(&found);
    struct brisk_bytes parts[2];
    assert_size(brisk_chain_gather(chain, parts, 2), 2);
    assert_ptr_equal(parts[1].data, data); /* the very memory of the file */
    assert_ok(brisk_send(way.wire.out, chain, NULL, &stats, NULL));

    assert_u64(allocation_count(), allocations);
    assert_u64(stats.bytes_by[BRISK_MECHANISM_MEMORY], VALUE_BYTES + 10);
    assert_u64(stats.bytes_by[BRISK_MECHANISM_COPY], 0);
    brisk_chain_free(chain);
    close_way(&way, VALUE_BYTES + 10);
}

static void a_value_in_a_chain_outlives_its_entry_and_its_cache(void **state)
{
    (void)state;
    struct way way;
    struct brisk_chain *chain = brisk_chain_new();
    struct brisk_bytes key = brisk_bytes_text("page");
    struct brisk_view stored, found;
    open_way(&way);
    stored = map_file(&way);
    assert_ok(brisk_cache_set_view(way.cache, key, &stored, NULL));
    brisk_view_release(&stored);
    assert_ok(brisk_cache_get(way.cache, key, &found));
    assert_ok(brisk_chain_append(chain, &found));
    brisk_view_release(&found);

    brisk_cache_delete(way.cache, key);
    brisk_cache_free(way.cache);
    way.cache = NULL;
    assert_u64(way.unmapped, 0);
    assert_ok(brisk_send(way.wire.out, chain, NULL, NULL, NULL));

    assert_u64(way.unmapped, 1); /* released when sent, not when the chain goes */
    brisk_chain_free(chain);
    close_way(&way, VALUE_BYTES);
}

static void what_was_received_goes_to_the_cache_without_a_copy(void **state)
{
    (void)state;
    struct brisk_cache *cache = brisk_cache_new(NULL, NULL);
    struct brisk_builder *builder = brisk_builder_new(NULL, NULL);
    struct brisk_bytes key = brisk_bytes_text("received");
    struct brisk_view received, found;
    int file = wire_disk_file(VALUE_BYTES, 3);
    size_t got;

    assert_ok(brisk_builder_read_fd(builder, 0, file, 0, VALUE_BYTES, &got, NULL));
    const void *data = brisk_builder_bytes(builder).data;
    assert_ok(brisk_builder_freeze(builder, &received));
    assert_ok(brisk_cache_set_view(cache, key, &received, NULL));
    brisk_view_release(&received);
    assert_ok(brisk_cache_get(cache, key, &found));

    assert_ptr_equal(found.data, data);
    assert_size(found.length, VALUE_BYTES);
    brisk_view_release(&found);
    brisk_builder_free(builder);
    brisk_cache_free(cache);
    close(file);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(nothing_is_copied_from_a_file_through_the_cache_to_a_socket),
    cmocka_unit_test(a_value_in_a_chain_outlives_its_entry_and_its_cache),
    cmocka_unit_test(what_was_received_goes_to_the_cache_without_a_copy))
