/* events: GET /events, server-sent events. While anybody watches, Postgres is asked once a second, and sooner when it says that something
 * changed, what the page shows; whoever watches is sent it when it is another than before. One question serves all who watch.
 *
 *   event: board        what the page shows, whole: at once, and whenever it has changed
 *   event: transition   a row of orch.transitions, with its number as id, so that Last-Event-ID goes on after it
 *   event: away         the database is away; a board follows when it is back
 *   : ping              when there was nothing to say for a while */
#include "web/web_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/str.h"

#define WATCHER_MAGIC 0x77617463u

enum { ROUND_MS = 1000, SOON_MS = 50, PING_MS = 15000, FROM_NOW = -1 };

struct watcher {
    uint32_t             magic;
    struct web          *web;
    struct http_request *request;
    int64_t              seen; /* the transition it was told last, or FROM_NOW */
    bool                 has_board;
    bool                 is_told_away;
    bool                 is_writing; /* it has not taken what it was told last */
    LIST_ENTRY(watcher) link;
};

static void ask(struct web *w);

static void
on_round(void *arg)
{
    struct web *w = CHECKED(arg, WEB_MAGIC);

    w->rounds = NULL;
    ask(w);
}

static void
next_round(struct web *w, int64_t delay_ms)
{
    loop_timer_stop(w->rounds);
    w->rounds = loop_after(w->loop, delay_ms, on_round, w);
}

static void
forget_rounds(struct web *w)
{
    loop_timer_stop(w->rounds);
    w->rounds = NULL;
    db_forget(w->round);
    w->round = NULL;
    free(w->board);
    w->board = NULL;
}

static void
watcher_end(struct watcher *wa)
{
    struct web *w = wa->web;

    LIST_REMOVE(wa, link);
    w->streams--;
    http_end(wa->request);
    wa->magic = 0;
    free(wa);
    if (LIST_EMPTY(&w->watchers))
        forget_rounds(w);
}

void
web_end_watchers(struct web *w)
{
    struct watcher *wa;

    while ((wa = LIST_FIRST(&w->watchers)))
        watcher_end(wa);
}

static void
on_pull(struct http_request *r, void *arg)
{
    struct watcher *wa = CHECKED(arg, WATCHER_MAGIC);

    wa->is_writing = false;
    if (http_is_gone(r))
        watcher_end(wa);
}

static void
tell(struct watcher *wa, const char *text, size_t len)
{
    wa->is_writing = wa->is_writing || len > 0;
    http_write(wa->request, text, len);
}

static void
ping(struct watcher *wa)
{
    tell(wa, ": ping\n\n", strlen(": ping\n\n"));
}

static void
say(struct watcher *wa, const char *event, const char *data)
{
    struct buf text = { 0 };

    buf_printf(&text, "event: %s\ndata: %s\n\n", event, data);
    tell(wa, text.data, text.len);
    buf_fini(&text);
}

static void
tell_moves(struct watcher *wa, struct json *moves)
{
    struct buf text = { 0 };
    int64_t    id = 0;

    for (size_t i = 0; i < json_len(moves); i++) {
        struct json *move = json_item(moves, i);

        if (!json_int(move, "id", &id) || id <= wa->seen)
            continue;
        buf_printf(&text, "id: %lld\nevent: transition\ndata: %s\n\n", (long long)id, json_text(move));
        wa->seen = id;
    }
    tell(wa, text.data, text.len);
    buf_fini(&text);
}

static bool
is_time_to_ping(struct web *w)
{
    return clock_mono_ms() - w->spoke_ms >= PING_MS;
}

/* Who has not taken what came before is told nothing more, and the newest of all later: nothing piles up for a slow reader. */
static void
tell_all(struct web *w, const char *board, struct json *moves, int64_t latest)
{
    bool            is_other = !str_equal(board, w->board);
    bool            is_quiet = is_time_to_ping(w);
    struct watcher *wa;

    LIST_FOREACH (wa, &w->watchers, link) {
        wa->is_told_away = false;
        wa->has_board = wa->has_board && !is_other;
        if (wa->seen == FROM_NOW)
            wa->seen = latest;
        if (wa->is_writing)
            continue;
        tell_moves(wa, moves);
        if (!wa->has_board)
            say(wa, "board", board);
        else if (is_quiet)
            ping(wa);
        wa->has_board = true;
    }
    if (is_other || is_quiet)
        w->spoke_ms = clock_mono_ms();
    if (is_other) {
        free(w->board);
        w->board = xstrdup(board);
    }
}

static void
tell_away(struct web *w)
{
    bool            is_quiet = is_time_to_ping(w);
    struct watcher *wa;

    LIST_FOREACH (wa, &w->watchers, link) {
        wa->has_board = false;
        if (wa->is_writing)
            continue;
        if (!wa->is_told_away)
            say(wa, "away", "{\"detail\": \"the database is away\"}");
        else if (is_quiet)
            ping(wa);
        wa->is_told_away = true;
    }
    if (is_quiet)
        w->spoke_ms = clock_mono_ms();
}

static void
on_watched(struct db_result *result, const struct err *e, void *arg)
{
    struct web  *w = CHECKED(arg, WEB_MAGIC);
    struct err   wrong = ERR_INIT;
    struct json *moves;
    const char  *text;

    w->round = NULL;
    next_round(w, w->is_news ? SOON_MS : ROUND_MS);
    if (e || db_rows(result) != 1) {
        tell_away(w);
        return;
    }
    text = db_text(result, 0, "moves");
    moves = json_parse(text, strlen(text), &wrong);
    tell_all(w, db_text(result, 0, "board"), moves, db_int(result, 0, "latest"));
    if (db_bool(result, 0, "goes_on"))
        next_round(w, 0);
    json_free(moves);
}

/* From the one who is furthest behind; each is told what it has not been told yet. */
static void
ask(struct web *w)
{
    char            after[24];
    int64_t         least = FROM_NOW;
    struct watcher *wa;

    LIST_FOREACH (wa, &w->watchers, link)
        if (wa->seen != FROM_NOW && (least == FROM_NOW || wa->seen < least))
            least = wa->seen;
    snprintf(after, sizeof after, "%lld", (long long)least);
    w->is_news = false;
    w->round = db_call(w->db, CALL_watch, (const char *const[]){ w->config->plane_url, least == FROM_NOW ? NULL : after }, on_watched, w);
}

void
web_on_change(const char *payload, void *arg)
{
    struct web *w = CHECKED(arg, WEB_MAGIC);

    (void)payload;
    /* The first of many sets the time: they must not put it off. */
    if (LIST_EMPTY(&w->watchers) || w->is_news)
        return;
    w->is_news = true;
    if (!w->round)
        next_round(w, SOON_MS);
}

/* Half of the connections stay for those who come and go. */
bool
web_take_stream(struct web *w, struct http_request *r)
{
    if (w->streams < w->config->http_max_connections / 2) {
        w->streams++;
        return true;
    }
    http_add_header(r, "Retry-After", "5");
    http_problem(r, 503, "Service Unavailable", "too many logs and events are being followed: half of ORCH_HTTP_MAX_CONNECTIONS at most");
    return false;
}

void
web_on_events(struct http_request *r, void *arg)
{
    struct web     *w = CHECKED(arg, WEB_MAGIC);
    const char     *last = http_header(r, "Last-Event-ID");
    long            seen = FROM_NOW;
    struct watcher *wa;

    if (last && (!str_to_long(last, &seen) || seen < 0)) {
        http_problem(r, 400, "Bad Request", "Last-Event-ID is wrong: accepted is the number of a transition, the id of an event before");
        return;
    }
    if (!web_take_stream(w, r))
        return;
    wa = xcalloc(1, sizeof *wa);
    wa->magic = WATCHER_MAGIC;
    wa->web = w;
    wa->request = r;
    wa->seen = seen;
    LIST_INSERT_HEAD(&w->watchers, wa, link);
    http_add_header(r, "X-Accel-Buffering", "no");
    http_begin(r, 200, "text/event-stream", on_pull, wa);
    tell(wa, "retry: 3000\n\n", strlen("retry: 3000\n\n"));
    if (!w->round)
        next_round(w, 0);
    else
        w->is_news = true;
}
