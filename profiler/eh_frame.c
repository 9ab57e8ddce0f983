/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/eh_frame.h"

#include "base/memory.h"
#include "profiler/cfi.h"

/* How a pointer is written: Linux Standard Base 5.0, section 10.5.1. */
enum {
    ENCODING_OMIT = 0xff,
    ENCODING_FORMAT = 0x0f,
    ENCODING_BASE = 0x70,
    ENCODING_PC_RELATIVE = 0x10,
    ENCODING_DATA_RELATIVE = 0x30,
};

enum {
    MOST_UNIT_BYTES = 4096, /* a CIE has about 20; long ones could make a small file slow to read */
};

/* A function's rows before all are in order. */
struct span {
    uint32_t pc;
    uint32_t row_count;
    size_t first_row;
};

struct builder {
    const struct bk_eh_frame *frame;
    struct bk_unwind_row *rows;
    size_t row_count;
    size_t row_capacity;
    struct span *spans;
    size_t span_count;
    size_t span_capacity;
    bool is_out_of_memory;

    /* The function whose program runs. */
    uint64_t pc;
    uint64_t length;

    /* The CIE that was read last: functions of an object file share theirs. */
    size_t unit_offset; /* SIZE_MAX: none yet */
    struct bk_cfi_unit unit;
    uint8_t pointer_encoding;
    bool has_augmentation_length;
    bool is_unit_known;
};

static bool grow(void **array, size_t *capacity, size_t entry_bytes)
{
    size_t larger = *capacity == 0 ? 256 : 2 * *capacity;
    void *grown = bk_realloc(*array, larger * entry_bytes);
    if (grown == NULL)
        return false;
    *array = grown;
    *capacity = larger;
    return true;
}

static bool add_row(struct builder *builder, uint64_t pc, struct bk_unwind_rule rule)
{
    if (builder->row_count == builder->row_capacity) {
        void *rows = builder->rows;
        builder->is_out_of_memory = !grow(&rows, &builder->row_capacity, sizeof *builder->rows);
        builder->rows = rows;
        if (builder->is_out_of_memory)
            return false;
    }
    builder->rows[builder->row_count++] = (struct bk_unwind_row){.pc = (uint32_t)pc, .rule = rule};
    return true;
}

static bool add_span(struct builder *builder, size_t first_row)
{
    if (builder->span_count == builder->span_capacity) {
        void *spans = builder->spans;
        builder->is_out_of_memory = !grow(&spans, &builder->span_capacity, sizeof *builder->spans);
        builder->spans = spans;
        if (builder->is_out_of_memory)
            return false;
    }
    builder->spans[builder->span_count++] = (struct span){
        .pc = (uint32_t)builder->pc,
        .first_row = first_row,
        .row_count = (uint32_t)(builder->row_count - first_row)};
    return true;
}

static bool emit_row(void *ctx, uint64_t pc, struct bk_unwind_rule rule)
{
    struct builder *builder = ctx;
    if (pc >= builder->length)
        return true;
    return add_row(builder, builder->pc + pc, rule);
}

/* The address of what the cursor is at, in the image. */
static uint64_t address_at(const struct builder *builder, const struct bk_cursor *cursor)
{
    return builder->frame->address + (uint64_t)(cursor->at - builder->frame->data);
}

/* A pointer's value, or its offset if it is relative; false if the encoding is unknown. */
static bool read_encoded(struct bk_cursor *cursor, uint8_t encoding, uint64_t *value)
{
    static const uint8_t bytes[16] = {
        [0x00] = 8, [0x02] = 2, [0x03] = 4, [0x04] = 8, [0x0a] = 2, [0x0b] = 4, [0x0c] = 8};
    uint8_t format = encoding & ENCODING_FORMAT;
    if (format == 0x01)
        *value = bk_cursor_uleb(cursor);
    else if (format == 0x09)
        *value = (uint64_t)bk_cursor_sleb(cursor);
    else if (bytes[format] == 0)
        return false;
    else if ((format & 0x08) != 0)
        *value = (uint64_t)bk_cursor_signed(cursor, bytes[format]);
    else
        *value = bk_cursor_unsigned(cursor, bytes[format]);
    return !cursor->is_short;
}

static bool
read_pc(const struct builder *builder, struct bk_cursor *cursor, uint8_t encoding, uint64_t *pc)
{
    uint64_t here = address_at(builder, cursor);
    if (!read_encoded(cursor, encoding, pc))
        return false;
    if ((encoding & ENCODING_BASE) == ENCODING_PC_RELATIVE)
        *pc += here;
    return (encoding & ENCODING_BASE) <= ENCODING_PC_RELATIVE && (encoding & 0x80) == 0;
}

/* The letters after 'z' say what stands in the augmentation's data, in their order. */
static bool read_augmentation(struct builder *builder, const char *letters, struct bk_cursor *data)
{
    uint64_t ignored;
    for (; *letters != '\0'; letters++) {
        if (*letters == 'R')
            builder->pointer_encoding = bk_cursor_u8(data);
        else if (*letters == 'S')
            builder->unit.is_signal_frame = true;
        else if (*letters == 'L')
            bk_cursor_u8(data);
        else if (*letters != 'P' || !read_encoded(data, bk_cursor_u8(data), &ignored))
            break; /* what follows is unknown too, but the length leads past it */
    }
    return !data->is_short;
}

static bool read_unit(struct builder *builder, struct bk_cursor entry)
{
    builder->unit = (struct bk_cfi_unit){0};
    builder->pointer_encoding = 0;
    uint8_t version = bk_cursor_u8(&entry);
    const char *letters = bk_cursor_string(&entry);
    if (version != 1 && version != 3)
        return false;
    builder->unit.code_factor = bk_cursor_uleb(&entry);
    builder->unit.data_factor = bk_cursor_sleb(&entry);
    uint64_t return_register = version == 1 ? bk_cursor_u8(&entry) : bk_cursor_uleb(&entry);
    builder->has_augmentation_length = *letters == 'z';
    if (builder->has_augmentation_length) {
        struct bk_cursor data = bk_cursor_take(&entry, bk_cursor_uleb(&entry));
        if (!read_augmentation(builder, letters + 1, &data))
            return false;
    } else if (*letters != '\0') {
        return false;
    }
    builder->unit.initial = entry;
    return !entry.is_short && return_register == 16;
}

/* One entry without its length and kind; false at the end of the section. */
static bool next_entry(
    struct bk_cursor *section, const uint8_t *data, struct bk_cursor *entry, size_t *unit_offset)
{
    uint64_t length = bk_cursor_unsigned(section, 4);
    if (length == UINT32_MAX)
        length = bk_cursor_unsigned(section, 8);
    *entry = bk_cursor_take(section, length);
    if (length == 0 || section->is_short)
        return false; /* a length of zero ends the section */
    size_t here = (size_t)(entry->at - data);
    uint64_t back = bk_cursor_unsigned(entry, 4);
    *unit_offset = back == 0 || back > here ? SIZE_MAX : here - back;
    return true;
}

static bool use_unit(struct builder *builder, size_t offset)
{
    if (builder->unit_offset == offset)
        return builder->is_unit_known;
    const struct bk_eh_frame *frame = builder->frame;
    struct bk_cursor section = bk_cursor_of(frame->data + offset, frame->length - offset);
    struct bk_cursor entry;
    size_t own_unit;
    builder->unit_offset = offset;
    builder->is_unit_known = next_entry(&section, frame->data, &entry, &own_unit) &&
                             own_unit == SIZE_MAX && bk_cursor_left(&entry) <= MOST_UNIT_BYTES &&
                             read_unit(builder, entry);
    return builder->is_unit_known;
}

static bool read_range(struct builder *builder, struct bk_cursor *entry)
{
    uint8_t encoding = builder->pointer_encoding;
    if (!read_pc(builder, entry, encoding, &builder->pc) ||
        !read_encoded(entry, encoding & 0x07, &builder->length))
        return false;
    uint64_t first = builder->frame->first_address;
    if (builder->pc < first || builder->length == 0)
        return false;
    builder->pc -= first;
    return builder->pc <= UINT32_MAX && builder->length <= UINT32_MAX - builder->pc;
}

/* A function; false only without memory. */
static bool add_function(struct builder *builder, struct bk_cursor entry, size_t unit_offset)
{
    static const struct bk_unwind_rule none = {.kind = BK_UNWIND_NONE};
    if (!use_unit(builder, unit_offset) || !read_range(builder, &entry))
        return true;
    if (builder->has_augmentation_length)
        bk_cursor_take(&entry, bk_cursor_uleb(&entry));
    if (entry.is_short)
        return true;
    size_t first_row = builder->row_count;
    return bk_cfi_run(&builder->unit, entry, emit_row, builder) &&
           add_row(builder, builder->pc + builder->length, none) && add_span(builder, first_row);
}

static int compare_spans(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    if (x->pc != y->pc)
        return x->pc < y->pc ? -1 : 1;
    return x->first_row < y->first_row ? -1 : x->first_row > y->first_row;
}

/* Linkers sort by object file, and mostly that is by address. */
static void sort_spans(struct builder *builder)
{
    for (size_t i = 1; i < builder->span_count; i++) {
        if (builder->spans[i - 1].pc <= builder->spans[i].pc)
            continue;
        qsort(builder->spans, builder->span_count, sizeof *builder->spans, compare_spans);
        return;
    }
}

static bool is_same_rule(struct bk_unwind_rule a, struct bk_unwind_rule b)
{
    return a.kind == b.kind && a.offset_words == b.offset_words && a.bp_words == b.bp_words;
}

/*
 * The last row so far gives way to one at the same pc (the end of a function to the
 * next one's start), and a row that says the same as the last is left out. Where
 * functions overlap the later one wins.
 */
static void append(struct bk_unwind_table *table, struct bk_unwind_row row)
{
    while (table->count > 0 && table->rows[table->count - 1].pc >= row.pc)
        table->count--;
    if (table->count > 0 && is_same_rule(table->rows[table->count - 1].rule, row.rule))
        return;
    table->rows[table->count++] = row;
}

static enum brisk_status finish(struct builder *builder, struct bk_unwind_table *table)
{
    if (builder->row_count == 0)
        return BRISK_OK;
    sort_spans(builder);
    table->rows = bk_malloc(builder->row_count * sizeof *table->rows);
    if (table->rows == NULL)
        return BRISK_ERR_NOMEM;
    for (size_t i = 0; i < builder->span_count; i++)
        for (size_t k = 0; k < builder->spans[i].row_count; k++)
            append(table, builder->rows[builder->spans[i].first_row + k]);
    if (table->count == 0) {
        bk_unwind_table_free(table);
        return BRISK_OK;
    }
    void *fitting = bk_realloc(table->rows, table->count * sizeof *table->rows);
    if (fitting != NULL)
        table->rows = fitting;
    return BRISK_OK;
}

enum brisk_status bk_eh_frame_parse(const struct bk_eh_frame *frame, struct bk_unwind_table *table)
{
    *table = (struct bk_unwind_table){0};
    struct builder builder = {.frame = frame, .unit_offset = SIZE_MAX};
    struct bk_cursor section = bk_cursor_of(frame->data, frame->length);
    struct bk_cursor entry;
    size_t unit_offset;
    while (!builder.is_out_of_memory && bk_cursor_left(&section) >= 4 &&
           next_entry(&section, frame->data, &entry, &unit_offset))
        if (unit_offset != SIZE_MAX && !add_function(&builder, entry, unit_offset))
            break;
    enum brisk_status status = builder.is_out_of_memory ? BRISK_ERR_NOMEM : finish(&builder, table);
    bk_free(builder.rows);
    bk_free(builder.spans);
    return status;
}

/* .eh_frame_hdr begins with its version, three encodings and a pointer to .eh_frame. */
static bool find_by_search_header(const struct bk_elf *elf, uint64_t *address)
{
    const Elf64_Phdr *segment = bk_elf_segment(elf, PT_GNU_EH_FRAME);
    uint8_t bytes[16];
    if (segment == NULL || !bk_source_read(&elf->source, segment->p_offset, bytes, 12))
        return false;
    struct bk_cursor cursor = bk_cursor_of(bytes, 12);
    uint8_t version = bk_cursor_u8(&cursor);
    uint8_t encoding = bk_cursor_u8(&cursor);
    bk_cursor_take(&cursor, 2);
    if (version != 1 || encoding == ENCODING_OMIT || !read_encoded(&cursor, encoding, address))
        return false;
    if ((encoding & ENCODING_BASE) == ENCODING_PC_RELATIVE)
        *address += segment->p_vaddr + 4;
    else if ((encoding & ENCODING_BASE) == ENCODING_DATA_RELATIVE)
        *address += segment->p_vaddr;
    return true;
}

static enum brisk_status
load_bytes(const struct bk_elf *elf, struct bk_eh_frame *frame, uint8_t **bytes)
{
    const Elf64_Shdr *section = bk_elf_section(elf, ".eh_frame");
    if (section != NULL) {
        frame->address = section->sh_addr;
        frame->length = section->sh_size;
        return bk_elf_load(elf, section, bytes);
    }
    uint64_t offset, length;
    if (!find_by_search_header(elf, &frame->address) ||
        !bk_elf_offset_of(elf, frame->address, &offset, &length) || offset > elf->source.length)
        return BRISK_MISS;
    if (length > elf->source.length - offset)
        length = elf->source.length - offset;
    frame->length = length;
    return bk_source_load(&elf->source, offset, length, bytes);
}

enum brisk_status bk_eh_frame_load(const struct bk_elf *elf, struct bk_unwind_table *table)
{
    *table = (struct bk_unwind_table){0};
    struct bk_eh_frame frame = {0};
    uint8_t *bytes;
    if (!bk_elf_first_address(elf, &frame.first_address))
        return BRISK_MISS;
    enum brisk_status status = load_bytes(elf, &frame, &bytes);
    if (status != BRISK_OK)
        return status;
    frame.data = bytes;
    status = bk_eh_frame_parse(&frame, table);
    bk_free(bytes);
    return status;
}
