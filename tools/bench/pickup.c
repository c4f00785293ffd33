/* pickup: an idle node with an in-process handler. It goes to sleep and wakes as orchd's worker does, but starts no process: what is left
 * is the way of a job from the COMMIT of whoever enqueued it to the node.
 *
 *   looking ──nothing, two times──▶ asks to be idle ──▶ settling ──what was open has ended, one more look──▶ asleep
 *      ▲                                                    │                                                   │
 *      └──────────────────────────── a ring, or a job ──────┴───────────────────────────────────────────────────┘ */
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/str.h"
#include "bench.h"
#include "db/db.h"
#include "loop/loop.h"
#include "queue/queue.h"

#define PICKUP_MAGIC 0x62706963u

enum { LEASE_MS = 3600000, CALL_TIMEOUT_MS = 60000, SLOTS = 4, CONNECTIONS = 4, LOOKS_AWAKE = 2, POLL_MS = 5000 };

struct pickup {
    uint32_t                    magic;
    const struct bench_options *o;
    FILE                       *out;
    struct loop                *loop;
    struct db                  *db;
    struct queue               *q;
    struct err                 *e;
    struct loop_timer          *next;
    unsigned                    seen;
    unsigned                    looks;    /* in vain, since the last job or ring */
    bool                        is_ready; /* the node is registered */
    bool                        is_claiming;
    bool                        is_rung; /* while a claim was under way: one more */
    bool                        is_idle;
    bool                        is_settled;
    bool                        is_asking;       /* a queue_node_idle() is under way, */
    bool                        is_asking_first; /* its first */
    char                       *horizon;         /* NULL unless idle */
};

static void look(void *arg);

static void
end(struct pickup *p, const struct err *why)
{
    if (why && !p->e->code)
        err_set(p->e, why->code, "%s", why->text);
    loop_quit(p->loop);
}

static void
look_after(struct pickup *p, int64_t delay_ms)
{
    loop_timer_stop(p->next);
    p->next = loop_after(p->loop, delay_ms, look, p);
}

static void
on_idle(const struct queue_idle *i, const struct err *e, void *arg)
{
    struct pickup *p = CHECKED(arg, PICKUP_MAGIC);

    if (e) {
        end(p, e);
        return;
    }
    p->is_asking = false;
    /* A ring that came meanwhile has given the lock back. */
    if (p->is_asking_first || p->horizon) {
        p->is_idle = i->is_idle;
        p->is_settled = i->is_settled;
    }
    if (i->is_idle && p->is_asking_first)
        p->horizon = xstrdup(i->horizon);
    look(p);
}

static void
ask_idle(struct pickup *p)
{
    if (p->is_asking)
        return;
    p->is_asking = true;
    p->is_asking_first = !p->horizon;
    queue_node_idle(p->q, p->horizon, on_idle, p);
}

static void
wake(struct pickup *p)
{
    if (p->is_idle)
        queue_node_awake(p->q, NULL, NULL);
    p->is_idle = p->is_settled = false;
    p->looks = 0;
    free(give(&p->horizon));
}

static void
on_finished(const struct queue_finished *f, const struct err *e, void *arg)
{
    struct pickup *p = CHECKED(arg, PICKUP_MAGIC);

    (void)f;
    if (e)
        end(p, e);
}

static void
note(struct pickup *p, const struct queue_job *jobs, size_t n)
{
    int64_t now = bench_now_ns();

    for (size_t i = 0; i < n; i++) {
        fprintf(p->out, "%lld %lld\n", (long long)jobs[i].job_id, (long long)now);
        queue_finish(p->q, queue_job_run(&jobs[i]), QUEUE_OK, NULL, on_finished, p);
    }
    p->seen += (unsigned)n;
    if (p->seen >= p->o->jobs)
        end(p, NULL);
}

/* Nothing was there. The pauses double; only a node that is idle and has settled sleeps until it is rung. */
static void
rest(struct pickup *p)
{
    bool was_last = p->is_settled;

    p->looks++;
    if (was_last)
        look_after(p, POLL_MS);
    else if (p->is_idle && p->looks % 2)
        ask_idle(p);
    else if (!p->is_idle && p->looks > LOOKS_AWAKE)
        ask_idle(p);
    else
        look_after(p, p->looks < LOOKS_AWAKE ? 1 << p->looks : 1 << LOOKS_AWAKE);
}

static void
on_claimed(const struct queue_job *jobs, size_t n, const struct err *e, void *arg)
{
    struct pickup *p = CHECKED(arg, PICKUP_MAGIC);

    p->is_claiming = false;
    if (e) {
        end(p, e);
        return;
    }
    if (n)
        wake(p);
    note(p, jobs, n);
    if (n || p->is_rung || !queue_is_dry(p->q)) {
        p->is_rung = false;
        look(p);
    } else {
        rest(p);
    }
}

static void
look(void *arg)
{
    struct pickup *p = CHECKED(arg, PICKUP_MAGIC);

    loop_timer_stop(give(&p->next));
    if (p->is_claiming || !p->is_ready)
        return;
    p->is_claiming = true;
    queue_claim(p->q, SLOTS, on_claimed, p);
}

static void
on_ring(const char *payload, void *arg)
{
    struct pickup *p = CHECKED(arg, PICKUP_MAGIC);

    (void)payload;
    wake(p);
    queue_look_anew(p->q);
    p->is_rung = p->is_claiming;
    look(p);
}

static void
on_started(const struct err *e, void *arg)
{
    struct pickup *p = CHECKED(arg, PICKUP_MAGIC);

    if (e) {
        end(p, e);
        return;
    }
    p->is_ready = true;
    db_listen(p->db, "orch_jobs", on_ring, p);
}

static void
on_up(void *arg)
{
    struct pickup *p = CHECKED(arg, PICKUP_MAGIC);

    queue_node_start(p->q, (int)getpid(), SLOTS, ORCH_VERSION, LEASE_MS, NULL, on_started, p);
}

int
bench_pickup(const struct bench_options *o, struct err *e)
{
    struct pickup     p = { .magic = PICKUP_MAGIC, .o = o, .e = e };
    struct db_options options = {
        .url = o->url, .connections = CONNECTIONS, .call_timeout_ms = CALL_TIMEOUT_MS, .application = "orchd-bench"
    };

    p.out = fopen(o->out ? o->out : "/dev/stdout", "we");
    if (!p.out) {
        err_set(e, ERR_INVALID, "could not write \"%s\"", o->out);
        goto out;
    }
    if (loop_new(&p.loop, e) || db_open(&p.db, p.loop, &options, e))
        goto out;
    p.q = queue_new(p.db, "bench-pickup", "00000000-0000-4000-8000-00000000be4d");
    db_on_up(p.db, on_up, &p);
    loop_run(p.loop);
out:
    loop_timer_stop(p.next);
    queue_free(p.q);
    db_close(p.db);
    loop_free(p.loop);
    if (p.out && fclose(p.out) && !e->code)
        err_set(e, ERR_RETRY, "could not write \"%s\"", o->out);
    free(p.horizon);
    return e->code;
}
