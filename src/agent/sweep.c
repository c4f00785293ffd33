/* sweep: what is left of a run whose warden cannot be asked: at start-up, after a crash of orchd, and when a warden was killed.
 * Freezes before it kills, as the warden does, and for the same reason. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/agent_int.h"
#include "agent/tree.h"
#include "base/clock.h"
#include "base/log.h"

enum {
    SWEEP_LOOK_MS = 10,
    SWEEP_ROUNDS = 100 /* walks before killing what is frozen so far */
};

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

int
sweep_round(struct tree *t, struct tree_seen *seen, const struct sweep_target *target)
{
    int  left = 0;
    bool is_new_found = true;

    for (int round = 0; is_new_found && round < SWEEP_ROUNDS; round++) {
        is_new_found = false;
        tree_walk(t);
        if (target->with_orphans)
            mark_orphans(t);
        mark_marked(t, target->marker);
        /* A mark can be taken off by a program that cleans its environment, but not the parent. */
        tree_mark_descendants(t, target->warden > 0 ? target->warden : -1);
        for (size_t i = 0; i < t->count; i++) {
            const struct tree_process *p = &t->items[i];

            if (!p->is_in || p->is_dead || !tree_seen_add(seen, p, TREE_STOPPED))
                continue;
            tree_signal(p, SIGSTOP);
            is_new_found = true;
        }
    }
    for (size_t i = 0; i < t->count; i++) {
        const struct tree_process *p = &t->items[i];

        if (!p->is_in || p->is_dead)
            continue;
        tree_signal(p, SIGKILL);
        left++;
    }
    return left;
}

/* The warden, if that number is still that process of this boot. */
static bool
find_warden(pid_t pid, const char *start_time, const char *boot_id, struct tree_process *out)
{
    if (pid <= 1 || pid == getpid() || !start_time || !boot_id || strcmp(boot_id, agent_boot_id()) != 0)
        return false;
    return tree_read_process(pid, out) && out->start == strtoull(start_time, NULL, 10) && !out->is_dead;
}

int
agent_sweep(pid_t warden, const char *start_time, const char *boot_id, const char *marker, int64_t wait_ms, int *left_out)
{
    struct tree         tree = { 0 };
    struct tree_seen    seen = { 0 };
    struct sweep_target target = { .marker = marker };
    struct tree_process found = { 0 };
    int64_t             deadline_ms = clock_mono_ms() + wait_ms;
    int                 left = 0;
    int                 killed;

    for (;;) {
        bool is_there = find_warden(warden, start_time, boot_id, &found);

        /* First what is below the warden, then itself: without it the rest would lose the parent by which it is known. */
        target.warden = is_there ? warden : 0;
        if (is_there)
            tree_signal(&found, SIGSTOP);
        left = sweep_round(&tree, &seen, &target);
        if (is_there && left == 0) {
            tree_seen_add(&seen, &found, TREE_STOPPED);
            tree_signal(&found, SIGKILL);
            left = 1;
        }
        agent_reap_adopted();
        if (left == 0 || clock_mono_ms() >= deadline_ms)
            break;
        nanosleep(&(struct timespec){ .tv_nsec = SWEEP_LOOK_MS * 1000000L }, NULL);
    }
    killed = (int)seen.count;
    if (killed)
        LOGW("agent.swept", "pid=%d killed=%d left=%d marker=%s", (int)warden, killed, left, log_quote(marker));
    if (left_out)
        *left_out = left;
    tree_fini(&tree);
    tree_seen_fini(&seen);
    return killed;
}
