/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sim/plan.h"

#include <stdio.h>
#include <string.h>

const struct sim_policy sim_policies[SIM_POLICIES] = {
    {"default", BRISK_POLICY_DEFAULT}, {"s3fifo", BRISK_POLICY_S3FIFO},
    {"sieve", BRISK_POLICY_SIEVE},     {"lru", BRISK_POLICY_LRU},
    {"lfu", BRISK_POLICY_LFU},         {"fifo", BRISK_POLICY_FIFO},
};

#define MILLIONTHS UINT64_C(1000000)

static bool add_policy(struct sim_plan *plan, const struct sim_policy *policy)
{
    for (unsigned int i = 0; i < plan->policy_count; i++)
        if (plan->policies[i] == policy)
            return true;
    plan->policies[plan->policy_count++] = policy;
    return true;
}

static bool read_policy(struct sim_plan *plan, const char *word, size_t length)
{
    bool is_all = length == 3 && strncmp(word, "all", 3) == 0;
    bool is_known = is_all;
    for (unsigned int i = 0; i < SIM_POLICIES; i++) {
        const char *name = sim_policies[i].name;
        if (is_all || (strlen(name) == length && strncmp(word, name, length) == 0))
            is_known = add_policy(plan, &sim_policies[i]);
    }
    return is_known;
}

/* Decimal digits, with a point and up to six more if `decimals` is 6. */
static const char *read_decimal(const char *at, unsigned int decimals, uint64_t *number)
{
    uint64_t unit = decimals == 6 ? MILLIONTHS : 1;
    const char *begin = at;
    *number = 0;
    for (; *at >= '0' && *at <= '9' && *number < UINT64_C(1) << 50; at++)
        *number = *number * 10 + (uint64_t)(*at - '0');
    if (at == begin || *number >= UINT64_C(1) << 40)
        return at == begin || decimals == 6 ? NULL : at;
    *number *= unit;
    if (*at != '.' || decimals == 0)
        return at;
    for (at++; *at >= '0' && *at <= '9' && unit > 1; at++) {
        unit /= 10;
        *number += unit * (uint64_t)(*at - '0');
    }
    return at;
}

/* The powers of two of a unit of bytes; 0 for bytes themselves, negative for no unit. */
static int shift_of(char letter)
{
    static const char letters[] = "BKMG";
    const char *found = letter == '\0' ? NULL : strchr(letters, letter);
    return found == NULL ? -1 : 10 * (int)(found - letters);
}

static bool read_size(struct sim_size *size, const char *word, size_t length)
{
    if (length == 0 || length >= sizeof size->text)
        return false;
    snprintf(size->text, sizeof size->text, "%.*s", (int)length, word);
    const char *end = size->text + length;
    if (end[-1] == '%') {
        const char *at = read_decimal(size->text, 6, &size->number);
        size->unit = SIM_PERCENT;
        return at == end - 1 && size->number > 0 && size->number <= 100 * MILLIONTHS;
    }
    const char *at = read_decimal(size->text, 0, &size->number);
    if (at == NULL || size->number == 0)
        return false;
    int shift = shift_of(*at);
    size->unit = shift >= 0 ? SIM_BYTES : SIM_OBJECTS;
    if (shift < 0)
        return at == end;
    if (size->number > UINT64_C(1) << (60 - shift))
        return false;
    size->number <<= shift;
    return at + 1 == end;
}

bool sim_plan_read_policies(struct sim_plan *plan, const char *list, const char **wrong)
{
    plan->policy_count = 0;
    for (const char *word = list;; word++) {
        size_t length = strcspn(word, ",");
        *wrong = word;
        if (!read_policy(plan, word, length))
            return false;
        word += length;
        if (*word == '\0')
            return true;
    }
}

bool sim_plan_read_sizes(struct sim_plan *plan, const char *list, const char **wrong)
{
    plan->size_count = 0;
    for (const char *word = list;; word++) {
        size_t length = strcspn(word, ",");
        *wrong = word;
        if (plan->size_count == SIM_MOST_SIZES ||
            !read_size(&plan->sizes[plan->size_count], word, length))
            return false;
        plan->size_count++;
        word += length;
        if (*word == '\0')
            return true;
    }
}

bool sim_plan_has_percent(const struct sim_plan *plan)
{
    for (unsigned int i = 0; i < plan->size_count; i++)
        if (plan->sizes[i].unit == SIM_PERCENT)
            return true;
    return false;
}

uint64_t sim_size_resolve(const struct sim_size *size, uint64_t unique_keys)
{
    uint64_t capacity = size->number;
    if (size->unit == SIM_PERCENT) /* floor, without an overflow */
        capacity = unique_keys / (100 * MILLIONTHS) * size->number +
                   unique_keys % (100 * MILLIONTHS) * size->number / (100 * MILLIONTHS);
    return capacity == 0 ? 1 : capacity;
}
