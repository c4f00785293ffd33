/* build_cache: prunes the build cache of a Docker engine, here or over ssh, once in ORCH_BUILD_CACHE_EVERY. The command line is one of four, and
 * nothing of it but the host comes from outside: images, containers and volumes are never touched.
 *
 *   a target? ──▶ due? (orch.begin_prune) ──▶ docker builder prune ──▶ how it ended (orch.end_prune) ──▶ end */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/env.h"
#include "base/check.h"
#include "base/str.h"
#include "upkeep/upkeep_int.h"

enum { MAX_WORDS = 16, DIR_MODE = 0750, GRACE_MS = 10000, TIMEOUT_MS = 3600 * 1000 };

#define PASSED "PATH,HOME,DOCKER_HOST,SSH_AUTH_SOCK"

struct prune {
    struct agent *command; /* NULL while none runs */
    char         *log_path;
    char         *marker;
    struct err    error; /* of the command */
};

/* --- the command line --- */

/* user@host: nothing that ssh could take for an option, or the remote shell for more than a word. */
static bool
is_host(const char *target)
{
    return *target != '-' && strspn(target, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@:-") == strlen(target);
}

/* ERR_INVALID: the target is neither "local" nor a host. argv holds MAX_WORDS; its texts are static or the config's. */
static int
fill_command(const char **argv, const struct config *cfg, struct err *e)
{
    static const char *const over_ssh[] = { "ssh", "-o", "BatchMode=yes", "--", NULL };
    static const char *const prune[] = { "docker", "builder", "prune", NULL };
    static const char *const filter[] = { "-f", "--filter", "until=24h", NULL };
    const char              *target = cfg->build_cache_target;
    int                      n = 0;
    if (!str_equal(target, "local")) {
        if (!is_host(target)) {
            err_set(e, ERR_INVALID, "ORCH_BUILD_CACHE_TARGET is \"%s\"; accepted are \"local\", a host, or user@host", target);
            return (int)e->code;
        }
        for (const char *const *word = over_ssh; *word; word++)
            argv[n++] = *word;
        argv[n++] = target;
    }
    for (const char *const *word = prune; *word; word++)
        argv[n++] = *word;
    if (cfg->build_cache_all)
        argv[n++] = "-a";
    for (const char *const *word = filter; *word; word++)
        argv[n++] = *word;
    argv[n] = NULL;
    CHECK(n < MAX_WORDS);
    return 0;
}

/* --- the run --- */

static void
on_ended(struct db_result *r, const struct err *e, void *arg)
{
    struct duty  *d = CHECKED(arg, DUTY_MAGIC);
    struct prune *p = d->own;
    struct err    failed = p->error;
    (void)r;
    d->call = NULL;
    err_clear(&p->error);
    if (e)
        upkeep_end(d, 0, e);
    else
        upkeep_end(d, failed.code ? 0 : 1, failed.code ? &failed : NULL);
}

/* By p->error. */
static void
tell_end(struct duty *d)
{
    struct prune *p = d->own;
    const char   *params[] = { p->error.code ? p->error.text : NULL };
    d->call = db_call(upkeep_db(d), CALL_end_prune, params, on_ended, d);
}

static void
on_end(const struct agent_end *end, void *arg)
{
    struct duty  *d = CHECKED(arg, DUTY_MAGIC);
    struct prune *p = d->own;
    char          how[AGENT_HOW_SIZE];
    agent_free(give(&p->command));
    if (!agent_end_is_good(end, how, sizeof how))
        err_set(&p->error, ERR_RETRY, "the pruning failed: %s; its output is in %s", how, p->log_path);
    tell_end(d);
}

static void
start(struct duty *d)
{
    const struct config *cfg = upkeep_config(d);
    struct prune        *p = d->own;
    const char          *argv[MAX_WORDS];
    struct agent_env     env = { 0 };
    agent_env_pass(&env, PASSED);
    struct agent_spec spec = { .argv = argv,
                               .env = (const char *const *)env.at,
                               .cwd = cfg->data_dir,
                               .log_path = p->log_path,
                               .log_max = cfg->log_max_bytes,
                               .marker = p->marker,
                               .grace_ms = GRACE_MS,
                               .timeout_ms = TIMEOUT_MS };
    unlink(p->log_path);
    if (fill_command(argv, cfg, &p->error) || agent_start(&p->command, upkeep_loop(d), &spec, NULL, on_end, d, &p->error))
        tell_end(d);
    agent_env_free(env.at);
}

static void
on_begun(struct db_result *r, const struct err *e, void *arg)
{
    struct duty *d = CHECKED(arg, DUTY_MAGIC);
    d->call = NULL;
    if (e || !db_bool(r, 0, "is_due"))
        upkeep_end(d, 0, e);
    else
        start(d);
}

static void
on_told(struct db_result *r, const struct err *e, void *arg)
{
    struct duty *d = CHECKED(arg, DUTY_MAGIC);
    (void)r;
    d->call = NULL;
    upkeep_end(d, 0, e);
}

static struct prune *
prune_of(struct duty *d)
{
    struct prune *p = d->own;
    char         *logs;
    if (p)
        return p;
    logs = xasprintf("%s/logs", upkeep_config(d)->data_dir);
    mkdir(logs, DIR_MODE);
    p = d->own = xcalloc(1, sizeof(*p));
    p->log_path = xasprintf("%s/build-cache.log", logs);
    p->marker = xasprintf("ORCH_RUN_MARK=%s/build-cache", upkeep_node(d));
    free(logs);
    return p;
}

static void
tick(struct duty *d)
{
    const struct config *cfg = upkeep_config(d);
    struct prune        *p = prune_of(d);
    char                 every_ms[24];
    if (str_is_blank(cfg->build_cache_target)) {
        /* No failure of this service, so nothing for its log; whoever looks at the block sees it. */
        d->call =
            db_call(upkeep_db(d), CALL_end_prune, (const char *const[]){ "no target: ORCH_BUILD_CACHE_TARGET is not set" }, on_told, d);
        return;
    }
    err_clear(&p->error);
    snprintf(every_ms, sizeof every_ms, "%" PRId64, cfg->build_cache_every);
    d->call = db_call(upkeep_db(d), CALL_begin_prune, (const char *const[]){ upkeep_node(d), every_ms }, on_begun, d);
}

static void
fini(struct duty *d)
{
    struct prune *p = d->own;
    if (!p)
        return;
    agent_free(p->command);
    free(p->log_path);
    free(p->marker);
    free(p);
    d->own = NULL;
}

const struct duty_kind duty_build_cache = {
    .name = "build_cache", .counter = METRIC_orchd_build_cache_prunes_total, .tick = tick, .fini = fini
};
