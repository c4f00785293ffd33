/* The doorbell against a real Postgres: no wake-up is lost, the lock is held exactly while the node relies on being rung, and who sleeps
 * asks for nothing. The poll is an hour, so whatever is claimed here was found by a ring, a look or the job's own time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../devdb.h"
#include "queue/queue.h"
#include "worker/doorbell.h"

#define INCARNATION "11111111-1111-4111-8111-111111111111"

/* What the worker does, without agents: jobs occupy their slots until the test ends them. */
struct node {
    struct loop     *loop;
    struct db       *db;
    struct queue    *queue;
    struct doorbell *bell;
    int              slots;
    int              running;
    int              looks; /* claims sent */
    int              rings; /* of orch_jobs */
    bool             is_registered;
    /* for conditions */
    int want_running, want_looks;
};

static const int64_t an_hour_ms = 3600 * 1000;

static void
on_claimed(const struct queue_job *jobs, size_t n, const struct err *e, void *arg)
{
    struct node *d = arg;

    (void)jobs;
    if (e) {
        doorbell_failed(d->bell);
        return;
    }
    d->running += (int)n;
    doorbell_looked(d->bell, n, queue_is_dry(d->queue));
}

static void
look(void *arg)
{
    struct node *d = arg;

    if (d->running >= d->slots) {
        doorbell_full(d->bell);
        return;
    }
    d->looks++;
    queue_claim(d->queue, d->slots - d->running, on_claimed, d);
}

static void
on_jobs_rung(const char *payload, void *arg)
{
    struct node *d = arg;

    if (payload) {
        d->rings++;
        doorbell_ring(d->bell);
    } else {
        doorbell_reset(d->bell);
    }
}

static void
on_registered(const struct err *e, void *arg)
{
    struct node *d = arg;

    assert_null(e);
    d->is_registered = true;
}

static bool
is_registered(void *arg)
{
    return ((struct node *)arg)->is_registered;
}

static bool
is_asleep(void *arg)
{
    return doorbell_is_asleep(((struct node *)arg)->bell);
}

static bool
is_running(void *arg)
{
    struct node *d = arg;

    return d->running >= d->want_running;
}

static bool
has_looked(void *arg)
{
    struct node *d = arg;

    return d->looks >= d->want_looks;
}

static char *
idle_sessions(void)
{
    return devdb_sql(devdb_url, "select count(*) from pg_locks as l where l.locktype = 'advisory' and l.granted and l.mode = 'ShareLock'"
                                " and (l.classid::bigint << 32 | l.objid::bigint) = orch.idle_key()");
}

static bool
is_idle(void *arg)
{
    (void)arg;
    char *count = idle_sessions();
    bool  is_one = str_equal(count, "1");

    free(count);
    return is_one;
}

static bool
is_awake(void *arg)
{
    (void)arg;
    char *count = idle_sessions();
    bool  is_none = str_equal(count, "0");

    free(count);
    return is_none;
}

static struct node *
node_new(int slots)
{
    struct err        e = ERR_INIT;
    struct node      *d = xcalloc(1, sizeof *d);
    struct db_options o = { .url = devdb_url, .connections = 2, .call_timeout_ms = 20000, .application = "sleeper" };

    d->slots = slots;
    assert_int_equal(loop_new(&d->loop, &e), 0);
    assert_int_equal(db_open(&d->db, d->loop, &o, &e), 0);
    d->queue = queue_new(d->db, "sleeper", INCARNATION);
    d->bell = doorbell_new(d->loop, d->queue, &an_hour_ms, look, d);
    queue_node_start(d->queue, 1, slots, "1", 3600000, "machine", on_registered, d);
    assert_true(devdb_run_until(d->loop, is_registered, d));
    return d;
}

static void
begin(struct node *d)
{
    db_listen(d->db, "orch_jobs", on_jobs_rung, d);
    doorbell_start(d->bell);
}

static struct node *
node_begun(int slots)
{
    struct node *d = node_new(slots);

    begin(d);
    return d;
}

static void
wait_running(struct node *d, int count)
{
    d->want_running = count;
    assert_true(devdb_run_until(d->loop, is_running, d));
    assert_int_equal(d->running, count);
}

/* Every lock that was taken was given back: one more would leave a row behind. */
static void
node_free(struct node *d)
{
    doorbell_stop(d->bell);
    assert_true(devdb_run_until(d->loop, is_awake, NULL));
    doorbell_free(d->bell);
    queue_free(d->queue);
    db_close(d->db);
    loop_free(d->loop);
    free(d);
    devdb_do("delete from orch.jobs");
}

/* --- the test's other hands ----------------------------------------------------------------------------------------------------------- */

static void
tell(PGconn *pg, const char *sql)
{
    PGresult *res = PQexec(pg, sql);

    if (PQresultStatus(res) != PGRES_TUPLES_OK && PQresultStatus(res) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(pg));
    PQclear(res);
}

static PGconn *
session(const char *sql)
{
    PGconn *pg = PQconnectdb(devdb_url);

    assert_int_equal(PQstatus(pg), CONNECTION_OK);
    tell(pg, sql);
    return pg;
}

static int
rings_heard(PGconn *ear)
{
    int       n = 0;
    PGnotify *note;

    tell(ear, "select 1");
    PQconsumeInput(ear);
    while ((note = PQnotifies(ear))) {
        PQfreemem(note);
        n++;
    }
    return n;
}

/* --- tests ---------------------------------------------------------------------------------------------------------------------------- */

static void
Q3_doorbell__sleeps_when_there_is_nothing_and_is_rung_once(void **state)
{
    (void)state;
    struct node *d = node_begun(4);

    assert_true(devdb_run_until(d->loop, is_asleep, d));
    assert_true(is_idle(NULL));
    devdb_do("select orch.enqueue('chore')");
    wait_running(d, 1);
    assert_int_equal(d->rings, 1);
    assert_true(devdb_run_until(d->loop, is_asleep, d));
    devdb_do("select orch.enqueue('chore'), orch.enqueue('chore')");
    wait_running(d, 3);
    assert_int_equal(d->rings, 2);
    node_free(d);
}

static void
Q3_doorbell__an_enqueue_that_was_open_when_the_node_went_idle_is_claimed_without_a_ring(void **state)
{
    (void)state;
    struct node *d = node_new(2);
    PGconn      *ear = session("listen orch_jobs");

    /* Nobody is idle yet, so it rings nobody, now or at its commit. It must be the youngest: no snapshot's xmax is beyond it. */
    PGconn *late = session("begin; select orch.enqueue('chore')");
    begin(d);
    assert_true(devdb_run_until(d->loop, is_idle, NULL));
    d->want_looks = d->looks + 8;
    assert_true(devdb_run_until(d->loop, has_looked, d)); /* it looks on, and finds nothing */
    assert_int_equal(d->running, 0);
    tell(late, "commit");
    wait_running(d, 1);
    assert_int_equal(rings_heard(ear), 0);
    assert_int_equal(d->rings, 0);
    assert_true(devdb_run_until(d->loop, is_asleep, d));
    PQfinish(late);
    PQfinish(ear);
    node_free(d);
}

static void
Q3_doorbell__a_transaction_that_stays_open_keeps_it_looking_and_others_ring_all_the_same(void **state)
{
    (void)state;
    struct node *d = node_new(2);
    PGconn      *ear = session("listen orch_jobs");
    PGconn      *foreign = session("begin; select pg_current_xact_id()");

    begin(d);
    assert_true(devdb_run_until(d->loop, is_idle, NULL));
    d->want_looks = d->looks + 8;
    assert_true(devdb_run_until(d->loop, has_looked, d));
    assert_false(is_asleep(d));
    devdb_do("select orch.enqueue('chore')");
    assert_int_equal(rings_heard(ear), 1);
    wait_running(d, 1);
    d->want_looks = d->looks + 12;
    assert_true(devdb_run_until(d->loop, has_looked, d));
    assert_false(is_asleep(d));
    tell(foreign, "commit");
    assert_true(devdb_run_until(d->loop, is_asleep, d));
    PQfinish(foreign);
    PQfinish(ear);
    node_free(d);
}

static void
ring_now(void *arg)
{
    struct node *d = arg;

    doorbell_ring(d->bell);
}

static void
Q3_doorbell__rings_in_every_state_leave_no_lock_and_lose_no_job(void **state)
{
    (void)state;
    struct node *d = node_begun(60);

    /* Each period meets another mix of states: on its way to sleep, the node needs some 20 ms and as many round trips as states. */
    for (int period = 1; period <= 29; period += 4) {
        struct loop_timer *t = loop_every(d->loop, period, ring_now, d);
        d->want_looks = d->looks + 20;
        assert_true(devdb_run_until(d->loop, has_looked, d));
        devdb_do("select orch.enqueue('chore')");
        wait_running(d, d->running + 1);
        loop_timer_stop(t);
    }
    assert_true(devdb_run_until(d->loop, is_asleep, d));
    assert_true(is_idle(NULL));
    node_free(d);
}

static void
Q3_doorbell__a_lost_listener_wakes_it_and_the_new_one_holds_the_lock_again(void **state)
{
    (void)state;
    struct node *d = node_begun(4);

    assert_true(devdb_run_until(d->loop, is_asleep, d));
    for (int i = 1; i <= 3; i++) {
        /* The lock goes with its session; what is enqueued before the next one listens rings nobody. */
        devdb_do("select pg_terminate_backend(l.pid) from pg_locks as l where l.locktype = 'advisory' and l.mode = 'ShareLock'");
        devdb_do("select orch.enqueue('chore')");
        wait_running(d, i);
        assert_true(devdb_run_until(d->loop, is_asleep, d));
        assert_true(is_idle(NULL));
    }
    devdb_do("select orch.enqueue('chore')");
    wait_running(d, 4);
    node_free(d);
}

static void
Q3_doorbell__a_job_for_later_is_claimed_at_its_time(void **state)
{
    (void)state;
    struct node *d = node_begun(2);

    assert_true(devdb_run_until(d->loop, is_asleep, d));
    int64_t asked_ms = clock_mono_ms();
    devdb_do("select orch.enqueue('chore', run_at => now() + interval '700 ms')");
    wait_running(d, 1);
    assert_true(clock_mono_ms() - asked_ms >= 650);
    assert_true(devdb_run_until(d->loop, is_asleep, d));
    node_free(d);
}

static void
Q3_doorbell__with_no_free_slot_it_is_awake_and_a_freed_slot_looks_once(void **state)
{
    (void)state;
    struct node *d = node_begun(3);
    PGconn      *ear = session("listen orch_jobs");

    devdb_do("select count(orch.enqueue('chore')) from generate_series(1, 6)");
    wait_running(d, 3);
    assert_true(devdb_run_until(d->loop, is_awake, NULL));
    devdb_do("select orch.enqueue('chore')");
    assert_int_equal(rings_heard(ear), 0);
    int looks = d->looks;
    for (int i = 0; i < 3; i++) {
        d->running--;
        doorbell_slot_freed(d->bell);
    }
    wait_running(d, 3);
    assert_int_equal(d->looks, looks + 1); /* three slots, one claim */
    d->running -= 3;
    doorbell_slot_freed(d->bell);
    wait_running(d, 1);
    assert_true(devdb_run_until(d->loop, is_asleep, d));
    PQfinish(ear);
    node_free(d);
}

static void
Q3_doorbell__goes_on_while_somebody_has_the_lock_for_himself(void **state)
{
    (void)state;
    struct node *d = node_begun(2);
    PGconn      *tester = session("select pg_advisory_lock(orch.idle_key())");
    PGconn      *ear = session("listen orch_jobs");

    d->want_looks = 10;
    assert_true(devdb_run_until(d->loop, has_looked, d));
    assert_true(is_awake(NULL));
    PQfinish(tester);
    assert_true(devdb_run_until(d->loop, is_asleep, d));
    devdb_do("select orch.enqueue('chore')");
    assert_int_equal(rings_heard(ear), 1);
    wait_running(d, 1);
    PQfinish(ear);
    node_free(d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(Q3_doorbell__sleeps_when_there_is_nothing_and_is_rung_once),
        cmocka_unit_test(Q3_doorbell__an_enqueue_that_was_open_when_the_node_went_idle_is_claimed_without_a_ring),
        cmocka_unit_test(Q3_doorbell__a_transaction_that_stays_open_keeps_it_looking_and_others_ring_all_the_same),
        cmocka_unit_test(Q3_doorbell__rings_in_every_state_leave_no_lock_and_lose_no_job),
        cmocka_unit_test(Q3_doorbell__a_lost_listener_wakes_it_and_the_new_one_holds_the_lock_again),
        cmocka_unit_test(Q3_doorbell__a_job_for_later_is_claimed_at_its_time),
        cmocka_unit_test(Q3_doorbell__with_no_free_slot_it_is_awake_and_a_freed_slot_looks_once),
        cmocka_unit_test(Q3_doorbell__goes_on_while_somebody_has_the_lock_for_himself),
    };
    return cmocka_run_group_tests(tests, devdb_start_migrated, devdb_stop);
}
