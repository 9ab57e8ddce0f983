/* SPDX-License-Identifier: Apache-2.0 */
/* The daemons of the other fixtures, as far as they are installed: scripts/check --all does that.
 */
#include <signal.h>

#include "tests/harness/fixture_support.h"

/* A talk that shows that it is this daemon and that it works. */
struct daemon {
    const char *name, *parameters, *said, *answer;
};

static void live_through_all(const struct daemon *daemon)
{
    need_daemon(daemon->name);
    struct brisk_fixture *fixture = start(daemon->name, daemon->parameters);
    uint16_t port = brisk_fixture_port(fixture);
    assert_true(ask(port, daemon->said, daemon->answer));

    assert_ok(brisk_fixture_restart(fixture, NULL));
    assert_true(ask(port, daemon->said, daemon->answer));
    assert_ok(brisk_fixture_kill(fixture, SIGKILL, NULL));
    assert_false(can_connect(port));
    assert_ok(brisk_fixture_restart(fixture, NULL));
    assert_true(ask(port, daemon->said, daemon->answer));

    assert_ok(brisk_fixture_stop(fixture, NULL));
    assert_u64(count_processes(), 0);
}

static void mariadb(void **state)
{
    (void)state;
    live_through_all(&(struct daemon){"mariadb", NULL, "", "MariaDB"});
}

static void mysql_is_mariadb(void **state)
{
    (void)state;
    live_through_all(&(struct daemon){"mysql", NULL, "", "MariaDB"});
}

static void rabbitmq(void **state)
{
    (void)state;
    live_through_all(&(struct daemon){"rabbitmq", NULL, "brisk...", "AMQP"});
}

static void etcd(void **state)
{
    (void)state;
    live_through_all(
        &(struct daemon){"etcd", NULL, "GET /version HTTP/1.0\r\n\r\n", "\"etcdserver\":"});
}

/* Keys and values are in base64. */
static void etcd_is_reset(void **state)
{
    (void)state;
    need_daemon("etcd");
    struct brisk_fixture *fixture = start("etcd", NULL);
    uint16_t port = brisk_fixture_port(fixture);
    static const char put[] = "POST /v3/kv/put HTTP/1.0\r\nContent-Length: 29\r\n\r\n"
                              "{\"key\":\"YQ==\",\"value\":\"Yg==\"}";
    static const char range[] = "POST /v3/kv/range HTTP/1.0\r\nContent-Length: 14\r\n\r\n"
                                "{\"key\":\"YQ==\"}";
    assert_true(ask(port, put, "\"header\""));
    assert_true(ask(port, range, "\"value\":\"Yg==\""));

    assert_ok(brisk_fixture_reset(fixture, NULL));

    assert_true(ask(port, range, "\"header\""));
    assert_false(ask(port, range, "\"value\""));
    brisk_fixture_stop(fixture, NULL);
}

static void etcd_has_three_members_if_told_so(void **state)
{
    (void)state;
    need_daemon("etcd");
    struct brisk_fixture *fixture = start("etcd", "cluster");
    char endpoints[256];
    snprintf(
        endpoints, sizeof endpoints, "%s", brisk_fixture_variable(fixture, "ETCDCTL_ENDPOINTS"));

    unsigned int count = 0;
    char *rest = endpoints;
    for (char *endpoint; (endpoint = strsep(&rest, ",")) != NULL; count++) {
        uint16_t port = (uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10);
        assert_true(ask(port, "GET /version HTTP/1.0\r\n\r\n", "\"etcdserver\":"));
    }
    assert_u64(count, 3);
    assert_true(
        ask(brisk_fixture_port(fixture),
            "POST /v3/cluster/member/list HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}", "\"three\""));
    assert_ok(brisk_fixture_stop(fixture, NULL));
    assert_u64(count_processes(), 0);
}

static void redis_has_a_sentinel_if_told_so(void **state)
{
    (void)state;
    need_daemon("redis");
    struct brisk_fixture *fixture = start("redis", "sentinel,password=secret");
    const char *port = brisk_fixture_variable(fixture, "REDIS_SENTINEL_PORT");
    assert_non_null(port);

    assert_true(
        ask((uint16_t)strtoul(port, NULL, 10), "SENTINEL GET-MASTER-ADDR-BY-NAME brisk\r\n",
            "127.0.0.1"));

    assert_true(ask(brisk_fixture_port(fixture), "AUTH secret\r\nPING\r\n", "+OK\r\n+PONG"));
    assert_ok(brisk_fixture_reset(fixture, NULL));
    assert_ok(brisk_fixture_stop(fixture, NULL));
    assert_u64(count_processes(), 0);
}

/* With a key and certificate made here, by the command of OpenSSL. */
static void memcached_speaks_tls_if_told_so(void **state)
{
    (void)state;
    need_daemon("memcached");
    char command[512], parameters[256], answer[64] = "";
    snprintf(
        command, sizeof command,
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout %s/key -out %s/chain -days 2 "
        "-subj /CN=localhost 2>/dev/null && chmod 644 %s/key",
        ground.root, ground.root, ground.root);
    if (system(command) != 0)
        skip_because("there is no openssl");
    snprintf(
        parameters, sizeof parameters, "tls_key=%s/key,tls_chain=%s/chain", ground.root,
        ground.root);

    struct brisk_fixture *fixture = start("memcached", parameters);

    snprintf(
        command, sizeof command,
        "printf 'version\\r\\nquit\\r\\n' | openssl s_client -quiet -connect 127.0.0.1:%u "
        "2>/dev/null",
        brisk_fixture_port(fixture));
    FILE *pipe = popen(command, "re");
    assert_non_null(pipe);
    assert_non_null(fgets(answer, sizeof answer, pipe));
    pclose(pipe);
    assert_non_null(strstr(answer, "VERSION 1."));
    brisk_fixture_stop(fixture, NULL);
}

static void rabbitmq_has_three_nodes_if_told_so(void **state)
{
    (void)state;
    need_daemon("rabbitmq");
    struct brisk_fixture *fixture = start("rabbitmq", "cluster,user=u,password=p");
    const char *second = brisk_fixture_variable(fixture, "RABBITMQ_PORT2");
    assert_non_null(second);

    assert_true(ask((uint16_t)strtoul(second, NULL, 10), "brisk...", "AMQP"));

    assert_ok(brisk_fixture_stop(fixture, NULL));
    assert_u64(count_processes(), 0);
}

static void nats(void **state)
{
    (void)state;
    live_through_all(
        &(struct daemon){"nats", NULL, "SUB a 1\r\nPUB a 2\r\nhi\r\n", "MSG a 1 2\r\nhi"});
}

static void nats_has_a_password_if_told_so(void **state)
{
    (void)state;
    live_through_all(&(struct daemon){
        "nats", "password=secret", "CONNECT {\"user\":\"brisk\",\"pass\":\"secret\"}\r\nPING\r\n",
        "PONG"});
    struct brisk_fixture *fixture = start("nats", "password=secret");
    assert_true(ask(brisk_fixture_port(fixture), "PING\r\nPING\r\n", "Authorization Violation"));
    brisk_fixture_stop(fixture, NULL);
}

static void mosquitto(void **state)
{
    (void)state;
    need_daemon("mosquitto");
    struct brisk_fixture *fixture = start("mosquitto", NULL); /* after a CONNECT was answered */
    assert_ok(brisk_fixture_restart(fixture, NULL));
    assert_ok(brisk_fixture_kill(fixture, SIGKILL, NULL));
    assert_false(can_connect(brisk_fixture_port(fixture)));
    assert_ok(brisk_fixture_restart(fixture, NULL));
    assert_ok(brisk_fixture_stop(fixture, NULL));
    assert_u64(count_processes(), 0);
}

static void zookeeper(void **state)
{
    (void)state;
    live_through_all(&(struct daemon){"zookeeper", NULL, "srvr", "Mode: standalone"});
}

static void nginx(void **state)
{
    (void)state;
    live_through_all(&(struct daemon){"nginx", NULL, "GET / HTTP/1.0\r\n\r\n", "Server: nginx"});
}

static void nginx_serves_the_data_folder(void **state)
{
    (void)state;
    need_daemon("nginx");
    struct brisk_fixture *fixture = start("nginx", NULL);
    char path[160];
    snprintf(path, sizeof path, "%s/data/page.txt", brisk_fixture_dir(fixture));
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs("a page", file);
    fclose(file);

    assert_true(ask(brisk_fixture_port(fixture), "GET /page.txt HTTP/1.0\r\n\r\n", "a page"));
    brisk_fixture_stop(fixture, NULL);
}

static void haproxy(void **state)
{
    (void)state;
    live_through_all(&(struct daemon){"haproxy", NULL, "GET / HTTP/1.0\r\n\r\n", "200 OK"});
}

static void haproxy_passes_on(void **state)
{
    (void)state;
    need_daemon("haproxy");
    need_daemon("nginx");
    char parameters[64];
    struct brisk_fixture *server = start("nginx", NULL);
    snprintf(parameters, sizeof parameters, "server=127.0.0.1:%u", brisk_fixture_port(server));

    struct brisk_fixture *proxy = start("haproxy", parameters);

    assert_true(ask(brisk_fixture_port(proxy), "GET / HTTP/1.0\r\n\r\n", "nginx"));
    brisk_fixture_stop(proxy, NULL);
    brisk_fixture_stop(server, NULL);
}

static void beanstalkd(void **state)
{
    (void)state;
    live_through_all(
        &(struct daemon){"beanstalkd", NULL, "put 0 0 9 2\r\nhi\r\nreserve\r\n", "2\r\nhi\r\n"});
}

static void beanstalkd_keeps_jobs_if_told_so(void **state)
{
    (void)state;
    need_daemon("beanstalkd");
    struct brisk_fixture *fixture = start("beanstalkd", "save");
    uint16_t port = brisk_fixture_port(fixture);
    assert_true(ask(port, "put 0 0 9 2\r\nhi\r\n", "INSERTED"));

    assert_ok(brisk_fixture_restart(fixture, NULL));

    assert_true(ask(port, "peek-ready\r\n", "hi"));
    brisk_fixture_stop(fixture, NULL);
}

static void influxdb(void **state)
{
    (void)state;
    live_through_all(&(struct daemon){
        "influxdb", "database=mine", "GET /query?q=SHOW%20DATABASES HTTP/1.0\r\n\r\n", "mine"});
}

static void influxdb_is_reset(void **state)
{
    (void)state;
    need_daemon("influxdb");
    struct brisk_fixture *fixture = start("influxdb", NULL);
    uint16_t port = brisk_fixture_port(fixture);
    static const char query[] = "GET /query?db=test&q=SHOW%20MEASUREMENTS HTTP/1.0\r\n\r\n";
    assert_true(ask(
        port, "POST /write?db=test HTTP/1.0\r\nContent-Length: 5\r\n\r\nm x=1", "204 No Content"));
    assert_true(ask(port, query, "\"m\""));

    assert_ok(brisk_fixture_reset(fixture, NULL));

    assert_false(ask(port, query, "\"m\""));
    brisk_fixture_stop(fixture, NULL);
}

/* Runs psql; whether its output is `want`. */
static bool query_is(const struct brisk_fixture *fixture, const char *sql, const char *want)
{
    char command[512], got[256];
    snprintf(
        command, sizeof command, "psql -X -q -A -t -c \"%s\" '%s' 2>&1", sql,
        brisk_fixture_url(fixture));
    FILE *pipe = popen(command, "re");
    assert_non_null(pipe);
    size_t length = fread(got, 1, sizeof got - 1, pipe);
    pclose(pipe);
    got[length] = '\0';
    return strcmp(got, want) == 0;
}

static void pgbouncer_stands_before_a_postgresql(void **state)
{
    (void)state;
    need_daemon("pgbouncer");
    need_daemon("postgresql");
    struct brisk_fixture_request requests[] = {{"pgbouncer", NULL}, {"postgresql", NULL}};
    struct brisk_fixture *fixtures[2];

    assert_ok(brisk_fixture_start_all(requests, 2, fixtures, NULL));

    assert_true(query_is(fixtures[1], "create table t as select 42 as x", ""));
    assert_true(query_is(fixtures[0], "select x from t", "42\n"));
    assert_ok(brisk_fixture_restart(fixtures[0], NULL));
    assert_true(query_is(fixtures[0], "select x from t", "42\n"));
    brisk_fixture_stop(fixtures[0], NULL);
    brisk_fixture_stop(fixtures[1], NULL);

    struct brisk_fixture *alone = start("pgbouncer", NULL);
    assert_true(query_is(alone, "select 1", "1\n"));
    brisk_fixture_stop(alone, NULL);
    assert_u64(count_processes(), 0);
}

BRISK_TEST_MAIN(
    on_ground(mariadb), on_ground(mysql_is_mariadb), on_ground(rabbitmq), on_ground(etcd),
    on_ground(etcd_is_reset), on_ground(etcd_has_three_members_if_told_so),
    on_ground(redis_has_a_sentinel_if_told_so), on_ground(memcached_speaks_tls_if_told_so),
    on_ground(rabbitmq_has_three_nodes_if_told_so), on_ground(nats),
    on_ground(nats_has_a_password_if_told_so), on_ground(mosquitto), on_ground(zookeeper),
    on_ground(nginx), on_ground(nginx_serves_the_data_folder), on_ground(haproxy),
    on_ground(haproxy_passes_on), on_ground(beanstalkd),
    on_ground(beanstalkd_keeps_jobs_if_told_so), on_ground(influxdb), on_ground(influxdb_is_reset),
    on_ground(pgbouncer_stands_before_a_postgresql))
