/* The page as a browser asks for it: what it may do there, and that an unchanged file is not sent twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../http/client.h"
#include "base/log.h"
#include "base/str.h"
#include "support/fake_db.h"
#include "web/web.h"

struct fixture {
    struct loop  *loop;
    struct http  *http;
    struct db    *db;
    struct web   *web;
    struct config config;
    char         *request;
    struct answer answer;
};

static int
setup(void **state)
{
    struct fixture     *f = xcalloc(1, sizeof *f);
    struct err          e = ERR_INIT;
    struct http_options o = { .listen = "127.0.0.1:0", .max_body = 1000, .timeout_ms = CLIENT_WAIT_S * 1000, .max_connections = 10 };

    log_setup(LOG_ERROR + 1, false);
    if (loop_new(&f->loop, &e) || http_open(&f->http, f->loop, &o, &e))
        return -1;
    f->db = fake_db_new(f->loop);
    if (web_open(&f->web, f->loop, f->http, f->db, &f->config, &e))
        return -1;
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    web_close(f->web);
    http_close(f->http);
    fake_db_free(f->db);
    loop_free(f->loop);
    free(f);
    return 0;
}

static void
one_shot(void *arg)
{
    struct fixture *f = arg;

    client_ask(http_port(f->http), f->request, strlen(f->request), &f->answer);
}

/* headers end with a line break each. */
static int
ask(struct fixture *f, const char *line, const char *headers)
{
    f->request = xasprintf("%s HTTP/1.1\r\nHost: x\r\n%s\r\n", line, headers);
    client_run(f->loop, one_shot, f);
    free(f->request);
    return f->answer.status;
}

static const char *
header(const struct fixture *f, const char *name)
{
    return answer_header(&f->answer, name);
}

static void
H3_page__and_its_files_are_there_without_a_token(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f, "GET /", ""), 200);
    assert_string_equal(header(f, "Content-Type"), "text/html; charset=utf-8");
    assert_non_null(strstr(f->answer.body, "<!doctype html>"));
    assert_int_equal(ask(f, "GET /assets/page.js", ""), 200);
    assert_string_equal(header(f, "Content-Type"), "text/javascript; charset=utf-8");
    assert_int_equal(ask(f, "GET /assets/page.css", ""), 200);
    assert_string_equal(header(f, "Content-Type"), "text/css; charset=utf-8");
    assert_int_equal(ask(f, "GET /assets/icon.svg", ""), 200);
    assert_string_equal(header(f, "Content-Type"), "image/svg+xml");
    assert_int_equal(ask(f, "GET /assets/none.js", ""), 404);
    assert_int_equal(ask(f, "GET /assets/..%2Fpage.js", ""), 404);
    assert_int_equal(ask(f, "POST /assets/page.js", "Content-Length: 0\r\n"), 405);
}

static void
H3_page__tells_browsers_to_run_and_load_nothing_else(void **state)
{
    static const char *const paths[] = { "GET /", "GET /assets/page.js", "GET /assets/icon.svg" };
    static const char *const rules[] = { "default-src 'none'", "script-src 'self'",      "connect-src 'self'",
                                         "base-uri 'none'",    "frame-ancestors 'none'", "form-action 'none'" };
    struct fixture          *f = *state;

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_int_equal(ask(f, paths[i], ""), 200);
        for (size_t n = 0; n < sizeof rules / sizeof *rules; n++)
            assert_non_null(strstr(header(f, "Content-Security-Policy"), rules[n]));
        assert_null(strstr(header(f, "Content-Security-Policy"), "unsafe"));
        assert_string_equal(header(f, "X-Content-Type-Options"), "nosniff");
        assert_string_equal(header(f, "Referrer-Policy"), "no-referrer");
    }
}

static void
H3_page__that_a_browser_has_is_not_sent_again(void **state)
{
    struct fixture *f = *state;
    char           *known;

    assert_int_equal(ask(f, "GET /assets/page.js", ""), 200);
    assert_string_equal(header(f, "Cache-Control"), "no-cache");
    known = xasprintf("If-None-Match: \"other\", %s\r\n", header(f, "ETag"));
    assert_int_equal(ask(f, "GET /assets/page.js", known), 304);
    assert_string_equal(f->answer.body, "");
    assert_int_equal(ask(f, "GET /assets/page.css", known), 200);
    free(known);
}

int
main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH(H3_page__and_its_files_are_there_without_a_token),
        WITH(H3_page__tells_browsers_to_run_and_load_nothing_else),
        WITH(H3_page__that_a_browser_has_is_not_sent_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
