/* The kinds of effects: what each asks of board, messenger, forge and git, and what it makes of the answer. */
#include "rig.h"

#define PULL(state, merged, sha)                                                                                                           \
    "{\"number\":7,\"state\":\"" state "\",\"merged\":" merged                                                                             \
    ",\"merge_commit_sha\":\"m1\",\"head\":{\"ref\":\"feature/a\",\"sha\":\"" sha "\"},\"base\":{\"ref\":\"main\"}}"

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
    has(CALL_claim_effects, 3, "{board_comment,board_status,");
    has(CALL_effect_done, 0, "5");
    has(CALL_effect_done, 1, "t-1");
    has(CALL_effect_done, 2, "\"comment_id\":\"c-1\"");
    assert_non_null(strstr(http_server_request(w.stand.server, 0), "effect-5@3"));
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
    assert_int_equal(http_server_count(w.stand.server), 1);
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
    assert_int_equal(http_server_count(w.stand.server), 2);
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
    assert_int_equal(http_server_count(w.stand.server), 0);
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
    assert_null(fake_db_param(w.stand.db, CALL_effect_failed, 0, 3));
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

static void
S11_outbox__links_the_work_item_of_an_alert_to_its_issue(void **state)
{
    static const struct http_reply reply = { .status = 200, .body = "{\"ok\":true,\"result\":{\"message_id\":77}}" };
    (void)state;
    hand_out("5", "t-1", "alert", "{\"text\":\"ORCH-042 was stopped\"}");
    open_outbox(&reply, 1);
    run_until(is_reported);
    has(CALL_effect_done, 0, "5");
    assert_non_null(strstr(http_server_request(w.stand.server, 0), "/acme/projects/p-1/issues/i-1\\\">ORCH-042</a> was stopped"));
}

static void
S11_outbox__links_to_ourselves_where_there_is_no_board(void **state)
{
    static const struct http_reply reply = { .status = 200, .body = "{\"ok\":true,\"result\":{\"message_id\":77}}" };
    static char                    url[] = "https://orchd.example.org";
    (void)state;
    hand_out("5", "t-1", "alert", "{\"text\":\"ORCH-042 was stopped\"}");
    open_outbox(&reply, 1);
    w.cfg.plane_url = NULL;
    w.cfg.public_url = url;
    run_until(is_reported);
    assert_non_null(strstr(http_server_request(w.stand.server, 0), "https://orchd.example.org/tasks/ORCH-042\\\">ORCH-042<"));
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
    assert_non_null(strstr(http_server_request(w.stand.server, 2), "/pulls/7 HTTP"));
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
    w.git.is_merged = true;
    hand_out("5", "t-1", "pull_merge", "{\"number\":7,\"head\":\"" HEAD "\"}");
    open_outbox(replies, 3);
    run_until(is_reported);
    has(CALL_effect_done, 2, "\"merge_sha\":\"m1\"");
    assert_int_equal(w.git.checked, 1);
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
    assert_int_equal(http_server_count(w.stand.server), 1);
}

static void
M3_outbox__names_what_a_merge_has_lost(void **state)
{
    static const struct http_reply reply = { .status = 200, .body = PULL("closed", "true", HEAD) };
    (void)state;
    w.git.is_merged = w.git.is_marker_gone = true;
    hand_out("5", "t-1", "pull_merge", "{\"number\":7,\"head\":\"" HEAD "\"}");
    open_outbox(&reply, 1);
    run_until(is_reported);
    has(CALL_effect_failed, 2, "integrity: after the merge the default branch lacks VERSION");
    has(CALL_effect_failed, 4, "true");
}

static void
M1_outbox__tries_a_merge_in_memory(void **state)
{
    (void)state;
    hand_out("5", "t-1", "merge_check", "{\"head\":\"" HEAD "\"}");
    open_outbox(NULL, 0);
    run_until(is_reported);
    has(CALL_effect_done, 2, "\"conflicts\":[\"a.txt\"]");
    has(CALL_effect_done, 2, "\"onto\":\"" HEAD "\"");
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
    assert_int_equal(strncmp(fake_db_param(w.stand.db, CALL_effect_failed, 0, 2), "head moved:", 11), 0);
    has(CALL_effect_failed, 4, "true");
    assert_int_equal(http_server_count(w.stand.server), 1);
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
    assert_int_equal(http_server_count(w.stand.server), 0);
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
    assert_string_equal(w.git.what, "start acme/app feature/a 3");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(O1_outbox__delivers_a_comment_with_the_effects_id),
        RIG_TEST(O3_outbox__skips_what_has_no_channel_and_names_the_setting),
        RIG_TEST(B4_outbox__does_not_write_over_a_stop),
        RIG_TEST(B4_outbox__writes_a_status_only_when_it_differs),
        RIG_TEST(outbox__skips_a_status_that_the_board_has_not),
        RIG_TEST(O1_outbox__passes_retry_after_on),
        RIG_TEST(outbox__gives_up_on_an_issue_that_is_gone),
        RIG_TEST(O2_outbox__sends_a_new_card_when_the_old_one_is_gone),
        RIG_TEST(S11_outbox__links_the_work_item_of_an_alert_to_its_issue),
        RIG_TEST(S11_outbox__links_to_ourselves_where_there_is_no_board),
        RIG_TEST(outbox__finds_the_pull_request_that_exists),
        RIG_TEST(M3_outbox__takes_405_for_merged_when_the_forge_says_so_and_git_agrees),
        RIG_TEST(M3_outbox__does_not_believe_a_merge_that_git_does_not_see),
        RIG_TEST(M3_outbox__names_what_a_merge_has_lost),
        RIG_TEST(M1_outbox__tries_a_merge_in_memory),
        RIG_TEST(outbox__tries_a_merge_again_later_when_the_forge_asks),
        RIG_TEST(M3_outbox__never_merges_another_head),
        RIG_TEST(S4_outbox__refuses_to_delete_the_default_branch),
        RIG_TEST(S4_outbox__archives_and_cleans_up_without_any_channel),
        RIG_TEST(P4_outbox__starts_a_task_on_the_forge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
