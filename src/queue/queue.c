/* queue: each function turns C values into the texts of one call and the rows of its answer into C values. No policy.
 * Every open call is on the queue's list, so that queue_free() can silence all of them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/str.h"
#include "queue/queue_int.h"

struct number
number_text(int64_t value)
{
    struct number n;

    snprintf(n.text, sizeof n.text, "%" PRId64, value);
    return n;
}

void
array_add(struct buf *b, const char *text)
{
    buf_add_str(b, b->len ? ",\"" : "{\"");
    while (*text) {
        size_t plain = strcspn(text, "\"\\");
        buf_add(b, text, plain);
        text += plain;
        if (*text) {
            buf_add_str(b, "\\");
            buf_add(b, text++, 1);
        }
    }
    buf_add_str(b, "\"");
}

char *
array_take(struct buf *b)
{
    buf_add_str(b, b->len ? "}" : "{}");
    return buf_take(b);
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
    finish_init(q);
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
    finish_fini(q);
    for (struct open_call *o = LIST_FIRST(&q->open); o; o = next) {
        next = LIST_NEXT(o, link);
        db_forget(o->call);
        free(o);
    }
    free(q->node);
    free(q->incarnation);
    free(q->without);
    free(q->only);
    q->magic = 0;
    free(q);
}

typedef struct db_call *call_fn(struct db *db, enum db_call_id id, const char *const *params, db_fn *fn, void *arg);

static struct open_call *
open_call_on(struct queue *q, call_fn *call, enum db_call_id id, const char *const *params, db_fn *on_answer, void *arg)
{
    CHECK(q->magic == QUEUE_MAGIC);
    struct open_call *o = xcalloc(1, sizeof *o);

    *o = (struct open_call){ .magic = OPEN_MAGIC, .q = q, .arg = arg };
    LIST_INSERT_HEAD(&q->open, o, link);
    o->call = call(q->db, id, params, on_answer, o);
    return o;
}

struct open_call *
open_call(struct queue *q, enum db_call_id id, const char *const *params, db_fn *on_answer, void *arg)
{
    return open_call_on(q, db_call, id, params, on_answer, arg);
}

struct open_call
answered(void *open)
{
    struct open_call *o = CHECKED(open, OPEN_MAGIC);
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

static void
on_stops(struct db_result *r, const struct err *e, void *arg)
{
    struct open_call   o = answered(arg);
    size_t             n = e ? 0 : (size_t)db_rows(r);
    struct queue_stop *stops = xcalloc(n + 1, sizeof *stops);

    for (size_t i = 0; i < n; i++) {
        const char *asked_at = db_text(r, (int)i, "asked_at");
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
on_leftovers(struct db_result *r, const struct err *e, void *arg)
{
    struct open_call       o = answered(arg);
    size_t                 n = e ? 0 : (size_t)db_rows(r);
    struct queue_leftover *runs = xcalloc(n + 1, sizeof *runs);

    for (size_t i = 0; i < n; i++)
        runs[i] = (struct queue_leftover){
            .run_id = db_int(r, (int)i, "run_id"),
            .job_id = db_int(r, (int)i, "job_id"),
            .pid = db_int(r, (int)i, "pid"),
            .pid_start = db_text(r, (int)i, "pid_start"),
            .boot_id = db_text(r, (int)i, "boot_id"),
            .marker = db_text(r, (int)i, "marker"),
            .cgroup = db_text(r, (int)i, "cgroup"),
            .is_detached = db_bool(r, (int)i, "is_detached"),
            .task_id = db_int(r, (int)i, "task_id"),
            .work_item = db_text(r, (int)i, "work_item"),
            .agent = db_text(r, (int)i, "agent"),
            .repo = db_text(r, (int)i, "repo"),
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
on_idle(struct db_result *r, const struct err *e, void *arg)
{
    struct open_call  o = answered(arg);
    struct queue_idle i = { 0 };

    if (!e) {
        const char *next_ms = db_text(r, 0, "next_ms");
        /* Rounded up: a look that comes too early finds nothing. */
        i = (struct queue_idle){ .is_idle = db_bool(r, 0, "is_idle"),
                                 .horizon = db_text(r, 0, "new_horizon"),
                                 .is_settled = db_bool(r, 0, "is_settled"),
                                 .next_ms = next_ms ? (int64_t)ceil(strtod(next_ms, NULL)) : -1 };
    }
    o.fn.idle(e ? NULL : &i, e, o.arg);
}

void
queue_contain(struct queue *q, const char *by)
{
    q->containment = by;
}

void
queue_node_start(struct queue *q, int pid, int slots, const char *version, int64_t lease_ms, const char *host, queue_done_fn *fn, void *arg)
{
    struct number     p = number_text(pid), s = number_text(slots), l = number_text(lease_ms);
    const char *const params[] = { q->node, q->incarnation, p.text, s.text, version, l.text, host, q->containment };

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

    open_call(q, CALL_beat, params, on_stops, arg)->fn.stops = fn;
}

void
queue_runs_to_stop(struct queue *q, queue_stops_fn *fn, void *arg)
{
    const char *const params[] = { q->node };

    open_call_on(q, db_listener_call, CALL_runs_to_stop, params, on_stops, arg)->fn.stops = fn;
}

void
queue_node_idle(struct queue *q, const char *horizon, queue_idle_fn *fn, void *arg)
{
    const char *const params[] = { horizon };

    open_call_on(q, db_listener_call, CALL_node_idle, params, on_idle, arg)->fn.idle = fn;
}

void
queue_node_awake(struct queue *q, queue_done_fn *fn, void *arg)
{
    open_call_on(q, db_listener_call, CALL_node_awake, NULL, on_done, arg)->fn.done = fn;
}

void
queue_node_agents(struct queue *q, const char *const *agents, struct json *left_out, queue_done_fn *fn, void *arg)
{
    struct buf names = { 0 };

    for (size_t i = 0; agents[i]; i++)
        array_add(&names, agents[i]);
    char             *list = array_take(&names);
    const char *const params[] = { q->node, q->incarnation, list, json_text(left_out) };

    open_call(q, CALL_node_agents, params, on_done, arg)->fn.done = fn;
    free(list);
}

void
queue_node_stop(struct queue *q, queue_done_fn *fn, void *arg)
{
    const char *const params[] = { q->node, q->incarnation };

    open_call(q, CALL_node_stop, params, on_done, arg)->fn.done = fn;
}

void
queue_run_started(struct queue *q, struct queue_run run, int pid, const char *pid_start, const char *boot_id, const char *log_path,
                  const char *cgroup, queue_started_fn *fn, void *arg)
{
    struct number     r = number_text(run.run_id), j = number_text(run.job_id), p = number_text(pid);
    const char *const params[] = { r.text, p.text, pid_start, boot_id, log_path, j.text, cgroup };

    open_call(q, CALL_run_started, params, on_started, arg)->fn.started = fn;
}

void
queue_run_detaches(struct queue *q, struct queue_run run, const char *boot_id, const char *log_path, int64_t within_ms,
                   queue_started_fn *fn, void *arg)
{
    struct number     r = number_text(run.run_id), j = number_text(run.job_id), w = number_text(within_ms);
    const char *const params[] = { r.text, j.text, boot_id, log_path, w.text };

    open_call(q, CALL_run_detaches, params, on_started, arg)->fn.started = fn;
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

struct queue_run
queue_job_run(const struct queue_job *job)
{
    return (struct queue_run){ .run_id = job->run_id, .job_id = job->job_id, .has_task = job->task_id != 0 };
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
