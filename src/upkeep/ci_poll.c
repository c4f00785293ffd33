/* ci_poll: asks the forge for the commit statuses of idle tasks that wait for CI, whose delivery may have been lost:
 *
 *   which commits? ──▶ a page of statuses of the first ──▶ each routed ──▶ the next page … ──▶ the next commit … ──▶ end
 *
 * All pages are read, because a failure on a page that nobody read would be taken for none. */
#include <stdlib.h>

#include "api/gitea.h"
#include "base/check.h"
#include "base/str.h"
#include "upkeep/upkeep_int.h"

enum { MAX_PAGES = 20 /* a thousand contexts */ };

struct commit {
    char *task_id;
    char *repo;
    char *sha;
};

struct ci {
    struct gitea    *gitea; /* NULL = not configured */
    struct api_call *call;
    struct commit   *commits; /* of this round */
    int              count, at, page;
    struct json     *statuses; /* of the page under way */
    size_t           status;
    int64_t          routed;
    struct err       first_error;
};

static void ask_page(struct duty *d);
static void next_status(struct duty *d);

static void
forget_commits(struct ci *c)
{
    json_free(give(&c->statuses));
    for (int i = 0; i < c->count; i++) {
        free(c->commits[i].task_id);
        free(c->commits[i].repo);
        free(c->commits[i].sha);
    }
    free(give(&c->commits));
    c->count = c->at = 0;
}

static void
on_noted(struct db_result *r, const struct err *e, void *arg)
{
    struct duty *d = CHECKED(arg, DUTY_MAGIC);
    struct ci   *c = d->own;
    struct err   first;
    (void)r;
    d->call = NULL;
    if (e && !c->first_error.code)
        c->first_error = *e;
    if (++c->at < c->count) {
        ask_page(d);
        return;
    }
    first = c->first_error;
    err_clear(&c->first_error);
    forget_commits(c);
    upkeep_end(d, c->routed, first.code ? &first : NULL);
}

/* e NULL = all of the commit's statuses are in. */
static void
end_commit(struct duty *d, const struct err *e)
{
    struct ci *c = d->own;
    if (e && !c->first_error.code)
        c->first_error = *e;
    json_free(give(&c->statuses));
    c->page = 0;
    d->call = db_call(upkeep_db(d), CALL_ci_asked, (const char *const[]){ c->commits[c->at].task_id, e ? e->text : NULL }, on_noted, d);
}

static void
on_routed(struct db_result *r, const struct err *e, void *arg)
{
    struct duty *d = CHECKED(arg, DUTY_MAGIC);
    struct ci   *c = d->own;
    d->call = NULL;
    if (e) {
        end_commit(d, e);
        return;
    }
    /* What is told again at each round is no news. */
    if (!str_equal(db_text(r, 0, "status"), "duplicate"))
        c->routed++;
    c->status++;
    next_status(d);
}

static void
next_status(struct duty *d)
{
    struct ci           *c = d->own;
    const struct commit *commit = &c->commits[c->at];
    struct json         *status = json_item(c->statuses, c->status);
    char                *key;
    if (!status) {
        ask_page(d);
        return;
    }
    json_set_str(status, "repo", commit->repo);
    json_set_str(status, "sha", commit->sha);
    key = xasprintf("%s@%s/%s@%s=%s", commit->repo, commit->sha, json_str(status, "context"), json_str(status, "updated_at"),
                    json_str(status, "state"));
    d->call = upkeep_route(d, "status", key, status, on_routed);
    free(key);
}

static void
on_page(const struct gitea_result *r, const struct err *e, void *arg)
{
    struct duty *d = CHECKED(arg, DUTY_MAGIC);
    struct ci   *c = d->own;
    struct err   endless = ERR_INIT;
    c->call = NULL;
    if (!e && json_len(r->statuses) && c->page > MAX_PAGES) {
        err_set(&endless, ERR_RETRY, "forge: more than %d pages of statuses of commit \"%s\"", MAX_PAGES, c->commits[c->at].sha);
        e = &endless;
    }
    if (e || !json_len(r->statuses)) {
        end_commit(d, e);
        return;
    }
    json_free(c->statuses);
    c->statuses = json_copy(r->statuses);
    json_scrub_nul(c->statuses);
    c->status = 0;
    next_status(d);
}

static void
ask_page(struct duty *d)
{
    struct ci           *c = d->own;
    const struct commit *commit = &c->commits[c->at];
    c->call = gitea_statuses(c->gitea, commit->repo, commit->sha, ++c->page, on_page, d);
}

static void
on_commits(struct db_result *r, const struct err *e, void *arg)
{
    struct duty *d = CHECKED(arg, DUTY_MAGIC);
    struct ci   *c = d->own;
    d->call = NULL;
    if (e || !db_rows(r)) {
        upkeep_end(d, 0, e);
        return;
    }
    c->count = db_rows(r);
    c->commits = xcalloc((size_t)c->count, sizeof(*c->commits));
    for (int i = 0; i < c->count; i++) {
        c->commits[i].task_id = xstrdup(db_text(r, i, "task_id"));
        c->commits[i].repo = xstrdup(db_text(r, i, "repo"));
        c->commits[i].sha = xstrdup(db_text(r, i, "sha"));
    }
    ask_page(d);
}

static void
tick(struct duty *d)
{
    const struct config *cfg = upkeep_config(d);
    struct ci           *c = d->own;
    if (!c) {
        c = d->own = xcalloc(1, sizeof(*c));
        if (!str_is_blank(cfg->gitea_url))
            c->gitea = gitea_new(upkeep_fetch(d), cfg->gitea_url, cfg->gitea_token);
    }
    c->routed = 0;
    c->page = 0;
    if (c->gitea)
        d->call = db_call(upkeep_db(d), CALL_ci_to_ask, NULL, on_commits, d);
    else
        upkeep_end(d, 0, NULL);
}

static void
fini(struct duty *d)
{
    struct ci *c = d->own;
    if (!c)
        return;
    api_cancel(c->call);
    forget_commits(c);
    gitea_free(c->gitea);
    free(c);
    d->own = NULL;
}

const struct duty_kind duty_ci_poll = { .name = "ci_poll", .counter = METRIC_orchd_ci_poll_rows_total, .tick = tick, .fini = fini };
