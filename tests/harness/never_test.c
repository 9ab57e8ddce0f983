/* SPDX-License-Identifier: Apache-2.0 */
/* What must never happen to a run. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/place.h"
#include "harness/port.h"
#include "tests/harness/fixture_support.h"

static struct brisk_fixture *
start_isolated(const char *parameters, enum brisk_fixture_isolation isolation)
{
    struct brisk_error error = {0};
    struct brisk_fixture_options options = brisk_fixture_options_default();
    options.parameters = parameters;
    options.isolation = isolation;
    if (isolation == BRISK_FIXTURE_ISOLATION_FULL && brisk_fixture_check_isolation(&error) < 0)
        skip_because(error.message);
    struct brisk_fixture *fixture = brisk_fixture_start("bad", &options, &error);
    assert_that(fixture != NULL, "%s", error.message);
    return fixture;
}

static bool wait_for_processes(unsigned int count)
{
    uint64_t deadline_ns = now_ns() + 2000000000;
    while (count_processes() < count)
        if (now_ns() >= deadline_ns)
            return false;
    return true;
}

static void a_child_in_a_session_of_its_own_ends_with_its_daemon(void **state)
{
    (void)state;
    for (int isolation = 0; isolation <= 2; isolation++) {
        struct brisk_fixture *fixture = start_isolated(
            "a=clone,b=stubborn", (enum brisk_fixture_isolation)isolation);
        assert_true(wait_for_processes(3)); /* the grandchild may only just have begun */

        assert_ok(brisk_fixture_stop(fixture, NULL));

        assert_u64(count_processes(), 0);
    }
}

static void a_killed_daemon_takes_its_children_with_it(void **state)
{
    (void)state;
    for (int isolation = 1; isolation <= 2; isolation++) {
        struct brisk_fixture *fixture = start_isolated(
            "a=clone", (enum brisk_fixture_isolation)isolation);

        assert_ok(brisk_fixture_kill(fixture, SIGKILL, NULL));

        assert_u64(count_processes(), 1); /* the guard */
        assert_ok(brisk_fixture_stop(fixture, NULL));
    }
}

static void shared_memory_ends_with_its_daemon(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start_isolated("a=shm", BRISK_FIXTURE_ISOLATION_FULL);
    int port = brisk_fixture_port(fixture);
    char name[32], log[512];
    snprintf(name, sizeof name, "/bad-daemon-%d", port);

    read_text(brisk_fixture_log(fixture), log, sizeof log);
    assert_null(strstr(log, "shared memory")); /* it could make it, where nobody else sees it */
    assert_i64(shmget(port, 0, 0), -1);
    assert_i64(shm_open(name, O_RDONLY, 0), -1);
    brisk_fixture_stop(fixture, NULL);

    assert_i64(shmget(port, 0, 0), -1);
}

static void a_daemon_inherits_no_descriptor(void **state)
{
    (void)state;
    int leaks[8];
    for (int i = 0; i < 8; i++)
        leaks[i] = open("/dev/null", O_RDONLY); /* without O_CLOEXEC: a careless caller's */
    for (int isolation = 1; isolation <= 2; isolation++) {
        struct brisk_fixture *fixture = start_isolated(
            "a=fds", (enum brisk_fixture_isolation)isolation);
        char log[512];

        read_text(brisk_fixture_log(fixture), log, sizeof log);

        const char *list = strstr(log, "descriptors:");
        assert_non_null(list);
        assert_memory_equal(list, "descriptors: 0 1 2\n", strlen("descriptors: 0 1 2\n"));
        brisk_fixture_stop(fixture, NULL);
    }
    for (int i = 0; i < 8; i++)
        close(leaks[i]);
}

static void a_daemon_of_root_is_no_root(void **state)
{
    (void)state;
    static const struct {
        enum brisk_fixture_isolation isolation;
        const char *user;
    } rows[] = {
        {BRISK_FIXTURE_ISOLATION_FULL, "uid 1\n"}, {BRISK_FIXTURE_ISOLATION_NONE, "uid 65534\n"}};
    if (geteuid() != 0)
        skip_because("only root can start daemons of root");
    for (size_t i = 0; i < 2; i++) {
        struct brisk_fixture *fixture = start_isolated("a=whoami", rows[i].isolation);
        char log[512];

        read_text(brisk_fixture_log(fixture), log, sizeof log);

        assert_non_null(strstr(log, rows[i].user));
        brisk_fixture_stop(fixture, NULL);
    }
}

struct lines {
    char text[8192];
    unsigned int count;
};

static void keep_line(const char *line, void *ctx)
{
    struct lines *lines = ctx;
    size_t used = strlen(lines->text);
    snprintf(lines->text + used, sizeof lines->text - used, "%s\n", line);
    lines->count++;
}

static void a_dead_daemon_is_told_at_once_with_its_log(void **state)
{
    (void)state;
    struct lines lines = {0};
    struct brisk_error error;
    struct brisk_fixture_options options = brisk_fixture_options_default();
    options.parameters = "a=line=out of luck,b=exit=7";
    options.log = keep_line;
    options.ctx = &lines;
    uint64_t start_ns = now_ns();

    assert_null(brisk_fixture_start("bad", &options, &error));

    assert_true(now_ns() - start_ns < 2000000000); /* and not the 5 s that it may take */
    assert_status(error.status, BRISK_ERR_UNREACHABLE);
    assert_string_equal(error.message, "bad ended with status 7");
    assert_u64(lines.count, 1);
    assert_non_null(strstr(lines.text, " out of luck\n"));
}

static void a_daemon_that_dies_soon_after_its_line_is_told(void **state)
{
    (void)state;
    struct lines lines = {0};
    struct brisk_error error;
    struct brisk_fixture_options options = brisk_fixture_options_default();
    options.parameters = "a=mute,b=die=50";
    options.log = keep_line;
    options.ctx = &lines;

    assert_null(brisk_fixture_start("bad", &options, &error));

    assert_string_equal(error.message, "bad ended with status 3");
    assert_non_null(strstr(lines.text, " dying\n"));
}

static void a_daemon_that_accepts_but_does_not_answer_is_not_ready(void **state)
{
    (void)state;
    struct brisk_error error;
    struct brisk_fixture_options options = brisk_fixture_options_default();
    options.parameters = "a=mute";
    options.start_timeout_ms = 300;

    assert_null(brisk_fixture_start("bad", &options, &error));

    assert_status(error.status, BRISK_ERR_TIMEOUT);
    assert_non_null(strstr(error.message, "bad is not ready in time: no success with ping; see"));
}

static void a_daemon_that_never_listens_does_not_hang_the_run(void **state)
{
    (void)state;
    uint64_t start_ns = now_ns();

    const char *message = start_failing("deaf", NULL, BRISK_ERR_TIMEOUT);

    assert_non_null(strstr(message, "no success with a connect"));
    assert_true(now_ns() - start_ns >= 300000000);
}

static void a_daemon_that_listens_late_is_waited_for(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start("bad", "a=late=200");
    assert_true(ask(brisk_fixture_port(fixture), "x", "x"));
    brisk_fixture_stop(fixture, NULL);
}

static void a_line_of_the_log_is_waited_for(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start("bad_line", "a=line=it is ready!");
    brisk_fixture_stop(fixture, NULL);

    const char *message = start_failing(
        "bad_line", "a=line=not ready!,b=exit=0", BRISK_ERR_UNREACHABLE);
    assert_string_equal(message, "bad_line ended with status 0");
}

static void a_flood_of_log_neither_hangs_the_run_nor_fills_the_disk(void **state)
{
    (void)state;
    char path[160];
    struct stat file;
    struct brisk_fixture *fixture = start("bad", "a=flood=64");

    assert_true(ask(brisk_fixture_port(fixture), "x", "x"));

    assert_i64(stat(brisk_fixture_log(fixture), &file), 0);
    assert_true(file.st_size <= 5 << 20);
    snprintf(path, sizeof path, "%s.1", brisk_fixture_log(fixture));
    assert_i64(stat(path, &file), 0);
    assert_true(file.st_size <= 5 << 20);
    brisk_fixture_stop(fixture, NULL);
}

static void a_fixed_port_of_somebody_else_is_an_error(void **state)
{
    (void)state;
    uint16_t port = 0;
    char parameters[32];
    int listener = listen_on(&port);
    snprintf(parameters, sizeof parameters, "port=%u", port);

    const char *message = start_failing("bad", parameters, BRISK_ERR_SYSTEM);

    assert_non_null(strstr(message, "belongs to somebody else; without port="));
    close(listener);
    struct brisk_fixture *fixture = start("bad", parameters);
    assert_u64(brisk_fixture_port(fixture), port);
    brisk_fixture_stop(fixture, NULL);
}

static void a_foreign_server_on_the_port_is_never_taken_for_the_daemon(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start("bad", "a=nothing");
    uint16_t port = brisk_fixture_port(fixture);
    assert_ok(brisk_fixture_kill(fixture, SIGKILL, NULL));
    int foreign = listen_on(&port); /* who asks for this very port may get it */
    struct brisk_error error;

    enum brisk_status status = brisk_fixture_restart(fixture, &error);

    assert_status(status, BRISK_ERR_UNREACHABLE); /* the daemon cannot bind, and ends */
    close(foreign);
    assert_ok(brisk_fixture_restart(fixture, NULL));
    brisk_fixture_stop(fixture, NULL);
}

static void nobody_gets_a_reserved_port_by_chance(void **state)
{
    (void)state;
    struct bk_port port;
    assert_ok(bk_port_reserve(&port, 0, NULL));

    for (int i = 0; i < 2000; i++) {
        struct bk_port other;
        assert_ok(bk_port_reserve(&other, 0, NULL));
        assert_true(other.number != port.number);
        bk_port_release(&other);
    }

    bk_port_release(&port);
}

static void the_owner_of_a_port_is_found(void **state)
{
    (void)state;
    uint16_t number = 0;
    pid_t self = getpid(), other = getppid();
    int listener = listen_on(&number);

    assert_i64(bk_port_owner(number, &self, 1), BK_PORT_OURS);
    assert_i64(bk_port_owner(number, &other, 1), BK_PORT_FOREIGN);
    close(listener);
    assert_i64(bk_port_owner(number, &self, 1), BK_PORT_NOBODY);
}

/* In a child: starts, tells the port, and waits to be killed. */
static int start_and_wait(int told_fd, enum brisk_fixture_isolation isolation)
{
    struct brisk_fixture_options options = brisk_fixture_options_default();
    /* Shared memory is removed with a namespace alone, and would meet later daemons on its port. */
    bool is_isolated = isolation == BRISK_FIXTURE_ISOLATION_FULL;
    options.parameters = is_isolated ? "a=clone,b=shm,c=stubborn" : "a=clone,c=stubborn";
    options.isolation = isolation;
    struct brisk_fixture *fixture = brisk_fixture_start("bad", &options, NULL);
    char byte = fixture != NULL;
    if (write(told_fd, &byte, 1) == 1)
        for (;;)
            pause();
    return 1;
}

static pid_t start_owner(int *told_fd, enum brisk_fixture_isolation isolation)
{
    int ends[2];
    assert_i64(pipe2(ends, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t owner = fork();
    if (owner == 0)
        _exit(start_and_wait(ends[1], isolation));
    close(ends[1]);
    *told_fd = ends[0];
    return owner;
}

static pid_t guard_of(pid_t owner)
{
    char path[64], text[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)owner, (int)owner);
    read_text(path, text, sizeof text);
    return (pid_t)strtol(text, NULL, 10);
}

enum victim {
    VICTIM_OWNER,
    VICTIM_GUARD,
    VICTIM_BOTH,
    VICTIMS
};

static void kill_victims(pid_t owner, enum victim victim)
{
    pid_t guard = guard_of(owner);
    if (victim != VICTIM_OWNER && guard > 0)
        kill(guard, SIGKILL);
    if (victim != VICTIM_GUARD)
        kill(owner, SIGKILL);
}

/* If the guard was killed, to remove its folder is the work of a collector, which may come often.
 */
static void expect_nothing(enum victim victim, pid_t owner)
{
    uint64_t deadline_ns = now_ns() + UINT64_C(5000000000);
    bool is_clean = false;
    if (victim == VICTIM_GUARD)
        kill(owner, SIGKILL);
    waitpid(owner, NULL, 0);
    while (!is_clean && now_ns() < deadline_ns) {
        size_t removed;
        is_clean = wait_until_nothing_is_left(5);
        if (!is_clean && victim != VICTIM_OWNER)
            assert_ok(brisk_fixture_collect(&removed, NULL));
    }
    assert_that(
        is_clean, "%u processes and %u folders are left", count_processes(), count_folders());
}

static void kill_at_random_moments(enum brisk_fixture_isolation isolation, unsigned int rounds)
{
    struct test_random random = test_random_new();
    for (unsigned int i = 0; i < rounds; i++) {
        enum victim victim = (enum victim)test_random_below(&random, VICTIMS);
        uint64_t delay_us = test_random_below(&random, 25000);
        int told_fd;
        pid_t owner = start_owner(&told_fd, isolation);
        uint64_t until_ns = now_ns() + 1000 * delay_us;
        while (now_ns() < until_ns)
            nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);

        kill_victims(owner, victim);

        expect_nothing(victim, owner);
        close(told_fd);
    }
}

static void nothing_survives_a_kill_at_any_moment(void **state)
{
    (void)state;
    kill_at_random_moments(BRISK_FIXTURE_ISOLATION_AUTO, scaled(100));
}

static void nothing_survives_a_kill_at_any_moment_without_isolation(void **state)
{
    (void)state;
    kill_at_random_moments(BRISK_FIXTURE_ISOLATION_NONE, scaled(100));
}

static void await_start(int told_fd)
{
    char byte = 0;
    assert_i64(read(told_fd, &byte, 1), 1);
    assert_i64(byte, 1);
    close(told_fd);
}

static void all_is_gone_soon_after_its_owner_was_killed(void **state)
{
    (void)state;
    int told_fd;
    pid_t owner = start_owner(&told_fd, BRISK_FIXTURE_ISOLATION_AUTO);
    await_start(told_fd);

    kill(owner, SIGKILL);

    assert_true(wait_until_nothing_is_left(2000));
    waitpid(owner, NULL, 0);
}

static void without_its_guard_an_isolated_daemon_is_gone_at_once(void **state)
{
    (void)state;
    struct brisk_fixture *fixture = start_isolated("a=clone", BRISK_FIXTURE_ISOLATION_FULL);
    uint64_t deadline_ns = now_ns() + 2000000000;
    struct brisk_error error;
    kill(guard_of(getpid()), SIGKILL);

    while (count_processes() > 0 && now_ns() < deadline_ns)
        continue;
    assert_u64(count_processes(), 0);

    assert_status(brisk_fixture_restart(fixture, &error), BRISK_ERR_UNREACHABLE);
    assert_string_equal(
        error.message, "brisk-guard of bad has been killed, and its daemon with it");
    assert_u64(count_folders(), 0); /* who notices removes it */
    assert_ok(brisk_fixture_stop(fixture, NULL));
}

static void the_next_start_removes_what_a_killed_guard_left(void **state)
{
    (void)state;
    int told_fd;
    pid_t owner = start_owner(&told_fd, BRISK_FIXTURE_ISOLATION_NONE);
    await_start(told_fd);
    kill_victims(owner, VICTIM_BOTH);
    waitpid(owner, NULL, 0);
    assert_u64(count_folders(), 1);

    struct brisk_fixture *fixture = start("bad", NULL);

    uint64_t deadline_ns = now_ns() + 3000000000;
    while (count_folders() > 1 && now_ns() < deadline_ns)
        continue;
    assert_u64(count_folders(), 1);
    brisk_fixture_stop(fixture, NULL);
}

static enum brisk_status start_and_ask(unsigned int index, void *ctx)
{
    (void)ctx;
    for (unsigned int i = 0; i < scaled(10); i++) {
        char text[32];
        struct brisk_fixture *fixture = brisk_fixture_start("bad", NULL, NULL);
        thread_expect(fixture != NULL);
        snprintf(text, sizeof text, "%u-%u", index, i);
        thread_expect(ask(brisk_fixture_port(fixture), text, text));
        thread_expect(brisk_fixture_stop(fixture, NULL) == BRISK_OK);
    }
    return BRISK_OK;
}

static void parallel_runs_have_ports_of_their_own(void **state)
{
    (void)state;
    run_threads(16, start_and_ask, NULL);
}

static void a_bad_place_for_folders_is_said(void **state)
{
    (void)state;
    static const char *const places[] = {
        "relative", "/etc/no_such/folder", "/dev/shm",
        "/dev/shm/a-path-that-leaves-no-room-for-the-name-of-a-socket-in-it"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        setenv("BRISK_RUN_DIR", places[i], 1);
        struct brisk_error error = {0};
        assert_null(brisk_fixture_start("bad", NULL, &error));
        assert_that(
            strstr(error.message, "BRISK_RUN_DIR") != NULL, "%s: %s", places[i], error.message);
    }
    setenv("BRISK_RUN_DIR", ground.run, 1);
}

static void a_folder_that_is_held_is_not_collected(void **state)
{
    (void)state;
    struct bk_place place;
    size_t removed;
    assert_ok(bk_place_make(&place, NULL));

    assert_true(bk_place_is_held(place.path));
    assert_ok(bk_place_collect_all(&removed, NULL));
    assert_size(removed, 0);
    close(place.lock_fd); /* as the end of its holder does */
    assert_false(bk_place_is_held(place.path));
    assert_ok(bk_place_collect_all(&removed, NULL));

    assert_size(removed, 1);
    assert_u64(count_folders(), 0);
}

BRISK_TEST_MAIN(
    on_ground(a_child_in_a_session_of_its_own_ends_with_its_daemon),
    on_ground(a_killed_daemon_takes_its_children_with_it),
    on_ground(shared_memory_ends_with_its_daemon), on_ground(a_daemon_inherits_no_descriptor),
    on_ground(a_daemon_of_root_is_no_root), on_ground(a_dead_daemon_is_told_at_once_with_its_log),
    on_ground(a_daemon_that_dies_soon_after_its_line_is_told),
    on_ground(a_daemon_that_accepts_but_does_not_answer_is_not_ready),
    on_ground(a_daemon_that_never_listens_does_not_hang_the_run),
    on_ground(a_daemon_that_listens_late_is_waited_for), on_ground(a_line_of_the_log_is_waited_for),
    on_ground(a_flood_of_log_neither_hangs_the_run_nor_fills_the_disk),
    on_ground(a_fixed_port_of_somebody_else_is_an_error),
    on_ground(a_foreign_server_on_the_port_is_never_taken_for_the_daemon),
    on_ground(nobody_gets_a_reserved_port_by_chance), on_ground(the_owner_of_a_port_is_found),
    on_ground(nothing_survives_a_kill_at_any_moment),
    on_ground(nothing_survives_a_kill_at_any_moment_without_isolation),
    on_ground(all_is_gone_soon_after_its_owner_was_killed),
    on_ground(without_its_guard_an_isolated_daemon_is_gone_at_once),
    on_ground(the_next_start_removes_what_a_killed_guard_left),
    on_ground(parallel_runs_have_ports_of_their_own), on_ground(a_bad_place_for_folders_is_said),
    on_ground(a_folder_that_is_held_is_not_collected))
