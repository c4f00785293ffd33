/* orchd-warden: the sub-reaper of one run. Starts the command, waits for it, and ends only when no process of its tree is left.
 *
 *   running ──command ended, or STOP──▶ terming ──grace over──▶ killing ──▶ (no child left: report GONE, exit)
 *      └──────KILL, SIGTERM to us, the lease over, or orchd's end of the socket closed──────▲
 *
 * The lease is the fence that holds when orchd itself cannot move: stopped, swapped out, or stuck. It is kept in CLOCK_BOOTTIME, which
 * goes on while the machine sleeps, as the clock of Postgres does.
 * The command is born in the run's control group, when it has one; we stay outside, so that what kills the group leaves us to report.
 * All that descends from a sub-reaper stays below it: an orphan's new parent is the nearest living sub-reaper above it. So when
 * waitpid() says that we have no child, there is no descendant either; who was put into the group by others is seen in its events.
 * With a cap on its log the command has a pipe, and what comes through it is written by us; without, it has the file itself.
 * A detached command's warden has no orchd to answer to: it outlives it, keeps a journal, and knows the time-out itself.
 * Links libc only: it holds nothing of orchd's memory and nothing of its secrets. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/cage.h"
#include "agent/hunt.h"
#include "agent/journal.h"
#include "agent/runlog.h"
#include "agent/warden.h"

enum {
    TERM_LOOK_MS = 50,   /* how often newcomers are looked for during the grace */
    KILL_LOOK_MS = 2,    /* first wait for killed ones to be reaped; doubled up to KILL_LOOK_MAX */
    KILL_LOOK_MAX = 200, /* one in uninterruptible sleep dies when its device answers */
    KILL_NICE = -20,     /* while killing, where it is allowed: the tree is ours to outrun */
    EXEC_FAILED = 127
};

enum state { RUNNING, TERMING, KILLING };

struct warden {
    enum state    state;
    pid_t         command;
    bool          is_command_ended;
    bool          is_detached;
    int64_t       grace_ms; /* of a time-out */
    int64_t       leftover_grace_ms;
    int64_t       kill_at_ms;     /* monotonic; while terming */
    int64_t       lease_until_ms; /* boot time; 0 = for ever */
    int           kill_look_ms;
    bool          is_kill_said;
    int           signals; /* signalfd */
    int           lease;   /* timerfd */
    struct runlog log;
    struct hunt   hunt;
    const char   *cage_path;
};

static int64_t
clock_us(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t
mono_ms(void)
{
    return clock_us(CLOCK_MONOTONIC) / 1000;
}

static void
report_of(const struct warden *w, enum warden_news news, int number, int64_t at_us)
{
    struct warden_report r = { .news = news, .number = number, .at_us = at_us };

    /* Nobody listens when orchd died, and a disk may be full: the cascade goes on without. What was not told did not happen. */
    if (w->is_detached)
        journal_write(WARDEN_FD, &r);
    else
        send(WARDEN_FD, &r, sizeof(r), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
report(const struct warden *w, enum warden_news news, int number)
{
    report_of(w, news, number, clock_us(CLOCK_REALTIME));
}

static void
mark_tree(struct tree *t, const void *arg)
{
    (void)arg;
    tree_mark_descendants(t, getpid());
}

/* SIGTERM once to each; SIGCONT, because a stopped process takes no other signal. */
static int
term_once(struct warden *w, const struct tree_process *p)
{
    bool is_sent = false;

    if (!p->is_dead && tree_seen_add(&w->hunt.seen, p, TREE_TERMED)) {
        is_sent = tree_signal(p, SIGTERM);
        tree_signal(p, SIGCONT);
    }
    return is_sent;
}

static int
term_command(struct warden *w)
{
    struct tree_process p;

    return !w->is_command_ended && tree_read_process(w->command, &p) ? term_once(w, &p) : 0;
}

static int
term_newcomers(struct warden *w)
{
    int sent = 0;

    hunt_find(&w->hunt);
    for (size_t i = 0; i < w->hunt.tree.count; i++)
        if (w->hunt.tree.items[i].is_in)
            sent += term_once(w, &w->hunt.tree.items[i]);
    return sent;
}

static void
state_enter(struct warden *w, enum state next, int64_t grace_ms)
{
    int64_t at_us;
    int     sent;

    if (next <= w->state)
        return;
    w->state = next;
    if (next == TERMING) {
        /* The command before the rest is looked for: a walk takes the longer, the more processes the machine has. */
        sent = term_command(w);
        at_us = clock_us(CLOCK_REALTIME);
        sent += term_newcomers(w);
        w->kill_at_ms = mono_ms() + grace_ms;
        if (sent)
            report_of(w, WARDEN_TERM_SENT, sent, at_us);
    } else {
        w->kill_look_ms = KILL_LOOK_MS;
        setpriority(PRIO_PROCESS, 0, KILL_NICE);
    }
}

static void
look_again(struct warden *w)
{
    int sent;

    if (w->state == TERMING && mono_ms() >= w->kill_at_ms)
        state_enter(w, KILLING, 0);
    if (w->state == TERMING)
        term_newcomers(w);
    if (w->state != KILLING)
        return;
    sent = hunt_round(&w->hunt);
    if (sent && !w->is_kill_said) {
        w->is_kill_said = true;
        report(w, WARDEN_KILL_SENT, sent);
    }
}

/* False when no child is left, and nobody who was put into the cage without being our descendant. */
static bool
reap(struct warden *w)
{
    int   status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != w->command || w->is_command_ended)
            continue;
        w->is_command_ended = true;
        report(w, WARDEN_EXITED, status);
    }
    return pid == 0 || errno != ECHILD || cage_is_populated(&w->hunt.cage);
}

static void
read_signals(struct warden *w)
{
    struct signalfd_siginfo info;

    while (read(w->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        if (info.ssi_signo == SIGTERM)
            state_enter(w, KILLING, 0);
}

static void
renew_lease(struct warden *w, int64_t until_ms)
{
    /* An absolute time that is past lets the timer ring at once; zero takes it back. */
    struct itimerspec at = { .it_value = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 } };

    w->lease_until_ms = until_ms;
    timerfd_settime(w->lease, TFD_TIMER_ABSTIME, &at, NULL);
}

static bool
is_lease_over(const struct warden *w)
{
    return w->lease_until_ms && clock_us(CLOCK_BOOTTIME) / 1000 >= w->lease_until_ms;
}

/* Asked after the orders were read: a renewal that waited in the socket while we did not run counts. */
static void
watch_lease(struct warden *w)
{
    if (!is_lease_over(w))
        return;
    renew_lease(w, 0);
    if (w->is_detached) {
        if (w->state == RUNNING && !w->is_command_ended)
            report(w, WARDEN_TIMED_OUT, 0);
        state_enter(w, TERMING, w->grace_ms);
        return;
    }
    if (w->state != KILLING && !w->is_command_ended)
        report(w, WARDEN_FENCED, 0);
    state_enter(w, KILLING, 0);
}

static void
read_orders(struct warden *w, bool *is_open)
{
    struct warden_order order;
    ssize_t             n;

    while ((n = recv(WARDEN_FD, &order, sizeof(order), MSG_DONTWAIT)) == (ssize_t)sizeof(order)) {
        if (order.verb == WARDEN_RENEW)
            renew_lease(w, order.ms);
        else
            state_enter(w, order.verb == WARDEN_STOP ? TERMING : KILLING, order.ms);
    }
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        *is_open = false;
        state_enter(w, KILLING, 0);
    }
}

static int
wait_ms(struct warden *w)
{
    int64_t left;

    if (w->state == RUNNING)
        return -1;
    if (w->state == TERMING) {
        left = w->kill_at_ms - mono_ms();
        return left < 0 ? 0 : left < TERM_LOOK_MS ? (int)left : TERM_LOOK_MS;
    }
    w->kill_look_ms = w->kill_look_ms * 2 < KILL_LOOK_MAX ? w->kill_look_ms * 2 : KILL_LOOK_MAX;
    return w->kill_look_ms;
}

/* Until there is more to do than to move output: looking at the tree for each piece of it would take longer than the moving. The log is the
 * last of fds. */
static void
wait_for_news(struct warden *w, struct pollfd *fds, nfds_t count)
{
    int     ms = wait_ms(w);
    int64_t until_ms = mono_ms() + ms;
    bool    is_due = false;

    while (!is_due) {
        fds[count - 1].fd = w->log.from;
        is_due = poll(fds, count, ms) != 1 || !fds[count - 1].revents;
        if (fds[count - 1].revents)
            runlog_take(&w->log);
        if (ms < 0)
            continue;
        ms = (int)(until_ms - mono_ms());
        is_due = is_due || ms <= 0;
    }
}

static void
guard(struct warden *w)
{
    bool is_open = !w->is_detached;

    while (reap(w)) {
        struct pollfd fds[] = { { .fd = w->signals, .events = POLLIN },
                                { .fd = is_open ? WARDEN_FD : -1, .events = POLLIN },
                                { .fd = w->lease, .events = POLLIN },
                                { .fd = w->hunt.cage.events, .events = POLLPRI },
                                { .fd = w->log.from, .events = POLLIN } };

        if (w->state == RUNNING && w->is_command_ended)
            state_enter(w, TERMING, w->leftover_grace_ms);
        else
            look_again(w);
        wait_for_news(w, fds, sizeof(fds) / sizeof(*fds));
        if (fds[3].revents)
            cage_is_populated(&w->hunt.cage); /* it rings until it is read */
        if (fds[1].revents)
            read_orders(w, &is_open);
        if (fds[2].revents)
            watch_lease(w);
        read_signals(w);
    }
    report(w, WARDEN_GONE, (int)w->hunt.seen.count);
    runlog_close(&w->log);
    if (*w->cage_path)
        cage_remove(w->cage_path);
}

/* Never more than we have ourselves. */
static void
set_limits(const char *numbers)
{
    static const __rlimit_resource_t resources[] = { RLIMIT_AS, RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_CPU, RLIMIT_CORE };
    char                            *end = NULL;

    for (size_t i = 0; i < sizeof(resources) / sizeof(*resources); i++, numbers = end) {
        rlim_t        wanted = strtoull(numbers, &end, 10);
        struct rlimit limit;

        if ((!wanted && resources[i] != RLIMIT_CORE) || getrlimit(resources[i], &limit))
            continue;
        if (wanted < limit.rlim_max)
            limit.rlim_max = wanted;
        limit.rlim_cur = limit.rlim_max;
        setrlimit(resources[i], &limit);
    }
}

/* In the child: never returns. What goes wrong is told through the pipe, which exec closes. */
static _Noreturn void
become_command(pid_t warden, char **argv, int pipe_fd, int output)
{
    struct sigaction plain = { .sa_handler = SIG_DFL };
    sigset_t         none;
    int              why;

    setsid();
    if (output >= 0) {
        dup2(output, STDOUT_FILENO);
        dup2(output, STDERR_FILENO);
    }
    /* The command dies with its warden; asked again below, because the warden may have died before the question was put. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int signo = 1; signo < NSIG; signo++)
        sigaction(signo, &plain, NULL);
    set_limits(argv[WARDEN_ARG_LIMITS]);
    close_range(WARDEN_FD, ~0u, CLOSE_RANGE_CLOEXEC);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (getppid() == warden && chdir(argv[WARDEN_ARG_CWD]) == 0)
        execv(argv[WARDEN_ARG_FILE], argv + WARDEN_ARG_COMMAND);
    why = errno;
    if (write(pipe_fd, &why, sizeof(why)) < 0)
        _exit(EXEC_FAILED);
    _exit(EXEC_FAILED);
}

/* What the command gets for its output; -1 = what we have. A run is worth more than the size of its log. */
static int
open_log(struct warden *w, char **argv)
{
    int64_t max = strtoll(argv[WARDEN_ARG_LOG_MAX], NULL, 10);
    int     output = runlog_open(&w->log, argv[WARDEN_ARG_LOG], max);

    if (output < 0 && max)
        dprintf(STDERR_FILENO, "[orchd: this log has no cap: %s]\n", strerror(errno));
    return output;
}

/* False when the command could not be executed, or not any more; orchd was told why. */
static bool
start_command(struct warden *w, char **argv)
{
    pid_t self = getpid();
    int   ends[2] = { -1, -1 };
    int   why = 0;
    int   output = -1;
    bool  is_exec = false;

    if (is_lease_over(w)) {
        report(w, WARDEN_FENCED, 0);
        goto out;
    }
    if (*w->cage_path && (why = cage_open(&w->hunt.cage, w->cage_path))) {
        report(w, WARDEN_EXEC_FAILED, -why);
        goto out;
    }
    if (pipe2(ends, O_CLOEXEC)) {
        report(w, WARDEN_EXEC_FAILED, errno);
        goto out;
    }
    output = open_log(w, argv);
    why = cage_fork(&w->hunt.cage, &w->command);
    if (why) {
        report(w, WARDEN_EXEC_FAILED, *w->cage_path ? -why : why);
        if (w->command > 0)
            waitpid(w->command, NULL, 0);
        goto out;
    }
    if (w->command == 0)
        become_command(self, argv, ends[1], output);
    close(ends[1]);
    ends[1] = -1;
    if (read(ends[0], &why, sizeof(why)) == (ssize_t)sizeof(why)) {
        report(w, WARDEN_EXEC_FAILED, why);
        waitpid(w->command, NULL, 0);
        goto out;
    }
    report(w, WARDEN_STARTED, (int)w->command);
    is_exec = true;
out:
    if (ends[0] >= 0)
        close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
    if (output >= 0)
        close(output);
    return is_exec;
}

/* The warden holds none of its command's files open, so that a log's end and a pipe's end mean the tree's end. */
static void
let_go_of_files(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = 0; null >= 0 && fd < WARDEN_FD; fd++)
        dup2(null, fd);
    if (null > WARDEN_FD)
        close(null);
}

int
main(int argc, char **argv)
{
    struct warden w = { .state = RUNNING, .log = RUNLOG_NONE, .hunt = { .mark = mark_tree, .cage = CAGE_NONE } };
    struct stat   channel;
    sigset_t      all;
    sigset_t      wanted;

    if (argc <= WARDEN_ARG_COMMAND || fcntl(WARDEN_FD, F_GETFD) < 0) {
        fprintf(stderr, "orchd-warden is started by orchd, for each run of an agent\n");
        return EXIT_FAILURE;
    }
    if (strcmp(argv[WARDEN_ARG_LAYOUT], WARDEN_LAYOUT) != 0) {
        fprintf(stderr, "orchd-warden is of another version than the orchd that started it: restart orchd\n");
        return EXIT_FAILURE;
    }
    w.hunt.root = getpid();
    w.cage_path = argv[WARDEN_ARG_CAGE];
    w.is_detached = fstat(WARDEN_FD, &channel) == 0 && S_ISREG(channel.st_mode);
    w.grace_ms = strtoll(argv[WARDEN_ARG_GRACE], NULL, 10);
    w.leftover_grace_ms = w.grace_ms < WARDEN_LEFTOVER_GRACE_MS ? w.grace_ms : WARDEN_LEFTOVER_GRACE_MS;
    /* All are blocked: what a terminal or a careless agent sends waits for ever; SIGTERM and SIGCHLD are read from a descriptor. */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, SIGTERM);
    w.signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    w.lease = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    setsid();
    if (w.signals < 0 || w.lease < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) || fcntl(WARDEN_FD, F_SETFD, FD_CLOEXEC)) {
        report(&w, WARDEN_EXEC_FAILED, errno);
        return EXIT_FAILURE;
    }
    prctl(PR_SET_NAME, "orchd-warden");
    renew_lease(&w, strtoll(argv[WARDEN_ARG_LEASE], NULL, 10));
    if (start_command(&w, argv)) {
        let_go_of_files();
        if (chdir("/") == 0)
            guard(&w);
    } else {
        report(&w, WARDEN_GONE, 0);
    }
    hunt_fini(&w.hunt);
    return EXIT_SUCCESS;
}
