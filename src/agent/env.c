#include "agent/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

void
agent_env_add(struct agent_env *l, const char *name, const char *value)
{
    char  *entry = xasprintf("%s=%s", name, value ? value : "");
    size_t len = strlen(name) + 1;
    for (size_t i = 0; i < l->count; i++)
        if (!strncmp(l->at[i], entry, len)) {
            free(l->at[i]);
            l->at[i] = entry;
            return;
        }
    l->at = xrealloc(l->at, (l->count + 2) * sizeof *l->at);
    l->at[l->count++] = entry;
    l->at[l->count] = NULL;
}

void
agent_env_add_number(struct agent_env *l, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    agent_env_add(l, name, text);
}

void
agent_env_pass(struct agent_env *l, const char *names)
{
    char *copy = xstrdup(names);
    char *rest = NULL;
    for (char *name = strtok_r(copy, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest)) {
        const char *value = getenv(name);
        if (value && !str_starts(name, "ORCH_"))
            agent_env_add(l, name, value);
    }
    free(copy);
}

static void
add_text(const char *key, struct json *value, void *arg)
{
    const char *text = json_str(value, "");
    if (!str_starts(key, "ORCH_"))
        agent_env_add(arg, key, text ? text : json_text(value));
}

void
agent_env_add_all(struct agent_env *env, struct json *texts)
{
    json_each(texts, add_text, env);
}

void
agent_env_free(char **at)
{
    for (size_t i = 0; at && at[i]; i++)
        free(at[i]);
    free(at);
}
