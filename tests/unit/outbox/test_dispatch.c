/* The dispatcher: claims, reports that are repeated, doorbells, tokens, the end. */
#include "rig.h"

static bool
is_reported_twice(void)
{
    return fake_db_count(w.stand.db, CALL_effect_done) >= 2;
}

static void
outbox__repeats_a_report_while_postgres_is_away(void **state)
{
    static const struct fake_answer away = { .code = ERR_RETRY };
    (void)state;
    hand_out("5", "t-1", "archive", "{}");
    fake_db_push(w.stand.db, CALL_effect_done, &away);
    open_outbox(NULL, 0);
    run_until(is_reported_twice);
    assert_string_equal(fake_db_param(w.stand.db, CALL_effect_done, 1, 1), "t-1");
}

static bool
is_claimed_again(void)
{
    return fake_db_count(w.stand.db, CALL_claim_effects) >= 2;
}

static bool
is_claimed(void)
{
    return fake_db_count(w.stand.db, CALL_claim_effects) >= 1;
}

static void
outbox__looks_again_when_the_doorbell_rings(void **state)
{
    (void)state;
    open_outbox(NULL, 0);
    run_until(is_claimed);
    fake_db_notify(w.stand.db, "orch_effects", NULL);
    run_until(is_claimed_again);
}

static bool
has_two_claims_answered(void)
{
    return w.claimed_count == 2 && fake_db_count(w.stand.db, CALL_claim_effects) >= 2;
}

static bool
is_started(void)
{
    return w.git.job_count > 0;
}

static void
outbox__gives_a_slow_attempt_its_new_token(void **state)
{
    (void)state;
    w.git.is_silent = true;
    hand_out("5", "t-1", "archive", "{}");
    hand_out("5", "t-2", "archive", "{}");
    open_outbox(NULL, 0);
    run_until(is_started);
    fake_db_notify(w.stand.db, "orch_effects", "");
    run_until(has_two_claims_answered);
    assert_int_equal(w.git.job_count, 1);     /* it was not started twice */
    assert_true(w.git.jobs[0]->until_ms > 0); /* and may push for longer */
    git_answers();
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
S5_outbox__deletes_no_branch_after_its_token_has_ended(void **state)
{
    static const struct http_reply reply = { .status = 204 };
    (void)state;
    w.asleep_ms = 2 * 60 * 1000;
    hand_out("5", "t-1", "branch_delete", "{\"branch\":\"feature/a\"}");
    open_outbox(&reply, 1);
    run_until(is_claimed_again);
    assert_int_equal(http_server_count(w.stand.server), 0);
    assert_int_equal(fake_db_count(w.stand.db, CALL_effect_failed), 0); /* it is somebody else's by now */
}

static void
S5_outbox__merges_nothing_after_its_token_has_ended(void **state)
{
    static const struct http_reply reply = { .status = 200,
                                             .body = "{\"state\":\"open\",\"merged\":false,\"number\":7,\"head\":{\"sha\":\"" HEAD "\"}}" };
    (void)state;
    w.asleep_ms = 2 * 60 * 1000;
    hand_out("5", "t-1", "pull_merge", "{\"number\":7,\"head\":\"" HEAD "\"}");
    open_outbox(&reply, 1);
    run_until(is_claimed_again);
    assert_int_equal(http_server_count(w.stand.server), 1); /* it was read */
    assert_int_equal(fake_db_count(w.stand.db, CALL_effect_failed), 0);
}

static int drained;

static void
on_drained(void *arg)
{
    (void)arg;
    drained++;
}

static bool
is_drained(void)
{
    return drained > 0;
}

static void
Q7_outbox_drain__ends_when_nothing_is_under_way(void **state)
{
    (void)state;
    drained = 0;
    w.git.is_silent = true;
    hand_out("5", "t-1", "archive", "{}");
    open_outbox(NULL, 0);
    run_until(is_started);
    outbox_drain(w.outbox, on_drained, NULL);
    assert_int_equal(drained, 0);
    git_answers();
    run_until(is_drained);
    assert_int_equal(fake_db_count(w.stand.db, CALL_effect_done), 1);
    assert_int_equal(fake_db_count(w.stand.db, CALL_claim_effects), 1);
    assert_int_equal(drained, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(outbox__repeats_a_report_while_postgres_is_away),
        RIG_TEST(outbox__looks_again_when_the_doorbell_rings),
        RIG_TEST(outbox__gives_a_slow_attempt_its_new_token),
        RIG_TEST(outbox__fails_an_effect_that_lacks_what_it_needs),
        RIG_TEST(S5_outbox__deletes_no_branch_after_its_token_has_ended),
        RIG_TEST(S5_outbox__merges_nothing_after_its_token_has_ended),
        RIG_TEST(outbox__leaves_an_unknown_kind_to_newer_nodes),
        RIG_TEST(Q7_outbox_drain__ends_when_nothing_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
