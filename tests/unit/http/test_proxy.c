/* What a proxy in front changes: who the client is, and below which path orchd serves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/str.h"
#include "client.h"
#include "http/http.h"

#define PROXIES "::1, 127.0.0.0/9 10.1.2.0/29,"

struct fixture {
    struct loop  *loop;
    struct http  *http;
    char          peer[128];
    char          path[128];
    char          text[1024];
    struct answer answer;
};

static void
on_echo(struct http_request *r, void *arg)
{
    struct fixture *f = arg;

    snprintf(f->peer, sizeof f->peer, "%s", http_peer(r));
    snprintf(f->path, sizeof f->path, "%s", http_path(r));
    http_reply_text(r, 200, "text/plain", http_base_path(f->http));
}

static int
open_with(void **state, const char *trusted_proxies, bool reads_forwarded, const char *base_path)
{
    struct fixture     *f = xcalloc(1, sizeof *f);
    struct err          e = ERR_INIT;
    struct http_options o = { .listen = "127.0.0.1:0", .max_body = 1000, .timeout_ms = CLIENT_WAIT_S * 1000, .max_connections = 100 };

    o.trusted_proxies = trusted_proxies;
    o.reads_forwarded = reads_forwarded;
    o.base_path = base_path;
    log_setup(LOG_ERROR, false);
    if (loop_new(&f->loop, &e) || http_open(&f->http, f->loop, &o, &e))
        return -1;
    http_route(f->http, "GET", "/echo", on_echo, f);
    http_route(f->http, "GET", "/", on_echo, f);
    *state = f;
    return 0;
}

static int
setup(void **state)
{
    return open_with(state, NULL, false, NULL);
}

static int
setup_behind_proxies(void **state)
{
    return open_with(state, PROXIES, false, NULL);
}

static int
setup_that_reads_forwarded(void **state)
{
    return open_with(state, PROXIES, true, NULL);
}

static int
setup_below_a_path(void **state)
{
    return open_with(state, NULL, false, "/tools/orchd/");
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    http_close(f->http);
    loop_free(f->loop);
    free(f);
    return 0;
}

static void
one_shot(void *arg)
{
    struct fixture *f = arg;

    client_ask(http_port(f->http), f->text, strlen(f->text), &f->answer);
}

static int
ask(struct fixture *f, const char *path, const char *headers)
{
    snprintf(f->text, sizeof f->text, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", path, headers);
    client_run(f->loop, one_shot, f);
    return f->answer.status;
}

/* What the server takes for the client; headers end with a line break each. */
static const char *
peer_of(struct fixture *f, const char *headers)
{
    assert_int_equal(ask(f, "/echo", headers), 200);
    return f->peer;
}

static void
W5_client__is_whom_a_trusted_proxy_names_and_never_whom_a_client_names(void **state)
{
    static const char *const cases[][2] = {
        { "", "127.0.0.1" },
        { "X-Forwarded-For: 203.0.113.7\r\n", "203.0.113.7" },
        { "x-forwarded-for: 2001:db8::1\r\n", "2001:db8::1" },
        { "X-Forwarded-For: 1.1.1.1, 203.0.113.7\r\n", "203.0.113.7" },
        { "X-Forwarded-For: 1.1.1.1, 203.0.113.7 , 10.1.2.3\r\n", "203.0.113.7" },
        { "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 203.0.113.7\r\n", "203.0.113.7" },
        { "X-Forwarded-For: 10.1.2.3, 10.1.2.4\r\n", "10.1.2.3" },
        { "X-Forwarded-For: 203.0.113.7, unknown\r\n", "127.0.0.1" },
        { "X-Forwarded-For: 203.0.113.7, unknown, 10.1.2.3\r\n", "10.1.2.3" },
        { "X-Forwarded-For: ,,, \r\n", "127.0.0.1" },
        { "Forwarded: for=203.0.113.7\r\n", "127.0.0.1" },
        { "Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 203.0.113.7\r\n", "203.0.113.7" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(peer_of(f, cases[i][0]), cases[i][1]);
}

static void
H2_client__is_named_in_forwarded_where_that_is_the_trusted_header(void **state)
{
    static const char *const cases[][2] = {
        { "Forwarded: for=203.0.113.7\r\n", "203.0.113.7" },
        { "Forwarded: proto=https;For=\"203.0.113.7:4711\";by=10.1.2.3\r\n", "203.0.113.7" },
        { "Forwarded: for=\"[2001:db8::1]:4711\"\r\n", "2001:db8::1" },
        { "Forwarded: for=\"[2001:db8::1]\", for=10.1.2.3\r\n", "2001:db8::1" },
        { "Forwarded: for=1.1.1.1, for=203.0.113.7\r\n", "203.0.113.7" },
        { "Forwarded: for=1.1.1.1\r\nForwarded: for=203.0.113.7\r\n", "203.0.113.7" },
        { "Forwarded: for=203.0.113.7, for=_hidden\r\n", "127.0.0.1" },
        { "Forwarded: for=203.0.113.7, by=10.1.2.3\r\n", "127.0.0.1" },
        { "Forwarded: for=\r\n", "127.0.0.1" },
        { "Forwarded: for=\"[\r\n", "127.0.0.1" },
        { "Forwarded: ;;,\r\n", "127.0.0.1" },
        { "X-Forwarded-For: 1.1.1.1\r\n", "127.0.0.1" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(peer_of(f, cases[i][0]), cases[i][1]);
}

static void
W5_client__is_the_sockets_other_end_while_no_proxy_is_trusted(void **state)
{
    assert_string_equal(peer_of(*state, "X-Forwarded-For: 203.0.113.7\r\n"), "127.0.0.1");
}

static void
refuse(struct fixture *f, const char *proxies, const char *base_path, const char *named)
{
    struct http        *h = NULL;
    struct err          e = ERR_INIT;
    struct http_options o = { .listen = "127.0.0.1:0", .max_body = 1000, .timeout_ms = 100, .max_connections = 2 };

    o.trusted_proxies = proxies;
    o.base_path = base_path;
    assert_int_equal(http_open(&h, f->loop, &o, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, named));
    assert_null(h);
}

static void
C2_proxy__that_is_no_address_is_named(void **state)
{
    static const char *const wrong[] = { "proxy.example.com", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/x", "::1/129" };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuse(*state, wrong[i], NULL, wrong[i]);
    refuse(*state, "127.0.0.1,nonsense", NULL, "nonsense");
}

static void
H2_base_path__stands_before_every_path(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f, "/tools/orchd/echo", ""), 200);
    assert_string_equal(f->path, "/tools/orchd/echo");
    assert_string_equal(f->answer.body, "/tools/orchd");
    assert_int_equal(ask(f, "/tools/orchd/", ""), 200);
    assert_int_equal(ask(f, "/tools/orchd", ""), 308);
    assert_string_equal(answer_header(&f->answer, "Location"), "/tools/orchd/");
    assert_int_equal(ask(f, "/echo", ""), 404);
    assert_non_null(strstr(f->answer.body, "/tools/orchd/openapi.json"));
    assert_int_equal(ask(f, "/tools/orchdecho", ""), 404);
    assert_int_equal(ask(f, "/", ""), 404);
}

static void
C2_base_path__that_is_no_path_is_named(void **state)
{
    refuse(*state, NULL, "orchd", "orchd");
    refuse(*state, NULL, "/orchd?x", "/orchd?x");
    refuse(*state, NULL, "https://example.com/orchd", "https://example.com/orchd");
}

#define WITH(test, setup) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(W5_client__is_whom_a_trusted_proxy_names_and_never_whom_a_client_names, setup_behind_proxies),
        WITH(H2_client__is_named_in_forwarded_where_that_is_the_trusted_header, setup_that_reads_forwarded),
        WITH(W5_client__is_the_sockets_other_end_while_no_proxy_is_trusted, setup),
        WITH(C2_proxy__that_is_no_address_is_named, setup),
        WITH(H2_base_path__stands_before_every_path, setup_below_a_path),
        WITH(C2_base_path__that_is_no_path_is_named, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
