/* The pool: jobs wait in one list; a thread takes the first whose mirror nobody works on. Results go back through loop_post(). */
#include "git/git.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "base/check.h"
#include "base/log.h"
#include "base/str.h"
#include "git/git_int.h"

#define GIT_MAGIC     0x47697430u
#define GIT_JOB_MAGIC 0x4769744au

enum { MOST_THREADS = 16, SWEEP_MS = 5000 };

struct git_job {
    uint32_t      magic;
    struct git   *git;
    git_work_fn  *work;
    struct ask    ask;
    struct answer answer;
    struct err    err;
    git_fn       *fn; /* loop thread only; NULL = forgotten */
    void         *arg;
    bool          is_running;  /* under git->lock */
    TAILQ_ENTRY(git_job) link; /* in git->jobs, under git->lock */
    TAILQ_ENTRY(git_job) all;  /* in git->every, loop thread only */
};

struct git {
    uint32_t        magic;
    struct loop    *loop;
    struct git_home home;
    pthread_mutex_t lock;
    pthread_cond_t  wake;
    bool            is_closing;  /* under lock */
    TAILQ_HEAD(, git_job) jobs;  /* waiting and running, under lock */
    TAILQ_HEAD(, git_job) every; /* not yet given back; loop thread only */
    int                pending;  /* how many those are */
    unsigned           threads;
    pthread_t          thread[MOST_THREADS];
    struct loop_timer *sweep;
};

static void
on_sweep(void *arg)
{
    (void)arg;
    stream_sweep();
}

/* Sweeps meanwhile: the loop's timers rest while we wait here. */
static void
join_thread(pthread_t thread)
{
    struct timespec until;
    do {
        stream_sweep();
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += SWEEP_MS / 1000;
    } while (pthread_timedjoin_np(thread, NULL, &until) == ETIMEDOUT);
}

static void
job_free(struct git_job *j)
{
    free(j->ask.repo);
    free(j->ask.clone_url);
    free(j->ask.default_branch);
    free(j->ask.branch);
    free(j->ask.path);
    free(j->ask.content);
    free(j->ask.message);
    free(j->ask.work_item);
    free(j->ask.commit);
    json_free(j->ask.markers);
    json_free(j->answer.info);
    free(j);
}

static void
home_free(struct git *g)
{
    free(g->home.data_dir);
    free(g->home.token);
    free(g->home.author_name);
    free(g->home.author_email);
    pthread_cond_destroy(&g->wake);
    pthread_mutex_destroy(&g->lock);
    git_libgit2_shutdown();
    free(g);
}

/* The last job given back after git_close() takes the pool with it: its result was in the loop's post already. */
static void
give_back(struct git_job *j)
{
    struct git *g = j->git;
    TAILQ_REMOVE(&g->every, j, all);
    job_free(j);
    if (--g->pending == 0 && g->is_closing)
        home_free(g);
}

static void
on_job_done(void *arg)
{
    struct git_job   *j = CHECKED(arg, GIT_JOB_MAGIC);
    struct git_result r = { .info = j->answer.info };

    memcpy(r.head, j->answer.head, sizeof r.head);
    memcpy(r.base, j->answer.base, sizeof r.base);
    if (j->fn)
        j->fn(&r, j->err.code ? &j->err : NULL, j->arg);
    give_back(j);
}

/* Under lock: the first waiting job whose mirror is free. */
static struct git_job *
next_job(struct git *g)
{
    struct git_job *j, *k;
    TAILQ_FOREACH (j, &g->jobs, link) {
        bool is_free = !j->is_running;
        for (k = TAILQ_FIRST(&g->jobs); is_free && k != j; k = TAILQ_NEXT(k, link))
            is_free = !str_equal(k->ask.repo, j->ask.repo);
        if (is_free)
            return j;
    }
    return NULL;
}

static void *
run_jobs(void *arg)
{
    struct git     *g = CHECKED(arg, GIT_MAGIC);
    struct git_job *j;

    pthread_mutex_lock(&g->lock);
    while (!g->is_closing) {
        j = next_job(g);
        if (!j) {
            pthread_cond_wait(&g->wake, &g->lock);
            continue;
        }
        j->is_running = true;
        pthread_mutex_unlock(&g->lock);
        j->work(&g->home, &j->ask, &j->answer, &j->err);
        pthread_mutex_lock(&g->lock);
        TAILQ_REMOVE(&g->jobs, j, link);
        pthread_cond_broadcast(&g->wake);
        loop_post(g->loop, on_job_done, j);
    }
    pthread_mutex_unlock(&g->lock);
    return NULL;
}

/* Made, and without links: git compares the paths of worktrees as texts. */
static char *
real_dir(const char *path, struct err *e)
{
    char *real = make_dirs(path, e) ? NULL : realpath(path, NULL);
    if (!real && !e->code)
        err_set(e, ERR_RETRY, "could not find directory \"%s\": %s", path, strerror(errno));
    return real;
}

int
git_open(struct git **out, struct loop *l, const struct git_options *o, struct err *e)
{
    struct git *g = xcalloc(1, sizeof *g);

    git_libgit2_init();
    /* Mirrors and remotes on this host may belong to another user, e.g. when the data directory is a volume; who may write there is
     * the business of its permissions. */
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    stream_register();
    if (o->ca_file && git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, o->ca_file, NULL) < 0)
        err_set(e, ERR_INVALID, "could not read the certificates of \"%s\": %s", o->ca_file, git_why());
    g->magic = GIT_MAGIC;
    g->loop = l;
    g->home = (struct git_home){ .data_dir = real_dir(o->data_dir, e),
                                 .token = xstrdup(o->token),
                                 .author_name = xstrdup(o->author_name),
                                 .author_email = xstrdup(o->author_email) };
    TAILQ_INIT(&g->jobs);
    TAILQ_INIT(&g->every);
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->wake, NULL);
    for (unsigned i = 0; i < o->threads && i < MOST_THREADS && !e->code; i++) {
        if (pthread_create(&g->thread[i], NULL, run_jobs, g))
            err_set(e, ERR_RETRY, "could not start a thread for git");
        else
            g->threads++;
    }
    g->sweep = loop_every(l, SWEEP_MS, on_sweep, NULL);
    if (e->code)
        git_close(g);
    else
        *out = g;
    return e->code;
}

void
git_close(struct git *g)
{
    struct git_job *j;
    if (!g)
        return;
    loop_timer_stop(g->sweep);
    pthread_mutex_lock(&g->lock);
    g->is_closing = true;
    pthread_cond_broadcast(&g->wake);
    pthread_mutex_unlock(&g->lock);
    for (unsigned i = 0; i < g->threads; i++)
        join_thread(g->thread[i]);
    TAILQ_FOREACH (j, &g->every, all)
        j->fn = NULL;
    g->pending++; /* ours, so that the waiting jobs below are not the last */
    while ((j = TAILQ_FIRST(&g->jobs))) {
        TAILQ_REMOVE(&g->jobs, j, link);
        give_back(j);
    }
    if (--g->pending == 0)
        home_free(g);
}

void
git_forget(struct git_job *j)
{
    if (j)
        CHECKED(j, GIT_JOB_MAGIC), j->fn = NULL;
}

void
git_push_until(struct git_job *j, int64_t until_ms)
{
    (void)CHECKED(j, GIT_JOB_MAGIC);
    j->ask.push_until_ms = until_ms;
}

/* What a verb needs beside its target. */
struct extra {
    const char  *path, *content, *message, *work_item, *commit;
    struct json *markers;
};

static struct git_job *
start(struct git *g, git_work_fn *work, const struct git_target *t, const struct extra *x, git_fn *fn, void *arg)
{
    struct git_job *j = xcalloc(1, sizeof *j);

    j->magic = GIT_JOB_MAGIC;
    j->git = g;
    j->work = work;
    j->fn = fn;
    j->arg = arg;
    j->ask = (struct ask){ .repo = xstrdup(t->repo),
                           .clone_url = xstrdup(t->clone_url),
                           .default_branch = xstrdup(t->default_branch),
                           .branch = xstrdup(t->branch),
                           .task_id = t->task_id,
                           .push_until_ms = t->push_until_ms,
                           .path = xstrdup(x->path),
                           .content = xstrdup(x->content),
                           .message = xstrdup(x->message),
                           .work_item = xstrdup(x->work_item),
                           .commit = xstrdup(x->commit),
                           .markers = x->markers ? json_copy(x->markers) : NULL };
    TAILQ_INSERT_TAIL(&g->every, j, all);
    g->pending++;
    pthread_mutex_lock(&g->lock);
    TAILQ_INSERT_TAIL(&g->jobs, j, link);
    pthread_cond_broadcast(&g->wake);
    pthread_mutex_unlock(&g->lock);
    return j;
}

struct git_job *
git_start_branch(struct git *g, const struct git_target *t, const char *path, const char *content, const char *message, git_fn *fn,
                 void *arg)
{
    return start(g, work_start_branch, t, &(struct extra){ .path = path, .content = content, .message = message }, fn, arg);
}

struct git_job *
git_open_worktree(struct git *g, const struct git_target *t, git_fn *fn, void *arg)
{
    return start(g, work_open_worktree, t, &(struct extra){ 0 }, fn, arg);
}

struct git_job *
git_collect(struct git *g, const struct git_target *t, const char *work_item, git_fn *fn, void *arg)
{
    return start(g, work_collect, t, &(struct extra){ .work_item = work_item }, fn, arg);
}

struct git_job *
git_archive(struct git *g, const struct git_target *t, const char *work_item, git_fn *fn, void *arg)
{
    return start(g, work_archive, t, &(struct extra){ .work_item = work_item }, fn, arg);
}

struct git_job *
git_remove_worktree(struct git *g, const struct git_target *t, git_fn *fn, void *arg)
{
    return start(g, work_remove_worktree, t, &(struct extra){ 0 }, fn, arg);
}

struct git_job *
git_check_merged(struct git *g, const struct git_target *t, const char *commit, struct json *markers, git_fn *fn, void *arg)
{
    return start(g, work_check_merged, t, &(struct extra){ .commit = commit, .markers = markers }, fn, arg);
}

struct git_job *
git_try_merge(struct git *g, const struct git_target *t, const char *commit, git_fn *fn, void *arg)
{
    return start(g, work_try_merge, t, &(struct extra){ .commit = commit }, fn, arg);
}
