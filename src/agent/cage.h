/* cage: one control group (cgroup v2) that holds what a run started, given by its directory. A process is born into it and passes it on to
 * its children, whatever else they change; the kernel kills all in it at once, also those that are just being born. Only who may write to
 * a group further up can leave: therefore it stands beside the walk of descendants (hunt.h) and not in its place.
 * Groups that the agent makes inside count: they are listed (down to CAGE_DEPTH), killed and removed with it.
 * Shared by the warden and by agent.c, so it needs libc alone. */
#ifndef ORCH_AGENT_CAGE_H
#define ORCH_AGENT_CAGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/tree.h"

enum { CAGE_DEPTH = 32 /* deeper ones are killed and removed, but their processes get no SIGTERM by the list */ };

struct cage {
    int dir;    /* -1 = none: then all below answer false, and do nothing */
    int events; /* poll() for POLLPRI: it may have become empty, or not empty any more */
};

#define CAGE_NONE                                                                                                                          \
    {                                                                                                                                      \
        .dir = -1, .events = -1                                                                                                            \
    }

int  cage_open(struct cage *c, const char *path); /* 0 or an errno */
void cage_close(struct cage *c);
int  cage_fork(const struct cage *c, pid_t *pid); /* fork(), with a child that is born inside; *pid 0 in it. 0 or an errno */
bool cage_is_populated(const struct cage *c);     /* somebody lives in it, or further in */
bool cage_kill(const struct cage *c);             /* SIGKILL to all, further in too; false: the kernel cannot or may not */
void cage_mark(const struct cage *c,
               struct tree       *tree);  /* is_in for those that it holds. After tree_walk(): what a number means may change */
bool cage_remove(const char *path); /* with all further in; false: it is in use. One that is not there is removed */

#endif
