/* finish: the ends of runs. One that has a task is a transaction of its own, because its task's row is locked in it. The others:
 *
 *     gathered ──nothing under way──▶ under way ──answered──▶ told
 *                                         └── refused as a whole ──▶ each by itself ──▶ told
 *
 * An end waits only for the answer to the ends before it, so a quiet node sends each at once and a busy one sends many in the time of one.
 * What ends while its owner is being told of claims or of other ends leaves when the owner is back.
 * Nothing is lost by waiting: until its end is answered a run is the node's, and its lease holds it. */
#include <stdlib.h>

#include "base/check.h"
#include "base/str.h"
#include "queue/queue_int.h"

#define BATCH_MAGIC 0x71626174u

struct end {
    struct queue_run   run;
    enum queue_outcome outcome;
    char              *detail;
    queue_finish_fn   *fn; /* NULL once told */
    void              *arg;
    TAILQ_ENTRY(end) link;
};

/* Ends that travel together. */
struct batch {
    uint32_t        magic;
    struct queue   *q;
    struct db_call *call;
    struct end_list ends;
};

static void send_gathered(struct queue *q);

static void
end_free(struct end *n)
{
    free(n->detail);
    free(n);
}

static void
batch_free(struct batch *b)
{
    struct end *n;

    if (!b)
        return;
    while ((n = TAILQ_FIRST(&b->ends))) {
        TAILQ_REMOVE(&b->ends, n, link);
        end_free(n);
    }
    b->magic = 0;
    free(b);
}

static void
tell(struct end *n, const struct queue_finished *f, const struct err *e)
{
    queue_finish_fn *fn = n->fn;

    n->fn = NULL;
    if (fn)
        fn(e ? NULL : f, e, n->arg);
}

/* --- one by itself -------------------------------------------------------------------------------------------------------------------- */

static void
on_finish(struct db_result *r, const struct err *e, void *arg)
{
    struct open_call      o = answered(arg);
    struct queue_finished f = { 0 };

    if (!e && db_rows(r)) {
        f.job_status = db_text(r, 0, "job_status");
        f.task_stage = db_text(r, 0, "task_stage");
        f.note = db_text(r, 0, "note");
    }
    o.fn.finish(e ? NULL : &f, e, o.arg);
}

static void
send_one(struct queue *q, const struct end *n)
{
    struct number     run = number_text(n->run.run_id), job = number_text(n->run.job_id);
    const char *const params[] = { run.text, queue_outcome_name(n->outcome), n->detail, n->run.job_id ? job.text : NULL };

    open_call(q, CALL_finish_run, params, on_finish, n->arg)->fn.finish = n->fn;
}

/* --- many together -------------------------------------------------------------------------------------------------------------------- */

/* The end that a row speaks of. The rows come in another order than the ends when some of them were no plain ones. */
static struct end *
find_end(struct batch *b, struct end *from, int64_t run_id)
{
    struct end *n;

    for (n = from; n; n = TAILQ_NEXT(n, link))
        if (n->fn && n->run.run_id == run_id)
            return n;
    for (n = TAILQ_FIRST(&b->ends); n && n != from; n = TAILQ_NEXT(n, link))
        if (n->fn && n->run.run_id == run_id)
            return n;
    return NULL;
}

static void
tell_row(struct end *n, struct db_result *r, int row)
{
    const char           *sqlstate = db_text(r, row, "sqlstate");
    struct err            e = ERR_INIT;
    struct queue_finished f = {
        .job_status = db_text(r, row, "job_status"),
        .task_stage = db_text(r, row, "task_stage"),
        .note = db_text(r, row, "note"),
    };

    if (sqlstate && *sqlstate)
        err_set(&e, db_code(sqlstate), "%s", f.note ? f.note : sqlstate);
    tell(n, &f, e.code ? &e : NULL);
}

static void
tell_rows(struct batch *b, struct db_result *r)
{
    const struct err silent = { .code = ERR_BUG, .text = "finish_runs() said nothing of this run" };
    struct end      *at = TAILQ_FIRST(&b->ends);

    for (int row = 0; row < db_rows(r); row++) {
        struct end *n = find_end(b, at, db_int(r, row, "run_id"));
        if (!n)
            continue; /* its owner is silenced, or the row a second one */
        at = TAILQ_NEXT(n, link);
        tell_row(n, r, row);
    }
    TAILQ_FOREACH (at, &b->ends, link)
        tell(at, NULL, &silent);
}

static void
tell_all(struct batch *b, const struct err *e)
{
    struct end *n;

    TAILQ_FOREACH (n, &b->ends, link)
        tell(n, NULL, e);
}

/* One of them makes the whole call fail. Each by itself, the others can end. */
static void
part(struct queue *q, struct batch *b)
{
    struct end *n;

    TAILQ_FOREACH (n, &b->ends, link)
        send_one(q, n);
}

static void
on_finished_all(struct db_result *r, const struct err *e, void *arg)
{
    struct batch  *b = CHECKED(arg, BATCH_MAGIC);
    struct queue  *q = b->q;
    struct end    *first = TAILQ_FIRST(&b->ends);
    struct telling t;

    /* The next batch leaves before anybody is told: what the owners do takes time, and one of them may free the queue. */
    q->batch = NULL;
    if (e && e->code != ERR_RETRY && TAILQ_NEXT(first, link)) {
        part(q, b);
        send_gathered(q);
    } else {
        send_gathered(q);
        telling_begin(&t, q, b);
        if (e)
            tell_all(b, e);
        else
            tell_rows(b, r);
        telling_end(&t);
    }
    batch_free(b);
}

static struct db_call *
send_batch(struct queue *q, struct batch *b, db_fn *fn)
{
    struct buf  runs = { 0 }, outcomes = { 0 }, details = { 0 }, jobs = { 0 };
    struct end *n;

    TAILQ_FOREACH (n, &b->ends, link) {
        array_add(&runs, number_text(n->run.run_id).text);
        array_add(&outcomes, queue_outcome_name(n->outcome));
        array_add(&details, n->detail);
        array_add(&jobs, number_text(n->run.job_id).text);
    }
    char             *texts[] = { array_take(&runs), array_take(&outcomes), array_take(&details), array_take(&jobs) };
    const char *const params[] = { texts[0], texts[1], texts[2], texts[3] };
    struct db_call   *call = db_call(q->db, CALL_finish_runs, params, fn, fn ? b : NULL);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    return call;
}

static struct batch *
gather(struct queue *q)
{
    struct batch *b = xcalloc(1, sizeof *b);
    struct end   *n;

    b->magic = BATCH_MAGIC;
    b->q = q;
    TAILQ_INIT(&b->ends);
    for (int i = 0; i < GATHER_MAX && (n = TAILQ_FIRST(&q->gathered)); i++) {
        TAILQ_REMOVE(&q->gathered, n, link);
        TAILQ_INSERT_TAIL(&b->ends, n, link);
    }
    return b;
}

static void
send_gathered(struct queue *q)
{
    if (q->batch || q->telling || TAILQ_EMPTY(&q->gathered))
        return;
    q->batch = gather(q);
    q->batch->call = send_batch(q, q->batch, on_finished_all);
}

void
telling_begin(struct telling *t, struct queue *q, struct batch *batch)
{
    *t = (struct telling){ .q = q, .batch = batch, .outer = q->telling };
    q->telling = t;
}

void
telling_end(struct telling *t)
{
    if (!t->q)
        return;
    t->q->telling = t->outer;
    send_gathered(t->q);
}

void
queue_finish(struct queue *q, struct queue_run run, enum queue_outcome outcome, struct json *detail, queue_finish_fn *fn, void *arg)
{
    struct end *n = xcalloc(1, sizeof *n);

    CHECK(q->magic == QUEUE_MAGIC);
    /* An agent's words may hold what JSON can say and Postgres cannot keep; the run must close all the same. */
    if (detail)
        json_scrub_nul(detail);
    *n = (struct end){ .run = run, .outcome = outcome, .detail = xstrdup(detail ? json_text(detail) : "{}"), .fn = fn, .arg = arg };
    if (run.has_task) {
        send_one(q, n);
        end_free(n);
    } else {
        TAILQ_INSERT_TAIL(&q->gathered, n, link);
        send_gathered(q);
    }
}

void
finish_init(struct queue *q)
{
    TAILQ_INIT(&q->gathered);
}

static void
silence(struct batch *b)
{
    struct end *n;

    TAILQ_FOREACH (n, &b->ends, link)
        n->fn = NULL;
}

void
finish_fini(struct queue *q)
{
    if (q->batch)
        db_forget(q->batch->call);
    batch_free(q->batch);
    while (!TAILQ_EMPTY(&q->gathered)) {
        struct batch *b = gather(q);
        send_batch(q, b, NULL);
        batch_free(b);
    }
    for (struct telling *t = q->telling; t; t = t->outer) {
        t->q = NULL;
        if (t->batch)
            silence(t->batch);
    }
}
