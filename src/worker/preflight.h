/* preflight: runs an agent's preflight command now and then, and keeps the outcome. It is started as an agent is: the same environment but
 * for the job, a warden, no shell; its output is in <data>/logs/preflight-<agent>.log, of the last time only. It passes by exit status 0
 * within ORCH_PREFLIGHT_TIMEOUT. Until the next outcome is there, the one before stands; before the first there is none, and none passes.
 * on_change fires, in a later turn, when it begins or ceases to pass, and at the first outcome. */
#ifndef ORCH_WORKER_PREFLIGHT_H
#define ORCH_WORKER_PREFLIGHT_H

#include <stdbool.h>

#include "config/config.h"
#include "loop/loop.h"

struct preflight;

/* Begins at once. cfg is borrowed and outlives it; what it says of the agent is asked anew each time. node and agent are copied. */
struct preflight *preflight_new(struct loop *l, const struct config *cfg, const char *node, const char *agent, loop_fn *on_change,
                                void *arg);
void              preflight_free(struct preflight *p);  /* NULL is fine; a command under way is killed by its warden */
void              preflight_again(struct preflight *p); /* does not wait until the outcome is too old */

bool        preflight_passes(const struct preflight *p);
bool        preflight_is_known(const struct preflight *p); /* there is an outcome */
const char *preflight_why(const struct preflight *p);      /* why it does not pass; "" when it does */

#endif
