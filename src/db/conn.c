/* conn: one connection to Postgres, in pipeline mode.
 *
 *     away --back-off--> resolving --> connecting --> up
 *      ^                     |             |          |
 *      +------ failed -------+-------------+-- lost --+        any --> closed
 *
 * Each call is one statement and one sync, so each has its own transaction and an error in one leaves its neighbours alone.
 * A call ends at its sync and not at its rows: Postgres commits there, and a commit can fail. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"
#include "db/db_int.h"

static void connect_now(struct conn *c);
static void connect_go_on(struct conn *c);
static void on_io(int fd, unsigned what, void *arg);

static void
conn_enter(struct conn *c, enum conn_state to)
{
    static const char *const names[] = { "away", "resolving", "connecting", "up", "closed" };
    static const unsigned    legal[] = {
           [CONN_AWAY] = 1u << CONN_RESOLVING | 1u << CONN_CONNECTING | 1u << CONN_CLOSED,
           [CONN_RESOLVING] = 1u << CONN_AWAY | 1u << CONN_CONNECTING | 1u << CONN_CLOSED,
           [CONN_CONNECTING] = 1u << CONN_AWAY | 1u << CONN_UP | 1u << CONN_CLOSED,
           [CONN_UP] = 1u << CONN_AWAY | 1u << CONN_CLOSED,
           [CONN_CLOSED] = 0,
    };

    CHECK(legal[c->state] & 1u << to);
    LOGD("db.conn", "listener=%d from=%s to=%s", c->is_listener, names[c->state], names[to]);
    c->state = to;
}

void
conn_init(struct conn *c, struct db *db, const char *url, bool is_listener)
{
    *c = (struct conn){ .magic = CONN_MAGIC, .db = db, .url = url, .is_listener = is_listener };
    TAILQ_INIT(&c->sent);
}

static void
hang_up(struct conn *c)
{
    loop_watch_stop(give(&c->watch));
    loop_timer_stop(give(&c->timer));
    resolve_free(give(&c->resolve));
    PQfinish(give(&c->pg));
}

static void
on_backoff(void *arg)
{
    struct conn *c = CHECKED(arg, CONN_MAGIC);

    c->timer = NULL;
    connect_now(c);
}

void
conn_open(struct conn *c)
{
    c->timer = loop_after(c->db->loop, 0, on_backoff, c);
}

/* 50, 100, … 2000 ms: quick after a restart of Postgres, and not a storm during an outage. */
static void
back_off(struct conn *c)
{
    int64_t ms = CONN_BACKOFF_MIN_MS;

    for (unsigned i = 1; i < c->failures && ms < CONN_BACKOFF_MAX_MS; i++)
        ms *= 2;
    c->timer = loop_after(c->db->loop, ms < CONN_BACKOFF_MAX_MS ? ms : CONN_BACKOFF_MAX_MS, on_backoff, c);
}

/* An attempt that failed. One line for each new reason: an outage repeats itself every two seconds. */
static void
connect_failed(struct conn *c, const char *why)
{
    char said[sizeof c->said];

    snprintf(said, sizeof said, "%.*s", (int)strcspn(why, "\n"), why);
    if (strcmp(said, c->said) != 0)
        LOGW("db.connect_failed", "listener=%d why=%s", c->is_listener, log_quote(said));
    memcpy(c->said, said, sizeof said);
    hang_up(c);
    c->failures++;
    conn_enter(c, CONN_AWAY);
    back_off(c);
    if (!c->is_listener)
        pool_on_away(c->db);
}

static void
on_connect_deadline(void *arg)
{
    struct conn *c = CHECKED(arg, CONN_MAGIC);

    c->timer = NULL;
    /* libpq steps to the next host when one refuses, not when one is silent; so this is done for it. */
    c->turned++;
    connect_failed(c, "no answer from Postgres in time");
}

static void
on_notice(void *arg, const PGresult *res)
{
    (void)arg;
    const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

    LOGD("db.notice", "text=%s", log_quote(text ? text : ""));
}

static void
connect_to(struct conn *c, struct conninfo *info)
{
    const char *keys[] = { "client_encoding",     "fallback_application_name", "keepalives",      "keepalives_idle",
                           "keepalives_interval", "keepalives_count",          "tcp_user_timeout" };
    /* A peer that vanished is noticed after 15 + 3 * 5 s, one that takes no bytes after 30 s; a call's deadline is usually sooner. */
    const char *values[] = { "UTF8", c->db->application, "1", "15", "5", "3", "30000" };

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!conninfo_get(info, keys[i]))
            conninfo_set(info, keys[i], values[i]);
    conninfo_turn(info, c->turned);
    conn_enter(c, CONN_CONNECTING);
    c->timer = loop_after(c->db->loop, CONN_CONNECT_MS, on_connect_deadline, c);
    c->pg = PQconnectStartParams((const char *const *)info->keys, (const char *const *)info->values, 0);
    CHECK(c->pg);
    PQsetNoticeReceiver(c->pg, on_notice, NULL);
    if (PQstatus(c->pg) == CONNECTION_BAD) {
        connect_failed(c, PQerrorMessage(c->pg));
        return;
    }
    c->watch = loop_watch(c->db->loop, PQsocket(c->pg), LOOP_WRITE, on_io, c);
}

static void
on_resolve(void *arg)
{
    struct conn    *c = CHECKED(arg, CONN_MAGIC);
    struct conninfo info = { 0 };
    struct err      e = ERR_INIT;

    c->timer = NULL;
    if (!resolve_is_over(c->resolve) && clock_mono_ms() < c->due_ms) {
        c->timer = loop_after(c->db->loop, RESOLVE_POLL_MS, on_resolve, c);
        return;
    }
    CHECK(!conninfo_parse(&info, c->url, &e));
    if (resolve_apply(c->resolve, &info)) {
        resolve_free(give(&c->resolve));
        connect_to(c, &info);
    } else {
        connect_failed(c, "could not resolve the name of a host");
    }
    conninfo_fini(&info);
}

static void
connect_now(struct conn *c)
{
    struct conninfo info = { 0 };
    struct err      e = ERR_INIT;

    CHECK(!conninfo_parse(&info, c->url, &e)); /* db_open() has read it already */
    c->resolve = resolve_start(&info);
    if (c->resolve) {
        conn_enter(c, CONN_RESOLVING);
        c->due_ms = clock_mono_ms() + CONN_CONNECT_MS;
        c->timer = loop_after(c->db->loop, 0, on_resolve, c);
    } else {
        connect_to(c, &info);
    }
    conninfo_fini(&info);
}

static void
came_up(struct conn *c)
{
    loop_timer_stop(give(&c->timer));
    if (PQsetnonblocking(c->pg, 1) || !PQenterPipelineMode(c->pg)) {
        connect_failed(c, PQerrorMessage(c->pg));
        return;
    }
    conn_enter(c, CONN_UP);
    c->watch = loop_watch(c->db->loop, PQsocket(c->pg), LOOP_READ, on_io, c);
    c->failures = 0;
    c->said[0] = '\0';
    if (c->was_up)
        metric_add(METRIC_orchd_db_reconnects_total, 1);
    LOGI("db.up", "listener=%d pid=%d again=%d", c->is_listener, PQbackendPID(c->pg), c->was_up);
    c->was_up = true;
    pool_on_up(c->db, c);
}

static void
connect_go_on(struct conn *c)
{
    /* With several hosts each has its own socket, often under the same number, so the watch never outlives a step. */
    loop_watch_stop(give(&c->watch));
    switch (PQconnectPoll(c->pg)) {
    case PGRES_POLLING_OK:
        came_up(c);
        return;
    case PGRES_POLLING_READING:
        c->watch = loop_watch(c->db->loop, PQsocket(c->pg), LOOP_READ, on_io, c);
        return;
    case PGRES_POLLING_WRITING:
        c->watch = loop_watch(c->db->loop, PQsocket(c->pg), LOOP_WRITE, on_io, c);
        return;
    default:
        connect_failed(c, PQerrorMessage(c->pg));
    }
}

void
conn_lose(struct conn *c, const char *why)
{
    struct db_call *call;
    char            said[sizeof c->said];

    /* The first line: libpq goes on with advice. */
    snprintf(said, sizeof said, "%.*s", (int)strcspn(why, "\n"), why);
    LOGW("db.lost", "listener=%d calls=%u why=%s", c->is_listener, c->depth, log_quote(said));
    while ((call = TAILQ_FIRST(&c->sent)))
        call_doom(call, "the connection to Postgres was lost");
    hang_up(c);
    if (!c->is_listener)
        c->db->up--;
    conn_enter(c, CONN_AWAY);
    back_off(c);
}

/* Bytes leave when the socket takes them; what it does not take waits for LOOP_WRITE. */
static int
flush(struct conn *c)
{
    int left = PQflush(c->pg);

    if (left >= 0)
        loop_watch_change(c->watch, LOOP_READ | (left ? LOOP_WRITE : 0u));
    return left;
}

void
conn_send(struct conn *c, struct db_call *call)
{
    CHECK(c->state == CONN_UP);
    call_move(call, NULL);
    call->conn = c;
    call->list = &c->sent;
    TAILQ_INSERT_TAIL(&c->sent, call, link);
    c->depth++;
    if (!PQsendQueryParams(c->pg, call->sql, call->param_count, NULL, (const char *const *)call->params, NULL, NULL, 0) ||
        !PQpipelineSync(c->pg) || flush(c) < 0)
        conn_lose(c, PQerrorMessage(c->pg));
}

/* Takes what has arrived, as long as it has arrived. Each callback may send, close the connection or close everything. */
static void
drain(struct conn *c)
{
    struct db_call *call;
    PGresult       *res;
    PGnotify       *n;

    while (c->state == CONN_UP && (call = TAILQ_FIRST(&c->sent)) && !PQisBusy(c->pg)) {
        res = PQgetResult(c->pg);
        if (!res) {
            if (PQstatus(c->pg) == CONNECTION_BAD)
                return;
            continue; /* between a statement's rows and its sync */
        }
        if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
            PQclear(res);
            call_end(call);
            continue;
        }
        /* The later result speaks: an error at commit comes after the rows. */
        PQclear(call->res);
        call->res = res;
    }
    while (c->state == CONN_UP && (n = PQnotifies(c->pg))) {
        listen_on_notify(c->db, n);
        PQfreemem(n);
    }
}

static void
on_io(int fd, unsigned what, void *arg)
{
    struct conn *c = CHECKED(arg, CONN_MAGIC);

    (void)fd;
    if (c->state == CONN_CONNECTING) {
        connect_go_on(c);
        return;
    }
    bool is_alive = true;
    if (what & LOOP_READ)
        is_alive = PQconsumeInput(c->pg);
    else
        is_alive = flush(c) >= 0;
    drain(c);
    if (c->state != CONN_UP)
        return;
    /* Reading may have made room for writing. */
    if (!is_alive || PQstatus(c->pg) == CONNECTION_BAD || flush(c) < 0)
        conn_lose(c, PQerrorMessage(c->pg));
    else if (!c->is_listener)
        pool_on_room(c->db);
}

void
conn_fini(struct conn *c)
{
    struct db_call *call;

    hang_up(c);
    conn_enter(c, CONN_CLOSED);
    while ((call = TAILQ_FIRST(&c->sent))) {
        call_move(call, NULL);
        call_free(call);
    }
}
