/* doorbell: when this node looks for work, and when it sleeps until somebody rings. The looking itself is the caller's.
 * Promises: a job that may run is looked for within milliseconds while there is a free slot, whether or not its NOTIFY was sent, came twice
 * or came early; a node that has nothing to do asks Postgres for next to nothing. */
#ifndef ORCH_WORKER_DOORBELL_H
#define ORCH_WORKER_DOORBELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"
#include "queue/queue.h"

struct doorbell;

/* look claims for all free slots, and tells how it went with one of the three below, at once or later; until then it is not called again.
 * Both are borrowed; poll_ms is read anew for each sleep. */
struct doorbell *doorbell_new(struct loop *l, struct queue *q, const int64_t *poll_ms, loop_fn *look, void *arg);
void             doorbell_free(struct doorbell *b); /* NULL is fine; in the turn in which the queue is freed, which silences its calls */

void doorbell_start(struct doorbell *b); /* the node may claim from now on: the first look */
void doorbell_stop(struct doorbell *b);  /* no more looks; the node counts as awake */

void doorbell_looked(struct doorbell *b, size_t found, bool is_dry); /* is_dry: as queue_is_dry() */
void doorbell_failed(struct doorbell *b);                            /* it could not look */
void doorbell_full(struct doorbell *b);                              /* no slot is free */

void doorbell_ring(struct doorbell *b);       /* there may be work anywhere */
void doorbell_reset(struct doorbell *b);      /* the same, and the session that held the lock is gone: LISTEN begins anew */
void doorbell_slot_freed(struct doorbell *b); /* several in a turn make one look */

bool doorbell_is_looking(const struct doorbell *b); /* look() was called, and how it went was not told yet */
bool doorbell_is_asleep(const struct doorbell *b);  /* nothing will be asked of Postgres before the next job is due, the poll, or a ring */

#endif
