/* upkeep: the table of duties and their clock. */
#include "upkeep/upkeep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "upkeep/upkeep_int.h"

enum { UPKEEP_MAGIC = 0x75706b70 /* "upkp" */ };
enum {
    REAPER,
    SWEEPER,
    RECONCILER,
    EVENTS,
    SCHEDULES,
    HOLDS,
    RETENTION,
    BOARD_STATES,
    BOARD_POLL,
    CI_POLL,
    LOGS,
    DISKS,
    BUILD_CACHE,
    POST_DEPLOY,
    CARDS,
    DUTY_COUNT
};

/* How long a duty stays with a node that says nothing: three rounds, and two seconds for the slow ones among the quick. Whoever takes its
 * place waits no longer than that; a node that leaves in order is not waited for. */
enum { KEPT_ROUNDS = 3, KEPT_MS = 2000 };
enum { OFF_MS = 1000 };

struct upkeep {
    uint32_t             magic;
    struct loop         *loop;
    struct db           *db;
    struct fetch        *fetch;
    const struct config *cfg;
    char                *node;
    struct duty          duties[DUTY_COUNT];
};

/* --- one tick ------------------------------------------------------------------------------------------------------------------------- */

static bool
is_on(const struct duty *d)
{
    return (!d->is_enabled || *d->is_enabled) && *d->interval_ms > 0;
}

static void
on_round(struct db_result *r, const struct err *e, void *arg)
{
    struct duty *d = CHECKED(arg, DUTY_MAGIC);
    struct err   failed = ERR_INIT;
    d->call = NULL;
    if (e) {
        upkeep_end(d, 0, e);
        return;
    }
    free(d->holder);
    d->holder = xstrdup(db_text(r, 0, "holder"));
    if (db_text(r, 0, "failed"))
        err_set(&failed, ERR_BUG, "%s", db_text(r, 0, "failed"));
    if (d->kind->skips)
        metric_add(*d->kind->skips, (double)db_int(r, 0, "skipped"));
    if (db_bool(r, 0, "goes_on"))
        upkeep_go_on(d);
    if (db_bool(r, 0, "is_ours") && !failed.code && d->kind->tick)
        d->kind->tick(d);
    else
        upkeep_end(d, db_int(r, 0, "count"), failed.code ? &failed : NULL);
}

static void
ask_for_round(struct duty *d)
{
    char        keep_ms[24];
    const char *params[] = { d->kind->name, d->upkeep->node, keep_ms };
    snprintf(keep_ms, sizeof keep_ms, "%" PRId64, KEPT_ROUNDS * *d->interval_ms + KEPT_MS);
    d->call = db_call(d->upkeep->db, CALL_run_duty, params, on_round, d);
}

static void
tick(struct duty *d)
{
    if (!is_on(d))
        return;
    if (d->is_under_way) {
        d->is_wanted_again = true;
        return;
    }
    d->is_under_way = true;
    d->is_wanted_again = false;
    d->last_tick_us = clock_wall_us();
    if (d->kind->is_everywhere)
        d->kind->tick(d);
    else
        ask_for_round(d);
}

static void
on_again(void *arg)
{
    struct duty *d = CHECKED(arg, DUTY_MAGIC);
    /* One that is off by its interval is looked at now and then: a reload may switch it on. */
    d->timer = loop_after(d->upkeep->loop, *d->interval_ms > 0 ? *d->interval_ms : OFF_MS, on_again, d);
    /* A regular tick is skipped, not saved up, while one is under way. */
    if (!d->is_under_way)
        tick(d);
}

static void
ring(struct duty *d)
{
    if (!is_on(d))
        return;
    if (d->is_under_way) {
        d->is_wanted_again = true;
        return;
    }
    loop_timer_stop(d->timer);
    d->timer = loop_after(d->upkeep->loop, 0, on_again, d);
}

void
upkeep_end(struct duty *d, int64_t count, const struct err *e)
{
    bool is_news = e && !str_equal(d->last_error, e->text);
    CHECK(d->is_under_way);
    if (e)
        metric_add(METRIC_orchd_duty_failures_total, 1);
    else
        metric_add(d->kind->counter, (double)count);
    /* Said once, and not again at each tick while it lasts. */
    if (is_news)
        LOGW("upkeep.tick_failed", "duty=%s why=%s", d->kind->name, log_quote(e->text));
    else if (!e && d->last_error)
        LOGI("upkeep.recovered", "duty=%s", d->kind->name);
    if (!e && count > 0)
        LOGI("upkeep.ticked", "duty=%s count=%" PRId64, d->kind->name, count);
    free(d->last_error);
    d->last_error = e ? xstrdup(e->text) : NULL;
    d->is_under_way = false;
    if (!e) {
        d->last_ok_us = clock_wall_us();
        d->last_count = count;
    }
    if (d->is_wanted_again)
        ring(d);
}

void
upkeep_go_on(struct duty *d)
{
    d->is_wanted_again = true;
}

/* --- doorbells ------------------------------------------------------------------------------------------------------------------------ */

/* A payload of NULL means that some may have been missed. */
static void
on_changed(const char *payload, void *arg)
{
    struct upkeep *u = CHECKED(arg, UPKEEP_MAGIC);
    if (!payload || str_equal(payload, "states"))
        ring(&u->duties[BOARD_STATES]);
    if (!payload || str_equal(payload, "events"))
        ring(&u->duties[EVENTS]);
}

/* --- what a duty asks for ------------------------------------------------------------------------------------------------------------- */

const char *
upkeep_node(const struct duty *d)
{
    return d->upkeep->node;
}

struct loop *
upkeep_loop(const struct duty *d)
{
    return d->upkeep->loop;
}

struct db *
upkeep_db(const struct duty *d)
{
    return d->upkeep->db;
}

struct fetch *
upkeep_fetch(const struct duty *d)
{
    return d->upkeep->fetch;
}

const struct config *
upkeep_config(const struct duty *d)
{
    return d->upkeep->cfg;
}

struct db_call *
upkeep_route(struct duty *d, const char *kind, const char *key, struct json *facts, db_fn *fn)
{
    const struct clock_text now = clock_text_us(clock_wall_us());
    const char *const       params[] = { "poll", key, kind, json_text(facts), json_text(facts), now.text };
    return db_call(d->upkeep->db, CALL_receive_event, params, fn, d);
}

/* --- life ----------------------------------------------------------------------------------------------------------------------------- */

static void
init_duty(struct duty *d, struct upkeep *u, const struct duty_kind *kind, const bool *is_enabled, const int64_t *interval_ms)
{
    d->magic = DUTY_MAGIC;
    d->upkeep = u;
    d->kind = kind;
    d->is_enabled = is_enabled;
    d->interval_ms = interval_ms;
    d->timer = loop_after(u->loop, 0, on_again, d);
}

int
upkeep_open(struct upkeep **out, struct loop *l, struct db *db, struct fetch *f, const struct config *cfg, const char *node, struct err *e)
{
    struct upkeep *u = xcalloc(1, sizeof(*u));
    u->magic = UPKEEP_MAGIC;
    u->loop = l;
    u->db = db;
    u->fetch = f;
    u->cfg = cfg;
    u->node = xstrdup(node);
    init_duty(&u->duties[REAPER], u, &duty_reaper, &cfg->reaper_enabled, &cfg->reaper_interval);
    init_duty(&u->duties[SWEEPER], u, &duty_sweeper, &cfg->sweeper_enabled, &cfg->sweeper_interval);
    init_duty(&u->duties[RECONCILER], u, &duty_reconciler, &cfg->reconcile_enabled, &cfg->reconcile_interval);
    init_duty(&u->duties[EVENTS], u, &duty_events, &cfg->event_retry_enabled, &cfg->event_retry_interval);
    init_duty(&u->duties[SCHEDULES], u, &duty_schedules, &cfg->schedules_enabled, &cfg->schedules_interval);
    init_duty(&u->duties[HOLDS], u, &duty_holds, &cfg->holds_enabled, &cfg->holds_interval);
    init_duty(&u->duties[RETENTION], u, &duty_retention, &cfg->retention_enabled, &cfg->retention_interval);
    init_duty(&u->duties[BOARD_STATES], u, &duty_board_states, &cfg->board_states_enabled, &cfg->board_states_interval);
    init_duty(&u->duties[BOARD_POLL], u, &duty_board_poll, NULL, &cfg->board_poll_seconds);
    init_duty(&u->duties[CI_POLL], u, &duty_ci_poll, &cfg->reconcile_enabled, &cfg->reconcile_interval);
    init_duty(&u->duties[LOGS], u, &duty_logs, &cfg->retention_enabled, &cfg->retention_interval);
    init_duty(&u->duties[DISKS], u, &duty_disks, &cfg->disk_watch_enabled, &cfg->disk_watch_interval);
    init_duty(&u->duties[BUILD_CACHE], u, &duty_build_cache, &cfg->build_cache_enabled, &cfg->build_cache_interval);
    init_duty(&u->duties[POST_DEPLOY], u, &duty_post_deploy, &cfg->post_deploy_enabled, &cfg->post_deploy_interval);
    init_duty(&u->duties[CARDS], u, &duty_cards, NULL, &cfg->card_refresh_seconds);
    db_listen(db, "orch_changed", on_changed, u);
    *out = u;
    return e->code;
}

void
upkeep_close(struct upkeep *u)
{
    if (!u)
        return;
    for (int i = 0; i < DUTY_COUNT; i++) {
        struct duty *d = &u->duties[i];
        loop_timer_stop(d->timer);
        db_forget(d->call);
        if (d->kind->fini)
            d->kind->fini(d);
        free(d->last_error);
        free(d->holder);
        d->magic = 0;
    }
    free(u->node);
    u->magic = 0;
    free(u);
}

/* --- report --------------------------------------------------------------------------------------------------------------------------- */

static void
set_time(struct json *block, const char *key, int64_t wall_us)
{
    json_set_str(block, key, wall_us ? clock_text_ms(wall_us).text : NULL);
}

struct json *
upkeep_report(struct upkeep *u)
{
    struct json *report = json_new_object();
    for (int i = 0; i < DUTY_COUNT; i++) {
        const struct duty *d = &u->duties[i];
        struct json       *block = json_new_object();
        json_set_bool(block, "is_enabled", is_on(d));
        json_set_int(block, "interval_ms", *d->interval_ms);
        json_set_str(block, "node", d->kind->is_everywhere ? u->node : d->holder);
        set_time(block, "last_tick", d->last_tick_us);
        set_time(block, "last_ok", d->last_ok_us);
        json_set_str(block, "last_error", d->last_error);
        json_set_int(block, "last_count", d->last_count);
        json_set_bool(block, "is_under_way", d->is_under_way);
        json_set(report, d->kind->name, block);
    }
    return report;
}
