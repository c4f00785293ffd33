/* agent_int: what agent.c, spawn.c and sweep.c know of each other. */
#ifndef ORCH_AGENT_AGENT_INT_H
#define ORCH_AGENT_AGENT_INT_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/agent.h"
#include "agent/hunt.h"

struct sweep_target {
    pid_t       warden;       /* 0, or the process whose descendants are meant */
    const char *marker;       /* NULL, or NAME=value */
    bool        with_orphans; /* also what this process was given by a sub-reaper that died */
};

void sweep_mark(struct tree *t, const void *target); /* a hunt_mark_fn */

bool agent_is_warden(pid_t pid); /* one that this process started and has not reaped */
void agent_reap_adopted(void);   /* also takes note of wardens that ended */

/* contain.c. The first makes the control group of a run, when this node can: NULL when not, and ERR_RETRY when it must. The second tells
 * whether a path that was stored is one of ours to kill. The third kills what is in one, waits, and removes it; how many are left. */
int  contain_make(char **out, const char *name, struct err *e);
bool contain_is_ours(const char *path);

/* spawn.c. The first finds the warden's program, as agent_init() says; the second starts one, and hands over our end of its socket. */
int spawn_find_warden(const char *path, struct err *e);
int spawn_warden(pid_t *pid, int *control, const struct agent_spec *spec, const char *cage, struct err *e);

#endif
