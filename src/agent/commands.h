/* commands: whether what the agents file names can be executed here. For the start of the service, check-config and doctor. */
#ifndef ORCH_AGENT_COMMANDS_H
#define ORCH_AGENT_COMMANDS_H

#include "base/err.h"
#include "config/config.h"

/* repo NULL: of all. agent: or part of the repo's deploys. */
typedef void commands_fn(const char *repo, const char *agent, const struct err *why, void *arg);
/* Calls fn for each command that cannot be executed; answers how many. */
int commands_check(const struct config *cfg, commands_fn *fn, void *arg);

#endif
