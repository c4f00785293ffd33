/* hunt: see hunt.h. */
#include "agent/hunt.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

enum {
    FREEZE_ROUNDS = 100, /* walks before killing what is frozen so far: a bomb at the process limit must get room to be reaped */
    CHASE_LOOKS = 200,   /* between two walks: as long as some walks take, and a look is a hundred times as likely to hit */
    CHASE_REACH = 8      /* numbers a look: as many may have been given out meanwhile, on some processors, by us and by others */
};

void
hunt_find(struct hunt *h)
{
    tree_walk(&h->tree);
    cage_mark(&h->cage, &h->tree);
    h->mark(&h->tree, h->arg);
}

static bool
is_prey(const struct tree_process *p)
{
    return p->is_in && !p->is_dead;
}

/* The kernel's own way first: what is caged needs no chase. Looked at before, because afterwards nobody can be counted. */
static int
kill_caged(struct hunt *h)
{
    int found = 0;

    hunt_find(h);
    for (size_t i = 0; i < h->tree.count; i++)
        if (is_prey(&h->tree.items[i])) {
            tree_seen_add(&h->seen, &h->tree.items[i], TREE_SEEN);
            found++;
        }
    cage_kill(&h->cage);
    return found;
}

static bool
freeze_newcomers(struct hunt *h)
{
    bool is_new_found = false;

    hunt_find(h);
    for (size_t i = 0; i < h->tree.count; i++) {
        const struct tree_process *p = &h->tree.items[i];

        if (!is_prey(p) || !tree_seen_add(&h->seen, p, TREE_STOPPED))
            continue;
        tree_signal(p, SIGSTOP);
        is_new_found = true;
    }
    return is_new_found;
}

/* The last field of /proc/loadavg: the newest number that was given out. */
static pid_t
newest_pid(int loadavg)
{
    char    text[128];
    ssize_t n = pread(loadavg, text, sizeof(text) - 1, 0);
    char   *last;

    if (n <= 0)
        return 0;
    text[n] = 0;
    last = strrchr(text, ' ');
    return last ? (pid_t)strtol(last, NULL, 10) : 0;
}

static bool
is_near_descendant(const struct tree_process *p, pid_t root)
{
    struct tree_process parent;

    return p->ppid == root || (tree_read_process(p->ppid, &parent) && parent.ppid == root && parent.start <= p->start);
}

/* The descriptor comes first and names one process for good: if that is no more, what is read may be another's, and the signal hits nobody. */
static bool
freeze_near(struct hunt *h, pid_t pid)
{
    struct tree_process p;
    bool                is_frozen = false;
    int                 fd = pidfd_open(pid, 0);

    if (fd < 0)
        return false;
    if (tree_read_process(pid, &p) && !p.is_dead && is_near_descendant(&p, h->root) && tree_seen_add(&h->seen, &p, TREE_STOPPED))
        is_frozen = pidfd_send_signal(fd, SIGSTOP, NULL, 0) == 0;
    close(fd);
    return is_frozen;
}

/* One that forks and ends at once is never where a walk has seen it. Its next number is the newest one, and each look takes less time
 * than such a life. */
static bool
chase(struct hunt *h)
{
    struct sched_param urgent = { .sched_priority = 1 };
    struct sched_param plain = { .sched_priority = 0 };
    int                loadavg = h->root > 0 ? open("/proc/loadavg", O_RDONLY | O_CLOEXEC) : -1;
    bool               is_hit = false;

    /* Where it is allowed; a chase that has to wait for its turn looks at places that are left long since. */
    if (loadavg >= 0)
        sched_setscheduler(0, SCHED_RR, &urgent);
    for (int look = 0; loadavg >= 0 && look < CHASE_LOOKS; look++) {
        pid_t newest = newest_pid(loadavg);

        for (pid_t pid = newest; pid > 1 && pid > newest - CHASE_REACH; pid--)
            is_hit |= freeze_near(h, pid);
    }
    if (loadavg >= 0) {
        sched_setscheduler(0, SCHED_OTHER, &plain);
        close(loadavg);
    }
    return is_hit;
}

int
hunt_round(struct hunt *h)
{
    int  caged = cage_is_populated(&h->cage) ? kill_caged(h) : 0;
    int  found = 0;
    bool is_new_found = true;

    for (int round = 0; is_new_found && round < FREEZE_ROUNDS; round++) {
        is_new_found = freeze_newcomers(h);
        /* What outlived a round, or is new again, may be running away. */
        if (h->is_killed || (is_new_found && round > 0))
            is_new_found |= chase(h);
    }
    h->is_killed = true;
    for (size_t i = 0; i < h->tree.count; i++)
        if (is_prey(&h->tree.items[i])) {
            tree_signal(&h->tree.items[i], SIGKILL);
            found++;
        }
    found = caged > found ? caged : found;
    return found ? found : cage_is_populated(&h->cage);
}

void
hunt_fini(struct hunt *h)
{
    cage_close(&h->cage);
    tree_fini(&h->tree);
    tree_seen_fini(&h->seen);
}
