/* pool: the calls, and the connections that carry them.
 * Invariants: a call is on one list at most; a callback is never run inside db_call(), only from a turn of its own; what is fired is freed
 * when the turn is over, because its owner may still forget it from inside the callback. */
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"
#include "db/db_int.h"

static void
on_call_timer(void *arg)
{
    struct db_call *c = CHECKED(arg, CALL_MAGIC);

    c->timer = NULL;
    if (!c->why.code)
        err_set(&c->why, ERR_RETRY, "could not finish call \"%s\" within %u ms", c->name, c->db->call_timeout_ms);
    /* Calls are sent in the order of their deadlines, so this one is the first in its pipeline and everybody behind it waits for it. */
    if (c->conn)
        conn_lose(c->conn, "a call did not end before its deadline");
    else
        call_end(c);
}

struct db_call *
call_new(struct db *db, const char *name, const char *sql, int param_count, const char *const *params, db_fn *fn, void *arg)
{
    struct db_call *c = xcalloc(1, sizeof *c);

    c->magic = CALL_MAGIC;
    c->db = db;
    c->name = name;
    c->sql = sql;
    c->param_count = param_count;
    c->params = xcalloc((size_t)param_count + 1, sizeof *c->params);
    for (int i = 0; i < param_count; i++)
        c->params[i] = xstrdup(params[i]);
    c->fn = fn;
    c->arg = arg;
    c->timer = loop_after(db->loop, db->call_timeout_ms, on_call_timer, c);
    metric_add(METRIC_orchd_db_calls_total, 1);
    return c;
}

void
call_free(void *call)
{
    struct db_call *c = CHECKED(call, CALL_MAGIC);

    loop_timer_stop(c->timer);
    for (int i = 0; i < c->param_count; i++)
        free(c->params[i]);
    free(c->params);
    free(c->own_sql);
    PQclear(c->res);
    c->magic = 0;
    free(c);
}

void
call_move(struct db_call *c, struct call_list *to)
{
    if (c->list)
        TAILQ_REMOVE(c->list, c, link);
    if (c->conn)
        c->conn->depth--;
    c->conn = NULL;
    c->list = to;
    if (to)
        TAILQ_INSERT_TAIL(to, c, link);
}

static bool
is_success(const PGresult *res)
{
    return res && (PQresultStatus(res) == PGRES_TUPLES_OK || PQresultStatus(res) == PGRES_COMMAND_OK);
}

static void
fire(struct db_call *c)
{
    struct db_result r = { .res = c->res };
    struct err       e = c->why;
    db_fn           *fn = c->fn;

    /* A server that shuts down says so before it hangs up; its words are better than ours. */
    if (c->res && !is_success(c->res))
        err_clear(&e);
    if (!e.code && !is_success(c->res))
        result_err(c->res, c->name, &e);
    c->fn = NULL;
    if (e.code)
        metric_add(METRIC_orchd_db_errors_total, 1);
    if (e.code == ERR_BUG)
        LOGE("db.call_failed", "call=%s sqlstate=%s why=%s", c->name, db_sqlstate(&r), log_quote(e.text));
    if (fn)
        fn(&r, e.code ? &e : NULL, c->arg);
}

void
call_end(struct db_call *c)
{
    call_move(c, NULL);
    loop_timer_stop(give(&c->timer));
    /* From here on nothing but this turn knows it. */
    loop_free_later(c->db->loop, call_free, c);
    fire(c);
}

void
call_doom(struct db_call *c, const char *why)
{
    if (!c->why.code)
        err_set(&c->why, ERR_RETRY, "%s", why);
    call_move(c, &c->db->doomed);
    loop_timer_stop(c->timer);
    c->timer = loop_after(c->db->loop, 0, on_call_timer, c);
}

/* Away: nothing is up, and somebody has tried in vain. Before the first attempt has failed, waiting is the better bet. */
static bool
is_away(const struct db *db)
{
    bool has_failed = false;

    for (unsigned i = 0; i < db->count; i++)
        has_failed = has_failed || db->conns[i].failures;
    return !db->up && has_failed;
}

/* The connection with the least to do: a slow call should hold up as few others as possible. */
static struct conn *
most_idle(struct db *db)
{
    struct conn *best = NULL;

    for (unsigned i = 0; i < db->count; i++) {
        struct conn *c = &db->conns[i];
        if (c->state == CONN_UP && c->depth < CONN_DEPTH_MAX && (!best || c->depth < best->depth))
            best = c;
    }
    return best;
}

void
pool_on_room(struct db *db)
{
    struct db_call *call;
    struct conn    *c;

    while ((call = TAILQ_FIRST(&db->waiting)) && (c = most_idle(db)))
        conn_send(c, call);
}

void
pool_on_up(struct db *db, struct conn *c)
{
    if (c->is_listener) {
        listen_on_up(db);
        return;
    }
    db->up++;
    if (db->up == 1) {
        for (struct waiter *w = db->waiters; w && !db->is_closed; w = w->next)
            w->fn(w->arg);
    }
    if (!db->is_closed)
        pool_on_room(db);
}

void
pool_on_away(struct db *db)
{
    struct db_call *call;

    if (!is_away(db))
        return;
    while ((call = TAILQ_FIRST(&db->waiting)))
        call_doom(call, "could not connect to Postgres");
}

struct db_call *
db_call(struct db *db, enum db_call_id id, const char *const *params, db_fn *fn, void *arg)
{
    CHECK(db->magic == DB_MAGIC && !db->is_closed && id < CALL_COUNT);
    const struct call_def *def = &db_call_defs[id];
    struct db_call        *c = call_new(db, def->name, def->sql, def->params, params, fn, arg);

    call_move(c, &db->waiting);
    if (is_away(db))
        call_doom(c, "could not connect to Postgres");
    else
        pool_on_room(db);
    return c;
}

void
db_forget(struct db_call *c)
{
    if (c)
        ((struct db_call *)CHECKED(c, CALL_MAGIC))->fn = NULL;
}

bool
db_is_up(const struct db *db)
{
    return db->up > 0;
}

void
db_on_up(struct db *db, loop_fn *fn, void *arg)
{
    struct waiter *w = xcalloc(1, sizeof *w);

    *w = (struct waiter){ .next = db->waiters, .fn = fn, .arg = arg };
    db->waiters = w;
}

/* Both URLs are read before anything is started: a wrong one is a setting to mend and not an outage to wait for. */
static int
check_url(const char *url, struct err *e)
{
    struct conninfo info = { 0 };

    conninfo_parse(&info, url, e);
    conninfo_fini(&info);
    return e->code;
}

int
db_open(struct db **out, struct loop *l, const struct db_options *o, struct err *e)
{
    struct db  *db = NULL;
    const char *listen_url = o->listen_url && o->listen_url[0] ? o->listen_url : o->url;

    for (int i = 0; i < CALL_COUNT; i++)
        CHECK(call_def_params(db_call_defs[i].sql) == db_call_defs[i].params);
    if (check_url(o->url, e) || check_url(listen_url, e))
        goto out;
    db = xcalloc(1, sizeof *db);
    db->magic = DB_MAGIC;
    db->loop = l;
    db->url = xstrdup(o->url);
    db->listen_url = xstrdup(listen_url);
    db->application = xstrdup(o->application ? o->application : "orchd");
    db->call_timeout_ms = o->call_timeout_ms;
    db->count = o->connections ? o->connections : 1;
    db->conns = xcalloc(db->count, sizeof *db->conns);
    TAILQ_INIT(&db->waiting);
    TAILQ_INIT(&db->doomed);
    for (unsigned i = 0; i < db->count; i++) {
        conn_init(&db->conns[i], db, db->url, false);
        conn_open(&db->conns[i]);
    }
    *out = give(&db);
out:
    return e->code;
}

static void
free_calls(struct call_list *list)
{
    struct db_call *c;

    while ((c = TAILQ_FIRST(list))) {
        call_move(c, NULL);
        call_free(c);
    }
}

static void
release(void *arg)
{
    struct db *db = CHECKED(arg, DB_MAGIC);

    while (db->waiters) {
        struct waiter *w = db->waiters;
        db->waiters = w->next;
        free(w);
    }
    listen_fini(db);
    free(db->conns);
    free(db->url);
    free(db->listen_url);
    free(db->application);
    db->magic = 0;
    free(db);
}

void
db_close(struct db *db)
{
    if (!db)
        return;
    CHECK(db->magic == DB_MAGIC && !db->is_closed);
    db->is_closed = true;
    for (unsigned i = 0; i < db->count; i++)
        conn_fini(&db->conns[i]);
    if (db->listener)
        conn_fini(db->listener);
    loop_timer_stop(give(&db->check));
    free_calls(&db->waiting);
    free_calls(&db->doomed);
    /* It may be called from a callback that was fired from the middle of a connection's answers. */
    loop_free_later(db->loop, release, db);
}
