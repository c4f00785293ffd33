/* The node: registering, clearing up after a crash, heartbeats, and the fence that this node puts around itself.
 * Its lease is counted from when the beat that renewed it was sent, so it ends here before it ends in Postgres. At two thirds of it the
 * agents are killed, by their wardens: those do it even when this process does not move. What is left of it is time for the kill. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "worker/doorbell.h"
#include "worker/offer.h"
#include "worker/worker_int.h"

enum {
    SWEEP_WAIT_MS = 5000,
    START_AGAIN_MS = 1000,
    FENCE_TICKS = 12,
    BEATS_PER_LEASE = 4,
    NAME_LEASES = 2, /* how long the name may be held by another host: one that died is out after one, so one that beats on is alive */
    HOST_SIZE = 320
};

static void on_start_again(void *arg);

static struct run *
find_run(struct worker *w, int64_t run_id)
{
    struct run *r;
    LIST_FOREACH (r, &w->runs, link)
        if (r->job->run_id == run_id)
            return r;
    return NULL;
}

/* The others count this node as gone, or another start of it has taken its name: what runs here is no longer ours. */
static void
give_up(struct worker *w, const struct err *why)
{
    struct run *r;
    if (w->is_over || w->is_leaving)
        return;
    w->is_over = true;
    LOGE("worker.given_up", "node=%s runs=%d why=%s", w->node, w->count, log_quote(why->text));
    LIST_FOREACH (r, &w->runs, link)
        run_kill(r, "the node was given up");
    if (w->hooks.on_given_up)
        w->hooks.on_given_up(why, w->hooks.arg);
}

static void
on_stops(const struct queue_stop *stops, size_t n, const struct err *e, void *arg)
{
    struct worker *w = CHECKED(arg, WORKER_MAGIC);
    if (e && e->code == ERR_GONE)
        give_up(w, e);
    if (e)
        return;
    for (size_t i = 0; i < n; i++) {
        struct run *r = find_run(w, stops[i].run_id);
        if (r)
            run_stop(r, stops[i].why, stops[i].asked_at);
    }
}

int64_t
worker_lease_until(const struct worker *w)
{
    return w->beat_ok_ms + w->cfg->lease * 2 / 3;
}

static void
renew(struct worker *w, int64_t beat_ms)
{
    struct run *r;

    w->beat_ok_ms = beat_ms;
    LIST_FOREACH (r, &w->runs, link)
        if (r->agent)
            agent_renew(r->agent, worker_lease_until(w));
    w->hooks.renew(worker_lease_until(w), w->hooks.arg);
}

static void
on_beat(const struct queue_stop *stops, size_t n, const struct err *e, void *arg)
{
    struct worker *w = CHECKED(arg, WORKER_MAGIC);
    w->beats_open--;
    if (!e)
        renew(w, w->beat_sent_ms);
    else if (e->code == ERR_RETRY)
        LOGW("worker.beat_missed", "node=%s since_ms=%lld why=%s", w->node, (long long)(clock_boot_ms() - w->beat_ok_ms),
             log_quote(e->text));
    on_stops(stops, n, e, w);
}

void
worker_beat(struct worker *w)
{
    if (!w->is_registered || w->is_over || w->is_leaving)
        return;
    /* Answers of slow beats overlap and do not tell which they belong to: the oldest one's time is never too late for the fence. */
    if (w->beats_open++ == 0)
        w->beat_sent_ms = clock_boot_ms();
    queue_beat(w->queue, w->is_draining, on_beat, w);
}

static void
on_beat_due(void *arg)
{
    worker_beat(CHECKED(arg, WORKER_MAGIC));
}

/* A call that was made when Postgres is back goes ahead of what the duties ask: the reaper, ours too, must not find us silent. */
static void
on_db_up(void *arg)
{
    worker_beat(CHECKED(arg, WORKER_MAGIC));
}

/* The wardens have done it by now. This is for the runs that have no agent yet. */
static void
on_fence_due(void *arg)
{
    struct worker *w = CHECKED(arg, WORKER_MAGIC);
    struct run    *r;
    if (!w->is_registered || w->is_over || w->count == 0 || clock_boot_ms() < worker_lease_until(w))
        return;
    LIST_FOREACH (r, &w->runs, link) {
        if (r->is_detached)
            continue; /* it goes on whatever becomes of us */
        if (!r->is_released)
            LOGE("worker.fenced", "node=%s run=%lld why=%s", w->node, (long long)r->job->run_id,
                 log_quote("no heartbeat has reached Postgres for two thirds of the lease"));
        r->is_released = true;
        run_kill(r, "this node cannot reach Postgres");
    }
}

static void
on_stop_rung(const char *payload, void *arg)
{
    struct worker *w = CHECKED(arg, WORKER_MAGIC);
    if (w->is_registered && (!payload || !*payload || str_equal(payload, w->node)))
        queue_runs_to_stop(w->queue, on_stops, w);
}

static void
on_jobs_rung(const char *payload, void *arg)
{
    struct worker *w = CHECKED(arg, WORKER_MAGIC);
    if (payload)
        doorbell_ring(w->bell);
    else
        doorbell_reset(w->bell);
}

static void
begin_claiming(struct worker *w)
{
    w->is_registered = true;
    w->is_claim_lost = true; /* The last claim of an orchd that was killed may have been answered after we had asked what it left. */
    offer_start(w->offer);
    LOGI("worker.ready", "node=%s slots=%lld", w->node, (long long)w->cfg->max_concurrency);
    if (!w->beat_timer) {
        w->beat_timer = loop_every(w->loop, w->cfg->lease / BEATS_PER_LEASE, on_beat_due, w);
        w->fence_timer = loop_every(w->loop, w->cfg->lease / FENCE_TICKS, on_fence_due, w);
        db_listen(w->db, "orch_stop", on_stop_rung, w);
        db_listen(w->db, "orch_jobs", on_jobs_rung, w);
        db_on_up(w->db, on_db_up, w);
    }
    worker_beat(w);
    doorbell_start(w->bell);
}

static void
start_again(struct worker *w, const char *what, const struct err *e)
{
    LOGW("worker.not_started", "node=%s what=%s why=%s", w->node, what, log_quote(e->text));
    w->start_timer = loop_after(w->loop, START_AGAIN_MS, on_start_again, w);
}

static void
on_leftover_finished(const struct queue_finished *f, const struct err *e, void *arg)
{
    struct worker *w = CHECKED(arg, WORKER_MAGIC);
    (void)f;
    if (e && e->code != ERR_GONE)
        w->is_start_failed = true;
    if (--w->leftovers > 0)
        return;
    if (w->is_start_failed)
        start_again(w, "leftovers", e ? e : &(struct err){ .text = "a leftover run could not be closed" });
    else
        begin_claiming(w);
}

static void
on_leftovers(const struct queue_leftover *runs, size_t n, const struct err *e, void *arg)
{
    struct worker *w = CHECKED(arg, WORKER_MAGIC);
    struct err     left_over = ERR_INIT;

    if (e) {
        start_again(w, "leftovers", e);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        int left = 0;
        if (runs[i].is_detached)
            continue;
        int killed =
            agent_sweep((pid_t)runs[i].pid, runs[i].pid_start, runs[i].boot_id, runs[i].marker, runs[i].cgroup, SWEEP_WAIT_MS, &left);
        LOGI("worker.swept", "run=%lld pid=%lld killed=%d left=%d", (long long)runs[i].run_id, (long long)runs[i].pid, killed, left);
        if (left > 0 && !left_over.code)
            err_set(&left_over, ERR_RETRY, "%d processes of run %lld do not end", left, (long long)runs[i].run_id);
    }
    if (left_over.code) {
        start_again(w, "sweep", &left_over);
        return;
    }
    w->leftovers = 0;
    w->is_start_failed = false;
    for (size_t i = 0; i < n; i++) {
        struct json *detail;
        if (runs[i].is_detached) {
            if (!find_run(w, runs[i].run_id)) /* a start that failed half-way has taken it up already */
                run_adopt(w, &runs[i]);
            continue;
        }
        w->leftovers++;
        detail = json_new_object();
        json_set_str(detail, "error", "orchd ended while the agent ran");
        queue_finish(w->queue, (struct queue_run){ runs[i].run_id, runs[i].job_id, true }, QUEUE_LOST, detail, on_leftover_finished, w);
        json_free(detail);
    }
    if (w->leftovers == 0)
        begin_claiming(w);
}

/* Refused: most likely another host runs a node of our name. One that has died there is out when its lease has ended. */
static void
on_name_refused(struct worker *w, const struct err *e)
{
    struct err why = *e;
    int64_t    now = clock_boot_ms();

    if (!w->refused_ms)
        w->refused_ms = now;
    if (now - w->refused_ms < w->cfg->lease * NAME_LEASES) {
        start_again(w, "name", e);
        return;
    }
    err_prefix(&why, "gave up after two leases (ORCH_LEASE=%lld ms); stop the other node, or set another ORCH_NODE here",
               (long long)w->cfg->lease);
    give_up(w, &why);
}

static void
on_node_started(const struct err *e, void *arg)
{
    struct worker *w = CHECKED(arg, WORKER_MAGIC);

    if (e && e->code == ERR_INVALID) {
        on_name_refused(w, e);
    } else if (e && e->code != ERR_RETRY && e->code != ERR_BUG) {
        give_up(w, e);
    } else if (e) {
        start_again(w, "node", e);
    } else {
        w->beat_ok_ms = w->beat_sent_ms;
        queue_leftovers(w->queue, on_leftovers, w);
    }
}

static void
on_start_again(void *arg)
{
    struct worker *w = CHECKED(arg, WORKER_MAGIC);
    w->start_timer = NULL;
    worker_register(w);
}

void
worker_register(struct worker *w)
{
    char name[HOST_SIZE / 2] = { 0 };
    char host[HOST_SIZE];

    /* Machines made from one image may share their name, and a boot is never the same twice. */
    gethostname(name, sizeof name - 1);
    snprintf(host, sizeof host, "%s/%s", name, agent_boot_id());
    w->beat_sent_ms = clock_boot_ms();
    queue_contain(w->queue, agent_containment(NULL));
    queue_node_start(w->queue, (int)getpid(), (int)w->cfg->max_concurrency, ORCH_VERSION, w->cfg->lease, host, on_node_started, w);
}
