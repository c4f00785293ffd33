/* agent: see agent.h. This side starts wardens, passes orders on, keeps their reports, and notices when one of them dies.
 *
 *   starting ──STARTED──▶ running ──warden ended──▶ over (GONE was reported)
 *       └────────────────────┴──────warden ended──▶ lost ──nothing left──▶ over
 *
 * A freed agent goes on without callbacks until its warden is reaped. One that was adopted has no warden of ours: its journal is looked at
 * until nobody holds the lock on it. */
#include "agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent_int.h"
#include "agent/hunt.h"
#include "agent/journal.h"
#include "agent/warden.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#define AGENT_MAGIC 0x61676e74u

enum {
    LOST_LOOK_MS = 20,
    JOURNAL_LOOK_MS = 200,
    STUCK_MS = 2000 /* what a warden gets beyond the grace before it is taken for stopped or stuck, and killed */
};

enum agent_state { AGENT_STARTING, AGENT_RUNNING, AGENT_LOST, AGENT_OVER };

struct agent {
    uint32_t magic;
    TAILQ_ENTRY(agent) link;
    struct loop        *loop;
    enum agent_state    state;
    pid_t               pid; /* of the warden */
    uint64_t            start;
    int                 pidfd;
    int                 control; /* the socket, or the journal */
    off_t               read_to; /* in the journal */
    bool                is_detached;
    bool                is_reaped; /* the warden; or it never was ours */
    bool                is_gone;   /* GONE was reported */
    bool                is_timeout_asked;
    bool                is_freed; /* no callbacks any more */
    int64_t             asked_us; /* first agent_stop() or time-out, wall clock */
    int64_t             grace_ms;
    char               *name; /* argv[0] */
    char               *marker;
    char               *cage; /* directory of its control group; NULL = none */
    struct loop_watch  *pid_watch;
    struct loop_watch  *control_watch;
    struct loop_timer  *timeout;
    struct loop_timer  *stuck;
    struct loop_timer  *look;   /* while lost, or at the journal */
    struct sweep_target target; /* while lost */
    struct hunt         hunt;
    struct agent_end    end;
    agent_start_fn     *on_start;
    agent_cascade_fn   *on_cascade;
    agent_end_fn       *on_end;
    void               *arg;
};

static TAILQ_HEAD(, agent) agents = TAILQ_HEAD_INITIALIZER(agents);

/* --- before the first agent --- */

int
agent_init(const char *warden_path, struct err *e)
{
    if (prctl(PR_SET_CHILD_SUBREAPER, 1))
        err_set(e, ERR_BUG, "could not become a sub-reaper: %s", strerror(errno));
    else
        spawn_find_warden(warden_path, e);
    return e->code;
}

const char *
agent_boot_id(void)
{
    static char id[64];
    ssize_t     n;
    int         fd;

    if (*id)
        return id;
    fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? 0 : read(fd, id, sizeof(id) - 1);
    if (fd >= 0)
        close(fd);
    id[n > 0 ? n : 0] = 0;
    id[strcspn(id, "\n")] = 0;
    return id;
}

/* --- the end --- */

bool
agent_end_is_good(const struct agent_end *end, char *how, size_t size)
{
    bool is_good = end->is_started && !end->is_timeout && end->exit_status == 0;

    if (!end->is_started)
        snprintf(how, size, "%s", *end->error ? end->error : "it was not started");
    else if (end->is_timeout)
        snprintf(how, size, "its time-out has passed");
    else if (end->signal)
        snprintf(how, size, "ended by signal %d", end->signal);
    else if (end->exit_status < 0)
        snprintf(how, size, "its warden was killed");
    else
        snprintf(how, size, "exit status %d", end->exit_status);
    return is_good;
}

static void
agent_release(void *arg)
{
    struct agent *a = CHECKED(arg, AGENT_MAGIC);

    a->magic = 0;
    hunt_fini(&a->hunt);
    free(a->name);
    free(a->marker);
    free(a->cage);
    free(a);
}

static void
let_go(struct agent *a)
{
    loop_watch_stop(give(&a->pid_watch));
    loop_watch_stop(give(&a->control_watch));
    loop_timer_stop(give(&a->timeout));
    loop_timer_stop(give(&a->stuck));
    loop_timer_stop(give(&a->look));
    if (a->pidfd >= 0)
        close(a->pidfd);
    if (a->control >= 0)
        close(a->control);
    a->pidfd = -1;
    a->control = -1;
}

static void
state_enter(struct agent *a, enum agent_state next)
{
    static const char *const names[] = { "starting", "running", "lost", "over" };

    CHECK(next > a->state);
    LOGD("agent.state", "pid=%d from=%s to=%s", (int)a->pid, names[a->state], names[next]);
    a->state = next;
    if (next != AGENT_OVER)
        return;
    let_go(a);
    if (a->cage)
        cage_remove(a->cage);
    TAILQ_REMOVE(&agents, a, link);
    a->end.is_stopped = a->asked_us && (!a->end.ended_us || a->end.ended_us >= a->asked_us);
    a->end.is_timeout = a->end.is_stopped && a->is_timeout_asked;
    if (a->is_freed)
        loop_free_later(a->loop, agent_release, a);
    else
        a->on_end(&a->end, a->arg);
}

static void
on_look(void *arg)
{
    struct agent *a = CHECKED(arg, AGENT_MAGIC);
    int           left = hunt_round(&a->hunt);

    if (left && !a->end.kill_us)
        a->end.kill_us = clock_wall_us();
    agent_reap_adopted();
    if (left)
        return;
    if ((int)a->hunt.seen.count > a->end.tree_size)
        a->end.tree_size = (int)a->hunt.seen.count;
    a->end.gone_us = clock_wall_us();
    state_enter(a, AGENT_OVER);
}

static void
exec_failed(struct agent *a, int why)
{
    snprintf(a->end.error, sizeof(a->end.error), "cannot %s \"%s\": %s",
             why < 0 ? "put into its control group the command" : "execute command", a->name, strerror(abs(why)));
}

/* --- what the warden reports --- */

static void
take_report(struct agent *a, const struct warden_report *r)
{
    char start[32];

    switch ((enum warden_news)r->news) {
    case WARDEN_STARTED:
        a->end.is_started = true;
        a->end.started_us = r->at_us;
        state_enter(a, AGENT_RUNNING);
        snprintf(start, sizeof(start), "%llu", (unsigned long long)a->start);
        if (a->on_start && !a->is_freed)
            a->on_start(a->pid, start, a->arg);
        return;
    case WARDEN_EXEC_FAILED:
        exec_failed(a, r->number);
        return;
    case WARDEN_EXITED:
        a->end.ended_us = r->at_us;
        a->end.exit_status = WIFEXITED(r->number) ? WEXITSTATUS(r->number) : -1;
        a->end.signal = WIFSIGNALED(r->number) ? WTERMSIG(r->number) : 0;
        return;
    case WARDEN_FENCED:
        a->end.is_fenced = true;
        LOGE("agent.fenced", "pid=%d why=%s", (int)a->pid, log_quote("its lease was not renewed in time"));
        return;
    case WARDEN_TIMED_OUT:
        a->asked_us = r->at_us;
        a->is_timeout_asked = true;
        return;
    case WARDEN_TERM_SENT:
        a->end.term_us = r->at_us;
        break;
    case WARDEN_KILL_SENT:
        a->end.kill_us = r->at_us;
        break;
    case WARDEN_GONE:
        a->is_gone = true;
        a->end.gone_us = r->at_us;
        a->end.tree_size = r->number;
        return;
    }
    LOGI(r->news == WARDEN_TERM_SENT ? "agent.term_sent" : "agent.kill_sent", "pid=%d count=%d", (int)a->pid, (int)r->number);
    if (a->on_cascade && !a->is_freed)
        a->on_cascade(a->end.term_us, a->end.kill_us, a->arg);
}

static void
drain_reports(struct agent *a)
{
    struct warden_report r;
    ssize_t              n = -1;

    while (a->is_detached && journal_next(a->control, &a->read_to, &r))
        take_report(a, &r);
    if (a->is_detached)
        return;
    while ((n = recv(a->control, &r, sizeof(r), MSG_DONTWAIT)) == (ssize_t)sizeof(r))
        take_report(a, &r);
    /* The end of the socket comes with the end of the warden, of which the pidfd speaks. */
    if (n == 0)
        loop_watch_stop(give(&a->control_watch));
}

static void
on_control(int fd, unsigned what, void *arg)
{
    (void)fd;
    (void)what;
    drain_reports(CHECKED(arg, AGENT_MAGIC));
}

static void
reap_warden(struct agent *a)
{
    if (!a->is_reaped && waitpid(a->pid, NULL, 0) == a->pid)
        a->is_reaped = true;
}

static void
warden_ended(struct agent *a)
{
    drain_reports(a);
    reap_warden(a);
    agent_reap_adopted();
    if (a->is_gone) {
        state_enter(a, AGENT_OVER);
        return;
    }
    loop_watch_stop(give(&a->pid_watch));
    loop_timer_stop(give(&a->stuck));
    loop_timer_stop(give(&a->timeout));
    a->end.is_lost = true;
    LOGW("agent.lost", "pid=%d why=%s marker=%s", (int)a->pid, log_quote("the warden was killed"), log_quote(a->marker));
    if (a->cage)
        cage_open(&a->hunt.cage, a->cage);
    state_enter(a, AGENT_LOST);
    loop_timer_stop(a->look);
    a->look = loop_every(a->loop, LOST_LOOK_MS, on_look, a);
}

static void
on_warden_end(int fd, unsigned what, void *arg)
{
    (void)fd;
    (void)what;
    warden_ended(CHECKED(arg, AGENT_MAGIC));
}

/* For the end of a warden of ours there is its pidfd; that of an adopted one is known by its lock. */
static void
on_journal_look(void *arg)
{
    struct agent *a = CHECKED(arg, AGENT_MAGIC);

    if (a->pid_watch || journal_is_held(a->control))
        drain_reports(a);
    else
        warden_ended(a);
}

bool
agent_is_warden(pid_t pid)
{
    struct agent *a;

    TAILQ_FOREACH (a, &agents, link) {
        if (a->pid == pid && !a->is_reaped)
            return true;
    }
    return false;
}

void
agent_reap_adopted(void)
{
    struct agent *a;
    pid_t         pid;

    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
        TAILQ_FOREACH (a, &agents, link) {
            if (a->pid == pid)
                a->is_reaped = true; /* its pidfd tells the loop all the same */
        }
    }
}

/* --- the beginning --- */

static void
on_timeout(void *arg)
{
    struct agent *a = CHECKED(arg, AGENT_MAGIC);

    a->timeout = NULL;
    if (!a->asked_us)
        a->is_timeout_asked = true;
    agent_stop(a, "timeout");
}

static struct agent *
agent_new(struct loop *l, const struct agent_spec *spec)
{
    struct agent *a = xcalloc(1, sizeof(*a));

    a->magic = AGENT_MAGIC;
    a->loop = l;
    a->pidfd = -1;
    a->control = -1;
    a->grace_ms = spec->grace_ms;
    a->is_detached = spec->journal;
    a->name = xstrdup(spec->argv ? spec->argv[0] : spec->journal);
    a->marker = xstrdup(spec->marker);
    a->target = (struct sweep_target){ .marker = a->marker, .with_orphans = true };
    a->hunt = (struct hunt){ .mark = sweep_mark, .arg = &a->target, .cage = CAGE_NONE };
    a->end.exit_status = -1;
    return a;
}

int
agent_start(struct agent **out, struct loop *l, const struct agent_spec *spec, agent_start_fn *on_start, agent_end_fn *on_end, void *arg,
            struct err *e)
{
    struct tree_process warden = { 0 };
    struct agent       *a = agent_new(l, spec);

    if (contain_make(&a->cage, spec->cage, e) || spawn_warden(&a->pid, &a->control, spec, a->cage, e))
        goto out;
    /* Ours and not reaped: the number cannot belong to anybody else. */
    a->pidfd = pidfd_open(a->pid, 0);
    CHECK(a->pidfd >= 0 && tree_read_process(a->pid, &warden));
    a->start = warden.start;
    a->on_start = on_start;
    a->on_end = on_end;
    a->arg = arg;
    TAILQ_INSERT_TAIL(&agents, a, link);
    if (a->is_detached)
        a->look = loop_every(l, JOURNAL_LOOK_MS, on_journal_look, a);
    else
        a->control_watch = loop_watch(l, a->control, LOOP_READ, on_control, a);
    a->pid_watch = loop_watch(l, a->pidfd, LOOP_READ, on_warden_end, a);
    if (spec->timeout_ms > 0 && !a->is_detached)
        a->timeout = loop_after(l, spec->timeout_ms, on_timeout, a);
    *out = give(&a);
out:
    if (a && a->cage)
        cage_remove(a->cage);
    if (a)
        agent_release(a);
    return e->code;
}

int
agent_adopt(struct agent **out, struct loop *l, const char *journal, const char *marker, agent_end_fn *on_end, void *arg, struct err *e)
{
    struct agent_spec spec = { .journal = journal, .marker = marker };
    int               fd = open(journal, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct agent     *a;

    if (fd < 0) {
        err_set(e, ERR_GONE, "cannot open the journal \"%s\": %s", journal, strerror(errno));
        return e->code;
    }
    a = agent_new(l, &spec);
    a->control = fd;
    a->is_reaped = true;
    a->on_end = on_end;
    a->arg = arg;
    TAILQ_INSERT_TAIL(&agents, a, link);
    a->look = loop_every(l, JOURNAL_LOOK_MS, on_journal_look, a);
    *out = a;
    return 0;
}

const char *
agent_cage(const struct agent *a)
{
    return a->cage;
}

/* --- orders --- */

void
agent_on_cascade(struct agent *a, agent_cascade_fn *fn)
{
    a->on_cascade = fn;
}

/* A warden that was stopped by a signal, or is stuck, does not carry out orders: then its tree is swept as that of a lost one. */
static void
on_stuck(void *arg)
{
    struct agent *a = CHECKED(arg, AGENT_MAGIC);

    a->stuck = NULL;
    if (a->end.kill_us || a->is_gone || a->is_reaped)
        return;
    LOGW("agent.stuck", "pid=%d why=%s", (int)a->pid, log_quote("the warden did not carry out the stop"));
    pidfd_send_signal(a->pidfd, SIGKILL, NULL, 0);
}

static bool
takes_orders(const struct agent *a)
{
    return !a->is_detached && a->state != AGENT_LOST && a->state != AGENT_OVER && !a->is_reaped;
}

static void
give_order(struct agent *a, enum warden_verb verb, int64_t grace_ms, const char *why)
{
    struct warden_order order = { .verb = verb, .ms = grace_ms };

    if (!takes_orders(a))
        return;
    if (!a->asked_us)
        a->asked_us = clock_wall_us();
    LOGI("agent.stopping", "pid=%d grace_ms=%lld why=%s", (int)a->pid, (long long)grace_ms, log_quote(why));
    send(a->control, &order, sizeof(order), MSG_NOSIGNAL | MSG_DONTWAIT);
    pidfd_send_signal(a->pidfd, SIGCONT, NULL, 0);
    loop_timer_stop(give(&a->timeout));
    loop_timer_stop(give(&a->stuck));
    a->stuck = loop_after(a->loop, grace_ms + STUCK_MS, on_stuck, a);
}

void
agent_stop(struct agent *a, const char *why)
{
    if (!a->asked_us)
        give_order(a, WARDEN_STOP, a->grace_ms, why);
}

void
agent_kill(struct agent *a, const char *why)
{
    give_order(a, WARDEN_KILL, 0, why);
}

/* One that gets lost, because the warden does not read, ends the tree early and never late. */
void
agent_renew(struct agent *a, int64_t until_ms)
{
    struct warden_order order = { .verb = WARDEN_RENEW, .ms = until_ms };

    if (takes_orders(a))
        send(a->control, &order, sizeof(order), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void
agent_free(struct agent *a)
{
    if (!a)
        return;
    a->is_freed = true;
    if (a->state == AGENT_OVER) {
        loop_free_later(a->loop, agent_release, a);
        return;
    }
    if (a->is_detached && a->is_reaped && a->state != AGENT_LOST) {
        state_enter(a, AGENT_OVER);
        return;
    }
    give_order(a, WARDEN_KILL, 0, "forgotten");
}
