/* outbox: claims effects, starts their kinds, reports how they went.
 * An effect belongs to us while its token lives. A claim that hands out an effect which is still under way here (its token ended before a
 * slow step did) gives the attempt the new token; it is not started twice. */
#include "outbox/outbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"
#include "outbox/outbox_int.h"

enum {
    OUTBOX_MAGIC = 0x6f757462, /* "outb" */
    MAX_SLOTS = 16,
    TOKEN_MS = 120 * 1000, /* as orch.claim_effects() locks it */
    REPORT_AGAIN_MS = 1000
};

struct outbox {
    uint32_t             magic;
    struct loop         *loop;
    struct db           *db;
    struct git          *git;
    const struct config *cfg;
    char                *node;
    struct plane        *plane;    /* NULL = not configured */
    struct gitea        *gitea;    /* NULL = not configured */
    struct telegram     *telegram; /* NULL = not configured */
    struct effect       *effects;  /* list of those under way */
    int                  count;
    struct db_call      *claim;
    int64_t              claim_sent_ms;   /* clock_boot_ms() of the last claim */
    bool                 is_wanted_again; /* a doorbell rang while a claim was under way */
    struct loop_timer   *timer;
    bool                 is_draining;
    struct loop_timer   *drained_timer;
    loop_fn             *on_drained;
    void                *drained_arg;
};

static const struct {
    const char *kind;
    void (*start)(struct effect *x);
} kinds[] = {
    { "board_comment", board_comment_start },
    { "board_status", board_status_start },
    { "alert", chat_alert_start },
    { "card", chat_card_start },
    { "task_start", repo_task_start_start },
    { "pull_open", forge_pull_open_start },
    { "merge_check", repo_merge_check_start },
    { "pull_merge", forge_pull_merge_start },
    { "archive", repo_archive_start },
    { "worktree_remove", repo_worktree_remove_start },
    { "branch_delete", forge_branch_delete_start },
};

static void claim(struct outbox *o);
static void report(struct effect *x);

/* --- one effect ----------------------------------------------------------------------------------------------------------------------- */

static void
effect_enter(struct effect *x, enum effect_state state)
{
    CHECK(state == x->state + 1); /* DELIVERING, REPORTING, OVER: no step is skipped, none comes twice */
    x->state = state;
    LOGD("outbox.entered", "effect=%" PRId64 " kind=%s state=%d", x->id, x->kind, (int)state);
}

static void
free_effect(struct effect *x)
{
    *x->back = x->next;
    if (x->next)
        x->next->back = x->back;
    x->outbox->count--;
    api_cancel(x->call);
    if (x->job)
        git_forget(x->job);
    db_forget(x->report);
    loop_timer_stop(x->timer);
    json_free(x->payload);
    json_free(x->context);
    free(x->token);
    free(x->kind);
    free(x->merge_sha);
    free(x->link);
    free(x->report_text);
    x->magic = 0;
    free(x);
}

static void
on_drained(void *arg)
{
    struct outbox *o = CHECKED(arg, OUTBOX_MAGIC);
    o->drained_timer = NULL;
    o->on_drained(o->drained_arg);
}

static void
look_whether_drained(struct outbox *o)
{
    if (o->is_draining && !o->count && !o->claim && o->on_drained && !o->drained_timer)
        o->drained_timer = loop_after(o->loop, 0, on_drained, o);
}

static void
end_effect(struct effect *x)
{
    struct outbox *o = x->outbox;
    effect_enter(x, EFFECT_OVER);
    free_effect(x);
    claim(o);
    look_whether_drained(o);
}

/* --- reporting ------------------------------------------------------------------------------------------------------------------------ */

static void
on_report_again(void *arg)
{
    struct effect *x = CHECKED(arg, EFFECT_MAGIC);
    x->timer = NULL;
    report(x);
}

static void
on_reported(struct db_result *r, const struct err *e, void *arg)
{
    struct effect *x = CHECKED(arg, EFFECT_MAGIC);
    (void)r;
    x->report = NULL;
    if (e && e->code == ERR_RETRY && clock_boot_ms() < x->token_ends_ms) {
        x->timer = loop_after(x->outbox->loop, REPORT_AGAIN_MS, on_report_again, x);
        return;
    }
    if (e && (e->code == ERR_RETRY || e->code == ERR_GONE))
        LOGW("outbox.report_late", "effect=%" PRId64 " kind=%s why=%s", x->id, x->kind, log_quote(e->text));
    else if (e)
        LOGE("outbox.report_refused", "effect=%" PRId64 " kind=%s why=%s", x->id, x->kind, log_quote(e->text));
    end_effect(x);
}

static void
report(struct effect *x)
{
    char        id[24], wait[24];
    const char *params[5] = { id, x->token, x->report_text, NULL, NULL };
    snprintf(id, sizeof(id), "%" PRId64, x->id);
    if (x->report_id == CALL_effect_failed) {
        snprintf(wait, sizeof(wait), "%" PRId64, x->report_wait_ms);
        params[3] = x->report_wait_ms >= 0 ? wait : NULL;
        params[4] = x->report_is_permanent ? "true" : "false";
    }
    x->report = db_call(x->outbox->db, x->report_id, params, on_reported, x);
}

/* Takes text. A message cut in the middle of a character would be refused by Postgres, and with it the whole report. */
static void
begin_report(struct effect *x, enum db_call_id id, char *text)
{
    if (!str_is_utf8(text, strlen(text)))
        for (char *at = text; *at; at++)
            if ((unsigned char)*at >= 0x80)
                *at = '?';
    effect_enter(x, EFFECT_REPORTING);
    x->report_id = id;
    x->report_text = text;
    report(x);
}

void
outbox_finish(struct effect *x, struct json *result)
{
    struct json *kept = result ? result : json_new_object();
    LOGI("outbox.delivered", "task=%s effect=%" PRId64 " kind=%s", outbox_text(x, "context.work_item"), x->id, x->kind);
    metric_add(METRIC_orchd_effects_delivered_total, 1);
    json_scrub_nul(kept);
    begin_report(x, CALL_effect_done, xstrdup(json_text(kept)));
    json_free(kept);
}

void
outbox_fail(struct effect *x, const struct err *e, int64_t retry_after_ms)
{
    x->report_wait_ms = retry_after_ms;
    x->report_is_permanent = e->code == ERR_INVALID || e->code == ERR_GONE || e->code == ERR_BUG;
    LOGW("outbox.failed", "task=%s effect=%" PRId64 " kind=%s is_permanent=%d why=%s", outbox_text(x, "context.work_item"), x->id, x->kind,
         x->report_is_permanent, log_quote(e->text));
    metric_add(METRIC_orchd_effects_failed_total, 1);
    begin_report(x, CALL_effect_failed, xstrdup(e->text));
}

void
outbox_skip(struct effect *x, const char *reason)
{
    LOGI("outbox.skipped", "task=%s effect=%" PRId64 " kind=%s why=%s", outbox_text(x, "context.work_item"), x->id, x->kind,
         log_quote(reason));
    begin_report(x, CALL_effect_skipped, xstrdup(reason));
}

void
outbox_conclude(struct effect *x, const struct err *e, int64_t retry_after_ms)
{
    x->call = NULL;
    if (e)
        outbox_fail(x, e, retry_after_ms);
    else
        outbox_finish(x, NULL);
}

/* --- what the kinds ask for ----------------------------------------------------------------------------------------------------------- */

const char *
outbox_text(const struct effect *x, const char *path)
{
    struct json *in = str_starts(path, "payload.") ? x->payload : x->context;
    const char  *text = json_str(in, strchr(path, '.') + 1);
    return text ? text : "";
}

bool
outbox_is_late(struct effect *x)
{
    if (clock_boot_ms() < x->token_ends_ms)
        return false;
    LOGW("outbox.too_late", "effect=%" PRId64 " kind=%s why=%s", x->id, x->kind, log_quote("its token ended before its next step"));
    effect_enter(x, EFFECT_REPORTING);
    end_effect(x);
    return true;
}

bool
outbox_lacks(struct effect *x, const char *const *paths)
{
    struct err e = ERR_INIT;
    for (; *paths; paths++) {
        if (*outbox_text(x, *paths))
            continue;
        err_set(&e, ERR_BUG, "cannot be done: the effect lacks %s", *paths);
        outbox_fail(x, &e, -1);
        return true;
    }
    return false;
}

const char *
outbox_link(struct effect *x)
{
    const struct config    *cfg = x->outbox->cfg;
    const char             *given = outbox_text(x, "payload.url"), *item = outbox_text(x, "context.work_item");
    const struct plane_item issue = { .workspace = outbox_text(x, "context.workspace"),
                                      .project_id = outbox_text(x, "context.plane_project_id"),
                                      .issue_id = outbox_text(x, "context.plane_issue_id") };
    if (x->link)
        return x->link;
    if (*given)
        x->link = xstrdup(given);
    else if (!str_is_blank(cfg->plane_url) && *issue.workspace && *issue.project_id && *issue.issue_id)
        x->link = plane_issue_url(cfg->plane_url, &issue);
    else if (!str_is_blank(cfg->public_url) && *item)
        x->link = xasprintf("%s/tasks/%s", cfg->public_url, item);
    return x->link;
}

struct plane *
outbox_plane(struct effect *x)
{
    if (!x->outbox->plane)
        outbox_skip(x, str_is_blank(x->outbox->cfg->plane_url) ? "no board: ORCH_PLANE_URL is not set"
                                                               : "no board: ORCH_PLANE_TOKEN is not set");
    return x->outbox->plane;
}

struct gitea *
outbox_gitea(struct effect *x)
{
    if (!x->outbox->gitea)
        outbox_skip(x, str_is_blank(x->outbox->cfg->gitea_url) ? "no forge: ORCH_GITEA_URL is not set"
                                                               : "no forge: ORCH_GITEA_TOKEN is not set");
    return x->outbox->gitea;
}

struct telegram *
outbox_telegram(struct effect *x)
{
    const struct config *cfg = x->outbox->cfg;
    if (!x->outbox->telegram)
        outbox_skip(x, str_is_blank(cfg->telegram_token)  ? "no messenger: ORCH_TELEGRAM_TOKEN is not set"
                       : str_is_blank(cfg->telegram_chat) ? "no messenger: ORCH_TELEGRAM_CHAT is not set"
                                                          : "no messenger: ORCH_TELEGRAM_URL is not set");
    return x->outbox->telegram;
}

struct git *
outbox_git(const struct effect *x)
{
    return x->outbox->git;
}

/* --- claiming ------------------------------------------------------------------------------------------------------------------------- */

static struct json *
parse_column(const struct db_result *r, int row, const char *column, struct err *e)
{
    const char *text = db_text(r, row, column);
    return text ? json_parse(text, strlen(text), e) : json_new_object();
}

static struct effect *
find_effect(struct outbox *o, int64_t id)
{
    struct effect *x = o->effects;
    while (x && x->id != id)
        x = x->next;
    return x;
}

static struct effect *
new_effect(struct outbox *o, const struct db_result *r, int row)
{
    struct effect *x = xcalloc(1, sizeof(*x));
    x->magic = EFFECT_MAGIC;
    x->outbox = o;
    x->id = db_int(r, row, "effect_id");
    x->kind = xstrdup(db_text(r, row, "kind"));
    x->next = o->effects;
    x->back = &o->effects;
    if (x->next)
        x->next->back = &x->next;
    o->effects = x;
    o->count++;
    return x;
}

static void
start_effect(struct effect *x, const struct db_result *r, int row)
{
    struct err e = ERR_INIT;
    x->payload = parse_column(r, row, "payload", &e);
    if (!e.code)
        x->context = parse_column(r, row, "context", &e);
    if (!x->payload)
        x->payload = json_new_object();
    if (!x->context)
        x->context = json_new_object();
    LOGD("outbox.started", "effect=%" PRId64 " kind=%s attempts=%" PRId64, x->id, x->kind, db_int(r, row, "attempts"));
    if (e.code) {
        e.code = ERR_BUG;
        outbox_fail(x, &e, -1);
        return;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (str_equal(kinds[i].kind, x->kind)) {
            kinds[i].start(x);
            return;
        }
    }
    /* Not permanent: a newer node beside this one may know it. */
    err_set(&e, ERR_RETRY, "could not deliver: this version knows no effect \"%s\"", x->kind);
    outbox_fail(x, &e, -1);
}

static void
take_row(struct outbox *o, const struct db_result *r, int row)
{
    struct effect *x = find_effect(o, db_int(r, row, "effect_id"));
    bool           is_new = !x;
    if (is_new)
        x = new_effect(o, r, row);
    free(x->token);
    x->token = xstrdup(db_text(r, row, "token"));
    x->token_ends_ms = o->claim_sent_ms + TOKEN_MS; /* its life began later, when Postgres had the claim */
    if (is_new)
        start_effect(x, r, row);
    else if (x->job)
        git_push_until(x->job, x->token_ends_ms);
}

static void
on_claimed(struct db_result *r, const struct err *e, void *arg)
{
    struct outbox *o = CHECKED(arg, OUTBOX_MAGIC);
    o->claim = NULL;
    if (e && e->code == ERR_RETRY)
        LOGD("outbox.claim_failed", "why=%s", log_quote(e->text)); /* the timer comes again */
    else if (e)
        LOGE("outbox.claim_refused", "why=%s", log_quote(e->text));
    for (int row = 0; !e && row < db_rows(r); row++)
        take_row(o, r, row);
    if (o->is_wanted_again)
        claim(o);
    look_whether_drained(o);
}

/* SQL is told what we hold, so that effects whose claim was answered into a broken connection are handed out again at once. */
static void
list_held(const struct outbox *o, struct buf *out)
{
    buf_add_str(out, "{");
    for (const struct effect *x = o->effects; x; x = x->next)
        buf_printf(out, "%s%lld", x == o->effects ? "" : ",", (long long)x->id);
    buf_add_str(out, "}");
}

/* What a newer orchd beside us may promise is left to it. */
static void
list_kinds(struct buf *out)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        buf_printf(out, "%s%s", i ? "," : "{", kinds[i].kind);
    buf_add_str(out, "}");
}

static void
claim(struct outbox *o)
{
    char       slots[16];
    struct buf held = { 0 }, known = { 0 };
    if (o->is_draining || o->count >= MAX_SLOTS)
        return;
    if (o->claim) {
        o->is_wanted_again = true;
        return;
    }
    o->is_wanted_again = false;
    snprintf(slots, sizeof(slots), "%d", MAX_SLOTS - o->count);
    list_held(o, &held);
    list_kinds(&known);
    o->claim_sent_ms = clock_boot_ms();
    o->claim = db_call(o->db, CALL_claim_effects, (const char *[]){ o->node, slots, held.data, known.data }, on_claimed, o);
    buf_fini(&held);
    buf_fini(&known);
}

static void
on_doorbell(const char *payload, void *arg)
{
    (void)payload;
    claim(CHECKED(arg, OUTBOX_MAGIC));
}

/* One shot after another, so that a reloaded interval counts from the next one on. */
static void
on_timer(void *arg)
{
    struct outbox *o = CHECKED(arg, OUTBOX_MAGIC);
    o->timer = loop_after(o->loop, o->cfg->outbox_interval, on_timer, o);
    claim(o);
}

/* --- life ----------------------------------------------------------------------------------------------------------------------------- */

int
outbox_open(struct outbox **out, struct loop *l, struct db *db, struct fetch *f, struct git *g, const struct config *cfg, const char *node,
            struct err *e)
{
    struct outbox *o;
    if (str_is_blank(node)) {
        err_set(e, ERR_INVALID, "outbox: the node has no name");
        return e->code;
    }
    o = xcalloc(1, sizeof(*o));
    o->magic = OUTBOX_MAGIC;
    o->loop = l;
    o->db = db;
    o->git = g;
    o->cfg = cfg;
    o->node = xstrdup(node);
    if (!str_is_blank(cfg->plane_url) && !str_is_blank(cfg->plane_token))
        o->plane = plane_new(f, cfg->plane_url, cfg->plane_token);
    if (!str_is_blank(cfg->gitea_url) && !str_is_blank(cfg->gitea_token))
        o->gitea = gitea_new(f, cfg->gitea_url, cfg->gitea_token);
    if (!str_is_blank(cfg->telegram_url) && !str_is_blank(cfg->telegram_token) && !str_is_blank(cfg->telegram_chat))
        o->telegram = telegram_new(f, cfg->telegram_url, cfg->telegram_token, cfg->telegram_chat);
    db_listen(db, "orch_effects", on_doorbell, o);
    o->timer = loop_after(l, 0, on_timer, o);
    *out = o;
    return 0;
}

void
outbox_drain(struct outbox *o, loop_fn *fn, void *arg)
{
    o->is_draining = true;
    o->on_drained = fn;
    o->drained_arg = arg;
    loop_timer_stop(o->timer);
    o->timer = NULL;
    look_whether_drained(o);
}

void
outbox_close(struct outbox *o)
{
    if (!o)
        return;
    while (o->effects)
        free_effect(o->effects);
    db_forget(o->claim);
    loop_timer_stop(o->timer);
    loop_timer_stop(o->drained_timer);
    plane_free(o->plane);
    gitea_free(o->gitea);
    telegram_free(o->telegram);
    free(o->node);
    o->magic = 0;
    free(o);
}
