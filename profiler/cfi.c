/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/cfi.h"

enum {
    /* Numbers of registers, System V ABI AMD64, figure 3.36. */
    REGISTER_BP = 6,
    REGISTER_SP = 7,
    REGISTER_RETURN = 16,

    MOST_REMEMBERED = 16, /* compilers nest by one */
};

enum opcode {
    CFA_NOP = 0x00,
    CFA_SET_LOC = 0x01,
    CFA_ADVANCE_LOC1 = 0x02,
    CFA_ADVANCE_LOC2 = 0x03,
    CFA_ADVANCE_LOC4 = 0x04,
    CFA_OFFSET_EXTENDED = 0x05,
    CFA_RESTORE_EXTENDED = 0x06,
    CFA_UNDEFINED = 0x07,
    CFA_SAME_VALUE = 0x08,
    CFA_REGISTER = 0x09,
    CFA_REMEMBER_STATE = 0x0a,
    CFA_RESTORE_STATE = 0x0b,
    CFA_DEF_CFA = 0x0c,
    CFA_DEF_CFA_REGISTER = 0x0d,
    CFA_DEF_CFA_OFFSET = 0x0e,
    CFA_DEF_CFA_EXPRESSION = 0x0f,
    CFA_EXPRESSION = 0x10,
    CFA_OFFSET_EXTENDED_SF = 0x11,
    CFA_DEF_CFA_SF = 0x12,
    CFA_DEF_CFA_OFFSET_SF = 0x13,
    CFA_VAL_OFFSET = 0x14,
    CFA_VAL_OFFSET_SF = 0x15,
    CFA_VAL_EXPRESSION = 0x16,
    CFA_GNU_ARGS_SIZE = 0x2e,
    CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,

    /* These carry an operand in their low six bits. */
    CFA_ADVANCE_LOC = 0x40,
    CFA_OFFSET = 0x80,
    CFA_RESTORE = 0xc0,
};

enum saved {
    SAVED_SAME,    /* not saved */
    SAVED_AT_CFA,  /* at CFA + offset */
    SAVED_AT_BP,   /* where bp points to */
    SAVED_NOWHERE, /* undefined: for the return address the end of the stack */
    SAVED_ODDLY,
};

enum cfa_base {
    CFA_FROM_REGISTER,
    CFA_FROM_SP_MEMORY,
    CFA_FROM_BP_MEMORY,
    CFA_FROM_PLT,
    CFA_FROM_SIGNAL,
    CFA_FROM_ELSEWHERE,
};

struct place {
    enum saved saved;
    int64_t offset;
};

struct state {
    enum cfa_base base;
    uint64_t cfa_register;
    int64_t cfa_offset;
    struct place bp;
    struct place return_address;
};

struct machine {
    const struct bk_cfi_unit *unit;
    struct state now;
    struct state first; /* after the CIE's program: what DW_CFA_restore goes back to */
    struct state remembered[MOST_REMEMBERED];
    size_t remembered_count;
    uint64_t pc;
    bool is_lost; /* an instruction that is not understood: nothing is sure from here on */
    bk_cfi_emit_fn *emit;
    void *ctx;
};

static struct bk_unwind_rule unsupported(void)
{
    return (struct bk_unwind_rule){.kind = BK_UNWIND_UNSUPPORTED};
}

static bool set_bp(struct bk_unwind_rule *rule, const struct place *bp)
{
    if (bp->saved == SAVED_SAME || bp->saved == SAVED_NOWHERE)
        rule->bp_words = BK_BP_SAME;
    else if (bp->saved == SAVED_AT_BP)
        rule->bp_words = BK_BP_AT_BP;
    else if (
        bp->saved != SAVED_AT_CFA || bp->offset % 8 != 0 || bp->offset > -16 ||
        bp->offset < INT8_MIN * 8)
        return false;
    else
        rule->bp_words = (int8_t)(bp->offset / 8);
    return true;
}

static bool set_cfa(struct bk_unwind_rule *rule, const struct state *state)
{
    if (state->cfa_offset % 8 != 0 || state->cfa_offset < INT16_MIN * 8 ||
        state->cfa_offset > INT16_MAX * 8)
        return false;
    rule->offset_words = (int16_t)(state->cfa_offset / 8);
    switch (state->base) {
    case CFA_FROM_REGISTER:
        rule->kind = state->cfa_register == REGISTER_SP ? BK_UNWIND_SP : BK_UNWIND_BP;
        return state->cfa_register == REGISTER_SP || state->cfa_register == REGISTER_BP;
    case CFA_FROM_SP_MEMORY:
        rule->kind = BK_UNWIND_SP_MEMORY;
        return true;
    case CFA_FROM_BP_MEMORY:
        rule->kind = BK_UNWIND_BP_MEMORY;
        return true;
    case CFA_FROM_PLT:
        rule->kind = BK_UNWIND_PLT;
        return true;
    case CFA_FROM_SIGNAL:
    case CFA_FROM_ELSEWHERE:
        break;
    }
    return false;
}

static struct bk_unwind_rule rule_of(const struct machine *machine)
{
    const struct state *state = &machine->now;
    struct bk_unwind_rule rule = {0};
    if (machine->is_lost)
        return unsupported();
    if (state->return_address.saved == SAVED_NOWHERE) {
        rule.kind = BK_UNWIND_END;
        return rule;
    }
    if (machine->unit->is_signal_frame) {
        rule.kind = state->base == CFA_FROM_SIGNAL ? BK_UNWIND_SIGNAL : BK_UNWIND_UNSUPPORTED;
        return rule;
    }
    if (state->return_address.saved != SAVED_AT_CFA || state->return_address.offset != -8 ||
        !set_cfa(&rule, state) || !set_bp(&rule, &state->bp))
        return unsupported();
    return rule;
}

static bool emit(struct machine *machine)
{
    return machine->emit(machine->ctx, machine->pc, rule_of(machine));
}

static struct place *place_of(struct state *state, uint64_t number)
{
    if (number == REGISTER_BP)
        return &state->bp;
    return number == REGISTER_RETURN ? &state->return_address : NULL;
}

static void save(struct machine *machine, uint64_t number, enum saved saved, int64_t offset)
{
    struct place *place = place_of(&machine->now, number);
    if (place != NULL)
        *place = (struct place){.saved = saved, .offset = offset};
}

/* Factors come from the file: a product that overflows is as wrong as any other. */
static int64_t times(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

static int64_t factored(const struct machine *machine, uint64_t operand)
{
    return operand > INT32_MAX ? INT64_MAX : times((int64_t)operand, machine->unit->data_factor);
}

static void restore(struct machine *machine, uint64_t number)
{
    struct place *place = place_of(&machine->now, number);
    if (place != NULL)
        *place = *place_of(&machine->first, number);
}

static bool is_same(struct bk_cursor text, const uint8_t *bytes, size_t length)
{
    return bk_cursor_left(&text) == length && memcmp(text.at, bytes, length) == 0;
}

/* sp + 8 + ((ip & 15) >= N) * 8; N, up to 15, in units of 8 as a rule has them. */
static bool is_plt(struct bk_cursor text, int64_t *units)
{
    static const uint8_t before[] = {0x77, 0x08, 0x80, 0x00, 0x3f, 0x1a};
    static const uint8_t after[] = {0x2a, 0x33, 0x24, 0x22};
    struct bk_cursor start = bk_cursor_take(&text, sizeof before);
    uint8_t literal = bk_cursor_u8(&text);
    if (!is_same(start, before, sizeof before) || literal < 0x30 || literal > 0x3f ||
        !is_same(text, after, sizeof after))
        return false;
    *units = 8 * (literal - 0x30);
    return true;
}

/*
 * The forms that are in use: what the linker writes for a PLT, the C library for a
 * signal's frame, gcc and hand-written assembly for an aligned stack.
 */
static void define_by_expression(struct machine *machine, struct bk_cursor text)
{
    static const uint8_t signal[] = {0x77, 0xa0, 0x01, 0x06}; /* *(sp + 160) */
    enum {
        BREG_BP = 0x76,
        BREG_SP = 0x77,
        DEREF = 0x06,
        PLUS_UCONST = 0x23
    };
    struct state *state = &machine->now;
    state->base = CFA_FROM_ELSEWHERE;
    state->cfa_offset = 0;
    if (is_plt(text, &state->cfa_offset)) {
        state->base = CFA_FROM_PLT;
        return;
    }
    if (machine->unit->is_signal_frame) {
        if (is_same(text, signal, sizeof signal))
            state->base = CFA_FROM_SIGNAL;
        return;
    }
    uint8_t base = bk_cursor_u8(&text);
    state->cfa_offset = bk_cursor_sleb(&text);
    if (bk_cursor_u8(&text) != DEREF || text.is_short)
        return;
    if (base == BREG_BP && bk_cursor_is_done(&text))
        state->base = CFA_FROM_BP_MEMORY;
    else if (
        base == BREG_SP && bk_cursor_u8(&text) == PLUS_UCONST && bk_cursor_uleb(&text) == 8 &&
        !text.is_short && bk_cursor_is_done(&text))
        state->base = CFA_FROM_SP_MEMORY;
}

/* An aligned stack has the caller's bp where bp points to. */
static void save_by_expression(struct machine *machine, uint64_t number, struct bk_cursor text)
{
    static const uint8_t at_bp[] = {0x76, 0x00};
    bool is_known = number == REGISTER_BP && is_same(text, at_bp, sizeof at_bp);
    save(machine, number, is_known ? SAVED_AT_BP : SAVED_ODDLY, 0);
}

static void define_cfa(struct machine *machine, uint64_t number, int64_t offset)
{
    machine->now.base = CFA_FROM_REGISTER;
    machine->now.cfa_register = number;
    machine->now.cfa_offset = offset;
}

static void remember(struct machine *machine)
{
    if (machine->remembered_count == MOST_REMEMBERED)
        machine->is_lost = true;
    else
        machine->remembered[machine->remembered_count++] = machine->now;
}

static void restore_state(struct machine *machine)
{
    if (machine->remembered_count == 0)
        machine->is_lost = true;
    else
        machine->now = machine->remembered[--machine->remembered_count];
}

/* What defines the CFA or the states; false: another instruction. */
static bool step_cfa(struct machine *machine, struct bk_cursor *program, uint8_t opcode)
{
    struct state *now = &machine->now;
    uint64_t number;
    switch (opcode) {
    case CFA_REMEMBER_STATE:
        remember(machine);
        return true;
    case CFA_RESTORE_STATE:
        restore_state(machine);
        return true;
    case CFA_DEF_CFA:
        number = bk_cursor_uleb(program);
        define_cfa(machine, number, (int64_t)bk_cursor_uleb(program));
        return true;
    case CFA_DEF_CFA_SF:
        number = bk_cursor_uleb(program);
        define_cfa(machine, number, times(bk_cursor_sleb(program), machine->unit->data_factor));
        return true;
    case CFA_DEF_CFA_REGISTER:
        define_cfa(machine, bk_cursor_uleb(program), now->cfa_offset);
        return true;
    case CFA_DEF_CFA_OFFSET:
        now->cfa_offset = (int64_t)bk_cursor_uleb(program);
        return true;
    case CFA_DEF_CFA_OFFSET_SF:
        now->cfa_offset = times(bk_cursor_sleb(program), machine->unit->data_factor);
        return true;
    case CFA_DEF_CFA_EXPRESSION:
        define_by_expression(machine, bk_cursor_take(program, bk_cursor_uleb(program)));
        return true;
    default:
        return false;
    }
}

/* What says where a register is; false: another instruction. */
static bool step_register(struct machine *machine, struct bk_cursor *program, uint8_t opcode)
{
    uint64_t number;
    switch (opcode) {
    case CFA_OFFSET_EXTENDED:
        number = bk_cursor_uleb(program);
        save(machine, number, SAVED_AT_CFA, factored(machine, bk_cursor_uleb(program)));
        return true;
    case CFA_OFFSET_EXTENDED_SF:
        number = bk_cursor_uleb(program);
        save(
            machine, number, SAVED_AT_CFA,
            times(bk_cursor_sleb(program), machine->unit->data_factor));
        return true;
    case CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
        number = bk_cursor_uleb(program);
        save(machine, number, SAVED_AT_CFA, times(-1, factored(machine, bk_cursor_uleb(program))));
        return true;
    case CFA_RESTORE_EXTENDED:
        restore(machine, bk_cursor_uleb(program));
        return true;
    case CFA_UNDEFINED:
        save(machine, bk_cursor_uleb(program), SAVED_NOWHERE, 0);
        return true;
    case CFA_SAME_VALUE:
        save(machine, bk_cursor_uleb(program), SAVED_SAME, 0);
        return true;
    case CFA_REGISTER:
    case CFA_VAL_OFFSET:
    case CFA_VAL_OFFSET_SF:
        save(machine, bk_cursor_uleb(program), SAVED_ODDLY, 0);
        bk_cursor_uleb(program); /* the same length as an sleb */
        return true;
    case CFA_EXPRESSION:
        number = bk_cursor_uleb(program);
        save_by_expression(machine, number, bk_cursor_take(program, bk_cursor_uleb(program)));
        return true;
    case CFA_VAL_EXPRESSION:
        save(machine, bk_cursor_uleb(program), SAVED_ODDLY, 0);
        bk_cursor_take(program, bk_cursor_uleb(program));
        return true;
    default:
        return false;
    }
}

/* How many bytes of code an instruction advances by; false: another instruction. */
static bool
read_advance(const struct machine *machine, struct bk_cursor *program, uint8_t opcode, uint64_t *by)
{
    if ((opcode & 0xc0) == CFA_ADVANCE_LOC)
        *by = opcode & 0x3f;
    else if (opcode == CFA_ADVANCE_LOC1)
        *by = bk_cursor_unsigned(program, 1);
    else if (opcode == CFA_ADVANCE_LOC2)
        *by = bk_cursor_unsigned(program, 2);
    else if (opcode == CFA_ADVANCE_LOC4)
        *by = bk_cursor_unsigned(program, 4);
    else
        return false;
    *by *= machine->unit->code_factor;
    return true;
}

static void step(struct machine *machine, struct bk_cursor *program, uint8_t opcode)
{
    if ((opcode & 0xc0) == CFA_OFFSET) {
        uint64_t operand = bk_cursor_uleb(program);
        save(machine, opcode & 0x3f, SAVED_AT_CFA, factored(machine, operand));
    } else if ((opcode & 0xc0) == CFA_RESTORE) {
        restore(machine, opcode & 0x3f);
    } else if (opcode == CFA_GNU_ARGS_SIZE) {
        bk_cursor_uleb(program);
    } else if (
        opcode != CFA_NOP && !step_cfa(machine, program, opcode) &&
        !step_register(machine, program, opcode)) {
        machine->is_lost = true; /* also DW_CFA_set_loc, which no compiler writes */
    }
}

static bool run(struct machine *machine, struct bk_cursor program, bool is_emitting)
{
    while (!bk_cursor_is_done(&program) && !machine->is_lost) {
        uint8_t opcode = bk_cursor_u8(&program);
        uint64_t by;
        if (!read_advance(machine, &program, opcode, &by)) {
            step(machine, &program, opcode);
            continue;
        }
        if (is_emitting && by != 0 && !emit(machine))
            return false;
        machine->pc += by;
    }
    machine->is_lost = machine->is_lost || program.is_short;
    return true;
}

bool bk_cfi_run(
    const struct bk_cfi_unit *unit, struct bk_cursor program, bk_cfi_emit_fn *emit_fn, void *ctx)
{
    struct machine machine = {.unit = unit, .emit = emit_fn, .ctx = ctx};
    machine.now.base = CFA_FROM_ELSEWHERE;
    run(&machine, unit->initial, false);
    machine.first = machine.now;
    machine.pc = 0;
    return run(&machine, program, true) && emit(&machine);
}
