/* outcome: what the end of a run's agent was: by how its process ended, what its output says, and the result file. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/str.h"
#include "worker/report.h"
#include "worker/transient.h"
#include "worker/worker_int.h"

enum { EXIT_TRANSIENT = 75, COST_MAX = 1000000 };

static void
set_time(struct json *detail, const char *key, int64_t wall_us)
{
    if (wall_us)
        json_set_str(detail, key, clock_text_us(wall_us).text);
}

void
run_note_end(struct run *r, const struct agent_end *end)
{
    r->end = *end;
    agent_free(give(&r->agent));
    metric_add(METRIC_orchd_runs_ended_total, 1);
    set_time(r->detail, "started_at", end->started_us);
    set_time(r->detail, "ended_at", end->ended_us);
    set_time(r->detail, "term_at", end->term_us);
    set_time(r->detail, "kill_at", end->kill_us);
    set_time(r->detail, "gone_at", end->gone_us);
    json_set_int(r->detail, "tree_size", end->tree_size);
    if (end->exit_status >= 0)
        json_set_int(r->detail, "exit_status", end->exit_status);
    if (end->signal)
        json_set_int(r->detail, "signal", end->signal);
    if (r->is_stop_asked && r->asked_at > 0 && end->term_us) {
        metric_observe(METRIC_orchd_stop_term_seconds, (double)end->term_us / 1e6 - r->asked_at);
        metric_observe(METRIC_orchd_stop_gone_seconds, (double)end->gone_us / 1e6 - r->asked_at);
    }
}

static bool
is_fenced(const struct run *r)
{
    return clock_boot_ms() >= worker_lease_until(r->worker);
}

static void
on_evidence(const char *head, struct json *evidence, const struct err *e, void *arg)
{
    struct run *r = CHECKED(arg, RUN_MAGIC);
    if (r->is_stop_asked) {
        run_conclude(r, QUEUE_STOPPED, NULL);
    } else if (e && is_fenced(r)) {
        run_conclude(r, QUEUE_RELEASED, "its lease ended before its work was pushed");
    } else if (e) {
        /* What the agent did is kept in its branch; that it cannot be shown is often no fault of its own. */
        run_conclude(r, e->code == ERR_RETRY ? QUEUE_TRANSIENT : QUEUE_FAILED, e->text);
    } else {
        json_set_str(r->detail, "head", head);
        json_set(r->detail, "evidence", json_copy(evidence));
        run_conclude(r, QUEUE_OK, NULL);
    }
}

/* Its branch may be another node's by now, and is not ours to push, once the lease has ended. */
static void
conclude_success(struct run *r, const struct err *result)
{
    if (result->code) {
        run_conclude(r, QUEUE_FAILED, result->text);
    } else if (r->job->task_id && is_fenced(r)) {
        run_conclude(r, QUEUE_RELEASED, "its lease ended before its work was pushed");
    } else if (r->job->task_id) {
        run_enter(r, RUN_CONCLUDING);
        r->worker->hooks.conclude(r->job, worker_lease_until(r->worker), on_evidence, r, r->worker->hooks.arg);
    } else {
        run_conclude(r, QUEUE_OK, NULL);
    }
}

/* It says that it failed. Was it the work, or the service behind the agent? Its output knows, if it has records; else its log is searched. */
static void
conclude_failure(struct run *r, const struct report *said, struct json *patterns, int exit_status)
{
    struct transient_sign sign = { 0 };
    char                  why[64 + sizeof said->words];

    if (said->is_known)
        transient_find_own(&sign, r->log_path, patterns);
    else
        transient_find_in_log(&sign, r->log_path, patterns);
    r->verdict = exit_status == EXIT_TRANSIENT || said->is_transient || sign.is_found ? BREAKER_TRANSIENT : BREAKER_WORKED;
    if (exit_status == EXIT_TRANSIENT)
        snprintf(why, sizeof why, "exit 75: the agent asks to be tried again later");
    else if (sign.is_found)
        snprintf(why, sizeof why, "exit status %d, and its log has \"%s\"", exit_status, sign.words);
    else
        snprintf(why, sizeof why, "exit status %d%s%s", exit_status, *said->words ? ": " : "", said->words);
    if (said->is_known && !sign.wait_ms)
        sign.wait_ms = transient_wait(said->words, time(NULL));
    if (r->verdict == BREAKER_TRANSIENT && sign.wait_ms) {
        r->wait_ms = sign.wait_ms;
        json_set_int(r->detail, "wait_ms", sign.wait_ms);
    }
    run_conclude(r, r->verdict == BREAKER_TRANSIENT ? QUEUE_TRANSIENT : QUEUE_FAILED, why);
}

/* What it used counts however it ended; what its result file says counts more than what was read from its output. */
static void
note_usage(struct run *r, const struct report *said)
{
    if (said->usage)
        json_set(r->detail, "usage", json_copy(said->usage));
    if (said->cost_usd >= 0 && said->cost_usd < COST_MAX)
        json_set_double(r->detail, "cost_usd", said->cost_usd);
}

static void
judge(struct run *r, const struct report *said, struct json *patterns, const struct err *result)
{
    const struct agent_end *end = &r->end;
    char                    why[64];

    if (end->is_lost && !r->is_stop_asked)
        run_conclude(r, QUEUE_LOST, "its warden was killed");
    else if (end->is_fenced && !r->is_stop_asked)
        run_conclude(r, QUEUE_RELEASED, "this node could not renew its lease in time");
    else if (!end->is_started && !r->is_stop_asked)
        run_conclude(r, QUEUE_UNSTARTABLE, end->error);
    else if (r->is_stop_asked)
        run_conclude(r, QUEUE_STOPPED, NULL);
    else if (r->is_released)
        run_conclude(r, QUEUE_RELEASED, NULL);
    else if (end->is_timeout)
        run_conclude(r, QUEUE_TIMEOUT, "the time-out of its agent has passed");
    else if (end->signal) {
        snprintf(why, sizeof why, "ended by signal %d", end->signal);
        run_conclude(r, QUEUE_FAILED, why);
    } else if (end->exit_status != 0 || (said->is_known && !said->is_success)) {
        conclude_failure(r, said, patterns, end->exit_status);
    } else {
        r->verdict = BREAKER_WORKED;
        conclude_success(r, result);
    }
}

void
run_on_end(const struct agent_end *end, void *arg)
{
    struct run         *r = CHECKED(arg, RUN_MAGIC);
    struct config_agent how = { 0 };
    struct report       said = { .cost_usd = -1 };
    struct err          result = ERR_INIT, gone = ERR_INIT;

    run_note_end(r, end);
    config_find_agent(&how, r->worker->cfg, r->job->repo, r->job->agent, &gone); /* a file read anew may have lost it */
    if (end->is_started) {
        report_read_log(&said, r->output, r->log_path, end->exit_status);
        note_usage(r, &said);
        launch_read_result(r->result_file, r->detail, &result);
    }
    judge(r, &said, how.transient, &result);
    report_fini(&said);
    free(how.argv);
}
