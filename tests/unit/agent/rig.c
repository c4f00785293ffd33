#include "rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/tree.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#define RIG_ENV "PATH=/usr/bin:/bin"

const char *
rig_fake(void)
{
    static char path[4096];
    ssize_t     n = readlink("/proc/self/exe", path, sizeof(path) - 32);

    assert_true(n > 0);
    path[n] = 0;
    strcpy(strrchr(path, '/'), "/agent-fake");
    return path;
}

static void
on_start(pid_t pid, const char *start_time, void *arg)
{
    struct rig *r = arg;

    r->warden = pid;
    snprintf(r->warden_start, sizeof(r->warden_start), "%s", start_time);
}

static void
on_cascade(int64_t term_us, int64_t kill_us, void *arg)
{
    struct rig *r = arg;

    (void)kill_us;
    assert_true(term_us || kill_us);
    r->cascades++;
}

static void
on_end(const struct agent_end *end, void *arg)
{
    struct rig *r = arg;

    r->end = *end;
    r->ends++;
    agent_free(r->agent);
    r->agent = NULL;
}

int
rig_set_up(void **state)
{
    static int  serial;
    struct err  e = ERR_INIT;
    struct rig *r = xcalloc(1, sizeof(*r));

    log_setup(LOG_ERROR, false);
    assert_int_equal(agent_init(ORCH_BIN_DIR "/orchd-warden", &e), 0);
    assert_int_equal(loop_new(&r->loop, &e), 0);
    snprintf(r->dir, sizeof(r->dir), "/tmp/orch-agent-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->log_path, sizeof(r->log_path), "%s/log", r->dir);
    snprintf(r->journal_path, sizeof(r->journal_path), "%s/journal", r->dir);
    snprintf(r->needle, sizeof(r->needle), "needle-%d-%d", (int)getpid(), ++serial);
    snprintf(r->marker, sizeof(r->marker), "ORCH_RUN_MARK=test/%s", r->needle);
    r->grace_ms = 300;
    *state = r;
    return 0;
}

static void
kill_rest(struct rig *r)
{
    struct tree t = { 0 };

    tree_walk(&t);
    for (size_t i = 0; i < t.count; i++)
        if (tree_has_variable(t.items[i].pid, r->marker))
            tree_signal(&t.items[i], SIGKILL);
    tree_fini(&t);
}

int
rig_tear_down(void **state)
{
    struct rig *r = *state;

    agent_free(r->agent);
    if (r->journal)
        kill_rest(r);
    rig_wait(r, rig_is_empty);
    kill_rest(r);
    loop_free(r->loop);
    unlink(r->log_path);
    unlink(r->journal_path);
    rmdir(r->dir);
    free(r);
    return 0;
}

int
rig_start(struct rig *r, const char *manner, const char *more, struct err *e)
{
    const char *const env[] = { RIG_ENV, "ANSWER=42", NULL };
    const char *const argv[] = { rig_fake(), manner, more ? more : r->needle, r->needle, NULL };
    struct agent_spec spec = {
        .argv = argv,
        .env = env,
        .cwd = r->dir,
        .log_path = r->log_path,
        .log_max = r->log_max,
        .marker = r->marker,
        .cage = r->cage,
        .journal = r->journal,
        .grace_ms = r->grace_ms,
        .timeout_ms = r->timeout_ms,
        .lease_until_ms = r->lease_until_ms,
    };

    if (agent_start(&r->agent, r->loop, &spec, on_start, on_end, r, e))
        return -1;
    agent_on_cascade(r->agent, on_cascade);
    return 0;
}

int
rig_adopt(struct rig *r, struct err *e)
{
    agent_free(r->agent);
    r->agent = NULL;
    return agent_adopt(&r->agent, r->loop, r->journal_path, r->marker, on_end, r, e);
}

bool
rig_is_ready(struct rig *r)
{
    char *log = rig_log(r);
    bool  is_there = strstr(log, "ready") != NULL;

    free(log);
    return is_there && rig_is_started(r);
}

void
rig_start_ready(struct rig *r, const char *manner)
{
    struct err e = ERR_INIT;

    assert_int_equal(rig_start(r, manner, NULL, &e), 0);
    assert_true(rig_wait(r, rig_is_ready));
}

void
rig_wait_end(struct rig *r)
{
    assert_true(rig_wait(r, rig_is_over));
    assert_int_equal(r->ends, 1);
}

struct wait {
    struct rig *rig;
    bool (*is_true)(struct rig *r);
    int64_t deadline_ms;
    bool    is_met;
};

static void
on_look(void *arg)
{
    struct wait *w = arg;

    w->is_met = w->is_true(w->rig);
    if (w->is_met || clock_mono_ms() > w->deadline_ms)
        loop_quit(w->rig->loop);
}

bool
rig_wait(struct rig *r, bool (*is_true)(struct rig *r))
{
    struct wait        w = { .rig = r, .is_true = is_true, .deadline_ms = clock_mono_ms() + RIG_PATIENCE_MS };
    struct loop_timer *t = loop_every(r->loop, 5, on_look, &w);

    loop_run(r->loop);
    loop_timer_stop(t);
    return w.is_met;
}

bool
rig_is_over(struct rig *r)
{
    return r->ends > 0;
}

bool
rig_is_started(struct rig *r)
{
    return r->warden > 0;
}

static bool
has_needle(pid_t pid, const char *needle)
{
    char    path[64];
    char    text[4096];
    ssize_t n;
    int     fd;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    return n > 0 && memmem(text, (size_t)n, needle, strlen(needle) + 1) && !memmem(text, (size_t)n, "orchd-warden", 13);
}

static int
find(struct rig *r, pid_t *last)
{
    struct tree t = { 0 };
    int         count = 0;

    tree_walk(&t);
    for (size_t i = 0; i < t.count; i++) {
        if (t.items[i].is_dead || !has_needle(t.items[i].pid, r->needle))
            continue;
        *last = t.items[i].pid;
        count++;
    }
    tree_fini(&t);
    return count;
}

int
rig_count(struct rig *r)
{
    pid_t last = 0;

    return find(r, &last);
}

pid_t
rig_command(struct rig *r)
{
    pid_t last = 0;

    find(r, &last);
    return last;
}

bool
rig_is_empty(struct rig *r)
{
    return rig_count(r) == 0;
}

char *
rig_log(struct rig *r)
{
    struct buf b = { 0 };
    char       part[4096];
    ssize_t    n;
    int        fd = open(r->log_path, O_RDONLY | O_CLOEXEC);

    while (fd >= 0 && (n = read(fd, part, sizeof(part))) > 0)
        buf_add(&b, part, (size_t)n);
    if (fd >= 0)
        close(fd);
    return buf_take(&b);
}
