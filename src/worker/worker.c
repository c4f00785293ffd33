/* Slots: how many are free, and the claim that fills them. Opening, draining and closing of the whole. */
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"
#include "worker/doorbell.h"
#include "worker/offer.h"
#include "worker/worker_int.h"

enum { HOST_NAME_SIZE = 256, LOCK_MODE = 0640 };

static void look(void *arg);
static void leave_if_empty(struct worker *w);

static void
on_disowned(struct db_result *r, const struct err *e, void *arg)
{
    struct worker *w = CHECKED(arg, WORKER_MAGIC);

    if (e) {
        doorbell_failed(w->bell);
        leave_if_empty(w);
        return;
    }
    w->is_claim_lost = false;
    if (db_int(r, 0, "count") > 0)
        LOGW("worker.claim_lost", "node=%s given_back=%lld", w->node, (long long)db_int(r, 0, "count"));
    look(w);
}

/* An answer to a claim was lost: jobs may be ours without our knowing. SQL is told what we hold, and gives the rest back. */
static void
disown(struct worker *w)
{
    struct buf  held = { 0 };
    struct run *r;
    buf_add_str(&held, "{");
    LIST_FOREACH (r, &w->runs, link)
        buf_printf(&held, "%s%lld", held.len > 1 ? "," : "", (long long)r->job->run_id);
    buf_add_str(&held, "}");
    const char *params[] = { w->node, w->incarnation, held.data };
    db_call(w->db, CALL_disown_runs, params, on_disowned, w);
    buf_fini(&held);
}

static void
release_all(struct worker *w)
{
    struct run *r;
    LIST_FOREACH (r, &w->runs, link)
        run_release(r);
}

static void
on_claimed(const struct queue_job *jobs, size_t n, const struct err *e, void *arg)
{
    struct worker *w = CHECKED(arg, WORKER_MAGIC);

    if (e) {
        w->is_claim_lost = e->code == ERR_RETRY;
        if (e->code != ERR_RETRY)
            LOGE("worker.claim_refused", "node=%s why=%s", w->node, log_quote(e->text));
        doorbell_failed(w->bell);
        leave_if_empty(w);
        return;
    }
    metric_add(METRIC_orchd_claims_total, (double)n);
    for (size_t i = 0; i < n; i++)
        run_begin(w, &jobs[i]);
    doorbell_looked(w->bell, n, queue_is_dry(w->queue));
    if (w->is_draining && !w->drain_timer)
        release_all(w);
    leave_if_empty(w);
}

/* One claim for all free slots. The doorbell says when. */
static void
look(void *arg)
{
    struct worker *w = CHECKED(arg, WORKER_MAGIC);
    int64_t        slots = w->cfg->max_concurrency - w->count;

    if (!w->is_registered || w->is_draining || w->is_over) {
        doorbell_stop(w->bell);
        doorbell_failed(w->bell);
        leave_if_empty(w);
    } else if (w->is_claim_lost) {
        disown(w);
    } else if (slots <= 0) {
        doorbell_full(w->bell);
    } else {
        w->claim_sent_ms = clock_boot_ms();
        queue_claim(w->queue, (int)slots, on_claimed, w);
    }
}

/* --- the whole ---------------------------------------------------------------------------------------------------------------------------- */

static void
make_incarnation(char out[37])
{
    unsigned char b[16];
    CHECK(getrandom(b, sizeof b, 0) == sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5], b[6],
             b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static int
lock_data_dir(struct worker *w, struct err *e)
{
    char *path = xasprintf("%s/node.lock", w->cfg->data_dir);
    w->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, LOCK_MODE);
    if (w->lock_fd < 0)
        err_set(e, ERR_INVALID, "could not open \"%s\": %s", path, strerror(errno));
    else if (flock(w->lock_fd, LOCK_EX | LOCK_NB))
        err_set(e, ERR_INVALID, "another orchd uses the data directory \"%s\"; stop it, or set ORCH_DATA_DIR and ORCH_NODE for this one",
                w->cfg->data_dir);
    free(path);
    return e->code;
}

static void
on_more_offered(void *arg)
{
    struct worker *w = CHECKED(arg, WORKER_MAGIC);
    doorbell_ring(w->bell);
}

int
worker_open(struct worker **out, struct loop *l, struct db *db, const struct config *cfg, const struct worker_hooks *hooks, struct err *e)
{
    struct worker *w = xcalloc(1, sizeof *w);
    char           host[HOST_NAME_SIZE] = { 0 };

    w->magic = WORKER_MAGIC;
    w->loop = l;
    w->db = db;
    w->cfg = cfg;
    w->hooks = *hooks;
    w->lock_fd = -1;
    LIST_INIT(&w->runs);
    gethostname(host, sizeof host - 1);
    w->node = xstrdup(*cfg->node ? cfg->node : host);
    make_incarnation(w->incarnation);
    w->queue = queue_new(db, w->node, w->incarnation);
    w->bell = doorbell_new(l, w->queue, &cfg->poll_seconds, look, w);
    w->offer = offer_new(l, w->queue, cfg, w->node, on_more_offered, w);
    if (lock_data_dir(w, e))
        worker_close(w);
    else
        *out = w;
    return e->code;
}

const char *
worker_node(const struct worker *w)
{
    return w->node;
}

void
worker_reload(struct worker *w)
{
    offer_reload(w->offer);
}

void
worker_show_left_out(struct worker *w, struct json *into)
{
    offer_report(w->offer, into);
}

void
worker_start(struct worker *w)
{
    worker_register(w);
}

static void
on_node_stopped(const struct err *e, void *arg)
{
    struct worker *w = CHECKED(arg, WORKER_MAGIC);
    if (e)
        LOGW("worker.leave_untold", "node=%s why=%s", w->node, log_quote(e->text));
    w->on_drained(w->drained_arg);
}

/* A claim that was under way when the drain began may bring jobs yet. Asked again wherever a look ends. */
static void
leave_if_empty(struct worker *w)
{
    if (!w->on_drained || w->count > 0 || w->is_leaving || doorbell_is_looking(w->bell))
        return;
    w->is_leaving = true;
    loop_timer_stop(w->drain_timer);
    w->drain_timer = NULL;
    queue_node_stop(w->queue, on_node_stopped, w);
}

void
worker_forget_run(struct worker *w, struct run *r)
{
    run_free(r);
    w->count--;
    metric_set(METRIC_orchd_runs_open, w->count);
    leave_if_empty(w);
    doorbell_slot_freed(w->bell);
}

static void
let_go_detached(struct worker *w)
{
    struct run *next;

    for (struct run *r = LIST_FIRST(&w->runs); r; r = next) {
        next = LIST_NEXT(r, link);
        run_let_go(r);
    }
}

static void
on_drain_over(void *arg)
{
    struct worker *w = CHECKED(arg, WORKER_MAGIC);
    w->drain_timer = NULL;
    LOGI("worker.drain_over", "node=%s runs=%d", w->node, w->count);
    release_all(w);
}

void
worker_drain(struct worker *w, loop_fn *on_drained, void *arg)
{
    bool is_second = w->is_draining;
    w->is_draining = true;
    w->on_drained = on_drained;
    w->drained_arg = arg;
    loop_timer_stop(w->drain_timer);
    w->drain_timer = loop_after(w->loop, is_second ? 0 : w->cfg->drain_seconds, on_drain_over, w);
    doorbell_stop(w->bell);
    worker_beat(w);
    let_go_detached(w);
    leave_if_empty(w);
}

void
worker_close(struct worker *w)
{
    struct run *r;
    if (!w)
        return;
    loop_timer_stop(w->beat_timer);
    loop_timer_stop(w->fence_timer);
    loop_timer_stop(w->drain_timer);
    loop_timer_stop(w->start_timer);
    while ((r = LIST_FIRST(&w->runs)))
        run_free(r);
    offer_free(w->offer);
    doorbell_free(w->bell);
    queue_free(w->queue);
    if (w->lock_fd >= 0)
        close(w->lock_fd);
    free(w->node);
    free(w);
}
