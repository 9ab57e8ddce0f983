/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/world.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

enum {
    /* Inside, root is `daemon`, which is 1 on every Linux distribution (LSB, 21.2): a user that
       has a name, for programs that look it up. */
    DAEMON_ID = 1,
    NAMESPACES = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNS,
};

/* What a child reports before it runs the program, and a root when that has ended. */
enum stage {
    STAGE_STARTED, /* of the program's process, whose pid comes with it */
    STAGE_ISOLATE, /* failed; with errno, as the next */
    STAGE_RUN,
    STAGE_ENDED, /* with the wait status */
};

struct report {
    enum stage stage;
    int number;
};

static void send_report(int fd, enum stage stage, int number)
{
    struct report report = {stage, number};
    send(fd, &report, sizeof report, MSG_NOSIGNAL);
}

/* The kernel translates the sender's pid into what it is here. */
static bool receive_report(int fd, struct report *report, pid_t *sender, int flags)
{
    char control[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec bytes = {report, sizeof *report};
    struct msghdr message = {
        .msg_iov = &bytes,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof control};
    ssize_t length;
    do
        length = recvmsg(fd, &message, flags | MSG_CMSG_CLOEXEC);
    while (length < 0 && errno == EINTR);
    if (length != (ssize_t)sizeof *report)
        return false;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    struct ucred sender_ids = {0};
    if (header != NULL && header->cmsg_type == SCM_CREDENTIALS)
        memcpy(&sender_ids, CMSG_DATA(header), sizeof sender_ids);
    *sender = sender_ids.pid;
    return true;
}

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return is_written;
}

static bool map_ids(uid_t user, gid_t group)
{
    char map[64];
    snprintf(map, sizeof map, "%u %u 1", user == 0 ? DAEMON_ID : user, user);
    if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", map))
        return false;
    snprintf(map, sizeof map, "%u %u 1", user == 0 ? DAEMON_ID : group, group);
    return write_file("/proc/self/gid_map", map);
}

static bool make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool is_there = mkdir(path, 0700) == 0 || errno == EEXIST;
        *slash = '/';
        if (!is_there)
            return false;
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/*
 * /dev/shm becomes FOLDER/shm; if the fixture's folder itself is within /dev/shm it is made
 * visible again at its place.
 */
static bool own_shared_memory(const char *folder)
{
    char shm[256], self[64], path[256];
    if (access("/dev/shm", F_OK) != 0)
        return true;
    snprintf(shm, sizeof shm, "%s/shm", folder);
    if (mkdir(shm, 01777) != 0 && errno != EEXIST)
        return false;
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || mount(shm, "/dev/shm", NULL, MS_BIND, NULL) != 0)
        return false;
    if (strncmp(folder, "/dev/shm/", 9) != 0)
        return true;
    snprintf(path, sizeof path, "%s", folder);
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    return make_folders(path) && mount(self, folder, NULL, MS_BIND, NULL) == 0;
}

static bool own_mounts(const char *folder)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || !own_shared_memory(folder))
        return false;
    /* Where a container hides parts of /proc the kernel refuses; the old one serves. */
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    return true;
}

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
}

static void become_nobody(void)
{
    if (geteuid() != 0)
        return;
    gid_t group = BK_WORLD_NOBODY;
    if (setgroups(0, NULL) != 0 || setresgid(group, group, group) != 0 ||
        setresuid(BK_WORLD_NOBODY, BK_WORLD_NOBODY, BK_WORLD_NOBODY) != 0)
        _exit(126);
}

/* In the program's process; on success the report's socket closes itself. */
_Noreturn static void run_program(const struct bk_world_options *options, int report_fd)
{
    reset_signals();
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    int report_copy = fcntl(report_fd, F_DUPFD_CLOEXEC, 10);
    int output_copy = fcntl(options->output_fd, F_DUPFD_CLOEXEC, 11);
    dup2(null_fd, STDIN_FILENO);
    dup2(output_copy, STDOUT_FILENO);
    dup2(output_copy, STDERR_FILENO);
    dup2(report_copy, 3);
    fcntl(3, F_SETFD, FD_CLOEXEC);
    close_range(4, ~0U, 0);
    setsid();
    if (chdir(options->folder) != 0)
        send_report(3, STAGE_RUN, errno);
    else {
        send_report(3, STAGE_STARTED, 0);
        execve(options->words[0], options->words, options->environment);
        send_report(3, STAGE_RUN, errno);
    }
    _exit(127);
}

/* The first process of the namespaces: reaps until the program has ended, and takes all with it. */
_Noreturn static void
be_root(const struct bk_world_options *options, int report_fd, uid_t user, gid_t group)
{
    if (!map_ids(user, group) || !own_mounts(options->folder)) {
        send_report(report_fd, STAGE_ISOLATE, errno);
        _exit(1);
    }
    /* Not earlier: a change of the user id takes it back. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct pollfd guard = {.fd = report_fd};
    if (poll(&guard, 1, 0) > 0) /* hung up: it has died already */
        _exit(1);

    pid_t program = fork();
    if (program == 0)
        run_program(options, report_fd);
    if (program < 0) {
        send_report(report_fd, STAGE_RUN, errno);
        _exit(1);
    }
    prctl(PR_SET_NAME, "brisk-world");
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++)
        dup2(null_fd, fd);
    dup2(report_fd, 3);
    close_range(4, ~0U, 0);
    for (;;) {
        int status;
        pid_t ended = waitpid(-1, &status, 0);
        if (ended == program) {
            send_report(3, STAGE_ENDED, status);
            _exit(0);
        }
        if (ended < 0 && errno != EINTR)
            _exit(1);
    }
}

_Noreturn static void be_program(const struct bk_world_options *options, int report_fd)
{
    become_nobody();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct pollfd guard = {.fd = report_fd};
    if (poll(&guard, 1, 0) > 0)
        _exit(1);
    run_program(options, report_fd);
}

static pid_t start_child(const struct bk_world_options *options, int sockets[2])
{
    uid_t user = geteuid();
    gid_t group = getegid();
    unsigned long flags = options->is_isolated ? NAMESPACES | SIGCHLD : SIGCHLD;
    /* Like fork, with namespaces; there is one thread, so no lock is held in the child. */
    pid_t child = (pid_t)syscall(SYS_clone, flags, 0, NULL, NULL, 0);
    if (child != 0)
        return child;
    close(sockets[0]);
    if (options->is_isolated)
        be_root(options, sockets[1], user, group);
    be_program(options, sockets[1]);
}

static enum brisk_status cannot_isolate(int reason, struct brisk_error *error)
{
    return bk_error_set(
        error, BRISK_ERR_PERMISSION, reason,
        "the kernel allows no namespaces of one's own (%s); see user.max_user_namespaces and "
        "kernel.unprivileged_userns_clone, or the container's rules",
        strerror(reason));
}

/* Waits for the reports up to the program's first moment. */
static enum brisk_status await_program(
    struct bk_world *world, const struct bk_world_options *options, struct brisk_error *error)
{
    struct report report = {.stage = STAGE_ISOLATE, .number = EPERM};
    pid_t sender;
    while (receive_report(world->status_fd, &report, &sender, 0)) {
        if (report.stage == STAGE_ISOLATE)
            return cannot_isolate(report.number, error);
        if (report.stage == STAGE_RUN)
            return bk_error_set(
                error, BRISK_ERR_UNSUPPORTED, report.number, "%s: %s", options->words[0],
                strerror(report.number));
        if (report.stage == STAGE_STARTED) {
            world->main = sender;
            return BRISK_OK;
        }
        break;
    }
    return bk_error_set(
        error, BRISK_ERR_SYSTEM, 0, "%s: its process was killed before it began",
        options->words[0]);
}

enum brisk_status bk_world_start(
    struct bk_world *world, const struct bk_world_options *options, struct brisk_error *error)
{
    int sockets[2];
    *world = (struct bk_world){.root_fd = -1, .status_fd = -1};
    world->is_isolated = options->is_isolated;
    world->companion = options->companion;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
        return bk_error_set(error, BRISK_ERR_SYSTEM, errno, "socketpair: %s", strerror(errno));
    setsockopt(sockets[0], SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int));
    world->root = start_child(options, sockets);
    int reason = errno;
    close(sockets[1]);
    if (world->root < 0) {
        world->root = 0;
        close(sockets[0]);
        if (options->is_isolated)
            return cannot_isolate(reason, error);
        return bk_error_set(error, BRISK_ERR_SYSTEM, reason, "fork: %s", strerror(reason));
    }
    world->root_fd = (int)syscall(SYS_pidfd_open, world->root, 0);
    world->status_fd = sockets[0];
    enum brisk_status status = await_program(world, options, error);
    if (status < 0)
        bk_world_end(world);
    return status;
}

bool bk_world_is_alive(const struct bk_world *world)
{
    return world->root != 0;
}

static void forget(struct bk_world *world)
{
    if (world->root_fd >= 0)
        close(world->root_fd);
    if (world->status_fd >= 0)
        close(world->status_fd);
    world->root_fd = world->status_fd = -1;
    world->root = 0;
    world->has_ended = true;
}

/* Also of what exec could not run, after await_program. */
static void read_reports(struct bk_world *world)
{
    struct report report;
    pid_t sender;
    while (world->status_fd >= 0 &&
           receive_report(world->status_fd, &report, &sender, MSG_DONTWAIT)) {
        if (report.stage == STAGE_RUN)
            world->run_errno = report.number;
        if (report.stage != STAGE_ENDED)
            continue;
        world->has_ended = true;
        world->wait_status = report.number;
    }
}

void bk_world_look(struct bk_world *world)
{
    if (world->root == 0 || world->has_ended)
        return;
    read_reports(world);
    if (world->is_isolated) {
        siginfo_t info = {0};
        if (!world->has_ended &&
            waitid(P_PID, (id_t)world->root, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            info.si_pid == world->root) {
            world->has_ended = true; /* the root was killed from outside */
            world->wait_status = SIGKILL;
        }
        return;
    }
    /* Orphans that have ended are reaped on the way. */
    int status;
    pid_t ended;
    while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
        if (ended != world->root)
            continue;
        world->has_ended = true;
        world->wait_status = status;
    }
}

/* Appends the children of a process; false if the list is full. */
static size_t add_children(pid_t pid, pid_t *pids, size_t count, size_t room)
{
    char path[64], line[4096];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return count;
    ssize_t length = read(fd, line, sizeof line - 1);
    close(fd);
    if (length <= 0)
        return count;
    line[length] = '\0';
    char *end = line;
    for (long child; count < room && (child = strtol(end, &end, 10)) > 0;)
        pids[count++] = (pid_t)child;
    return count;
}

/* Those of the world that are children of this process. */
static size_t add_own_children(const struct bk_world *world, pid_t *pids, size_t count, size_t room)
{
    size_t before = count;
    count = add_children(getpid(), pids, count, room);
    for (size_t i = before; i < count; i++)
        if (pids[i] == world->companion)
            pids[i] = pids[--count];
    return count;
}

/* Children of threads other than the first are rare, and end when the world does. */
size_t bk_world_list(const struct bk_world *world, pid_t *pids, size_t room)
{
    if (world->root == 0 || room == 0)
        return 0;
    size_t count = 0;
    pids[count++] = world->main;
    count = world->is_isolated ? add_children(world->root, pids, count, room)
                               : add_own_children(world, pids, count, room);
    for (size_t i = 1; i < count; i++)
        if (pids[i] == world->main) {
            pids[i] = pids[--count];
            break;
        }
    for (size_t i = 0; i < count; i++)
        count = add_children(pids[i], pids, count, room);
    return count;
}

bool bk_world_is_stopped(pid_t pid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return true;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    const char *state = strrchr(text, ')'); /* behind its name, which may have any letters */
    return state == NULL || strchr("TtZXx", state[2]) != NULL;
}

/* Everything below this process, until nothing is there: what a dying process forks comes here. */
static void sweep(struct bk_world *world)
{
    for (;;) {
        pid_t pids[256];
        size_t count = add_own_children(world, pids, 0, 256);
        if (count == 0 && world->companion != 0)
            return; /* for a wait there would always be the companion */
        for (size_t i = 0; i < count; i++)
            count = add_children(pids[i], pids, count, 256);
        for (size_t i = 0; i < count; i++)
            kill(pids[i], SIGKILL);
        int status;
        pid_t ended = waitpid(-1, &status, 0);
        if (ended == world->root && !world->has_ended) {
            world->has_ended = true;
            world->wait_status = status;
        }
        if (ended < 0 && errno != EINTR)
            return;
    }
}

void bk_world_end(struct bk_world *world)
{
    if (world->root == 0)
        return;
    if (!world->is_isolated) {
        sweep(world);
        forget(world);
        return;
    }
    kill(world->root, SIGKILL);
    /* Returns when the kernel has ended the whole namespace. */
    while (waitpid(world->root, NULL, 0) < 0 && errno == EINTR)
        continue;
    bool had_ended = world->has_ended;
    read_reports(world);
    if (!had_ended && !world->has_ended)
        world->wait_status = SIGKILL;
    forget(world);
}

enum brisk_status bk_world_check_isolation(struct brisk_error *error)
{
    uid_t user = geteuid();
    gid_t group = getegid();
    pid_t child = (pid_t)syscall(SYS_clone, (unsigned long)NAMESPACES | SIGCHLD, 0, NULL, NULL, 0);
    if (child < 0)
        return cannot_isolate(errno, error);
    if (child == 0) {
        _exit(
            map_ids(user, group) && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 ? 0 : 1);
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return cannot_isolate(errno, error);
    return status == 0 ? BRISK_OK : cannot_isolate(EPERM, error);
}

void bk_world_describe_end(int wait_status, char *text, size_t length)
{
    if (WIFEXITED(wait_status))
        snprintf(text, length, "ended with status %d", WEXITSTATUS(wait_status));
    else
        snprintf(
            text, length, "was killed by signal %d (%s)", WTERMSIG(wait_status),
            strsignal(WTERMSIG(wait_status)));
}
