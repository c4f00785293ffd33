/* api: each verb against a scripted peer, with the traps of its wire contract. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/gitea.h"
#include "api/plane.h"
#include "api/telegram.h"
#include "base/str.h"
#include "support/http_server.h"

enum { DEADLINE_MS = 60000 };
#define HEAD "9a8b7c6d5e4f30211223344556677889900aabbc"
#define PULL                                                                                                                               \
    "{\"number\":7,\"state\":\"open\",\"merged\":false,\"merge_commit_sha\":null,\"head\":{\"ref\":\"feature/a\",\"sha\":\"" HEAD          \
    "\"},\"base\":{\"ref\":\"main\"}}"

static struct {
    struct loop        *loop;
    struct loop_timer  *late;
    struct fetch       *fetch;
    struct http_server *server;
    struct plane       *plane;
    struct gitea       *gitea;
    struct telegram    *telegram;
    int                 calls;
    struct err          e;
    char                id[64], state_id[64], states[512], head_sha[64], merge_sha[64];
    int64_t             number, retry_after_ms;
    enum gitea_refusal  refusal;
    bool                is_open, is_merged, can_merge;
    char                hooks[256];
} w;

static const struct plane_item item = { .workspace = "acme", .project_id = "p-1", .issue_id = "i-1" };

static void
came(const struct err *e, int64_t retry_after_ms)
{
    w.calls++;
    w.e = e ? *e : (struct err)ERR_INIT;
    w.retry_after_ms = retry_after_ms;
    loop_quit(w.loop);
}

static void
on_plane(const struct plane_result *r, const struct err *e, void *arg)
{
    (void)arg;
    if (!e) {
        snprintf(w.id, sizeof(w.id), "%s", r->id);
        snprintf(w.state_id, sizeof(w.state_id), "%s", r->state_id);
        snprintf(w.states, sizeof(w.states), "%s", r->states ? json_text(r->states) : "");
    }
    came(e, r->retry_after_ms);
}

static void
on_gitea(const struct gitea_result *r, const struct err *e, void *arg)
{
    (void)arg;
    w.refusal = r->refusal;
    w.number = r->number;
    w.is_open = r->is_open;
    w.is_merged = r->is_merged;
    w.can_merge = r->can_merge;
    snprintf(w.hooks, sizeof(w.hooks), "%s", r->hooks ? json_text(r->hooks) : "");
    snprintf(w.head_sha, sizeof(w.head_sha), "%s", r->head_sha);
    snprintf(w.merge_sha, sizeof(w.merge_sha), "%s", r->merge_sha);
    came(e, r->retry_after_ms);
}

static void
on_telegram(const struct telegram_result *r, const struct err *e, void *arg)
{
    (void)arg;
    w.number = r->message_id;
    came(e, r->retry_after_ms);
}

static void
on_late(void *arg)
{
    (void)arg;
    w.late = NULL;
    loop_quit(w.loop);
}

static void
wait_answer(void)
{
    w.late = loop_after(w.loop, DEADLINE_MS, on_late, NULL);
    loop_run(w.loop);
    loop_timer_stop(w.late);
    w.late = NULL;
    assert_int_equal(w.calls, 1);
}

static void
serve(const struct http_reply *replies, size_t count)
{
    w.server = http_server_start(replies, count);
    w.plane = plane_new(w.fetch, http_server_url(w.server), "key");
    w.gitea = gitea_new(w.fetch, http_server_url(w.server), "tok");
    w.telegram = telegram_new(w.fetch, http_server_url(w.server), "123:secret", "-100123");
}

static int
set_up(void **state)
{
    struct fetch_options o = { .timeout_ms = DEADLINE_MS };
    struct err           e = ERR_INIT;
    (void)state;
    memset(&w, 0, sizeof(w));
    unsetenv("http_proxy");
    return loop_new(&w.loop, &e) || fetch_open(&w.fetch, w.loop, &o, &e);
}

static int
tear_down(void **state)
{
    (void)state;
    fetch_close(w.fetch);
    plane_free(w.plane);
    gitea_free(w.gitea);
    telegram_free(w.telegram);
    loop_free(w.loop);
    if (w.server)
        http_server_stop(w.server);
    return 0;
}

static void
sent(size_t at, const char *text)
{
    const char *request = http_server_request(w.server, at);
    if (!strstr(request, text))
        fail_msg("request %zu lacks \"%s\": %s", at, text, request);
}

/* --- the board ------------------------------------------------------------------------------------------------------------------------ */

static void
plane_me__reads_our_own_user(void **state)
{
    static const struct http_reply reply = { .status = 200, .body = "{\"id\":\"u-1\"}" };
    (void)state;
    serve(&reply, 1);
    plane_me(w.plane, on_plane, NULL);
    wait_answer();
    assert_int_equal(w.e.code, ERR_NONE);
    assert_string_equal(w.id, "u-1");
    sent(0, "GET /api/v1/users/me/ HTTP/1.1");
    sent(0, "X-API-Key: key\r\n");
}

static void
B2_plane_states__reads_every_page_with_the_same_per_page(void **state)
{
    static const struct http_reply replies[] = {
        { .status = 200,
          .body = "{\"next_cursor\":\"100:1:0\",\"next_page_results\":true,"
                  "\"results\":[{\"id\":\"a\",\"name\":\"STOP\",\"group\":\"cancelled\"}]}" },
        { .status = 200,
          .body = "{\"next_cursor\":\"100:2:0\",\"next_page_results\":false,"
                  "\"results\":[{\"id\":\"b\",\"name\":\"Done\",\"group\":\"completed\"}]}" },
    };
    (void)state;
    serve(replies, 2);
    plane_states(w.plane, "acme", "p-1", on_plane, NULL);
    wait_answer();
    assert_int_equal(w.e.code, ERR_NONE);
    assert_non_null(strstr(w.states, "STOP"));
    assert_non_null(strstr(w.states, "completed"));
    assert_int_equal(http_server_count(w.server), 2);
    sent(0, "GET /api/v1/workspaces/acme/projects/p-1/states/?per_page=100 HTTP/1.1");
    sent(1, "states/?per_page=100&cursor=100%3A1%3A0 HTTP/1.1");
}

static void
plane_states__ends_when_the_board_turns_in_circles(void **state)
{
    static const struct http_reply reply = { .status = 200,
                                             .body = "{\"next_cursor\":\"100:1:0\",\"next_page_results\":true,\"results\":[]}" };
    (void)state;
    serve(&reply, 1);
    plane_states(w.plane, "acme", "p-1", on_plane, NULL);
    wait_answer();
    assert_int_equal(w.e.code, ERR_RETRY);
    assert_int_equal(http_server_count(w.server), 2);
}

static void
plane_set_state__patches_the_slashed_path(void **state)
{
    static const struct http_reply reply = { .status = 200,
                                             .body = "{\"id\":\"i-1\",\"state\":\"s-2\",\"updated_at\":\"2026-03-02T10:05:12Z\"}" };
    (void)state;
    serve(&reply, 1);
    plane_set_state(w.plane, &item, "s-2", on_plane, NULL);
    wait_answer();
    assert_int_equal(w.e.code, ERR_NONE);
    assert_string_equal(w.state_id, "s-2");
    sent(0, "PATCH /api/v1/workspaces/acme/projects/p-1/issues/i-1/ HTTP/1.1");
    sent(0, "{\"state\":\"s-2\"}");
}

static void
plane__names_a_redirect_and_does_not_follow_it(void **state)
{
    static const struct http_reply reply = { .status = 301, .headers = "Location: /api/v1/x/\r\n" };
    (void)state;
    serve(&reply, 1);
    plane_get_item(w.plane, &item, on_plane, NULL);
    wait_answer();
    assert_int_equal(w.e.code, ERR_INVALID);
    assert_non_null(strstr(w.e.text, "301, a redirect"));
    assert_int_equal(http_server_count(w.server), 1);
}

static void
O1_plane_comment__that_is_there_already_is_success(void **state)
{
    static const struct http_reply reply = { .status = 409, .body = "{\"error\":\"exists\",\"id\":\"c-9\"}" };
    (void)state;
    serve(&reply, 1);
    plane_comment(w.plane, &item, "a < b & c\nd", "effect-5@3", on_plane, NULL);
    wait_answer();
    assert_int_equal(w.e.code, ERR_NONE);
    assert_string_equal(w.id, "c-9");
    sent(0, "POST /api/v1/workspaces/acme/projects/p-1/issues/i-1/comments/ HTTP/1.1");
    sent(0, "\"external_id\":\"effect-5@3\"");
    sent(0, "a &lt; b &amp; c<br>d");
}

static void
plane__asks_for_a_retry_when_the_answer_is_no_json(void **state)
{
    static const struct http_reply reply = { .status = 200, .headers = "Content-Type: text/html\r\n", .body = "<html>hello</html>" };
    (void)state;
    serve(&reply, 1);
    plane_get_item(w.plane, &item, on_plane, NULL);
    wait_answer();
    assert_int_equal(w.e.code, ERR_RETRY);
    assert_non_null(strstr(w.e.text, "an HTML page"));
}

static void
plane__asks_for_a_retry_when_the_json_is_of_another_shape(void **state)
{
    static const struct http_reply replies[] = { { .status = 200, .body = "{\"state\":5}" } };
    (void)state;
    serve(replies, 1);
    plane_get_item(w.plane, &item, on_plane, NULL);
    wait_answer();
    assert_int_equal(w.e.code, ERR_RETRY);
}

static void
plane__obeys_a_rate_limit(void **state)
{
    static const struct http_reply reply = { .status = 429,
                                             .headers = "Retry-After: 7\r\n",
                                             .body = "{\"error_code\":5900,\"error_message\":\"RATE_LIMIT_EXCEEDED\"}" };
    (void)state;
    serve(&reply, 1);
    plane_get_item(w.plane, &item, on_plane, NULL);
    wait_answer();
    assert_int_equal(w.e.code, ERR_RETRY);
    assert_int_equal(w.retry_after_ms, 7000);
    assert_non_null(strstr(w.e.text, "RATE_LIMIT_EXCEEDED"));
}

static void
plane__tells_a_refusal_from_an_absence(void **state)
{
    static const struct http_reply replies[] = { { .status = 403, .body = "{\"detail\":\"Given API token is not valid\"}" },
                                                 { .status = 404, .body = "{\"error\":\"gone\"}" } };
    (void)state;
    serve(replies, 2);
    plane_get_item(w.plane, &item, on_plane, NULL);
    wait_answer();
    assert_int_equal(w.e.code, ERR_DENIED);
    w.calls = 0;
    plane_get_item(w.plane, &item, on_plane, NULL);
    wait_answer();
    assert_int_equal(w.e.code, ERR_GONE);
}

/* --- the forge ------------------------------------------------------------------------------------------------------------------------ */

static void
gitea_open_pull__names_the_one_that_exists(void **state)
{
    static const struct http_reply reply = {
        .status = 409, .body = "{\"message\":\"pull request already exists for these targets [id: 88, issue_id: 7, head_repo_id: 31]\"}"
    };
    (void)state;
    serve(&reply, 1);
    gitea_open_pull(w.gitea, "acme/app", "main", "feature/a", "T", "B", on_gitea, NULL);
    wait_answer();
    assert_int_equal(w.refusal, GITEA_EXISTS);
    assert_int_equal(w.number, 7);
    assert_int_equal(w.e.code, ERR_INVALID);
    sent(0, "POST /api/v1/repos/acme/app/pulls HTTP/1.1");
    sent(0, "Authorization: token tok\r\n");
}

static void
gitea_find_pull__encodes_both_branches(void **state)
{
    static const struct http_reply reply = { .status = 200, .body = PULL };
    (void)state;
    serve(&reply, 1);
    gitea_find_pull(w.gitea, "acme/app", "rel/1", "feature/ä#?%", on_gitea, NULL);
    wait_answer();
    assert_int_equal(w.e.code, ERR_NONE);
    assert_int_equal(w.number, 7);
    assert_string_equal(w.head_sha, HEAD);
    assert_true(w.is_open);
    sent(0, "GET /api/v1/repos/acme/app/pulls/rel%2F1/feature%2F%C3%A4%23%3F%25 HTTP/1.1");
}

static void
M3_gitea_merge__takes_200_and_not_201_for_merged(void **state)
{
    static const struct http_reply replies[] = { { .status = 200 }, { .status = 201 } };
    (void)state;
    serve(replies, 2);
    gitea_merge(w.gitea, "acme/app", 7, HEAD, on_gitea, NULL);
    wait_answer();
    assert_int_equal(w.e.code, ERR_NONE);
    sent(0, "\"head_commit_id\":\"" HEAD "\"");
    sent(0, "\"Do\":\"merge\"");
    sent(0, "\"delete_branch_after_merge\":false");
    w.calls = 0;
    gitea_merge(w.gitea, "acme/app", 7, HEAD, on_gitea, NULL);
    wait_answer();
    assert_int_equal(w.e.code, ERR_RETRY);
}

static void
gitea_merge__sorts_the_refusals(void **state)
{
    static const struct http_reply replies[] = {
        { .status = 405, .body = "{\"message\":\"Please try again later\"}" },
        { .status = 405, .body = "" },
        { .status = 409, .body = "{\"message\":\"head out of date\"}" },
        { .status = 409, .body = "{\"message\":\"merge push out of date\"}" },
        { .status = 409, .body = "{\"Style\":\"merge\",\"StdOut\":\"CONFLICT\",\"StdErr\":\"\",\"Err\":{}}" },
        { .status = 409, .headers = "Content-Type: text/html\r\n", .body = "<html>CONFLICT</html>" },
        { .status = 500, .body = "{\"message\":\"\"}" },
    };
    static const struct {
        enum err_code      code;
        enum gitea_refusal refusal;
    } want[] = { { ERR_RETRY, GITEA_NOT_NOW },    { ERR_RETRY, GITEA_NOT_NOW },    { ERR_INVALID, GITEA_HEAD_MOVED },
                 { ERR_RETRY, GITEA_NO_REFUSAL }, { ERR_INVALID, GITEA_CONFLICT }, { ERR_RETRY, GITEA_NO_REFUSAL },
                 { ERR_RETRY, GITEA_NO_REFUSAL } };
    (void)state;
    serve(replies, 7);
    for (size_t i = 0; i < 7; i++) {
        w.calls = 0;
        gitea_merge(w.gitea, "acme/app", 7, HEAD, on_gitea, NULL);
        wait_answer();
        assert_int_equal(w.e.code, want[i].code);
        assert_int_equal(w.refusal, want[i].refusal);
    }
}

static void
S4_gitea_delete_branch__of_an_absent_branch_is_success(void **state)
{
    static const struct http_reply replies[] = { { .status = 204 },
                                                 { .status = 404, .body = "{\"message\":\"not found\"}" },
                                                 { .status = 403, .body = "{\"message\":\"branch protected\"}" } };
    static const enum err_code     want[] = { ERR_NONE, ERR_NONE, ERR_DENIED };
    (void)state;
    serve(replies, 3);
    for (size_t i = 0; i < 3; i++) {
        w.calls = 0;
        gitea_delete_branch(w.gitea, "acme/app", "feature/a b", on_gitea, NULL);
        wait_answer();
        assert_int_equal(w.e.code, want[i]);
    }
    sent(0, "DELETE /api/v1/repos/acme/app/branches/feature%2Fa%20b HTTP/1.1");
}

static void
C3_gitea_branch__tells_whether_we_may_merge(void **state)
{
    static const struct http_reply replies[] = {
        { .status = 200, .body = "{\"name\":\"main\",\"commit\":{\"id\":\"" HEAD "\"},\"user_can_push\":false,\"user_can_merge\":true}" },
        { .status = 200, .body = "{\"name\":\"main\",\"commit\":{\"id\":\"" HEAD "\"},\"user_can_merge\":false}" },
        { .status = 200, .body = "{}" },
        { .status = 404, .body = "{\"message\":\"not found\"}" }
    };
    static const enum err_code want[] = { ERR_NONE, ERR_NONE, ERR_RETRY, ERR_GONE };
    (void)state;
    serve(replies, 4);
    for (size_t i = 0; i < 4; i++) {
        w.calls = 0;
        gitea_branch(w.gitea, "acme/app", "rel/1", on_gitea, NULL);
        wait_answer();
        assert_int_equal(w.e.code, want[i]);
        assert_int_equal(w.can_merge, i == 0);
    }
    sent(0, "GET /api/v1/repos/acme/app/branches/rel%2F1 HTTP/1.1");
}

static void
C3_gitea_hooks__are_told_as_the_forge_has_them(void **state)
{
    static const struct http_reply replies[] = {
        { .status = 200, .body = "[{\"id\":5,\"active\":true,\"config\":{\"url\":\"https://x/webhook/gitea\"}}]" },
        { .status = 200, .body = "[]" },
        { .status = 200, .body = "{}" },
        { .status = 403, .body = "{\"message\":\"user should be an owner\"}" }
    };
    static const enum err_code want[] = { ERR_NONE, ERR_NONE, ERR_RETRY, ERR_DENIED };
    (void)state;
    serve(replies, 4);
    for (size_t i = 0; i < 4; i++) {
        w.calls = 0;
        gitea_hooks(w.gitea, "acme/app", on_gitea, NULL);
        wait_answer();
        assert_int_equal(w.e.code, want[i]);
        if (i < 2)
            assert_string_equal(w.hooks, replies[i].body);
    }
    sent(0, "GET /api/v1/repos/acme/app/hooks?limit=50 HTTP/1.1");
}

/* --- the messenger -------------------------------------------------------------------------------------------------------------------- */

static void
telegram_send__escapes_and_links_the_work_item(void **state)
{
    static const struct http_reply    reply = { .status = 200, .body = "{\"ok\":true,\"result\":{\"message_id\":501}}" };
    static const struct telegram_text text = { .text = "ORCH-042 <b> & \"x\"", .url = "https://x/?a=1&b=2", .word = "ORCH-042" };
    struct buf                        html = { 0 };
    (void)state;
    serve(&reply, 1);
    telegram_send(w.telegram, &text, on_telegram, NULL);
    wait_answer();
    assert_int_equal(w.e.code, ERR_NONE);
    assert_int_equal(w.number, 501);
    sent(0, "POST /bot123:secret/sendMessage HTTP/1.1");
    sent(0, "\"parse_mode\":\"HTML\"");
    telegram_render(&html, &text);
    assert_string_equal(html.data, "<a href=\"https://x/?a=1&amp;b=2\">ORCH-042</a> &lt;b&gt; &amp; &quot;x&quot;");
    buf_fini(&html);
}

static void
telegram_render__cuts_before_it_escapes(void **state)
{
    char                 long_text[9001];
    struct telegram_text text = { .text = long_text };
    struct buf           html = { 0 };
    (void)state;
    memset(long_text, '&', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    telegram_render(&html, &text);
    assert_int_equal(html.len, 4000 * 5 + 3);
    assert_string_equal(html.data + html.len - 8, "&amp;…");
    buf_fini(&html);
}

static void
telegram_render__keeps_within_what_the_messenger_takes(void **state)
{
    char                 text_of_quotes[9001], url[1401] = "https://x/";
    struct telegram_text text = { .text = text_of_quotes, .url = url, .word = "ORCH-042" };
    struct buf           html = { 0 };
    (void)state;
    memset(text_of_quotes, '"', sizeof(text_of_quotes) - 1);
    text_of_quotes[sizeof(text_of_quotes) - 1] = '\0';
    memset(url + strlen(url), '"', sizeof(url) - 1 - strlen(url));
    telegram_render(&html, &text);
    assert_non_null(strstr(html.data, "…\n<a href="));
    assert_true(html.len <= 32768);
    buf_fini(&html);
}

static void
telegram__never_shows_its_token(void **state)
{
    static const struct telegram_text text = { .text = "x" };
    struct telegram                  *t = telegram_new(w.fetch, "http://127.0.0.1:1", "123:secret", "@name");
    (void)state;
    telegram_send(t, &text, on_telegram, NULL);
    wait_answer();
    assert_int_equal(w.e.code, ERR_RETRY);
    assert_null(strstr(w.e.text, "secret"));
    telegram_free(t);
}

static void
telegram__obeys_retry_after_and_tells_refusals_apart(void **state)
{
    static const struct http_reply replies[] = {
        { .status = 429,
          .body = "{\"ok\":false,\"error_code\":429,\"description\":\"Too Many Requests: retry after 14\","
                  "\"parameters\":{\"retry_after\":14}}" },
        { .status = 400,
          .body =
              "{\"ok\":false,\"error_code\":400,\"description\":\"Bad Request: message is not modified: specified new message content\"}" },
        { .status = 400, .body = "{\"ok\":false,\"error_code\":400,\"description\":\"Bad Request: message to edit not found\"}" },
        { .status = 404, .body = "{\"ok\":false,\"error_code\":404,\"description\":\"Not Found\"}" },
        { .status = 200, .body = "{\"ok\":false,\"description\":\"strange\"}" },
        { .status = 400, .body = "{\"ok\":false,\"description\":\"Bad Request: upgraded\",\"parameters\":{\"migrate_to_chat_id\":-1009}}" },
    };
    static const enum err_code        want[] = { ERR_RETRY, ERR_NONE, ERR_GONE, ERR_DENIED, ERR_RETRY, ERR_INVALID };
    static const struct telegram_text text = { .text = "x" };
    (void)state;
    serve(replies, 6);
    for (size_t i = 0; i < 6; i++) {
        w.calls = 0;
        telegram_edit(w.telegram, 9, &text, on_telegram, NULL);
        wait_answer();
        assert_int_equal(w.e.code, want[i]);
        if (i == 0)
            assert_int_equal(w.retry_after_ms, 14000);
    }
}

static void
api_cancel__silences_the_callback(void **state)
{
    static const struct http_reply reply = { .status = 200, .body = "{\"id\":\"u-1\"}" };
    (void)state;
    serve(&reply, 1);
    api_cancel(plane_me(w.plane, on_plane, NULL));
    w.late = loop_after(w.loop, 200, on_late, NULL);
    loop_run(w.loop);
    assert_int_equal(w.calls, 0);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(plane_me__reads_our_own_user),
        T(B2_plane_states__reads_every_page_with_the_same_per_page),
        T(plane_states__ends_when_the_board_turns_in_circles),
        T(plane_set_state__patches_the_slashed_path),
        T(plane__names_a_redirect_and_does_not_follow_it),
        T(O1_plane_comment__that_is_there_already_is_success),
        T(plane__asks_for_a_retry_when_the_answer_is_no_json),
        T(plane__asks_for_a_retry_when_the_json_is_of_another_shape),
        T(plane__obeys_a_rate_limit),
        T(plane__tells_a_refusal_from_an_absence),
        T(gitea_open_pull__names_the_one_that_exists),
        T(gitea_find_pull__encodes_both_branches),
        T(M3_gitea_merge__takes_200_and_not_201_for_merged),
        T(gitea_merge__sorts_the_refusals),
        T(S4_gitea_delete_branch__of_an_absent_branch_is_success),
        T(C3_gitea_branch__tells_whether_we_may_merge),
        T(C3_gitea_hooks__are_told_as_the_forge_has_them),
        T(telegram_send__escapes_and_links_the_work_item),
        T(telegram_render__cuts_before_it_escapes),
        T(telegram_render__keeps_within_what_the_messenger_takes),
        T(telegram__never_shows_its_token),
        T(telegram__obeys_retry_after_and_tells_refusals_apart),
        T(api_cancel__silences_the_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
