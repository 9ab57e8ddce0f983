/* SPDX-License-Identifier: Apache-2.0 */
/* The unwinder over stacks that are made up, word by word. */
#include "profiler/unwind.h"
#include "tests/support/brisk_test.h"

enum {
    CODE = 0x1000, /* functions of 0x100 bytes, each with its rule */
    JIT = 0x8000,
    STACK = 0x7f0000,
    WORDS = 64,
    FUNCTIONS = 8
};

struct world {
    struct bk_unwind_rule rules[FUNCTIONS];
    uint64_t words[WORDS];
    struct bk_stack stack;
    struct bk_registers registers;
    struct bk_unwinder *unwinder;
    uint64_t pcs[32];
    unsigned int lookups;
    unsigned int fallbacks;
};

static enum bk_code find(void *map, uint64_t pc, struct bk_unwind_rule *rule)
{
    struct world *world = map;
    world->lookups++;
    if (pc >= JIT && pc < JIT + 0x1000)
        return BK_CODE_WITHOUT;
    if (pc < CODE || pc >= CODE + FUNCTIONS * 0x100)
        return BK_CODE_NONE;
    *rule = world->rules[(pc - CODE) / 0x100];
    return BK_CODE_WITH_TABLE;
}

static bool fall_back(
    void *ctx, const struct bk_registers *innermost, const struct bk_stack *stack, size_t depth,
    struct bk_registers *caller, bool *was_signal)
{
    struct world *world = ctx;
    (void)innermost, (void)stack;
    world->fallbacks++;
    *was_signal = false;
    caller->values[BK_REGISTER_IP] = CODE + 0x700 + 8;
    caller->values[BK_REGISTER_SP] = STACK + 8 * (depth + 40);
    caller->values[BK_REGISTER_BP] = 0;
    return true;
}

/* sp at word 0, in function 0; what function 7 is called from is the end. */
static struct world *new_world(void)
{
    static struct world world;
    world = (struct world){0};
    for (size_t i = 0; i < FUNCTIONS; i++)
        world.rules[i] = (struct bk_unwind_rule){.kind = BK_UNWIND_SP, .offset_words = 1};
    world.rules[7].kind = BK_UNWIND_END;
    world.stack = (struct bk_stack){
        .address = STACK, .data = (const uint8_t *)world.words, .length = sizeof world.words};
    world.registers.values[BK_REGISTER_IP] = CODE + 8;
    world.registers.values[BK_REGISTER_SP] = STACK;
    world.unwinder = bk_unwinder_new(&(struct bk_unwind_options){
        .find = find, .map = &world, .fallback = fall_back, .fallback_ctx = &world});
    assert_non_null(world.unwinder);
    return &world;
}

static uint64_t in(unsigned int function)
{
    return CODE + 0x100 * function + 8;
}

static struct bk_unwound unwind(struct world *world)
{
    return bk_unwind(world->unwinder, &world->registers, &world->stack, world->pcs, 32);
}

static void
assert_pcs(const struct world *world, struct bk_unwound result, size_t count, const uint64_t *pcs)
{
    assert_size(result.count, count);
    for (size_t i = 0; i < count; i++)
        assert_u64(world->pcs[i], pcs[i]);
}

#define ASSERT_PCS(world, result, ...)                                                             \
    assert_pcs(                                                                                    \
        world, result, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t),                 \
        (const uint64_t[]){__VA_ARGS__})

static void each_return_address_is_looked_up_in_the_call_before_it(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->words[0] = CODE + 0x200; /* a call that is the last thing in function 1 */
    world->words[1] = in(7);

    struct bk_unwound result = unwind(world);

    ASSERT_PCS(world, result, in(0), CODE + 0x1ff, in(7) - 1);
    assert_true(result.is_complete);
    bk_unwinder_free(world->unwinder);
}

static void a_frame_pointer_that_was_popped_already_is_kept(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->rules[0].bp_words = -2; /* CFA - 16 is below sp: after the pop */
    world->registers.values[BK_REGISTER_BP] = STACK + 8 * 10;
    world->words[0] = in(1);
    world->rules[1] = (struct bk_unwind_rule){
        .kind = BK_UNWIND_BP, .offset_words = 2, .bp_words = -2};
    world->words[11] = in(7);

    struct bk_unwound result = unwind(world);

    ASSERT_PCS(world, result, in(0), in(1) - 1, in(7) - 1);
    bk_unwinder_free(world->unwinder);
}

static void a_plt_entry_has_pushed_one_word_more_from_its_eleventh_byte_on(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->rules[0] = (struct bk_unwind_rule){.kind = BK_UNWIND_PLT, .offset_words = 11};
    world->words[0] = in(2);
    world->words[1] = in(7);

    world->registers.values[BK_REGISTER_IP] = CODE + 10;
    struct bk_unwound before = unwind(world);
    ASSERT_PCS(world, before, CODE + 10, in(2) - 1, in(7) - 1);
    world->registers.values[BK_REGISTER_IP] = CODE + 11;
    struct bk_unwound after = unwind(world);

    ASSERT_PCS(world, after, CODE + 11, in(7) - 1);
    bk_unwinder_free(world->unwinder);
}

static void what_a_signal_interrupted_is_looked_up_exactly(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->rules[0].kind = BK_UNWIND_SIGNAL;
    world->words[168 / 8] = CODE + 0x300; /* the first byte of function 3 */
    world->words[160 / 8] = STACK + 8 * 40;
    world->words[40] = in(7);

    struct bk_unwound result = unwind(world);

    ASSERT_PCS(world, result, in(0), CODE + 0x300, in(7) - 1);
    assert_true(result.is_complete);
    bk_unwinder_free(world->unwinder);
}

static void a_rule_that_is_no_row_is_for_the_fallback_and_counted(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->words[0] = in(1);
    world->rules[1].kind = BK_UNWIND_UNSUPPORTED;

    struct bk_unwound result = unwind(world);

    ASSERT_PCS(world, result, in(0), in(1) - 1, in(7) - 1);
    assert_size(result.fallback_count, 1);
    assert_u64(world->fallbacks, 1);
    bk_unwinder_free(world->unwinder);
}

static void code_without_a_table_is_left_by_a_frame_pointer_that_leads_to_code(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->registers.values[BK_REGISTER_IP] = JIT + 5;
    world->registers.values[BK_REGISTER_BP] = STACK + 8 * 4;
    world->words[5] = in(7);

    struct bk_unwound result = unwind(world);
    ASSERT_PCS(world, result, JIT + 5, in(7) - 1);
    assert_size(result.pointer_count, 1);
    world->words[5] = 0x1234567; /* no code */
    struct bk_unwound wild = unwind(world);

    ASSERT_PCS(world, wild, JIT + 5);
    assert_false(wild.is_complete);
    bk_unwinder_free(world->unwinder);
}

static void a_call_through_a_null_pointer_leads_to_its_caller(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->registers.values[BK_REGISTER_IP] = 0;
    world->words[0] = in(7);

    struct bk_unwound result = unwind(world);

    ASSERT_PCS(world, result, 0, in(7) - 1);
    bk_unwinder_free(world->unwinder);
}

static void a_stack_that_ends_within_the_copy_s_frames_is_truncated(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->words[0] = in(1);
    world->words[1] = in(2);
    world->stack.length = 2 * 8;

    struct bk_unwound result = unwind(world);

    ASSERT_PCS(world, result, in(0), in(1) - 1, in(2) - 1);
    assert_false(result.is_complete);
    bk_unwinder_free(world->unwinder);
}

static void addresses_that_are_no_code_are_not_shown(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->words[0] = 0xdeadbeef;

    struct bk_unwound result = unwind(world);

    ASSERT_PCS(world, result, in(0));
    assert_false(result.is_complete);
    bk_unwinder_free(world->unwinder);
}

static void a_stack_that_would_not_grow_ends(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->rules[0].offset_words = 0;

    struct bk_unwound result = unwind(world);

    ASSERT_PCS(world, result, in(0));
    bk_unwinder_free(world->unwinder);
}

static void what_was_looked_up_once_is_not_looked_up_again_until_the_map_changes(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->words[0] = in(7);

    unwind(world);
    unsigned int first = world->lookups;
    unwind(world);
    assert_u64(world->lookups, first);
    bk_unwinder_reset(world->unwinder);
    unwind(world);

    assert_u64(world->lookups, 2 * first);
    bk_unwinder_free(world->unwinder);
}

/* Whatever the rules and the stack say: no read beyond the copy, and an end. */
static void any_stack_under_any_rules_comes_to_an_end(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    for (unsigned int turn = 0; turn < scaled(3000); turn++) {
        struct world *world = new_world();
        for (size_t i = 0; i < FUNCTIONS; i++) {
            world->rules[i].kind = (uint8_t)test_random_below(&random, 9);
            world->rules[i].offset_words = (int16_t)test_random_next(&random);
            world->rules[i].bp_words = (int8_t)test_random_next(&random);
        }
        for (size_t i = 0; i < WORDS; i++)
            world->words[i] = test_random_below(&random, 2) == 0
                                  ? CODE + test_random_below(&random, FUNCTIONS * 0x100)
                                  : STACK + test_random_below(&random, 8 * WORDS);
        world->registers.values[BK_REGISTER_BP] = test_random_next(&random);

        struct bk_unwound result = unwind(world);

        assert_true(result.count >= 1 && result.count <= 32);
        bk_unwinder_free(world->unwinder);
    }
}

BRISK_TEST_MAIN(
    cmocka_unit_test(each_return_address_is_looked_up_in_the_call_before_it),
    cmocka_unit_test(a_frame_pointer_that_was_popped_already_is_kept),
    cmocka_unit_test(a_plt_entry_has_pushed_one_word_more_from_its_eleventh_byte_on),
    cmocka_unit_test(what_a_signal_interrupted_is_looked_up_exactly),
    cmocka_unit_test(a_rule_that_is_no_row_is_for_the_fallback_and_counted),
    cmocka_unit_test(code_without_a_table_is_left_by_a_frame_pointer_that_leads_to_code),
    cmocka_unit_test(a_call_through_a_null_pointer_leads_to_its_caller),
    cmocka_unit_test(a_stack_that_ends_within_the_copy_s_frames_is_truncated),
    cmocka_unit_test(addresses_that_are_no_code_are_not_shown),
    cmocka_unit_test(a_stack_that_would_not_grow_ends),
    cmocka_unit_test(what_was_looked_up_once_is_not_looked_up_again_until_the_map_changes),
    cmocka_unit_test(any_stack_under_any_rules_comes_to_an_end))
