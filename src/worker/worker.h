/* worker: claims jobs, starts their agents, reports what they did. Refuses to know stages and gates: what surrounds a run is done by hooks.
 *
 *   claimed ──prepare──▶ starting ──started──▶ running ──ended──▶ concluding ──▶ finishing ──▶ gone
 *      └────────────── stop asked, or could not be prepared or started ──────────────▲
 *
 * What deploys (detached.c) may run detached: then it is let go at a shut-down, and taken up at the next start.
 * A run that is asked to stop before it was started is never started. A run is finished exactly once; while Postgres is away that is
 * repeated. When no heartbeat has succeeded for two thirds of the lease, all agents are killed, so that they are gone before the lease
 * ends and others take over. */
#ifndef ORCH_WORKER_WORKER_H
#define ORCH_WORKER_WORKER_H

#include "base/err.h"
#include "base/json.h"
#include "config/config.h"
#include "db/db.h"
#include "loop/loop.h"
#include "queue/queue.h"

struct worker;

/* revision: the commit that this run is to deploy, which is done as the agents file says for the repo; NULL for any other run. */
typedef void worker_ready_fn(const char *cwd, const char *revision, const struct err *e, void *arg);
typedef void worker_evidence_fn(const char *head, struct json *evidence, const struct err *e, void *arg);
typedef void worker_end_fn(const struct err *why, void *arg);

/* prepare and conclude are called for jobs that belong to a task. Each calls done exactly once, in a later turn. */
struct worker_hooks {
    void (*prepare)(const struct queue_job *job, worker_ready_fn *done, void *done_arg, void *arg);
    /* Nothing is pushed after push_until_ms, clock_boot_ms(), which a heartbeat moves for all of them. */
    void (*conclude)(const struct queue_job *job, int64_t push_until_ms, worker_evidence_fn *done, void *done_arg, void *arg);
    char *(*prompt)(const struct queue_job *job, const char *result_file, void *arg); /* for {prompt}; the worker frees it */
    void (*renew)(int64_t push_until_ms, void *arg);
    worker_end_fn *on_given_up; /* the others have given this node up; its agents are being killed */
    void          *arg;
};

/* Takes the lock on the data directory; ERR_INVALID when another orchd has it. Everything is borrowed and outlives the worker. */
int  worker_open(struct worker **out, struct loop *l, struct db *db, const struct config *cfg, const struct worker_hooks *hooks,
                 struct err *e);
void worker_start(struct worker *w);                                 /* registers, clears up after a crash, then claims */
void worker_reload(struct worker *w);                                /* the settings and the agents file were read anew */
void worker_drain(struct worker *w, loop_fn *on_drained, void *arg); /* no new claims; a second call stops the agents at once */
void worker_close(struct worker *w);                                 /* NULL is fine; silences all; agents still there are killed */

const char *worker_node(const struct worker *w);                       /* this node's name */
void        worker_show_left_out(struct worker *w, struct json *into); /* agents that it takes no jobs of now, and why */

#endif
