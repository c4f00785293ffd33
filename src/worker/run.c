/* One run from claim to its closed row. worker.h draws the states; run_enter() is the only line that moves one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/env.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"
#include "worker/offer.h"
#include "worker/transient.h"
#include "worker/worker_int.h"

enum { DIR_MODE = 0750, AGAIN_FIRST_MS = 100, RECORD_AGAIN_MS = 500, AGAIN_MOST_MS = 5000 };

static const char *const state_names[] = { "preparing", "starting", "running", "concluding", "finishing" };

static void finish(struct run *r);
static void record(struct run *r);

void
run_enter(struct run *r, enum run_state state)
{
    CHECK(state > r->state || (state == RUN_PREPARING && r->state == RUN_PREPARING));
    LOGI("worker.run_state", "job=%lld run=%lld agent=%s from=%s to=%s", (long long)r->job->job_id, (long long)r->job->run_id,
         r->job->agent, state_names[r->state], state_names[state]);
    r->state = state;
}

/* The run ends with this outcome; error may be NULL. The first reason stands. */
void
run_conclude(struct run *r, enum queue_outcome outcome, const char *error)
{
    r->outcome = outcome;
    if (error && !json_str(r->detail, "error"))
        json_set_str(r->detail, "error", error);
    finish(r);
}

static void
on_finish_again(void *arg)
{
    finish(CHECKED(arg, RUN_MAGIC));
}

static void
on_finished(const struct queue_finished *f, const struct err *e, void *arg)
{
    struct run *r = CHECKED(arg, RUN_MAGIC);

    if (e && e->code == ERR_RETRY) {
        int64_t wait = AGAIN_FIRST_MS << (r->tries < 6 ? r->tries : 6);
        r->tries++;
        r->again = loop_after(r->worker->loop, wait < AGAIN_MOST_MS ? wait : AGAIN_MOST_MS, on_finish_again, r);
        return;
    }
    if (e && e->code != ERR_GONE && !r->is_bare) {
        /* What the agent said was refused. Its run must be closed all the same, or its job would wait for ever. */
        LOGE("worker.finish_refused", "run=%lld why=%s", (long long)r->job->run_id, log_quote(e->text));
        r->is_bare = true;
        json_free(r->detail);
        r->detail = json_new_object();
        json_set_str(r->detail, "error", e->text);
        r->outcome = r->outcome == QUEUE_OK ? QUEUE_FAILED : r->outcome;
        finish(r);
        return;
    }
    if (e)
        LOGW("worker.run_stale", "run=%lld outcome=%s why=%s", (long long)r->job->run_id, queue_outcome_name(r->outcome),
             log_quote(e->text));
    else
        LOGI("worker.run_finished", "job=%lld run=%lld outcome=%s job_status=%s stage=%s note=%s", (long long)r->job->job_id,
             (long long)r->job->run_id, queue_outcome_name(r->outcome), f->job_status, f->task_stage ? f->task_stage : "-",
             log_quote(f->note));
    worker_forget_run(r->worker, r);
}

static void
finish(struct run *r)
{
    loop_timer_stop(r->again);
    r->again = NULL;
    if (r->state != RUN_FINISHING) {
        run_enter(r, RUN_FINISHING);
        if (r->job->task_id && (r->outcome == QUEUE_FAILED || r->outcome == QUEUE_TIMEOUT || r->outcome == QUEUE_LOST))
            launch_add_log(r->detail, r->log_path);
        offer_end(r->worker->offer, r->job->agent, r->job->run_id, r->verdict, r->wait_ms, json_str(r->detail, "error"));
    }
    if (r->is_recording)
        return; /* its answer comes first, and brings us back here */
    queue_finish(r->worker->queue, queue_job_run(r->job), r->outcome, r->detail, on_finished, r);
}

static void
on_told(const struct err *e, void *arg)
{
    (void)arg;
    if (e && e->code != ERR_GONE)
        LOGW("worker.stopping_untold", "why=%s", log_quote(e->text));
}

static void
on_cascade(int64_t term_us, int64_t kill_us, void *arg)
{
    struct run *r = CHECKED(arg, RUN_MAGIC);
    queue_run_stopping(r->worker->queue, r->job->run_id, term_us, kill_us, on_told, NULL);
}

static void
on_record_again(void *arg)
{
    struct run *r = CHECKED(arg, RUN_MAGIC);
    r->again = NULL;
    record(r);
}

static void
on_recorded(bool is_wanted, const struct err *e, void *arg)
{
    struct run *r = CHECKED(arg, RUN_MAGIC);
    r->is_recording = false;
    if (r->state == RUN_FINISHING)
        finish(r);
    else if ((e && e->code == ERR_GONE) || (!e && !is_wanted))
        run_stop(r, "the job is no longer wanted", 0);
    else if (e && r->state == RUN_RUNNING)
        r->again = loop_after(r->worker->loop, RECORD_AGAIN_MS, on_record_again, r);
    else if (r->worker->is_draining)
        run_let_go(r);
}

/* The pid must be in the row before we could crash, and before the run is finished: the start of a deploy opens its critical window. */
static void
record(struct run *r)
{
    r->is_recording = true;
    queue_run_started(r->worker->queue, queue_job_run(r->job), (int)r->pid, r->pid_start, agent_boot_id(), r->log_path,
                      r->agent ? agent_cage(r->agent) : NULL, on_recorded, r);
}

void
run_on_start(pid_t pid, const char *start_time, void *arg)
{
    struct run *r = CHECKED(arg, RUN_MAGIC);
    run_enter(r, RUN_RUNNING);
    metric_add(METRIC_orchd_runs_started_total, 1);
    LOGI("worker.run_started", "job=%lld run=%lld pid=%d agent=%s log=%s", (long long)r->job->job_id, (long long)r->job->run_id, (int)pid,
         r->job->agent, r->log_path);
    r->pid = pid;
    r->pid_start = xstrdup(start_time);
    record(r);
}

/* Everything that can be wrong with the command is an "unstartable" that names agent and file. */
void
run_start_agent(struct run *r)
{
    const struct config *cfg = r->worker->cfg;
    struct config_agent  how = { 0 };
    char               **env = NULL, **argv = NULL;
    char                 cage[32];
    struct err           e = ERR_INIT;

    snprintf(cage, sizeof cage, "run-%lld", (long long)r->job->run_id);
    if (!config_find_agent(&how, cfg, r->job->repo, r->job->agent, &e) && !launch_write_task(r, &e) &&
        !launch_argv(&argv, how.argv, r, &e)) {
        env = launch_env(cfg, &how, r);
        r->output = xstrdup(how.output);
        struct agent_spec spec = { .argv = (const char *const *)argv,
                                   .env = (const char *const *)env,
                                   .cwd = r->cwd,
                                   .log_path = r->log_path,
                                   .log_max = cfg->log_max_bytes,
                                   .limits = launch_limits(&how),
                                   .marker = r->marker,
                                   .cage = cage,
                                   .grace_ms = cfg->agent_kill_grace_seconds,
                                   .timeout_ms = how.timeout_ms,
                                   .lease_until_ms = worker_lease_until(r->worker) };
        if (!agent_start(&r->agent, r->worker->loop, &spec, run_on_start, run_on_end, r, &e))
            agent_on_cascade(r->agent, on_cascade);
        else
            err_prefix(&e, "agent \"%s\" of \"%s\" cannot run", r->job->agent, cfg->agents_file);
    }
    agent_env_free(env);
    agent_env_free(argv);
    free(how.argv);
    if (e.code)
        run_conclude(r, QUEUE_UNSTARTABLE, e.text);
}

static void
start(struct run *r, const char *cwd, const char *revision)
{
    run_enter(r, RUN_STARTING);
    r->cwd = xstrdup(cwd);
    r->revision = xstrdup(revision);
    if (revision)
        run_deploy(r);
    else
        run_start_agent(r);
}

static void
on_ready(const char *cwd, const char *revision, const struct err *e, void *arg)
{
    struct run *r = CHECKED(arg, RUN_MAGIC);
    if (r->is_stop_asked)
        run_conclude(r, QUEUE_STOPPED, NULL);
    else if (r->is_released || r->worker->is_over)
        run_conclude(r, QUEUE_RELEASED, NULL);
    else if (e)
        run_conclude(r, e->code == ERR_RETRY ? QUEUE_TRANSIENT : QUEUE_UNSTARTABLE, e->text);
    else if (clock_boot_ms() >= r->start_until_ms)
        run_conclude(r, QUEUE_RELEASED, "it could not be prepared in time (ORCH_START_WITHIN)");
    else
        start(r, cwd, revision);
}

static void
on_ready_at_once(void *arg)
{
    struct run *r = CHECKED(arg, RUN_MAGIC);
    r->again = NULL;
    on_ready(r->dir, NULL, NULL, r);
}

static int
make_dir(const char *path, struct err *e)
{
    if (mkdir(path, DIR_MODE) && errno != EEXIST)
        err_set(e, ERR_RETRY, "could not make directory \"%s\": %s", path, strerror(errno));
    return e->code;
}

static int
make_files(struct run *r, struct err *e)
{
    const char *data = r->worker->cfg->data_dir;
    char       *runs = xasprintf("%s/runs", data);
    char       *logs = xasprintf("%s/logs", data);

    r->dir = xasprintf("%s/%lld", runs, (long long)r->job->run_id);
    r->task_file = xasprintf("%s/task.json", r->dir);
    r->result_file = xasprintf("%s/result.json", r->dir);
    r->log_path = xasprintf("%s/%lld.log", logs, (long long)r->job->run_id);
    r->marker = xasprintf("ORCH_RUN_MARK=%s/%lld", r->worker->node, (long long)r->job->run_id);
    if (!make_dir(runs, e) && !make_dir(logs, e))
        make_dir(r->dir, e);
    free(logs);
    free(runs);
    return e->code;
}

struct run *
run_new(struct worker *w, const struct queue_job *job, struct err *e)
{
    struct run *r = xcalloc(1, sizeof *r);

    r->magic = RUN_MAGIC;
    r->worker = w;
    r->job = queue_job_copy(job);
    r->detail = json_new_object();
    LIST_INSERT_HEAD(&w->runs, r, link);
    w->count++;
    metric_set(METRIC_orchd_runs_open, w->count);
    make_files(r, e);
    return r;
}

void
run_begin(struct worker *w, const struct queue_job *job)
{
    struct err  e = ERR_INIT;
    struct run *r = run_new(w, job, &e);

    r->start_until_ms = w->claim_sent_ms + w->cfg->start_within / 6 * 5;
    LOGI("worker.claimed", "job=%lld run=%lld task=%s agent=%s attempt=%d", (long long)job->job_id, (long long)job->run_id,
         job->work_item ? job->work_item : "-", job->agent, job->attempt);
    if (!offer_take(w->offer, job->agent, job->run_id))
        run_conclude(r, QUEUE_RELEASED, "the agent's breaker on this node is not closed");
    else if (e.code)
        run_conclude(r, QUEUE_TRANSIENT, e.text);
    else if (job->task_id)
        w->hooks.prepare(r->job, on_ready, r, w->hooks.arg);
    else
        r->again = loop_after(w->loop, 0, on_ready_at_once, r);
}

void
run_stop(struct run *r, const char *why, double asked_at)
{
    if (r->is_stop_asked || r->is_detached || r->state == RUN_FINISHING)
        return;
    r->is_stop_asked = true;
    r->asked_at = asked_at;
    metric_add(METRIC_orchd_stops_total, 1);
    LOGI("worker.run_stopping", "job=%lld run=%lld state=%s why=%s", (long long)r->job->job_id, (long long)r->job->run_id,
         state_names[r->state], log_quote(why));
    if (r->agent)
        agent_stop(r->agent, why);
}

void
run_release(struct run *r)
{
    if (r->is_stop_asked || r->is_released || r->is_detached)
        return;
    r->is_released = true;
    if (r->agent)
        agent_stop(r->agent, "the node is shutting down");
}

void
run_kill(struct run *r, const char *why)
{
    if (r->agent)
        agent_kill(r->agent, why);
}

void
run_free(struct run *r)
{
    LIST_REMOVE(r, link);
    loop_timer_stop(r->again);
    agent_free(r->agent);
    queue_job_free(r->job);
    json_free(r->detail);
    free(r->cwd);
    free(r->revision);
    free(r->dir);
    free(r->task_file);
    free(r->result_file);
    free(r->log_path);
    free(r->output);
    free(r->marker);
    free(r->pid_start);
    free(r);
}
