/* board: a round through the projects of a board, for the duties that ask it. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/str.h"
#include "upkeep/upkeep_int.h"

void
board_open(struct board *b, const struct duty *d)
{
    const struct config *cfg = upkeep_config(d);
    if (!str_is_blank(cfg->plane_url) && !str_is_blank(cfg->plane_token))
        b->plane = plane_new(upkeep_fetch(d), cfg->plane_url, cfg->plane_token);
}

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

void
board_close(struct board *b)
{
    api_cancel(b->call);
    forget_projects(b);
    plane_free(b->plane);
}

bool
board_must_wait(struct board *b, struct duty *d)
{
    struct err e = ERR_INIT;
    if (clock_mono_ms() >= b->quiet_until_ms)
        return false;
    err_set(&e, ERR_RETRY, "the board asked for patience");
    upkeep_end(d, 0, &e);
    return true;
}

bool
board_begin_round(struct board *b, struct duty *d, struct db_result *r, const struct err *e)
{
    d->call = NULL;
    if (e) {
        upkeep_end(d, 0, e);
        return false;
    }
    b->count = db_rows(r);
    b->projects = xcalloc((size_t)b->count + 1, sizeof(*b->projects));
    for (int i = 0; i < b->count; i++) {
        b->projects[i].id = xstrdup(db_text(r, i, "project_id"));
        b->projects[i].workspace = xstrdup(db_text(r, i, "workspace"));
        b->projects[i].plane_project_id = xstrdup(db_text(r, i, "plane_project_id"));
    }
    if (!b->count)
        board_end_round(b, d, 0);
    return b->count;
}

void
board_keep_error(struct board *b, const struct err *e)
{
    if (e && !b->first_error.code)
        b->first_error = *e;
}

bool
board_has_next(struct board *b, const struct err *e)
{
    board_keep_error(b, e);
    b->at++;
    return clock_mono_ms() >= b->quiet_until_ms && b->at < b->count;
}

bool
board_is_there(const struct board *b, const struct duty *d, struct err *e)
{
    if (!b->plane)
        err_set(e, ERR_DENIED, "no board: %s is not set",
                str_is_blank(upkeep_config(d)->plane_url) ? "ORCH_PLANE_URL" : "ORCH_PLANE_TOKEN");
    return b->plane;
}

void
board_be_quiet(struct board *b, int64_t retry_after_ms)
{
    if (retry_after_ms > 0)
        b->quiet_until_ms = clock_mono_ms() + retry_after_ms;
}

const char *
board_quiet_text(const struct board *b, const struct duty *d)
{
    int64_t left = b->quiet_until_ms - clock_mono_ms();
    return left > 0 ? turn_fmt(upkeep_loop(d), "%" PRId64, left) : NULL;
}

void
board_end_round(struct board *b, struct duty *d, int64_t count)
{
    struct err e = b->first_error;
    forget_projects(b);
    err_clear(&b->first_error);
    upkeep_end(d, count, e.code ? &e : NULL);
}
