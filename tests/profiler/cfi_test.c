/* SPDX-License-Identifier: Apache-2.0 */
/* Call frame programs written by hand, and what the table says of them. */
#include "profiler/cfi.h"
#include "profiler/eh_frame.h"
#include "tests/support/brisk_test.h"

enum {
    MOST_ROWS = 16
};

struct rows {
    struct bk_unwind_row rows[MOST_ROWS];
    size_t count;
};

static bool add_row(void *ctx, uint64_t pc, struct bk_unwind_rule rule)
{
    struct rows *rows = ctx;
    if (rows->count == MOST_ROWS)
        return false;
    rows->rows[rows->count++] = (struct bk_unwind_row){.pc = (uint32_t)pc, .rule = rule};
    return true;
}

/* def_cfa sp+8; return address at CFA-8: what every compiler begins with. */
static const uint8_t usual_start[] = {0x0c, 7, 8, 0x90, 1};

static struct rows run(const uint8_t *program, size_t length, bool is_signal_frame)
{
    struct rows rows = {0};
    struct bk_cfi_unit unit = {
        .code_factor = 1,
        .data_factor = -8,
        .is_signal_frame = is_signal_frame,
        .initial = bk_cursor_of(usual_start, sizeof usual_start)};
    assert_true(bk_cfi_run(&unit, bk_cursor_of(program, length), add_row, &rows));
    return rows;
}

#define RUN(...) run((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), false)

static void
assert_row(const struct rows *rows, size_t index, uint32_t pc, int kind, int offset, int bp)
{
    assert_true(index < rows->count);
    const struct bk_unwind_row *row = &rows->rows[index];
    assert_u64(row->pc, pc);
    assert_i64(row->rule.kind, kind);
    assert_i64(row->rule.offset_words * 8, offset);
    assert_i64(row->rule.bp_words, bp);
}

static void a_function_with_a_frame_pointer_has_three_stretches(void **state)
{
    (void)state;

    struct rows rows = RUN(
        0x41, 0x0e, 16, 0x86, 2, /* push %rbp */
        0x43, 0x0d, 6,           /* mov %rsp, %rbp */
        0x02, 40, 0x0c, 7, 8);   /* leave */

    assert_size(rows.count, 4);
    assert_row(&rows, 0, 0, BK_UNWIND_SP, 8, BK_BP_SAME);
    assert_row(&rows, 1, 1, BK_UNWIND_SP, 16, -2);
    assert_row(&rows, 2, 4, BK_UNWIND_BP, 16, -2);
    assert_row(&rows, 3, 44, BK_UNWIND_SP, 8, -2);
}

static void a_state_is_remembered_and_restored(void **state)
{
    (void)state;

    struct rows rows = RUN(0x0e, 48, 0x41, 0x0a, 0x0e, 8, 0x41, 0x0b);

    assert_size(rows.count, 3);
    assert_row(&rows, 0, 0, BK_UNWIND_SP, 48, BK_BP_SAME);
    assert_row(&rows, 1, 1, BK_UNWIND_SP, 8, BK_BP_SAME);
    assert_row(&rows, 2, 2, BK_UNWIND_SP, 48, BK_BP_SAME);
}

static void an_undefined_return_address_is_the_end_of_the_stack(void **state)
{
    (void)state;

    struct rows rows = RUN(0x07, 16);

    assert_row(&rows, 0, 0, BK_UNWIND_END, 0, BK_BP_SAME);
}

static void the_expression_of_a_plt_is_a_row(void **state)
{
    (void)state;

    struct rows rows = RUN(
        0x0f, 11, 0x77, 0x08, 0x80, 0x00, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22);

    assert_row(&rows, 0, 0, BK_UNWIND_PLT, 8 * 11, BK_BP_SAME);
}

static void stacks_that_are_aligned_by_hand_or_by_the_compiler_are_rows(void **state)
{
    (void)state;

    struct rows by_hand = RUN(0x0f, 5, 0x77, 24, 0x06, 0x23, 8);
    struct rows by_compiler = RUN(0x0f, 3, 0x76, 0x78, 0x06, 0x10, 6, 2, 0x76, 0x00);

    assert_row(&by_hand, 0, 0, BK_UNWIND_SP_MEMORY, 24, BK_BP_SAME);
    assert_row(&by_compiler, 0, 0, BK_UNWIND_BP_MEMORY, -8, BK_BP_AT_BP);
}

static void a_frame_of_a_signal_is_known_by_its_expression(void **state)
{
    (void)state;
    const uint8_t program[] = {0x0f, 4, 0x77, 0xa0, 0x01, 0x06};
    const uint8_t other[] = {0x0f, 4, 0x77, 0xa8, 0x01, 0x06};

    struct rows rows = run(program, sizeof program, true);
    struct rows unknown = run(other, sizeof other, true);

    assert_row(&rows, 0, 0, BK_UNWIND_SIGNAL, 0, BK_BP_SAME);
    assert_row(&unknown, 0, 0, BK_UNWIND_UNSUPPORTED, 0, BK_BP_SAME);
}

static void what_a_row_cannot_express_is_said_so(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint8_t program[8];
        size_t length;
    } cases[] = {
        {"a CFA from another register", {0x0c, 10, 0}, 3},
        {"a CFA that is no multiple of 8", {0x0e, 12}, 2},
        {"another expression", {0x0f, 2, 0x77, 8}, 4},
        {"bp in a register", {0x09, 6, 3}, 3},
        {"bp further away than a row tells", {0x86, 0x81, 0x01}, 3},
        {"a return address elsewhere", {0x90, 2}, 2},
        {"an unknown instruction", {0x3e}, 1},
        {"a restore without a remember", {0x0b}, 1},
        {"a program that ends within an operand", {0x0e, 0x80}, 2},
        {"an expression that is longer than the program", {0x0f, 100, 0x77}, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rows rows = run(cases[i].program, cases[i].length, false);
        assert_that(
            rows.count == 1 && rows.rows[0].rule.kind == BK_UNWIND_UNSUPPORTED, "%s: kind %d",
            cases[i].what, rows.rows[0].rule.kind);
    }
}

/* An .eh_frame of one CIE ("zR", relative 4-byte pointers) and functions of 16 bytes. */
struct frame_bytes {
    uint8_t bytes[512];
    size_t length;
};

static void put(struct frame_bytes *frame, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        frame->bytes[frame->length++] = (uint8_t)(value >> (8 * i));
}

enum {
    FRAME_ADDRESS = 0x10000
};

static void put_unit(struct frame_bytes *frame)
{
    const uint8_t entry[] = {1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1, 0, 0};
    put(frame, sizeof entry + 4, 4);
    put(frame, 0, 4);
    memcpy(frame->bytes + frame->length, entry, sizeof entry);
    frame->length += sizeof entry;
}

static void put_function(struct frame_bytes *frame, uint32_t pc, uint32_t length)
{
    put(frame, 4 + 8 + 1 + 3, 4);
    put(frame, frame->length, 4); /* back to the CIE, which is at 0 */
    put(frame, pc - (FRAME_ADDRESS + frame->length), 4);
    put(frame, length, 4);
    put(frame, 0, 1);
    put(frame, 0x0e41 | 16 << 16, 3); /* advance by 1, CFA = sp + 16 */
}

static struct bk_unwind_table parse(const struct frame_bytes *frame)
{
    struct bk_unwind_table table;
    struct bk_eh_frame section = {
        .data = frame->bytes,
        .length = frame->length,
        .address = FRAME_ADDRESS,
        .first_address = 0x1000};
    assert_ok(bk_eh_frame_parse(&section, &table));
    return table;
}

static void functions_are_sorted_and_the_gaps_between_them_have_no_rule(void **state)
{
    (void)state;
    struct frame_bytes frame = {0};
    put_unit(&frame);
    put_function(&frame, 0x3000, 16);
    put_function(&frame, 0x2000, 16);
    put_function(&frame, 0x2800, 0); /* of no length: no function */
    put(&frame, 0, 4);

    struct bk_unwind_table table = parse(&frame);

    assert_size(table.count, 6);
    assert_i64(bk_unwind_table_find(&table, 0xfff).kind, BK_UNWIND_NONE);
    assert_i64(bk_unwind_table_find(&table, 0x1000).offset_words, 1);
    assert_i64(bk_unwind_table_find(&table, 0x100f).offset_words, 2);
    assert_i64(bk_unwind_table_find(&table, 0x1010).kind, BK_UNWIND_NONE);
    assert_i64(bk_unwind_table_find(&table, 0x1800).kind, BK_UNWIND_NONE);
    assert_i64(bk_unwind_table_find(&table, 0x200f).offset_words, 2);
    assert_i64(bk_unwind_table_find(&table, 0x2010).kind, BK_UNWIND_NONE);
    bk_unwind_table_free(&table);
}

static void what_is_cut_off_anywhere_gives_fewer_functions_and_no_other_ones(void **state)
{
    (void)state;
    struct frame_bytes frame = {0};
    put_unit(&frame);
    put_function(&frame, 0x2000, 16);
    put_function(&frame, 0x3000, 16);
    size_t whole = frame.length;

    for (frame.length = 0; frame.length < whole; frame.length++) {
        struct bk_unwind_table table = parse(&frame);
        assert_true(table.count == 0 || table.count == 3);
        if (table.count != 0)
            assert_u64(table.rows[0].pc, 0x1000);
        bk_unwind_table_free(&table);
    }
}

static void a_lookup_finds_what_a_search_from_the_start_finds(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    struct bk_unwind_row rows[64];
    for (unsigned int turn = 0; turn < scaled(2000); turn++) {
        struct bk_unwind_table table = {.rows = rows, .count = test_random_below(&random, 65)};
        uint32_t pc = 0;
        for (size_t i = 0; i < table.count; i++) {
            pc += 1 + (uint32_t)test_random_below(&random, 5);
            rows[i].pc = pc;
            rows[i].rule = (struct bk_unwind_rule){
                .kind = BK_UNWIND_SP, .offset_words = (int16_t)(i + 1)};
        }
        uint32_t wanted = (uint32_t)test_random_below(&random, pc + 10);
        int16_t expected = 0;
        for (size_t i = 0; i < table.count && rows[i].pc <= wanted; i++)
            expected = rows[i].rule.offset_words;
        assert_i64(bk_unwind_table_find(&table, wanted).offset_words, expected);
    }
}

static void step_parse(bool is_failing, void *ctx)
{
    const struct frame_bytes *frame = ctx;
    struct bk_unwind_table table;
    struct bk_eh_frame section = {
        .data = frame->bytes, .length = frame->length, .address = FRAME_ADDRESS};
    enum brisk_status status = bk_eh_frame_parse(&section, &table);
    assert_true(status == BRISK_OK || (is_failing && status == BRISK_ERR_NOMEM));
    assert_true(status == BRISK_OK ? table.count == 3 : table.rows == NULL);
    bk_unwind_table_free(&table);
}

static void a_table_without_memory_says_so(void **state)
{
    (void)state;
    struct frame_bytes frame = {0};
    put_unit(&frame);
    put_function(&frame, 0x2000, 16);

    for_each_allocation_failure(step_parse, &frame);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(a_function_with_a_frame_pointer_has_three_stretches),
    cmocka_unit_test(a_state_is_remembered_and_restored),
    cmocka_unit_test(an_undefined_return_address_is_the_end_of_the_stack),
    cmocka_unit_test(the_expression_of_a_plt_is_a_row),
    cmocka_unit_test(stacks_that_are_aligned_by_hand_or_by_the_compiler_are_rows),
    cmocka_unit_test(a_frame_of_a_signal_is_known_by_its_expression),
    cmocka_unit_test(what_a_row_cannot_express_is_said_so),
    cmocka_unit_test(functions_are_sorted_and_the_gaps_between_them_have_no_rule),
    cmocka_unit_test(what_is_cut_off_anywhere_gives_fewer_functions_and_no_other_ones),
    cmocka_unit_test(a_lookup_finds_what_a_search_from_the_start_finds),
    cmocka_unit_test(a_table_without_memory_says_so))
