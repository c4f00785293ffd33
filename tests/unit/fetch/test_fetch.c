/* fetch: requests to a scripted server, and what comes of its misbehaviour. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fetch/fetch.h"
#include "support/http_server.h"

enum { DEADLINE_MS = 60000 };

struct world {
    struct loop        *loop;
    struct fetch       *fetch;
    struct http_server *server;
    struct loop_timer  *late;
    int                 calls;
    bool                has_error;
    struct err          e;
    long                status;
    char                body[256], content_type[64];
    size_t              len, streamed;
    int64_t             retry_after_ms;
};

static struct world w;

static void
on_answer(const struct fetch_response *r, const struct err *e, void *arg)
{
    struct world *world = arg;
    world->calls++;
    world->has_error = e != NULL;
    if (e) {
        world->e = *e;
    } else {
        world->status = r->status;
        world->len = r->len;
        world->retry_after_ms = r->retry_after_ms;
        snprintf(world->body, sizeof(world->body), "%s", r->body);
        snprintf(world->content_type, sizeof(world->content_type), "%s", r->content_type);
    }
    loop_quit(world->loop);
}

static void
on_late(void *arg)
{
    struct world *world = arg;
    world->late = NULL;
    loop_quit(world->loop);
}

static void
run_for(int64_t ms)
{
    w.late = loop_after(w.loop, ms, on_late, &w);
    loop_run(w.loop);
    loop_timer_stop(w.late);
    w.late = NULL;
}

static void
ask(const char *path, const struct fetch_request *like)
{
    struct fetch_request r = like ? *like : (struct fetch_request){ 0 };
    char                 url[256];
    snprintf(url, sizeof(url), "%s%s", w.server ? http_server_url(w.server) : "", path);
    r.url = url;
    if (!r.method)
        r.method = "GET";
    fetch_start(w.fetch, &r, on_answer, &w);
    assert_int_equal(w.calls, 0); /* never before the start function has returned */
    run_for(DEADLINE_MS);
    assert_int_equal(w.calls, 1);
}

static int
set_up(void **state)
{
    struct fetch_options o = { .timeout_ms = DEADLINE_MS, .user_agent = "orchd/test" };
    struct err           e = ERR_INIT;
    (void)state;
    w = (struct world){ 0 };
    unsetenv("http_proxy");
    return loop_new(&w.loop, &e) || fetch_open(&w.fetch, w.loop, &o, &e);
}

static int
tear_down(void **state)
{
    (void)state;
    fetch_close(w.fetch);
    loop_free(w.loop);
    if (w.server)
        http_server_stop(w.server);
    return 0;
}

static void
serve(const struct http_reply *replies, size_t count)
{
    w.server = http_server_start(replies, count);
}

static void
fetch__brings_the_answer_and_sends_what_it_was_given(void **state)
{
    static const struct http_reply    reply = { .status = 200, .body = "{\"a\":1}" };
    static const char *const          headers[] = { "X-API-Key: k", "Content-Type: application/json", NULL };
    static const struct fetch_request r = { .method = "PATCH", .headers = headers, .body = "{\"b\":2}", .len = 7 };
    const char                       *sent;
    (void)state;
    serve(&reply, 1);
    ask("/api/x/?q=1", &r);
    assert_false(w.has_error);
    assert_int_equal(w.status, 200);
    assert_string_equal(w.body, "{\"a\":1}");
    assert_string_equal(w.content_type, "application/json");
    assert_int_equal(w.retry_after_ms, -1);
    sent = http_server_request(w.server, 0);
    assert_non_null(strstr(sent, "PATCH /api/x/?q=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(sent, "X-API-Key: k\r\n"));
    assert_non_null(strstr(sent, "User-Agent: orchd/test\r\n"));
    assert_non_null(strstr(sent, "\r\n\r\n{\"b\":2}"));
    assert_null(strstr(sent, "Expect:"));
}

static void
fetch__does_not_follow_a_redirect(void **state)
{
    static const struct http_reply reply[] = { { .status = 301, .headers = "Location: /elsewhere\r\n" }, { .status = 200, .body = "no" } };
    (void)state;
    serve(reply, 2);
    ask("/api", NULL);
    assert_int_equal(w.status, 301);
    assert_int_equal(http_server_count(w.server), 1);
}

static void
fetch__refuses_an_answer_that_is_too_big(void **state)
{
    static const struct http_reply reply = { .status = 200, .filler = 10 * 1024 * 1024 };
    (void)state;
    serve(&reply, 1);
    ask("/big", NULL);
    assert_true(w.has_error);
    assert_int_equal(w.e.code, ERR_RETRY);
    assert_non_null(strstr(w.e.text, "larger than 4194304 bytes"));
}

static void
fetch__gives_up_on_a_slow_drip_at_its_deadline(void **state)
{
    static const struct http_reply    reply = { .status = 200, .filler = 1000, .is_dripped = true };
    static const struct fetch_request r = { .timeout_ms = 300 };
    int64_t                           began = clock_mono_ms();
    (void)state;
    serve(&reply, 1);
    ask("/slow", &r);
    assert_true(w.has_error);
    assert_int_equal(w.e.code, ERR_RETRY);
    assert_in_range(clock_mono_ms() - began, 250, 15000); /* all of it would take 20 s */
}

static void
fetch__says_which_host_refused_the_connection_but_not_the_query(void **state)
{
    static const struct fetch_request r = { .url = "http://127.0.0.1:1/some/path?token=secret" };
    (void)state;
    ask(r.url, &r);
    assert_true(w.has_error);
    assert_int_equal(w.e.code, ERR_RETRY);
    assert_non_null(strstr(w.e.text, "GET 127.0.0.1:1/some/path: could not"));
    assert_null(strstr(w.e.text, "secret"));
}

static void
fetch__uses_the_label_in_place_of_a_path_with_a_secret(void **state)
{
    static const struct fetch_request r = { .label = "telegram sendMessage" };
    (void)state;
    ask("http://127.0.0.1:1/bot123:secret/sendMessage", &r);
    assert_non_null(strstr(w.e.text, "telegram sendMessage: could not"));
    assert_null(strstr(w.e.text, "secret"));
}

static void
fetch__calls_an_answer_cut_off_no_answer(void **state)
{
    static const struct http_reply reply = { .status = 200, .body = "{\"a\":", .is_cut = true };
    (void)state;
    serve(&reply, 1);
    ask("/cut", NULL);
    assert_true(w.has_error);
    assert_int_equal(w.e.code, ERR_RETRY);
}

static void
fetch__reads_retry_after_in_seconds(void **state)
{
    static const struct http_reply reply = { .status = 429, .headers = "Retry-After: 14\r\n", .body = "{}" };
    (void)state;
    serve(&reply, 1);
    ask("/", NULL);
    assert_int_equal(w.status, 429);
    assert_int_equal(w.retry_after_ms, 14000);
}

static void
fetch__reads_retry_after_as_a_date(void **state)
{
    char              headers[128], date[64];
    time_t            at = time(NULL) + 100;
    struct tm         tm;
    struct http_reply reply = { .status = 503, .headers = headers };
    (void)state;
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &tm));
    snprintf(headers, sizeof(headers), "Retry-After: %s\r\n", date);
    serve(&reply, 1);
    ask("/", NULL);
    assert_in_range(w.retry_after_ms, 40000, 100000);
}

static void
fetch__refuses_what_it_must_not_send(void **state)
{
    static const char *const          evil[] = { "X-A: b\r\nX-C: d", NULL };
    static const struct fetch_request requests[] = {
        { .url = "ftp://127.0.0.1/x" },
        { .url = "file:///etc/passwd" },
        { .url = "http://user:secret@127.0.0.1/x" },
        { .url = "no url at all" },
        { .url = "http://127.0.0.1:1/", .method = "BREW" },
        { .url = "http://127.0.0.1:1/", .headers = evil },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
        w.calls = 0;
        ask(requests[i].url, &requests[i]);
        assert_true(w.has_error);
        assert_int_equal(w.e.code, ERR_INVALID);
        assert_null(strstr(w.e.text, "secret"));
    }
}

static void
fetch_cancel__silences_the_callback(void **state)
{
    static const struct http_reply reply = { .status = 200, .body = "{}" };
    struct fetch_request           r = { .method = "GET", .url = "ftp://x/" };
    (void)state;
    serve(&reply, 1);
    fetch_cancel(fetch_start(w.fetch, &r, on_answer, &w)); /* one that was refused */
    r.url = http_server_url(w.server);
    fetch_cancel(fetch_start(w.fetch, &r, on_answer, &w)); /* one that was not */
    run_for(200);
    assert_int_equal(w.calls, 0);
}

static void
on_answer_close(const struct fetch_response *r, const struct err *e, void *arg)
{
    struct world *world = arg;
    (void)r;
    (void)e;
    world->calls++;
    fetch_close(world->fetch);
    world->fetch = NULL;
}

static void
fetch_close__inside_a_callback_silences_the_others(void **state)
{
    static const struct http_reply reply = { .status = 200, .body = "{}" };
    struct fetch_request           r = { .method = "GET" };
    (void)state;
    serve(&reply, 1);
    r.url = http_server_url(w.server);
    for (int i = 0; i < 4; i++)
        fetch_start(w.fetch, &r, on_answer_close, &w);
    run_for(500);
    assert_int_equal(w.calls, 1);
}

static void
O1_fetch__sends_a_post_once_though_the_connection_ends(void **state)
{
    static const struct http_reply    replies[] = { { .status = 200, .is_kept = true }, { .is_silent = true }, { .status = 200 } };
    static const struct fetch_request post = { .method = "POST", .body = "{}", .len = 2 };
    (void)state;
    serve(replies, 3);
    ask("/first", NULL);
    assert_int_equal(w.status, 200);
    w.calls = 0;
    ask("/second", &post);
    assert_true(w.has_error);
    assert_int_equal(w.e.code, ERR_RETRY);
    assert_int_equal(http_server_count(w.server), 2);
}

static void
on_part(const char *data, size_t len, void *arg)
{
    struct world *world = arg;
    assert_non_null(data);
    world->streamed += len;
}

static void
R3_fetch__hands_on_an_answer_as_it_comes_and_keeps_a_refusal(void **state)
{
    char                    long_text[5000];
    const struct http_reply replies[] = { { .status = 200, .body = long_text }, { .status = 404, .body = "{\"detail\":\"no such run\"}" } };
    const struct fetch_request request = { .on_part = on_part, .max_bytes = 100 };
    (void)state;
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    serve(replies, 2);
    ask("/log", &request);
    assert_false(w.has_error);
    assert_int_equal(w.streamed, sizeof(long_text) - 1);
    assert_int_equal(w.len, 0);
    w.calls = 0;
    ask("/log", &request);
    assert_int_equal(w.status, 404);
    assert_string_equal(w.body, "{\"detail\":\"no such run\"}");
    assert_int_equal(w.streamed, sizeof(long_text) - 1);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(fetch__brings_the_answer_and_sends_what_it_was_given),
        T(O1_fetch__sends_a_post_once_though_the_connection_ends),
        T(R3_fetch__hands_on_an_answer_as_it_comes_and_keeps_a_refusal),
        T(fetch__does_not_follow_a_redirect),
        T(fetch__refuses_an_answer_that_is_too_big),
        T(fetch__gives_up_on_a_slow_drip_at_its_deadline),
        T(fetch__says_which_host_refused_the_connection_but_not_the_query),
        T(fetch__uses_the_label_in_place_of_a_path_with_a_secret),
        T(fetch__calls_an_answer_cut_off_no_answer),
        T(fetch__reads_retry_after_in_seconds),
        T(fetch__reads_retry_after_as_a_date),
        T(fetch__refuses_what_it_must_not_send),
        T(fetch_cancel__silences_the_callback),
        T(fetch_close__inside_a_callback_silences_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
