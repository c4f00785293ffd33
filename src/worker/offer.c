#include "worker/offer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"
#include "worker/preflight.h"

#define OFFER_MAGIC 0x6f666672u

enum { TELL_AGAIN_MS = 1000 };

/* One agent of the agents file. One that the file no longer names is kept, without being offered: a run of it may still be there. */
struct offered {
    char             *name;
    bool              is_named; /* by the agents file */
    struct breaker    breaker;
    struct preflight *preflight; /* NULL: it has none */
    char             *words;     /* of the last transient failure */
};

struct offer {
    uint32_t             magic;
    struct loop         *loop;
    struct queue        *queue;
    const struct config *cfg;
    const char          *node;
    struct offered     **at; /* by pointer: preflights call back, and the list grows */
    size_t               count;
    const char         **all; /* NULL-ended */
    const char         **left_out;
    bool                 is_started;
    bool                 is_telling;
    bool                 is_untold; /* something has changed since */
    struct loop_timer   *pause_timer, *tell_timer, *more_timer;
    loop_fn             *on_more;
    void                *arg;
};

static void tell(struct offer *o);

static struct offered *
find(struct offer *o, const char *name)
{
    for (size_t i = 0; i < o->count; i++)
        if (strcmp(o->at[i]->name, name) == 0)
            return o->at[i];
    return NULL;
}

static bool
is_taking(const struct offered *a)
{
    return breaker_may_take(&a->breaker) && (!a->preflight || preflight_passes(a->preflight));
}

static bool
is_offered(const struct offer *o, const struct offered *a)
{
    return a->is_named && o->cfg->max_concurrency > 0;
}

/* The lists and the gauges follow from the agents' states. */
static void
make_lists(struct offer *o)
{
    size_t all = 0, left_out = 0, broken = 0, failing = 0;

    o->all = xrealloc(o->all, (o->count + 1) * sizeof *o->all);
    o->left_out = xrealloc(o->left_out, (o->count + 1) * sizeof *o->left_out);
    for (size_t i = 0; i < o->count; i++) {
        const struct offered *a = o->at[i];
        if (is_offered(o, a))
            o->all[all++] = a->name;
        if (is_offered(o, a) && !is_taking(a))
            o->left_out[left_out++] = a->name;
        broken += a->breaker.state != BREAKER_CLOSED;
        failing += a->preflight && preflight_is_known(a->preflight) && !preflight_passes(a->preflight);
    }
    o->all[all] = NULL;
    o->left_out[left_out] = NULL;
    queue_choose_agents(o->queue, o->left_out, o->all);
    metric_set(METRIC_orchd_breakers_open, (double)broken);
    metric_set(METRIC_orchd_preflights_failing, (double)failing);
}

static void
on_more_due(void *arg)
{
    struct offer *o = CHECKED(arg, OFFER_MAGIC);
    o->more_timer = NULL;
    o->on_more(o->arg);
}

static void on_pause_over(void *arg);

/* One timer, for the pause that ends first. */
static void
set_pause_timer(struct offer *o)
{
    int64_t first = INT64_MAX;
    int64_t now = clock_mono_ms();

    loop_timer_stop(give(&o->pause_timer));
    for (size_t i = 0; i < o->count; i++)
        if (o->at[i]->breaker.state == BREAKER_OPEN && o->at[i]->breaker.until_ms < first)
            first = o->at[i]->breaker.until_ms;
    if (first < INT64_MAX)
        o->pause_timer = loop_after(o->loop, first > now ? first - now : 0, on_pause_over, o);
}

static void
changed(struct offer *o)
{
    make_lists(o);
    set_pause_timer(o);
    if (!o->more_timer)
        o->more_timer = loop_after(o->loop, 0, on_more_due, o);
    o->is_untold = true;
    tell(o);
}

static void
on_pause_over(void *arg)
{
    struct offer *o = CHECKED(arg, OFFER_MAGIC);
    bool          is_changed = false;

    o->pause_timer = NULL;
    for (size_t i = 0; i < o->count; i++)
        is_changed |= breaker_tick(&o->at[i]->breaker, o->at[i]->name, clock_mono_ms());
    if (is_changed)
        changed(o);
    else
        set_pause_timer(o);
}

static void
on_preflight(void *arg)
{
    changed(CHECKED(arg, OFFER_MAGIC));
}

/* --- what Postgres is told ---------------------------------------------------------------------------------------------------------------- */

static void
report_one(struct offered *a, struct json *into)
{
    struct json *one = json_new_object();
    bool         is_broken = a->breaker.state != BREAKER_CLOSED;

    json_set_str(one, "breaker", breaker_state_name(a->breaker.state));
    if (a->breaker.state == BREAKER_OPEN)
        json_set_str(one, "until", clock_text_ms(clock_wall_us() + (a->breaker.until_ms - clock_mono_ms()) * 1000).text);
    if (a->preflight)
        json_set_str(one, "preflight", !preflight_is_known(a->preflight) ? "unknown" : preflight_passes(a->preflight) ? "passes" : "fails");
    json_set_str(one, "why", is_broken ? a->words : preflight_why(a->preflight));
    json_set(into, a->name, one);
}

void
offer_report(struct offer *o, struct json *into)
{
    for (size_t i = 0; i < o->count; i++)
        if (is_offered(o, o->at[i]) && (o->at[i]->breaker.state != BREAKER_CLOSED || !is_taking(o->at[i])))
            report_one(o->at[i], into);
}

static void
on_tell_due(void *arg)
{
    struct offer *o = CHECKED(arg, OFFER_MAGIC);
    o->tell_timer = NULL;
    tell(o);
}

static void
on_told(const struct err *e, void *arg)
{
    struct offer *o = CHECKED(arg, OFFER_MAGIC);

    o->is_telling = false;
    if (e && e->code == ERR_GONE)
        return; /* the heartbeat hears the same, and ends this node */
    if (e) {
        LOGW("worker.offer_untold", "node=%s why=%s", o->node, log_quote(e->text));
        o->is_untold = true;
        if (!o->tell_timer)
            o->tell_timer = loop_after(o->loop, TELL_AGAIN_MS, on_tell_due, o);
        return;
    }
    tell(o);
}

static void
tell(struct offer *o)
{
    struct json *left_out;

    if (!o->is_started || !o->is_untold || o->is_telling || o->tell_timer)
        return;
    o->is_untold = false;
    o->is_telling = true;
    left_out = json_new_object();
    offer_report(o, left_out);
    queue_node_agents(o->queue, o->all, left_out, on_told, o);
    json_free(left_out);
}

/* --- the agents file ---------------------------------------------------------------------------------------------------------------------- */

static void
on_agent(const char *repo, const char *agent, const char *command, void *arg)
{
    struct offer   *o = arg;
    struct offered *a = find(o, agent);

    (void)repo;
    (void)command;
    if (!a) {
        a = xcalloc(1, sizeof *a);
        a->name = xstrdup(agent);
        o->at = xrealloc(o->at, (o->count + 1) * sizeof(struct offered *));
        o->at[o->count++] = a;
    }
    a->is_named = true;
}

static void
renew_preflight(struct offer *o, struct offered *a)
{
    struct config_agent how = { 0 };
    struct err          e = ERR_INIT;

    if (!is_offered(o, a) || config_find_agent(&how, o->cfg, NULL, a->name, &e) || !how.preflight) {
        preflight_free(give(&a->preflight));
    } else if (!a->preflight) {
        a->preflight = preflight_new(o->loop, o->cfg, o->node, a->name, on_preflight, o);
    } else {
        preflight_again(a->preflight);
    }
    free(how.argv);
}

void
offer_reload(struct offer *o)
{
    for (size_t i = 0; i < o->count; i++)
        o->at[i]->is_named = false;
    config_each_agent(o->cfg, on_agent, o);
    for (size_t i = 0; o->is_started && i < o->count; i++)
        renew_preflight(o, o->at[i]);
    changed(o);
}

struct offer *
offer_new(struct loop *l, struct queue *q, const struct config *cfg, const char *node, loop_fn *on_more, void *arg)
{
    struct offer *o = xcalloc(1, sizeof *o);

    *o = (struct offer){ .magic = OFFER_MAGIC, .loop = l, .queue = q, .cfg = cfg, .node = node, .on_more = on_more, .arg = arg };
    config_each_agent(cfg, on_agent, o);
    make_lists(o);
    return o;
}

void
offer_start(struct offer *o)
{
    o->is_started = true;
    offer_reload(o);
}

void
offer_free(struct offer *o)
{
    if (!o)
        return;
    loop_timer_stop(o->pause_timer);
    loop_timer_stop(o->tell_timer);
    loop_timer_stop(o->more_timer);
    for (size_t i = 0; i < o->count; i++) {
        preflight_free(o->at[i]->preflight);
        free(o->at[i]->name);
        free(o->at[i]->words);
        free(o->at[i]);
    }
    o->magic = 0;
    free(o->at);
    free(o->all);
    free(o->left_out);
    free(o);
}

/* --- jobs --------------------------------------------------------------------------------------------------------------------------------- */

bool
offer_take(struct offer *o, const char *agent, int64_t run)
{
    struct offered *a = find(o, agent);
    bool            is_taken;

    if (!a)
        return true; /* the file has lost it since the claim was sent: the start says so by name */
    is_taken = breaker_take(&a->breaker, a->name, run);
    if (is_taken && a->breaker.state == BREAKER_PROBING)
        changed(o);
    return is_taken;
}

void
offer_end(struct offer *o, const char *agent, int64_t run, enum breaker_verdict verdict, int64_t wait_ms, const char *words)
{
    struct breaker_rules rules = { .failures = o->cfg->breaker_failures,
                                   .pause_ms = o->cfg->breaker_pause,
                                   .pause_most_ms = o->cfg->breaker_pause_max };
    struct offered      *a = find(o, agent);

    if (!a)
        return;
    if (verdict == BREAKER_TRANSIENT) {
        metric_add(METRIC_orchd_transient_failures_total, 1);
        free(a->words);
        a->words = xstrdup(words);
    }
    if (!breaker_end(&a->breaker, a->name, &rules, run, verdict, wait_ms, clock_mono_ms()))
        return;
    if (a->breaker.state == BREAKER_OPEN)
        metric_add(METRIC_orchd_breaker_openings_total, 1);
    changed(o);
}
