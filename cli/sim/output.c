/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sim/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_writer.h"
#include "cli/terminal.h"

static const struct sim_row *row_at(
    const struct sim_plan *plan, const struct sim_result *result, unsigned int size,
    unsigned int policy)
{
    return &result->rows[size * plan->policy_count + policy];
}

static const char *unit_of(const struct sim_row *row)
{
    return row->size->unit == SIM_BYTES ? "bytes" : "objects";
}

/* "10% = 745", or the number alone. */
static void print_size(FILE *out, const struct sim_row *row)
{
    char text[64];
    if (row->size->unit == SIM_OBJECTS)
        snprintf(text, sizeof text, "%" PRIu64, row->capacity);
    else
        snprintf(text, sizeof text, "%s = %" PRIu64, row->size->text, row->capacity);
    fprintf(out, "%-20s %-8s", text, unit_of(row));
}

static double
best_of_size(const struct sim_plan *plan, const struct sim_result *result, unsigned int size)
{
    double best = 1;
    for (unsigned int p = 0; p < plan->policy_count; p++) {
        double ratio = sim_row_miss_ratio(result, row_at(plan, result, size, p));
        if (ratio < best)
            best = ratio;
    }
    return best;
}

/* Below the miss ratios. */
static void print_estimates(
    FILE *out, const struct sim_plan *plan, const struct sim_result *result, unsigned int size)
{
    fprintf(out, "%-20s %-8s", "", "estimate");
    for (unsigned int p = 0; p < plan->policy_count; p++)
        fprintf(out, "%9.6f", row_at(plan, result, size, p)->estimate);
    fputc('\n', out);
}

static void print_sample(FILE *out, const struct sim_plan *plan, const struct sim_result *result)
{
    const struct brisk_curve_reading *sample = &result->sample;
    fprintf(out, "%-29s", "mean error of the estimates");
    for (unsigned int p = 0; p < plan->policy_count; p++)
        fprintf(out, "%9.6f", sim_mean_error(result, plan->policies[p]));
    fprintf(
        out, "\nestimated from %" PRIu64 " of the keys%s\n", sample->sampled_keys,
        sample->has_low_confidence ? "; low confidence: so few are no more than a guess" : "");
}

/* Miss ratio, and below it the share of bytes where sizes differ. */
static void print_ratios(
    FILE *out, const struct sim_plan *plan, const struct sim_result *result, unsigned int size)
{
    bool has_color = cli_has_color(out);
    double best = best_of_size(plan, result, size);
    print_size(out, row_at(plan, result, size, 0));
    for (unsigned int p = 0; p < plan->policy_count; p++) {
        double ratio = sim_row_miss_ratio(result, row_at(plan, result, size, p));
        bool is_bold = has_color && ratio <= best;
        fprintf(out, "%s%9.6f%s", is_bold ? "\033[1m" : "", ratio, is_bold ? "\033[0m" : "");
    }
    fputc('\n', out);
    if (result->has_estimates)
        print_estimates(out, plan, result, size);
    if (result->bytes_requested == result->requests)
        return;
    fprintf(out, "%-20s %-8s", "", "of bytes");
    for (unsigned int p = 0; p < plan->policy_count; p++)
        fprintf(out, "%9.6f", sim_row_byte_miss_ratio(result, row_at(plan, result, size, p)));
    fputc('\n', out);
}

void sim_print_table(FILE *out, const struct sim_plan *plan, const struct sim_result *result)
{
    fprintf(out, "%s: %" PRIu64 " requests", result->trace_name, result->requests);
    if (result->is_unique_known)
        fprintf(out, ", %" PRIu64 " unique keys", result->unique_keys);
    if (result->bytes_requested != result->requests)
        fprintf(out, ", %" PRIu64 " bytes requested", result->bytes_requested);
    fprintf(out, "\nmiss ratio\n%-29s", "size");
    for (unsigned int p = 0; p < plan->policy_count; p++)
        fprintf(out, "%9s", plan->policies[p]->name);
    fputc('\n', out);
    for (unsigned int s = 0; s < plan->size_count; s++)
        print_ratios(out, plan, result, s);
    if (result->has_estimates)
        print_sample(out, plan, result);
}

void sim_print_csv_header(FILE *out, bool has_estimates)
{
    fprintf(
        out, "trace,capacity,policy,requests,misses,miss_ratio,byte_miss_ratio%s\n",
        has_estimates ? ",estimated_miss_ratio" : "");
}

/* RFC 4180: a name with a comma or a quote is quoted. */
static void print_csv_name(FILE *out, const char *name)
{
    if (strpbrk(name, ",\"\r\n") == NULL) {
        fputs(name, out);
        return;
    }
    fputc('"', out);
    for (; *name != '\0'; name++) {
        if (*name == '"')
            fputc('"', out);
        fputc(*name, out);
    }
    fputc('"', out);
}

void sim_print_csv(FILE *out, const struct sim_result *result)
{
    for (unsigned int i = 0; i < result->row_count; i++) {
        const struct sim_row *row = &result->rows[i];
        print_csv_name(out, result->trace_name);
        fprintf(
            out, ",%" PRIu64 ",%s,%" PRIu64 ",%" PRIu64 ",%.6f,%.6f", row->capacity,
            row->policy->name, result->requests, row->misses, sim_row_miss_ratio(result, row),
            sim_row_byte_miss_ratio(result, row));
        if (result->has_estimates)
            fprintf(out, ",%.6f", row->estimate);
        fputc('\n', out);
    }
}

static void put_ratio(struct bk_json *json, const char *key, double ratio)
{
    bk_json_key(json, key);
    bk_json_decimal(json, (uint64_t)(ratio * 1e6 + 0.5), 6);
}

static void
put_row(struct bk_json *json, const struct sim_result *result, const struct sim_row *row)
{
    bk_json_begin(json, '{');
    bk_json_key(json, "capacity");
    bk_json_u64(json, row->capacity);
    bk_json_key(json, "unit");
    bk_json_string(json, unit_of(row));
    bk_json_key(json, "policy");
    bk_json_string(json, row->policy->name);
    bk_json_key(json, "misses");
    bk_json_u64(json, row->misses);
    put_ratio(json, "miss_ratio", sim_row_miss_ratio(result, row));
    put_ratio(json, "byte_miss_ratio", sim_row_byte_miss_ratio(result, row));
    if (result->has_estimates)
        put_ratio(json, "estimated_miss_ratio", row->estimate);
    bk_json_end(json, '}');
}

static void put_sample(struct bk_json *json, const struct sim_result *result)
{
    const struct brisk_curve_reading *sample = &result->sample;
    bk_json_key(json, "sample");
    bk_json_begin(json, '{');
    bk_json_key(json, "keys");
    bk_json_u64(json, sample->sampled_keys);
    put_ratio(json, "rate", sample->sample_rate);
    bk_json_key(json, "has_low_confidence");
    bk_json_bool(json, sample->has_low_confidence);
    bk_json_key(json, "mean_errors");
    bk_json_begin(json, '{');
    for (unsigned int i = 0; i < result->row_count; i++)
        if (result->rows[i].size == result->rows[0].size)
            put_ratio(
                json, result->rows[i].policy->name, sim_mean_error(result, result->rows[i].policy));
    bk_json_end(json, '}');
    bk_json_end(json, '}');
}

static void put_advice(struct bk_json *json, const struct sim_result *result)
{
    struct sim_advice advice = sim_advise(result);
    bk_json_key(json, "advice");
    if (advice.row == NULL) {
        bk_json_null(json);
        return;
    }
    bk_json_begin(json, '{');
    bk_json_key(json, "capacity");
    bk_json_u64(json, advice.row->capacity);
    bk_json_key(json, "unit");
    bk_json_string(json, unit_of(advice.row));
    bk_json_key(json, "policy");
    bk_json_string(json, advice.row->policy->name);
    bk_json_key(json, "confidence");
    bk_json_string(json, advice.confidence);
    bk_json_end(json, '}');
}

static void put_result(struct bk_json *json, const struct sim_result *result)
{
    bk_json_begin(json, '{');
    bk_json_key(json, "trace");
    bk_json_string(json, result->trace_name);
    bk_json_key(json, "requests");
    bk_json_u64(json, result->requests);
    bk_json_key(json, "bytes_requested");
    bk_json_u64(json, result->bytes_requested);
    bk_json_key(json, "unique_keys");
    if (result->is_unique_known)
        bk_json_u64(json, result->unique_keys);
    else
        bk_json_null(json);
    bk_json_key(json, "read_ms");
    bk_json_u64(json, (uint64_t)(result->read_seconds * 1e3));
    bk_json_key(json, "replay_ms");
    bk_json_u64(json, (uint64_t)(result->replay_seconds * 1e3));
    bk_json_key(json, "rows");
    bk_json_begin(json, '[');
    for (unsigned int i = 0; i < result->row_count; i++)
        put_row(json, result, &result->rows[i]);
    bk_json_end(json, ']');
    if (result->has_estimates)
        put_sample(json, result);
    put_advice(json, result);
    bk_json_end(json, '}');
}

bool sim_print_json(FILE *out, const struct sim_result *result)
{
    struct bk_text text = {0};
    struct bk_json json = {.text = &text};
    put_result(&json, result);
    size_t length = text.length;
    char *buffer = malloc(length + 1);
    if (buffer == NULL)
        return false;
    text = (struct bk_text){.buffer = buffer, .capacity = length + 1};
    json = (struct bk_json){.text = &text};
    put_result(&json, result);
    fwrite(buffer, 1, length, out);
    fputc('\n', out);
    free(buffer);
    return true;
}

enum {
    FEW_REQUESTS = 10000,
    MANY_ROUNDS = 20, /* requests per object of room: enough for a cache to settle */
};

/* Objects and bytes cannot be compared: the advice is about what was asked for first. */
static bool is_comparable(const struct sim_result *result, const struct sim_row *row)
{
    return (row->size->unit == SIM_BYTES) == (result->rows[0].size->unit == SIM_BYTES);
}

/* What a trace can say about a size: it must be long against it, and fill it. */
static void judge(const struct sim_result *result, struct sim_advice *advice)
{
    uint64_t filled = advice->row->size->unit == SIM_BYTES ? advice->row->bytes_missed
                                                           : advice->row->misses;
    uint64_t most = 0;
    for (unsigned int i = 0; i < result->row_count; i++)
        if (is_comparable(result, &result->rows[i]) && result->rows[i].capacity > most)
            most = result->rows[i].capacity;
    advice->confidence = "medium";
    advice->reason = "the requests go round this size a few times only";
    if (result->requests < FEW_REQUESTS) {
        advice->confidence = "low";
        advice->reason = "there are fewer than 10,000 requests";
    } else if (filled <= advice->row->capacity) {
        advice->confidence = "low";
        advice->reason = "the requests hardly fill this size";
    } else if (advice->row->capacity == most) {
        advice->reason = "it is the largest size that was tried";
    } else if (
        advice->row->size->unit != SIM_BYTES &&
        result->requests / advice->row->capacity >= MANY_ROUNDS) {
        advice->confidence = "high";
        advice->reason = "the requests go round this size many times";
    }
}

struct sim_advice sim_advise(const struct sim_result *result)
{
    struct sim_advice advice = {.best_miss_ratio = 1};
    for (unsigned int i = 0; i < result->row_count; i++) {
        double ratio = sim_row_miss_ratio(result, &result->rows[i]);
        if (is_comparable(result, &result->rows[i]) && ratio < advice.best_miss_ratio)
            advice.best_miss_ratio = ratio;
    }
    for (unsigned int i = 0; i < result->row_count && result->requests != 0; i++) {
        const struct sim_row *row = &result->rows[i];
        bool is_good = is_comparable(result, row) &&
                       sim_row_miss_ratio(result, row) <= advice.best_miss_ratio + 0.01;
        bool is_better = advice.row == NULL || row->capacity < advice.row->capacity ||
                         (row->capacity == advice.row->capacity &&
                          row->misses < advice.row->misses);
        if (is_good && is_better)
            advice.row = row;
    }
    if (advice.row != NULL)
        judge(result, &advice);
    return advice;
}

void sim_print_advice(FILE *out, const struct sim_result *result)
{
    struct sim_advice advice = sim_advise(result);
    if (advice.row == NULL) {
        fputs("There are no requests, and so no advice.\n", out);
        return;
    }
    if (advice.best_miss_ratio >= 1) {
        fputs("No request hits in a cache of these sizes: try larger ones.\n", out);
        return;
    }
    fprintf(
        out,
        "Take %s with %" PRIu64 " %s: it misses %.1f %%, within one point of the best (%.1f %%). "
        "Confidence: %s, as %s.\n",
        advice.row->policy->name, advice.row->capacity, unit_of(advice.row),
        100 * sim_row_miss_ratio(result, advice.row), 100 * advice.best_miss_ratio,
        advice.confidence, advice.reason);
}
