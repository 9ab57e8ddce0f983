/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRISK_FIXTURE_H
#define BRISK_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <brisk/status.h>

BRISK_BEGIN

/*
 * A real daemon for the length of a test: started on a free port in a temporary
 * directory, ready when start returns, gone when it is stopped or when this process
 * ends in whatever way, with everything that it made.
 *
 *     struct brisk_error error;
 *     struct brisk_fixture *server = brisk_fixture_start("memcached", NULL, &error);
 *     if (server == NULL)
 *         fail_msg("%s", error.message);
 *     connect_to(brisk_fixture_host(server), brisk_fixture_port(server));
 *     brisk_fixture_stop(server, NULL);
 *
 * What there is to start are files (docs/harness.md); `brisk list` names them. They
 * are looked for in ./fixtures, ~/.config/brisk/fixtures, the folders of
 * BRISK_FIXTURE_PATH (with ':' between) and where brisk is installed, in this order.
 *
 * Each fixture is in the care of a process of its own, brisk-guard, whose child the
 * daemon is. This library installs no signal handler, starts no thread, sets no
 * environment variable and waits for no child but its guards.
 *
 * Thread safety: any thread, different fixtures also at once; one fixture: one thread
 * at a time.
 * Fork: the child may use host, port and so on; the daemon is its parent's, and what
 * would act on it answers BRISK_ERR_INVALID. brisk_fixture_stop frees the child's
 * memory and does no more.
 */
struct brisk_fixture;

enum brisk_fixture_isolation {
    BRISK_FIXTURE_ISOLATION_AUTO = 0, /* full if the kernel lets us, else none */

    /*
     * The daemon is in namespaces of its own for users, processes, IPC and mounts: it
     * cannot leave a process or a shared memory segment behind, and sees itself as an
     * ordinary user also if it was started by root. BRISK_ERR_PERMISSION if the kernel
     * does not let us.
     */
    BRISK_FIXTURE_ISOLATION_FULL = 1,

    /*
     * Processes of the daemon are found by descent. A daemon that root starts runs as
     * user and group 65534 (nobody).
     */
    BRISK_FIXTURE_ISOLATION_NONE = 2
};

/* One line, without its '\n', of the log of a daemon that failed. Valid for the call. */
typedef void brisk_fixture_log_fn(const char *line, void *ctx);

/* Asked every 20 ms or more often while a fixture starts; true: give up. */
typedef bool brisk_fixture_cancel_fn(void *ctx);

struct brisk_fixture_options {
    size_t size; /* of this struct, as the caller knows it */

    const char *name;              /* of this instance; NULL: that of the fixture */
    const char *parameters;        /* "port=11311,memory=128", for the file's [param]; NULL: none */
    unsigned int start_timeout_ms; /* until it is ready; 0: as the file says, else 30000 */
    unsigned int stop_timeout_ms; /* until a polite stop becomes a kill; 0: the file's, else 5000 */
    enum brisk_fixture_isolation isolation;
    bool is_polite; /* ask the daemon to end, for tests of just that; else the fastest safe way */
    bool keep_directory; /* do not remove it at the end */

    /* If the start fails: the daemon's last lines, 50 at most, oldest first. */
    brisk_fixture_log_fn *log;
    brisk_fixture_cancel_fn *cancel;
    void *ctx; /* of both */
};

static inline struct brisk_fixture_options brisk_fixture_options_default(void)
{
    struct brisk_fixture_options options = {sizeof(struct brisk_fixture_options),
                                            0,
                                            0,
                                            0,
                                            0,
                                            BRISK_FIXTURE_ISOLATION_AUTO,
                                            0,
                                            0,
                                            0,
                                            0,
                                            0};
    return options;
}

/*
 * Ends the daemon and all that it started, removes its directory and frees the
 * fixture, whatever the answer. Then those that were started for it. NULL is fine.
 */
BRISK_API enum brisk_status
brisk_fixture_stop(struct brisk_fixture *fixture, struct brisk_error *error);

/*
 * Starts the fixture of that name, or of that file (a name with a '/'), and what it
 * needs, and waits until they answer. NULL options: the defaults. Strings are
 * borrowed for the call.
 *
 * NULL if it fails, and nothing is left behind:
 *   INVALID      the file, a parameter or an option is wrong; FILE:LINE:COLUMN in the message
 *   UNSUPPORTED  no such fixture, or its daemon is not installed: a test should skip
 *   PERMISSION   isolation FULL is not to be had
 *   UNREACHABLE  the daemon ended before it was ready
 *   TIMEOUT      it is not ready in time
 *   SYSTEM       the fixed port belongs to somebody else, the disk is full, ...
 *   CANCELLED    the callback said so
 */
BRISK_API struct brisk_fixture *brisk_fixture_start(
    const char *name, const struct brisk_fixture_options *options, struct brisk_error *error)
    BRISK_NEW(brisk_fixture_stop) BRISK_NONNULL(1);

/* What brisk_fixture_start_all is to start. */
struct brisk_fixture_request {
    const char *name;
    const struct brisk_fixture_options *options; /* or NULL */
};

/*
 * Starts `count` fixtures at the same time, into fixtures[0] to fixtures[count - 1]. A
 * fixture that needs another takes the one of this call, if there is one. If one
 * fails, those that have started are stopped again, all pointers are NULL and the
 * answer is that of the first that failed.
 */
BRISK_API enum brisk_status brisk_fixture_start_all(
    const struct brisk_fixture_request *requests, size_t count, struct brisk_fixture **fixtures,
    struct brisk_error *error) BRISK_MUST_CHECK BRISK_NONNULL(1, 3);

/*
 * Ends the daemon if it runs, and starts it again: same address, same directory, and its
 * data as far as the daemon keeps data. Waits until it is ready. Variables stay as they are,
 * but for the pid.
 */
BRISK_API enum brisk_status
brisk_fixture_restart(struct brisk_fixture *fixture, struct brisk_error *error) BRISK_NONNULL(1);

/*
 * Sends a signal to the daemon. KILL, TERM, INT, QUIT, ABRT and SEGV are meant to end it: the call
 * returns when it has ended, with all that it started, or answers BRISK_ERR_TIMEOUT after the
 * time of a polite stop. The address stays reserved, and a restart may follow.
 * BRISK_ERR_INVALID if it does not run.
 */
BRISK_API enum brisk_status
brisk_fixture_kill(struct brisk_fixture *fixture, int signal_number, struct brisk_error *error)
    BRISK_NONNULL(1);

/* Stops all its processes in their tracks (SIGSTOP): it accepts connections and says nothing. */
BRISK_API enum brisk_status
brisk_fixture_pause(struct brisk_fixture *fixture, struct brisk_error *error) BRISK_NONNULL(1);
BRISK_API enum brisk_status
brisk_fixture_resume(struct brisk_fixture *fixture, struct brisk_error *error) BRISK_NONNULL(1);

/*
 * Makes its data as they were after the start, in the daemon's own fastest way.
 * BRISK_ERR_UNSUPPORTED if the file has no [reset].
 */
BRISK_API enum brisk_status
brisk_fixture_reset(struct brisk_fixture *fixture, struct brisk_error *error) BRISK_NONNULL(1);

/*
 * Makes the connections to a fixture bad on purpose. The fixture was started with the parameter
 * `proxy`: then host, port and URL are those of a proxy in front of it, which changes nothing
 * until it is told to. `specification` is words with blanks or commas between them
 * (docs/faults.md):
 *
 *     "latency=50ms jitter=10ms direction=down"   "cut=100"   "reset"   "down"   "clear"
 *
 * What is named replaces its earlier value, everything else stays. When the call returns it
 * applies to all bytes that have not left the proxy, on open connections and on new ones; the
 * fixture itself does not notice, and its restart changes nothing.
 *
 * BRISK_ERR_INVALID if it has no proxy, or the specification is wrong: the message says what to
 * write, and nothing has changed. BRISK_ERR_UNREACHABLE if the proxy has been killed.
 */
BRISK_API enum brisk_status brisk_fixture_fault(
    struct brisk_fixture *fixture, const char *specification, struct brisk_error *error)
    BRISK_NONNULL(1, 2);

/* All faults off: the same as "clear". */
BRISK_API enum brisk_status
brisk_fixture_fault_clear(struct brisk_fixture *fixture, struct brisk_error *error)
    BRISK_NONNULL(1);

/* What a fixture's proxy does, and what it has done since it was started. */
struct brisk_fixture_traffic {
    size_t size;          /* of this struct, as the caller knows it; no more is filled in */
    const char *faults;   /* a specification that makes them; valid until the next call */
    uint64_t seed;        /* of their random numbers */
    uint64_t connections; /* open now */
    uint64_t accepted;
    uint64_t unreachable; /* of these, reset because the fixture did not answer */
    uint64_t bytes_up;    /* that have left for the fixture */
    uint64_t bytes_down;  /* that have left for clients */
};

static inline struct brisk_fixture_traffic brisk_fixture_traffic_empty(void)
{
    struct brisk_fixture_traffic traffic = {
        sizeof(struct brisk_fixture_traffic), 0, 0, 0, 0, 0, 0, 0};
    return traffic;
}

/* As brisk_fixture_fault; BRISK_ERR_INVALID also for a size that is none. */
BRISK_API enum brisk_status brisk_fixture_read_traffic(
    struct brisk_fixture *fixture, struct brisk_fixture_traffic *traffic, struct brisk_error *error)
    BRISK_NONNULL(1, 2);

/* The strings live as long as the fixture. The name is that of this instance. */
BRISK_API const char *brisk_fixture_name(const struct brisk_fixture *fixture) BRISK_NONNULL(1);
BRISK_API const char *brisk_fixture_kind_name(const struct brisk_fixture *fixture) BRISK_NONNULL(1);
BRISK_API const char *brisk_fixture_url(const struct brisk_fixture *fixture) BRISK_NONNULL(1);
BRISK_API const char *brisk_fixture_host(const struct brisk_fixture *fixture) BRISK_NONNULL(1);
BRISK_API uint16_t brisk_fixture_port(const struct brisk_fixture *fixture) BRISK_NONNULL(1);
/* As seen from this process; of the last start. */
BRISK_API pid_t brisk_fixture_pid(const struct brisk_fixture *fixture) BRISK_NONNULL(1);
/* Its directory; the daemon's data are in the folder `data` of it. */
BRISK_API const char *brisk_fixture_dir(const struct brisk_fixture *fixture) BRISK_NONNULL(1);
/* The file with what it printed: each line after the seconds since its start. */
BRISK_API const char *brisk_fixture_log(const struct brisk_fixture *fixture) BRISK_NONNULL(1);

/*
 * What a client of this daemon looks for in its environment ("PGPORT"), as the file's
 * [export] says; NULL if it has no such variable.
 */
BRISK_API const char *brisk_fixture_variable(const struct brisk_fixture *fixture, const char *name)
    BRISK_NONNULL(1, 2);

/*
 * All variables for the environment of a test, in order: PREFIX_<NAME>_URL, _HOST, _PORT,
 * _PID, _DIR (name in capitals, other characters as '_'), then those of [export]. With
 * is_pifpaf those that pifpaf sets. Ends early if `fn` returns false.
 */
typedef bool brisk_fixture_variable_fn(const char *name, const char *value, void *ctx);
BRISK_API enum brisk_status brisk_fixture_each_variable(
    const struct brisk_fixture *fixture, const char *prefix, bool is_pifpaf,
    brisk_fixture_variable_fn *fn, void *ctx) BRISK_NONNULL(1, 2, 4);

/* A fixture that could be started. Strings are valid for the call. */
struct brisk_fixture_kind {
    const char *name;
    const char *summary;
    const char *package; /* of Debian, that has the daemon; "" if the file does not say */
    const char *path;    /* of the file */
    const char *program; /* that would be run; "" if it is not installed */
};

/*
 * Calls `fn` for each fixture that there is, by name, until it returns false. A file
 * that cannot be read is left out.
 */
typedef bool brisk_fixture_kind_fn(const struct brisk_fixture_kind *kind, void *ctx);
BRISK_API enum brisk_status
brisk_fixture_each_kind(brisk_fixture_kind_fn *fn, void *ctx, struct brisk_error *error)
    BRISK_NONNULL(1);

/*
 * A running fixture of any process of this user. Of it may be asked and done what may be
 * with one's own. brisk_fixture_detach only frees the pointer, brisk_fixture_stop ends
 * the fixture.
 *
 * `name` is that of an instance or a directory (with a '/'). A name that several have is
 * BRISK_ERR_INVALID, one that none has BRISK_MISS in error->status.
 */
BRISK_API void brisk_fixture_detach(struct brisk_fixture *fixture);
BRISK_API struct brisk_fixture *brisk_fixture_attach(const char *name, struct brisk_error *error)
    BRISK_MUST_CHECK BRISK_NONNULL(1);

/* Calls `fn` for the directory of each running fixture of this user, until it returns false. */
typedef bool brisk_fixture_running_fn(const char *directory, void *ctx);
BRISK_API enum brisk_status
brisk_fixture_each_running(brisk_fixture_running_fn *fn, void *ctx, struct brisk_error *error)
    BRISK_NONNULL(1);

enum brisk_fixture_state {
    BRISK_FIXTURE_ENDED =
        0, /* by itself or killed; also if the guard cannot be asked: see *error */
    BRISK_FIXTURE_RUNNING = 1,
    BRISK_FIXTURE_PAUSED = 2
};
BRISK_API enum brisk_fixture_state
brisk_fixture_state(struct brisk_fixture *fixture, struct brisk_error *error) BRISK_NONNULL(1);

/*
 * Removes what is left of fixtures whose guard was killed: processes and directories.
 * Each start does this as well. *removed, if not NULL, is their number.
 */
BRISK_API enum brisk_status brisk_fixture_collect(size_t *removed, struct brisk_error *error);

/* Whether BRISK_FIXTURE_ISOLATION_FULL is to be had here; else why not is in *error. */
BRISK_API enum brisk_status brisk_fixture_check_isolation(struct brisk_error *error);

/*
 * For cmocka: a fixture per group. Defines `variable` and the functions
 * `variable_setup` and `variable_teardown` for cmocka_run_group_tests:
 *
 *     BRISK_FIXTURE_GROUP(server, "memcached", "memory=16")
 *     return cmocka_run_group_tests(tests, server_setup, server_teardown);
 *
 * Says on stderr why a start failed. Where the daemon is not installed `variable` is NULL and
 * the setup passes, so that the tests can skip.
 */
#define BRISK_FIXTURE_GROUP(variable, fixture_name, fixture_parameters)                            \
    static struct brisk_fixture *variable;                                                         \
    static int variable##_setup(void **state)                                                      \
    {                                                                                              \
        struct brisk_error error;                                                                  \
        struct brisk_fixture_options options = brisk_fixture_options_default();                    \
        (void)state;                                                                               \
        options.parameters = (fixture_parameters);                                                 \
        variable = brisk_fixture_start((fixture_name), &options, &error);                          \
        if (variable != NULL)                                                                      \
            return 0;                                                                              \
        fprintf(stderr, "%s\n", error.message);                                                    \
        return error.status == BRISK_ERR_UNSUPPORTED ? 0 : -1;                                     \
    }                                                                                              \
    static int variable##_teardown(void **state)                                                   \
    {                                                                                              \
        struct brisk_fixture *fixture = variable;                                                  \
        (void)state;                                                                               \
        variable = NULL;                                                                           \
        return brisk_fixture_stop(fixture, NULL) < 0 ? -1 : 0;                                     \
    }                                                                                              \
    typedef int variable##_needs_a_semicolon

BRISK_END

#endif
