/* SPDX-License-Identifier: Apache-2.0 */
/* ELF files: those of subject.c as they were built, cut off and damaged. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "profiler/demangle.h"
#include "profiler/eh_frame.h"
#include "profiler/elf_image.h"
#include "profiler/symbol_table.h"
#include "tests/profiler/subject_support.h"

/* The whole file; to be freed. */
static uint8_t *read_file(const char *path, size_t *length)
{
    struct stat status;
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_i64(fstat(fd, &status), 0);
    *length = (size_t)status.st_size;
    uint8_t *bytes = bk_malloc(*length);
    struct bk_source source = {.fd = fd, .length = *length};
    assert_non_null(bytes);
    assert_true(bk_source_read(&source, 0, bytes, *length));
    close(fd);
    return bytes;
}

static const struct bk_symbol *find_by_name(const struct bk_symbol_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(bk_symbol_name(table, &table->symbols[i]), name) == 0)
            return &table->symbols[i];
    return NULL;
}

static void a_program_s_functions_have_names_and_rules(void **state)
{
    (void)state;
    size_t length;
    uint8_t *bytes = read_file(SUBJECT_PLAIN, &length);
    struct bk_source source = {.data = bytes, .fd = -1, .length = length};
    struct bk_elf elf;
    struct bk_symbol_table symbols;
    struct bk_unwind_table table;
    struct bk_build_id id;
    uint64_t first;

    assert_ok(bk_elf_open(&elf, &source));
    assert_true(bk_elf_first_address(&elf, &first));
    assert_ok(bk_elf_build_id(&elf, &id));
    assert_ok(bk_symbol_table_load(&symbols, &elf, ".symtab", first));
    assert_ok(bk_eh_frame_load(&elf, &table));

    const struct bk_symbol *recurse = find_by_name(&symbols, "recurse");
    assert_non_null(recurse);
    assert_true(recurse->length > 8);
    assert_ptr_equal(bk_symbol_table_find(&symbols, recurse->start), recurse);
    assert_ptr_equal(bk_symbol_table_find(&symbols, recurse->start + recurse->length - 1), recurse);
    assert_true(bk_symbol_table_find(&symbols, recurse->start + recurse->length) != recurse);
    assert_null(bk_symbol_table_find(&symbols, 0));
    struct bk_unwind_rule rule = bk_unwind_table_find(&table, recurse->start);
    assert_i64(rule.kind, BK_UNWIND_SP);
    assert_i64(rule.offset_words, 1);
    bk_unwind_table_free(&table);
    bk_symbol_table_free(&symbols);
    bk_elf_close(&elf);
    bk_free(bytes);
}

static void without_section_headers_the_search_header_leads_to_the_same_table(void **state)
{
    (void)state;
    size_t length;
    uint8_t *bytes = read_file(SUBJECT_PLAIN, &length);
    struct bk_source source = {.data = bytes, .fd = -1, .length = length};
    struct bk_elf elf;
    struct bk_unwind_table by_section, by_header;
    assert_ok(bk_elf_open(&elf, &source));
    assert_ok(bk_eh_frame_load(&elf, &by_section));
    bk_elf_close(&elf);
    memset(bytes + offsetof(Elf64_Ehdr, e_shoff), 0, sizeof(Elf64_Off));
    memset(bytes + offsetof(Elf64_Ehdr, e_shnum), 0, sizeof(Elf64_Half));

    assert_ok(bk_elf_open(&elf, &source));
    assert_size(elf.section_count, 0);
    assert_ok(bk_eh_frame_load(&elf, &by_header));

    assert_size(by_header.count, by_section.count);
    assert_memory_equal(
        by_header.rows, by_section.rows, by_section.count * sizeof *by_section.rows);
    bk_unwind_table_free(&by_section);
    bk_unwind_table_free(&by_header);
    bk_elf_close(&elf);
    bk_free(bytes);
}

static void read_everything(const uint8_t *bytes, size_t length)
{
    struct bk_source source = {.data = bytes, .fd = -1, .length = length};
    struct bk_elf elf;
    struct bk_symbol_table symbols;
    struct bk_unwind_table table;
    struct bk_build_id id;
    enum brisk_status status = bk_elf_open(&elf, &source);
    assert_true(
        status == BRISK_OK || status == BRISK_ERR_CORRUPT || status == BRISK_ERR_UNSUPPORTED ||
        status == BRISK_ERR_NOMEM);
    if (status != BRISK_OK)
        return;
    assert_ok(bk_elf_build_id(&elf, &id));
    bk_symbol_table_load(&symbols, &elf, ".symtab", 0);
    bk_eh_frame_load(&elf, &table);
    bk_symbol_table_free(&symbols);
    bk_unwind_table_free(&table);
    bk_elf_close(&elf);
}

static void files_that_are_cut_off_or_damaged_are_read_as_far_as_they_go(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    size_t length;
    uint8_t *bytes = read_file(SUBJECT_PLAIN, &length);

    for (size_t end = 0; end < length; end += end < 4096 ? 1 : 97)
        read_everything(bytes, end);
    for (unsigned int i = 0; i < scaled(3000); i++) {
        size_t range = i % 2 == 0 ? 1024 : length;
        size_t at = test_random_below(&random, range);
        uint8_t before = bytes[at];
        bytes[at] = (uint8_t)test_random_next(&random);
        read_everything(bytes, length);
        bytes[at] = before;
    }
    bk_free(bytes);
}

static void what_is_no_elf_file_of_this_machine_is_told_apart(void **state)
{
    (void)state;
    Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB}};
    struct bk_source source = {.data = (const uint8_t *)&header, .fd = -1, .length = sizeof header};
    struct bk_elf elf;

    header.e_machine = EM_RISCV;
    assert_status(bk_elf_open(&elf, &source), BRISK_ERR_UNSUPPORTED);
    header.e_ident[0] = 'x';
    assert_status(bk_elf_open(&elf, &source), BRISK_ERR_CORRUPT);
    source.length = 10;
    assert_status(bk_elf_open(&elf, &source), BRISK_ERR_CORRUPT);
}

static void a_symbol_is_found_where_a_search_from_the_start_finds_it(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    struct bk_symbol symbols[32];
    for (unsigned int turn = 0; turn < scaled(2000); turn++) {
        struct bk_symbol_table table = {
            .symbols = symbols, .count = test_random_below(&random, 33)};
        uint32_t at = 0;
        for (size_t i = 0; i < table.count; i++) {
            at += 1 + (uint32_t)test_random_below(&random, 9);
            symbols[i] = (struct bk_symbol){
                .start = at, .length = (uint32_t)test_random_below(&random, 6)};
        }
        uint32_t wanted = (uint32_t)test_random_below(&random, at + 10);
        const struct bk_symbol *expected = NULL;
        for (size_t i = 0; i < table.count && symbols[i].start <= wanted; i++)
            expected = &symbols[i];
        if (expected != NULL && expected->length != 0 &&
            wanted - expected->start >= expected->length)
            expected = NULL;
        assert_ptr_equal(bk_symbol_table_find(&table, wanted), expected);
    }
}

static void names_are_shown_as_in_the_source(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"_ZN4game6player4moveEid", "game::player::move(int, double)"},
        {"_ZNSt6vectorIiSaIiEE9push_backERKi",
         "std::vector<int, std::allocator<int> >::push_back(int const&)"},
        {"_RNvCs1234_7mycrate3foo", "mycrate::foo"},
    };
    char *probe = bk_demangle("_Z1fv");
    if (probe == NULL)
        skip_because("brisk was built without libiberty");
    bk_free(probe);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *shown = bk_demangle(names[i][0]);
        assert_that(
            shown != NULL && strncmp(shown, names[i][1], strlen(names[i][1])) == 0, "%s: %s",
            names[i][0], shown != NULL ? shown : "NULL");
        bk_free(shown);
    }
    assert_null(bk_demangle("main"));
    assert_null(bk_demangle("_Znonsense"));
}

static void step_load(bool is_failing, void *ctx)
{
    const struct bk_source *source = ctx;
    struct bk_elf elf;
    struct bk_symbol_table symbols = {0};
    struct bk_unwind_table table = {0};
    struct bk_build_id id;
    enum brisk_status status = bk_elf_open(&elf, source);
    if (status == BRISK_OK) {
        status = bk_elf_build_id(&elf, &id);
        if (status == BRISK_OK)
            status = bk_symbol_table_load(&symbols, &elf, ".symtab", 0);
        if (status == BRISK_OK)
            status = bk_eh_frame_load(&elf, &table);
        bk_symbol_table_free(&symbols);
        bk_unwind_table_free(&table);
        bk_elf_close(&elf);
    }
    assert_true(status == BRISK_OK || (is_failing && status == BRISK_ERR_NOMEM));
}

static void an_image_without_memory_says_so(void **state)
{
    (void)state;
    size_t length;
    uint8_t *bytes = read_file(SUBJECT_PLAIN, &length);
    struct bk_source source = {.data = bytes, .fd = -1, .length = length};

    for_each_allocation_failure(step_load, &source);

    bk_free(bytes);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_program_s_functions_have_names_and_rules),
    cmocka_unit_test(without_section_headers_the_search_header_leads_to_the_same_table),
    cmocka_unit_test(files_that_are_cut_off_or_damaged_are_read_as_far_as_they_go),
    cmocka_unit_test(what_is_no_elf_file_of_this_machine_is_told_apart),
    cmocka_unit_test(a_symbol_is_found_where_a_search_from_the_start_finds_it),
    cmocka_unit_test(names_are_shown_as_in_the_source),
    cmocka_unit_test(an_image_without_memory_says_so))
