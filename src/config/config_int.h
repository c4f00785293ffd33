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

/* Reads c->agents_file into c->agents. */
int config_load_agents(struct config *c, struct err *e);

#endif
