/* sweep: what is left of a run whose warden cannot be asked: at start-up, after a crash of orchd, and when a warden was killed. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/agent_int.h"
#include "agent/hunt.h"
#include "base/clock.h"
#include "base/log.h"

enum { SWEEP_LOOK_MS = 10 };

static void
mark_marked(struct tree *t, const char *marker)
{
    pid_t self = getpid();

    for (size_t i = 0; marker && *marker && i < t->count; i++) {
        struct tree_process *p = &t->items[i];

        if (!p->is_in && p->pid != self && p->pid != 1 && tree_has_variable(p->pid, marker))
            p->is_in = true;
    }
}

/* Children of ours that we did not start, and all below them. As process 1 we are also given orphans of strangers: those are spared. */
static void
mark_orphans(struct tree *t)
{
    pid_t self = getpid();

    if (self == 1)
        return;
    for (size_t i = 0; i < t->count; i++)
        if (t->items[i].ppid == self && !agent_is_warden(t->items[i].pid))
            t->items[i].is_in = true;
}

void
sweep_mark(struct tree *t, const void *arg)
{
    const struct sweep_target *target = arg;

    if (target->with_orphans)
        mark_orphans(t);
    mark_marked(t, target->marker);
    /* A mark can be taken off by a program that cleans its environment, but not the parent. */
    tree_mark_descendants(t, target->warden > 0 ? target->warden : -1);
}

/* The warden, if that number is still that process of this boot. */
static bool
find_warden(pid_t pid, const char *start_time, const char *boot_id, struct tree_process *out)
{
    if (pid <= 1 || pid == getpid() || !start_time || !boot_id || !*boot_id || strcmp(boot_id, agent_boot_id()) != 0)
        return false;
    return tree_read_process(pid, out) && out->start == strtoull(start_time, NULL, 10) && !out->is_dead;
}

int
agent_sweep(pid_t warden, const char *start_time, const char *boot_id, const char *marker, const char *cage, int64_t wait_ms, int *left_out)
{
    struct sweep_target target = { .marker = marker };
    struct hunt         hunt = { .mark = sweep_mark, .arg = &target, .cage = CAGE_NONE };
    struct tree_process found = { 0 };
    int64_t             deadline_ms = clock_mono_ms() + wait_ms;
    int                 left = 0;
    int                 killed;

    if (cage && contain_is_ours(cage))
        cage_open(&hunt.cage, cage);
    for (;;) {
        bool is_there = find_warden(warden, start_time, boot_id, &found);

        /* First what is below the warden, then itself: without it the rest would lose the parent by which it is known. */
        target.warden = is_there ? warden : 0;
        if (is_there)
            tree_signal(&found, SIGSTOP);
        left = hunt_round(&hunt);
        if (is_there && left == 0) {
            tree_seen_add(&hunt.seen, &found, TREE_STOPPED);
            tree_signal(&found, SIGKILL);
            left = 1;
        }
        agent_reap_adopted();
        if (left == 0 || clock_mono_ms() >= deadline_ms)
            break;
        nanosleep(&(struct timespec){ .tv_nsec = SWEEP_LOOK_MS * 1000000L }, NULL);
    }
    killed = (int)hunt.seen.count;
    if (killed)
        LOGW("agent.swept", "pid=%d killed=%d left=%d marker=%s", (int)warden, killed, left, log_quote(marker));
    if (left_out)
        *left_out = left;
    if (left == 0 && hunt.cage.dir >= 0)
        cage_remove(cage);
    hunt_fini(&hunt);
    return killed;
}
