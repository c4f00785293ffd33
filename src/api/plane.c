/* plane: the board. Reading all of a project's statuses takes one request per page; every other verb is one request. */
#include "api/plane.h"

#include <stdlib.h>
#include <string.h>

#include "api/api_int.h"
#include "base/check.h"

enum {
    PER_PAGE = 100, /* the most that every edition of the board accepts */
    MAX_PAGES = 20  /* two thousand statuses: a board that goes on for longer is turning in circles */
};

struct plane {
    struct api_peer peer;
};

struct plane_call {
    struct api_call base; /* first: the room casts between the two */
    struct plane   *plane;
    plane_fn       *fn;
    void           *arg;
    char           *list;   /* plane_states: URL without its query */
    char           *cursor; /* plane_states: of the page under way; NULL = the first */
    struct json    *states;
    int             pages;
};

struct plane *
plane_new(struct fetch *f, const char *url, const char *token)
{
    struct plane *p = xcalloc(1, sizeof(*p));
    api_peer_init(&p->peer, f, "board", url, "X-API-Key: ", token);
    return p;
}

void
plane_free(struct plane *p)
{
    if (!p)
        return;
    api_peer_fini(&p->peer);
    free(p);
}

static void
release(struct api_call *base)
{
    struct plane_call *c = (struct plane_call *)base;
    free(c->list);
    free(c->cursor);
    json_free(c->states);
    free(c);
}

static struct plane_call *
new_call(struct plane *p, plane_fn *fn, void *arg)
{
    struct plane_call *c = xcalloc(1, sizeof(*c));
    api_init(&c->base, p->peer.fetch, p->peer.name, release);
    c->plane = p;
    c->fn = fn;
    c->arg = arg;
    return c;
}

static void
ask(struct plane_call *c, const char *method, const char *url, struct json *body, api_answer_fn *fn)
{
    api_ask(&c->base, &c->plane->peer, method, url, body, true, fn);
}

static void
finish(struct plane_call *c, const struct plane_result *r, const struct err *e)
{
    c->fn(r, e, c->arg);
    api_end(&c->base);
}

/* Texts are never NULL. */
#define NO_RESULT                                                                                                                          \
    (struct plane_result)                                                                                                                  \
    {                                                                                                                                      \
        .id = "", .state_id = "", .updated_at = "", .description = "", .next_cursor = "", .retry_after_ms = -1                             \
    }

static void
fail(struct plane_call *c, const struct fetch_response *r, const struct err *e)
{
    struct plane_result none = NO_RESULT;
    if (r)
        none.retry_after_ms = r->retry_after_ms;
    finish(c, &none, e);
}

static void
fail_shape(struct plane_call *c, const struct fetch_response *r, const char *what)
{
    struct err e = ERR_INIT;
    err_set(&e, ERR_RETRY, "board: answered %ld without %s", r->status, what);
    fail(c, r, &e);
}

static void
add_project(struct buf *url, const struct plane *p, const char *workspace, const char *project_id)
{
    buf_printf(url, "%s/workspaces/", p->peer.base);
    api_add_encoded(url, workspace);
    buf_add_str(url, "/projects/");
    api_add_encoded(url, project_id);
    buf_add_str(url, "/");
}

char *
plane_issue_url(const char *url, const struct plane_item *item)
{
    struct buf out = { 0 };
    char      *base = api_base_url(url);
    buf_printf(&out, "%s/", base);
    api_add_encoded(&out, item->workspace);
    buf_add_str(&out, "/projects/");
    api_add_encoded(&out, item->project_id);
    buf_add_str(&out, "/issues/");
    api_add_encoded(&out, item->issue_id);
    free(base);
    return buf_take(&out);
}

/* --- who we are ----------------------------------------------------------------------------------------------------------------------- */

static void
on_me(struct api_call *base, struct json *json, const struct fetch_response *r, const struct err *e)
{
    struct plane_call  *c = (struct plane_call *)base;
    struct plane_result result = NO_RESULT;
    result.id = api_text(json, "id");
    if (e)
        fail(c, r, e);
    else if (!*result.id)
        fail_shape(c, r, "a user's id");
    else
        finish(c, &result, NULL);
}

struct api_call *
plane_me(struct plane *p, plane_fn *fn, void *arg)
{
    struct plane_call *c = new_call(p, fn, arg);
    char              *url = xasprintf("%s/users/me/", p->peer.base);
    ask(c, "GET", url, NULL, on_me);
    free(url);
    return &c->base;
}

/* --- statuses ------------------------------------------------------------------------------------------------------------------------- */

static void on_states(struct api_call *base, struct json *json, const struct fetch_response *r, const struct err *e);

/* per_page goes with every page: the board multiplies the page's number by it, and its default is another one. */
static void
ask_page(struct plane_call *c)
{
    struct buf url = { 0 };
    buf_printf(&url, "%s?per_page=%d", c->list, PER_PAGE);
    if (c->cursor) {
        buf_add_str(&url, "&cursor=");
        api_add_encoded(&url, c->cursor);
    }
    c->pages++;
    ask(c, "GET", url.data, NULL, on_states);
    buf_fini(&url);
}

static bool
keep_states(struct plane_call *c, struct json *results)
{
    for (size_t i = 0; i < json_len(results); i++) {
        struct json *item = json_item(results, i);
        struct json *kept;
        if (!*api_text(item, "id") || !*api_text(item, "name"))
            return false;
        kept = json_new_object();
        json_set_str(kept, "id", api_text(item, "id"));
        json_set_str(kept, "name", api_text(item, "name"));
        json_set_str(kept, "group", api_text(item, "group"));
        json_push(c->states, kept);
    }
    return true;
}

static void
on_states(struct api_call *base, struct json *json, const struct fetch_response *r, const struct err *e)
{
    struct plane_call  *c = (struct plane_call *)base;
    struct plane_result result = NO_RESULT;
    struct json        *results = json ? json_at(json, "results") : NULL;
    const char         *cursor = api_text(json, "next_cursor");
    if (e) {
        fail(c, r, e);
    } else if (!results || !json_is_array(results) || !keep_states(c, results)) {
        fail_shape(c, r, "a page of statuses");
    } else if (!json_bool(json, "next_page_results")) {
        /* next_cursor is never empty, so it says nothing about whether there is a next page. */
        result.states = c->states;
        finish(c, &result, NULL);
    } else if (!*cursor || str_equal(cursor, c->cursor) || c->pages >= MAX_PAGES) {
        fail_shape(c, r, "an end of its pages of statuses");
    } else {
        free(c->cursor);
        c->cursor = xstrdup(cursor);
        ask_page(c);
    }
}

struct api_call *
plane_states(struct plane *p, const char *workspace, const char *project_id, plane_fn *fn, void *arg)
{
    struct plane_call *c = new_call(p, fn, arg);
    struct buf         url = { 0 };
    add_project(&url, p, workspace, project_id);
    buf_add_str(&url, "states/");
    c->list = buf_take(&url);
    c->states = json_new_array();
    ask_page(c);
    return &c->base;
}

/* --- the last changed issues ---------------------------------------------------------------------------------------------------------- */

/* The names of expanded labels; NULL when the board did not expand them, and nobody knows what their ids mean. */
static struct json *
label_names(struct json *labels)
{
    struct json *names = json_new_array();
    for (size_t i = 0; i < json_len(labels); i++) {
        const char *name = api_text(json_item(labels, i), "name");
        if (!*name) {
            json_free(names);
            return NULL;
        }
        json_push_str(names, name);
    }
    return names;
}

/* Postgres takes many a word for a time, "tomorrow" among them. */
static bool
is_timestamp(const char *text)
{
    return strspn(text, "0123456789") == 4 && text[4] == '-';
}

/* NULL: it lacks something that is never absent. */
static struct json *
read_issue(struct json *item)
{
    static const char *const texts[][2] = {
        { "id", "issue_id" }, { "state", "state_id" }, { "name", "title" }, { "updated_at", "updated_at" }
    };
    struct json *issue = json_new_object();
    struct json *labels = json_is_array(json_at(item, "labels")) ? label_names(json_at(item, "labels")) : NULL;
    const char  *actor = *api_text(item, "updated_by") ? api_text(item, "updated_by") : api_text(item, "created_by");
    int64_t      sequence;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text = api_text(item, texts[i][0]);
        if (!*text || (str_equal(texts[i][0], "updated_at") && !is_timestamp(text))) {
            json_free(labels);
            json_free(issue);
            return NULL;
        }
        json_set_str(issue, texts[i][1], text);
    }
    if (*api_text(item, "updated_by"))
        json_set_str(issue, "updated_by", api_text(item, "updated_by"));
    if (*actor)
        json_set_str(issue, "actor_id", actor);
    if (json_int(item, "sequence_id", &sequence))
        json_set_int(issue, "sequence_id", sequence);
    if (labels)
        json_set(issue, "labels", labels);
    return issue;
}

static struct json *
read_issues(struct json *results)
{
    struct json *issues = json_new_array();
    for (size_t i = 0; i < json_len(results); i++) {
        struct json *issue = read_issue(json_item(results, i));
        if (!issue) {
            json_free(issues);
            return NULL;
        }
        json_push(issues, issue);
    }
    return issues;
}

static void
on_recent(struct api_call *base, struct json *json, const struct fetch_response *r, const struct err *e)
{
    struct plane_call  *c = (struct plane_call *)base;
    struct plane_result result = NO_RESULT;
    struct json        *results = json ? json_at(json, "results") : NULL;
    if (!e && results && json_is_array(results))
        result.issues = read_issues(results);
    if (json_bool(json, "next_page_results"))
        result.next_cursor = api_text(json, "next_cursor");
    if (e)
        fail(c, r, e);
    else if (!result.issues)
        fail_shape(c, r, "a page of issues");
    else
        finish(c, &result, NULL);
    json_free(result.issues);
}

struct api_call *
plane_recent(struct plane *p, const char *workspace, const char *project_id, const char *cursor, plane_fn *fn, void *arg)
{
    struct plane_call *c = new_call(p, fn, arg);
    struct buf         url = { 0 };
    add_project(&url, p, workspace, project_id);
    buf_printf(&url,
               "issues/?order_by=-updated_at&per_page=%d&expand=labels"
               "&fields=id,name,sequence_id,state,labels,updated_at,updated_by,created_by",
               PER_PAGE);
    if (cursor) {
        buf_add_str(&url, "&cursor=");
        api_add_encoded(&url, cursor);
    }
    ask(c, "GET", url.data, NULL, on_recent);
    buf_fini(&url);
    return &c->base;
}

/* --- one issue ------------------------------------------------------------------------------------------------------------------------ */

static void
on_item(struct api_call *base, struct json *json, const struct fetch_response *r, const struct err *e)
{
    struct plane_call  *c = (struct plane_call *)base;
    struct plane_result result = NO_RESULT;
    result.updated_at = api_text(json, "updated_at");
    result.description = api_text(json, "description_html");
    /* A bare id here; an object where the board was asked, or set up, to expand it. */
    result.state_id = *api_text(json, "state") ? api_text(json, "state") : api_text(json, "state.id");
    if (e)
        fail(c, r, e);
    else if (!*result.state_id)
        fail_shape(c, r, "the issue's status");
    else
        finish(c, &result, NULL);
}

static char *
item_url(const struct plane *p, const struct plane_item *item, const char *rest)
{
    struct buf url = { 0 };
    add_project(&url, p, item->workspace, item->project_id);
    /* "issues" is known to every version of the board, "work-items" to those from 1.1 on. */
    buf_add_str(&url, "issues/");
    api_add_encoded(&url, item->issue_id);
    buf_printf(&url, "/%s", rest);
    return buf_take(&url);
}

struct api_call *
plane_get_item(struct plane *p, const struct plane_item *item, plane_fn *fn, void *arg)
{
    struct plane_call *c = new_call(p, fn, arg);
    char              *url = item_url(p, item, "");
    ask(c, "GET", url, NULL, on_item);
    free(url);
    return &c->base;
}

struct api_call *
plane_set_state(struct plane *p, const struct plane_item *item, const char *state_id, plane_fn *fn, void *arg)
{
    struct plane_call *c = new_call(p, fn, arg);
    char              *url = item_url(p, item, "");
    struct json       *body = json_new_object();
    json_set_str(body, "state", state_id);
    ask(c, "PATCH", url, body, on_item);
    json_free(body);
    free(url);
    return &c->base;
}

/* --- comments ------------------------------------------------------------------------------------------------------------------------- */

static void
on_comment(struct api_call *base, struct json *json, const struct fetch_response *r, const struct err *e)
{
    struct plane_call  *c = (struct plane_call *)base;
    struct plane_result result = NO_RESULT;
    result.id = api_text(json, "id");
    /* 409: the project has a comment with this external id, so an earlier attempt did arrive. */
    if (e && !(r && r->status == 409))
        fail(c, r, e);
    else
        finish(c, &result, NULL);
}

/* The board stores comment_html as it comes, so nothing of ours may be taken for a tag. */
static char *
html_of(const char *text)
{
    struct buf html = { 0 };
    buf_add_str(&html, "<p>");
    for (; *text; text++) {
        if (*text == '&')
            buf_add_str(&html, "&amp;");
        else if (*text == '<')
            buf_add_str(&html, "&lt;");
        else if (*text == '>')
            buf_add_str(&html, "&gt;");
        else if (*text == '\n')
            buf_add_str(&html, "<br>");
        else if (*text != '\r')
            buf_add(&html, text, 1);
    }
    buf_add_str(&html, "</p>");
    return buf_take(&html);
}

struct api_call *
plane_comment(struct plane *p, const struct plane_item *item, const char *text, const char *external_id, plane_fn *fn, void *arg)
{
    struct plane_call *c = new_call(p, fn, arg);
    char              *url = item_url(p, item, "comments/");
    char              *html = html_of(text);
    struct json       *body = json_new_object();
    json_set_str(body, "comment_html", html);
    json_set_str(body, "external_source", "orchd");
    json_set_str(body, "external_id", external_id);
    ask(c, "POST", url, body, on_comment);
    json_free(body);
    free(html);
    free(url);
    return &c->base;
}
