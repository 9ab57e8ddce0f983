/* SPDX-License-Identifier: Apache-2.0 */
/* brisk fault: makes the connections to a running fixture bad. */
#include <inttypes.h>
#include <stdio.h>

#include <brisk/fixture.h>

#include "cli/fixtures.h"
#include "cli/option.h"
#include "cli/terminal.h"

enum {
    MOST_FAULTS_BYTES = 1000, /* of a specification, as the proxy takes it */
};

/* With a blank between them; false if they are too long. */
static bool join(char *text, size_t room, char **words)
{
    size_t length = 0;
    text[0] = '\0';
    for (; *words != NULL; words++) {
        int more = snprintf(text + length, room - length, "%s%s", length > 0 ? " " : "", *words);
        if (more < 0 || (size_t)more >= room - length)
            return false;
        length += (size_t)more;
    }
    return true;
}

static enum brisk_status print_traffic(struct brisk_fixture *fixture, struct brisk_error *error)
{
    struct brisk_fixture_traffic traffic = brisk_fixture_traffic_empty();
    enum brisk_status status = brisk_fixture_read_traffic(fixture, &traffic, error);
    if (status < 0)
        return status;
    printf("faults       %s\n", *traffic.faults != '\0' ? traffic.faults : "none");
    printf("seed         %" PRIu64 "\n", traffic.seed);
    printf("connections  %" PRIu64 " open, ", traffic.connections);
    printf("%" PRIu64 " accepted, ", traffic.accepted);
    printf("%" PRIu64 " in vain\n", traffic.unreachable);
    printf("bytes        %" PRIu64 " up, %" PRIu64 " down\n", traffic.bytes_up, traffic.bytes_down);
    return BRISK_OK;
}

static int fault(const char *name, char **words)
{
    char specification[MOST_FAULTS_BYTES];
    struct brisk_error error = {0};
    if (!join(specification, sizeof specification, words)) {
        cli_error("brisk fault: the faults have more than %d bytes", MOST_FAULTS_BYTES - 1);
        return 2;
    }
    struct brisk_fixture *fixture = cli_attach(name, &error);
    enum brisk_status status = error.status;
    if (fixture != NULL)
        status = *words != NULL ? brisk_fixture_fault(fixture, specification, &error)
                                : print_traffic(fixture, &error);
    brisk_fixture_detach(fixture);
    if (fixture != NULL && status == BRISK_OK)
        return cli_finish_output(0);
    cli_failure("fault", error.message);
    if (status == BRISK_MISS)
        cli_hint("brisk ps shows what runs");
    return 1;
}

int cli_fault(int argc, char **argv)
{
    static const struct cli_verb verb = {
        .name = "fault",
        .summary = "make the connections to a fixture bad, or say how bad they are",
        .operands = "NAME [FAULT]...",
        .description =
            "The fixture was started with a proxy: brisk run memcached=proxy. A FAULT is one of\n"
            "  latency=50ms jitter=10ms   bytes arrive later, by a time that varies\n"
            "  bandwidth=64K              bytes per second\n"
            "  slice=100 slice=1-16       bytes arrive in such pieces\n"
            "  drip=5ms                   between two pieces, or two bytes\n"
            "  corrupt=1K                 one byte of each 1024 is another one\n"
            "  cut=100 reset=100 reset    connections end after so many bytes, or at once\n"
            "  slow_close=1s              the end of a connection arrives later\n"
            "  blackhole                  bytes vanish\n"
            "  swap                       replies reach the client of another connection\n"
            "  down                       connections are refused, open ones are ended\n"
            "and with any of them direction=up (to the fixture), =down or =both (the default),\n"
            "seed=N. latency=off takes one away, clear all. What is not named stays as it is.\n"
            "Without a FAULT: which there are, and what has passed the proxy.",
        .examples = "brisk fault memcached latency=50ms jitter=10ms direction=down\n"
                    "brisk fault memcached reset; ./tests; brisk fault memcached clear\n"
                    "brisk fault memcached"};
    int first;
    int status = cli_parse(&verb, argc, argv, NULL, NULL, &first);
    if (status != CLI_GO_ON)
        return status;
    if (argv[first] == NULL) {
        cli_error("brisk fault: there is no NAME");
        cli_hint("brisk ps shows what runs");
        return 2;
    }
    return fault(argv[first], argv + first + 1);
}
