/* The queue's functions against the real schema: a node's life, a run's life, and hands that are stale. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rig.h"

#define FIRST  "11111111-1111-4111-8111-111111111111"
#define SECOND "22222222-2222-4222-8222-222222222222"

/* What the last callback said. */
struct heard {
    int               count;
    enum err_code     code;
    size_t            n;
    struct queue_job *job; /* a copy of the first; the test frees */
    int64_t           run_id;
    int64_t           pid;
    char              marker[80];
    double            asked_at;
    bool              is_wanted;
    char              job_status[20];
};

static void
note(struct heard *h, size_t n, const struct err *e)
{
    h->count++;
    h->n = n;
    h->code = e ? e->code : ERR_NONE;
    if (e)
        print_message("%s\n", e->text);
}

static void
on_done(const struct err *e, void *arg)
{
    note(arg, 0, e);
}

static void
on_rung(const char *payload, void *arg)
{
    (void)payload;
    note(arg, 0, NULL);
}

static void
on_claim(const struct queue_job *jobs, size_t n, const struct err *e, void *arg)
{
    struct heard *h = arg;

    note(h, n, e);
    if (n) {
        h->job = queue_job_copy(&jobs[0]);
        h->run_id = jobs[0].run_id;
    }
}

static void
on_stops(const struct queue_stop *stops, size_t n, const struct err *e, void *arg)
{
    struct heard *h = arg;

    note(h, n, e);
    if (n) {
        h->run_id = stops[0].run_id;
        h->asked_at = stops[0].asked_at;
        assert_non_null(stops[0].why);
    }
}

static void
on_leftovers(const struct queue_leftover *runs, size_t n, const struct err *e, void *arg)
{
    struct heard *h = arg;

    note(h, n, e);
    if (n) {
        h->run_id = runs[0].run_id;
        h->pid = runs[0].pid;
        snprintf(h->marker, sizeof h->marker, "%s", runs[0].marker);
    }
}

static void
on_started(bool is_wanted, const struct err *e, void *arg)
{
    struct heard *h = arg;

    note(h, 0, e);
    h->is_wanted = is_wanted;
}

static void
on_finish(const struct queue_finished *f, const struct err *e, void *arg)
{
    struct heard *h = arg;

    note(h, 0, e);
    assert_int_equal(!f, !!e);
    if (f)
        snprintf(h->job_status, sizeof h->job_status, "%s", f->job_status);
}

static bool
is_heard(void *arg)
{
    return ((struct heard *)arg)->count > 0;
}

/* Waits for the answer and gives the code. */
static enum err_code
answer(struct heard *h)
{
    assert_int_equal(h->count, 0);
    assert_true(devdb_run_until(loop, is_heard, h));
    assert_int_equal(h->count, 1);
    return h->code;
}

static struct queue *
registered(const char *node, const char *incarnation)
{
    struct queue *q = queue_new(db, node, incarnation);
    struct heard  h = { 0 };

    queue_node_start(q, 4711, 2, "1.2.3", 30000, "machine", on_done, &h);
    assert_int_equal(answer(&h), ERR_NONE);
    return q;
}

static struct heard
claimed(struct queue *q)
{
    struct heard h = { 0 };

    queue_claim(q, 1, on_claim, &h);
    assert_int_equal(answer(&h), ERR_NONE);
    assert_int_equal(h.n, 1);
    return h;
}

static enum err_code
finished(struct queue *q, struct queue_run run, enum queue_outcome outcome, struct heard *h)
{
    *h = (struct heard){ 0 };
    queue_finish(q, run, outcome, NULL, on_finish, h);
    return answer(h);
}

static void
Q2_claim__gives_a_job_with_its_run_and_nothing_when_nothing_is_due(void **state)
{
    (void)state;
    struct queue *q = registered("claimer", FIRST);
    struct heard  none = { 0 }, h;

    queue_claim(q, 3, on_claim, &none);
    assert_int_equal(answer(&none), ERR_NONE);
    assert_int_equal(none.n, 0);

    devdb_do("select orch.enqueue('reporter', 'for March', 'acme/shop')");
    h = claimed(q);
    assert_true(h.job->run_id > 0 && h.job->job_id > 0);
    assert_string_equal(h.job->agent, "reporter");
    assert_string_equal(h.job->content, "for March");
    assert_string_equal(h.job->repo, "acme/shop");
    assert_int_equal(h.job->task_id, 0);
    assert_null(h.job->work_item);
    assert_int_equal(h.job->attempt, 1);
    assert_int_equal(h.job->max_attempts, 2);
    assert_int_equal(finished(q, queue_job_run(h.job), QUEUE_OK, &none), ERR_NONE);
    assert_string_equal(none.job_status, "done");
    queue_job_free(h.job);
    queue_free(q);
}

static void
Q4_run__is_started_stopped_and_finished_once(void **state)
{
    (void)state;
    struct queue *q = registered("runner", FIRST);
    struct heard  started = { 0 }, beat = { 0 }, early = { 0 }, stops = { 0 }, stopping = { 0 }, end, again, h;
    /* The connection that listens stays up, and rings, after this test. */
    static struct heard rung;

    devdb_do("select orch.enqueue('stubborn')");
    h = claimed(q);
    queue_run_started(q, queue_job_run(h.job), 99, "12345", "boot", "/var/log/run", "/sys/fs/cgroup/run", on_started, &started);
    assert_int_equal(answer(&started), ERR_NONE);
    assert_true(started.is_wanted);

    char *sql = xasprintf("select orch.cancel_job(%ld)", (long)h.job->job_id);
    devdb_do(sql);
    free(sql);
    queue_beat(q, false, on_stops, &beat);
    assert_int_equal(answer(&beat), ERR_NONE);
    assert_int_equal(beat.n, 1);
    assert_int_equal(beat.run_id, h.run_id);
    assert_true(beat.asked_at > 1.7e9);
    queue_runs_to_stop(q, on_stops, &early);
    assert_int_equal(answer(&early), ERR_RETRY); /* nobody listens yet; who begins to is rung */
    db_listen(db, "orch_stop", on_rung, &rung);
    assert_int_equal(answer(&rung), ERR_NONE);
    queue_runs_to_stop(q, on_stops, &stops);
    assert_int_equal(answer(&stops), ERR_NONE);
    assert_int_equal(stops.run_id, h.run_id);
    assert_true(stops.asked_at > 1.7e9);
    queue_run_stopping(q, h.run_id, clock_wall_us(), 0, on_done, &stopping);
    assert_int_equal(answer(&stopping), ERR_NONE);

    assert_int_equal(finished(q, queue_job_run(h.job), QUEUE_STOPPED, &end), ERR_NONE);
    assert_string_equal(end.job_status, "cancelled");
    assert_int_equal(finished(q, queue_job_run(h.job), QUEUE_OK, &again), ERR_GONE);
    queue_job_free(h.job);
    queue_free(q);
}

static void
finish__detail_with_a_nul_still_closes_the_run(void **state)
{
    (void)state;
    struct queue *q = registered("nul", FIRST);
    struct err    e = ERR_INIT;
    struct heard  end = { 0 }, h;

    devdb_do("select orch.enqueue('odd', max_attempts => 1)");
    h = claimed(q);
    const char   text[] = "{\"error\": \"a\\u0000b\", \"exit_status\": 1}";
    struct json *detail = json_parse(text, sizeof text - 1, &e);
    queue_finish(q, queue_job_run(h.job), QUEUE_FAILED, detail, on_finish, &end);
    json_free(detail);
    assert_int_equal(answer(&end), ERR_NONE);
    assert_string_equal(end.job_status, "failed");
    queue_job_free(h.job);
    queue_free(q);
}

static void
Q7_leftovers__a_new_incarnation_sees_the_old_ones_runs_and_the_old_one_is_gone(void **state)
{
    (void)state;
    struct queue *old = registered("phoenix", FIRST);
    struct heard  started = { 0 }, stop = { 0 }, left = { 0 }, end, beat = { 0 }, claim = { 0 }, h;

    devdb_do("select orch.enqueue('long')");
    h = claimed(old);
    queue_run_started(old, queue_job_run(h.job), 99, "12345", "boot", NULL, NULL, on_started, &started);
    assert_int_equal(answer(&started), ERR_NONE);
    /* Its lease would hold the name against another incarnation. */
    queue_node_stop(old, on_done, &stop);
    assert_int_equal(answer(&stop), ERR_NONE);

    struct queue *new = registered("phoenix", SECOND);
    queue_leftovers(new, on_leftovers, &left);
    assert_int_equal(answer(&left), ERR_NONE);
    assert_int_equal(left.n, 1);
    assert_int_equal(left.run_id, h.run_id);
    assert_int_equal(left.pid, 99);
    char *marker = xasprintf("ORCH_RUN_MARK=phoenix/%ld", (long)h.run_id);
    assert_string_equal(left.marker, marker);
    free(marker);
    assert_int_equal(finished(new, (struct queue_run){ h.run_id, h.job->job_id, true }, QUEUE_LOST, &end), ERR_NONE);

    queue_beat(old, false, on_stops, &beat);
    assert_int_equal(answer(&beat), ERR_GONE);
    queue_claim(old, 1, on_claim, &claim);
    assert_int_equal(answer(&claim), ERR_GONE);
    queue_job_free(h.job);
    queue_free(old);
    queue_free(new);
}

static void
free__silences_what_is_on_its_way(void **state)
{
    (void)state;
    struct queue *q = queue_new(db, "quiet", FIRST);
    struct heard  h = { 0 }, last = { 0 };

    queue_node_start(q, 1, 1, "1", 1000, "machine", on_done, &h);
    queue_beat(q, false, on_stops, &h);
    queue_free(q);
    struct queue *other = queue_new(db, "loud", FIRST);
    queue_leftovers(other, on_leftovers, &last);
    assert_int_equal(answer(&last), ERR_NONE);
    assert_int_equal(h.count, 0);
    queue_free(other);
}

static void
outcome__names_go_there_and_back(void **state)
{
    (void)state;
    enum queue_outcome back = QUEUE_OK;

    for (unsigned i = 0; i < QUEUE_OUTCOME_COUNT; i++) {
        assert_true(queue_outcome_parse(queue_outcome_name((enum queue_outcome)i), &back));
        assert_int_equal(back, i);
    }
    assert_false(queue_outcome_parse("nonsense", &back));
    assert_false(queue_outcome_parse(NULL, &back));
}

static int
prepare(void **state)
{
    rig_open(state, 10000);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(Q2_claim__gives_a_job_with_its_run_and_nothing_when_nothing_is_due),
        cmocka_unit_test(Q4_run__is_started_stopped_and_finished_once),
        cmocka_unit_test(finish__detail_with_a_nul_still_closes_the_run),
        cmocka_unit_test(Q7_leftovers__a_new_incarnation_sees_the_old_ones_runs_and_the_old_one_is_gone),
        cmocka_unit_test(free__silences_what_is_on_its_way),
        cmocka_unit_test(outcome__names_go_there_and_back),
    };
    return cmocka_run_group_tests(tests, prepare, rig_close);
}
