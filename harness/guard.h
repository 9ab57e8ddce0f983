/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_GUARD_H
#define BK_GUARD_H

#include "harness/expand.h"
#include "harness/kind.h"
#include "harness/message.h"
#include "harness/place.h"
#include "harness/port.h"
#include "harness/proxy.h"
#include "harness/sink.h"
#include "harness/talk.h"
#include "harness/world.h"

/*
 * brisk-guard: the process that a fixture lives in. It has one thread and one fixture, starts
 * the daemon, drains its log, does what its owner and `brisk` ask, and leaves nothing behind
 * when the owner closes its socket or ends. Calls that wait run the loop meanwhile
 * (bk_guard_wait): if the owner is gone they do not return, the process cleans up and ends.
 */
enum {
    BK_GUARD_OWNER_FD = 3, /* the owner's socket, at the start */
    BK_GUARD_PORTS = 16,
    BK_GUARD_CLIENTS = 16,
    BK_GUARD_PIDS = 1024,
    BK_GUARD_LOG_LINES = 50,
    BK_GUARD_LOG_BYTES = 8192, /* for BRISK_FIXTURE_LOGS */
};

struct bk_guard {
    struct bk_pool pool;
    struct bk_pool scratch; /* of one request or probe */
    struct bk_kind kind;
    struct bk_variables variables; /* what ${names} stand for */
    const char *name;              /* of this instance */
    char pid[16];
    const char *program;
    struct bk_words command;
    struct bk_words environment;

    struct bk_place place;
    struct bk_port ports[BK_GUARD_PORTS]; /* the first is the daemon's main one */
    size_t port_count;
    struct bk_sink sink;
    struct bk_world world;
    bool is_isolated;
    bool may_fall_back; /* to no isolation, if the kernel does not let us */
    bool is_paused;

    struct bk_proxy *proxy; /* in front of the first port, in a child; NULL: none */
    pid_t proxy_pid;
    const char *server_port; /* the daemon's own */
    const char *front_port;  /* where clients connect */

    int owner_fd;
    int owner_pidfd;
    int control_fd; /* where others of the user connect */
    int client_fds[BK_GUARD_CLIENTS];
    int notify_fd;
    bool is_notified;

    bool is_polite;
    bool keep_directory;
    unsigned int start_timeout_ms; /* 0: as the kind says */
    unsigned int stop_timeout_ms;
};

/* The fields of a request to start, in the order of the message. */
struct bk_guard_order {
    const char *path; /* of the fixture's file */
    const char *name; /* "": the kind's */
    const char *parameters;
    unsigned int start_timeout_ms;
    unsigned int stop_timeout_ms;
    int isolation; /* enum brisk_fixture_isolation */
    bool is_polite;
    bool keep_directory;
};

/* guard_setup.c: all that is done once: file, program, folder, ports, command line. */
enum brisk_status bk_guard_set_up(
    struct bk_guard *guard, const struct bk_guard_order *order, struct brisk_error *error);

/* guard_setup.c: the folder for a daemon that is not isolated: nobody's if we are root. */
enum brisk_status bk_guard_give_place(struct bk_guard *guard, struct brisk_error *error);

/* guard_run.c: the daemon's start up to its readiness, and its end. */
enum brisk_status bk_guard_start(struct bk_guard *guard, struct brisk_error *error);
enum bk_guard_ending {
    BK_END_FAST,  /* its data are thrown away: whatever leaves nothing behind */
    BK_END_SAFE,  /* with the signal of [stop], after which a restart finds its data */
    BK_END_POLITE /* with the polite one */
};
void bk_guard_end(struct bk_guard *guard, enum bk_guard_ending ending);
enum brisk_status bk_guard_kill(struct bk_guard *guard, int number, struct brisk_error *error);
enum brisk_status bk_guard_pause(struct bk_guard *guard, bool is_paused, struct brisk_error *error);

/* guard_run.c: a program that ends by itself, as initdb. */
enum brisk_status bk_guard_run_to_end(
    struct bk_guard *guard, const struct bk_words *command, uint64_t deadline_ns,
    struct brisk_error *error);

/* guard_init.c: the data folder, from a template if the kind has one. */
enum brisk_status bk_guard_fill_data(struct bk_guard *guard, struct brisk_error *error);

/* guard_ready.c */
enum brisk_status bk_guard_await_ready(struct bk_guard *guard, struct brisk_error *error);
enum brisk_status bk_guard_reset(struct bk_guard *guard, struct brisk_error *error);

/*
 * guard_proxy.c: before the daemon starts, if the parameter `proxy` asks for it. INVALID if that
 * is no fault, UNSUPPORTED if clients do not come over the port.
 */
enum brisk_status bk_guard_start_proxy(struct bk_guard *guard, struct brisk_error *error);
void bk_guard_end_proxy(struct bk_guard *guard);
/* guard_proxy.c: whether ${port} is for clients or, as usual, for the daemon. */
void bk_guard_face_clients(struct bk_guard *guard, bool is_for_clients);
enum brisk_status
bk_guard_fault(struct bk_guard *guard, const char *specification, struct brisk_error *error);
/* guard_proxy.c: lines of what has passed; a pointer to static memory. */
enum brisk_status
bk_guard_read_traffic(struct bk_guard *guard, const char **lines, struct brisk_error *error);

/* guard.c: runs the loop until `fd` is ready for `events` (true), or the deadline (false). */
bool bk_guard_wait(struct bk_guard *guard, int fd, short events, uint64_t deadline_ns);
/* Runs it once: until anything has happened, or the deadline. */
void bk_guard_turn(struct bk_guard *guard, uint64_t deadline_ns);
/* Whether the owner is still there; for what takes long without waiting. */
bool bk_guard_has_owner(const struct bk_guard *guard);

/* The daemon's end is an answer to most calls. */
enum brisk_status bk_guard_say_ended(const struct bk_guard *guard, struct brisk_error *error);

#endif
