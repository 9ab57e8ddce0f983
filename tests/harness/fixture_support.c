/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/harness/fixture_support.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "harness/tree.h"

struct ground ground;

/* A test may have changed it. */
static void set_path(void)
{
    static char path[8192];
    if (path[0] == '\0')
        snprintf(path, sizeof path, "%s:%s", TEST_PROGRAMS, getenv("PATH"));
    setenv("PATH", path, 1);
}

int enter_ground(void **state)
{
    (void)state;
    snprintf(ground.root, sizeof ground.root, "%s/brisk-test-XXXXXX", P_tmpdir);
    if (mkdtemp(ground.root) == NULL)
        return -1;
    snprintf(ground.run, sizeof ground.run, "%s/run", ground.root);
    snprintf(ground.cache, sizeof ground.cache, "%s/cache", ground.root);
    if (mkdir(ground.run, 0711) != 0 || chmod(ground.root, 0711) != 0)
        return -1;
    setenv("BRISK_RUN_DIR", ground.run, 1);
    setenv("BRISK_CACHE_DIR", ground.cache, 1);
    setenv("BRISK_EXEC_PATH", TEST_GUARD_FOLDER, 1);
    setenv("BRISK_FIXTURE_PATH", TEST_OWN_FIXTURES ":" TEST_FIXTURES, 1);
    set_path();
    return 0;
}

int leave_ground(void **state)
{
    (void)state;
    bool is_empty = wait_until_nothing_is_left(5000);
    if (!is_empty)
        print_error(
            "%u processes and %u folders are left in %s\n", count_processes(), count_folders(),
            ground.run);
    bk_tree_remove(ground.root);
    return is_empty ? 0 : -1;
}

uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Its environment, as it was when it began, has the folder of this ground. */
static bool is_of_this_ground(const char *pid)
{
    static char text[1 << 17];
    char path[64], wanted[96];
    snprintf(path, sizeof path, "/proc/%.16s/environ", pid);
    snprintf(wanted, sizeof wanted, "BRISK_RUN_DIR=%s", ground.run);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t length = 0;
    ssize_t got;
    while ((got = read(fd, text + length, sizeof text - length)) > 0)
        length += (size_t)got;
    close(fd);
    return memmem(text, length, wanted, strlen(wanted) + 1) != NULL;
}

unsigned int count_processes(void)
{
    unsigned int count = 0;
    DIR *folder = opendir("/proc");
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL)
        count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
                 is_of_this_ground(entry->d_name);
    closedir(folder);
    return count;
}

unsigned int count_folders(void)
{
    unsigned int count = 0;
    DIR *folder = opendir(ground.run);
    const struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL)
        count += entry->d_name[0] != '.';
    if (folder != NULL)
        closedir(folder);
    return count;
}

bool wait_until_nothing_is_left(unsigned int limit_ms)
{
    uint64_t deadline = now_ns() + limit_ms * UINT64_C(1000000);
    for (;;) {
        if (count_folders() == 0 && count_processes() == 0)
            return true;
        if (now_ns() >= deadline)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
}

static struct brisk_fixture *
try_start(const char *name, const char *parameters, struct brisk_error *error)
{
    struct brisk_fixture_options options = brisk_fixture_options_default();
    options.parameters = parameters;
    return brisk_fixture_start(name, &options, error);
}

struct brisk_fixture *start(const char *name, const char *parameters)
{
    struct brisk_error error = {0};
    struct brisk_fixture *fixture = try_start(name, parameters, &error);
    assert_that(fixture != NULL, "%s did not start: %s", name, error.message);
    return fixture;
}

const char *start_failing(const char *name, const char *parameters, enum brisk_status status)
{
    static struct brisk_error error;
    memset(&error, 0, sizeof error);
    struct brisk_fixture *fixture = try_start(name, parameters, &error);
    brisk_fixture_stop(fixture, NULL);
    assert_that(fixture == NULL, "%s started", name);
    assert_that(error.status == status, "%s: %s", brisk_status_name(error.status), error.message);
    return error.message;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

bool can_connect(uint16_t port)
{
    int fd = connect_to(port);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

bool ask(uint16_t port, const char *text, const char *answer)
{
    char got[4096];
    size_t length = 0;
    int fd = connect_to(port);
    bool is_answered = false;
    if (fd >= 0 && send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text)) {
        struct pollfd answers = {.fd = fd, .events = POLLIN};
        while (!is_answered && length < sizeof got && poll(&answers, 1, 5000) > 0) {
            ssize_t more = read(fd, got + length, sizeof got - length);
            if (more <= 0)
                break;
            length += (size_t)more;
            is_answered = memmem(got, length, answer, strlen(answer)) != NULL;
        }
    }
    if (fd >= 0)
        close(fd);
    return is_answered;
}

int listen_on(uint16_t *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    assert_i64(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_i64(listen(fd, 16), 0);
    assert_i64(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

void read_text(const char *path, char *text, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, room - 1);
    text[length > 0 ? length : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

struct lookup {
    const char *name;
    bool is_installed;
};

static bool look(const struct brisk_fixture_kind *kind, void *ctx)
{
    struct lookup *lookup = ctx;
    if (strcmp(kind->name, lookup->name) == 0)
        lookup->is_installed = kind->program[0] != '\0';
    return true;
}

void need_daemon(const char *name)
{
    struct lookup lookup = {.name = name};
    char reason[128];
    assert_ok(brisk_fixture_each_kind(look, &lookup, NULL));
    snprintf(reason, sizeof reason, "%s is not installed; brisk doctor names its package", name);
    if (!lookup.is_installed)
        skip_because(reason);
}
