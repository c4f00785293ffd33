/* board_states: reads the statuses of the projects whose statuses are old or asked for, one project after another:
 *
 *   which projects? ──▶ who are we? (once) ──▶ statuses of the first ──▶ stored, or its error stored ──▶ the next … ──▶ end */
#include <stdlib.h>

#include "base/check.h"
#include "base/str.h"
#include "upkeep/upkeep_int.h"

struct states {
    struct board board;
    int64_t      stored; /* in this round */
    char        *bot_id; /* of our token; kept for good, because both are */
};

static void ask(struct duty *d);

static void
go_on(struct duty *d, const struct err *e)
{
    struct states *s = d->own;
    d->call = NULL;
    if (board_has_next(&s->board, e))
        ask(d);
    else
        board_end_round(&s->board, d, s->stored);
}

static void
on_stored(struct db_result *r, const struct err *e, void *arg)
{
    struct duty   *d = CHECKED(arg, DUTY_MAGIC);
    struct states *s = d->own;
    (void)r;
    if (!e)
        s->stored++;
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
    struct board *b = &((struct states *)d->own)->board;
    const char   *params[] = { b->projects[b->at].id, e->text, NULL };
    board_keep_error(b, e);
    board_be_quiet(b, retry_after_ms);
    params[2] = board_quiet_text(b, d);
    d->call = db_call(upkeep_db(d), CALL_board_states_failed, params, on_failure_stored, d);
}

static void
on_states(const struct plane_result *r, const struct err *e, void *arg)
{
    struct duty   *d = CHECKED(arg, DUTY_MAGIC);
    struct states *s = d->own;
    const char    *params[3];
    s->board.call = NULL;
    if (e) {
        store_failure(d, e, r->retry_after_ms);
        return;
    }
    json_scrub_nul(r->states);
    params[0] = s->board.projects[s->board.at].id;
    params[1] = json_text(r->states);
    params[2] = s->bot_id;
    d->call = db_call(upkeep_db(d), CALL_put_board_states, params, on_stored, d);
}

static void
on_me(const struct plane_result *r, const struct err *e, void *arg)
{
    struct duty   *d = CHECKED(arg, DUTY_MAGIC);
    struct states *s = d->own;
    s->board.call = NULL;
    if (e) {
        store_failure(d, e, r->retry_after_ms);
        return;
    }
    s->bot_id = xstrdup(r->id);
    ask(d);
}

static void
ask(struct duty *d)
{
    struct states              *s = d->own;
    struct board               *b = &s->board;
    const struct board_project *p = &b->projects[b->at];
    struct err                  e = ERR_INIT;
    if (!board_is_there(b, d, &e))
        store_failure(d, &e, -1);
    else if (!s->bot_id)
        b->call = plane_me(b->plane, on_me, d);
    else
        b->call = plane_states(b->plane, p->workspace, p->plane_project_id, on_states, d);
}

static void
on_projects(struct db_result *r, const struct err *e, void *arg)
{
    struct duty *d = CHECKED(arg, DUTY_MAGIC);
    if (board_begin_round(&((struct states *)d->own)->board, d, r, e))
        ask(d);
}

static void
tick(struct duty *d)
{
    struct states *s = d->own;
    if (!s) {
        s = d->own = xcalloc(1, sizeof(*s));
        board_open(&s->board, d);
    }
    s->stored = 0;
    if (!board_must_wait(&s->board, d))
        d->call = db_call(upkeep_db(d), CALL_projects_wanting_states, NULL, on_projects, d);
}

static void
fini(struct duty *d)
{
    struct states *s = d->own;
    if (!s)
        return;
    board_close(&s->board);
    free(s->bot_id);
    free(s);
    d->own = NULL;
}

const struct duty_kind duty_board_states = {
    .name = "board_states", .counter = METRIC_orchd_board_states_read_total, .tick = tick, .fini = fini
};
