/* conn: every connection from accept to close, so that they can be counted and none can be slow for free.
 * evhttp shows a connection only with its first whole request. We see it earlier, because evhttp asks us for the bufferevent, of which we
 * keep a reference: once evhttp has freed it, its callbacks are gone, which is how the sweep knows a closed connection that never sent a
 * request. One that did tells us itself when it closes. The socket is evhttp's to close.
 * Deadlines cover a whole request or a whole answer; a client that sends a byte now and then gains nothing.
 *
 *        accept          request is in            answer given         answer taken
 *   ────▶ due ──────────────▶ no deadline ──────────▶ due ──────────────▶ due (idle, next request) */
#include "http/http_int.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

enum { FULL_EVERY_MS = 10000 };

void
conn_forget(struct conn *c)
{
    struct http *h = c->http;

    if (c->request) {
        c->request->conn = NULL;
        stream_on_gone(c->request);
    }
    loop_timer_stop(c->refusal);
    bufferevent_decref(c->bev);
    LIST_REMOVE(c, link);
    c->magic = 0;
    free(c);
    h->connections--;
    if (h->connections)
        return;
    loop_timer_stop(h->sweep);
    h->sweep = NULL;
}

void
conn_on_closed(struct evhttp_connection *evcon, void *arg)
{
    (void)evcon;
    conn_forget(CHECKED(arg, CONN_MAGIC));
}

/* evhttp sets an event callback before it returns to the loop and keeps one until it frees the bufferevent. */
static bool
is_closed(const struct conn *c)
{
    bufferevent_data_cb  on_read = NULL;
    bufferevent_data_cb  on_write = NULL;
    bufferevent_event_cb on_event = NULL;
    void                *arg = NULL;

    bufferevent_getcb(c->bev, &on_read, &on_write, &on_event, &arg);
    return !on_event;
}

static void
forget_closed(struct http *h)
{
    struct conn *next;

    for (struct conn *c = LIST_FIRST(&h->conns); c; c = next) {
        next = LIST_NEXT(c, link);
        if (is_closed(c))
            conn_forget(c);
    }
}

/* evhttp's own way to end a connection; c is gone afterwards, or with the next sweep. */
static void
hang_up(struct conn *c)
{
    c->due_at = 0;
    bufferevent_trigger_event(c->bev, BEV_EVENT_TIMEOUT | BEV_EVENT_READING, 0);
}

static void
on_refuse(void *arg)
{
    struct conn *c = CHECKED(arg, CONN_MAGIC);

    c->refusal = NULL;
    hang_up(c);
}

static void
on_sweep(void *arg)
{
    struct http *h = CHECKED(arg, HTTP_MAGIC);
    int64_t      now = clock_mono_ms();
    struct conn *next;

    forget_closed(h);
    for (struct conn *c = LIST_FIRST(&h->conns); c; c = next) {
        next = LIST_NEXT(c, link);
        if (!c->due_at || c->due_at > now)
            continue;
        LOGD("http.too_slow", "connections=%u", h->connections);
        hang_up(c);
    }
}

void
conn_expect(struct conn *c)
{
    c->due_at = clock_mono_ms() + c->http->timeout_ms;
}

/* A quarter of the deadline is near enough for a guard, and a busy server pays nothing per request. */
static int64_t
sweep_period(const struct http *h)
{
    int64_t period = h->timeout_ms / 4;

    if (period > 1000)
        period = 1000;
    return period < 10 ? 10 : period;
}

/* At the limit somebody goes: the one who has let us wait longest, so that many slow clients cannot shut out a quick one. While all the
 * others wait for us, that is the new one. */
static struct conn *
longest_awaited(const struct http *h)
{
    struct conn *found = NULL;
    struct conn *c;

    LIST_FOREACH (c, &h->conns, link)
        if (c->due_at && !c->refusal && (!found || c->due_at <= found->due_at))
            found = c;
    return found;
}

/* A flood of connections must not become one of lines. */
static void
note_full(struct http *h)
{
    int64_t now = clock_mono_ms();

    if (h->full_said_ms && now - h->full_said_ms < FULL_EVERY_MS)
        return;
    h->full_said_ms = now;
    LOGW("http.full", "connections=%u max=%u", h->connections - 1, h->max_connections);
}

struct bufferevent *
conn_on_new(struct event_base *base, void *arg)
{
    struct http *h = CHECKED(arg, HTTP_MAGIC);
    struct conn *c = xcalloc(1, sizeof *c);
    struct conn *leaver;

    if (h->connections >= h->max_connections)
        forget_closed(h);
    c->magic = CONN_MAGIC;
    c->http = h;
    c->bev = bufferevent_socket_new(base, -1, 0);
    CHECK(c->bev != NULL);
    bufferevent_incref(c->bev);
    LIST_INSERT_HEAD(&h->conns, c, link);
    h->connections++;
    conn_expect(c);
    if (!h->sweep)
        h->sweep = loop_every(h->loop, sweep_period(h), on_sweep, h);
    /* Not now: evhttp has not given the new one its socket yet. */
    if (h->connections > h->max_connections && (leaver = longest_awaited(h))) {
        note_full(h);
        leaver->refusal = loop_after(h->loop, 0, on_refuse, leaver);
    }
    return c->bev;
}

struct conn *
conn_find(struct http *h, struct bufferevent *bev)
{
    struct conn *c;

    LIST_FOREACH (c, &h->conns, link)
        if (c->bev == bev)
            break;
    CHECK(c != NULL);
    /* To the front: whoever asks is likely to ask again, and idle connections sink. */
    LIST_REMOVE(c, link);
    LIST_INSERT_HEAD(&h->conns, c, link);
    return c;
}
