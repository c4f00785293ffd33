/* outbox: effects handed out by a fake database, delivered to a scripted peer and a fake git, reported back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "outbox/outbox.h"
#include "support/fake_db.h"
#include "support/http_server.h"

enum { DEADLINE_MS = 10000 };
#define HEAD "9a8b7c6d5e4f30211223344556677889900aabbc"
#define PULL(state, merged, sha)                                                                                                           \
    "{\"number\":7,\"state\":\"" state "\",\"merged\":" merged                                                                             \
    ",\"merge_commit_sha\":\"m1\",\"head\":{\"ref\":\"feature/a\",\"sha\":\"" sha "\"},\"base\":{\"ref\":\"main\"}}"
#define CONTEXT                                                                                                                            \
    "{\"task_id\":3,\"work_item\":\"ORCH-042\",\"branch\":\"feature/a\",\"plane_issue_id\":\"i-1\",\"repo\":\"acme/app\","                 \
    "\"clone_url\":\"file:///x\","                                                                                                         \
    "\"default_branch\":\"main\",\"workspace\":\"acme\",\"plane_project_id\":\"p-1\",\"pull_number\":7}"

static struct {
    struct loop        *loop;
    struct fetch       *fetch;
    struct http_server *server;
    struct db          *db;
    struct outbox      *outbox;
    struct config       cfg;
    struct loop_timer  *late, *look;
    bool (*is_over)(void);
    bool               was_late;
    int                drained;
    struct fake_answer claimed[8];
    const char        *cells[8][7];
    int                claimed_count;
} w;

/* --- a git that says yes -------------------------------------------------------------------------------------------------------------- */

struct git_job {
    git_fn            *fn;
    void              *arg;
    struct git_result  r;
    struct loop_timer *timer;
};

static struct {
    int             started, checked;
    bool            is_merged, is_silent;
    char            what[256];
    struct git_job *jobs[8];
    int             job_count;
} fake_git;

static void
on_git(void *arg)
{
    struct git_job *j = arg;
    j->timer = NULL;
    if (j->fn)
        j->fn(&j->r, NULL, j->arg);
}

static struct git_job *
new_job(const struct git_target *t, const char *what, struct json *info, git_fn *fn, void *arg)
{
    struct git_job *j = xcalloc(1, sizeof(*j));
    snprintf(fake_git.what, sizeof(fake_git.what), "%s %s %s %d", what, t->repo, t->branch, (int)t->task_id);
    snprintf(j->r.head, sizeof(j->r.head), "%s", HEAD);
    snprintf(j->r.base, sizeof(j->r.base), "%s", HEAD);
    j->r.info = info;
    j->fn = fn;
    j->arg = arg;
    if (!fake_git.is_silent)
        j->timer = loop_after(w.loop, 0, on_git, j);
    fake_git.jobs[fake_git.job_count++] = j;
    return j;
}

struct git_job *
git_start_branch(struct git *g, const struct git_target *t, const char *path, const char *content, const char *message, git_fn *fn,
                 void *arg)
{
    (void)g;
    (void)path;
    (void)content;
    (void)message;
    fake_git.started++;
    return new_job(t, "start", NULL, fn, arg);
}

struct git_job *
git_archive(struct git *g, const struct git_target *t, const char *work_item, git_fn *fn, void *arg)
{
    struct json *info = json_new_object();
    (void)g;
    json_set_str(info, "path", work_item);
    json_set_int(info, "files", 2);
    return new_job(t, "archive", info, fn, arg);
}

struct git_job *
git_remove_worktree(struct git *g, const struct git_target *t, git_fn *fn, void *arg)
{
    (void)g;
    return new_job(t, "remove", NULL, fn, arg);
}

struct git_job *
git_check_merged(struct git *g, const struct git_target *t, const char *commit, git_fn *fn, void *arg)
{
    struct json *info = json_new_object();
    (void)g;
    assert_string_equal(commit, HEAD);
    fake_git.checked++;
    json_set_bool(info, "is_merged", fake_git.is_merged);
    return new_job(t, "check", info, fn, arg);
}

int
git_check_branch(const char *name, const char *default_branch, struct err *e)
{
    if (str_equal(name, default_branch))
        err_set(e, ERR_DENIED, "branch \"%s\" is protected", name);
    return e->code;
}

void
git_forget(struct git_job *j)
{
    j->fn = NULL;
}

/* --- scaffolding ---------------------------------------------------------------------------------------------------------------------- */

static const char *const columns[] = { "effect_id", "token", "kind", "attempts", "task_id", "payload", "context" };

static void
hand_out(const char *id, const char *token, const char *kind, const char *payload)
{
    int               n = w.claimed_count++;
    const char *const row[] = { id, token, kind, "1", "3", payload, CONTEXT };
    memcpy(w.cells[n], row, sizeof(row));
    w.claimed[n] = (struct fake_answer){ .rows = 1, .columns = 7, .names = columns, .cells = w.cells[n] };
    fake_db_push(w.db, CALL_claim_effects, &w.claimed[n]);
}

static int
set_up(void **state)
{
    struct fetch_options o = { .timeout_ms = 5000 };
    struct err           e = ERR_INIT;
    (void)state;
    memset(&w, 0, sizeof(w));
    memset(&fake_git, 0, sizeof(fake_git));
    unsetenv("http_proxy");
    if (loop_new(&w.loop, &e) || fetch_open(&w.fetch, w.loop, &o, &e))
        return -1;
    w.db = fake_db_new(w.loop);
    w.cfg.outbox_interval = 60000;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    outbox_close(w.outbox);
    fetch_close(w.fetch);
    fake_db_free(w.db);
    loop_timer_stop(w.look);
    for (int i = 0; i < fake_git.job_count; i++) {
        loop_timer_stop(fake_git.jobs[i]->timer);
        json_free(fake_git.jobs[i]->r.info);
        free(fake_git.jobs[i]);
    }
    loop_free(w.loop);
    if (w.server)
        http_server_stop(w.server);
    return 0;
}

static void
begin_anew(void **state)
{
    tear_down(state);
    assert_int_equal(set_up(state), 0);
}

static void
open_outbox(const struct http_reply *replies, size_t count)
{
    struct err e = ERR_INIT;
    if (replies) {
        static char key[] = "1:k", chat[] = "@c";
        w.server = http_server_start(replies, count);
        w.cfg.plane_url = (char *)(uintptr_t)http_server_url(w.server);
        w.cfg.gitea_url = w.cfg.plane_url;
        w.cfg.telegram_url = w.cfg.plane_url;
        w.cfg.plane_token = key;
        w.cfg.gitea_token = key;
        w.cfg.telegram_token = key;
        w.cfg.telegram_chat = chat;
    }
    assert_int_equal(outbox_open(&w.outbox, w.loop, w.db, w.fetch, NULL, &w.cfg, "n1", &e), 0);
}

static void
on_late(void *arg)
{
    (void)arg;
    w.late = NULL;
    w.was_late = true;
    loop_quit(w.loop);
}

static void
on_look(void *arg)
{
    (void)arg;
    if (w.is_over())
        loop_quit(w.loop);
}

static void
run_until(bool (*is_over)(void))
{
    w.is_over = is_over;
    w.look = loop_every(w.loop, 5, on_look, NULL);
    w.late = loop_after(w.loop, DEADLINE_MS, on_late, NULL);
    loop_run(w.loop);
    loop_timer_stop(w.late);
    loop_timer_stop(w.look);
    w.late = w.look = NULL;
    assert_false(w.was_late);
}

static bool
is_reported(void)
{
    return fake_db_count(w.db, CALL_effect_done) + fake_db_count(w.db, CALL_effect_failed) + fake_db_count(w.db, CALL_effect_skipped) > 0;
}

static void
has(enum db_call_id id, int param, const char *part)
{
    const char *text = fake_db_param(w.db, id, 0, param);
    if (!text || !strstr(text, part))
        fail_msg("\"%s\" lacks \"%s\"", text ? text : "(no such call)", part);
}

/* --- the board ------------------------------------------------------------------------------------------------------------------------ */

static void
O1_outbox__delivers_a_comment_with_the_effects_id(void **state)
{
    static const struct http_reply reply = { .status = 201, .body = "{\"id\":\"c-1\"}" };
    (void)state;
    hand_out("5", "t-1", "board_comment", "{\"text\":\"hello\"}");
    open_outbox(&reply, 1);
    run_until(is_reported);
    has(CALL_claim_effects, 0, "n1");
    has(CALL_claim_effects, 1, "16");
    has(CALL_claim_effects, 2, "{}");
    has(CALL_effect_done, 0, "5");
    has(CALL_effect_done, 1, "t-1");
    has(CALL_effect_done, 2, "\"comment_id\":\"c-1\"");
    assert_non_null(strstr(http_server_request(w.server, 0), "effect-5@3"));
}

static void
O3_outbox__skips_what_has_no_channel_and_names_the_setting(void **state)
{
    static const struct {
        const char *kind, *setting;
    } want[] = { { "board_comment", "ORCH_PLANE_URL" },
                 { "board_status", "ORCH_PLANE_URL" },
                 { "alert", "ORCH_TELEGRAM_TOKEN" },
                 { "pull_merge", "ORCH_GITEA_URL" },
                 { "branch_delete", "ORCH_GITEA_URL" } };
    for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
        begin_anew(state);
        hand_out("5", "t-1", want[i].kind, "{}");
        open_outbox(NULL, 0);
        run_until(is_reported);
        has(CALL_effect_skipped, 2, want[i].setting);
    }
}

static void
B4_outbox__does_not_write_over_a_stop(void **state)
{
    static const struct http_reply reply = { .status = 200, .body = "{\"state\":\"s-stop\",\"updated_at\":\"x\"}" };
    (void)state;
    hand_out("5", "t-1", "board_status", "{\"key\":\"review\",\"state_id\":\"s-2\",\"stop_state_id\":\"s-stop\"}");
    open_outbox(&reply, 1);
    run_until(is_reported);
    has(CALL_effect_skipped, 2, "the issue is in STOP");
    assert_int_equal(http_server_count(w.server), 1);
}

static void
B4_outbox__writes_a_status_only_when_it_differs(void **state)
{
    static const struct http_reply replies[] = {
        { .status = 200, .body = "{\"state\":\"s-1\",\"updated_at\":\"x\"}" },
        { .status = 200, .body = "{\"state\":\"s-2\",\"updated_at\":\"y\"}" },
        { .status = 200, .body = "{\"state\":\"s-2\",\"updated_at\":\"y\"}" },
    };
    (void)state;
    hand_out("5", "t-1", "board_status", "{\"key\":\"review\",\"state_id\":\"s-2\",\"stop_state_id\":null}");
    open_outbox(replies, 3);
    run_until(is_reported);
    has(CALL_effect_done, 2, "\"updated_at\":\"y\"");
    assert_int_equal(http_server_count(w.server), 2);
}

static void
outbox__skips_a_status_that_the_board_has_not(void **state)
{
    static const struct http_reply reply = { .status = 200, .body = "{}" };
    (void)state;
    hand_out("5", "t-1", "board_status", "{\"key\":\"needs_input\",\"state_id\":null}");
    open_outbox(&reply, 1);
    run_until(is_reported);
    has(CALL_effect_skipped, 2, "no status for \"needs_input\"");
    assert_int_equal(http_server_count(w.server), 0);
}

static void
O1_outbox__passes_retry_after_on(void **state)
{
    static const struct http_reply reply = { .status = 429, .headers = "Retry-After: 9\r\n", .body = "{}" };
    (void)state;
    hand_out("5", "t-1", "board_comment", "{\"text\":\"hello\"}");
    open_outbox(&reply, 1);
    run_until(is_reported);
    has(CALL_effect_failed, 3, "9000");
    has(CALL_effect_failed, 4, "false");
}

static void
outbox__gives_up_on_an_issue_that_is_gone(void **state)
{
    static const struct http_reply reply = { .status = 404, .body = "{\"error\":\"The requested resource does not exist.\"}" };
    (void)state;
    hand_out("5", "t-1", "board_comment", "{\"text\":\"hello\"}");
    open_outbox(&reply, 1);
    run_until(is_reported);
    assert_null(fake_db_param(w.db, CALL_effect_failed, 0, 3));
    has(CALL_effect_failed, 4, "true");
}

/* --- the messenger -------------------------------------------------------------------------------------------------------------------- */

static void
O2_outbox__sends_a_new_card_when_the_old_one_is_gone(void **state)
{
    static const struct http_reply replies[] = {
        { .status = 400, .body = "{\"ok\":false,\"description\":\"Bad Request: message to edit not found\"}" },
        { .status = 200, .body = "{\"ok\":true,\"result\":{\"message_id\":77}}" },
    };
    (void)state;
    hand_out("5", "t-1", "card", "{\"text\":\"hello\",\"url\":null,\"message_id\":\"12\"}");
    open_outbox(replies, 2);
    run_until(is_reported);
    has(CALL_effect_done, 2, "\"message_id\":77");
}

/* --- the forge ------------------------------------------------------------------------------------------------------------------------ */

static void
outbox__finds_the_pull_request_that_exists(void **state)
{
    static const struct http_reply replies[] = {
        { .status = 409, .body = "{\"message\":\"pull request already exists for these targets [id: 88, issue_id: 7]\"}" },
        { .status = 200, .body = PULL("closed", "false", HEAD) },
        { .status = 200, .body = PULL("open", "false", HEAD) },
    };
    (void)state;
    hand_out("5", "t-1", "pull_open", "{\"title\":\"T\",\"body\":\"B\",\"head\":\"" HEAD "\"}");
    open_outbox(replies, 3);
    run_until(is_reported);
    has(CALL_effect_done, 2, "\"number\":7");
    has(CALL_effect_done, 2, HEAD);
    assert_non_null(strstr(http_server_request(w.server, 2), "/pulls/7 HTTP"));
}

static void
M3_outbox__takes_405_for_merged_when_the_forge_says_so_and_git_agrees(void **state)
{
    static const struct http_reply replies[] = {
        { .status = 200, .body = PULL("open", "false", HEAD) },
        { .status = 405, .body = "" },
        { .status = 200, .body = PULL("closed", "true", HEAD) },
    };
    (void)state;
    fake_git.is_merged = true;
    hand_out("5", "t-1", "pull_merge", "{\"number\":7,\"head\":\"" HEAD "\"}");
    open_outbox(replies, 3);
    run_until(is_reported);
    has(CALL_effect_done, 2, "\"merge_sha\":\"m1\"");
    assert_int_equal(fake_git.checked, 1);
}

static void
M3_outbox__does_not_believe_a_merge_that_git_does_not_see(void **state)
{
    static const struct http_reply reply = { .status = 200, .body = PULL("closed", "true", HEAD) };
    (void)state;
    hand_out("5", "t-1", "pull_merge", "{\"number\":7,\"head\":\"" HEAD "\"}");
    open_outbox(&reply, 1);
    run_until(is_reported);
    has(CALL_effect_failed, 2, "not in the fetched default branch");
    has(CALL_effect_failed, 4, "false");
    assert_int_equal(http_server_count(w.server), 1);
}

static void
outbox__tries_a_merge_again_later_when_the_forge_asks(void **state)
{
    static const struct http_reply replies[] = {
        { .status = 200, .body = PULL("open", "false", HEAD) },
        { .status = 405, .body = "{\"message\":\"Please try again later\"}" },
        { .status = 200, .body = PULL("open", "false", HEAD) },
    };
    (void)state;
    hand_out("5", "t-1", "pull_merge", "{\"number\":7,\"head\":\"" HEAD "\"}");
    open_outbox(replies, 3);
    run_until(is_reported);
    has(CALL_effect_failed, 2, "Please try again later");
    has(CALL_effect_failed, 4, "false");
}

static void
M3_outbox__never_merges_another_head(void **state)
{
    static const struct http_reply reply = { .status = 200, .body = PULL("open", "false", "0000000000000000000000000000000000000000") };
    (void)state;
    hand_out("5", "t-1", "pull_merge", "{\"number\":7,\"head\":\"" HEAD "\"}");
    open_outbox(&reply, 1);
    run_until(is_reported);
    assert_int_equal(strncmp(fake_db_param(w.db, CALL_effect_failed, 0, 2), "head moved:", 11), 0);
    has(CALL_effect_failed, 4, "true");
    assert_int_equal(http_server_count(w.server), 1);
}

static void
S4_outbox__refuses_to_delete_the_default_branch(void **state)
{
    static const struct http_reply reply = { .status = 204 };
    (void)state;
    hand_out("5", "t-1", "branch_delete", "{\"branch\":\"main\"}");
    open_outbox(&reply, 1);
    run_until(is_reported);
    has(CALL_effect_failed, 4, "true");
    assert_int_equal(http_server_count(w.server), 0);
}

/* --- git ------------------------------------------------------------------------------------------------------------------------------ */

static void
S4_outbox__archives_and_cleans_up_without_any_channel(void **state)
{
    static const char *const kinds[] = { "archive", "worktree_remove" };
    for (size_t i = 0; i < 2; i++) {
        begin_anew(state);
        hand_out("5", "t-1", kinds[i], "{}");
        open_outbox(NULL, 0);
        run_until(is_reported);
        has(CALL_effect_done, 0, "5");
    }
}

static void
P4_outbox__starts_a_task_on_the_forge(void **state)
{
    (void)state;
    hand_out("5", "t-1", "task_start", "{\"path\":\"docs/x.md\",\"content\":\"c\",\"message\":\"m\"}");
    open_outbox(NULL, 0);
    run_until(is_reported);
    has(CALL_effect_done, 2, "\"head\":\"" HEAD "\"");
    assert_string_equal(fake_git.what, "start acme/app feature/a 3");
}

/* --- the dispatcher ------------------------------------------------------------------------------------------------------------------- */

static bool
is_reported_twice(void)
{
    return fake_db_count(w.db, CALL_effect_done) >= 2;
}

static void
outbox__repeats_a_report_while_postgres_is_away(void **state)
{
    static const struct fake_answer away = { .code = ERR_RETRY };
    (void)state;
    hand_out("5", "t-1", "archive", "{}");
    fake_db_push(w.db, CALL_effect_done, &away);
    open_outbox(NULL, 0);
    run_until(is_reported_twice);
    assert_string_equal(fake_db_param(w.db, CALL_effect_done, 1, 1), "t-1");
}

static bool
is_claimed_again(void)
{
    return fake_db_count(w.db, CALL_claim_effects) >= 2;
}

static bool
is_claimed(void)
{
    return fake_db_count(w.db, CALL_claim_effects) >= 1;
}

static void
outbox__looks_again_when_the_doorbell_rings(void **state)
{
    (void)state;
    open_outbox(NULL, 0);
    run_until(is_claimed);
    fake_db_notify(w.db, "orch_effects", NULL);
    run_until(is_claimed_again);
}

static bool
has_two_claims_answered(void)
{
    return w.claimed_count == 2 && fake_db_count(w.db, CALL_claim_effects) >= 2;
}

static bool
is_started(void)
{
    return fake_git.job_count > 0;
}

static void
outbox__gives_a_slow_attempt_its_new_token(void **state)
{
    (void)state;
    fake_git.is_silent = true;
    hand_out("5", "t-1", "archive", "{}");
    hand_out("5", "t-2", "archive", "{}");
    open_outbox(NULL, 0);
    run_until(is_started);
    fake_db_notify(w.db, "orch_effects", "");
    run_until(has_two_claims_answered);
    assert_int_equal(fake_git.job_count, 1); /* it was not started twice */
    fake_git.jobs[0]->timer = loop_after(w.loop, 20, on_git, fake_git.jobs[0]);
    run_until(is_reported);
    has(CALL_effect_done, 1, "t-2");
}

static void
outbox__fails_an_effect_that_lacks_what_it_needs(void **state)
{
    static const struct http_reply reply = { .status = 200 };
    (void)state;
    hand_out("5", "t-1", "board_comment", "{\"text\":7}");
    open_outbox(&reply, 1);
    run_until(is_reported);
    has(CALL_effect_failed, 2, "payload.text");
    has(CALL_effect_failed, 4, "true");
}

static void
outbox__leaves_an_unknown_kind_to_newer_nodes(void **state)
{
    (void)state;
    hand_out("5", "t-1", "teleport", "{}");
    open_outbox(NULL, 0);
    run_until(is_reported);
    has(CALL_effect_failed, 2, "teleport");
    has(CALL_effect_failed, 4, "false");
}

static void
on_drained(void *arg)
{
    (void)arg;
    w.drained++;
}

static bool
is_drained(void)
{
    return w.drained > 0;
}

static void
Q7_outbox_drain__ends_when_nothing_is_under_way(void **state)
{
    (void)state;
    fake_git.is_silent = true;
    hand_out("5", "t-1", "archive", "{}");
    open_outbox(NULL, 0);
    run_until(is_started);
    outbox_drain(w.outbox, on_drained, NULL);
    assert_int_equal(w.drained, 0);
    fake_git.jobs[0]->timer = loop_after(w.loop, 20, on_git, fake_git.jobs[0]);
    run_until(is_drained);
    assert_int_equal(fake_db_count(w.db, CALL_effect_done), 1);
    assert_int_equal(fake_db_count(w.db, CALL_claim_effects), 1);
    assert_int_equal(w.drained, 1);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(O1_outbox__delivers_a_comment_with_the_effects_id),
        T(O3_outbox__skips_what_has_no_channel_and_names_the_setting),
        T(B4_outbox__does_not_write_over_a_stop),
        T(B4_outbox__writes_a_status_only_when_it_differs),
        T(outbox__skips_a_status_that_the_board_has_not),
        T(O1_outbox__passes_retry_after_on),
        T(outbox__gives_up_on_an_issue_that_is_gone),
        T(O2_outbox__sends_a_new_card_when_the_old_one_is_gone),
        T(outbox__finds_the_pull_request_that_exists),
        T(M3_outbox__takes_405_for_merged_when_the_forge_says_so_and_git_agrees),
        T(M3_outbox__does_not_believe_a_merge_that_git_does_not_see),
        T(outbox__tries_a_merge_again_later_when_the_forge_asks),
        T(M3_outbox__never_merges_another_head),
        T(S4_outbox__refuses_to_delete_the_default_branch),
        T(S4_outbox__archives_and_cleans_up_without_any_channel),
        T(P4_outbox__starts_a_task_on_the_forge),
        T(outbox__repeats_a_report_while_postgres_is_away),
        T(outbox__looks_again_when_the_doorbell_rings),
        T(outbox__gives_a_slow_attempt_its_new_token),
        T(outbox__fails_an_effect_that_lacks_what_it_needs),
        T(outbox__leaves_an_unknown_kind_to_newer_nodes),
        T(Q7_outbox_drain__ends_when_nothing_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
