/* The HTTP API over real HTTP, with a stand-in for Postgres: who may do what, and how SQL's answers become HTTP's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../http/client.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "support/fake_db.h"
#include "web/web.h"

#define OPERATOR "Authorization: Bearer op-token\r\n"
#define READER   "Authorization: bearer rd-token\r\n"

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
open_with(void **state, char *operator, char * reader)
{
    struct fixture     *f = xcalloc(1, sizeof *f);
    struct err          e = ERR_INIT;
    struct http_options o = { .listen = "127.0.0.1:0", .max_body = 100000, .timeout_ms = 5000, .max_connections = 10 };

    log_setup(LOG_ERROR + 1, false);
    if (loop_new(&f->loop, &e) || http_open(&f->http, f->loop, &o, &e))
        return -1;
    f->config.operator_token = operator;
    f->config.reader_token = reader;
    f->db = fake_db_new(f->loop);
    if (web_open(&f->web, f->loop, f->http, f->db, &f->config, &e))
        return -1;
    *state = f;
    return 0;
}

static int
setup(void **state)
{
    return open_with(state, "op-token", "rd-token");
}

static int
setup_without_operator(void **state)
{
    return open_with(state, "", "rd-token");
}

static int
setup_without_reader(void **state)
{
    return open_with(state, "op-token", "");
}

static int
setup_without_tokens(void **state)
{
    return open_with(state, "", "");
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

/* headers end with a line break each; body NULL = none. */
static int
ask(struct fixture *f, const char *line, const char *headers, const char *body)
{
    f->request =
        xasprintf("%s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n%s", line, headers, body ? strlen(body) : 0, body ? body : "");
    client_run(f->loop, one_shot, f);
    free(f->request);
    return f->answer.status;
}

static bool
says(const struct fixture *f, const char *text)
{
    return strstr(f->answer.body, text) != NULL;
}

static bool
fill_block(struct json *into, void *arg)
{
    json_set_int(into, "ticks", 3);
    return *(bool *)arg;
}

static const char *const report_columns[] = { "report" };
static const char *const report_cells[] = { "{\"jobs\": []}" };
static const char *const no_cells[] = { NULL };

static const struct fake_answer report = { .rows = 1, .columns = 1, .names = report_columns, .cells = report_cells };
static const struct fake_answer null_report = { .rows = 1, .columns = 1, .names = report_columns, .cells = no_cells };

static const char *const stop_columns[] = { "result", "task_id", "work_item", "message" };

/* What SQL answers to STOP, and the status that it becomes. */
static int
stop_with(struct fixture *f, const char *result, const char *headers, const char *body)
{
    const char *const        cells[] = { result, "42", "ORCH-042", "as it is" };
    const struct fake_answer a = { .rows = 1, .columns = 4, .names = stop_columns, .cells = cells };

    fake_db_push(f->db, CALL_stop_task, &a);
    return ask(f, "POST /tasks/ORCH-042/stop", headers, body);
}

static void
H1_health__tells_of_process_database_and_every_block(void **state)
{
    struct fixture *f = *state;
    bool            is_ok = true;

    web_add_block(f->web, "reaper", fill_block, &is_ok);
    assert_int_equal(ask(f, "GET /health", "", NULL), 200);
    assert_true(says(f, "\"pid\"") && says(f, "\"database\"") && says(f, "\"reaper\"") && says(f, "\"ticks\""));
    is_ok = false;
    assert_int_equal(ask(f, "GET /health", "", NULL), 503);
}

static void
H1_health__is_503_while_Postgres_is_away(void **state)
{
    struct fixture *f = *state;

    fake_db_set_up(f->db, false);
    assert_int_equal(ask(f, "GET /health", "", NULL), 503);
    assert_true(says(f, "unable"));
    assert_int_equal(ask(f, "GET /ready", "", NULL), 503);
}

static void
H1_ready__is_503_while_draining(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f, "GET /ready", "", NULL), 200);
    web_set_draining(f->web, true);
    assert_int_equal(ask(f, "GET /ready", "", NULL), 503);
}

static void
H1_metrics__are_in_the_format_that_Prometheus_reads(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f, "GET /metrics", "", NULL), 200);
    assert_string_equal(answer_header(&f->answer, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_true(says(f, "# TYPE orchd_events_total counter\n"));
    assert_true(says(f, "process_resident_memory_bytes "));
    assert_int_equal(f->answer.body[strlen(f->answer.body) - 1], '\n');
}

static void
H2_reading__takes_the_readers_or_the_operators_token(void **state)
{
    static const char *const     paths[] = { "GET /queue", "GET /status", "GET /tasks/42" };
    static const enum db_call_id ids[] = { CALL_queue_report, CALL_status_report, CALL_task_report };
    struct fixture              *f = *state;

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_int_equal(ask(f, paths[i], "", NULL), 401);
        assert_string_equal(answer_header(&f->answer, "WWW-Authenticate"), "Bearer realm=\"orchd\"");
        assert_int_equal(ask(f, paths[i], "Authorization: Bearer rd-toke\r\n", NULL), 401);
        assert_int_equal(ask(f, paths[i], "Authorization: Basic rd-token\r\n", NULL), 401);
        fake_db_push(f->db, ids[i], &report);
        assert_int_equal(ask(f, paths[i], READER, NULL), 200);
        assert_string_equal(f->answer.body, "{\"jobs\": []}");
        fake_db_push(f->db, ids[i], &report);
        assert_int_equal(ask(f, paths[i], OPERATOR, NULL), 200);
        assert_int_equal(fake_db_count(f->db, ids[i]), 2);
    }
}

static void
H1_queue__shows_what_only_this_node_knows_beside_the_report(void **state)
{
    struct fixture *f = *state;
    bool            is_ok = true;

    web_add_queue_block(f->web, "spool", fill_block, &is_ok);
    fake_db_push(f->db, CALL_queue_report, &report);
    assert_int_equal(ask(f, "GET /queue", READER, NULL), 200);
    assert_true(says(f, "\"jobs\":[]"));
    assert_true(says(f, "\"spool\":{"));
}

static void
H2_reading__without_a_readers_token_takes_the_operators(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f, "GET /queue", "Authorization: Bearer \r\n", NULL), 401);
    fake_db_push(f->db, CALL_queue_report, &report);
    assert_int_equal(ask(f, "GET /queue", OPERATOR, NULL), 200);
}

static void
H2_nothing__is_open_because_no_token_is_set(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f, "GET /queue", "Authorization: Bearer \r\n", NULL), 503);
    assert_int_equal(ask(f, "POST /tasks/1/stop", "Authorization: Bearer \r\n", NULL), 503);
    assert_int_equal(ask(f, "GET /health", "", NULL), 200);
}

static void
H2_writing__without_an_operators_token_is_503_and_says_so(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f, "POST /tasks/1/stop", READER, NULL), 503);
    assert_true(says(f, "ORCH_OPERATOR_TOKEN"));
    assert_string_equal(answer_header(&f->answer, "Content-Type"), "application/problem+json");
}

static void
H2_writing__is_refused_to_readers_and_strangers(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f, "POST /tasks/1/stop", READER, NULL), 403);
    assert_int_equal(ask(f, "POST /tasks/1/stop", "", NULL), 401);
    assert_int_equal(fake_db_count(f->db, CALL_stop_task), 0);
}

static void
H1_task__that_is_unknown_is_404(void **state)
{
    struct fixture *f = *state;

    fake_db_push(f->db, CALL_task_report, &null_report);
    assert_int_equal(ask(f, "GET /tasks/ORCH%2D999", READER, NULL), 404);
    assert_string_equal(fake_db_param(f->db, CALL_task_report, 0, 0), "ORCH-999");
    assert_int_equal(ask(f, "GET /tasks/%ff", READER, NULL), 404);
    assert_int_equal(fake_db_count(f->db, CALL_task_report), 1);
}

static void
S1_stop__over_HTTP_is_the_one_function_with_its_reason(void **state)
{
    struct fixture   *f = *state;
    struct clock_text before = clock_text_us(clock_wall_us());

    assert_int_equal(stop_with(f, "cancelled", OPERATOR "Content-Type: application/json\r\n", "{\"reason\":\"duplicate\"}"), 200);
    assert_true(says(f, "ORCH-042") && says(f, "cancelled"));
    assert_string_equal(fake_db_param(f->db, CALL_stop_task, 0, 0), "ORCH-042");
    assert_string_equal(fake_db_param(f->db, CALL_stop_task, 0, 1), "duplicate");
    assert_string_equal(fake_db_param(f->db, CALL_stop_task, 0, 2), "http");
    assert_true(strcmp(before.text, fake_db_param(f->db, CALL_stop_task, 0, 4)) <= 0);
    assert_true(strcmp(fake_db_param(f->db, CALL_stop_task, 0, 4), clock_text_us(clock_wall_us()).text) <= 0);
    assert_int_equal(stop_with(f, "cancelled", OPERATOR, NULL), 200);
    assert_null(fake_db_param(f->db, CALL_stop_task, 1, 1));
}

static void
S8_stop__says_what_became_of_it(void **state)
{
    static const struct {
        const char *result;
        int         status;
    } cases[] = { { "cancelled", 200 },    { "deferred", 202 },  { "already_pending", 200 }, { "already_cancelled", 200 },
                  { "already_done", 200 }, { "not_found", 404 }, { "disabled", 409 } };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(stop_with(f, cases[i].result, OPERATOR, NULL), cases[i].status);
        assert_true(says(f, cases[i].result));
    }
}

static void
H1_stop__refuses_a_body_that_is_no_reason(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f, "POST /tasks/1/stop", OPERATOR "Content-Type: application/json\r\n", "{"), 400);
    assert_int_equal(ask(f, "POST /tasks/1/stop", OPERATOR "Content-Type: application/json\r\n", "[]"), 400);
    assert_int_equal(ask(f, "POST /tasks/1/stop", OPERATOR "Content-Type: application/json\r\n", "{\"reason\":7}"), 400);
    assert_int_equal(ask(f, "POST /tasks/1/stop", OPERATOR, "reason=x"), 415);
    assert_int_equal(ask(f, "GET /tasks/1/stop", OPERATOR, NULL), 405);
    assert_string_equal(answer_header(&f->answer, "Allow"), "POST");
    assert_int_equal(fake_db_count(f->db, CALL_stop_task), 0);
}

static void
H1_database_away__is_503_with_Retry_After(void **state)
{
    const struct fake_answer a = { .code = ERR_RETRY };
    struct fixture          *f = *state;

    fake_db_push(f->db, CALL_queue_report, &a);
    assert_int_equal(ask(f, "GET /queue", READER, NULL), 503);
    assert_string_not_equal(answer_header(&f->answer, "Retry-After"), "");
}

int
main(void)
{
#define WITH(test, setup) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH(H1_health__tells_of_process_database_and_every_block, setup),
        WITH(H1_queue__shows_what_only_this_node_knows_beside_the_report, setup),
        WITH(H1_health__is_503_while_Postgres_is_away, setup),
        WITH(H1_ready__is_503_while_draining, setup),
        WITH(H1_metrics__are_in_the_format_that_Prometheus_reads, setup),
        WITH(H2_reading__takes_the_readers_or_the_operators_token, setup),
        WITH(H2_reading__without_a_readers_token_takes_the_operators, setup_without_reader),
        WITH(H2_nothing__is_open_because_no_token_is_set, setup_without_tokens),
        WITH(H2_writing__without_an_operators_token_is_503_and_says_so, setup_without_operator),
        WITH(H2_writing__is_refused_to_readers_and_strangers, setup),
        WITH(H1_task__that_is_unknown_is_404, setup),
        WITH(S1_stop__over_HTTP_is_the_one_function_with_its_reason, setup),
        WITH(S8_stop__says_what_became_of_it, setup),
        WITH(H1_stop__refuses_a_body_that_is_no_reason, setup),
        WITH(H1_database_away__is_503_with_Retry_After, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
