/* The server against real clients on loopback: good ones, slow ones, greedy ones, and those that leave. */
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

/* A patient server, because a busy machine may keep any client waiting; a hasty one where a client is slow on purpose. */
enum { MAX_BODY = 1000, PATIENT_MS = CLIENT_WAIT_S * 1000, HASTY_MS = 1000 };

struct fixture {
    struct loop         *loop;
    struct http         *http;
    int                  port;
    struct http_request *kept; /* by on_keep, to be answered later */
    struct http_request *kept_before;
    int                  keeps;
    int                  calls;
    char                 seen[512];
    struct answer        answer;
    struct answer        second;
    bool                 is_ended; /* the server closed the connection */
    int64_t              took_ms;
};

static void
on_echo(struct http_request *r, void *arg)
{
    struct fixture *f = arg;
    size_t          len = 0;
    const char     *body = http_body(r, &len);
    const char     *q = http_query(r, "q");

    f->calls++;
    snprintf(f->seen, sizeof f->seen, "%s %s q=%s h=%s peer=%s", http_method(r), http_path(r), q ? q : "-",
             http_header(r, "x-thing") ? http_header(r, "x-thing") : "-", http_peer(r));
    http_reply(r, 200, "text/plain", body, len);
}

static void
on_item(struct http_request *r, void *arg)
{
    (void)arg;
    http_reply_text(r, 200, "text/plain", http_param(r, "id"));
}

static void
on_keep(struct http_request *r, void *arg)
{
    struct fixture *f = arg;

    f->kept_before = f->kept;
    f->kept = r;
    f->keeps++;
}

static void
on_answer_kept(void *arg)
{
    struct fixture *f = arg;

    assert_non_null(f->kept);
    http_reply_text(f->kept, 200, "text/plain", "late");
    f->kept = NULL;
}

static void
on_later(struct http_request *r, void *arg)
{
    struct fixture *f = arg;

    f->kept = r;
    /* Longer than a client may take: our own time is not the client's. */
    loop_after(f->loop, HASTY_MS * 2, on_answer_kept, f);
}

static int
open_with(void **state, unsigned max_connections, unsigned timeout_ms)
{
    struct fixture     *f = xcalloc(1, sizeof *f);
    struct err          e = ERR_INIT;
    struct http_options o = { .listen = "127.0.0.1:0", .max_body = MAX_BODY, .timeout_ms = timeout_ms, .max_connections = max_connections };

    log_setup(LOG_ERROR, false);
    if (loop_new(&f->loop, &e) || http_open(&f->http, f->loop, &o, &e))
        return -1;
    f->port = http_port(f->http);
    http_route(f->http, "POST", "/echo", on_echo, f);
    http_route(f->http, "GET", "/echo", on_echo, f);
    http_route(f->http, "GET", "/items/{id}", on_item, f);
    http_route(f->http, "DELETE", "/items/{id}", on_item, f);
    http_route(f->http, "GET", "/items/{id}/part", on_item, f);
    http_route(f->http, "GET", "/keep", on_keep, f);
    http_route(f->http, "GET", "/later", on_later, f);
    *state = f;
    return 0;
}

static int
setup(void **state)
{
    return open_with(state, 100, PATIENT_MS);
}

static int
setup_hasty(void **state)
{
    return open_with(state, 100, HASTY_MS);
}

static int
setup_for_two(void **state)
{
    return open_with(state, 2, PATIENT_MS);
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

static const char *request; /* what the one-shot client sends */

static void
one_shot(void *arg)
{
    struct fixture *f = arg;

    client_ask(f->port, request, strlen(request), &f->answer);
}

static struct answer *
ask(struct fixture *f, const char *text)
{
    request = text;
    client_run(f->loop, one_shot, f);
    return &f->answer;
}

static void
request__reaches_its_handler_with_all_its_parts(void **state)
{
    struct fixture *f = *state;

    ask(f, "POST /echo?q=a%20b HTTP/1.1\r\nHost: x\r\nX-Thing: yes\r\nContent-Length: 5\r\n\r\nhello");
    assert_int_equal(f->answer.status, 200);
    assert_string_equal(f->answer.body, "hello");
    assert_string_equal(f->seen, "POST /echo q=a b h=yes peer=127.0.0.1");
}

static void
route__takes_a_segment_decoded_and_never_an_empty_one(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(ask(f, "GET /items/ORCH%2D042 HTTP/1.1\r\nHost: x\r\n\r\n")->body, "ORCH-042");
    assert_string_equal(ask(f, "GET /items/a%2Fb/part HTTP/1.1\r\nHost: x\r\n\r\n")->body, "a/b");
    assert_int_equal(ask(f, "GET /items/ HTTP/1.1\r\nHost: x\r\n\r\n")->status, 404);
    assert_int_equal(ask(f, "GET /items/a%00b HTTP/1.1\r\nHost: x\r\n\r\n")->status, 404);
    assert_int_equal(ask(f, "GET /items/a/b HTTP/1.1\r\nHost: x\r\n\r\n")->status, 404);
}

static void
H2_unknown_path__is_a_problem_in_JSON(void **state)
{
    struct fixture *f = *state;

    ask(f, "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(f->answer.status, 404);
    assert_string_equal(answer_header(&f->answer, "Content-Type"), "application/problem+json");
    assert_non_null(strstr(f->answer.body, "\"status\""));
}

static void
W6_other_method__is_405_with_Allow(void **state)
{
    struct fixture *f = *state;

    ask(f, "PUT /items/7 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(f->answer.status, 405);
    assert_string_equal(answer_header(&f->answer, "Allow"), "GET, HEAD, DELETE");
    assert_string_equal(answer_header(&f->answer, "Content-Type"), "application/problem+json");
    assert_int_equal(ask(f, "TRACE /items/7 HTTP/1.1\r\nHost: x\r\n\r\n")->status, 405);
}

static void
head__is_answered_as_get_without_the_body(void **state)
{
    struct fixture *f = *state;

    ask(f, "HEAD /items/seven HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(f->answer.status, 200);
    assert_string_equal(answer_header(&f->answer, "Content-Length"), "5");
}

static void
W5_body__of_the_largest_size_is_taken_and_one_byte_more_is_413(void **state)
{
    struct fixture *f = *state;
    struct buf      b = { 0 };

    buf_printf(&b, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%0*d", MAX_BODY, MAX_BODY, 7);
    assert_int_equal(ask(f, b.data)->status, 200);
    assert_int_equal(strlen(f->answer.body), MAX_BODY);
    buf_fini(&b);
    buf_printf(&b, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%0*d", MAX_BODY + 1, MAX_BODY + 1, 7);
    assert_int_equal(ask(f, b.data)->status, 413);
    assert_string_equal(answer_header(&f->answer, "Content-Type"), "application/problem+json");
    buf_fini(&b);
    /* Refused by its head alone. */
    assert_int_equal(ask(f, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n0")->status, 413);
    assert_int_equal(f->calls, 1);
}

static void
W5_body__that_hides_its_size_in_chunks_is_limited_too(void **state)
{
    struct fixture *f = *state;
    struct buf      b = { 0 };

    buf_add_str(&b, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 20; i++)
        buf_printf(&b, "64\r\n%0100d\r\n", i);
    buf_add_str(&b, "0\r\n\r\n");
    ask(f, b.data);
    assert_int_equal(f->calls, 0);
    assert_int_equal(f->answer.status, 413);
    buf_fini(&b);
}

static void
W5_head__that_is_too_long_reaches_nobody(void **state)
{
    struct fixture *f = *state;
    struct buf      b = { 0 };

    buf_printf(&b, "GET /echo HTTP/1.1\r\nHost: x\r\nX-Long: %0*d\r\n\r\n", 40000, 1);
    ask(f, b.data);
    assert_int_equal(f->calls, 0);
    assert_int_not_equal(f->answer.status, 200);
    buf_fini(&b);
}

static void
drip(void *arg)
{
    struct fixture *f = arg;
    int64_t         since = clock_mono_ms(); /* before the server's clock, which starts with the connection */
    int             fd = client_connect(f->port);
    char            byte;

    client_say(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
    /* A byte every 20 ms never lets an idle timer fire. */
    while (clock_mono_ms() - since < CLIENT_WAIT_S * 1000) {
        if (!client_say(fd, "x") || recv(fd, &byte, 1, MSG_DONTWAIT) == 0) {
            f->is_ended = true;
            break;
        }
        usleep(20000);
    }
    f->took_ms = clock_mono_ms() - since;
    close(fd);
}

static void
W5_slow_client__is_cut_off_though_it_never_pauses(void **state)
{
    struct fixture *f = *state;

    client_run(f->loop, drip, f);
    assert_true(f->is_ended);
    assert_int_equal(f->calls, 0);
    assert_true(f->took_ms >= HASTY_MS / 2);
}

static void
idle(void *arg)
{
    struct fixture *f = arg;
    int             fd = client_connect(f->port);

    f->is_ended = client_sees_end(fd);
    close(fd);
}

static void
W5_idle_connection__is_closed(void **state)
{
    struct fixture *f = *state;

    client_run(f->loop, idle, f);
    assert_true(f->is_ended);
}

static void
two_requests(void *arg)
{
    struct fixture *f = arg;
    int             fd = client_connect(f->port);

    client_say(fd, "GET /items/one HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read(fd, &f->answer, true);
    client_say(fd, "GET /items/two HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read(fd, &f->second, true);
    close(fd);
}

static void
connection__is_kept_alive_for_the_next_request(void **state)
{
    struct fixture *f = *state;

    client_run(f->loop, two_requests, f);
    assert_string_equal(f->answer.body, "one");
    assert_string_equal(f->second.body, "two");
}

static void
pipelined(void *arg)
{
    struct fixture *f = arg;
    int             fd = client_connect(f->port);

    client_say(fd, "GET /items/one HTTP/1.1\r\nHost: x\r\n\r\nGET /items/two HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read(fd, &f->answer, true);
    client_read(fd, &f->second, true);
    close(fd);
}

static void
connection__answers_pipelined_requests_in_order(void **state)
{
    struct fixture *f = *state;

    client_run(f->loop, pipelined, f);
    assert_string_equal(f->answer.body, "one");
    assert_string_equal(f->second.body, "two");
}

static void
answer__may_come_much_later_than_a_client_may_be_slow(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(ask(f, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n")->body, "late");
}

static void
ask_and_leave(void *arg)
{
    struct fixture *f = arg;
    int             fd = client_connect(f->port);
    struct linger   rst = { .l_onoff = 1 };

    client_say(fd, "GET /keep HTTP/1.1\r\nHost: x\r\n\r\n");
    for (int i = 0; i < CLIENT_WAIT_S * 100 && !__atomic_load_n(&f->kept, __ATOMIC_ACQUIRE); i++)
        usleep(10000);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &rst, sizeof rst);
    close(fd);
    client_ask(f->port, "GET /items/next HTTP/1.1\r\nHost: x\r\n\r\n", 37, &f->answer);
}

static void
client_that_left__is_not_answered_and_hurts_nobody(void **state)
{
    struct fixture *f = *state;

    client_run(f->loop, ask_and_leave, f);
    assert_string_equal(f->answer.body, "next");
    on_answer_kept(f);
    /* What libevent put off happens here, and the server still works. */
    assert_string_equal(ask(f, "GET /items/again HTTP/1.1\r\nHost: x\r\n\r\n")->body, "again");
}

static void
keep_only(void *arg)
{
    struct fixture *f = arg;
    int             fd = client_connect(f->port);

    client_say(fd, "GET /keep HTTP/1.1\r\nHost: x\r\n\r\n");
    for (int i = 0; i < CLIENT_WAIT_S * 100 && !__atomic_load_n(&f->kept, __ATOMIC_ACQUIRE); i++)
        usleep(10000);
    close(fd);
}

static void
server_that_closed__drops_the_answers_still_owed(void **state)
{
    struct fixture *f = *state;

    client_run(f->loop, keep_only, f);
    http_close(f->http);
    f->http = NULL;
    assert_null(http_header(f->kept, "Host"));
    on_answer_kept(f);
}

/* Two may be there; one of these is half a request old, the other idle. */
static void
three_at_once(void *arg)
{
    struct fixture *f = arg;
    int             one = client_connect(f->port);
    int             two;
    int             three;

    client_say(one, "GET /items/never");
    /* Its connection is seen before the next ones. */
    client_ask(f->port, "GET /items/first HTTP/1.1\r\nHost: x\r\n\r\n", 38, &f->answer);
    two = client_connect(f->port);
    client_say(two, "GET /items/second HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read(two, &f->answer, true);
    three = client_connect(f->port);
    client_say(three, "GET /items/in HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read(three, &f->second, true);
    f->is_ended = client_sees_end(one);
    close(one);
    close(two);
    close(three);
}

static void
W5_connections__at_the_limit_the_slowest_makes_room(void **state)
{
    struct fixture *f = *state;

    client_run(f->loop, three_at_once, f);
    assert_true(f->is_ended);
    assert_string_equal(f->answer.body, "second");
    assert_string_equal(f->second.body, "in");
}

/* Two keep the server busy, so the third has to go. */
static void
two_kept_and_one_more(void *arg)
{
    struct fixture *f = arg;
    int             one = client_connect(f->port);
    int             two = client_connect(f->port);
    int             three;

    client_say(one, "GET /keep HTTP/1.1\r\nHost: x\r\n\r\n");
    client_say(two, "GET /keep HTTP/1.1\r\nHost: x\r\n\r\n");
    for (int i = 0; i < CLIENT_WAIT_S * 100 && __atomic_load_n(&f->keeps, __ATOMIC_ACQUIRE) < 2; i++)
        usleep(10000);
    three = client_connect(f->port);
    f->is_ended = client_sees_end(three);
    close(one);
    close(two);
    close(three);
}

static void
W5_connections__over_the_limit_are_closed_while_all_others_wait_for_us(void **state)
{
    struct fixture *f = *state;

    client_run(f->loop, two_kept_and_one_more, f);
    assert_true(f->is_ended);
    on_answer_kept(f);
    f->kept = f->kept_before;
    on_answer_kept(f);
    assert_string_equal(ask(f, "GET /items/free HTTP/1.1\r\nHost: x\r\n\r\n")->body, "free");
}

static void
routes__are_forgotten_with_their_owner(void **state)
{
    struct fixture *f = *state;

    http_unroute(f->http, f);
    assert_int_equal(ask(f, "GET /items/7 HTTP/1.1\r\nHost: x\r\n\r\n")->status, 404);
}

static void
C2_listen__names_the_wrong_address_and_what_is_accepted(void **state)
{
    static const char *const wrong[] = { "", "8080", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:http", ":80" };
    struct fixture          *f = *state;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct http        *h = NULL;
        struct err          e = ERR_INIT;
        struct http_options o = { .listen = wrong[i], .max_body = 1000, .timeout_ms = 100, .max_connections = 2 };

        assert_int_equal(http_open(&h, f->loop, &o, &e), ERR_INVALID);
        assert_non_null(strstr(e.text, wrong[i]));
        assert_non_null(strstr(e.text, "address:port"));
        assert_null(h);
    }
}

static void
listen__on_a_taken_port_says_so(void **state)
{
    struct fixture     *f = *state;
    struct http        *h = NULL;
    struct err          e = ERR_INIT;
    char               *text = xasprintf("127.0.0.1:%d", f->port);
    struct http_options o = { .listen = text, .max_body = 1000, .timeout_ms = 100, .max_connections = 2 };

    assert_int_equal(http_open(&h, f->loop, &o, &e), ERR_RETRY);
    assert_non_null(strstr(e.text, "in use"));
    free(text);
}

int
main(void)
{
#define WITH(test, setup) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH(request__reaches_its_handler_with_all_its_parts, setup),
        WITH(route__takes_a_segment_decoded_and_never_an_empty_one, setup),
        WITH(H2_unknown_path__is_a_problem_in_JSON, setup),
        WITH(W6_other_method__is_405_with_Allow, setup),
        WITH(head__is_answered_as_get_without_the_body, setup),
        WITH(W5_body__of_the_largest_size_is_taken_and_one_byte_more_is_413, setup),
        WITH(W5_body__that_hides_its_size_in_chunks_is_limited_too, setup),
        WITH(W5_head__that_is_too_long_reaches_nobody, setup),
        WITH(W5_slow_client__is_cut_off_though_it_never_pauses, setup_hasty),
        WITH(W5_idle_connection__is_closed, setup_hasty),
        WITH(connection__is_kept_alive_for_the_next_request, setup),
        WITH(connection__answers_pipelined_requests_in_order, setup),
        WITH(answer__may_come_much_later_than_a_client_may_be_slow, setup_hasty),
        WITH(client_that_left__is_not_answered_and_hurts_nobody, setup),
        WITH(server_that_closed__drops_the_answers_still_owed, setup),
        WITH(W5_connections__at_the_limit_the_slowest_makes_room, setup_for_two),
        WITH(W5_connections__over_the_limit_are_closed_while_all_others_wait_for_us, setup_for_two),
        WITH(routes__are_forgotten_with_their_owner, setup),
        WITH(C2_listen__names_the_wrong_address_and_what_is_accepted, setup),
        WITH(listen__on_a_taken_port_says_so, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
