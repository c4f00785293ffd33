/* board_states: reads the statuses of the projects whose statuses are old or asked for, one project after another:
 *
 *   which projects? ──▶ who are we? (once) ──▶ statuses of the first ──▶ stored, or its error stored ──▶ the next … ──▶ end
 *
 * When the board asks for patience, the round ends, and no other begins before that time. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/plane.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "upkeep/upkeep_int.h"

struct project {
    char *id;
    char *workspace;
    char *plane_project_id;
};

struct board {
    struct plane    *plane; /* NULL = not configured */
    struct api_call *call;
    struct project  *projects; /* of this round */
    int              count, at;
    int64_t          stored;         /* in this round */
    char            *bot_id;         /* of our token; kept for good, because both are */
    int64_t          quiet_until_ms; /* clock_mono_ms() */
    struct err       first_error;    /* of this round */
};

static void next_project(struct duty *d);

static void
forget_projects(struct board *b)
{
    for (int i = 0; i < b->count; i++) {
        free(b->projects[i].id);
        free(b->projects[i].workspace);
        free(b->projects[i].plane_project_id);
    }
    free(b->projects);
    b->projects = NULL;
    b->count = b->at = 0;
}

static void
end_round(struct duty *d)
{
    struct board *b = d->own;
    struct err    e = b->first_error;
    forget_projects(b);
    err_clear(&b->first_error);
    upkeep_end(d, b->stored, e.code ? &e : NULL);
}

static void
keep_error(struct board *b, const struct err *e)
{
    if (!b->first_error.code)
        b->first_error = *e;
}

/* The project is dealt with: the next one, unless the board asked for patience. */
static void
go_on(struct duty *d, const struct err *e)
{
    struct board *b = d->own;
    d->call = NULL;
    if (e)
        keep_error(b, e);
    b->at++;
    if (clock_mono_ms() < b->quiet_until_ms)
        end_round(d);
    else
        next_project(d);
}

static void
on_stored(struct db_result *r, const struct err *e, void *arg)
{
    struct duty  *d = CHECKED(arg, DUTY_MAGIC);
    struct board *b = d->own;
    (void)r;
    if (!e)
        b->stored++;
    go_on(d, e);
}

static void
on_failure_stored(struct db_result *r, const struct err *e, void *arg)
{
    (void)r;
    go_on(CHECKED(arg, DUTY_MAGIC), e);
}

static void
store_failure(struct duty *d, const struct err *e, int64_t retry_after_ms)
{
    struct board *b = d->own;
    const char   *params[] = { b->projects[b->at].id, e->text };
    keep_error(b, e);
    if (retry_after_ms > 0)
        b->quiet_until_ms = clock_mono_ms() + retry_after_ms;
    d->call = db_call(upkeep_db(d), CALL_board_states_failed, params, on_failure_stored, d);
}

static void
on_states(const struct plane_result *r, const struct err *e, void *arg)
{
    struct duty  *d = CHECKED(arg, DUTY_MAGIC);
    struct board *b = d->own;
    const char   *params[3];
    b->call = NULL;
    if (e) {
        store_failure(d, e, r->retry_after_ms);
        return;
    }
    json_scrub_nul(r->states);
    params[0] = b->projects[b->at].id;
    params[1] = json_text(r->states);
    params[2] = b->bot_id;
    d->call = db_call(upkeep_db(d), CALL_put_board_states, params, on_stored, d);
}

static void
on_me(const struct plane_result *r, const struct err *e, void *arg)
{
    struct duty  *d = CHECKED(arg, DUTY_MAGIC);
    struct board *b = d->own;
    b->call = NULL;
    if (e) {
        store_failure(d, e, r->retry_after_ms);
        return;
    }
    b->bot_id = xstrdup(r->id);
    next_project(d);
}

static void
next_project(struct duty *d)
{
    struct board         *b = d->own;
    const struct config  *cfg = upkeep_config(d);
    struct err            e = ERR_INIT;
    const struct project *p;
    if (b->at >= b->count) {
        end_round(d);
        return;
    }
    p = &b->projects[b->at];
    if (!b->plane) {
        err_set(&e, ERR_DENIED, "no board: %s is not set", str_is_blank(cfg->plane_url) ? "ORCH_PLANE_URL" : "ORCH_PLANE_TOKEN");
        store_failure(d, &e, -1);
    } else if (!b->bot_id) {
        b->call = plane_me(b->plane, on_me, d);
    } else {
        b->call = plane_states(b->plane, p->workspace, p->plane_project_id, on_states, d);
    }
}

static void
on_projects(struct db_result *r, const struct err *e, void *arg)
{
    struct duty  *d = CHECKED(arg, DUTY_MAGIC);
    struct board *b = d->own;
    d->call = NULL;
    if (e) {
        keep_error(b, e);
        end_round(d);
        return;
    }
    b->count = db_rows(r);
    b->projects = xcalloc((size_t)b->count + 1, sizeof(*b->projects));
    for (int i = 0; i < b->count; i++) {
        b->projects[i].id = xstrdup(db_text(r, i, "project_id"));
        b->projects[i].workspace = xstrdup(db_text(r, i, "workspace"));
        b->projects[i].plane_project_id = xstrdup(db_text(r, i, "plane_project_id"));
    }
    next_project(d);
}

static struct board *
board_of(struct duty *d)
{
    const struct config *cfg = upkeep_config(d);
    struct board        *b = d->own;
    if (b)
        return b;
    b = xcalloc(1, sizeof(*b));
    if (!str_is_blank(cfg->plane_url) && !str_is_blank(cfg->plane_token))
        b->plane = plane_new(upkeep_fetch(d), cfg->plane_url, cfg->plane_token);
    d->own = b;
    return b;
}

static void
tick(struct duty *d)
{
    struct board *b = board_of(d);
    struct err    e = ERR_INIT;
    int64_t       wait_ms = b->quiet_until_ms - clock_mono_ms();
    b->stored = 0;
    if (wait_ms > 0) {
        err_set(&e, ERR_RETRY, "the board asked for patience");
        upkeep_end(d, 0, &e);
        return;
    }
    d->call = db_call(upkeep_db(d), CALL_projects_wanting_states, NULL, on_projects, d);
}

static void
fini(struct duty *d)
{
    struct board *b = d->own;
    if (!b)
        return;
    api_cancel(b->call);
    forget_projects(b);
    plane_free(b->plane);
    free(b->bot_id);
    free(b);
    d->own = NULL;
}

const struct duty_kind duty_board_states = {
    .name = "board_states", .counter = METRIC_orchd_board_states_read_total, .tick = tick, .fini = fini
};
