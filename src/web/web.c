/* web: the table of routes, and the way of a request through SQL and back. */
#include "web/web.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "web/web_int.h"

static const struct {
    const char *method;
    const char *pattern;
    http_fn    *fn;
} routes[] = {
    { "GET", "/health", web_on_health },         { "GET", "/ready", web_on_ready },
    { "GET", "/metrics", web_on_metrics },       { "GET", "/queue", web_on_queue },
    { "GET", "/status", web_on_status },         { "GET", "/tasks/{id}", web_on_task },
    { "POST", "/tasks/{id}/stop", web_on_stop }, { "POST", "/serial-gate/unfreeze", web_on_unfreeze },
};

int
web_open(struct web **out, struct http *http, struct db *db, const struct config *config, struct err *e)
{
    struct web *w = xcalloc(1, sizeof *w);

    w->magic = WEB_MAGIC;
    w->http = http;
    w->db = db;
    w->config = config;
    w->started_us = clock_wall_us();
    LIST_INIT(&w->askings);
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        http_route(http, routes[i].method, routes[i].pattern, routes[i].fn, w);
    *out = give(&w);
    return (int)e->code;
}

static void
asking_free(struct asking *a)
{
    LIST_REMOVE(a, link);
    a->magic = 0;
    free(a);
}

static void
answer_away(struct http_request *r)
{
    http_add_header(r, "Retry-After", "5");
    http_problem(r, 503, "Service Unavailable", "the database is away");
}

void
web_close(struct web *w)
{
    struct asking *a;

    if (!w)
        return;
    http_unroute(w->http, w);
    while ((a = LIST_FIRST(&w->askings))) {
        struct http_request *r = a->request;

        db_forget(a->call);
        asking_free(a);
        http_problem(r, 503, "Service Unavailable", "orchd is shutting down");
    }
    w->magic = 0;
    free(w);
}

static void
on_answer(struct db_result *result, const struct err *e, void *arg)
{
    struct asking       *a = CHECKED(arg, ASKING_MAGIC);
    struct http_request *r = a->request;
    struct web          *w = a->web;
    answer_fn           *answer = a->answer;

    asking_free(a);
    if (!e) {
        answer(w, r, result);
    } else if (e->code == ERR_RETRY) {
        answer_away(r);
    } else if (e->code == ERR_GONE) {
        http_problem(r, 404, "Not Found", e->text);
    } else if (e->code == ERR_INVALID) {
        http_problem(r, 422, "Unprocessable Content", e->text);
    } else {
        LOGE("web.call_failed", "why=%s", log_quote(e->text));
        http_problem(r, 500, "Internal Server Error", "the log of orchd says why");
    }
}

void
web_ask(struct web *w, struct http_request *r, enum db_call_id id, const char *const *params, answer_fn *fn)
{
    struct asking *a = xcalloc(1, sizeof *a);

    a->magic = ASKING_MAGIC;
    a->web = w;
    a->request = r;
    a->answer = fn;
    LIST_INSERT_HEAD(&w->askings, a, link);
    a->call = db_call(w->db, id, params, on_answer, a);
}

void
web_reply_json(struct http_request *r, int status, struct json *body)
{
    http_reply_text(r, status, "application/json", json_text(body));
    json_free(body);
}
