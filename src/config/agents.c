/* agents: the agents file. It is checked whole when it is read, so that everybody after may trust its form:
 *   agents: { <agent>: { command: [<program>, <argument>…], timeout: <duration>, env: { <NAME>: <text> }, transient: [<regular expression>…],
 *                        preflight: [<program>, <argument>…], output: <format>, limits: see limits.c } }      or preset: <name> and args: [<argument>…], see presets.c
 *   repos:  { <repo>: { <agent>: … } }       without preflight: a node takes or leaves an agent, whatever the repo
 *   deploys: see deploys.c */
#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/yaml.h"
#include "config/config_int.h"

enum { AGENTS_MAX = 1024 * 1024, NAME_MAX_LEN = 64 /* as orch.jobs.agent has it */ };

void
check_refuse(struct check *k, const char *key, const char *why)
{
    char *path = xasprintf("%s%s%s", k->path, key ? "." : "", key ? key : "");

    if (!k->e->code)
        err_set(k->e, ERR_INVALID, "agents file \"%s\" line %zu: \"%s\" %s", k->file, yaml_line(k->text->data, k->text->len, path), path,
                why);
    free(path);
}

static void
check_env(const char *name, struct json *value, void *arg)
{
    struct check *k = arg;
    bool          is_ok = isalpha((unsigned char)*name) || *name == '_';
    char         *key = xasprintf("env.%s", name);

    for (const char *p = name; *p; p++)
        is_ok = is_ok && (isalnum((unsigned char)*p) || *p == '_');
    if (!is_ok)
        check_refuse(k, key, "cannot be the name of a variable");
    else if (!json_str(value, ""))
        check_refuse(k, key, "must be a text");
    free(key);
}

void
check_command(struct check *k, struct json *command)
{
    if (!json_len(command) || str_is_blank(json_str(json_item(command, 0), ""))) {
        check_refuse(k, command ? "command" : NULL, "must have a command: a list of the program and its arguments; there is no shell");
        return;
    }
    for (size_t i = 0; i < json_len(command); i++)
        if (!json_str(json_item(command, i), ""))
            check_refuse(k, "command", "must be a list of texts");
}

static void
check_preflight(struct check *k, struct json *preflight)
{
    bool is_ok = json_len(preflight) && !str_is_blank(json_str(json_item(preflight, 0), ""));

    for (size_t i = 0; i < json_len(preflight); i++)
        is_ok = is_ok && json_str(json_item(preflight, i), "");
    if (k->is_in_repo)
        check_refuse(k, "preflight", "belongs to the agent's entry under agents: a node takes or leaves an agent, whatever the repo");
    else if (!is_ok)
        check_refuse(k, "preflight", "must be a list of the program and its arguments; there is no shell");
}

static void
check_pattern(struct check *k, const char *pattern)
{
    char    reason[128];
    regex_t re;
    int     code = regcomp(&re, pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB);
    char   *why;

    if (code) {
        regerror(code, &re, reason, sizeof reason);
        why = xasprintf("has \"%s\", which is no extended regular expression: %s", pattern, reason);
    } else {
        bool is_all = regexec(&re, "", 0, NULL, 0) == 0;
        regfree(&re);
        if (!is_all)
            return;
        why = xasprintf("has \"%s\", which matches every text", pattern);
    }
    check_refuse(k, "transient", why);
    free(why);
}

static void
check_transient(struct check *k, struct json *patterns)
{
    bool is_ok = json_is_array(patterns);

    for (size_t i = 0; i < json_len(patterns); i++)
        is_ok = is_ok && json_str(json_item(patterns, i), "");
    if (!is_ok)
        check_refuse(k, "transient", "must be a list of extended regular expressions");
    for (size_t i = 0; is_ok && i < json_len(patterns); i++)
        check_pattern(k, json_str(json_item(patterns, i), ""));
}

void
check_time(struct check *k, const char *key, struct json *value)
{
    const char *text = json_str(value, "");
    int64_t     ms;

    if (!text || !config_duration(text, &ms) || ms <= 0)
        check_refuse(k, key, "must be a duration such as 90, 30m or 2h");
}

static void
check_output(struct check *k, struct json *value)
{
    const char *text = json_str(value, "");

    if (!text || (strcmp(text, "claude") != 0 && strcmp(text, "codex") != 0 && strcmp(text, "gemini") != 0 && strcmp(text, "aider") != 0))
        check_refuse(k, "output", "must be claude, codex, gemini or aider");
}

void
check_member(const char *key, struct json *value, void *arg)
{
    struct check *k = arg;

    if (strcmp(key, "command") == 0)
        return;
    if (strcmp(key, "timeout") == 0) {
        check_time(k, key, value);
    } else if (strcmp(key, "env") == 0) {
        if (!json_is_object(value))
            check_refuse(k, key, "must be names and texts");
        json_each(value, check_env, k);
    } else if (strcmp(key, "preflight") == 0) {
        check_preflight(k, value);
    } else if (strcmp(key, "transient") == 0) {
        check_transient(k, value);
    } else if (strcmp(key, "output") == 0) {
        check_output(k, value);
    } else if (strcmp(key, "limits") == 0) {
        check_limits(k, value);
    } else {
        check_refuse(k, key,
                     "is not known here: an agent has command or preset, args, timeout, env, limits, transient, preflight and output");
    }
}

static bool
is_agent_name(const char *name)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    return len && len <= NAME_MAX_LEN && !name[len];
}

static void
check_agent(const char *name, struct json *agent, void *arg)
{
    struct check *k = arg;
    struct check  one = *k;

    one.path = xasprintf("%s.%s", k->path, name);
    if (!is_agent_name(name)) {
        check_refuse(&one, NULL, "cannot be the name of an agent: accepted are 1 to 64 letters, digits, dots, underscores and hyphens");
    } else if (!json_is_object(agent)) {
        check_refuse(&one, NULL, "must be an agent with a command");
    } else {
        check_command(&one, json_at(agent, "command"));
        json_each(agent, check_member, &one);
    }
    free(one.path);
}

static void
check_agents(struct check *k, struct json *agents)
{
    if (json_is_object(agents))
        json_each(agents, check_agent, k);
    else
        check_refuse(k, NULL, "must be agents by name");
}

static void
check_repo(const char *name, struct json *agents, void *arg)
{
    struct check *k = arg;
    struct check  one = *k;

    one.path = xasprintf("%s.%s", k->path, name);
    one.is_in_repo = true;
    check_agents(&one, agents);
    free(one.path);
}

static void
check_top(const char *key, struct json *value, void *arg)
{
    struct check *k = arg;
    struct check  one = *k;

    one.path = xstrdup(key);
    if (strcmp(key, "agents") == 0)
        check_agents(&one, value);
    else if (strcmp(key, "repos") != 0 && strcmp(key, "deploys") != 0)
        check_refuse(&one, NULL, "is not known here: a file has agents, repos and deploys");
    else if (json_is_object(value))
        json_each(value, strcmp(key, "repos") == 0 ? check_repo : check_deploy, &one);
    else
        check_refuse(&one, NULL, "must be repos by name");
    free(one.path);
}

static const char *
default_file(void)
{
    for (size_t i = 0; i < config_option_count; i++)
        if (strcmp(config_options[i].field, "agents_file") == 0)
            return config_options[i].def;
    return "";
}

int
config_load_agents(struct config *c, struct err *e)
{
    struct buf   text = { 0 };
    struct check k = { .file = c->agents_file, .text = &text, .e = e };

    if (!*c->agents_file || (strcmp(c->agents_file, default_file()) == 0 && access(c->agents_file, F_OK) && errno == ENOENT)) {
        LOGW("config.no_agents", "file=%s", log_quote(c->agents_file));
        c->agents = json_new_object();
        return 0;
    }
    if (config_read_file(&text, c->agents_file, AGENTS_MAX, e)) {
        err_prefix(e, "setting ORCH_AGENTS_FILE");
        goto out;
    }
    c->agents = yaml_parse(text.data, text.len, e);
    if (!c->agents) {
        err_prefix(e, "agents file \"%s\"", c->agents_file);
        goto out;
    }
    if (!json_is_object(c->agents))
        err_set(e, ERR_INVALID, "agents file \"%s\" line 1: must have agents by name", c->agents_file);
    config_expand_presets(c->agents, &k);
    json_each(c->agents, check_top, &k);
    if (!e->code)
        config_take_rollbacks(c->agents, &k);
out:
    buf_fini(&text);
    return e->code;
}

void
config_read_agent(struct config_agent *out, struct json *entry, int64_t timeout_ms)
{
    struct json *command = json_at(entry, "command");
    const char  *timeout = json_str(entry, "timeout");

    out->argv = xcalloc(json_len(command) + 1, sizeof *out->argv);
    for (size_t i = 0; i < json_len(command); i++)
        out->argv[i] = json_str(json_item(command, i), "");
    if (!timeout || !config_duration(timeout, &out->timeout_ms))
        out->timeout_ms = timeout_ms;
    out->env = json_at(entry, "env");
    out->transient = json_at(entry, "transient");
    out->preflight = json_at(entry, "preflight");
    out->output = json_str(entry, "output");
    config_read_limits(&out->limits, entry);
}

int
config_find_agent(struct config_agent *out, const struct config *c, const char *repo, const char *agent, struct err *e)
{
    struct json *entry = json_member(json_member(json_at(c->agents, "repos"), repo), agent);

    *out = (struct config_agent){ 0 };
    if (!entry)
        entry = json_member(json_at(c->agents, "agents"), agent);
    if (!entry) {
        err_set(e, ERR_INVALID, "cannot find agent \"%s\" in the agents file \"%s\"", agent, c->agents_file);
        return e->code;
    }
    config_read_agent(out, entry, c->agent_timeout);
    return 0;
}

/* The caller's function on its way through the tree. */
struct visit {
    const char        *repo;
    config_command_fn *fn;
    void              *arg;
};

static void
visit_agent(const char *name, struct json *agent, void *arg)
{
    struct visit *v = arg;

    v->fn(v->repo, name, json_str(json_item(json_at(agent, "command"), 0), ""), v->arg);
}

static void
visit_repo(const char *name, struct json *agents, void *arg)
{
    struct visit one = *(struct visit *)arg;

    one.repo = name;
    json_each(agents, visit_agent, &one);
}

void
config_each_agent(const struct config *c, config_command_fn *fn, void *arg)
{
    struct visit v = { .fn = fn, .arg = arg };

    json_each(json_at(c->agents, "agents"), visit_agent, &v);
    json_each(json_at(c->agents, "repos"), visit_repo, &v);
}
