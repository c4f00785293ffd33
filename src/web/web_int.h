/* web_int: what the files of web/ share. */
#ifndef ORCH_WEB_WEB_INT_H
#define ORCH_WEB_WEB_INT_H

#include <stdint.h>
#include <sys/queue.h>

#include "web/web.h"

#define WEB_MAGIC    0x77656200u
#define ASKING_MAGIC 0x61736b69u
#define DOOR_MAGIC   0x646f6f72u

enum { BLOCKS_MAX = 16, DOORS_MAX = 32 };

enum web_role { ROLE_ANYBODY, ROLE_READER, ROLE_OPERATOR };

/* A path of the API: what a request has to be, before its handler sees it, and what openapi.json tells of it. The table is routes.def. */
struct web_route {
    const char   *name; /* operationId */
    const char   *method;
    const char   *path;
    enum web_role role;
    const char   *type;    /* of the answer */
    const char   *answer;  /* its schema in schemas.json; "" = it has none */
    const char   *good;    /* statuses that come with the answer, with spaces */
    const char   *body;    /* schema of the request's body; "" = none is read; with a question mark at its end it may be left out */
    const char   *query;   /* names of the parameters behind the question mark, with spaces */
    const char   *refused; /* statuses of problems, besides those that role and query bring, with spaces */
    const char   *summary;
    http_fn      *fn; /* arg is the web */
};
extern const struct web_route web_routes[];
extern const int              web_route_count;

/* A parameter of a query, told of once for all paths that have it. */
struct web_param {
    const char *name, *type, *help;
    int64_t     least, most; /* of an integer */
};
extern const struct web_param web_params[];
extern const int              web_param_count;

/* A route that is open. */
struct door {
    uint32_t                magic;
    struct web             *web;
    const struct web_route *route;
};

struct asking;
typedef void answer_fn(struct web *w, struct http_request *r, struct db_result *result, void *arg);

/* A request that waits for SQL. */
struct asking {
    uint32_t             magic;
    struct web          *web;
    struct http_request *request;
    struct db_call      *call;
    answer_fn           *answer; /* called when SQL has answered; errors never come this far */
    void                *arg;
    void (*drop)(void *arg); /* frees arg; NULL = arg is not ours */
    LIST_ENTRY(asking) link;
};

struct block {
    const char   *name;
    web_block_fn *fn;
    void         *arg;
};

struct reader;
struct watcher;

struct web {
    uint32_t             magic;
    struct http         *http;
    struct loop         *loop;
    struct db           *db;
    const struct config *config;
    int64_t              started_us; /* clock_wall_us() */
    bool                 is_draining;
    struct door          doors[DOORS_MAX];
    struct block         blocks[BLOCKS_MAX];
    int                  block_count;
    struct block         queue_blocks[BLOCKS_MAX]; /* in GET /queue */
    int                  queue_block_count;
    LIST_HEAD(, asking) askings;
    /* Answers that go on until they are told to end. */
    int streams;
    LIST_HEAD(, reader) readers;   /* log.c */
    LIST_HEAD(, watcher) watchers; /* events.c */
    struct loop_timer *rounds;     /* of events.c, while there are watchers */
    struct db_call    *round;
    bool               is_news; /* something changed since the last round was asked for */
    char              *board;   /* as it was sent last; NULL = there is none yet */
    int64_t            spoke_ms;
};

/* web.c */
/* Asks, and answers through fn or with a problem. */
void web_ask(struct web *w, struct http_request *r, enum db_call_id id, const char *const *params, answer_fn *fn);
/* The same with an argument, which drop() frees when the answer was given or the web closes. */
void web_ask_with(struct web *w, struct http_request *r, enum db_call_id id, const char *const *params, answer_fn *fn, void *arg,
                  void (*drop)(void *arg));
/* Asks for a report, JSON in one cell, which is the answer; missing is said in a 404 when it is null. */
void web_ask_report(struct web *w, struct http_request *r, enum db_call_id id, const char *const *params, const char *missing);
void web_answer_report(struct web *w, struct http_request *r, struct db_result *result, void *arg);  /* its answer_fn; arg is missing */
void web_reply_json(struct http_request *r, int status, struct json *body);                          /* takes body */
void web_answer_message(struct web *w, struct http_request *r, struct db_result *result, void *arg); /* an answer_fn: {"message": …} */

/* auth.c: false when the request was answered with a problem. */
bool web_check_role(struct web *w, struct http_request *r, enum web_role role);

/* input.c: what a request brings. Each answers false, or NULL, when the request was answered with a problem that names what is accepted. */
const struct web_param *web_find_param(const char *name); /* asserts that there is one */
bool                    web_check_query(struct http_request *r, const struct web_route *route);
bool        web_read_number(struct http_request *r, const char *name, int64_t fallback, int64_t *out); /* of the query, in its bounds */
const char *web_read_id(struct http_request *r, const char *kind);                                     /* the {id} of a path, a number */
const char *web_read_task(struct http_request *r);                                                     /* the {id} of a path, a task */
/* The body, JSON; NULL also when it is empty and optional, which *is_good tells. Caller frees. */
struct json *web_read_body(struct http_request *r, bool is_optional, bool *is_good);
/* A text of the body, an object with no other member: *text is the caller's, or NULL when it was not given. */
bool web_read_text(struct http_request *r, const char *key, const char *example, bool is_optional, char **text);

/* log.c, events.c: end what goes on. */
void web_end_readers(struct web *w);
void web_end_watchers(struct web *w);
void web_on_change(const char *payload, void *arg); /* a NOTIFY that something changed */
/* Whether one more answer may go on for long; else the request was answered. Each that may is given back by web->streams--. */
bool web_take_stream(struct web *w, struct http_request *r);

/* page.c. The files of share/page/ are in page_files.c, which the build writes. */
struct page_file {
    const char *kind; /* "page" */
    const char *name;
    const char *text;
};
extern const struct page_file page_files[]; /* ends with a name of NULL */

void web_on_page(struct http_request *r, void *arg);
void web_on_asset(struct http_request *r, void *arg);

#define ROUTE(name, method, path, role, type, answer, good, body, query, refused, summary)                                                 \
    void web_on_##name(struct http_request *r, void *arg);
#define PARAM(name, type, least, most, help)
#include "web/routes.def"
#undef ROUTE
#undef PARAM

#endif
