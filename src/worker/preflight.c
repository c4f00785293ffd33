#include "worker/preflight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/env.h"
#include "base/check.h"
#include "base/log.h"
#include "base/str.h"
#include "worker/output.h"
#include "worker/worker_int.h"

#define PREFLIGHT_MAGIC 0x70726566u

enum { DIR_MODE = 0750, WHY_SIZE = 480, WORDS_SIZE = 160 };

enum preflight_state { PREFLIGHT_UNKNOWN, PREFLIGHT_PASSES, PREFLIGHT_FAILS };

struct preflight {
    uint32_t             magic;
    enum preflight_state state;
    struct loop         *loop;
    const struct config *cfg;
    char                *agent;
    char                *marker;
    char                *log_path;
    struct agent        *command;   /* NULL while none runs */
    bool                 is_wanted; /* again, when the one under way has ended */
    struct loop_timer   *timer;
    char                 why[WHY_SIZE];
    loop_fn             *on_change;
    void                *arg;
};

static void check(struct preflight *p);

static void
preflight_enter(struct preflight *p, enum preflight_state next)
{
    static const char *const names[] = { "unknown", "passes", "fails" };

    CHECK(next != PREFLIGHT_UNKNOWN);
    if (next == PREFLIGHT_FAILS)
        LOGW("worker.preflight", "agent=%s from=%s to=fails why=%s", p->agent, names[p->state], log_quote(p->why));
    else
        LOGI("worker.preflight", "agent=%s from=%s to=passes", p->agent, names[p->state]);
    p->state = next;
    p->on_change(p->arg);
}

static void
on_due(void *arg)
{
    struct preflight *p = CHECKED(arg, PREFLIGHT_MAGIC);
    p->timer = NULL;
    check(p);
}

/* why NULL: it passes. */
static void
conclude(struct preflight *p, const char *why)
{
    snprintf(p->why, sizeof p->why, "%s", why ? why : "");
    p->timer = loop_after(p->loop, p->is_wanted ? 0 : p->cfg->preflight_cache, on_due, p);
    p->is_wanted = false;
    if (p->state != (why ? PREFLIGHT_FAILS : PREFLIGHT_PASSES))
        preflight_enter(p, why ? PREFLIGHT_FAILS : PREFLIGHT_PASSES);
}

static void
on_end(const struct agent_end *end, void *arg)
{
    struct preflight *p = CHECKED(arg, PREFLIGHT_MAGIC);
    char              words[WORDS_SIZE], how[AGENT_HOW_SIZE], why[WHY_SIZE];
    bool              is_good = agent_end_is_good(end, how, sizeof how);

    agent_free(p->command);
    p->command = NULL;
    output_last_words(words, sizeof words, p->log_path);
    if (end->is_timeout)
        snprintf(why, sizeof why, "it took longer than %lld ms", (long long)p->cfg->preflight_timeout);
    else
        snprintf(why, sizeof why, "%s%s%s", how, end->exit_status >= 0 && *words ? ": " : "", end->exit_status >= 0 ? words : "");
    conclude(p, is_good ? NULL : why);
}

static void
start_command(struct preflight *p, const struct config_agent *how, struct err *e)
{
    const char **argv = xcalloc(json_len(how->preflight) + 1, sizeof *argv);
    char       **env = launch_preflight_env(p->cfg, how, p->agent);

    for (size_t i = 0; i < json_len(how->preflight); i++)
        argv[i] = json_str(json_item(how->preflight, i), "");
    struct agent_spec spec = { .argv = argv,
                               .env = (const char *const *)env,
                               .cwd = p->cfg->data_dir,
                               .log_path = p->log_path,
                               .log_max = p->cfg->log_max_bytes,
                               .limits = launch_limits(how),
                               .marker = p->marker,
                               .grace_ms = p->cfg->agent_kill_grace_seconds,
                               .timeout_ms = p->cfg->preflight_timeout };
    unlink(p->log_path);
    agent_start(&p->command, p->loop, &spec, NULL, on_end, p, e);
    agent_env_free(env);
    free(argv);
}

static void
check(struct preflight *p)
{
    struct config_agent how = { 0 };
    struct err          e = ERR_INIT;

    if (!config_find_agent(&how, p->cfg, NULL, p->agent, &e))
        start_command(p, &how, &e);
    free(how.argv);
    if (e.code)
        conclude(p, e.text);
}

struct preflight *
preflight_new(struct loop *l, const struct config *cfg, const char *node, const char *agent, loop_fn *on_change, void *arg)
{
    struct preflight *p = xcalloc(1, sizeof *p);
    char             *logs = xasprintf("%s/logs", cfg->data_dir);

    mkdir(logs, DIR_MODE);
    *p = (struct preflight){ .magic = PREFLIGHT_MAGIC, .loop = l, .cfg = cfg, .on_change = on_change, .arg = arg };
    p->agent = xstrdup(agent);
    p->marker = xasprintf("ORCH_RUN_MARK=%s/preflight-%s", node, agent);
    p->log_path = xasprintf("%s/preflight-%s.log", logs, agent);
    p->timer = loop_after(l, 0, on_due, p);
    free(logs);
    return p;
}

void
preflight_again(struct preflight *p)
{
    if (p->command) {
        p->is_wanted = true;
        return;
    }
    loop_timer_stop(p->timer);
    p->timer = loop_after(p->loop, 0, on_due, p);
}

void
preflight_free(struct preflight *p)
{
    if (!p)
        return;
    loop_timer_stop(p->timer);
    agent_free(p->command);
    p->magic = 0;
    free(p->agent);
    free(p->marker);
    free(p->log_path);
    free(p);
}

bool
preflight_passes(const struct preflight *p)
{
    return p->state == PREFLIGHT_PASSES;
}

bool
preflight_is_known(const struct preflight *p)
{
    return p->state != PREFLIGHT_UNKNOWN;
}

const char *
preflight_why(const struct preflight *p)
{
    return p->state == PREFLIGHT_UNKNOWN ? "its preflight has not ended for the first time yet" : p->why;
}
