#include "agent/commands.h"

#include <stdlib.h>

#include "agent/agent.h"

struct count {
    commands_fn *fn;
    void        *arg;
    int          broken;
};

static void
check_one(const char *repo, const char *agent, const char *command, void *arg)
{
    struct count *count = arg;
    struct err    e = ERR_INIT;

    if (!agent_check_command(command, getenv("PATH"), &e))
        return;
    count->broken++;
    count->fn(repo, agent, &e, count->arg);
}

int
commands_check(const struct config *cfg, commands_fn *fn, void *arg)
{
    struct count count = { .fn = fn, .arg = arg };

    config_each_agent(cfg, check_one, &count);
    config_each_deploy_command(cfg, check_one, &count);
    return count.broken;
}
