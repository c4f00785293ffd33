/* gitea: the forge. One request a verb. */
#include "api/gitea.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/api_int.h"
#include "base/check.h"

enum { PER_PAGE = 50 /* the most that the forge gives, as it comes */ };

struct gitea {
    struct api_peer peer;
};

struct gitea_call {
    struct api_call base; /* first: the room casts between the two */
    gitea_fn       *fn;
    void           *arg;
};

struct gitea *
gitea_new(struct fetch *f, const char *url, const char *token)
{
    struct gitea *g = xcalloc(1, sizeof(*g));
    api_peer_init(&g->peer, f, "forge", url, "Authorization: token ", token);
    return g;
}

void
gitea_free(struct gitea *g)
{
    if (!g)
        return;
    api_peer_fini(&g->peer);
    free(g);
}

static void
release(struct api_call *base)
{
    free(base);
}

/* What every verb does: one request. Takes url and body. */
static struct api_call *
ask(struct gitea *g, const char *method, struct buf *url, struct json *body, bool needs_json, api_answer_fn *on_answer, gitea_fn *fn,
    void *arg)
{
    struct gitea_call *c = xcalloc(1, sizeof(*c));
    api_init(&c->base, g->peer.fetch, g->peer.name, release);
    c->fn = fn;
    c->arg = arg;
    api_ask(&c->base, &g->peer, method, url->data, body, needs_json, on_answer);
    buf_fini(url);
    json_free(body);
    return &c->base;
}

static void
finish(struct gitea_call *c, struct gitea_result *r, const struct fetch_response *answer, const struct err *e)
{
    r->retry_after_ms = answer ? answer->retry_after_ms : -1;
    c->fn(r, e, c->arg);
    api_end(&c->base);
}

/* repo is owner/name: its one slash stays. */
static void
add_repo(struct buf *url, const struct gitea *g, const char *repo)
{
    const char *slash = strchr(repo, '/');
    char       *owner = slash ? xstrndup(repo, (size_t)(slash - repo)) : xstrdup(repo);
    buf_printf(url, "%s/repos/", g->peer.base);
    api_add_encoded(url, owner);
    buf_add_str(url, "/");
    api_add_encoded(url, slash ? slash + 1 : "");
    free(owner);
}

/* --- pull requests -------------------------------------------------------------------------------------------------------------------- */

static void
clear_result(struct gitea_result *r)
{
    *r = (struct gitea_result){ .head_ref = "", .head_sha = "", .base_ref = "", .merge_sha = "", .retry_after_ms = -1 };
}

/* Reads a pull request, borrowed from json. Whoever asks what a pull request is must get its number, head and state. */
static int
read_pull(struct gitea_result *r, struct json *json, long status, struct err *e)
{
    const char *state = api_text(json, "state");
    if (!json || !json_int(json, "number", &r->number) || r->number <= 0 || !*api_text(json, "head.sha") || !*state) {
        err_set(e, ERR_RETRY, "forge: answered %ld without a pull request", status);
        return e->code;
    }
    r->head_ref = api_text(json, "head.ref");
    r->head_sha = api_text(json, "head.sha");
    r->base_ref = api_text(json, "base.ref");
    r->is_open = str_equal(state, "open");
    r->is_merged = json_bool(json, "merged");
    r->merge_sha = r->is_merged ? api_text(json, "merge_commit_sha") : "";
    return 0;
}

/* "… already exists for these targets [id: 88, issue_id: 7, …]": the number that people see is issue_id. */
static int64_t
number_of_existing(struct json *json)
{
    static const char key[] = "issue_id: ";
    const char       *at = strstr(api_text(json, "message"), key);
    return at ? strtoll(at + sizeof(key) - 1, NULL, 10) : 0;
}

static void
on_pull(struct api_call *base, struct json *json, const struct fetch_response *r, const struct err *e)
{
    struct gitea_call  *c = (struct gitea_call *)base;
    struct gitea_result result;
    struct err          shape = ERR_INIT;
    clear_result(&result);
    if (e && r && r->status == 409 && strcasestr(api_text(json, "message"), "already exists")) {
        result.refusal = GITEA_EXISTS;
        result.number = number_of_existing(json);
    } else if (!e && read_pull(&result, json, r->status, &shape)) {
        e = &shape;
    }
    finish(c, &result, r, e);
}

struct api_call *
gitea_open_pull(struct gitea *g, const char *repo, const char *base, const char *head, const char *title, const char *body, gitea_fn *fn,
                void *arg)
{
    struct buf   url = { 0 };
    struct json *pull = json_new_object();
    add_repo(&url, g, repo);
    buf_add_str(&url, "/pulls");
    json_set_str(pull, "head", head);
    json_set_str(pull, "base", base);
    json_set_str(pull, "title", title);
    json_set_str(pull, "body", body ? body : "");
    return ask(g, "POST", &url, pull, true, on_pull, fn, arg);
}

struct api_call *
gitea_find_pull(struct gitea *g, const char *repo, const char *base, const char *head, gitea_fn *fn, void *arg)
{
    struct buf url = { 0 };
    add_repo(&url, g, repo);
    buf_add_str(&url, "/pulls/");
    api_add_encoded(&url, base); /* one segment of the path, so its slashes are encoded, too */
    buf_add_str(&url, "/");
    api_add_encoded(&url, head);
    return ask(g, "GET", &url, NULL, true, on_pull, fn, arg);
}

struct api_call *
gitea_get_pull(struct gitea *g, const char *repo, int64_t number, gitea_fn *fn, void *arg)
{
    struct buf url = { 0 };
    add_repo(&url, g, repo);
    buf_printf(&url, "/pulls/%lld", (long long)number);
    return ask(g, "GET", &url, NULL, true, on_pull, fn, arg);
}

/* --- merging -------------------------------------------------------------------------------------------------------------------------- */

/* 409 is four things. Only a conflict comes as the object of git's own words, without a message. */
static void
judge_409(struct gitea_result *result, struct json *json, struct err *e)
{
    const char *message = api_text(json, "message");
    if (strcasestr(message, "head out of date")) {
        result->refusal = GITEA_HEAD_MOVED;
        err_set(e, ERR_INVALID, "forge: the head is out of date");
    } else if (json_is_object(json) && !*message && (json_at(json, "StdErr") || json_at(json, "StdOut") || json_at(json, "Err"))) {
        result->refusal = GITEA_CONFLICT;
        err_set(e, ERR_INVALID, "forge: the branches conflict");
    } else {
        /* The base moved under the merge, a hook of the forge refused, a merge is scheduled: each may pass. */
        err_set(e, ERR_RETRY, "forge: could not merge: %.200s", *message ? message : "answered 409 without a reason");
    }
}

static void
on_merge(struct api_call *base, struct json *json, const struct fetch_response *r, const struct err *e)
{
    struct gitea_call  *c = (struct gitea_call *)base;
    struct gitea_result result;
    struct err          own = ERR_INIT;
    clear_result(&result);
    if (!e && r->status != 200) {
        err_set(&own, ERR_RETRY, "forge: answered %ld: the merge is scheduled, not made", r->status);
    } else if (e && r && r->status == 409) {
        judge_409(&result, json, &own);
    } else if (e && r && r->status == 405) {
        /* "Please try again later" is a conflict as often as a check that still runs, and "already merged" has no text in some versions. */
        result.refusal = GITEA_NOT_NOW;
        err_set(&own, ERR_RETRY, "forge: does not merge now: %.200s", *api_text(json, "message") ? api_text(json, "message") : "no reason");
    }
    finish(c, &result, r, own.code ? &own : e);
}

struct api_call *
gitea_merge(struct gitea *g, const char *repo, int64_t number, const char *head, gitea_fn *fn, void *arg)
{
    struct buf   url = { 0 };
    struct json *merge = json_new_object();
    add_repo(&url, g, repo);
    buf_printf(&url, "/pulls/%lld/merge", (long long)number);
    json_set_str(merge, "Do", "merge");
    json_set_str(merge, "head_commit_id", head);
    json_set_bool(merge, "delete_branch_after_merge", false); /* absent means "as the repo is set up" in newer versions */
    return ask(g, "POST", &url, merge, false, on_merge, fn, arg);
}

/* --- commit statuses ------------------------------------------------------------------------------------------------------------------ */

/* The forge sums up what is on the page only, so its sum is not read. NULL: an element lacks something that is never absent. */
static struct json *
read_statuses(struct json *list)
{
    struct json *statuses = json_new_array();
    for (size_t i = 0; i < json_len(list); i++) {
        struct json *item = json_item(list, i);
        struct json *status = json_new_object();
        json_push(statuses, status);
        json_set_str(status, "context", api_text(item, "context"));
        json_set_str(status, "state", api_text(item, "status")); /* "state" is the webhook's word for it */
        json_set_str(status, "updated_at", api_text(item, "updated_at"));
        json_set_str(status, "target_url", api_text(item, "target_url"));
        if (!*api_text(item, "status") || !isdigit((unsigned char)*api_text(item, "updated_at"))) {
            json_free(statuses);
            return NULL;
        }
    }
    return statuses;
}

static void
on_statuses(struct api_call *base, struct json *json, const struct fetch_response *r, const struct err *e)
{
    struct gitea_call  *c = (struct gitea_call *)base;
    struct gitea_result result;
    struct err          shape = ERR_INIT;
    struct json        *list = json ? json_at(json, "statuses") : NULL;
    clear_result(&result);
    if (!e && json_is_object(json) && (!list || json_is_array(list)))
        result.statuses = read_statuses(list);
    if (!e && !result.statuses) {
        err_set(&shape, ERR_RETRY, "forge: answered %ld without statuses of a commit", r->status);
        e = &shape;
    }
    finish(c, &result, r, e);
    json_free(result.statuses);
}

struct api_call *
gitea_statuses(struct gitea *g, const char *repo, const char *sha, int page, gitea_fn *fn, void *arg)
{
    struct buf url = { 0 };
    add_repo(&url, g, repo);
    buf_add_str(&url, "/commits/");
    api_add_encoded(&url, sha);
    buf_printf(&url, "/status?limit=%d&page=%d", PER_PAGE, page);
    return ask(g, "GET", &url, NULL, true, on_statuses, fn, arg);
}

/* --- branches ------------------------------------------------------------------------------------------------------------------------- */

static void
on_delete(struct api_call *base, struct json *json, const struct fetch_response *r, const struct err *e)
{
    struct gitea_call  *c = (struct gitea_call *)base;
    struct gitea_result result;
    (void)json;
    clear_result(&result);
    finish(c, &result, r, e && e->code == ERR_GONE ? NULL : e);
}

struct api_call *
gitea_delete_branch(struct gitea *g, const char *repo, const char *branch, gitea_fn *fn, void *arg)
{
    struct buf url = { 0 };
    add_repo(&url, g, repo);
    buf_add_str(&url, "/branches/");
    api_add_encoded(&url, branch);
    return ask(g, "DELETE", &url, NULL, false, on_delete, fn, arg);
}

static void
on_branch(struct api_call *base, struct json *json, const struct fetch_response *r, const struct err *e)
{
    struct gitea_call  *c = (struct gitea_call *)base;
    struct gitea_result result;
    struct err          shape = ERR_INIT;
    clear_result(&result);
    result.can_merge = json_bool(json, "user_can_merge");
    result.head_sha = api_text(json, "commit.id");
    if (!e && !*result.head_sha) {
        err_set(&shape, ERR_RETRY, "forge: answered %ld without a branch", r->status);
        e = &shape;
    }
    finish(c, &result, r, e);
}

struct api_call *
gitea_branch(struct gitea *g, const char *repo, const char *branch, gitea_fn *fn, void *arg)
{
    struct buf url = { 0 };
    add_repo(&url, g, repo);
    buf_add_str(&url, "/branches/");
    api_add_encoded(&url, branch);
    return ask(g, "GET", &url, NULL, true, on_branch, fn, arg);
}

/* --- webhooks ------------------------------------------------------------------------------------------------------------------------- */

static void
on_hooks(struct api_call *base, struct json *json, const struct fetch_response *r, const struct err *e)
{
    struct gitea_call  *c = (struct gitea_call *)base;
    struct gitea_result result;
    struct err          shape = ERR_INIT;
    clear_result(&result);
    result.hooks = json_is_array(json) ? json : NULL;
    if (!e && !result.hooks) {
        err_set(&shape, ERR_RETRY, "forge: answered %ld without a list of webhooks", r->status);
        e = &shape;
    }
    finish(c, &result, r, e);
}

struct api_call *
gitea_hooks(struct gitea *g, const char *repo, gitea_fn *fn, void *arg)
{
    struct buf url = { 0 };
    add_repo(&url, g, repo);
    buf_printf(&url, "/hooks?limit=%d", PER_PAGE);
    return ask(g, "GET", &url, NULL, true, on_hooks, fn, arg);
}
