/* post_deploy: watches over what was deployed, by the URL or the command that the agents file has for its repo. What a check means is decided in
 * SQL: how many in a row make it degraded, when it is healthy, what follows.
 *
 *   due? (orch.monitors_due) ──▶ each of them, at once: GET or command ──▶ what came (orch.monitor_checked) ──▶ all told: end */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/env.h"
#include "base/check.h"
#include "base/str.h"
#include "fetch/fetch.h"
#include "upkeep/upkeep_int.h"

enum { PROBE_MAGIC = 0x70726f62 /* "prob" */, DIR_MODE = 0750, GRACE_MS = 2000, STATUS_OK = 200, STATUS_ABOVE = 300, ANSWER_MAX = 1 << 20 };

struct probe {
    uint32_t              magic;
    struct duty          *duty;
    char                 *id;
    char                 *repo;
    char                 *log_path;
    char                 *marker;
    struct config_monitor how; /* as it was begun; url is the config's, and not looked at later */
    struct fetch_call    *request;
    struct agent         *command;
    struct db_call       *call;
    LIST_ENTRY(probe) link;
};

struct watches {
    LIST_HEAD(, probe) probes; /* under way in this round */
    int64_t    told;
    struct err first_error; /* of telling; a check that fails is no failure of this duty */
};

static void
probe_free(struct probe *p)
{
    LIST_REMOVE(p, link);
    fetch_cancel(p->request);
    agent_free(p->command);
    db_forget(p->call);
    p->magic = 0;
    free(p->id);
    free(p->repo);
    free(p->log_path);
    free(p->marker);
    free(p);
}

static void
end_if_all_told(struct duty *d)
{
    struct watches *w = d->own;
    struct err      first = w->first_error;

    if (!LIST_EMPTY(&w->probes))
        return;
    err_clear(&w->first_error);
    upkeep_end(d, w->told, first.code ? &first : NULL);
}

static void
on_told(struct db_result *r, const struct err *e, void *arg)
{
    struct probe   *p = CHECKED(arg, PROBE_MAGIC);
    struct duty    *d = p->duty;
    struct watches *w = d->own;

    (void)r;
    p->call = NULL;
    if (e && !w->first_error.code)
        w->first_error = *e;
    w->told += !e;
    probe_free(p);
    end_if_all_told(d);
}

/* why NULL: it was good. */
static void
tell(struct probe *p, const char *why)
{
    char every_ms[24], failures[24];

    snprintf(every_ms, sizeof every_ms, "%" PRId64, p->how.interval_ms);
    snprintf(failures, sizeof failures, "%" PRId64, p->how.failures);
    p->call = db_call(upkeep_db(p->duty), CALL_monitor_checked,
                      (const char *const[]){ p->id, why, every_ms, failures, p->how.has_rollback ? "true" : "false" }, on_told, p);
}

/* --- by URL --- */

static void
on_answer(const struct fetch_response *r, const struct err *e, void *arg)
{
    struct probe *p = CHECKED(arg, PROBE_MAGIC);

    p->request = NULL;
    if (e)
        tell(p, e->text);
    else if (r->status >= STATUS_OK && r->status < STATUS_ABOVE)
        tell(p, NULL);
    else
        tell(p, turn_fmt(upkeep_loop(p->duty), "the health URL answered with status %ld; accepted is 200 to 299", r->status));
}

static void
ask_url(struct probe *p)
{
    struct fetch_request request = { .method = "GET", .url = p->how.url, .timeout_ms = p->how.timeout_ms, .max_bytes = ANSWER_MAX };

    p->request = fetch_start(upkeep_fetch(p->duty), &request, on_answer, p);
}

/* --- by command --- */

static void
on_end(const struct agent_end *end, void *arg)
{
    struct probe *p = CHECKED(arg, PROBE_MAGIC);
    char          how[AGENT_HOW_SIZE];
    bool          is_good = agent_end_is_good(end, how, sizeof how);

    agent_free(give(&p->command));
    tell(p, is_good ? NULL
                    : turn_fmt(upkeep_loop(p->duty), "the health command failed: %s; its output is in %s of node %s", how, p->log_path,
                               upkeep_node(p->duty)));
}

static void
run_command(struct probe *p, const struct config_agent *how, const char *work_item, const char *sha)
{
    const struct config *cfg = upkeep_config(p->duty);
    struct agent_env     env = { 0 };
    struct err           e = ERR_INIT;

    agent_env_pass(&env, cfg->agent_env_pass);
    agent_env_add_all(&env, how->env);
    agent_env_add(&env, "ORCH_REPO", p->repo);
    agent_env_add(&env, "ORCH_WORK_ITEM", work_item);
    agent_env_add(&env, "ORCH_REVISION", sha);
    unlink(p->log_path);
    struct agent_spec spec = { .argv = how->argv,
                               .env = (const char *const *)env.at,
                               .cwd = cfg->data_dir,
                               .log_path = p->log_path,
                               .log_max = cfg->log_max_bytes,
                               .marker = p->marker,
                               .grace_ms = GRACE_MS,
                               .timeout_ms = how->timeout_ms };
    if (agent_start(&p->command, upkeep_loop(p->duty), &spec, NULL, on_end, p, &e))
        tell(p, e.text);
    agent_env_free(env.at);
}

/* --- the round --- */

static void
begin(struct duty *d, struct db_result *r, int row)
{
    struct watches     *w = d->own;
    struct probe       *p = xcalloc(1, sizeof *p);
    struct config_agent command;

    *p = (struct probe){ .magic = PROBE_MAGIC, .duty = d };
    p->id = xstrdup(db_text(r, row, "monitor_id"));
    p->repo = xstrdup(db_text(r, row, "repo"));
    p->log_path = xasprintf("%s/logs/monitor-%s.log", upkeep_config(d)->data_dir, p->id);
    p->marker = xasprintf("ORCH_RUN_MARK=%s/monitor-%s", upkeep_node(d), p->id);
    LIST_INSERT_HEAD(&w->probes, p, link);
    if (!config_find_monitor(&p->how, &command, upkeep_config(d), p->repo))
        probe_free(p); /* a reload has lost it: the next round ends the watch */
    else if (p->how.url)
        ask_url(p);
    else
        run_command(p, &command, db_text(r, row, "work_item"), db_text(r, row, "sha"));
    free(command.argv);
}

static void
on_due(struct db_result *r, const struct err *e, void *arg)
{
    struct duty    *d = CHECKED(arg, DUTY_MAGIC);
    struct watches *w = d->own;

    d->call = NULL;
    if (e) {
        upkeep_end(d, 0, e);
        return;
    }
    w->told = 0;
    for (int row = 0; row < db_rows(r); row++)
        begin(d, r, row);
    end_if_all_told(d);
}

static void
add_rule(const char *repo, const struct config_monitor *how, void *arg)
{
    struct json *rule = json_new_object();

    json_set_int(rule, "window_ms", how->window_ms);
    json_set(arg, repo, rule);
}

static void
tick(struct duty *d)
{
    struct json *rules = json_new_object();
    char        *logs;

    if (!d->own) {
        d->own = xcalloc(1, sizeof(struct watches));
        logs = xasprintf("%s/logs", upkeep_config(d)->data_dir);
        mkdir(logs, DIR_MODE);
        free(logs);
    }
    config_each_monitor(upkeep_config(d), add_rule, rules);
    d->call = db_call(upkeep_db(d), CALL_monitors_due, (const char *const[]){ json_text(rules) }, on_due, d);
    json_free(rules);
}

static void
fini(struct duty *d)
{
    struct watches *w = d->own;

    while (w && !LIST_EMPTY(&w->probes))
        probe_free(LIST_FIRST(&w->probes));
    free(w);
    d->own = NULL;
}

const struct duty_kind duty_post_deploy = {
    .name = "post_deploy", .counter = METRIC_orchd_post_deploy_checks_total, .tick = tick, .fini = fini
};
