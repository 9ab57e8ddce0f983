/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "cli/sim/output.h"

enum {
    CHART_ROWS = 16,
    CHART_COLUMNS = 64,
    SVG_WIDTH = 720,
    SVG_HEIGHT = 420,
    SVG_LEFT = 60,
    SVG_RIGHT = 110,
    SVG_TOP = 40,
    SVG_BOTTOM = 50,
};

/* Sizes of one unit lie on one axis, which is logarithmic. */
struct axis {
    double least, most; /* logarithms of capacities */
};

static double position(const struct axis *axis, uint64_t capacity)
{
    if (axis->most <= axis->least)
        return 0.5;
    return (log((double)capacity) - axis->least) / (axis->most - axis->least);
}

static bool is_on_axis(const struct sim_result *result, const struct sim_row *row)
{
    return (row->size->unit == SIM_BYTES) == (result->rows[0].size->unit == SIM_BYTES);
}

static struct axis axis_of(const struct sim_result *result)
{
    struct axis axis = {INFINITY, -INFINITY};
    for (unsigned int i = 0; i < result->row_count; i++) {
        const struct sim_row *row = &result->rows[i];
        if (!is_on_axis(result, row))
            continue;
        axis.least = fmin(axis.least, log((double)row->capacity));
        axis.most = fmax(axis.most, log((double)row->capacity));
    }
    return axis;
}

static const struct sim_row *row_at(
    const struct sim_plan *plan, const struct sim_result *result, unsigned int size,
    unsigned int policy)
{
    return &result->rows[size * plan->policy_count + policy];
}

static char letter_of(const struct sim_policy *policy)
{
    static const char letters[SIM_POLICIES] = {'d', '3', 's', 'r', 'f', 'o'};
    return letters[policy - sim_policies];
}

static void put_marks(
    char grid[CHART_ROWS][CHART_COLUMNS + 1], const struct sim_plan *plan,
    const struct sim_result *result, unsigned int policy)
{
    struct axis axis = axis_of(result);
    for (unsigned int s = 0; s < plan->size_count; s++) {
        const struct sim_row *row = row_at(plan, result, s, policy);
        if (!is_on_axis(result, row))
            continue;
        double miss_ratio = sim_row_miss_ratio(result, row);
        int x = (int)lround(position(&axis, row->capacity) * (CHART_COLUMNS - 1));
        int y = (int)lround((1 - miss_ratio) * (CHART_ROWS - 1));
        char *mark = &grid[y][x];
        *mark = *mark == ' ' ? letter_of(plan->policies[policy]) : '*';
    }
}

void sim_print_chart(FILE *out, const struct sim_plan *plan, const struct sim_result *result)
{
    char grid[CHART_ROWS][CHART_COLUMNS + 1];
    struct axis axis = axis_of(result);
    memset(grid, ' ', sizeof grid);
    for (unsigned int p = 0; p < plan->policy_count; p++)
        put_marks(grid, plan, result, p);
    fputs("miss ratio by size (logarithmic):", out);
    for (unsigned int p = 0; p < plan->policy_count; p++)
        fprintf(out, " %c %s", letter_of(plan->policies[p]), plan->policies[p]->name);
    fputs(", * several\n", out);
    for (int y = 0; y < CHART_ROWS; y++)
        fprintf(
            out, "%4.0f%% |%.*s\n", 100.0 - 100.0 * y / (CHART_ROWS - 1), CHART_COLUMNS, grid[y]);
    fprintf(out, "      +");
    for (int x = 0; x < CHART_COLUMNS; x++)
        fputc('-', out);
    fprintf(
        out, "\n       %-*.0f%.0f %s\n", CHART_COLUMNS - 8, exp(axis.least), exp(axis.most),
        result->rows[0].size->unit == SIM_BYTES ? "bytes" : "objects");
}

static double svg_x(const struct axis *axis, uint64_t capacity)
{
    return SVG_LEFT + position(axis, capacity) * (SVG_WIDTH - SVG_LEFT - SVG_RIGHT);
}

static double svg_y(double miss_ratio)
{
    return SVG_TOP + (1 - miss_ratio) * (SVG_HEIGHT - SVG_TOP - SVG_BOTTOM);
}

/* In XML, which takes neither `<`, `&` and controls nor what is no UTF-8. */
static void put_escaped(FILE *out, const char *text)
{
    for (size_t length; *text != '\0'; text += length) {
        length = bk_utf8_length(text);
        if (length == 0) {
            length = 1;
            fputc('?', out);
        } else if (*text == '<') {
            fputs("&lt;", out);
        } else if (*text == '&') {
            fputs("&amp;", out);
        } else if ((unsigned char)*text >= ' ') {
            fwrite(text, 1, length, out);
        }
    }
}

static void put_frame(FILE *out, const struct sim_result *result)
{
    fprintf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
        "font-family=\"sans-serif\" "
        "font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
        "<text x=\"%d\" y=\"22\" font-size=\"15\">Miss ratio of ",
        SVG_WIDTH, SVG_HEIGHT, SVG_LEFT);
    put_escaped(out, result->trace_name);
    fprintf(
        out, ", %" PRIu64 " requests%s</text>\n", result->requests,
        result->has_estimates ? "; estimates are dashed" : "");
    for (int i = 0; i <= 5; i++)
        fprintf(
            out,
            "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>"
            "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%d%%</text>\n",
            SVG_LEFT, SVG_WIDTH - SVG_RIGHT, svg_y(i / 5.0), svg_y(i / 5.0), SVG_LEFT - 8,
            svg_y(i / 5.0) + 4, 20 * i);
}

static void put_sizes(FILE *out, const struct sim_plan *plan, const struct sim_result *result)
{
    struct axis axis = axis_of(result);
    for (unsigned int s = 0; s < plan->size_count; s++) {
        const struct sim_row *row = row_at(plan, result, s, 0);
        if (is_on_axis(result, row))
            fprintf(
                out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%" PRIu64 "</text>\n",
                svg_x(&axis, row->capacity), SVG_HEIGHT - SVG_BOTTOM + 18, row->capacity);
    }
    fprintf(
        out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">size in %s, logarithmic</text>\n",
        (SVG_LEFT + SVG_WIDTH - SVG_RIGHT) / 2, SVG_HEIGHT - 10,
        result->rows[0].size->unit == SIM_BYTES ? "bytes" : "objects");
}

static void put_points(
    FILE *out, const struct sim_plan *plan, const struct sim_result *result, unsigned int policy,
    bool is_estimate)
{
    struct axis axis = axis_of(result);
    for (unsigned int s = 0; s < plan->size_count; s++) {
        const struct sim_row *row = row_at(plan, result, s, policy);
        double ratio = is_estimate ? row->estimate : sim_row_miss_ratio(result, row);
        if (is_on_axis(result, row))
            fprintf(out, "%.1f,%.1f ", svg_x(&axis, row->capacity), svg_y(ratio));
    }
}

static void put_curve(
    FILE *out, const struct sim_plan *plan, const struct sim_result *result, unsigned int policy)
{
    /* Okabe and Ito 2008: told apart also by those who do not see all colours. */
    static const char *const colors[SIM_POLICIES] = {"#000000", "#d55e00", "#009e73",
                                                     "#0072b2", "#cc79a7", "#e69f00"};
    const struct sim_policy *name = plan->policies[policy];
    const char *color = colors[name - sim_policies];
    if (result->has_estimates) {
        fprintf(
            out, "<polyline fill=\"none\" stroke=\"%s\" stroke-dasharray=\"4 3\" points=\"", color);
        put_points(out, plan, result, policy, true);
        fputs("\"/>\n", out);
    }
    fprintf(out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"", color);
    put_points(out, plan, result, policy, false);
    double y = SVG_TOP + 10 + 18.0 * policy;
    int x = SVG_WIDTH - SVG_RIGHT + 12;
    fprintf(
        out,
        "\"/>\n<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"2\"/>"
        "<text x=\"%d\" y=\"%.1f\">%s</text>\n",
        x, x + 18, y, y, color, x + 24, y + 4, name->name);
}

bool sim_write_svg(const char *path, const struct sim_plan *plan, const struct sim_result *result)
{
    FILE *out = fopen(path, "we");
    if (out == NULL)
        return false;
    put_frame(out, result);
    put_sizes(out, plan, result);
    for (unsigned int p = 0; p < plan->policy_count; p++)
        put_curve(out, plan, result, p);
    fputs("</svg>\n", out);
    bool is_written = !ferror(out);
    return fclose(out) == 0 && is_written;
}
