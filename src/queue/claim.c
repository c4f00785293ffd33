/* claim: jobs are claimed in the order of (priority desc, run_at, id), and the last key taken in each priority is remembered: its *mark*.
 * The entries of jobs claimed long ago stay in the index while an old transaction anywhere may see them; a claim that begins at the marks
 * does not walk over them again. What becomes due behind a mark (an earlier run_at, a job that was held) is found by a look everywhere, so
 * nobody may believe the queue empty before such a look came back short. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/str.h"
#include "queue/queue_int.h"

enum { US_PER_MS = 1000 };

void
marks_put(struct marks *m, int priority, const char *run_at, int64_t id)
{
    int at = 0;

    while (at < m->count && m->at[at].priority > priority)
        at++;
    if (at == m->count || m->at[at].priority != priority) {
        if (m->count == MARKS_MAX)
            m->count = at = 0;
        memmove(&m->at[at + 1], &m->at[at], (size_t)(m->count - at) * sizeof *m->at);
        m->count++;
    }
    m->at[at] = (struct mark){ .priority = priority, .id = id };
    snprintf(m->at[at].run_at, sizeof m->at[at].run_at, "%s", run_at);
}

char *
marks_text(const struct marks *m)
{
    struct buf b = { 0 };

    buf_add_str(&b, "[");
    for (int i = 0; i < m->count; i++)
        buf_printf(&b, "%s{\"priority\":%d,\"run_at\":\"%s\",\"id\":%" PRId64 "}", i ? "," : "", m->at[i].priority, m->at[i].run_at,
                   m->at[i].id);
    buf_add_str(&b, "]");
    return buf_take(&b);
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

/* Where the next claim begins. After a short answer that is everywhere: either this one left something behind the marks, or it was a look
 * everywhere itself, and what comes next may come anywhere. */
static void
remember(struct queue *q, struct db_result *r, int n, const struct open_call *o)
{
    int64_t now_us = clock_mono_us();

    if (o->is_everywhere) {
        q->looked_us = now_us;
        q->look_us = now_us - o->sent_us;
        q->marks.count = 0;
    }
    for (int i = 0; i < n; i++)
        marks_put(&q->marks, (int)db_int(r, i, "priority"), db_text(r, i, "run_at"), db_int(r, i, "job_id"));
    q->is_dry = o->is_everywhere && n < o->slots;
    q->is_anew = q->is_anew || n < o->slots;
}

static void
on_claim(struct db_result *r, const struct err *e, void *arg)
{
    struct open_call  o = answered(arg);
    size_t            n = e ? 0 : (size_t)db_rows(r);
    struct queue_job *jobs = xcalloc(n + 1, sizeof *jobs);
    struct telling    t;

    if (e) {
        o.q->is_dry = false;
        o.q->is_anew = true;
    } else {
        remember(o.q, r, (int)n, &o);
    }
    for (size_t i = 0; i < n; i++)
        jobs[i] = read_job(r, (int)i);
    telling_begin(&t, o.q, NULL);
    o.fn.claim(jobs, n, e, o.arg);
    telling_end(&t);
    free(jobs);
}

static bool
is_look_due(const struct queue *q)
{
    int64_t rest_us = q->look_us * LOOK_SHARE;

    if (rest_us < (int64_t)LOOK_EVERY_MS * US_PER_MS)
        rest_us = (int64_t)LOOK_EVERY_MS * US_PER_MS;
    return q->is_anew || q->marks.count == 0 || clock_mono_us() - q->looked_us > rest_us;
}

void
queue_claim(struct queue *q, int slots, queue_claim_fn *fn, void *arg)
{
    bool              is_everywhere = is_look_due(q);
    char             *marks = is_everywhere ? NULL : marks_text(&q->marks);
    struct number     s = number_text(slots);
    const char *const params[] = { q->node, q->incarnation, s.text, marks, q->without, q->only };
    struct open_call *o = open_call(q, CALL_claim_jobs, params, on_claim, arg);

    o->fn.claim = fn;
    o->slots = slots;
    o->is_everywhere = is_everywhere;
    o->sent_us = clock_mono_us();
    if (is_everywhere)
        q->is_anew = false;
    free(marks);
}

void
queue_look_anew(struct queue *q)
{
    q->is_anew = true;
}

int64_t
queue_look_rest_ms(const struct queue *q)
{
    return q->look_us * LOOK_SHARE / US_PER_MS;
}

bool
queue_is_dry(const struct queue *q)
{
    return q->is_dry;
}

/* A text[] literal; NULL for none. */
static char *
list_text(const char *const *names)
{
    struct buf b = { 0 };

    if (!names)
        return NULL;
    for (size_t i = 0; names[i]; i++)
        array_add(&b, names[i]);
    return array_take(&b);
}

void
queue_choose_agents(struct queue *q, const char *const *without, const char *const *only)
{
    char *w = list_text(without), *o = list_text(only);

    /* The marks have passed what was not wanted. */
    if (!str_equal(w, q->without) || !str_equal(o, q->only))
        q->is_anew = true;
    free(q->without);
    free(q->only);
    q->without = w;
    q->only = o;
}
