/* agent_int: what agent.c, spawn.c and sweep.c know of each other. */
#ifndef ORCH_AGENT_AGENT_INT_H
#define ORCH_AGENT_AGENT_INT_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/agent.h"
#include "agent/tree.h"

struct sweep_target {
    pid_t       warden;       /* 0, or the process whose descendants are meant */
    const char *marker;       /* NULL, or NAME=value */
    bool        with_orphans; /* also what this process was given by a sub-reaper that died */
};

/* Freezes, then kills; returns how many were found alive. Call again until it is 0. */
int sweep_round(struct tree *t, struct tree_seen *seen, const struct sweep_target *target);

bool agent_is_warden(pid_t pid); /* one that this process started and has not reaped */
void agent_reap_adopted(void);   /* also takes note of wardens that ended */

/* spawn.c. The first finds the warden's program, as agent_init() says; the second starts one, and hands over our end of its socket. */
int spawn_find_warden(const char *path, struct err *e);
int spawn_warden(pid_t *pid, int *control, const struct agent_spec *spec, struct err *e);

#endif
