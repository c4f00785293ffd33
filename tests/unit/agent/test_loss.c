/* What is left when the warden, or orchd, or both are killed. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/tree.h"
#include "base/clock.h"
#include "rig.h"

enum { SHORT_LEASE_MS = 1000 };

static void
S3_lost__sweeps_the_tree_of_a_killed_warden(void **state)
{
    struct rig *r = *state;

    rig_start_ready(r, "trap");
    kill(r->warden, SIGKILL);
    rig_wait_end(r);
    assert_true(r->end.is_lost);
    assert_int_equal(rig_count(r), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie was left to us */
    assert_int_equal(errno, ECHILD);
}

static void
S3_lost__finds_a_daemon_that_cleaned_its_environment(void **state)
{
    struct rig *r = *state;

    rig_start_ready(r, "clear");
    kill(r->warden, SIGKILL);
    rig_wait_end(r);
    assert_true(r->end.is_lost);
    assert_int_equal(rig_count(r), 0);
}

static void
S3_stop__does_not_wait_for_a_warden_that_was_suspended(void **state)
{
    struct rig *r = *state;

    rig_start_ready(r, "trap");
    kill(r->warden, SIGSTOP);
    agent_stop(r->agent, "test");
    rig_wait_end(r);
    assert_int_equal(rig_count(r), 0);
}

static void
S3_warden__takes_sigterm_as_the_order_to_kill_and_hangup_as_nothing(void **state)
{
    struct rig *r = *state;

    r->grace_ms = 60000;
    rig_start_ready(r, "trap");
    kill(r->warden, SIGHUP);
    kill(r->warden, SIGINT);
    kill(r->warden, SIGTERM);
    rig_wait_end(r);
    assert_false(r->end.is_lost);
    assert_int_equal(rig_count(r), 0);
}

struct told {
    pid_t   warden;
    char    start[32];
    int64_t lease_until_ms;
};

/* Runs the agent in a process of its own, which plays orchd, until somebody kills it. A lease is made short when the agent is ready. */
static pid_t
play_orchd(struct rig *r, const char *manner, struct told *told)
{
    int   ends[2];
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        struct told t = { 0 };

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        rig_start_ready(r, manner);
        t.warden = r->warden;
        memcpy(t.start, r->warden_start, sizeof(t.start));
        if (r->lease_until_ms) {
            t.lease_until_ms = clock_boot_ms() + SHORT_LEASE_MS;
            agent_renew(r->agent, t.lease_until_ms);
        }
        if (write(ends[1], &t, sizeof(t)) == (ssize_t)sizeof(t))
            for (;;)
                pause();
        _exit(1);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], told, sizeof(*told)), sizeof(*told));
    close(ends[0]);
    return pid;
}

static void
Q7_crash__takes_the_agents_along(void **state)
{
    struct rig *r = *state;
    struct told told;
    pid_t       orchd;

    r->grace_ms = 60000;
    orchd = play_orchd(r, "trap", &told);
    assert_true(rig_count(r) >= 3);
    kill(orchd, SIGKILL);
    waitpid(orchd, NULL, 0);
    assert_true(rig_wait(r, rig_is_empty));
}

static void
Q6_lease__a_suspended_orchd_cannot_keep_its_agents(void **state)
{
    struct rig *r = *state;
    struct told told;
    pid_t       orchd;

    r->lease_until_ms = clock_boot_ms() + RIG_PATIENCE_MS;
    orchd = play_orchd(r, "trap", &told);
    kill(orchd, SIGSTOP);
    assert_true(rig_wait(r, rig_is_empty));
    assert_true(clock_boot_ms() >= told.lease_until_ms);
    kill(orchd, SIGKILL);
    waitpid(orchd, NULL, 0);
}

static void
Q7_sweep__finds_what_outlived_orchd_and_warden(void **state)
{
    struct rig *r = *state;
    int         left = -1;
    struct told told;
    pid_t       orchd;

    orchd = play_orchd(r, "trap", &told);
    kill(orchd, SIGSTOP);
    kill(told.warden, SIGKILL);
    kill(orchd, SIGKILL);
    waitpid(orchd, NULL, 0);
    assert_true(agent_sweep(told.warden, told.start, agent_boot_id(), r->marker, NULL, RIG_PATIENCE_MS, &left) >= 1);
    assert_int_equal(left, 0);
    assert_int_equal(rig_count(r), 0);
}

static void
Q7_sweep__ends_a_warden_that_was_suspended_and_its_tree(void **state)
{
    struct rig *r = *state;
    int         left = -1;
    struct told told;
    pid_t       orchd;

    orchd = play_orchd(r, "clear", &told);
    kill(told.warden, SIGSTOP);
    kill(orchd, SIGKILL);
    waitpid(orchd, NULL, 0);
    assert_true(agent_sweep(told.warden, told.start, agent_boot_id(), r->marker, NULL, RIG_PATIENCE_MS, &left) >= 2);
    assert_int_equal(left, 0);
    assert_int_equal(rig_count(r), 0);
}

static pid_t
fork_bystander(char *start, size_t size)
{
    struct tree_process p;
    pid_t               pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    assert_true(tree_read_process(pid, &p));
    snprintf(start, size, "%llu", (unsigned long long)p.start);
    return pid;
}

static void
expect_untouched(pid_t pid, const char *start, const char *boot, const char *marker)
{
    int left = -1;
    int status;

    assert_int_equal(agent_sweep(pid, start, boot, marker, NULL, 100, &left), 0);
    assert_int_equal(left, 0);
    assert_int_equal(waitpid(pid, &status, WNOHANG | WUNTRACED), 0); /* neither dead nor stopped */
}

static void
TC_02c_sweep__spares_a_stranger_that_was_given_the_recorded_number(void **state)
{
    struct rig *r = *state;
    char        start[32];
    pid_t       pid = fork_bystander(start, sizeof(start));
    char        prefix[128];

    expect_untouched(pid, "1", agent_boot_id(), r->marker);
    expect_untouched(pid, start, "00000000-0000-0000-0000-000000000000", r->marker);
    expect_untouched(pid, NULL, NULL, r->marker);
    expect_untouched(0, NULL, NULL, "");
    expect_untouched(0, NULL, NULL, NULL);
    /* A mark is a whole variable, not the beginning of one. */
    snprintf(prefix, sizeof(prefix), "%.*s", (int)strlen(r->marker) - 1, r->marker);
    rig_start_ready(r, "sleep");
    expect_untouched(pid, "1", agent_boot_id(), prefix);
    assert_int_equal(rig_count(r), 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    agent_kill(r->agent, "test over");
    rig_wait_end(r);
}

static void
S3_signal__never_reaches_a_process_with_another_start_time(void **state)
{
    char                start[32];
    pid_t               pid = fork_bystander(start, sizeof(start));
    struct tree_process p;

    (void)state;
    assert_true(tree_read_process(pid, &p));
    p.start++;
    assert_false(tree_signal(&p, SIGKILL));
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    p.start--;
    assert_true(tree_signal(&p, SIGKILL));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_false(tree_signal(&p, SIGKILL));
}

static void
S12_stop__touches_no_other_run(void **state)
{
    struct rig *r = *state;
    void       *other = NULL;
    struct rig *o;

    assert_int_equal(rig_set_up(&other), 0);
    o = other;
    rig_start_ready(o, "trap");
    rig_start_ready(r, "trap");
    agent_stop(r->agent, "test");
    rig_wait_end(r);
    assert_int_equal(rig_count(r), 0);
    assert_int_equal(rig_count(o), 3);
    rig_tear_down(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(S3_lost__sweeps_the_tree_of_a_killed_warden),
        TEST(S3_lost__finds_a_daemon_that_cleaned_its_environment),
        TEST(S3_stop__does_not_wait_for_a_warden_that_was_suspended),
        TEST(S3_warden__takes_sigterm_as_the_order_to_kill_and_hangup_as_nothing),
        TEST(Q7_crash__takes_the_agents_along),
        TEST(Q6_lease__a_suspended_orchd_cannot_keep_its_agents),
        TEST(Q7_sweep__finds_what_outlived_orchd_and_warden),
        TEST(Q7_sweep__ends_a_warden_that_was_suspended_and_its_tree),
        TEST(TC_02c_sweep__spares_a_stranger_that_was_given_the_recorded_number),
        TEST(S3_signal__never_reaches_a_process_with_another_start_time),
        TEST(S12_stop__touches_no_other_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
