/* web: the table of routes, and the way of a request through SQL and back. */
#include "web/web.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "web/web_int.h"

const struct web_route web_routes[] = {
#define PARAM(name, type, least, most, help)
#define ROUTE(name, method, path, role, type, answer, good, body, query, refused, summary)                                                 \
    { #name, #method, path, ROLE_##role, type, answer, good, body, query, refused, summary, web_on_##name },
#include "web/routes.def"
#undef ROUTE
};
const int web_route_count = (int)(sizeof web_routes / sizeof *web_routes);

/* What holds for every path stands here, once. */
static void
on_request(struct http_request *r, void *arg)
{
    struct door            *door = CHECKED(arg, DOOR_MAGIC);
    const struct web_route *route = door->route;
    char                   *detail;

    if (!web_check_role(door->web, r, route->role) || !web_check_query(r, route))
        return;
    if (http_accepts(r, route->type)) {
        route->fn(r, door->web);
    } else {
        detail = xasprintf("this path answers %s, which the Accept header does not take", route->type);
        http_problem(r, 406, "Not Acceptable", detail);
        free(detail);
    }
}

int
web_open(struct web **out, struct loop *loop, struct http *http, struct db *db, const struct config *config, struct err *e)
{
    struct web *w = xcalloc(1, sizeof *w);

    w->magic = WEB_MAGIC;
    w->loop = loop;
    w->http = http;
    w->db = db;
    w->config = config;
    w->started_us = clock_wall_us();
    LIST_INIT(&w->askings);
    LIST_INIT(&w->readers);
    LIST_INIT(&w->watchers);
    CHECK(web_route_count <= DOORS_MAX);
    for (int i = 0; i < web_route_count; i++) {
        w->doors[i] = (struct door){ DOOR_MAGIC, w, &web_routes[i] };
        http_route(http, web_routes[i].method, web_routes[i].path, on_request, &w->doors[i]);
    }
    http_route(http, "GET", "/", web_on_page, w);
    http_route(http, "GET", "/assets/{name}", web_on_asset, w);
    db_listen(db, "orch_changed", web_on_change, w);
    *out = give(&w);
    return (int)e->code;
}

static void
asking_free(struct asking *a)
{
    LIST_REMOVE(a, link);
    if (a->drop)
        a->drop(a->arg);
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
    for (int i = 0; i < web_route_count; i++)
        http_unroute(w->http, &w->doors[i]);
    http_unroute(w->http, w);
    web_end_watchers(w);
    web_end_readers(w);
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
answer_refused(struct http_request *r, struct db_result *result, const struct err *e)
{
    if (e->code == ERR_RETRY) {
        answer_away(r);
    } else if (e->code == ERR_GONE) {
        http_problem(r, 404, "Not Found", e->text);
    } else if (str_equal(db_sqlstate(result), "OR409")) {
        http_problem(r, 409, "Conflict", e->text);
    } else if (e->code == ERR_INVALID) {
        http_problem(r, 422, "Unprocessable Content", e->text);
    } else {
        LOGE("web.call_failed", "why=%s", log_quote(e->text));
        http_problem(r, 500, "Internal Server Error", "the log of orchd says why");
    }
}

static void
on_answer(struct db_result *result, const struct err *e, void *arg)
{
    struct asking *a = CHECKED(arg, ASKING_MAGIC);

    if (e)
        answer_refused(a->request, result, e);
    else
        a->answer(a->web, a->request, result, a->arg);
    asking_free(a);
}

void
web_ask_with(struct web *w, struct http_request *r, enum db_call_id id, const char *const *params, answer_fn *fn, void *arg,
             void (*drop)(void *arg))
{
    struct asking *a = xcalloc(1, sizeof *a);

    a->magic = ASKING_MAGIC;
    a->web = w;
    a->request = r;
    a->answer = fn;
    a->arg = arg;
    a->drop = drop;
    LIST_INSERT_HEAD(&w->askings, a, link);
    a->call = db_call(w->db, id, params, on_answer, a);
}

void
web_ask(struct web *w, struct http_request *r, enum db_call_id id, const char *const *params, answer_fn *fn)
{
    web_ask_with(w, r, id, params, fn, NULL, NULL);
}

void
web_reply_json(struct http_request *r, int status, struct json *body)
{
    http_reply_text(r, status, "application/json", json_text(body));
    json_free(body);
}

void
web_answer_report(struct web *w, struct http_request *r, struct db_result *result, void *arg)
{
    const char *report = db_rows(result) == 1 ? db_text(result, 0, "report") : NULL;

    (void)w;
    if (report)
        http_reply_text(r, 200, "application/json", report);
    else
        http_problem(r, 404, "Not Found", arg);
}

void
web_ask_report(struct web *w, struct http_request *r, enum db_call_id id, const char *const *params, const char *missing)
{
    web_ask_with(w, r, id, params, web_answer_report, xstrdup(missing), free);
}

void
web_answer_message(struct web *w, struct http_request *r, struct db_result *result, void *arg)
{
    struct json *body = json_new_object();

    (void)w;
    (void)arg;
    json_set_str(body, "message", db_rows(result) == 1 ? db_text(result, 0, "message") : NULL);
    web_reply_json(r, 200, body);
}
