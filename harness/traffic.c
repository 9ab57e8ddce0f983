/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of a fixture's proxy, and what has passed it. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "harness/fixture.h"

#define FIRST_TRAFFIC_BYTES sizeof(struct brisk_fixture_traffic) /* of the first release */

enum brisk_status brisk_fixture_fault(
    struct brisk_fixture *fixture, const char *specification, struct brisk_error *error)
{
    if (specification == NULL)
        return bk_error_set(error, BRISK_ERR_INVALID, 0, "the specification of a fault is NULL");
    return bk_fixture_ask(fixture, "fault", specification, error);
}

enum brisk_status
brisk_fixture_fault_clear(struct brisk_fixture *fixture, struct brisk_error *error)
{
    return brisk_fixture_fault(fixture, "clear", error);
}

/* Cuts the first line off: what stands behind its name. */
static const char *next_value(char **rest)
{
    char *line = strsep(rest, "\n");
    char *blank = line != NULL ? strchr(line, ' ') : NULL;
    return blank != NULL ? blank + 1 : "";
}

static uint64_t next_count(char **rest)
{
    return strtoull(next_value(rest), NULL, 10);
}

enum brisk_status brisk_fixture_read_traffic(
    struct brisk_fixture *fixture, struct brisk_fixture_traffic *traffic, struct brisk_error *error)
{
    if (traffic->size < FIRST_TRAFFIC_BYTES)
        return bk_error_set(
            error, BRISK_ERR_INVALID, 0,
            "traffic.size is %zu, not %zu or more; start from brisk_fixture_traffic_empty()",
            traffic->size, FIRST_TRAFFIC_BYTES);
    enum brisk_status status = bk_fixture_ask(fixture, "traffic", NULL, error);
    if (status < 0)
        return status;
    char *rest = fixture->traffic; /* in the order of the control protocol's status */
    traffic->faults = next_value(&rest);
    traffic->seed = next_count(&rest);
    traffic->connections = next_count(&rest);
    traffic->accepted = next_count(&rest);
    traffic->unreachable = next_count(&rest);
    traffic->bytes_up = next_count(&rest);
    traffic->bytes_down = next_count(&rest);
    return BRISK_OK;
}
