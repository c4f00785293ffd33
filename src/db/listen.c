/* listen: the one connection that hears NOTIFY. It is asked `select 1` from time to time, because a peer that vanished says nothing and
 * NOTIFYs that nobody hears look like a quiet day; when it comes back, everybody is told once, as some may have been missed. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/str.h"
#include "db/db_int.h"

static void
on_listening(struct db_result *r, const struct err *e, void *arg)
{
    struct listener *l = CHECKED(arg, LISTENER_MAGIC);

    (void)r;
    if (!e) {
        l->fn(NULL, l->arg);
    } else if (l->db->listener->state == CONN_UP) {
        /* Anything but a lost connection (which tries again by itself) is a refusal, e.g. of a pooler. The poll stands behind us. */
        LOGE("db.listen_refused", "channel=%s why=%s", l->channel, log_quote(e->text));
    }
}

static void
ask(struct listener *l)
{
    PGconn         *pg = l->db->listener->pg;
    char           *name = PQescapeIdentifier(pg, l->channel, strlen(l->channel));
    struct db_call *c = NULL;

    CHECK(name);
    c = call_new(l->db, "listen", NULL, 0, NULL, on_listening, l);
    c->own_sql = xasprintf("listen %s", name);
    c->sql = c->own_sql;
    PQfreemem(name);
    conn_send(l->db->listener, c);
}

/* Behind the LISTENs in the same pipeline: whoever calls after a reconnect has been told of it before the answer comes. */
struct db_call *
db_listener_call(struct db *db, enum db_call_id id, const char *const *params, db_fn *fn, void *arg)
{
    CHECK(db->magic == DB_MAGIC && !db->is_closed && id < CALL_COUNT);
    const struct call_def *def = &db_call_defs[id];
    struct db_call        *c = call_new(db, def->name, def->sql, def->params, params, fn, arg);

    if (db->listener && db->listener->state == CONN_UP)
        conn_send(db->listener, c);
    else
        call_doom(c, "the connection that listens is down");
    return c;
}

void
listen_on_up(struct db *db)
{
    for (struct listener *l = db->listeners; l && db->listener->state == CONN_UP; l = l->next)
        ask(l);
}

void
listen_on_notify(struct db *db, const PGnotify *n)
{
    for (struct listener *l = db->listeners; l && !db->is_closed; l = l->next)
        if (str_equal(l->channel, n->relname))
            l->fn(n->extra, l->arg);
}

static void
on_check(void *arg)
{
    struct db *db = CHECKED(arg, DB_MAGIC);

    if (db->listener->state == CONN_UP && TAILQ_EMPTY(&db->listener->sent))
        conn_send(db->listener, call_new(db, "ping", db_call_defs[CALL_ping].sql, 0, NULL, NULL, NULL));
}

void
db_listen(struct db *db, const char *channel, db_notify_fn *fn, void *arg)
{
    struct listener *l = xcalloc(1, sizeof *l);

    *l = (struct listener){ LISTENER_MAGIC, db, db->listeners, xstrdup(channel), fn, arg };
    db->listeners = l;
    if (!db->listener) {
        db->listener = xcalloc(1, sizeof *db->listener);
        conn_init(db->listener, db, db->listen_url, true);
        conn_open(db->listener);
        db->check = loop_every(db->loop, LISTEN_CHECK_MS, on_check, db);
    } else if (db->listener->state == CONN_UP) {
        ask(l);
    }
}

void
listen_fini(struct db *db)
{
    while (db->listeners) {
        struct listener *l = db->listeners;
        db->listeners = l->next;
        free(l->channel);
        free(l);
    }
    free(db->listener);
}
