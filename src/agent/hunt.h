/* hunt: end every process of a set that grows while it is hunted. All are frozen until a walk finds nobody new, so that nobody is born
 * while the rest is killed; then all are killed. One that is orphaned, or changes its number, meanwhile is found by the next round. Who
 * changes it faster than /proc can be walked, by forking and ending at once for ever, is chased from the newest number downwards.
 * Shared by the warden and by sweep.c, so it needs libc alone. */
#ifndef ORCH_AGENT_HUNT_H
#define ORCH_AGENT_HUNT_H

#include "agent/cage.h"
#include "agent/tree.h"

/* Sets is_in for those that are meant, in a tree that was just walked; what the cage holds is marked already. */
typedef void hunt_mark_fn(struct tree *tree, const void *arg);

struct hunt {
    hunt_mark_fn    *mark;
    const void      *arg;
    pid_t            root;      /* whose descendants all are meant, so that they may be chased; 0 = there is no such process */
    struct cage      cage;      /* CAGE_NONE: there is none */
    bool             is_killed; /* a round was there before */
    struct tree      tree;
    struct tree_seen seen; /* all that were ever found, and what they got */
};

void hunt_find(struct hunt *h);  /* who is there now: h->tree, those with is_in */
int  hunt_round(struct hunt *h); /* freezes, then kills; how many are alive, the cage's included. Again, until it is 0 */
void hunt_fini(struct hunt *h);  /* closes the cage, too */

#endif
