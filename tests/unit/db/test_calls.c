/* Calls against a real Postgres: pipelines, errors, lost connections, deadlines. The functions called are stand-ins with the names and
 * parameters of calls.def, so that each can be slow, wrong or deadly on demand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../devdb.h"
#include "db/db.h"

static const char stand_ins[] =
    "create schema orch;"
    /* stop_task(ref): runs the reference as a statement, answers its text */
    "create function orch.stop_task(ref text, reason text, via text, actor text, heard_at timestamptz, out result text, out task_id bigint,"
    " out work_item text, out message text) language plpgsql as $$ begin execute ref into result; task_id := 7; message := reason; end $$;"
    "create function orch.task_report(ref text) returns json language sql as $$ select json_build_object('ref', ref) $$;"
    "create table orch.pairs (id int primary key, twin int references orch.pairs (id) deferrable initially deferred);"
    "create function orch.put(id int, twin int) returns text language sql as $$ insert into orch.pairs values (id, twin); select 'put' $$;";

struct answer {
    int           count;
    enum err_code code;
    char          text[sizeof((struct err *)0)->text];
    char          sqlstate[6];
    char          result[64];
    int64_t       task_id;
    int           order;
};

static int answers;

static void
on_answer(struct db_result *r, const struct err *e, void *arg)
{
    struct answer *a = arg;

    a->count++;
    a->order = ++answers;
    a->code = e ? e->code : ERR_NONE;
    snprintf(a->text, sizeof a->text, "%s", e ? e->text : "");
    snprintf(a->sqlstate, sizeof a->sqlstate, "%s", db_sqlstate(r));
    if (!e) {
        const char *result = db_text(r, 0, "result");
        snprintf(a->result, sizeof a->result, "%s", result ? result : "(null)");
        a->task_id = db_int(r, 0, "task_id");
    }
}

static bool
is_answered(void *arg)
{
    return ((struct answer *)arg)->count > 0;
}

static bool
is_up(void *arg)
{
    return db_is_up(arg);
}

static bool
is_down(void *arg)
{
    return !db_is_up(arg);
}

struct house {
    struct loop *loop;
    struct db   *db;
};

static struct house
open_house(const char *url, unsigned connections, unsigned timeout_ms)
{
    struct err        e = ERR_INIT;
    struct house      h = { 0 };
    struct db_options o = { .url = url, .connections = connections, .call_timeout_ms = timeout_ms, .application = "orchd unit" };

    answers = 0;
    assert_int_equal(loop_new(&h.loop, &e), 0);
    assert_int_equal(db_open(&h.db, h.loop, &o, &e), 0);
    return h;
}

static void
close_house(struct house *h)
{
    db_close(h->db);
    loop_free(h->loop);
}

static struct db_call *
run_sql(struct db *db, const char *sql, struct answer *a)
{
    const char *const params[] = { sql, NULL, "unit", NULL, NULL };

    return db_call(db, CALL_stop_task, params, on_answer, a);
}

static void
Q10_calls__one_connection_carries_many_at_once_and_answers_in_order(void **state)
{
    (void)state;
    struct house  h = open_house(devdb_url, 1, 10000);
    struct answer a[100] = { 0 };

    for (size_t i = 0; i < 100; i++) {
        char sql[40];
        snprintf(sql, sizeof sql, "select %zu", i);
        run_sql(h.db, sql, &a[i]);
        assert_int_equal(a[i].count, 0);
    }
    assert_true(devdb_run_until(h.loop, is_answered, &a[99]));
    for (int i = 0; i < 100; i++) {
        assert_int_equal(a[i].count, 1);
        assert_int_equal(a[i].code, ERR_NONE);
        assert_int_equal(a[i].order, i + 1);
        assert_int_equal(atoi(a[i].result), i);
        assert_int_equal(a[i].task_id, 7);
    }
    close_house(&h);
}

static void
calls__an_error_in_one_leaves_its_neighbours_alone(void **state)
{
    (void)state;
    struct house  h = open_house(devdb_url, 1, 10000);
    struct answer a[5] = { 0 };

    run_sql(h.db, "select 'before'", &a[0]);
    run_sql(h.db, "select 1 / 0", &a[1]);
    run_sql(h.db, "select null::text", &a[2]);
    run_sql(h.db, "this is no sql", &a[3]);
    run_sql(h.db, "select 'after'", &a[4]);
    assert_true(devdb_run_until(h.loop, is_answered, &a[4]));
    assert_string_equal(a[0].result, "before");
    assert_int_equal(a[1].code, ERR_INVALID);
    assert_string_equal(a[1].sqlstate, "22012");
    assert_string_equal(a[1].text, "division by zero");
    assert_string_equal(a[2].result, "(null)");
    assert_int_equal(a[3].code, ERR_BUG);
    assert_string_equal(a[4].result, "after");
    close_house(&h);
}

static void
calls__codes_say_what_the_caller_can_do(void **state)
{
    (void)state;
    static const struct {
        const char   *sqlstate;
        enum err_code code;
    } cases[] = {
        { "OR410", ERR_GONE },    { "OR404", ERR_GONE },    { "OR409", ERR_INVALID }, { "OR422", ERR_INVALID }, { "40001", ERR_RETRY },
        { "40P01", ERR_RETRY },   { "53300", ERR_RETRY },   { "57P01", ERR_RETRY },   { "42501", ERR_DENIED },  { "28000", ERR_DENIED },
        { "23505", ERR_INVALID }, { "22P02", ERR_INVALID }, { "42883", ERR_BUG },     { "P0001", ERR_BUG },
    };
    struct house h = open_house(devdb_url, 2, 10000);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer a = { 0 };
        char          sql[120];
        snprintf(sql, sizeof sql, "do 'begin raise exception ''said'' using errcode = ''%s''; end'", cases[i].sqlstate);
        run_sql(h.db, sql, &a);
        assert_true(devdb_run_until(h.loop, is_answered, &a));
        assert_string_equal(a.sqlstate, cases[i].sqlstate);
        assert_int_equal(a.code, cases[i].code);
        assert_non_null(strstr(a.text, "said"));
    }
    close_house(&h);
}

static void
calls__a_commit_that_fails_is_a_call_that_failed(void **state)
{
    (void)state;
    struct house  h = open_house(devdb_url, 1, 10000);
    struct answer a[2] = { 0 };

    run_sql(h.db, "select orch.put(1, 2)", &a[0]);
    run_sql(h.db, "select count(*) from orch.pairs", &a[1]);
    assert_true(devdb_run_until(h.loop, is_answered, &a[1]));
    assert_int_equal(a[0].code, ERR_INVALID);
    assert_string_equal(a[0].sqlstate, "23503");
    assert_string_equal(a[1].result, "0");
    close_house(&h);
}

static void
calls__a_killed_connection_ends_its_calls_with_retry_and_comes_back(void **state)
{
    (void)state;
    struct house  h = open_house(devdb_url, 1, 10000);
    struct answer a[4] = { 0 };

    run_sql(h.db, "select 'first'", &a[0]);
    run_sql(h.db, "select pg_terminate_backend(pg_backend_pid()), pg_sleep(5)", &a[1]);
    run_sql(h.db, "select 'behind'", &a[2]);
    assert_true(devdb_run_until(h.loop, is_answered, &a[2]));
    assert_string_equal(a[0].result, "first");
    assert_int_equal(a[1].code, ERR_RETRY);
    assert_int_equal(a[2].code, ERR_RETRY);
    run_sql(h.db, "select 'again'", &a[3]);
    assert_true(devdb_run_until(h.loop, is_answered, &a[3]));
    assert_string_equal(a[3].result, "again");
    assert_int_equal(a[1].count, 1);
    close_house(&h);
}

static void
calls__a_deadline_is_kept_and_the_stuck_connection_dropped(void **state)
{
    (void)state;
    struct house  h = open_house(devdb_url, 1, 4000);
    struct answer a[3] = { 0 };
    int64_t       begun = 0;

    assert_true(devdb_run_until(h.loop, is_up, h.db));
    begun = clock_mono_ms();
    run_sql(h.db, "select pg_sleep(60)", &a[0]);
    run_sql(h.db, "select 'behind'", &a[1]);
    assert_true(devdb_run_until(h.loop, is_answered, &a[1]));
    assert_int_equal(a[0].code, ERR_RETRY);
    assert_non_null(strstr(a[0].text, "within 4000 ms"));
    assert_int_equal(a[1].code, ERR_RETRY);
    assert_in_range(clock_mono_ms() - begun, 3990, 30000);
    assert_true(devdb_run_until(h.loop, is_up, h.db));
    run_sql(h.db, "select 'again'", &a[2]);
    assert_true(devdb_run_until(h.loop, is_answered, &a[2]));
    assert_string_equal(a[2].result, "again");
    close_house(&h);
}

static void
calls__a_forgotten_one_is_silent_but_happens(void **state)
{
    (void)state;
    struct house  h = open_house(devdb_url, 1, 10000);
    struct answer a[2] = { 0 };

    db_forget(run_sql(h.db, "select orch.put(5, 5)", &a[0]));
    run_sql(h.db, "select count(*) from orch.pairs where id = 5", &a[1]);
    assert_true(devdb_run_until(h.loop, is_answered, &a[1]));
    assert_string_equal(a[1].result, "1");
    assert_int_equal(a[0].count, 0);
    close_house(&h);
}

static void
calls__while_postgres_is_away_they_fail_soon_and_on_return_they_work(void **state)
{
    (void)state;
    struct house  h = open_house(devdb_url, 2, 60000);
    struct answer a[2] = { 0 };

    assert_true(devdb_run_until(h.loop, is_up, h.db));
    devdb_run("stop --keep");
    assert_true(devdb_run_until(h.loop, is_down, h.db));
    int64_t begun = clock_mono_ms();
    run_sql(h.db, "select 1", &a[0]);
    assert_true(devdb_run_until(h.loop, is_answered, &a[0]));
    assert_int_equal(a[0].code, ERR_RETRY);
    assert_string_equal(a[0].sqlstate, "");
    assert_in_range(clock_mono_ms() - begun, 0, 20000); /* not at its deadline */
    devdb_run("restart");
    assert_true(devdb_run_until(h.loop, is_up, h.db));
    run_sql(h.db, "select 'back'", &a[1]);
    assert_true(devdb_run_until(h.loop, is_answered, &a[1]));
    assert_string_equal(a[1].result, "back");
    close_house(&h);
}

static void
count_up(void *arg)
{
    ++*(int *)arg;
}

static bool
is_two(void *arg)
{
    return *(int *)arg == 2;
}

static void
calls__on_up_tells_each_return(void **state)
{
    (void)state;
    struct house  h = open_house(devdb_url, 1, 10000);
    struct answer a = { 0 };
    int           ups = 0;

    db_on_up(h.db, count_up, &ups);
    assert_true(devdb_run_until(h.loop, is_up, h.db));
    assert_int_equal(ups, 1);
    run_sql(h.db, "select pg_terminate_backend(pg_backend_pid())", &a);
    assert_true(devdb_run_until(h.loop, is_two, &ups));
    close_house(&h);
}

static void
close_db(struct db_result *r, const struct err *e, void *arg)
{
    struct house *h = arg;

    (void)r;
    assert_null(e);
    db_close(h->db);
    h->db = NULL;
}

static bool
has_no_db(void *arg)
{
    return !((struct house *)arg)->db;
}

static void
calls__closing_inside_a_callback_silences_the_rest(void **state)
{
    (void)state;
    struct house      h = open_house(devdb_url, 1, 10000);
    struct answer     a = { 0 };
    const char *const params[] = { "select 1", NULL, NULL, NULL, NULL };

    db_call(h.db, CALL_stop_task, params, close_db, &h);
    run_sql(h.db, "select 2", &a);
    assert_true(devdb_run_until(h.loop, has_no_db, &h));
    assert_int_equal(a.count, 0);
    loop_free(h.loop);
}

/* The real port behind another one of the same host. */
static char *
url_after_port(const char *host, int first)
{
    const char *port = strrchr(devdb_url, ':') + 1;

    return xasprintf("postgresql://postgres@%s:%d,%s:%.*s/orchd?target_session_attrs=read-write", host, first, host,
                     (int)strcspn(port, "/"), port);
}

static void
assert_comes_up(const char *url)
{
    struct house  h = open_house(url, 1, 10000);
    struct answer a = { 0 };

    assert_true(devdb_run_until(h.loop, is_up, h.db));
    run_sql(h.db, "select current_setting('application_name')", &a);
    assert_true(devdb_run_until(h.loop, is_answered, &a));
    assert_string_equal(a.result, "orchd unit");
    close_house(&h);
}

static void
Q10_calls__a_host_that_refuses_is_stepped_over(void **state)
{
    (void)state;
    char *url = url_after_port("localhost", 1);

    assert_comes_up(url);
    free(url);
}

static void
Q10_calls__a_host_that_accepts_and_says_nothing_is_stepped_over(void **state)
{
    (void)state;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t          len = sizeof at;
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    char *url = url_after_port("127.0.0.1", ntohs(at.sin_port));
    assert_comes_up(url);
    free(url);
    close(fd);
}

static void
open__a_wrong_url_is_refused_without_repeating_its_password(void **state)
{
    (void)state;
    struct err        e = ERR_INIT;
    struct loop      *loop = NULL;
    struct db        *db = NULL;
    struct db_options o = { .url = "hunter2 is my password", .connections = 1, .call_timeout_ms = 1000 };

    assert_int_equal(loop_new(&loop, &e), 0);
    assert_int_equal(db_open(&db, loop, &o, &e), ERR_INVALID);
    assert_null(strstr(e.text, "hunter2"));
    assert_null(db);
    loop_free(loop);
}

static int
prepare(void **state)
{
    devdb_start(state);
    devdb_do(stand_ins);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(Q10_calls__one_connection_carries_many_at_once_and_answers_in_order),
        cmocka_unit_test(calls__an_error_in_one_leaves_its_neighbours_alone),
        cmocka_unit_test(calls__codes_say_what_the_caller_can_do),
        cmocka_unit_test(calls__a_commit_that_fails_is_a_call_that_failed),
        cmocka_unit_test(calls__a_killed_connection_ends_its_calls_with_retry_and_comes_back),
        cmocka_unit_test(calls__a_deadline_is_kept_and_the_stuck_connection_dropped),
        cmocka_unit_test(calls__a_forgotten_one_is_silent_but_happens),
        cmocka_unit_test(calls__while_postgres_is_away_they_fail_soon_and_on_return_they_work),
        cmocka_unit_test(calls__on_up_tells_each_return),
        cmocka_unit_test(calls__closing_inside_a_callback_silences_the_rest),
        cmocka_unit_test(Q10_calls__a_host_that_refuses_is_stepped_over),
        cmocka_unit_test(Q10_calls__a_host_that_accepts_and_says_nothing_is_stepped_over),
        cmocka_unit_test(open__a_wrong_url_is_refused_without_repeating_its_password),
    };
    return cmocka_run_group_tests(tests, prepare, devdb_stop);
}
