/* The endpoints over real HTTP, with a stand-in for Postgres: what is refused, what is stored, and what the sender hears. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../http/client.h"
#include "base/clock.h"
#include "base/log.h"
#include "fixture.h"
#include "support/fake_db.h"
#include "support/until.h"
#include "webhook/webhook.h"

/* Of the bodies used here, by openssl dgst -sha256 -hmac: the first three with PLANE_SECRET, the last with GITEA_SECRET. */
#define SIG_NOT_JSON     "0d33796c16ebe4bea20a9bebd55ab21d1f0737829cd54509eb67cf8bde009279"
#define SIG_ARRAY        "c8271074e63f2e1d14a08d40010eacb8768151b842f8266297c11c8fd383c4f5"
#define SIG_EMPTY        "3c3e39b88a60855c2d4ade3c0f7e1042eb8b1984f8eb1d108e690df82804c4d3"
#define SIG_GITHUB_EMPTY "ccd67aad8852c724e6e9b885fdae56e08f4e02d2f322e58b447af91367919017"

struct endpoints {
    struct loop    *loop;
    struct http    *http;
    struct db      *db;
    struct webhook *webhook;
    struct config   config;
    char            dir[64]; /* of the spool */
    struct buf      request;
    struct answer   answer;
};

/* Until the next teardown. */
static int64_t spool_after = 60000;
static int64_t spool_deliveries = 10;

static int
open_with(void **state, char *plane, char *plane_old, char *gitea)
{
    struct endpoints   *x = xcalloc(1, sizeof *x);
    struct err          e = ERR_INIT;
    struct http_options o = { .listen = "127.0.0.1:0", .max_body = 100000, .timeout_ms = 5000, .max_connections = 10 };

    log_setup(LOG_ERROR + 1, false);
    if (loop_new(&x->loop, &e) || http_open(&x->http, x->loop, &o, &e))
        return -1;
    x->config.plane_webhook_secret = plane;
    x->config.plane_webhook_secret_old = plane_old;
    x->config.gitea_webhook_secret = gitea;
    x->config.gitea_webhook_secret_old = "";
    x->config.webhook_rate_per_minute = 100;
    x->config.spool_after = spool_after;
    x->config.spool_max_bytes = 1 << 20;
    x->config.spool_max_deliveries = spool_deliveries;
    snprintf(x->dir, sizeof x->dir, "/tmp/orch-endpoints-XXXXXX");
    x->config.spool_dir = mkdtemp(x->dir);
    x->db = fake_db_new(x->loop);
    if (webhook_open(&x->webhook, x->loop, x->http, x->db, &x->config, &e))
        return -1;
    *state = x;
    return 0;
}

static int
setup(void **state)
{
    return open_with(state, PLANE_SECRET, "", GITEA_SECRET);
}

static int
setup_rotated(void **state)
{
    return open_with(state, "the new secret", PLANE_SECRET, GITEA_SECRET);
}

static int
setup_impatient(void **state)
{
    spool_after = 50;
    return setup(state);
}

static int
setup_without_spool(void **state)
{
    spool_deliveries = 0;
    return setup(state);
}

static int
setup_without_secrets(void **state)
{
    return open_with(state, "", "", "");
}

static int
teardown(void **state)
{
    struct endpoints *x = *state;
    char             *command = xasprintf("rm -rf %s", x->dir);
    int               status;

    webhook_close(x->webhook);
    http_close(x->http);
    fake_db_free(x->db);
    loop_free(x->loop);
    buf_fini(&x->request);
    spool_after = 60000;
    spool_deliveries = 10;
    status = system(command);
    free(command);
    free(x);
    return status;
}

static void
one_shot(void *arg)
{
    struct endpoints *x = arg;

    client_ask(http_port(x->http), x->request.data, x->request.len, &x->answer);
}

/* headers end with a line break each. */
static int
post(struct endpoints *x, const char *path, const char *headers, const void *body, size_t len)
{
    buf_fini(&x->request);
    buf_printf(&x->request, "POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n", path, headers, len);
    buf_add(&x->request, body, len);
    client_run(x->loop, one_shot, x);
    return x->answer.status;
}

/* As it was recorded, except for the lines that name the connection. */
static int
post_fixture(struct endpoints *x, const char *path, const char *name)
{
    static const char *const own[] = { "Host:", "Content-Length:", "Connection:" };
    struct fixture           f = fixture_load(name);
    struct buf               headers = { 0 };
    int                      status;

    for (const char *at = f.headers.data; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        bool is_own = false;

        for (size_t i = 0; i < sizeof own / sizeof *own; i++)
            is_own = is_own || str_starts(at, own[i]);
        if (!is_own && strcspn(at, "\r\n"))
            buf_printf(&headers, "%.*s\r\n", (int)strcspn(at, "\r\n"), at);
    }
    status = post(x, path, headers.data, f.body.data, f.body.len);
    buf_fini(&headers);
    fixture_fini(&f);
    return status;
}

static int
post_signed(struct endpoints *x, const char *type, const char *body)
{
    static const char *const known[][2] = {
        { "not json", SIG_NOT_JSON },
        { "[1]", SIG_ARRAY },
        { "{}", SIG_EMPTY },
    };
    char *headers = NULL;
    int   status;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_equal(known[i][0], body))
            headers = xasprintf("X-Plane-Signature: %s\r\nContent-Type: %s\r\n", known[i][1], type);
    assert_non_null(headers);
    status = post(x, "/webhook/plane", headers, body, strlen(body));
    free(headers);
    return status;
}

static int
stored(struct endpoints *x)
{
    return fake_db_count(x->db, CALL_receive_event);
}

static bool
is_applied(void *arg)
{
    return stored(arg) >= 2;
}

static const char *const columns[] = { "event_id", "status", "reason" };
static const char *const routed[] = { "17", "routed", "started ORCH-042" };
static const char *const duplicate[] = { "17", "duplicate", "seen before" };

static void
W3_delivery__is_answered_with_what_SQL_said(void **state)
{
    const struct fake_answer a = { .rows = 1, .columns = 3, .names = columns, .cells = routed };
    struct endpoints        *x = *state;
    struct fixture           f = fixture_load("plane_issue_updated");
    struct clock_text        before = clock_text_us(clock_wall_us());

    fake_db_push(x->db, CALL_receive_event, &a);
    assert_int_equal(post_fixture(x, "/webhook/plane", "plane_issue_updated"), 200);
    assert_non_null(strstr(x->answer.body, "started ORCH-042"));
    assert_non_null(strstr(x->answer.body, "17"));
    assert_int_equal(stored(x), 1);
    assert_string_equal(fake_db_param(x->db, CALL_receive_event, 0, 0), "plane");
    assert_string_equal(fake_db_param(x->db, CALL_receive_event, 0, 1), signature_digest(f.body.data, f.body.len).text);
    assert_string_equal(fake_db_param(x->db, CALL_receive_event, 0, 2), "issue");
    assert_string_equal(fake_db_param(x->db, CALL_receive_event, 0, 4), f.body.data);
    assert_true(strcmp(before.text, fake_db_param(x->db, CALL_receive_event, 0, 5)) <= 0);
    assert_true(strcmp(fake_db_param(x->db, CALL_receive_event, 0, 5), clock_text_us(clock_wall_us()).text) <= 0);
    fixture_fini(&f);
}

static void
W2_duplicate__is_answered_200(void **state)
{
    const struct fake_answer a = { .rows = 1, .columns = 3, .names = columns, .cells = duplicate };
    struct endpoints        *x = *state;

    fake_db_push(x->db, CALL_receive_event, &a);
    assert_int_equal(post_fixture(x, "/webhook/gitea", "gitea_push"), 200);
    assert_non_null(strstr(x->answer.body, "duplicate"));
}

static void
W1_signature__wrong_empty_or_absent_is_401_and_nothing_is_stored(void **state)
{
    static const char *const headers[] = {
        "Content-Type: application/json\r\n",
        "Content-Type: application/json\r\nX-Plane-Signature:\r\n",
        "Content-Type: application/json\r\nX-Plane-Signature: 00\r\n",
        "Content-Type: application/json\r\nX-Gitea-Signature: " SIG_EMPTY "\r\n",
    };
    struct endpoints *x = *state;

    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        assert_int_equal(post(x, "/webhook/plane", headers[i], "{}", 2), 401);
        assert_string_equal(answer_header(&x->answer, "Content-Type"), "application/problem+json");
    }
    /* Checked before the body is looked at: malformed and unsigned is unsigned. */
    assert_int_equal(post(x, "/webhook/plane", headers[0], "{{{", 3), 401);
    assert_int_equal(post_fixture(x, "/webhook/plane", "gitea_push"), 401);
    assert_int_equal(stored(x), 0);
}

static void
W1_no_secret__is_503_and_never_open(void **state)
{
    struct endpoints *x = *state;

    assert_int_equal(post_fixture(x, "/webhook/plane", "plane_issue_updated"), 503);
    assert_int_equal(post_fixture(x, "/webhook/gitea", "gitea_push"), 503);
    assert_int_equal(post_fixture(x, "/webhook/github", "gitea_push"), 503);
    assert_int_equal(stored(x), 0);
}

static void
W1_rotated_secret__the_old_one_is_still_good(void **state)
{
    const struct fake_answer a = { .rows = 1, .columns = 3, .names = columns, .cells = routed };
    struct endpoints        *x = *state;

    fake_db_push(x->db, CALL_receive_event, &a);
    assert_int_equal(post_fixture(x, "/webhook/plane", "plane_issue_updated"), 200);
}

static void
W6_body__that_is_no_JSON_object_is_400_and_no_row(void **state)
{
    struct endpoints *x = *state;

    assert_int_equal(post_signed(x, "application/json", "not json"), 400);
    assert_int_equal(post_signed(x, "application/json", "[1]"), 400);
    assert_int_equal(stored(x), 0);
}

static void
W6_content_type__other_than_JSON_is_415(void **state)
{
    static const char *const others[] = { "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "" };
    const struct fake_answer a = { .rows = 1, .columns = 3, .names = columns, .cells = routed };
    struct endpoints        *x = *state;

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(post_signed(x, others[i], "{}"), 415);
    assert_int_equal(stored(x), 0);
    fake_db_push(x->db, CALL_receive_event, &a);
    assert_int_equal(post_signed(x, "Application/JSON; charset=utf-8", "{}"), 200);
}

static void
W6_method__other_than_post_is_405_with_Allow(void **state)
{
    struct endpoints *x = *state;

    buf_add_str(&x->request, "GET /webhook/plane HTTP/1.1\r\nHost: x\r\n\r\n");
    client_run(x->loop, one_shot, x);
    assert_int_equal(x->answer.status, 405);
    assert_string_equal(answer_header(&x->answer, "Allow"), "POST");
}

/* Answers 202 at once, for a delivery that Postgres did not take. */
static void
spool_one(struct endpoints *x, const struct fake_answer *away)
{
    fake_db_set_up(x->db, false);
    fake_db_push(x->db, CALL_receive_event, away);
    assert_int_equal(post_fixture(x, "/webhook/gitea", "gitea_status_success"), 202);
    assert_non_null(strstr(x->answer.body, "\"status\":\"spooled\""));
}

static void
W4_database_away__is_202_and_the_delivery_is_applied_when_it_is_back(void **state)
{
    const struct fake_answer away = { .code = ERR_RETRY };
    struct endpoints        *x = *state;

    spool_one(x, &away);
    assert_int_equal(stored(x), 1);
    fake_db_set_up(x->db, true);
    assert_true(until(x->loop, is_applied, x));
    for (int i = 0; i < 6; i++)
        assert_string_equal(fake_db_param(x->db, CALL_receive_event, 1, i), fake_db_param(x->db, CALL_receive_event, 0, i));
}

static void
W4_next_delivery_of_the_lane__does_not_overtake_the_spool(void **state)
{
    const struct fake_answer away = { .code = ERR_RETRY };
    struct endpoints        *x = *state;

    spool_one(x, &away);
    /* Not even asked. */
    assert_int_equal(post_fixture(x, "/webhook/gitea", "gitea_push"), 202);
    assert_int_equal(stored(x), 1);
}

static void
W4_slow_database__is_202_after_a_while(void **state)
{
    struct endpoints *x = *state;

    fake_db_hang(x->db, CALL_receive_event, 1);
    assert_int_equal(post_fixture(x, "/webhook/gitea", "gitea_status_success"), 202);
    assert_true(until(x->loop, is_applied, x));
    assert_string_equal(fake_db_param(x->db, CALL_receive_event, 1, 1), fake_db_param(x->db, CALL_receive_event, 0, 1));
}

static void
W4_database_away_and_no_spool__is_503_with_Retry_After(void **state)
{
    const struct fake_answer a = { .code = ERR_RETRY };
    struct endpoints        *x = *state;

    for (int i = 0; i < 3; i++)
        fake_db_push(x->db, CALL_receive_event, &a);
    assert_int_equal(post_fixture(x, "/webhook/gitea", "gitea_status_success"), 503);
    assert_string_not_equal(answer_header(&x->answer, "Retry-After"), "");
    assert_string_equal(answer_header(&x->answer, "Content-Type"), "application/problem+json");
    assert_non_null(strstr(x->answer.body, "ORCH_SPOOL_MAX_DELIVERIES"));
}

static void
W5_address__that_sends_too_many_is_429_before_anything_is_looked_at(void **state)
{
    struct endpoints *x = *state;
    int               count = 0;

    /* On a slow machine some more flow in meanwhile. */
    while (post(x, "/webhook/plane", "", "{}", 2) == 401 && count < 10000)
        count++;
    assert_true(count >= x->config.webhook_rate_per_minute);
    assert_int_equal(x->answer.status, 429);
    assert_string_equal(answer_header(&x->answer, "Content-Type"), "application/problem+json");
    assert_in_range(atoi(answer_header(&x->answer, "Retry-After")), 1, 60);
}

static void
W3_deadlock__is_tried_again_before_the_answer(void **state)
{
    const struct fake_answer lost = { .code = ERR_RETRY };
    const struct fake_answer stored = { .rows = 1, .columns = 3, .names = columns, .cells = routed };
    struct endpoints        *x = *state;

    fake_db_push(x->db, CALL_receive_event, &lost);
    fake_db_push(x->db, CALL_receive_event, &stored);
    assert_int_equal(post_fixture(x, "/webhook/gitea", "gitea_status_success"), 200);
}

static void
W3_database_that_refuses__is_500_without_its_words(void **state)
{
    const struct fake_answer a = { .code = ERR_BUG };
    struct endpoints        *x = *state;

    fake_db_push(x->db, CALL_receive_event, &a);
    assert_int_equal(post_fixture(x, "/webhook/gitea", "gitea_status_success"), 500);
}

static void
W7_github_endpoint__knows_a_Gitea_behind_GitHubs_headers(void **state)
{
    const struct fake_answer a = { .rows = 1, .columns = 3, .names = columns, .cells = routed };
    struct endpoints        *x = *state;

    fake_db_push(x->db, CALL_receive_event, &a);
    assert_int_equal(post_fixture(x, "/webhook/github", "gitea_status_success"), 200);
    assert_string_equal(fake_db_param(x->db, CALL_receive_event, 0, 0), "github");
    assert_string_equal(fake_db_param(x->db, CALL_receive_event, 0, 2), "status");
}

static void
W1_github_endpoint__takes_the_prefixed_signature_only(void **state)
{
    const struct fake_answer a = { .rows = 1, .columns = 3, .names = columns, .cells = routed };
    struct endpoints        *x = *state;
    const char              *good = "Content-Type: application/json\r\nX-GitHub-Event: ping\r\nX-GitHub-Delivery: d-1\r\n"
                                    "X-Hub-Signature-256: sha256=" SIG_GITHUB_EMPTY "\r\n";
    const char *bare = "Content-Type: application/json\r\nX-GitHub-Event: ping\r\nX-Hub-Signature-256: " SIG_GITHUB_EMPTY "\r\n";

    assert_int_equal(post(x, "/webhook/github", bare, "{}", 2), 401);
    fake_db_push(x->db, CALL_receive_event, &a);
    assert_int_equal(post(x, "/webhook/github", good, "{}", 2), 200);
    assert_string_equal(fake_db_param(x->db, CALL_receive_event, 0, 0), "github");
    assert_string_equal(fake_db_param(x->db, CALL_receive_event, 0, 1), "d-1");
    assert_string_equal(fake_db_param(x->db, CALL_receive_event, 0, 2), "ping");
}

int
main(void)
{
#define WITH(test, setup) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH(W3_delivery__is_answered_with_what_SQL_said, setup),
        WITH(W2_duplicate__is_answered_200, setup),
        WITH(W1_signature__wrong_empty_or_absent_is_401_and_nothing_is_stored, setup),
        WITH(W1_no_secret__is_503_and_never_open, setup_without_secrets),
        WITH(W1_rotated_secret__the_old_one_is_still_good, setup_rotated),
        WITH(W6_body__that_is_no_JSON_object_is_400_and_no_row, setup),
        WITH(W6_content_type__other_than_JSON_is_415, setup),
        WITH(W6_method__other_than_post_is_405_with_Allow, setup),
        WITH(W4_database_away__is_202_and_the_delivery_is_applied_when_it_is_back, setup),
        WITH(W4_next_delivery_of_the_lane__does_not_overtake_the_spool, setup),
        WITH(W4_slow_database__is_202_after_a_while, setup_impatient),
        WITH(W4_database_away_and_no_spool__is_503_with_Retry_After, setup_without_spool),
        WITH(W5_address__that_sends_too_many_is_429_before_anything_is_looked_at, setup),
        WITH(W3_deadlock__is_tried_again_before_the_answer, setup),
        WITH(W3_database_that_refuses__is_500_without_its_words, setup),
        WITH(W7_github_endpoint__knows_a_Gitea_behind_GitHubs_headers, setup),
        WITH(W1_github_endpoint__takes_the_prefixed_signature_only, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
