/* deploys: what the agents file has under deploys, checked as agents.c checks the rest:
 *   deploys: { <repo>: { hook:     { command, timeout, env },     runs detached, in place of the deployer
 *                        image:    { command, timeout, env },     prints the revision that is about to be deployed
 *                        monitor:  { url | command, timeout, env, interval, window, failures },
 *                        rollback: { command, timeout, env } } }  becomes the repo's own agent "rollback" */
#include <stdlib.h>
#include <string.h>

#include "config/config_int.h"

enum {
    IMAGE_TIMEOUT_MS = 60 * 1000,
    CHECK_TIMEOUT_MS = 10 * 1000,
    INTERVAL_MS = 30 * 1000, /* thirty checks in fifteen minutes */
    WINDOW_MS = 15 * 60 * 1000,
    FAILURES = 3,
    FAILURES_MAX = 1000
};

#define ROLLBACK "rollback"

/* --- the check ------------------------------------------------------------------------------------------------------------------------- */

static void
check_failures(struct check *k, struct json *value)
{
    const char *text = json_str(value, "");
    long        n;

    if (!str_to_long(text, &n) || n < 1 || n > FAILURES_MAX)
        check_refuse(k, "failures", "must be a whole number from 1 to 1000");
}

static void
check_part_member(const char *key, struct json *value, void *arg)
{
    struct check *k = arg;

    if (strcmp(key, "command") == 0 || (k->is_monitor && strcmp(key, "url") == 0))
        return;
    if (strcmp(key, "env") == 0)
        check_member(key, value, k);
    else if (strcmp(key, "timeout") == 0 || (k->is_monitor && (strcmp(key, "interval") == 0 || strcmp(key, "window") == 0)))
        check_time(k, key, value);
    else if (k->is_monitor && strcmp(key, "failures") == 0)
        check_failures(k, value);
    else
        check_refuse(k, key,
                     k->is_monitor ? "is not known here: a monitor has url or command, timeout, env, interval, window and failures"
                                   : "is not known here: accepted are command, timeout and env");
}

static void
check_part(const char *name, struct json *part, void *arg)
{
    struct check *k = arg;
    struct check  one = *k;
    const char   *url = json_str(part, "url");

    one.path = xasprintf("%s.%s", k->path, name);
    one.is_monitor = strcmp(name, "monitor") == 0;
    if (!one.is_monitor && strcmp(name, "hook") != 0 && strcmp(name, "image") != 0 && strcmp(name, ROLLBACK) != 0)
        check_refuse(&one, NULL, "is not known here: a repo's deploys have hook, image, monitor and rollback");
    else if (!json_is_object(part))
        check_refuse(&one, NULL, one.is_monitor ? "must have a url or a command" : "must have a command");
    else if (one.is_monitor && json_at(part, "url") && (!url || !config_is_http_url(url)))
        check_refuse(&one, "url", "must be an http or https URL");
    else if (one.is_monitor && url && json_at(part, "command"))
        check_refuse(&one, NULL, "must have a url or a command, not both");
    else if (!url || !one.is_monitor)
        check_command(&one, json_at(part, "command"));
    json_each(part, check_part_member, &one);
    free(one.path);
}

void
check_deploy(const char *repo, struct json *deploy, void *arg)
{
    struct check *k = arg;
    struct check  one = *k;

    one.path = xasprintf("%s.%s", k->path, repo);
    if (json_is_object(deploy))
        json_each(deploy, check_part, &one);
    else
        check_refuse(&one, NULL, "must have hook, image, monitor or rollback");
    free(one.path);
}

/* --- rollbacks ------------------------------------------------------------------------------------------------------------------------- */

struct rollbacks {
    struct check *check;
    struct json  *repos;
};

static void
take_rollback(const char *repo, struct json *deploy, void *arg)
{
    struct rollbacks *all = arg;
    struct check      one = *all->check;
    struct json      *rollback = json_at(deploy, ROLLBACK);
    struct json      *agents = json_member(all->repos, repo);

    if (!rollback)
        return;
    one.path = xasprintf("deploys.%s.%s", repo, ROLLBACK);
    if (json_member(agents, ROLLBACK))
        check_refuse(&one, NULL, "is there twice: under repos this repo has an agent \"rollback\" as well");
    free(one.path);
    if (!agents) {
        agents = json_new_object();
        json_set(all->repos, repo, agents);
    }
    json_set(agents, ROLLBACK, json_copy(rollback));
}

void
config_take_rollbacks(struct json *file, struct check *k)
{
    struct json     *deploys = json_at(file, "deploys");
    struct rollbacks all = { .check = k };

    if (!deploys)
        return;
    if (!json_at(file, "repos"))
        json_set(file, "repos", json_new_object());
    all.repos = json_at(file, "repos");
    json_each(deploys, take_rollback, &all);
}

/* --- who asks -------------------------------------------------------------------------------------------------------------------------- */

static struct json *
deploy_of(const struct config *c, const char *repo)
{
    return json_member(json_at(c->agents, "deploys"), repo);
}

bool
config_find_deploy(struct config_agent *out, const struct config *c, const char *repo, const char *part)
{
    struct json *entry = json_at(deploy_of(c, repo), part);

    *out = (struct config_agent){ 0 };
    if (!json_at(entry, "command"))
        return false;
    config_read_agent(out, entry, strcmp(part, "image") == 0 ? IMAGE_TIMEOUT_MS : c->agent_timeout);
    return true;
}

static int64_t
time_of(struct json *entry, const char *key, int64_t otherwise)
{
    const char *text = json_str(entry, key);
    int64_t     ms;

    return text && config_duration(text, &ms) ? ms : otherwise;
}

static void
read_monitor(struct config_monitor *m, struct json *deploy)
{
    struct json *entry = json_at(deploy, "monitor");
    long         failures;

    *m = (struct config_monitor){ .url = json_str(entry, "url"),
                                  .timeout_ms = time_of(entry, "timeout", CHECK_TIMEOUT_MS),
                                  .interval_ms = time_of(entry, "interval", INTERVAL_MS),
                                  .window_ms = time_of(entry, "window", WINDOW_MS),
                                  .failures = FAILURES,
                                  .has_rollback = json_at(deploy, ROLLBACK) };
    if (str_to_long(json_str(entry, "failures"), &failures))
        m->failures = failures;
}

bool
config_find_monitor(struct config_monitor *out, struct config_agent *command, const struct config *c, const char *repo)
{
    struct json *deploy = deploy_of(c, repo);

    *out = (struct config_monitor){ 0 };
    *command = (struct config_agent){ 0 };
    if (!json_at(deploy, "monitor"))
        return false;
    read_monitor(out, deploy);
    if (!out->url)
        config_read_agent(command, json_at(deploy, "monitor"), out->timeout_ms);
    return true;
}

struct visit {
    void (*on_monitor)(const char *repo, const struct config_monitor *m, void *arg);
    config_command_fn *on_command;
    void              *arg;
};

static void
visit_monitor(const char *repo, struct json *deploy, void *arg)
{
    const struct visit   *v = arg;
    struct config_monitor m;

    if (!json_at(deploy, "monitor"))
        return;
    read_monitor(&m, deploy);
    v->on_monitor(repo, &m, v->arg);
}

void
config_each_monitor(const struct config *c, void (*fn)(const char *repo, const struct config_monitor *m, void *arg), void *arg)
{
    struct visit v = { .on_monitor = fn, .arg = arg };

    json_each(json_at(c->agents, "deploys"), visit_monitor, &v);
}

static void
visit_commands(const char *repo, struct json *deploy, void *arg)
{
    static const char *const parts[] = { "hook", "image", "monitor" };
    const struct visit      *v = arg;

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        struct json *command = json_at(json_at(deploy, parts[i]), "command");
        if (command)
            v->on_command(repo, parts[i], json_str(json_item(command, 0), ""), v->arg);
    }
}

void
config_each_deploy_command(const struct config *c, config_command_fn *fn, void *arg)
{
    struct visit v = { .on_command = fn, .arg = arg };

    json_each(json_at(c->agents, "deploys"), visit_commands, &v);
}

static void
add_name(const char *repo, const struct config_monitor *m, void *arg)
{
    struct buf *names = arg;

    (void)m;
    buf_printf(names, "%s%s", names->len ? "," : "", repo);
}

void
config_share_monitors(struct json *all, const struct config *c)
{
    struct buf names = { 0 };

    config_each_monitor(c, add_name, &names);
    json_set_str(all, "monitored_repos", names.len ? names.data : "");
    buf_fini(&names);
}
