/* The end of a lease: the warden kills without being told. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "rig.h"

enum { LEASE_MS = 600, LEASE_MOST_MS = 16 * LEASE_MS, RENEWALS = 10 };

/* Short leases are given to those that are ready: how long that takes is the machine's affair. */
static void
start_with_lease(struct rig *r, int64_t lease_ms)
{
    r->lease_until_ms = clock_boot_ms() + RIG_PATIENCE_MS;
    rig_start_ready(r, "trap");
    r->lease_until_ms = clock_boot_ms() + lease_ms;
    agent_renew(r->agent, r->lease_until_ms);
}

static void
Q6_lease__its_end_kills_the_tree_without_grace(void **state)
{
    struct rig *r = *state;

    r->grace_ms = 60000;
    start_with_lease(r, LEASE_MS);
    rig_wait_end(r);
    assert_true(clock_boot_ms() >= r->lease_until_ms);
    assert_true(r->end.is_fenced);
    assert_false(r->end.is_lost || r->end.is_stopped || r->end.is_timeout);
    assert_int_equal(r->end.signal, SIGKILL);
    assert_true(r->end.kill_us && !r->end.term_us);
    assert_int_equal(rig_count(r), 0);
}

static void
Q6_lease__its_end_during_a_stop_cuts_the_grace_short(void **state)
{
    struct rig *r = *state;

    r->grace_ms = 60000;
    start_with_lease(r, LEASE_MS);
    agent_stop(r->agent, "test");
    rig_wait_end(r);
    assert_true(r->end.is_stopped && r->end.is_fenced);
    assert_int_equal(rig_count(r), 0);
}

static void
Q6_lease__one_that_is_over_starts_nothing(void **state)
{
    struct rig *r = *state;
    struct err  e = ERR_INIT;

    r->lease_until_ms = clock_boot_ms() - 1;
    assert_int_equal(rig_start(r, "trap", NULL, &e), 0);
    rig_wait_end(r);
    assert_true(r->end.is_fenced && !r->end.is_started && !r->end.is_lost);
    char *log = rig_log(r);
    assert_string_equal(log, "");
    free(log);
}

struct keeper {
    struct rig *rig;
    int64_t     lease_ms;
    int         left; /* renewals */
};

static void
on_renew(void *arg)
{
    struct keeper *k = arg;

    if (k->left-- > 0 && k->rig->agent) {
        k->rig->lease_until_ms = clock_boot_ms() + k->lease_ms;
        agent_renew(k->rig->agent, k->rig->lease_until_ms);
    }
}

/* Renews a lease many times before it ends. False: it ended before the last renewal said. */
static bool
keep_alive(struct rig *r, int64_t lease_ms)
{
    struct keeper k = { .rig = r, .lease_ms = lease_ms, .left = 3 * RENEWALS };

    r->ends = 0;
    r->warden = 0;
    unlink(r->log_path); /* an earlier one said "ready" */
    start_with_lease(r, lease_ms);
    int64_t            first_end = r->lease_until_ms;
    struct loop_timer *t = loop_every(r->loop, lease_ms / RENEWALS, on_renew, &k);
    rig_wait_end(r);
    loop_timer_stop(t);
    assert_true(r->end.is_fenced);
    return k.left <= 0 && r->lease_until_ms > first_end + lease_ms && clock_boot_ms() >= r->lease_until_ms;
}

static void
Q6_lease__a_renewal_moves_its_end(void **state)
{
    struct rig *r = *state;
    int64_t     lease_ms = LEASE_MS;

    /* How soon a renewal arrives is the machine's affair too. */
    while (!keep_alive(r, lease_ms) && lease_ms < LEASE_MOST_MS)
        lease_ms *= 2;
    assert_true(lease_ms < LEASE_MOST_MS);
}

static void
Q6_lease__a_command_that_ended_in_time_was_not_fenced(void **state)
{
    struct rig *r = *state;
    struct err  e = ERR_INIT;

    r->lease_until_ms = clock_boot_ms() + RIG_PATIENCE_MS;
    assert_int_equal(rig_start(r, "exit", "0", &e), 0);
    rig_wait_end(r);
    assert_false(r->end.is_fenced);
    assert_int_equal(r->end.exit_status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(Q6_lease__its_end_kills_the_tree_without_grace),
        TEST(Q6_lease__its_end_during_a_stop_cuts_the_grace_short),
        TEST(Q6_lease__one_that_is_over_starts_nothing),
        TEST(Q6_lease__a_renewal_moves_its_end),
        TEST(Q6_lease__a_command_that_ended_in_time_was_not_fenced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
