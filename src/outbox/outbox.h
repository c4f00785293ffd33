/* outbox: delivers the effects that SQL promised, at least once, in the order that SQL hands them out. Decides nothing about what to say.
 * Looks for effects on NOTIFY orch_effects, every outbox_interval, and when one is over; carries out at most 16 side by side. An effect
 * whose channel is not configured is skipped with a reason that names the setting. */
#ifndef ORCH_OUTBOX_OUTBOX_H
#define ORCH_OUTBOX_OUTBOX_H

#include "base/err.h"
#include "config/config.h"
#include "db/db.h"
#include "fetch/fetch.h"
#include "git/git.h"
#include "loop/loop.h"

struct outbox;

/* node: this node's name, as queue_new() has it; copied. Everything else is borrowed and outlives the outbox; cfg may change in place. */
int outbox_open(struct outbox **out, struct loop *l, struct db *db, struct fetch *f, struct git *g, const struct config *cfg,
                const char *node, struct err *e);

/* Takes no more; calls fn once, in a later turn, when nothing is under way. Bounded by the caller: outbox_close() at any time. */
void outbox_drain(struct outbox *o, loop_fn *fn, void *arg);

/* NULL is fine; silences all. What was under way is handed out again by SQL when its two minutes are over. To be called before the
 * close of db, fetch and git, and in the same turn as db's, because db_listen() cannot be taken back. */
void outbox_close(struct outbox *o);

#endif
