/* upkeep: the duties that keep the rows true: reaper, sweeper of deferred cancels, reconciler, event retry, schedules, held jobs, retention,
 * reading of the board's statuses, polls of board and forge, disks, build caches, and old logs. Each ticks at its own interval, with its own
 * kill-switch; a tick is skipped while the last one is under way. Of several nodes one has each duty (orch.duties), and another takes it when
 * that one goes; only the logs and the disks are each node's own. No state of its own beyond "when and how did it go": what is due is asked
 * from SQL each time. */
#ifndef ORCH_UPKEEP_UPKEEP_H
#define ORCH_UPKEEP_UPKEEP_H

#include "base/err.h"
#include "base/json.h"
#include "config/config.h"
#include "db/db.h"
#include "fetch/fetch.h"
#include "loop/loop.h"

struct upkeep;

/* node: this node's name, copied. Everything else is borrowed and outlives upkeep; cfg may change in place: intervals and kill-switches are read
 * at each tick. */
int upkeep_open(struct upkeep **out, struct loop *l, struct db *db, struct fetch *f, const struct config *cfg, const char *node,
                struct err *e);

/* NULL is fine; silences all. Before the close of db and fetch, and in the same turn as db's. */
void upkeep_close(struct upkeep *u);

/* {"reaper": {"is_enabled", "interval_ms", "node" (which has the duty), "last_tick", "last_ok", "last_error", "last_count", "is_under_way"}, …}; times are RFC 3339 or
 * null; last_error is null when the last tick went well. Caller frees. */
struct json *upkeep_report(struct upkeep *u);

#endif
