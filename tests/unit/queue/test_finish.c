/* The ends of runs: sent at once, gathered while others are under way, and none of them hostage to another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "rig.h"

enum { MANY = 40, MORE_THAN_A_BATCH = 1200 };

struct ending {
    int           count;
    enum err_code code;
    char          job_status[20];
    struct queue *doomed; /* freed by whoever hears this first */
};

struct claims {
    int              count;
    size_t           n;
    struct queue_run runs[MORE_THAN_A_BATCH];
};

static struct queue *q;

/* Calls of SQL functions so far. */
static long
calls(void)
{
    static const char name[] = "\norchd_db_calls_total ";
    struct buf        b = { 0 };
    const char       *at;
    long              n;

    metrics_render(&b);
    at = strstr(b.data, name);
    assert_non_null(at);
    n = strtol(at + sizeof name - 1, NULL, 10);
    buf_fini(&b);
    return n;
}

static void
on_done(const struct err *e, void *arg)
{
    struct claims *c = arg;

    assert_null(e);
    c->count++;
}

static void
on_claim(const struct queue_job *jobs, size_t n, const struct err *e, void *arg)
{
    struct claims *c = arg;

    assert_null(e);
    for (size_t i = 0; i < n; i++)
        c->runs[c->n++] = queue_job_run(&jobs[i]);
    c->count++;
}

static bool
is_claimed(void *arg)
{
    return ((struct claims *)arg)->count > 0;
}

static void
on_finish(const struct queue_finished *f, const struct err *e, void *arg)
{
    struct ending *n = arg;

    n->count++;
    n->code = e ? e->code : ERR_NONE;
    snprintf(n->job_status, sizeof n->job_status, "%s", f ? f->job_status : "");
    if (n->doomed) {
        queue_free(n->doomed);
        n->doomed = NULL;
    }
}

static bool
is_ended(void *arg)
{
    return ((struct ending *)arg)->count > 0;
}

static struct claims *
claimed(struct queue *by, int count)
{
    struct claims *c = xcalloc(1, sizeof *c);
    char          *sql = xasprintf("select count(orch.enqueue('chore')) from generate_series(1, %d)", count);

    devdb_do(sql);
    free(sql);
    queue_look_anew(by);
    queue_claim(by, count, on_claim, c);
    assert_true(devdb_run_until(loop, is_claimed, c));
    assert_int_equal(c->n, count);
    return c;
}

static void
end_well(struct queue *by, struct queue_run run, struct ending *n)
{
    queue_finish(by, run, QUEUE_OK, NULL, on_finish, n);
}

static void
Q1_finish__the_first_goes_at_once_and_the_others_together(void **state)
{
    (void)state;
    struct claims *c = claimed(q, MANY);
    struct ending  n[MANY] = { 0 };
    long           before = calls();

    end_well(q, c->runs[0], &n[0]);
    assert_int_equal(calls(), before + 1);
    assert_int_equal(n[0].count, 0);
    for (int i = 1; i < MANY; i++)
        end_well(q, c->runs[i], &n[i]);
    assert_int_equal(calls(), before + 1);
    assert_true(devdb_run_until(loop, is_ended, &n[MANY - 1]));
    assert_int_equal(calls(), before + 2);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(n[i].count, 1);
        assert_int_equal(n[i].code, ERR_NONE);
        assert_string_equal(n[i].job_status, "done");
    }
    end_well(q, c->runs[0], &n[0]);
    assert_int_equal(calls(), before + 3); /* nothing is under way, so nothing waits */
    n[0].count = 0;
    assert_true(devdb_run_until(loop, is_ended, &n[0]));
    assert_int_equal(n[0].code, ERR_GONE);
    free(c);
}

static void
Q1_finish__a_batch_has_an_end(void **state)
{
    (void)state;
    struct claims *c = claimed(q, MORE_THAN_A_BATCH);
    struct ending *n = xcalloc(MORE_THAN_A_BATCH, sizeof *n);
    long           before = calls();

    for (int i = 0; i < MORE_THAN_A_BATCH; i++)
        end_well(q, c->runs[i], &n[i]);
    assert_true(devdb_run_until(loop, is_ended, &n[MORE_THAN_A_BATCH - 1]));
    assert_int_equal(calls(), before + 4); /* 1, 500, 500 and 199 */
    for (int i = 0; i < MORE_THAN_A_BATCH; i++)
        assert_int_equal(n[i].code, ERR_NONE);
    free(n);
    free(c);
}

static void
Q1_finish__each_end_hears_its_own_answer(void **state)
{
    (void)state;
    struct claims *c = claimed(q, 5);
    struct ending  n[6] = { 0 };
    struct json   *failure = json_new_object();

    json_set_str(failure, "error", "it said \"no\" \\ {and} more,\nthan that");
    end_well(q, c->runs[0], &n[0]);
    end_well(q, c->runs[1], &n[1]);
    queue_finish(q, c->runs[2], QUEUE_RELEASED, failure, on_finish, &n[2]);
    end_well(q, (struct queue_run){ .run_id = 987654321, .job_id = c->runs[3].job_id }, &n[3]);
    queue_finish(q, c->runs[4], QUEUE_FAILED, failure, on_finish, &n[4]);
    end_well(q, c->runs[3], &n[5]);
    json_free(failure);
    assert_true(devdb_run_until(loop, is_ended, &n[5]));
    assert_int_equal(n[1].code, ERR_NONE);
    assert_string_equal(n[1].job_status, "done");
    assert_string_equal(n[2].job_status, "queued");
    assert_int_equal(n[3].code, ERR_GONE);
    assert_int_equal(n[4].code, ERR_NONE);
    assert_string_equal(n[5].job_status, "done");
    for (int i = 0; i < 6; i++)
        assert_int_equal(n[i].count, 1);
    devdb_do("select orch.cancel_job(j.id) from orch.jobs as j where j.status = 'queued'");
    free(c);
}

static void
Q1_finish__one_that_is_refused_keeps_none_of_the_others(void **state)
{
    (void)state;
    struct claims *c = claimed(q, 4);
    struct ending  n[4] = { 0 };
    struct json   *poison = json_new_object();

    json_set_str(poison, "gone_at", "no time at all");
    end_well(q, c->runs[0], &n[0]);
    end_well(q, c->runs[1], &n[1]);
    queue_finish(q, c->runs[2], QUEUE_FAILED, poison, on_finish, &n[2]);
    end_well(q, c->runs[3], &n[3]);
    json_free(poison);
    assert_true(devdb_run_until(loop, is_ended, &n[3]));
    assert_true(devdb_run_until(loop, is_ended, &n[2]));
    assert_int_equal(n[1].code, ERR_NONE);
    assert_int_equal(n[2].code, ERR_INVALID);
    assert_int_equal(n[3].code, ERR_NONE);

    end_well(q, c->runs[2], &n[2]); /* bare, as the worker repeats it */
    n[2].count = 0;
    assert_true(devdb_run_until(loop, is_ended, &n[2]));
    assert_string_equal(n[2].job_status, "done");
    free(c);
}

static void
Q1_finish__a_call_that_fails_as_a_whole_is_repeated_one_by_one(void **state)
{
    (void)state;
    struct claims *c = claimed(q, 4);
    struct ending  n[4] = { 0 };
    long           before = calls();

    /* No row can take the blame when the statement itself fails. */
    devdb_do("create function pg_temp_fail() returns trigger language plpgsql as $$ begin"
             " if (select count(*) from new_rows) > 1 then raise exception 'too many' using errcode = '22000'; end if; return null; end $$;"
             "create trigger poison after update on orch.jobs referencing new table as new_rows for each statement"
             " execute function pg_temp_fail()");
    for (int i = 0; i < 4; i++)
        end_well(q, c->runs[i], &n[i]);
    for (int i = 0; i < 4; i++)
        assert_true(devdb_run_until(loop, is_ended, &n[i])); /* by themselves they come in any order */
    assert_int_equal(calls(), before + 5);                   /* one, three together, and each of the three */
    for (int i = 0; i < 4; i++) {
        assert_int_equal(n[i].count, 1);
        assert_string_equal(n[i].job_status, "done");
    }
    devdb_do("drop trigger poison on orch.jobs; drop function pg_temp_fail()");
    free(c);
}

static void
Q4_finish__a_lost_connection_tells_every_one_to_repeat(void **state)
{
    (void)state;
    struct claims *c = claimed(q, 3);
    struct ending  n[3] = { 0 };

    devdb_do("create function hang() returns trigger language plpgsql as $$ begin"
             " perform pg_terminate_backend(pg_backend_pid()); return null; end $$;"
             "create trigger hang after update on orch.jobs for each statement execute function hang()");
    for (int i = 0; i < 3; i++)
        end_well(q, c->runs[i], &n[i]);
    assert_true(devdb_run_until(loop, is_ended, &n[2]));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(n[i].count, 1);
        assert_int_equal(n[i].code, ERR_RETRY);
    }
    devdb_do("drop trigger hang on orch.jobs; drop function hang()");
    for (int i = 0; i < 3; i++) {
        n[i].count = 0;
        while (n[i].count == 0 || n[i].code == ERR_RETRY) {
            n[i].count = 0;
            end_well(q, c->runs[i], &n[i]);
            assert_true(devdb_run_until(loop, is_ended, &n[i]));
        }
        assert_string_equal(n[i].job_status, "done");
    }
    free(c);
}

static struct queue *
another(void)
{
    struct queue *other = queue_new(db, "another", "22222222-2222-4222-8222-222222222222");
    struct claims c = { 0 };

    queue_node_start(other, 1, 1, "1", 30000, "machine", on_done, &c);
    assert_true(devdb_run_until(loop, is_claimed, &c));
    return other;
}

static bool
is_nothing_running(void *arg)
{
    (void)arg;
    char *count = devdb_sql(devdb_url, "select count(*) from orch.jobs as j where j.status = 'running'");
    bool  is_none = str_equal(count, "0");

    free(count);
    return is_none;
}

static void
free__sends_what_is_gathered_and_tells_nobody(void **state)
{
    (void)state;
    struct queue  *other = another();
    struct claims *c = claimed(other, 3);
    struct ending  n[3] = { 0 };

    for (int i = 0; i < 3; i++)
        end_well(other, c->runs[i], &n[i]);
    queue_free(other);
    assert_true(devdb_run_until(loop, is_nothing_running, NULL));
    for (int i = 0; i < 3; i++)
        assert_int_equal(n[i].count, 0);
    free(c);
}

static void
free__from_inside_an_answer_silences_those_behind_it(void **state)
{
    (void)state;
    struct queue  *other = another();
    struct claims *c = claimed(other, 4);
    struct ending  n[4] = { 0 };

    n[1].doomed = other;
    for (int i = 0; i < 4; i++)
        end_well(other, c->runs[i], &n[i]);
    assert_true(devdb_run_until(loop, is_ended, &n[1]));
    assert_true(devdb_run_until(loop, is_nothing_running, NULL));
    assert_int_equal(n[2].count, 0);
    assert_int_equal(n[3].count, 0);
    free(c);
}

/* Whose jobs end as soon as it is told of them. */
struct quick {
    struct queue *queue;
    struct ending n[MANY];
    int           claims;
    bool          is_freeing;
};

static void
on_quick_claim(const struct queue_job *jobs, size_t n, const struct err *e, void *arg)
{
    struct quick *k = arg;

    assert_null(e);
    assert_int_equal(n, MANY);
    k->claims++;
    for (size_t i = 0; i < n; i++)
        end_well(k->queue, queue_job_run(&jobs[i]), &k->n[i]);
    if (k->is_freeing)
        queue_free(k->queue);
}

static bool
is_quickly_claimed(void *arg)
{
    return ((struct quick *)arg)->claims > 0;
}

static void
claim_quickly(struct quick *k)
{
    char *sql = xasprintf("select count(orch.enqueue('chore')) from generate_series(1, %d)", MANY);

    devdb_do(sql);
    free(sql);
    queue_look_anew(k->queue);
    queue_claim(k->queue, MANY, on_quick_claim, k);
    assert_true(devdb_run_until(loop, is_quickly_claimed, k));
}

static void
Q1_finish__what_ends_in_the_answer_to_a_claim_travels_together(void **state)
{
    (void)state;
    struct quick k = { .queue = q };
    long         before = calls();

    claim_quickly(&k);
    assert_true(devdb_run_until(loop, is_ended, &k.n[MANY - 1]));
    assert_int_equal(calls(), before + 2); /* the claim, and all ends */
    for (int i = 0; i < MANY; i++)
        assert_string_equal(k.n[i].job_status, "done");
}

static void
free__in_the_answer_to_a_claim_sends_what_ended_there(void **state)
{
    (void)state;
    struct quick k = { .queue = another(), .is_freeing = true };

    claim_quickly(&k);
    assert_true(devdb_run_until(loop, is_nothing_running, NULL));
    assert_int_equal(k.n[0].count, 0);
}

static int
prepare(void **state)
{
    struct claims c = { 0 };

    rig_open(state, 30000);
    q = queue_new(db, "finisher", "11111111-1111-4111-8111-111111111111");
    queue_node_start(q, 4711, 2, "1.2.3", 30000, "machine", on_done, &c);
    return !devdb_run_until(loop, is_claimed, &c);
}

static int
clean_up(void **state)
{
    queue_free(q);
    return rig_close(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(Q1_finish__the_first_goes_at_once_and_the_others_together),
        cmocka_unit_test(Q1_finish__a_batch_has_an_end),
        cmocka_unit_test(Q1_finish__each_end_hears_its_own_answer),
        cmocka_unit_test(Q1_finish__one_that_is_refused_keeps_none_of_the_others),
        cmocka_unit_test(Q1_finish__a_call_that_fails_as_a_whole_is_repeated_one_by_one),
        cmocka_unit_test(Q4_finish__a_lost_connection_tells_every_one_to_repeat),
        cmocka_unit_test(free__sends_what_is_gathered_and_tells_nobody),
        cmocka_unit_test(free__from_inside_an_answer_silences_those_behind_it),
        cmocka_unit_test(Q1_finish__what_ends_in_the_answer_to_a_claim_travels_together),
        cmocka_unit_test(free__in_the_answer_to_a_claim_sends_what_ended_there),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
