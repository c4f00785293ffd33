/* upkeep: the table of duties and their clock. */
#include "upkeep/upkeep.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "upkeep/upkeep_int.h"

enum { UPKEEP_MAGIC = 0x75706b70, /* "upkp" */ DUTY_COUNT = 4, EVENTS = 2, BOARD_STATES = 3 };

struct upkeep {
    uint32_t             magic;
    struct loop         *loop;
    struct db           *db;
    struct fetch        *fetch;
    const struct config *cfg;
    struct duty          duties[DUTY_COUNT];
};

/* --- one tick ------------------------------------------------------------------------------------------------------------------------- */

static void
tick(struct duty *d)
{
    if (!*d->is_enabled)
        return;
    if (d->is_under_way) {
        d->is_wanted_again = true;
        return;
    }
    d->is_under_way = true;
    d->is_wanted_again = false;
    d->last_tick_us = clock_wall_us();
    d->kind->tick(d);
}

static void
on_again(void *arg)
{
    struct duty *d = CHECKED(arg, DUTY_MAGIC);
    d->timer = loop_after(d->upkeep->loop, *d->interval_ms, on_again, d);
    /* A regular tick is skipped, not saved up, while one is under way. */
    if (!d->is_under_way)
        tick(d);
}

static void
ring(struct duty *d)
{
    if (!*d->is_enabled)
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

static void
on_count(struct db_result *r, const struct err *e, void *arg)
{
    struct duty *d = CHECKED(arg, DUTY_MAGIC);
    d->call = NULL;
    upkeep_end(d, e ? 0 : db_int(r, 0, "count"), e);
}

void
upkeep_count(struct duty *d, enum db_call_id id, const char *const *params)
{
    d->call = db_call(d->upkeep->db, id, params, on_count, d);
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
upkeep_open(struct upkeep **out, struct loop *l, struct db *db, struct fetch *f, const struct config *cfg, struct err *e)
{
    struct upkeep *u = xcalloc(1, sizeof(*u));
    u->magic = UPKEEP_MAGIC;
    u->loop = l;
    u->db = db;
    u->fetch = f;
    u->cfg = cfg;
    init_duty(&u->duties[0], u, &duty_reaper, &cfg->reaper_enabled, &cfg->reaper_interval);
    init_duty(&u->duties[1], u, &duty_sweeper, &cfg->sweeper_enabled, &cfg->sweeper_interval);
    init_duty(&u->duties[EVENTS], u, &duty_events, &cfg->event_retry_enabled, &cfg->event_retry_interval);
    init_duty(&u->duties[BOARD_STATES], u, &duty_board_states, &cfg->board_states_enabled, &cfg->board_states_interval);
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
        d->magic = 0;
    }
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
        json_set_bool(block, "is_enabled", *d->is_enabled);
        json_set_int(block, "interval_ms", *d->interval_ms);
        set_time(block, "last_tick", d->last_tick_us);
        set_time(block, "last_ok", d->last_ok_us);
        json_set_str(block, "last_error", d->last_error);
        json_set_int(block, "last_count", d->last_count);
        json_set_bool(block, "is_under_way", d->is_under_way);
        json_set(report, d->kind->name, block);
    }
    return report;
}
