/* Answers in pieces, to clients that listen, that stop listening, and that leave; and what a client says it takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "client.h"
#include "http/http.h"

enum { HASTY_MS = 1000, PIECES = 3, LARGE = 4 << 20 };

struct fixture {
    struct loop         *loop;
    struct http         *http;
    struct http_request *open; /* an answer that goes on */
    int                  pulls;
    int                  gone;
    bool                 takes;
    const char          *request;
    char                 text[8192];
    bool                 is_ended;
    int                  fd;
};

static void
on_pieces(struct http_request *r, void *arg)
{
    struct fixture *f = arg;

    if (http_is_gone(r)) {
        f->gone++;
        http_end(r);
    } else if (f->pulls++ < PIECES) {
        http_write(r, "piece\n", strlen("piece\n"));
    } else {
        http_end(r);
    }
}

static void
answer_pieces(struct http_request *r, void *arg)
{
    http_begin(r, 200, "text/plain", on_pieces, arg);
}

static void
answer_sized(struct http_request *r, void *arg)
{
    http_add_header(r, "Content-Length", "18");
    http_begin(r, 206, "text/plain", on_pieces, arg);
}

static void
on_waiting(struct http_request *r, void *arg)
{
    struct fixture *f = arg;

    f->pulls++;
    if (!http_is_gone(r))
        return;
    f->gone++;
    f->open = NULL;
    http_end(r);
}

/* Says nothing until it is told to. */
static void
answer_waiting(struct http_request *r, void *arg)
{
    struct fixture *f = arg;

    f->open = r;
    http_begin(r, 200, "text/event-stream", on_waiting, f);
}

/* More than the kernel takes from us for a client that reads nothing. */
static void
answer_large(struct http_request *r, void *arg)
{
    char *large = xcalloc(1, LARGE);

    answer_waiting(r, arg);
    http_write(r, large, LARGE);
    free(large);
}

static void
answer_accepts(struct http_request *r, void *arg)
{
    struct fixture *f = arg;

    f->takes = http_accepts(r, "application/json");
    http_reply_text(r, 200, "text/plain", "");
}

static int
setup(void **state)
{
    struct fixture     *f = xcalloc(1, sizeof *f);
    struct err          e = ERR_INIT;
    struct http_options o = { .listen = "127.0.0.1:0", .max_body = 1000, .timeout_ms = HASTY_MS, .max_connections = 10 };

    log_setup(LOG_ERROR, false);
    if (loop_new(&f->loop, &e) || http_open(&f->http, f->loop, &o, &e))
        return -1;
    http_route(f->http, "GET", "/pieces", answer_pieces, f);
    http_route(f->http, "GET", "/sized", answer_sized, f);
    http_route(f->http, "GET", "/waiting", answer_waiting, f);
    http_route(f->http, "GET", "/large", answer_large, f);
    http_route(f->http, "GET", "/accepts", answer_accepts, f);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    if (f->open)
        http_end(f->open);
    http_close(f->http);
    loop_free(f->loop);
    free(f);
    return 0;
}

/* The request, and all that comes until the server hangs up. */
static void
read_all(void *arg)
{
    struct fixture *f = arg;
    int             fd = client_connect(http_port(f->http));
    size_t          at = 0;
    ssize_t         n = 1;

    if (client_say(fd, f->request))
        while (at < sizeof f->text - 1 && (n = recv(fd, f->text + at, sizeof f->text - 1 - at, 0)) > 0)
            at += (size_t)n;
    f->text[at] = '\0';
    f->is_ended = n == 0;
    close(fd);
}

static const char *
ask(struct fixture *f, const char *request)
{
    f->request = request;
    client_run(f->loop, read_all, f);
    return f->text;
}

static void
stream__comes_in_pieces_as_they_are_taken(void **state)
{
    struct fixture *f = *state;
    const char     *text = ask(f, "GET /pieces HTTP/1.1\r\nHost: x\r\n\r\n");

    assert_non_null(strstr(text, "Transfer-Encoding: chunked"));
    assert_non_null(strstr(text, "\r\n6\r\npiece\n\r\n6\r\npiece\n\r\n6\r\npiece\n\r\n0\r\n\r\n"));
    assert_true(f->is_ended);
    assert_int_equal(f->gone, 0);
}

static void
stream__has_the_length_that_was_promised(void **state)
{
    struct fixture *f = *state;
    const char     *text = ask(f, "GET /sized HTTP/1.1\r\nHost: x\r\n\r\n");

    assert_non_null(strstr(text, "HTTP/1.1 206"));
    assert_null(strstr(text, "chunked"));
    assert_non_null(strstr(text, "\r\n\r\npiece\npiece\npiece\n"));
    assert_true(f->is_ended);
}

static void
stream__of_a_client_of_HTTP_1_0_is_not_chunked(void **state)
{
    const char *text = ask(*state, "GET /pieces HTTP/1.0\r\n\r\n");

    assert_null(strstr(text, "chunked"));
    assert_non_null(strstr(text, "\r\n\r\npiece\npiece\npiece\n"));
}

static void
stream__of_a_client_of_HTTP_1_0_that_would_keep_its_connection_has_a_body(void **state)
{
    const char *text = ask(*state, "GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");

    assert_null(strstr(text, "Content-Length"));
    assert_non_null(strstr(text, "\r\n\r\npiece\npiece\npiece\n"));
}

static void
stream__of_a_HEAD_ends_without_a_piece(void **state)
{
    struct fixture *f = *state;
    const char     *text = ask(f, "HEAD /pieces HTTP/1.1\r\nHost: x\r\n\r\n");

    assert_non_null(strstr(text, "HTTP/1.1 200"));
    assert_null(strstr(text, "piece"));
    assert_int_equal(f->gone, 1);
}

static void
leave(void *arg)
{
    struct fixture *f = arg;
    int             fd = client_connect(http_port(f->http));
    char            byte;

    client_say(fd, f->request);
    recv(fd, &byte, 1, 0); /* the answer has begun */
    close(fd);
}

static void
stay(void *arg)
{
    struct fixture *f = arg;
    char            byte;

    f->fd = client_connect(http_port(f->http));
    client_say(f->fd, f->request);
    recv(f->fd, &byte, 1, 0);
}

static void
stream__may_outlive_its_server(void **state)
{
    struct fixture *f = *state;

    f->request = "GET /waiting HTTP/1.1\r\nHost: x\r\n\r\n";
    client_run(f->loop, stay, f);
    assert_non_null(f->open);
    http_close(f->http);
    f->http = NULL;
    assert_true(http_is_gone(f->open));
    http_write(f->open, "late", strlen("late"));
    http_end(f->open);
    f->open = NULL;
    close(f->fd);
}

static void
quit_when_gone(void *arg)
{
    struct fixture *f = arg;

    if (f->gone)
        loop_quit(f->loop);
}

static void
wait_until_gone(struct fixture *f)
{
    struct loop_timer *look = loop_every(f->loop, 5, quit_when_gone, f);
    int64_t            until = clock_mono_ms() + CLIENT_WAIT_S * 1000;

    while (!f->gone && clock_mono_ms() < until)
        loop_run(f->loop);
    loop_timer_stop(look);
}

static void
stream__notices_that_its_client_has_left(void **state)
{
    struct fixture *f = *state;

    f->request = "GET /waiting HTTP/1.1\r\nHost: x\r\n\r\n";
    client_run(f->loop, leave, f);
    wait_until_gone(f);
    assert_int_equal(f->gone, 1);
}

static void
be_patient(void *arg)
{
    struct fixture *f = arg;
    int             fd = client_connect(http_port(f->http));
    struct timeval  wait = { .tv_sec = 2 * HASTY_MS / 1000 };
    char            text[512];
    ssize_t         n;

    client_say(fd, f->request);
    recv(fd, text, sizeof text, 0);
    /* Longer than a request may take: nothing to say is no reason to hang up. */
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    n = recv(fd, text, sizeof text, 0);
    f->is_ended = n >= 0;
    close(fd);
}

static void
stream__may_be_silent_for_longer_than_a_request_may_take(void **state)
{
    struct fixture *f = *state;

    f->request = "GET /waiting HTTP/1.1\r\nHost: x\r\n\r\n";
    client_run(f->loop, be_patient, f);
    assert_false(f->is_ended);
    wait_until_gone(f);
}

static void
take_nothing(void *arg)
{
    struct fixture *f = arg;
    int             fd = client_connect(http_port(f->http));
    int64_t         until = clock_mono_ms() + CLIENT_WAIT_S * 1000;

    client_say(fd, f->request);
    while (!__atomic_load_n(&f->gone, __ATOMIC_ACQUIRE) && clock_mono_ms() < until)
        usleep(1000);
    close(fd);
}

static void
W5_stream__that_is_not_taken_in_time_is_hung_up_on(void **state)
{
    struct fixture *f = *state;

    f->request = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
    client_run(f->loop, take_nothing, f);
    assert_int_equal(f->gone, 1);
}

static void
say_more(void *arg)
{
    struct fixture *f = arg;
    int             fd = client_connect(http_port(f->http));
    char            byte;
    char            flood[65536];

    memset(flood, 'x', sizeof flood);
    client_say(fd, f->request);
    recv(fd, &byte, 1, 0);
    for (int i = 0; i < 16; i++)
        send(fd, flood, sizeof flood, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

static void
W5_stream__takes_nothing_that_its_client_says_meanwhile(void **state)
{
    struct fixture *f = *state;

    f->request = "GET /waiting HTTP/1.1\r\nHost: x\r\n\r\n";
    client_run(f->loop, say_more, f);
    /* It has not noticed the end behind the flood, and serves others. */
    assert_non_null(strstr(ask(f, "GET /pieces HTTP/1.1\r\nHost: x\r\n\r\n"), "piece"));
}

static void
H2_accept__is_obeyed(void **state)
{
    static const struct {
        const char *headers;
        bool        takes;
    } cases[] = {
        { "", true },
        { "Accept: \r\n", true },
        { "Accept: */*\r\n", true },
        { "Accept: application/json\r\n", true },
        { "Accept: Application/JSON; charset=utf-8\r\n", true },
        { "Accept: application/*;q=0.5\r\n", true },
        { "Accept: text/html\r\nAccept: application/json\r\n", true },
        { "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n", true },
        { "Accept: text/html\r\n", false },
        { "Accept: application/jsonx, application/jso\r\n", false },
        { "Accept: application/json;q=0\r\n", false },
        { "Accept: */*, application/json; q=0.0\r\n", false },
        { "Accept: text/*\r\n", false },
        { "Accept: ,;, ,\r\n", false },
    };
    struct fixture *f = *state;
    char            request[512];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(request, sizeof request, "GET /accepts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", cases[i].headers);
        ask(f, request);
        if (f->takes != cases[i].takes)
            print_error("%s", cases[i].headers);
        assert_int_equal(f->takes, cases[i].takes);
    }
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(stream__comes_in_pieces_as_they_are_taken),
        WITH(stream__has_the_length_that_was_promised),
        WITH(stream__of_a_client_of_HTTP_1_0_is_not_chunked),
        WITH(stream__of_a_client_of_HTTP_1_0_that_would_keep_its_connection_has_a_body),
        WITH(stream__may_outlive_its_server),
        WITH(stream__of_a_HEAD_ends_without_a_piece),
        WITH(stream__notices_that_its_client_has_left),
        WITH(stream__may_be_silent_for_longer_than_a_request_may_take),
        WITH(W5_stream__that_is_not_taken_in_time_is_hung_up_on),
        WITH(W5_stream__takes_nothing_that_its_client_says_meanwhile),
        WITH(H2_accept__is_obeyed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
