/* The stop cascade, with real processes that resist it. */
#include <signal.h>
#include <stdlib.h>

#include "rig.h"

enum { GONE_US = 15 * 1000 * 1000 /* after SIGKILL nothing has to be waited for, but a busy machine */ };

static void
S3_stop__sends_sigterm_and_needs_no_more_for_a_polite_agent(void **state)
{
    struct rig *r = *state;

    r->grace_ms = 10000;
    rig_start_ready(r, "sleep");
    agent_stop(r->agent, "test");
    rig_wait_end(r);
    assert_true(r->end.is_stopped);
    assert_int_equal(r->end.signal, SIGTERM);
    assert_int_equal(r->end.exit_status, -1);
    assert_true(r->end.term_us > 0);
    assert_true(r->end.kill_us == 0);
    assert_true(r->end.gone_us >= r->end.term_us);
    assert_int_equal(r->end.tree_size, 1);
    assert_int_equal(r->cascades, 1);
    assert_int_equal(rig_count(r), 0);
}

static void
expect_whole_tree_gone(struct rig *r, int at_least)
{
    rig_wait_end(r);
    assert_int_equal(rig_count(r), 0);
    assert_true(r->end.is_stopped);
    assert_false(r->end.is_lost);
    assert_true(r->end.term_us > 0);
    assert_true(r->end.kill_us >= r->end.term_us + r->grace_ms * 1000 - 20000);
    assert_true(r->end.gone_us <= r->end.kill_us + GONE_US);
    assert_true(r->end.tree_size >= at_least);
    assert_int_equal(r->cascades, 2);
}

static void
TC_02b_stop__ends_the_daemon_and_the_child_of_an_agent_that_traps_sigterm(void **state)
{
    struct rig *r = *state;

    rig_start_ready(r, "trap");
    agent_stop(r->agent, "test");
    expect_whole_tree_gone(r, 3);
}

static void
TC_02d_stop__ends_tools_in_sessions_of_their_own_and_those_started_on_sigterm(void **state)
{
    struct rig *r = *state;

    rig_start_ready(r, "tools");
    agent_stop(r->agent, "test");
    expect_whole_tree_gone(r, 4);
}

static void
S3_stop__reaches_an_agent_that_was_suspended(void **state)
{
    struct rig *r = *state;

    r->grace_ms = 10000;
    rig_start_ready(r, "frozen");
    agent_stop(r->agent, "test");
    rig_wait_end(r);
    assert_int_equal(r->end.signal, SIGTERM);
    assert_true(r->end.kill_us == 0);
}

static void
S3_stop__ends_a_daemon_that_cleaned_its_environment(void **state)
{
    struct rig *r = *state;

    rig_start_ready(r, "clear");
    agent_stop(r->agent, "test");
    expect_whole_tree_gone(r, 2);
}

static void
S3_stop__cannot_be_outrun_by_a_hundred_forks(void **state)
{
    struct rig *r = *state;

    rig_start_ready(r, "loop");
    agent_stop(r->agent, "test");
    rig_wait_end(r);
    assert_int_equal(rig_count(r), 0);
    assert_true(r->end.kill_us > 0);
    assert_true(r->end.tree_size > 10);
}

static void
S3_stop__catches_a_process_that_changes_its_number_all_the_time(void **state)
{
    struct rig *r = *state;

    rig_start_ready(r, "comet");
    agent_stop(r->agent, "test");
    rig_wait_end(r);
    assert_int_equal(rig_count(r), 0);
}

static void
S3_stop__catches_several_that_hop_from_session_to_session(void **state)
{
    struct rig *r = *state;

    rig_start_ready(r, "hoppers");
    agent_stop(r->agent, "test");
    rig_wait_end(r);
    assert_int_equal(rig_count(r), 0);
}

static void
S3_kill__ends_a_bomb_of_two_hundred(void **state)
{
    struct rig *r = *state;

    rig_start_ready(r, "bomb");
    agent_kill(r->agent, "test");
    rig_wait_end(r);
    assert_int_equal(rig_count(r), 0);
}

static void
S3_kill__spares_no_grace(void **state)
{
    struct rig *r = *state;

    r->grace_ms = 60000;
    rig_start_ready(r, "trap");
    agent_kill(r->agent, "test");
    rig_wait_end(r);
    assert_int_equal(rig_count(r), 0);
    assert_int_equal(r->end.signal, SIGKILL);
    assert_true(r->end.term_us == 0);
    assert_true(r->end.kill_us > 0);
}

static void
S3_kill__shortens_a_stop_that_waits(void **state)
{
    struct rig *r = *state;

    r->grace_ms = 60000;
    rig_start_ready(r, "trap");
    agent_stop(r->agent, "test");
    agent_kill(r->agent, "hurry");
    rig_wait_end(r);
    assert_int_equal(rig_count(r), 0);
    assert_true(r->end.kill_us > 0);
}

static void
S3_stop__asked_twice_is_one_cascade(void **state)
{
    struct rig *r = *state;

    rig_start_ready(r, "trap");
    agent_stop(r->agent, "test");
    agent_stop(r->agent, "again");
    rig_wait_end(r);
    assert_int_equal(r->cascades, 2);
    assert_int_equal(rig_count(r), 0);
}

static bool
is_ready_or_over(struct rig *r)
{
    return rig_is_ready(r) || rig_is_over(r);
}

static void
S3_timeout__uses_the_same_cascade(void **state)
{
    struct rig *r = *state;

    /* It must not come before the agent is ready, and how long that takes is the machine's affair. */
    for (r->timeout_ms = 250; !rig_is_ready(r); r->timeout_ms *= 2) {
        struct err e = ERR_INIT;
        r->ends = 0;
        assert_int_equal(rig_start(r, "trap", NULL, &e), 0);
        assert_true(rig_wait(r, is_ready_or_over));
    }
    rig_wait_end(r);
    assert_true(r->end.is_timeout);
    assert_true(r->end.term_us > 0);
    assert_true(r->end.kill_us > 0);
    assert_int_equal(rig_count(r), 0);
}

static void
S3_free__kills_the_tree_and_stays_silent(void **state)
{
    struct rig *r = *state;

    r->grace_ms = 60000;
    rig_start_ready(r, "trap");
    agent_free(r->agent);
    r->agent = NULL;
    assert_true(rig_wait(r, rig_is_empty));
    assert_int_equal(r->ends, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(S3_stop__sends_sigterm_and_needs_no_more_for_a_polite_agent),
        TEST(TC_02b_stop__ends_the_daemon_and_the_child_of_an_agent_that_traps_sigterm),
        TEST(TC_02d_stop__ends_tools_in_sessions_of_their_own_and_those_started_on_sigterm),
        TEST(S3_stop__reaches_an_agent_that_was_suspended),
        TEST(S3_stop__ends_a_daemon_that_cleaned_its_environment),
        TEST(S3_stop__cannot_be_outrun_by_a_hundred_forks),
        TEST(S3_stop__catches_a_process_that_changes_its_number_all_the_time),
        TEST(S3_stop__catches_several_that_hop_from_session_to_session),
        TEST(S3_kill__ends_a_bomb_of_two_hundred),
        TEST(S3_kill__spares_no_grace),
        TEST(S3_kill__shortens_a_stop_that_waits),
        TEST(S3_stop__asked_twice_is_one_cascade),
        TEST(S3_timeout__uses_the_same_cascade),
        TEST(S3_free__kills_the_tree_and_stays_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
