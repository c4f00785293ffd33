/* config_int: what the files of config share. */
#ifndef ORCH_CONFIG_CONFIG_INT_H
#define ORCH_CONFIG_CONFIG_INT_H

#include <stddef.h>

#include "config/config.h"

enum option_type { TYPE_text, TYPE_path, TYPE_secret, TYPE_names, TYPE_whole, TYPE_yesno, TYPE_seconds };

enum option_flags { REQUIRED = 1, RELOAD = 2, SHARED = 4 };

struct option {
    enum option_type type;
    const char      *field; /* the name in lower case, without ORCH_ */
    const char      *def;
    int64_t          min; /* of whole and seconds (ms); both 0 = any */
    int64_t          max;
    unsigned         flags;
    const char      *help;
    size_t           offset; /* of the field in struct config */
};

extern const struct option config_options[];
extern const size_t        config_option_count;

/* The variable's name, e.g. ORCH_MAX_ATTEMPTS. */
struct option_name {
    char text[64];
};
struct option_name config_variable(const struct option *o);

/* "90", "1.5", "500ms", "10m", "2h", "1d" as milliseconds. */
bool config_duration(const char *text, int64_t *ms);

/* The largest unit that says it exactly: "90s", "500ms". */
struct option_name config_duration_text(int64_t ms);

/* Reads a whole file into text, at most max bytes; text->data is not NULL afterwards, whatever happened. */
int config_read_file(struct buf *text, const char *path, size_t max, struct err *e);

bool config_is_http_url(const char *text);

/* Reads c->agents_file into c->agents. */
int config_load_agents(struct config *c, struct err *e);

/* --- the agents file, agents.c and deploys.c --- */

/* One walk through the file. */
struct check {
    const char       *file;
    const struct buf *text;
    char             *path; /* of the entry being looked at, e.g. repos.acme/shop.developer */
    bool              is_in_repo;
    bool              is_monitor;
    struct err       *e;
};

/* The first problem stands; what follows is silent. key may be NULL: the entry itself. */
void check_refuse(struct check *k, const char *key, const char *why);
void check_command(struct check *k, struct json *command);
void check_limits(struct check *k, struct json *value); /* limits.c */
void config_read_limits(struct config_limits *out, struct json *entry);
void check_time(struct check *k, const char *key, struct json *value);
void check_member(const char *key, struct json *value, void *check); /* of an agent */
void check_deploy(const char *repo, struct json *deploy, void *check);

/* presets.c. A file of share/presets, by its name without .yaml. */
struct preset_file {
    const char *kind, *name, *text;
};
extern const struct preset_file preset_files[]; /* NULL-ended */

/* Puts the members of a preset into each entry that names one; what is wrong with that is refused. */
void config_expand_presets(struct json *file, struct check *k);

/* Makes the rollback command of each repo its agent "rollback"; one that has such an agent already is refused. The rest was checked. */
void config_take_rollbacks(struct json *file, struct check *k);

/* From an entry with a command, which was checked. */
void config_read_agent(struct config_agent *out, struct json *entry, int64_t timeout_ms);

/* Adds "monitored_repos", a CSV, to the settings that SQL functions see. */
void config_share_monitors(struct json *all, const struct config *c);

#endif
