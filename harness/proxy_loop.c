/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/proxy_loop.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

void bk_loop_close(struct bk_loop *loop)
{
    if (loop == NULL)
        return;
    bk_control_close(&loop->control);
    bk_relay_close(&loop->relay);
    bk_events_close(&loop->events);
    bk_free(loop);
}

void bk_loop_run(struct bk_loop *loop)
{
    while (!loop->control.is_orphaned) {
        bk_events_round(&loop->events);
        bk_relay_sweep(&loop->relay);
        bk_control_sweep(&loop->control);
    }
    bk_loop_close(loop);
}

/* The options as they are needed. */
struct plan {
    struct bk_address listen, server, control;
    bool has_control;
    struct bk_faults faults;
};

static enum brisk_status
make_plan(struct plan *plan, const struct bk_proxy_options *options, struct brisk_error *error)
{
    *plan = (struct plan){.faults = bk_faults_none(options->seed)};
    enum brisk_status status = bk_address_read(&plan->listen, options->listen, error);
    if (status == BRISK_OK)
        status = bk_address_read(&plan->server, options->server, error);
    if (status == BRISK_OK && options->control != NULL) {
        status = bk_address_read(&plan->control, options->control, error);
        plan->has_control = true;
    }
    if (status == BRISK_OK && plan->has_control && !bk_address_is_unix(&plan->control))
        status = bk_error_set(
            error, BRISK_ERR_INVALID, 0, "'%s' is no path of a control socket", options->control);
    if (status == BRISK_OK && options->faults != NULL)
        status = bk_faults_change(&plan->faults, options->faults, error);
    return status;
}

/* Takes `control_fd` over in any case. */
static struct bk_loop *
open_planned(const struct plan *plan, int control_fd, struct brisk_error *error)
{
    struct bk_loop *loop = bk_calloc(1, sizeof *loop);
    if (loop == NULL) {
        bk_error_set(error, BRISK_ERR_NOMEM, 0, "no memory for a proxy");
        close(control_fd);
        return NULL;
    }
    enum brisk_status status = bk_events_open(&loop->events, error);
    if (status != BRISK_OK) {
        close(control_fd);
        bk_free(loop);
        return NULL;
    }
    status = bk_relay_open(
        &loop->relay, &loop->events, &plan->listen, &plan->server, &plan->faults, error);
    if (status != BRISK_OK)
        close(control_fd);
    else
        status = bk_control_open(
            &loop->control, &loop->relay, plan->has_control ? &plan->control : NULL, control_fd,
            error);
    if (status == BRISK_OK)
        return loop;
    if (loop->control.relay != NULL)
        bk_relay_close(&loop->relay);
    bk_events_close(&loop->events);
    bk_free(loop);
    return NULL;
}

struct bk_loop *
bk_loop_open(const struct bk_proxy_options *options, int owner_fd, struct brisk_error *error)
{
    struct plan plan;
    if (make_plan(&plan, options, error) == BRISK_OK)
        return open_planned(&plan, owner_fd, error);
    close(owner_fd);
    return NULL;
}

/* Nothing is shut down or unlinked: the other process works with the same sockets. */
void bk_loop_abandon(struct bk_loop *loop)
{
    bk_events_close(&loop->events);
    bk_control_abandon(&loop->control);
    bk_relay_abandon(&loop->relay);
    bk_free(loop);
}
