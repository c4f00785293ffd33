/* LISTEN: heard once per NOTIFY, told with NULL after each (re)connect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../devdb.h"
#include "db/db.h"

struct ears {
    int  anew;  /* NULL payloads */
    int  heard; /* others */
    char last[40];
    int  want_anew, want_heard;
};

static void
on_notify(const char *payload, void *arg)
{
    struct ears *s = arg;

    if (payload) {
        s->heard++;
        snprintf(s->last, sizeof s->last, "%s", payload);
    } else {
        s->anew++;
    }
}

static bool
is_satisfied(void *arg)
{
    struct ears *s = arg;

    return s->anew >= s->want_anew && s->heard >= s->want_heard;
}

static void
Q3_listen__hears_each_channel_and_comes_back_after_a_loss(void **state)
{
    (void)state;
    struct err        e = ERR_INIT;
    struct loop      *loop = NULL;
    struct db        *db = NULL;
    struct db_options o = { .url = devdb_url, .connections = 1, .call_timeout_ms = 10000, .application = "ears" };
    struct ears       jobs = { .want_anew = 1 }, stop = { .want_anew = 1 };

    assert_int_equal(loop_new(&loop, &e), 0);
    assert_int_equal(db_open(&db, loop, &o, &e), 0);
    db_listen(db, "orch_jobs", on_notify, &jobs);
    db_listen(db, "orch stop\"s", on_notify, &stop);
    assert_true(devdb_run_until(loop, is_satisfied, &jobs));
    assert_true(devdb_run_until(loop, is_satisfied, &stop));

    devdb_do("select pg_notify('orch_jobs', ''), pg_notify('orch stop\"s', 'node-1')");
    jobs.want_heard = stop.want_heard = 1;
    assert_true(devdb_run_until(loop, is_satisfied, &jobs));
    assert_true(devdb_run_until(loop, is_satisfied, &stop));
    assert_string_equal(jobs.last, "");
    assert_string_equal(stop.last, "node-1");

    devdb_do("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ears' and query like 'listen%'");
    jobs.want_anew = stop.want_anew = 2;
    assert_true(devdb_run_until(loop, is_satisfied, &jobs));
    assert_true(devdb_run_until(loop, is_satisfied, &stop));
    devdb_do("notify orch_jobs, 'again'");
    jobs.want_heard = 2;
    assert_true(devdb_run_until(loop, is_satisfied, &jobs));
    assert_string_equal(jobs.last, "again");
    assert_int_equal(jobs.anew, 2);
    db_close(db);
    loop_free(loop);
}

static char *
backend(const char *column)
{
    char *sql = xasprintf("select %s from pg_stat_activity where application_name = 'quiet ears' and query <> ''", column);
    char *text = devdb_sql(devdb_url, sql);

    free(sql);
    return text;
}

static void
Q3_listen__a_connection_that_says_nothing_is_found_out(void **state)
{
    (void)state;
    struct err        e = ERR_INIT;
    struct loop      *loop = NULL;
    struct db        *db = NULL;
    char             *idle = xasprintf("%s?application_name=calls", devdb_url);
    struct db_options o = { .url = idle, .listen_url = devdb_url, .connections = 1, .call_timeout_ms = 500, .application = "quiet ears" };
    struct ears       jobs = { .want_anew = 1 };

    assert_int_equal(loop_new(&loop, &e), 0);
    assert_int_equal(db_open(&db, loop, &o, &e), 0);
    db_listen(db, "orch_jobs", on_notify, &jobs);
    assert_true(devdb_run_until(loop, is_satisfied, &jobs));
    char *pid = backend("pid");
    assert_true(atoi(pid) > 1);
    kill(atoi(pid), SIGSTOP); /* it holds the socket open and answers nothing, like a peer behind a cut cable */
    jobs.want_anew = 2;
    bool is_back = devdb_run_until(loop, is_satisfied, &jobs);
    kill(atoi(pid), SIGCONT);
    assert_true(is_back);
    free(pid);
    db_close(db);
    loop_free(loop);
    free(idle);
}

struct heard {
    int           count;
    enum err_code code;
};

static void
on_answer(struct db_result *r, const struct err *e, void *arg)
{
    struct heard *h = arg;

    (void)r;
    h->count++;
    h->code = e ? e->code : ERR_NONE;
}

static bool
is_heard(void *arg)
{
    return ((struct heard *)arg)->count > 0;
}

static bool
is_lock_held(void)
{
    char *held = devdb_sql(devdb_url, "select count(*) from pg_locks where locktype = 'advisory' and objid = 42");
    bool  is_held = str_equal(held, "1");

    free(held);
    return is_held;
}

static bool
is_lock_free(void *arg)
{
    (void)arg;
    return !is_lock_held();
}

static void
Q3_listener_call__belongs_to_the_session_that_listens_and_dies_with_it(void **state)
{
    (void)state;
    struct err        e = ERR_INIT;
    struct loop      *loop = NULL;
    struct db        *db = NULL;
    struct db_options o = { .url = devdb_url, .connections = 2, .call_timeout_ms = 10000, .application = "session" };
    struct ears       jobs = { .want_anew = 1 };
    struct heard      early = { 0 }, idle = { 0 }, awake = { 0 }, hung = { 0 }, again = { 0 };
    const char *const none[] = { NULL }, *const horizon[] = { "7" };

    /* Stand-ins with the names and parameters of calls.def. */
    devdb_do("create schema orch;"
             "create function orch.node_idle(horizon xid8, out is_idle boolean, out new_horizon xid8, out is_settled boolean,"
             " out next_ms float8) language plpgsql as $$ begin"
             " if horizon is not null then perform pg_sleep(60); end if; is_idle := pg_try_advisory_lock_shared(42); end $$;"
             "create function orch.node_awake() returns boolean language sql as $$ select pg_advisory_unlock_shared(42) $$;");
    assert_int_equal(loop_new(&loop, &e), 0);
    assert_int_equal(db_open(&db, loop, &o, &e), 0);
    db_listener_call(db, CALL_node_idle, none, on_answer, &early);
    assert_int_equal(early.count, 0); /* never inside the call */
    assert_true(devdb_run_until(loop, is_heard, &early));
    assert_int_equal(early.code, ERR_RETRY); /* nobody listens yet */

    db_listen(db, "orch_jobs", on_notify, &jobs);
    assert_true(devdb_run_until(loop, is_satisfied, &jobs));
    db_listener_call(db, CALL_node_idle, none, on_answer, &idle);
    assert_true(devdb_run_until(loop, is_heard, &idle));
    assert_int_equal(idle.code, ERR_NONE);
    assert_true(is_lock_held());
    db_listener_call(db, CALL_node_awake, NULL, on_answer, &awake);
    assert_true(devdb_run_until(loop, is_heard, &awake));
    assert_false(is_lock_held()); /* so it was the same session */

    db_listener_call(db, CALL_node_idle, none, on_answer, &again);
    db_listener_call(db, CALL_node_idle, horizon, on_answer, &hung);
    assert_true(devdb_run_until(loop, is_heard, &again));
    devdb_do("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'session' and query like '%node_idle%'");
    assert_true(devdb_run_until(loop, is_heard, &hung));
    assert_int_equal(hung.code, ERR_RETRY);
    assert_int_equal(jobs.anew, 1); /* first the failure, then the news that it is back */
    jobs.want_anew = 2;
    assert_true(devdb_run_until(loop, is_satisfied, &jobs));
    assert_true(devdb_run_until(loop, is_lock_free, NULL)); /* the old backend says farewell before it lets go */
    db_close(db);
    loop_free(loop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(Q3_listen__hears_each_channel_and_comes_back_after_a_loss),
        cmocka_unit_test(Q3_listen__a_connection_that_says_nothing_is_found_out),
        cmocka_unit_test(Q3_listener_call__belongs_to_the_session_that_listens_and_dies_with_it),
    };
    return cmocka_run_group_tests(tests, devdb_start, devdb_stop);
}
