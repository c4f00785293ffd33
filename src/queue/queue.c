/* queue: each function turns C values into the texts of one call and the rows of its answer into C values. No policy.
 * Every open call is on the queue's list, so that queue_free() can silence all of them. */
#include "queue/queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/str.h"

#define QUEUE_MAGIC 0x71756575u
#define OPEN_MAGIC  0x71636c6cu

/* One call on its way. Which member of fn is set follows from the function that made it. */
struct open_call {
    uint32_t      magic;
    struct queue *q;
    LIST_ENTRY(open_call) link;
    struct db_call *call;
    union {
        queue_done_fn      *done;
        queue_claim_fn     *claim;
        queue_stops_fn     *stops;
        queue_leftovers_fn *leftovers;
        queue_started_fn   *started;
        queue_finish_fn    *finish;
    } fn;
    void *arg;
};

struct queue {
    uint32_t   magic;
    struct db *db;
    char      *node;
    char      *incarnation;
    LIST_HEAD(, open_call) open;
};

/* Room for the text of any 64-bit number, or a time. */
struct number {
    char text[40];
};

static struct number
number_text(int64_t value)
{
    struct number n;

    snprintf(n.text, sizeof n.text, "%" PRId64, value);
    return n;
}

struct queue *
queue_new(struct db *db, const char *node, const char *incarnation)
{
    struct queue *q = xcalloc(1, sizeof *q);

    q->magic = QUEUE_MAGIC;
    q->db = db;
    q->node = xstrdup(node);
    q->incarnation = xstrdup(incarnation);
    LIST_INIT(&q->open);
    return q;
}

static void
open_call_free(struct open_call *o)
{
    LIST_REMOVE(o, link);
    o->magic = 0;
    free(o);
}

void
queue_free(struct queue *q)
{
    struct open_call *next;

    if (!q)
        return;
    for (struct open_call *o = LIST_FIRST(&q->open); o; o = next) {
        next = LIST_NEXT(o, link);
        db_forget(o->call);
        free(o);
    }
    free(q->node);
    free(q->incarnation);
    q->magic = 0;
    free(q);
}

static struct open_call *
open_call(struct queue *q, enum db_call_id id, const char *const *params, db_fn *on_answer, void *arg)
{
    CHECK(q->magic == QUEUE_MAGIC);
    struct open_call *o = xcalloc(1, sizeof *o);

    *o = (struct open_call){ .magic = OPEN_MAGIC, .q = q, .arg = arg };
    LIST_INSERT_HEAD(&q->open, o, link);
    o->call = db_call(q->db, id, params, on_answer, o);
    return o;
}

/* Takes the call off the list before its owner hears of it: the owner may free the queue. */
static struct open_call
answered(void *arg)
{
    struct open_call *o = CHECKED(arg, OPEN_MAGIC);
    struct open_call  copy = *o;

    open_call_free(o);
    return copy;
}

static void
on_done(struct db_result *r, const struct err *e, void *arg)
{
    struct open_call o = answered(arg);

    (void)r;
    if (o.fn.done)
        o.fn.done(e, o.arg);
}

static char *
borrowed(struct db_result *r, int row, const char *column)
{
    /* The row outlives the callback that reads it, and the struct says const there. */
    return (char *)(uintptr_t)db_text(r, row, column);
}

static struct queue_job
read_job(struct db_result *r, int row)
{
    return (struct queue_job){
        .run_id = db_int(r, row, "run_id"),
        .job_id = db_int(r, row, "job_id"),
        .agent = borrowed(r, row, "agent"),
        .repo = borrowed(r, row, "repo"),
        .task_id = db_int(r, row, "task_id"),
        .work_item = borrowed(r, row, "work_item"),
        .title = borrowed(r, row, "title"),
        .branch = borrowed(r, row, "branch"),
        .default_branch = borrowed(r, row, "default_branch"),
        .clone_url = borrowed(r, row, "clone_url"),
        .stage = borrowed(r, row, "stage"),
        .content = borrowed(r, row, "content"),
        .attempt = (int)db_int(r, row, "attempt"),
        .max_attempts = (int)db_int(r, row, "max_attempts"),
        .plane_issue_id = borrowed(r, row, "plane_issue_id"),
    };
}

static void
on_claim(struct db_result *r, const struct err *e, void *arg)
{
    struct open_call  o = answered(arg);
    size_t            n = e ? 0 : (size_t)db_rows(r);
    struct queue_job *jobs = xcalloc(n + 1, sizeof *jobs);

    for (size_t i = 0; i < n; i++)
        jobs[i] = read_job(r, (int)i);
    o.fn.claim(jobs, n, e, o.arg);
    free(jobs);
}

static void
on_stops(struct db_result *r, const struct err *e, void *arg, bool has_time)
{
    struct open_call   o = answered(arg);
    size_t             n = e ? 0 : (size_t)db_rows(r);
    struct queue_stop *stops = xcalloc(n + 1, sizeof *stops);

    for (size_t i = 0; i < n; i++) {
        const char *asked_at = has_time ? db_text(r, (int)i, "asked_at") : NULL;
        stops[i] = (struct queue_stop){
            .run_id = db_int(r, (int)i, "run_id"),
            .why = db_text(r, (int)i, "why"),
            .asked_at = asked_at ? strtod(asked_at, NULL) : 0,
        };
    }
    o.fn.stops(stops, n, e, o.arg);
    free(stops);
}

static void
on_beat(struct db_result *r, const struct err *e, void *arg)
{
    on_stops(r, e, arg, false);
}

static void
on_runs_to_stop(struct db_result *r, const struct err *e, void *arg)
{
    on_stops(r, e, arg, true);
}

static void
on_leftovers(struct db_result *r, const struct err *e, void *arg)
{
    struct open_call       o = answered(arg);
    size_t                 n = e ? 0 : (size_t)db_rows(r);
    struct queue_leftover *runs = xcalloc(n + 1, sizeof *runs);

    for (size_t i = 0; i < n; i++)
        runs[i] = (struct queue_leftover){
            .run_id = db_int(r, (int)i, "run_id"),
            .pid = db_int(r, (int)i, "pid"),
            .pid_start = db_text(r, (int)i, "pid_start"),
            .boot_id = db_text(r, (int)i, "boot_id"),
            .marker = db_text(r, (int)i, "marker"),
        };
    o.fn.leftovers(runs, n, e, o.arg);
    free(runs);
}

static void
on_started(struct db_result *r, const struct err *e, void *arg)
{
    struct open_call o = answered(arg);

    o.fn.started(!e && db_bool(r, 0, "is_wanted"), e, o.arg);
}

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

void
queue_node_start(struct queue *q, int pid, int slots, const char *version, int64_t lease_ms, queue_done_fn *fn, void *arg)
{
    struct number     p = number_text(pid), s = number_text(slots), l = number_text(lease_ms);
    const char *const params[] = { q->node, q->incarnation, p.text, s.text, version, l.text };

    open_call(q, CALL_node_start, params, on_done, arg)->fn.done = fn;
}

void
queue_leftovers(struct queue *q, queue_leftovers_fn *fn, void *arg)
{
    const char *const params[] = { q->node };

    open_call(q, CALL_leftover_runs, params, on_leftovers, arg)->fn.leftovers = fn;
}

void
queue_beat(struct queue *q, bool is_draining, queue_stops_fn *fn, void *arg)
{
    const char *const params[] = { q->node, q->incarnation, is_draining ? "true" : "false" };

    open_call(q, CALL_beat, params, on_beat, arg)->fn.stops = fn;
}

void
queue_claim(struct queue *q, int slots, queue_claim_fn *fn, void *arg)
{
    struct number     s = number_text(slots);
    const char *const params[] = { q->node, q->incarnation, s.text };

    open_call(q, CALL_claim_jobs, params, on_claim, arg)->fn.claim = fn;
}

void
queue_runs_to_stop(struct queue *q, queue_stops_fn *fn, void *arg)
{
    const char *const params[] = { q->node };

    open_call(q, CALL_runs_to_stop, params, on_runs_to_stop, arg)->fn.stops = fn;
}

void
queue_node_stop(struct queue *q, queue_done_fn *fn, void *arg)
{
    const char *const params[] = { q->node, q->incarnation };

    open_call(q, CALL_node_stop, params, on_done, arg)->fn.done = fn;
}

void
queue_run_started(struct queue *q, int64_t run_id, int pid, const char *pid_start, const char *boot_id, const char *log_path,
                  queue_started_fn *fn, void *arg)
{
    struct number     r = number_text(run_id), p = number_text(pid);
    const char *const params[] = { r.text, p.text, pid_start, boot_id, log_path };

    open_call(q, CALL_run_started, params, on_started, arg)->fn.started = fn;
}

void
queue_run_stopping(struct queue *q, int64_t run_id, int64_t term_at_us, int64_t kill_at_us, queue_done_fn *fn, void *arg)
{
    struct number     r = number_text(run_id);
    struct clock_text term = clock_text_us(term_at_us);
    struct clock_text gone = clock_text_us(kill_at_us);
    const char *const params[] = { r.text, term_at_us ? term.text : NULL, kill_at_us ? gone.text : NULL };

    open_call(q, CALL_run_stopping, params, on_done, arg)->fn.done = fn;
}

void
queue_finish(struct queue *q, int64_t run_id, enum queue_outcome outcome, struct json *detail, queue_finish_fn *fn, void *arg)
{
    struct number r = number_text(run_id);

    /* An agent's words may hold what JSON can say and Postgres cannot keep; the run must close all the same. */
    if (detail)
        json_scrub_nul(detail);
    const char *const params[] = { r.text, queue_outcome_name(outcome), detail ? json_text(detail) : "{}" };

    open_call(q, CALL_finish_run, params, on_finish, arg)->fn.finish = fn;
}

static const char *const outcome_names[QUEUE_OUTCOME_COUNT] = {
#define QUEUE_OUTCOME_NAME(name, text) [QUEUE_##name] = (text),
    QUEUE_OUTCOMES(QUEUE_OUTCOME_NAME)
#undef QUEUE_OUTCOME_NAME
};

const char *
queue_outcome_name(enum queue_outcome o)
{
    CHECK(o < QUEUE_OUTCOME_COUNT);
    return outcome_names[o];
}

bool
queue_outcome_parse(const char *text, enum queue_outcome *out)
{
    for (unsigned i = 0; i < QUEUE_OUTCOME_COUNT; i++) {
        if (str_equal(outcome_names[i], text)) {
            *out = (enum queue_outcome)i;
            return true;
        }
    }
    return false;
}

struct queue_job *
queue_job_copy(const struct queue_job *job)
{
    struct queue_job *copy = xcalloc(1, sizeof *copy);

    *copy = *job;
    copy->agent = xstrdup(job->agent);
    copy->repo = xstrdup(job->repo);
    copy->work_item = xstrdup(job->work_item);
    copy->title = xstrdup(job->title);
    copy->branch = xstrdup(job->branch);
    copy->default_branch = xstrdup(job->default_branch);
    copy->clone_url = xstrdup(job->clone_url);
    copy->stage = xstrdup(job->stage);
    copy->content = xstrdup(job->content);
    copy->plane_issue_id = xstrdup(job->plane_issue_id);
    return copy;
}

void
queue_job_free(struct queue_job *job)
{
    if (!job)
        return;
    free(job->agent);
    free(job->repo);
    free(job->work_item);
    free(job->title);
    free(job->branch);
    free(job->default_branch);
    free(job->clone_url);
    free(job->stage);
    free(job->content);
    free(job->plane_issue_id);
    free(job);
}
