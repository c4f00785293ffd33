/* detached: a run that deploys a commit. What the agents file has under deploys for its repo surrounds or replaces the agent:
 *
 *   starting ──image command──▶ is it of the commit? ──▶ the deploy counts as begun (orch.run_detaches) ──▶ hook ──▶ running ──▶ finishing
 *        └── none ─────────────────────▲                                                                     ▲
 *                                                    an earlier life of this node started it ──run_adopt()───┘
 *
 * From the answer of run_detaches on nothing ends the hook but itself and its time-out: no STOP, no fence, no shut-down. An orchd that
 * leaves lets it go, and its next start takes it up again. How it ended is read from what it left, and never guessed. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "agent/env.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "worker/output.h"
#include "worker/worker_int.h"

enum {
    REVISION_MIN = 7, /* what git abbreviates to */
    BEGIN_AGAIN_MS = 500,
    WORDS_SIZE = 160,
    END_SLACK_MS = 5 * 60 * 1000 /* above time-out and grace: for the cascade, and for a node that comes back late */
};

/* --- M5: the image --- */

static bool
is_revision(const char *word, const char *revision)
{
    size_t len = strlen(word);

    return len >= REVISION_MIN && strspn(word, "0123456789abcdefABCDEF") == len && len <= strlen(revision) &&
           strncasecmp(word, revision, len) == 0;
}

static int
check_image(const struct run *r, const struct agent_end *end, const char *path, struct err *e)
{
    char words[WORDS_SIZE];
    char how[AGENT_HOW_SIZE];

    output_last_words(words, sizeof words, path);
    if (!agent_end_is_good(end, how, sizeof how))
        err_set(e, ERR_INVALID, "the image command of %s failed: %s%s%s", r->job->repo, how, *words ? "; its last words: " : "", words);
    else if (!is_revision(words, r->revision))
        err_set(e, ERR_INVALID, "image freshness: the image that is to be deployed is of revision \"%s\", the branch head is %s", words,
                r->revision);
    return e->code;
}

static char *
image_log(const struct run *r)
{
    return xasprintf("%s/image.log", r->dir);
}

static void begin(struct run *r);

static void
on_image_end(const struct agent_end *end, void *arg)
{
    struct run *r = CHECKED(arg, RUN_MAGIC);
    char       *path = image_log(r);
    struct err  e = ERR_INIT;

    agent_free(give(&r->agent));
    if (r->is_stop_asked)
        run_conclude(r, QUEUE_STOPPED, NULL);
    else if (r->is_released || end->is_fenced)
        run_conclude(r, QUEUE_RELEASED, NULL);
    else if (check_image(r, end, path, &e))
        run_conclude(r, QUEUE_FAILED, e.text);
    else
        begin(r);
    free(path);
}

/* --- M2: the hook --- */

static void
on_hook_end(const struct agent_end *end, void *arg)
{
    struct run *r = CHECKED(arg, RUN_MAGIC);
    char        how[AGENT_HOW_SIZE];

    run_note_end(r, end);
    if (end->is_lost && !end->ended_us) {
        run_conclude(r, QUEUE_LOST, "the deploy hook left no exit status: its warden was killed, or the machine went down");
    } else if (agent_end_is_good(end, how, sizeof how)) {
        struct json *evidence = json_new_object(), *hook = json_new_object();
        json_set_int(hook, "exit_status", end->exit_status);
        json_set(evidence, "hook", hook);
        json_set(r->detail, "evidence", evidence);
        run_conclude(r, QUEUE_OK, NULL);
    } else {
        const char *why = turn_fmt(r->worker->loop, "the deploy hook failed: %s", how);
        run_conclude(r, end->is_timeout ? QUEUE_TIMEOUT : end->is_started ? QUEUE_FAILED : QUEUE_UNSTARTABLE, why);
    }
}

static char *
journal_path(const struct run *r)
{
    return xasprintf("%s/hook.journal", r->dir);
}

static void
start_hook(struct run *r)
{
    const struct config *cfg = r->worker->cfg;
    struct config_agent  how = { 0 };
    char                *journal = journal_path(r);
    char               **env = NULL;
    struct err           e = ERR_INIT;

    if (!config_find_deploy(&how, cfg, r->job->repo, "hook")) {
        err_set(&e, ERR_INVALID, "the agents file has no deploy hook for %s any more", r->job->repo);
    } else if (!launch_write_task(r, &e)) {
        env = launch_env(cfg, &how, r);
        struct agent_spec spec = { .argv = how.argv,
                                   .env = (const char *const *)env,
                                   .cwd = r->cwd,
                                   .log_path = r->log_path,
                                   .log_max = cfg->log_max_bytes,
                                   .marker = r->marker,
                                   .journal = journal,
                                   .grace_ms = cfg->agent_kill_grace_seconds,
                                   .timeout_ms = how.timeout_ms };
        r->is_detached = !agent_start(&r->agent, r->worker->loop, &spec, run_on_start, on_hook_end, r, &e);
    }
    agent_env_free(env);
    free(how.argv);
    free(journal);
    if (e.code)
        run_conclude(r, QUEUE_UNSTARTABLE, e.text);
}

static void
on_begin_again(void *arg)
{
    struct run *r = CHECKED(arg, RUN_MAGIC);
    r->again = NULL;
    begin(r);
}

static void
on_begun(bool is_wanted, const struct err *e, void *arg)
{
    struct run *r = CHECKED(arg, RUN_MAGIC);

    /* Whether it was heard is not known: an answer says so, or the start is given up and SQL knows which it was. */
    if (e && e->code == ERR_RETRY && clock_boot_ms() < r->start_until_ms)
        r->again = loop_after(r->worker->loop, BEGIN_AGAIN_MS, on_begin_again, r);
    else if (e)
        run_conclude(r, QUEUE_RELEASED, e->text);
    else if (!is_wanted)
        run_conclude(r, QUEUE_STOPPED, "its deploy is not to begin any more");
    else
        start_hook(r);
}

static void
begin(struct run *r)
{
    const struct config *cfg = r->worker->cfg;
    struct config_agent  how = { 0 };

    if (config_find_deploy(&how, cfg, r->job->repo, "hook"))
        queue_run_detaches(r->worker->queue, queue_job_run(r->job), agent_boot_id(), r->log_path,
                           how.timeout_ms + cfg->agent_kill_grace_seconds + END_SLACK_MS, on_begun, r);
    else
        run_start_agent(r);
    free(how.argv);
}

void
run_deploy(struct run *r)
{
    const struct config *cfg = r->worker->cfg;
    struct config_agent  how = { 0 };
    char                *log_path;
    char               **env;
    struct err           e = ERR_INIT;

    if (!config_find_deploy(&how, cfg, r->job->repo, "image")) {
        begin(r);
        return;
    }
    log_path = image_log(r);
    env = launch_env(cfg, &how, r);
    struct agent_spec spec = { .argv = how.argv,
                               .env = (const char *const *)env,
                               .cwd = r->cwd,
                               .log_path = log_path,
                               .log_max = cfg->log_max_bytes,
                               .marker = r->marker,
                               .grace_ms = cfg->agent_kill_grace_seconds,
                               .timeout_ms = how.timeout_ms,
                               .lease_until_ms = worker_lease_until(r->worker) };
    if (agent_start(&r->agent, r->worker->loop, &spec, NULL, on_image_end, r, &e)) {
        err_prefix(&e, "the image command of %s cannot run", r->job->repo);
        run_conclude(r, QUEUE_UNSTARTABLE, e.text);
    }
    agent_env_free(env);
    free(how.argv);
    free(log_path);
}

/* --- between two lives of orchd --- */

static void
on_lost(void *arg)
{
    struct run *r = CHECKED(arg, RUN_MAGIC);
    r->again = NULL;
    run_conclude(r, QUEUE_LOST, "the deploy hook left no journal: it was not started, or the data directory is another one");
}

void
run_adopt(struct worker *w, const struct queue_leftover *left)
{
    struct queue_job job = { .run_id = left->run_id,
                             .job_id = left->job_id,
                             .task_id = left->task_id,
                             .agent = (char *)left->agent,
                             .repo = (char *)left->repo,
                             .work_item = (char *)left->work_item };
    struct err       e = ERR_INIT;
    struct run      *r = run_new(w, &job, &e);
    char            *journal = journal_path(r);

    r->is_detached = true;
    run_enter(r, RUN_STARTING);
    run_enter(r, RUN_RUNNING);
    if (e.code || agent_adopt(&r->agent, w->loop, journal, r->marker, on_hook_end, r, &e)) {
        LOGW("worker.not_adopted", "run=%lld why=%s", (long long)job.run_id, log_quote(e.text));
        r->again = loop_after(w->loop, 0, on_lost, r);
    } else {
        LOGI("worker.adopted", "job=%lld run=%lld journal=%s", (long long)job.job_id, (long long)job.run_id, log_quote(journal));
    }
    free(journal);
}

void
run_let_go(struct run *r)
{
    if (!r->is_detached || !r->agent || r->is_recording || r->state != RUN_RUNNING)
        return;
    LOGI("worker.let_go", "job=%lld run=%lld why=%s", (long long)r->job->job_id, (long long)r->job->run_id,
         log_quote("it runs on without this orchd, and the next start of this node watches it"));
    worker_forget_run(r->worker, r);
}
