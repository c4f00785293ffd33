/* env: the environment of a command, put together from nothing. Names that begin with ORCH_ never pass from our own environment, nor from a
 * list that somebody wrote: settings and secrets of the service have them, and what they tell a command is ours to say. */
#ifndef ORCH_AGENT_ENV_H
#define ORCH_AGENT_ENV_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

/* All zero is an empty one. at is NULL-ended once something is in it, and what agent_spec.env wants. */
struct agent_env {
    char **at;
    size_t count;
};

void agent_env_add(struct agent_env *env, const char *name, const char *value); /* replaces; NULL is "" */
void agent_env_add_number(struct agent_env *env, const char *name, int64_t value);
void agent_env_add_all(struct agent_env *env, struct json *texts); /* an object of texts, or NULL */
void agent_env_pass(struct agent_env *env, const char *names);     /* those of our own that have these names: "PATH,HOME" */
void agent_env_free(char **at);                                    /* NULL is fine */

#endif
