/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/unwind.h"

#include "base/memory.h"

enum {
    /* Direct-mapped, 256 KB: a program's hot return addresses are a few thousand. */
    CACHE_BITS = 14,
    CACHE_ENTRIES = 1 << CACHE_BITS,

    /* From the stack pointer at the return of a signal's handler, where the ucontext is. */
    UCONTEXT_BP = 120,
    UCONTEXT_SP = 160,
    UCONTEXT_IP = 168,
};

struct cached {
    uint64_t pc; /* 0: unused */
    struct bk_unwind_rule rule;
    enum bk_code code;
};

struct bk_unwinder {
    struct bk_unwind_options options;
    struct cached cache[CACHE_ENTRIES];
};

struct frame {
    uint64_t ip;
    uint64_t sp;
    uint64_t bp;
    bool is_exact; /* ip is the next instruction; else the one before it is the call */
};

struct walk {
    struct bk_unwinder *unwinder;
    const struct bk_registers *registers;
    const struct bk_stack *stack;
    struct bk_unwound result;
};

struct bk_unwinder *bk_unwinder_new(const struct bk_unwind_options *options)
{
    struct bk_unwinder *unwinder = bk_calloc(1, sizeof *unwinder);
    if (unwinder != NULL)
        unwinder->options = *options;
    return unwinder;
}

void bk_unwinder_free(struct bk_unwinder *unwinder)
{
    bk_free(unwinder);
}

void bk_unwinder_reset(struct bk_unwinder *unwinder)
{
    memset(unwinder->cache, 0, sizeof unwinder->cache);
}

static const struct cached *look_up(struct bk_unwinder *unwinder, uint64_t pc)
{
    static const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / golden ratio */
    struct cached *entry = &unwinder->cache[(pc * factor) >> (64 - CACHE_BITS)];
    if (__builtin_expect(entry->pc != pc, false)) {
        entry->rule = (struct bk_unwind_rule){.kind = BK_UNWIND_NONE};
        entry->code = unwinder->options.find(unwinder->options.map, pc, &entry->rule);
        entry->pc = pc;
    }
    return entry;
}

static bool is_code(struct bk_unwinder *unwinder, uint64_t pc)
{
    return pc != 0 && look_up(unwinder, pc)->code != BK_CODE_NONE;
}

/*
 * Where the caller's bp is. In an epilogue the rule stays in force after `pop %rbp`: a
 * slot below the stack pointer was popped already.
 */
static bool restore_bp(
    const struct bk_stack *stack, struct frame *frame, uint64_t cfa, struct bk_unwind_rule rule)
{
    if (rule.bp_words == BK_BP_SAME)
        return true;
    uint64_t slot = rule.bp_words == BK_BP_AT_BP ? frame->bp
                                                 : cfa + (uint64_t)((int64_t)rule.bp_words * 8);
    return slot < frame->sp || bk_stack_read(stack, slot, &frame->bp);
}

static bool find_cfa(
    const struct bk_stack *stack, const struct frame *frame, struct bk_unwind_rule rule,
    uint64_t *cfa)
{
    uint64_t offset = (uint64_t)((int64_t)rule.offset_words * 8);
    switch (rule.kind) {
    case BK_UNWIND_SP:
        *cfa = frame->sp + offset;
        return true;
    case BK_UNWIND_BP:
        *cfa = frame->bp + offset;
        return true;
    case BK_UNWIND_SP_MEMORY:
        if (!bk_stack_read(stack, frame->sp + offset, cfa))
            return false;
        *cfa += 8;
        return true;
    case BK_UNWIND_BP_MEMORY:
        return bk_stack_read(stack, frame->bp + offset, cfa);
    case BK_UNWIND_PLT:
        *cfa = frame->sp + 8 + ((frame->ip & 15) >= (uint64_t)rule.offset_words ? 8 : 0);
        return true;
    default:
        return false;
    }
}

static bool
step_by_rule(const struct bk_stack *stack, struct frame *frame, struct bk_unwind_rule rule)
{
    uint64_t cfa;
    if (!find_cfa(stack, frame, rule, &cfa))
        return false;
    if (__builtin_expect(cfa <= frame->sp, false)) /* stacks grow: else it could go on for ever */
        return false;
    if (!restore_bp(stack, frame, cfa, rule) || !bk_stack_read(stack, cfa - 8, &frame->ip))
        return false;
    frame->sp = cfa;
    frame->is_exact = false;
    return true;
}

/* The kernel has put the interrupted registers on the stack. */
static bool step_signal(const struct bk_stack *stack, struct frame *frame)
{
    struct frame next = {.is_exact = true};
    if (!bk_stack_read(stack, frame->sp + UCONTEXT_IP, &next.ip) ||
        !bk_stack_read(stack, frame->sp + UCONTEXT_SP, &next.sp) ||
        !bk_stack_read(stack, frame->sp + UCONTEXT_BP, &next.bp))
        return false;
    *frame = next;
    return true;
}

static bool step_by_fallback(struct walk *walk, struct frame *frame)
{
    const struct bk_unwind_options *options = &walk->unwinder->options;
    struct bk_registers caller;
    bool was_signal;
    if (options->fallback == NULL || !options->fallback(
                                         options->fallback_ctx, walk->registers, walk->stack,
                                         walk->result.count - 1, &caller, &was_signal))
        return false;
    if (!was_signal && caller.values[BK_REGISTER_SP] <= frame->sp)
        return false;
    *frame = (struct frame){
        .ip = caller.values[BK_REGISTER_IP],
        .sp = caller.values[BK_REGISTER_SP],
        .bp = caller.values[BK_REGISTER_BP],
        .is_exact = was_signal};
    walk->result.fallback_count++;
    return true;
}

/* Believed only if it leads to code: bp may hold anything. */
static bool step_by_pointer(struct walk *walk, struct frame *frame)
{
    uint64_t ip, bp;
    if (frame->bp < frame->sp || frame->bp % 8 != 0 ||
        !bk_stack_read(walk->stack, frame->bp, &bp) ||
        !bk_stack_read(walk->stack, frame->bp + 8, &ip) || !is_code(walk->unwinder, ip - 1))
        return false;
    *frame = (struct frame){.ip = ip, .sp = frame->bp + 16, .bp = bp};
    walk->result.pointer_count++;
    return true;
}

/* A call to an address where no code is has pushed its return address and nothing else. */
static bool step_wild_call(struct walk *walk, struct frame *frame)
{
    uint64_t ip;
    if (!bk_stack_read(walk->stack, frame->sp, &ip) || !is_code(walk->unwinder, ip - 1))
        return false;
    *frame = (struct frame){.ip = ip, .sp = frame->sp + 8, .bp = frame->bp};
    return true;
}

/*
 * A first function that nothing has called (of a coroutine) may be returned to at its first
 * byte: before that there is no function.
 */
static const struct cached *
look_up_return(struct bk_unwinder *unwinder, const struct cached *before, uint64_t ip)
{
    if (before->code != BK_CODE_WITH_TABLE)
        return before;
    return look_up(unwinder, ip);
}

/* What step_by_rule can do. */
static bool is_plain(struct bk_unwind_rule rule)
{
    return (unsigned int)(rule.kind - BK_UNWIND_SP) <= BK_UNWIND_PLT - BK_UNWIND_SP;
}

/* To the caller; false at the end, which is the outermost frame if is_complete is set. */
static bool step(struct walk *walk, const struct cached *found, struct frame *frame)
{
    if (__builtin_expect(is_plain(found->rule), true))
        return step_by_rule(walk->stack, frame, found->rule);
    if (found->rule.kind == BK_UNWIND_END) {
        walk->result.is_complete = true;
        return false;
    }
    if (found->rule.kind == BK_UNWIND_SIGNAL)
        return step_signal(walk->stack, frame);
    if (found->rule.kind == BK_UNWIND_UNSUPPORTED)
        return step_by_fallback(walk, frame);
    if (found->code == BK_CODE_NONE)
        return step_wild_call(walk, frame);
    return step_by_pointer(walk, frame);
}

struct bk_unwound bk_unwind(
    struct bk_unwinder *unwinder, const struct bk_registers *registers,
    const struct bk_stack *stack, uint64_t *pcs, size_t most)
{
    struct walk walk = {.unwinder = unwinder, .registers = registers, .stack = stack};
    struct frame frame = {
        .ip = registers->values[BK_REGISTER_IP],
        .sp = registers->values[BK_REGISTER_SP],
        .bp = registers->values[BK_REGISTER_BP],
        .is_exact = true};
    while (walk.result.count < most) {
        uint64_t address = frame.is_exact ? frame.ip : frame.ip - 1;
        const struct cached *found = look_up(unwinder, address);
        if (found->rule.kind == BK_UNWIND_NONE && !frame.is_exact)
            found = look_up_return(unwinder, found, frame.ip);
        if (found->code == BK_CODE_NONE && walk.result.count != 0)
            break; /* not an address that anything can return to */
        pcs[walk.result.count++] = address;
        if (!step(&walk, found, &frame))
            break;
        if (frame.ip == 0) { /* what the first function of a thread was started with */
            walk.result.is_complete = true;
            break;
        }
    }
    return walk.result;
}
