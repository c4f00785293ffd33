/* config: the settings of options.def, read from the environment, and the agents file. Every setting is declared once; the table makes the
 * struct, the parser, --help, .env.example and docs/generated/options.md. NAME_FILE reads a setting from a file, for secrets.
 * A wrong value names itself and what is accepted. */
#ifndef ORCH_CONFIG_CONFIG_H
#define ORCH_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

/* OPT(type, field, default, min, max, flags, help); types: text, path, secret, whole (int64), yesno, seconds (stored as ms; accepts
 * "90", "1.5", "500ms", "10m", "2h"), names (CSV of [A-Za-z0-9._-]+, bad tokens dropped with a warning).
 * The variable is ORCH_ and the field's name in capitals. Flags: 0, REQUIRED, RELOAD, SHARED (published to orch.settings, so that SQL
 * functions see it), joined by |. */
#define CFG_TYPE_text    char *
#define CFG_TYPE_path    char *
#define CFG_TYPE_secret  char *
#define CFG_TYPE_names   char *
#define CFG_TYPE_whole   int64_t
#define CFG_TYPE_yesno   bool
#define CFG_TYPE_seconds int64_t

struct config {
#define OPT(type, field, def, min, max, flags, help) CFG_TYPE_##type field;
#include "config/options.def"
#undef OPT
    struct json *agents; /* the agents file, as JSON */
};

/* Reads the environment through get (getenv in life). Frees nothing of *c on failure; call config_fini() either way. */
int  config_load(struct config *c, const char *(*get)(const char *name, void *arg), void *arg, struct err *e);
void config_fini(struct config *c);

/* As config_load(), for a command that looks for all that is amiss: each setting that is wrong is told, and its default taken. */
typedef void config_wrong_fn(const struct err *e, void *arg);
void config_examine(struct config *c, const char *(*get)(const char *name, void *arg), void *arg, config_wrong_fn *wrong, void *wrong_arg);
/* Whether a variable of the environment is a setting's, ORCH_… or ORCH_…_FILE. */
bool config_is_variable(const char *name);

/* For a command that needs few settings, whatever is amiss with the others: reads one that is a text, a path or a secret. Caller frees *out. */
int config_read_text(char **out, const char *field, const char *(*get)(const char *name, void *arg), void *arg, struct err *e);

/* Reads everything again and takes over the agents file and the settings marked RELOAD. On failure *c stays as it was. Texts borrowed from
 * those fields die with this call. */
int config_reload(struct config *c, const char *(*get)(const char *name, void *arg), void *arg, struct err *e);

/* Of one process each, processes excepted, which counts all of the user. 0 = as orchd has it; core: no core file is written. */
struct config_limits {
    int64_t memory, open_files, processes, cpu_ms, core;
};

/* What runs an agent's jobs in a repo: the repo's own entry, else the general one. Borrowed from c. ERR_INVALID names agent and file. */
struct config_agent {
    const char         **argv; /* NULL-ended; array owned by the caller (free), texts by c */
    int64_t              timeout_ms;
    struct json         *env;       /* object of texts, or NULL */
    struct json         *transient; /* array of extended regular expressions that compile, or NULL */
    const char          *output;    /* how its output tells how it ended: claude, codex, gemini or aider; NULL = by its exit status alone */
    struct config_limits limits;
    struct json         *preflight; /* array of a program and its arguments, or NULL: none */
};
int config_find_agent(struct config_agent *out, const struct config *c, const char *repo, const char *agent, struct err *e);
/* Calls fn for each command in the agents file, to check them at start; agent: or part of the repo's deploys. */
typedef void config_command_fn(const char *repo, const char *agent, const char *command, void *arg);
void         config_each_agent(const struct config *c, config_command_fn *fn, void *arg);
void         config_each_deploy_command(const struct config *c, config_command_fn *fn, void *arg);

/* How a repo is deployed: part is "hook" (runs detached, in place of the deployer) or "image" (prints the revision that is about to be
 * deployed). False: the file has none. As config_find_agent(), with the same owners. */
bool config_find_deploy(struct config_agent *out, const struct config *c, const char *repo, const char *part);

/* How a repo is watched after a deploy: by url, borrowed from c, or, when that is NULL, by *command. */
struct config_monitor {
    const char *url;
    int64_t     timeout_ms, interval_ms, window_ms;
    int64_t     failures; /* in a row, that make it degraded */
    bool        has_rollback;
};
bool config_find_monitor(struct config_monitor *out, struct config_agent *command, const struct config *c, const char *repo);
void config_each_monitor(const struct config *c, void (*fn)(const char *repo, const struct config_monitor *m, void *arg), void *arg);

/* The SHARED settings, and monitored_repos, as {"name_in_lower_case": "text"}; caller frees. */
struct json *config_shared(const struct config *c);

enum config_format { CONFIG_HELP, CONFIG_MARKDOWN, CONFIG_DOTENV };
void config_describe(struct buf *out, enum config_format format);

#endif
