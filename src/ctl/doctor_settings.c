/* doctor, settings: the environment, the agents file, the tokens, and the commands of the agents. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/commands.h"
#include "base/str.h"
#include "ctl/ctl.h"
#include "ctl/doctor.h"

enum { TOKEN_MIN = 16 /* characters; fewer can be guessed */ };

static void
on_wrong(const struct err *e, void *arg)
{
    struct doctor *d = arg;

    doctor_say(d, DOCTOR_FAIL, "settings", "%s", e->text);
    doctor_mend(d, "orchd settings   tells what each setting may be, and its default");
}

/* A name that nobody reads is most often one that was misspelt. ORCH_URL is orchctl's own; what a run is given is no setting. */
static void
check_names(struct doctor *d)
{
    for (char **at = environ; *at; at++) {
        char *name = xstrndup(*at, strcspn(*at, "="));
        if (str_starts(name, "ORCH_") && !config_is_variable(name) && !str_equal(name, "ORCH_URL")) {
            doctor_say(d, DOCTOR_WARN, "settings", "%s is the name of no setting", name);
            doctor_mend(d, "unset %s   (orchd settings lists the names)", name);
        }
        free(name);
    }
}

static void
check_token(struct doctor *d, const char *variable, const char *token, const char *without)
{
    if (str_is_blank(token)) {
        doctor_say(d, DOCTOR_WARN, "tokens", "%s is not set: %s", variable, without);
        doctor_mend(d, "openssl rand -hex 32   into a file, and its path into %s_FILE", variable);
    } else if (strlen(token) < TOKEN_MIN) {
        doctor_say(d, DOCTOR_WARN, "tokens", "%s has fewer than %d characters, and could be guessed", variable, TOKEN_MIN);
        doctor_mend(d, "openssl rand -hex 32   into a file, and its path into %s_FILE", variable);
    } else {
        doctor_say(d, DOCTOR_OK, "tokens", "%s is set", variable);
    }
}

static void
check_secret(struct doctor *d, const char *variable, const char *secret, const char *path)
{
    if (!str_is_blank(secret)) {
        doctor_say(d, DOCTOR_OK, "secrets", "%s is set", variable);
        return;
    }
    doctor_say(d, DOCTOR_FAIL, "secrets", "%s is not set: %s answers 503 to every delivery", variable, path);
    doctor_mend(d, "put the secret of that webhook into a file, and its path into %s_FILE", variable);
}

static void
check_tokens(struct doctor *d)
{
    const struct config *c = d->cfg;

    check_token(d, "ORCH_OPERATOR_TOKEN", c->operator_token, "nobody can write over HTTP");
    check_token(d, "ORCH_READER_TOKEN", c->reader_token, "reading over HTTP takes the operator's");
    if (!str_is_blank(c->operator_token) && str_equal(c->operator_token, c->reader_token)) {
        doctor_say(d, DOCTOR_WARN, "tokens", "the reader's token is the operator's: every reader may write");
        doctor_mend(d, "openssl rand -hex 32   into a file, and its path into ORCH_READER_TOKEN_FILE");
    }
    check_secret(d, "ORCH_PLANE_WEBHOOK_SECRET", c->plane_webhook_secret, "POST /webhook/plane");
    check_secret(d, "ORCH_GITEA_WEBHOOK_SECRET", c->gitea_webhook_secret, "POST /webhook/gitea");
}

static void
on_unrunnable(const char *repo, const char *agent, const struct err *why, void *arg)
{
    struct doctor *d = arg;

    doctor_say(d, DOCTOR_FAIL, "agents", "%s of %s: %s", agent, repo ? repo : "all repositories", why->text);
    doctor_mend(d, "install the program, or correct its entry in %s", d->cfg->agents_file);
}

static void
count_agent(const char *repo, const char *agent, const char *command, void *arg)
{
    (void)repo;
    (void)agent;
    (void)command;
    ++*(int *)arg;
}

static void
check_agents(struct doctor *d)
{
    int agents = 0;

    config_each_agent(d->cfg, count_agent, &agents);
    if (!agents && d->cfg->max_concurrency) {
        doctor_say(d, DOCTOR_WARN, "agents", "the agents file \"%s\" names none, so this node runs no job", d->cfg->agents_file);
        doctor_mend(d, "write it, or set ORCH_MAX_CONCURRENCY=0 on a node for webhooks only");
    } else if (!commands_check(d->cfg, on_unrunnable, d)) {
        doctor_say(d, DOCTOR_OK, "agents", "the commands of %d agents can be executed", agents);
    }
}

void
doctor_check_settings(struct doctor *d, struct config *cfg)
{
    config_examine(cfg, ctl_variable, NULL, on_wrong, d);
    if (!d->count[DOCTOR_FAIL])
        doctor_say(d, DOCTOR_OK, "settings", "all can be read");
    check_names(d);
    check_tokens(d);
    check_agents(d);
}
