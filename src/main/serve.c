#include "main/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/commands.h"
#include "base/check.h"
#include "base/log.h"
#include "base/str.h"
#include "db/db.h"
#include "db/migrate.h"
#include "fetch/fetch.h"
#include "git/git.h"
#include "http/http.h"
#include "loop/loop.h"
#include "main/supervisor.h"
#include "outbox/outbox.h"
#include "pipeline/pipeline.h"
#include "upkeep/upkeep.h"
#include "web/web.h"
#include "webhook/webhook.h"
#include "worker/worker.h"

#define HOUSE_MAGIC 0x486f7573u

enum {
    GIT_THREADS = 2,
    DRAIN_SLACK_MS = 10000, /* above drain and grace: for effects under way and the last rows */
    STOP_SLACK_MS = 5000,   /* above all that: to close the house */
    DATA_DIR_MODE = 0750
};

/* Everything that serves, in the order in which it is opened; closed backwards. */
struct house {
    uint32_t         magic;
    struct config   *cfg;
    struct loop     *loop;
    struct db       *db;
    struct fetch    *fetch;
    struct git      *git;
    struct http     *http;
    struct web      *web;
    struct webhook  *webhook;
    struct pipeline *pipeline;
    struct worker   *worker;
    struct outbox   *outbox;
    struct upkeep   *upkeep;
    bool             is_schema_known; /* Postgres was asked, and its schema is ours */
    unsigned         signals;         /* how often we were asked to end */
    struct err       end;             /* why we end, when that is a failure */
};

static enum log_level
log_level_of(const struct config *cfg)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    for (int i = 0; i < 4; i++)
        if (str_equal(names[i], cfg->log_level))
            return (enum log_level)i;
    return LOG_INFO;
}

static const char *
get_variable(const char *name, void *arg)
{
    (void)arg;
    return getenv(name);
}

/* --- the worker's hooks: what it must not know, the pipeline does ----------------------------------------------------------------------- */

static void
prepare(const struct queue_job *job, worker_ready_fn *done, void *done_arg, void *arg)
{
    struct house *h = CHECKED(arg, HOUSE_MAGIC);
    pipeline_prepare(h->pipeline, job, done, done_arg);
}

static void
conclude(const struct queue_job *job, int64_t push_until_ms, worker_evidence_fn *done, void *done_arg, void *arg)
{
    struct house *h = CHECKED(arg, HOUSE_MAGIC);
    pipeline_conclude(h->pipeline, job, push_until_ms, done, done_arg);
}

static char *
prompt(const struct queue_job *job, const char *result_file, void *arg)
{
    (void)arg;
    return pipeline_prompt(job, result_file);
}

static void
renew(int64_t push_until_ms, void *arg)
{
    struct house *h = CHECKED(arg, HOUSE_MAGIC);
    pipeline_renew(h->pipeline, push_until_ms);
}

/* --- ending ------------------------------------------------------------------------------------------------------------------------------ */

static void
on_quiet(void *arg)
{
    struct house *h = CHECKED(arg, HOUSE_MAGIC);
    loop_quit(h->loop);
}

static void
on_drained(void *arg)
{
    struct house *h = CHECKED(arg, HOUSE_MAGIC);
    LOGI("main.drained", "runs=0");
    outbox_drain(h->outbox, on_quiet, h);
}

static void
on_drain_overdue(void *arg)
{
    struct house *h = CHECKED(arg, HOUSE_MAGIC);
    LOGW("main.drain_overdue", "why=%s", log_quote("not all ended in time; what is left is finished at the next start"));
    loop_quit(h->loop);
}

static void
on_term(void *arg)
{
    struct house *h = CHECKED(arg, HOUSE_MAGIC);
    int64_t       within_ms = h->cfg->drain_seconds + h->cfg->agent_kill_grace_seconds + DRAIN_SLACK_MS;

    if (h->signals++ == 0) {
        LOGI("main.stopping", "drain_ms=%lld", (long long)h->cfg->drain_seconds);
        supervisor_stopping(within_ms + STOP_SLACK_MS);
        web_set_draining(h->web, true);
        http_stop_listening(h->http);
        loop_after(h->loop, within_ms, on_drain_overdue, h);
    } else {
        LOGI("main.stopping_at_once", "signals=%u", h->signals);
    }
    worker_drain(h->worker, on_drained, h);
}

/* The others have given this node up: what it holds is no longer its own. */
static void
on_given_up(const struct err *why, void *arg)
{
    struct house *h = CHECKED(arg, HOUSE_MAGIC);
    h->end = *why;
    loop_quit(h->loop);
}

static void
on_published(struct db_result *r, const struct err *e, void *arg)
{
    (void)r;
    (void)arg;
    if (e)
        LOGE("main.settings_refused", "why=%s", log_quote(e->text));
}

static void
publish_settings(void *arg)
{
    struct house *h = CHECKED(arg, HOUSE_MAGIC);
    struct json  *shared = config_shared(h->cfg);
    const char   *params[] = { json_text(shared) };
    db_call(h->db, CALL_publish_settings, params, on_published, h);
    json_free(shared);
}

static void
on_hup(void *arg)
{
    struct house *h = CHECKED(arg, HOUSE_MAGIC);
    struct err    e = ERR_INIT;

    supervisor_reloading();
    if (config_reload(h->cfg, get_variable, NULL, &e)) {
        LOGE("main.reload_refused", "why=%s", log_quote(e.text));
    } else {
        log_setup(log_level_of(h->cfg), str_equal(h->cfg->log_format, "json"));
        worker_reload(h->worker);
        publish_settings(h); /* which repos have a monitor */
        LOGI("main.reloaded", "max_concurrency=%lld", (long long)h->cfg->max_concurrency);
    }
    supervisor_ready();
}

/* --- starting ---------------------------------------------------------------------------------------------------------------------------- */

/* Postgres away is no reason not to start: deliveries come meanwhile, and the spool keeps them. A schema that is not ours is one. */
static int
check_schema(struct house *h, struct err *e)
{
    if (!db_check_schema(h->cfg->database_url, e)) {
        h->is_schema_known = true;
    } else if (e->code == ERR_RETRY) {
        LOGW("main.database_away", "why=%s", log_quote(e->text));
        err_clear(e);
    }
    return e->code;
}

static void
on_database_up(void *arg)
{
    struct house *h = CHECKED(arg, HOUSE_MAGIC);
    struct err    e = ERR_INIT;

    if (!h->is_schema_known && check_schema(h, &e)) {
        h->end = e;
        loop_quit(h->loop);
        return;
    }
    publish_settings(h);
}

static bool
show_upkeep(struct json *into, void *arg)
{
    struct house *h = CHECKED(arg, HOUSE_MAGIC);
    json_set(into, "duties", upkeep_report(h->upkeep));
    return true;
}

/* An agent that is left out makes the node no less able to do its work. */
static bool
show_resilience(struct json *into, void *arg)
{
    struct house *h = CHECKED(arg, HOUSE_MAGIC);
    struct json  *left_out = json_new_object();
    worker_show_left_out(h->worker, left_out);
    json_set(into, "left_out", left_out);
    return true;
}

/* After the worker was opened: it holds the lock by which we are alone with our data directory. */
static int
contain_agents(struct house *h, struct err *e)
{
    const char             *wish = h->cfg->cgroup;
    enum agent_contain_mode mode = str_equal(wish, "off")       ? AGENT_CONTAIN_OFF
                                   : str_equal(wish, "require") ? AGENT_CONTAIN_REQUIRE
                                                                : AGENT_CONTAIN_AUTO;

    if (agent_contain(mode, worker_node(h->worker), h->cfg->data_dir, e))
        err_prefix(e, "ORCH_CGROUP=%s", wish);
    return e->code;
}

static bool
show_containment(struct json *into, void *arg)
{
    const char *detail;
    const char *by = agent_containment(&detail);

    (void)arg;
    json_set_str(into, "by", by);
    json_set_str(into, str_equal(by, "cgroup") ? "path" : "why", detail);
    return true;
}

static void
on_unrunnable(const char *repo, const char *agent, const struct err *why, void *arg)
{
    const struct config *cfg = arg;

    LOGE("main.agent_unrunnable", "agent=%s repo=%s file=%s why=%s", agent, repo ? repo : "*", log_quote(cfg->agents_file),
         log_quote(why->text));
}

int
serve_check_agents(struct config *cfg)
{
    return commands_check(cfg, on_unrunnable, cfg);
}

static int
make_data_dir(const struct config *cfg, struct err *e)
{
    if (mkdir(cfg->data_dir, DATA_DIR_MODE) && errno != EEXIST)
        err_set(e, ERR_INVALID, "could not make the data directory \"%s\": %s; set ORCH_DATA_DIR to a place that orchd may write",
                cfg->data_dir, strerror(errno));
    else if (access(cfg->data_dir, W_OK | X_OK))
        err_set(e, ERR_INVALID, "cannot write the data directory \"%s\": %s; set ORCH_DATA_DIR to a place that orchd may write",
                cfg->data_dir, strerror(errno));
    return e->code;
}

/* The floors below the rooms that decide: sockets, files, other people's APIs. */
static int
open_ground(struct house *h, struct err *e)
{
    const struct config *c = h->cfg;
    const char          *ca_file = *c->ca_file ? c->ca_file : NULL;
    struct db_options    db = { .url = c->database_url,
                                .listen_url = *c->listen_url ? c->listen_url : NULL,
                                .connections = (unsigned)c->db_connections,
                                .call_timeout_ms = (unsigned)c->db_timeout,
                                .application = "orchd" };
    struct fetch_options fo = { .timeout_ms = c->api_timeout, .user_agent = "orchd/" ORCH_VERSION, .ca_file = ca_file };
    struct git_options   go = { .data_dir = c->data_dir,
                                .token = *c->gitea_token ? c->gitea_token : NULL,
                                .author_name = "orchd",
                                .author_email = "orchd@localhost",
                                .ca_file = ca_file,
                                .threads = GIT_THREADS };
    struct http_options  ho = { .listen = c->listen,
                                .max_body = (size_t)c->http_max_body,
                                .timeout_ms = c->http_timeout,
                                .trusted_proxies = c->trusted_proxies,
                                .reads_forwarded = str_equal(c->trusted_header, "forwarded"),
                                .base_path = c->base_path,
                                .max_connections = (unsigned)c->http_max_connections };
    if (loop_new(&h->loop, e) || db_open(&h->db, h->loop, &db, e) || fetch_open(&h->fetch, h->loop, &fo, e) ||
        git_open(&h->git, h->loop, &go, e) || http_open(&h->http, h->loop, &ho, e))
        return e->code;
    return 0;
}

static int
open_rooms(struct house *h, struct err *e)
{
    struct worker_hooks hooks = {
        .prepare = prepare, .conclude = conclude, .prompt = prompt, .renew = renew, .on_given_up = on_given_up, .arg = h
    };
    if (web_open(&h->web, h->loop, h->http, h->db, h->cfg, e) || webhook_open(&h->webhook, h->loop, h->http, h->db, h->cfg, e) ||
        pipeline_open(&h->pipeline, h->git, e) || worker_open(&h->worker, h->loop, h->db, h->cfg, &hooks, e) ||
        outbox_open(&h->outbox, h->loop, h->db, h->fetch, h->git, h->cfg, worker_node(h->worker), e) ||
        upkeep_open(&h->upkeep, h->loop, h->db, h->fetch, h->cfg, worker_node(h->worker), e))
        return e->code;
    web_add_block(h->web, "upkeep", show_upkeep, h);
    web_add_block(h->web, "resilience", show_resilience, h);
    web_add_block(h->web, "spool", webhook_show_spool, h->webhook);
    web_add_queue_block(h->web, "spool", webhook_show_spool, h->webhook);
    web_add_block(h->web, "containment", show_containment, h);
    return 0;
}

static void
close_house(struct house *h)
{
    upkeep_close(h->upkeep);
    outbox_close(h->outbox);
    worker_close(h->worker);
    agent_contain_end();
    pipeline_close(h->pipeline);
    webhook_close(h->webhook);
    web_close(h->web);
    http_close(h->http);
    git_close(h->git);
    fetch_close(h->fetch);
    db_close(h->db);
    loop_free(h->loop);
}

int
serve(struct config *cfg, struct err *e)
{
    struct house h = { .magic = HOUSE_MAGIC, .cfg = cfg };

    signal(SIGPIPE, SIG_IGN);
    log_setup(log_level_of(cfg), str_equal(cfg->log_format, "json"));
    if (make_data_dir(cfg, e) || agent_init(*cfg->warden ? cfg->warden : NULL, e) || check_schema(&h, e) || open_ground(&h, e) ||
        open_rooms(&h, e) || contain_agents(&h, e))
        goto out;
    serve_check_agents(cfg);
    loop_on_signal(h.loop, SIGTERM, on_term, &h);
    loop_on_signal(h.loop, SIGINT, on_term, &h);
    loop_on_signal(h.loop, SIGHUP, on_hup, &h);
    db_on_up(h.db, on_database_up, &h);
    supervisor_watch(h.loop);
    worker_start(h.worker);
    LOGI("main.serving", "node=%s port=%d version=%s", worker_node(h.worker), http_port(h.http), ORCH_VERSION);
    supervisor_ready();
    loop_run(h.loop);
    LOGI("main.ended", "signals=%u", h.signals);
    if (h.end.code)
        *e = h.end;
out:
    close_house(&h);
    return e->code;
}
