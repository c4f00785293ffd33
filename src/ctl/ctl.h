/* ctl: what the files of orchctl share. verbs.c is the table of verbs; line.c reads what was typed; ask.c sends it to Postgres or
 * to an orchd, by the address; show.c, log.c, completion.c and doctor.c are the verbs that are more than a question and a table.
 * Exit status of everything: the enum below. What goes wrong is one line on stderr, which says what to do. */
#ifndef ORCH_CTL_CTL_H
#define ORCH_CTL_CTL_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "db/db.h"

enum { CTL_DONE = 0, CTL_REFUSED = 1, CTL_USAGE = 2, CTL_AWAY = 3 };
enum { CTL_MOST_PARAMS = 12 };

struct ctl_line;

struct ctl_verb {
    const char *name; /* one word, or two */
    const char *args; /* for people */
    int         least, most;
    const char *options;  /* names of --NAME VALUE, in the order of the parameters after the arguments; "name=a,b": VALUE is one of these */
    const char *switches; /* names of --NAME without a value, after those: their parameter is NULL or "" */
    enum db_call_id call; /* over Postgres */
    const char     *http; /* over HTTP: "GET tasks/{1}", where {1} is the first parameter; NULL: there is no way */
    const char     *fields; /* what the parameters are called there, in their order; "-": in the path; "n#": a number; "n[]": a list */
    const char     *rows;   /* where in the answer the rows are; NULL: it is the one row */
    void (*show)(struct buf *out, struct json *report);     /* the answer is one object, shown by this; NULL: a table */
    int (*run)(const struct ctl_line *line, struct err *e); /* in place of all that; answers an exit status */
    const char *help;
};

/* What was typed. Borrowed from argv and the environment. */
struct ctl_line {
    const struct ctl_verb *verb;
    const char            *params[CTL_MOST_PARAMS]; /* arguments, options, switches; NULL = not given */
    const char            *url;                     /* --url or ORCH_URL; NULL = Postgres, at ORCH_DATABASE_URL */
    bool                   as_json;
    bool                   wants_help;
};

/* --- verbs.c --- */
extern const struct ctl_verb ctl_verbs[];
extern const size_t          ctl_verb_count;
/* The verb of these two words, of which it takes one or two; NULL = there is none. */
const struct ctl_verb *ctl_find_verb(const char *first, const char *second, int *taken);
void                   ctl_print_usage(FILE *out);
void                   ctl_print_verb(FILE *out, const struct ctl_verb *verb);
/* One name of a list of options or switches. */
struct ctl_name {
    const char *name, *values; /* values: what may follow, separated by commas; none = anything */
    int         length, values_length;
};
/* Takes the next name off a list; false at its end. A NULL list is empty. */
bool ctl_next_name(const char **list, struct ctl_name *out);

/* --- line.c --- */
/* False after it said on stderr what is wrong with it. */
bool ctl_read_line(struct ctl_line *line, int argc, char **argv);
bool ctl_is_http(const struct ctl_line *line);

/* --- ask.c --- */
const char *ctl_variable(const char *name, void *arg); /* getenv, as config.h wants it */
int         ctl_status_of(const struct err *e);
/* Where Postgres is; caller frees. */
int ctl_database(char **url, const struct ctl_line *line, struct err *e);
/* Sends the verb. *answer is an array of rows, or one object for a verb that shows a report; *columns are those of the rows, or NULL. */
int ctl_ask(const struct ctl_line *line, struct json **columns, struct json **answer, struct err *e);
/* A verb that is a question: asks, prints, and answers the exit status. */
int ctl_run_question(const struct ctl_line *line, struct err *e);

/* --- http.c --- */
struct ctl_request {
    const char  *method;
    const char  *path;      /* below the address, without a first slash */
    struct json *body;      /* borrowed; NULL = none */
    const char  *range;     /* of a text: "bytes=-100"; NULL = all */
    bool         is_public; /* takes no token */
    FILE        *text_to;   /* the answer is a text, written here as it comes; NULL: it is JSON */
};
/* One request to the orchd at base. *answer, unless the answer is a text, is a JSON object or array; caller frees. *status, unless NULL, is
 * that of the answer: 503 with JSON is an answer to a public request. */
int ctl_http(struct json **answer, long *status, const char *base, const struct ctl_request *request, struct err *e);

/* --- the verbs that are more --- */
void ctl_show_task(struct buf *out, struct json *report);
void ctl_show_job(struct buf *out, struct json *report);
void ctl_show_queue(struct buf *out, struct json *report);
int  ctl_health(const struct ctl_line *line, struct err *e);
int  ctl_logs(const struct ctl_line *line, struct err *e);
int  ctl_doctor(const struct ctl_line *line, struct err *e); /* with the settings of orchd; an address means nothing to it */
int  ctl_completion(const struct ctl_line *line, struct err *e);
int  ctl_version(const struct ctl_line *line, struct err *e);
int  ctl_help(const struct ctl_line *line, struct err *e);

#endif
