/* offer: which agents this node takes jobs of now. It can run those that the agents file names, if it has slots; of those it leaves out
 * the ones whose breaker is not closed and those whose preflight does not pass. Both lists are part of each claim (queue_choose_agents()). What changes is told to
 * Postgres (orch.node_agents), where enqueue, reports and alerts read it, and is repeated until it was heard. */
#ifndef ORCH_WORKER_OFFER_H
#define ORCH_WORKER_OFFER_H

#include "base/json.h"
#include "config/config.h"
#include "loop/loop.h"
#include "queue/queue.h"
#include "worker/breaker.h"

struct offer;

/* All are borrowed and outlive it. on_more fires, in a later turn, when the node takes more than before: look for work. */
struct offer *offer_new(struct loop *l, struct queue *q, const struct config *cfg, const char *node, loop_fn *on_more, void *arg);
void          offer_free(struct offer *o);   /* NULL is fine */
void          offer_start(struct offer *o);  /* the node is registered: preflights begin; again after each registration */
void          offer_reload(struct offer *o); /* the agents file was read anew; breakers stay as they are */

/* A job was claimed. False: give it back, because the agent was left out meanwhile, or its breaker has its one probe. */
bool offer_take(struct offer *o, const char *agent, int64_t run);
/* Each run that was taken ends once. */
void offer_end(struct offer *o, const char *agent, int64_t run, enum breaker_verdict verdict, int64_t wait_ms, const char *words);

/* {"<agent>": {"breaker": "open", "until": …, "why": …}, …} of those that are left out now, for GET /health. */
void offer_report(struct offer *o, struct json *into);

#endif
