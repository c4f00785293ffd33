/* board_poll: reads the issues that changed last, project after project, and has routed what no delivery has told:
 *
 *   which projects? ──▶ a page of issues ──▶ what of it is news? ──▶ its description, if it may begin a task ──▶ routed ──▶ the next …
 *                           ▲                                                                                                  │
 *                           └── all of it was news ◀───────────────────────────────────────────────────────────────────────────┘
 *
 * A project's clock is moved on after its last piece of news: whatever fails in between is read again, and known by its delivery key. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/html.h"
#include "base/log.h"
#include "base/str.h"
#include "upkeep/upkeep_int.h"

enum { MAX_PAGES = 20 /* two thousand issues in one round: more is a board that turns in circles, or an import */ };

struct poll {
    struct board board;
    int64_t      routed; /* in this round */
    /* of the project under way */
    int          pages;
    char        *cursor; /* of the next page; NULL = there is none */
    char        *newest; /* change, as Postgres writes it; NULL = no issue was seen */
    struct json *news;   /* of the page under way */
    size_t       at;
    bool         goes_on; /* all of the page was young enough */
};

static void ask_page(struct duty *d);
static void next_news(struct duty *d);

static void
forget_page(struct poll *p)
{
    json_free(give(&p->news));
    p->at = 0;
}

static void
forget_project(struct poll *p)
{
    forget_page(p);
    free(give(&p->cursor));
    free(give(&p->newest));
    p->pages = 0;
}

static void
on_noted(struct db_result *r, const struct err *e, void *arg)
{
    struct duty *d = CHECKED(arg, DUTY_MAGIC);
    struct poll *p = d->own;
    (void)r;
    d->call = NULL;
    forget_project(p);
    if (board_has_next(&p->board, e))
        ask_page(d);
    else
        board_end_round(&p->board, d, p->routed);
}

/* e NULL = all was taken in up to the newest. */
static void
end_project(struct duty *d, const struct err *e)
{
    struct poll  *p = d->own;
    struct board *b = &p->board;
    const char   *params[] = { b->projects[b->at].id, e ? NULL : p->newest, e ? e->text : NULL, board_quiet_text(b, d) };
    board_keep_error(b, e);
    d->call = db_call(upkeep_db(d), CALL_project_polled, params, on_noted, d);
}

/* --- one piece of news --- */

static void
on_routed(struct db_result *r, const struct err *e, void *arg)
{
    struct duty *d = CHECKED(arg, DUTY_MAGIC);
    struct poll *p = d->own;
    d->call = NULL;
    if (e) {
        end_project(d, e);
        return;
    }
    if (str_equal(db_text(r, 0, "status"), "routed"))
        LOGI("board_poll.routed", "event=%" PRId64 " reason=%s", db_int(r, 0, "event_id"), log_quote(db_text(r, 0, "reason")));
    p->routed++;
    p->at++;
    next_news(d);
}

static void
route(struct duty *d)
{
    struct poll *p = d->own;
    struct json *one = json_item(p->news, p->at);
    d->call = upkeep_route(d, "issue", json_str(one, "delivery_key"), json_at(one, "facts"), on_routed);
}

static void
on_described(const struct plane_result *r, const struct err *e, void *arg)
{
    struct duty *d = CHECKED(arg, DUTY_MAGIC);
    struct poll *p = d->own;
    char        *text;
    p->board.call = NULL;
    if (e) {
        board_be_quiet(&p->board, r->retry_after_ms);
        end_project(d, e);
        return;
    }
    text = html_text(r->description);
    json_set_str(json_at(json_item(p->news, p->at), "facts"), "description", text);
    free(text);
    route(d);
}

static void
next_news(struct duty *d)
{
    struct poll                *p = d->own;
    struct json                *one = json_item(p->news, p->at);
    const struct board_project *project = &p->board.projects[p->board.at];
    struct plane_item           item;
    struct err                  e = ERR_INIT;
    if (one && json_bool(one, "wants_description")) {
        item = (struct plane_item){ project->workspace, project->plane_project_id, json_str(one, "facts.issue_id") };
        p->board.call = plane_get_item(p->board.plane, &item, on_described, d);
    } else if (one) {
        route(d);
    } else if (!p->goes_on || !p->cursor) {
        end_project(d, NULL);
    } else if (p->pages < MAX_PAGES) {
        ask_page(d);
    } else {
        err_set(&e, ERR_RETRY, "more than %d pages of issues have changed since the last poll", MAX_PAGES);
        end_project(d, &e);
    }
}

/* --- one page --- */

static void
on_news(struct db_result *r, const struct err *e, void *arg)
{
    struct duty *d = CHECKED(arg, DUTY_MAGIC);
    struct poll *p = d->own;
    struct err   bad = ERR_INIT;
    const char  *news;
    d->call = NULL;
    if (e) {
        end_project(d, e);
        return;
    }
    news = db_text(r, 0, "news");
    p->news = json_parse(news, strlen(news), &bad);
    CHECK(p->news); /* Postgres wrote it */
    p->goes_on = db_bool(r, 0, "goes_on");
    if (!p->newest && db_text(r, 0, "newest"))
        p->newest = xstrdup(db_text(r, 0, "newest"));
    next_news(d);
}

static void
on_page(const struct plane_result *r, const struct err *e, void *arg)
{
    struct duty  *d = CHECKED(arg, DUTY_MAGIC);
    struct poll  *p = d->own;
    struct board *b = &p->board;
    const char   *params[2];
    b->call = NULL;
    if (e) {
        board_be_quiet(b, r->retry_after_ms);
        end_project(d, e);
        return;
    }
    free(p->cursor);
    p->cursor = *r->next_cursor ? xstrdup(r->next_cursor) : NULL;
    json_scrub_nul(r->issues);
    params[0] = b->projects[b->at].id;
    params[1] = json_text(r->issues);
    d->call = db_call(upkeep_db(d), CALL_poll_news, params, on_news, d);
}

static void
ask_page(struct duty *d)
{
    struct poll                *p = d->own;
    const struct board_project *project = &p->board.projects[p->board.at];
    struct err                  e = ERR_INIT;
    forget_page(p);
    p->pages++;
    if (board_is_there(&p->board, d, &e))
        p->board.call = plane_recent(p->board.plane, project->workspace, project->plane_project_id, p->cursor, on_page, d);
    else
        end_project(d, &e);
}

/* --- the round --- */

static void
on_projects(struct db_result *r, const struct err *e, void *arg)
{
    struct duty *d = CHECKED(arg, DUTY_MAGIC);
    if (board_begin_round(&((struct poll *)d->own)->board, d, r, e))
        ask_page(d);
}

static void
tick(struct duty *d)
{
    struct poll *p = d->own;
    char         every_ms[24];
    const char  *params[] = { every_ms };
    if (!p) {
        p = d->own = xcalloc(1, sizeof(*p));
        board_open(&p->board, d);
    }
    p->routed = 0;
    if (board_must_wait(&p->board, d))
        return;
    snprintf(every_ms, sizeof every_ms, "%" PRId64, *d->interval_ms);
    d->call = db_call(upkeep_db(d), CALL_projects_to_poll, params, on_projects, d);
}

static void
fini(struct duty *d)
{
    struct poll *p = d->own;
    if (!p)
        return;
    forget_project(p);
    board_close(&p->board);
    free(p);
    d->own = NULL;
}

const struct duty_kind duty_board_poll = {
    .name = "board_poll", .counter = METRIC_orchd_board_poll_rows_total, .tick = tick, .fini = fini
};
