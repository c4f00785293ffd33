/* webhook: the endpoints. Every delivery takes the same way, and leaves it at the first thing that is wrong:
 *
 *   few enough? ── secret set? ── signature over the raw bytes ── content type ── JSON object ── facts ─┬─ receive_event ── COMMIT ── 200
 *      429            503                 401                        415              400              │        │ away, or slow
 *                                                                                                      └─────── spool ── fsync ── 202
 *                                                                                       its lane is there already   full: 503
 *
 * What is in hand while Postgres or the disk works is a struct pending; the client may be gone meanwhile, the transaction goes on without
 * it. Order: when one delivery of a lane goes to the spool, all in hand of that lane go with it, the oldest first, because the next one to
 * arrive will go there at once. They may be committed all the same, and are duplicates then. */
#include "webhook/webhook.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"
#include "webhook/rate.h"
#include "webhook/spool.h"
#include "webhook/webhook_int.h"

#define WEBHOOK_MAGIC  0x77656268u
#define ENDPOINT_MAGIC 0x656e6470u
#define PENDING_MAGIC  0x70656e64u

/* Seconds. Long enough that a restart of Postgres is over, short enough that a person at the board does not wonder. */
#define RETRY_AFTER "5"

enum {
    /* A broken connection or a deadlock is over at once, and no sender tries again by itself: so we do. The delivery key makes it harmless. */
    MOST_TRIES = 3,
    /* Addresses whose rate is known: 100 KiB at most. */
    MOST_ADDRESSES = 1024,
    /* A flood must not flood the log. */
    LIMITED_EVERY_MS = 10000
};

enum { PLANE, GITEA, GITHUB, ENDPOINT_COUNT };

struct endpoint {
    uint32_t        magic;
    struct webhook *webhook;
    const char     *source;
    const char     *setting; /* that names the secret */
    const char     *secrets[2];
};

struct pending {
    uint32_t             magic;
    struct webhook      *webhook;
    struct http_request *request;
    struct db_call      *call;     /* NULL unless Postgres works on it */
    struct loop_timer   *patience; /* until it goes to the spool all the same */
    struct inbound       in;
    struct clock_text    heard_at;
    bool                 is_put; /* the spool has it */
    int                  tries;
    TAILQ_ENTRY(pending) link;
};

struct webhook {
    uint32_t        magic;
    struct loop    *loop;
    struct http    *http;
    struct db      *db;
    struct spool   *spool;
    struct rate    *rate;
    int64_t         spool_after_ms;
    int64_t         limited_at_ms; /* clock_mono_ms() of the last line about it */
    struct endpoint endpoints[ENDPOINT_COUNT];
    TAILQ_HEAD(, pending) pendings; /* oldest first */
};

/* What of a request is looked at; the headers depend on the sender. */
struct signed_request {
    const char     *source; /* the endpoint's */
    const char     *signature;
    const char     *prefix; /* before the hex, or NULL */
    struct delivery d;
};

static void
refuse(struct http_request *r, const struct endpoint *p, int status, const char *title, const char *detail)
{
    metric_add(METRIC_orchd_events_refused_total, 1);
    LOGW("webhook.refused", "source=%s status=%d peer=%s why=%s", p->source, status, log_quote(http_peer(r)), log_quote(detail));
    http_problem(r, status, title, detail);
}

static bool
is_json_type(const char *type)
{
    static const char json[] = "application/json";
    size_t            len = sizeof json - 1;

    if (!type || strncasecmp(type, json, len))
        return false;
    type += len;
    return !*type || *type == ';' || *type == ' ' || *type == '\t';
}

static void
pending_free(struct pending *p)
{
    loop_timer_stop(p->patience);
    TAILQ_REMOVE(&p->webhook->pendings, p, link);
    inbound_fini(&p->in);
    p->magic = 0;
    free(p);
}

static void
answer_away(struct http_request *r, const char *why)
{
    char *detail =
        xasprintf("the database is away and did not confirm the delivery%s%s; send it again", why ? ", and " : "", why ? why : "");

    http_add_header(r, "Retry-After", RETRY_AFTER);
    http_problem(r, 503, "Service Unavailable", detail);
    free(detail);
}

static void
answer_stored(struct http_request *r, struct db_result *result)
{
    struct json *answer = json_new_object();

    /* What was routed has changed something, a STOP among the rest. Its reason is ours: it quotes nothing of the delivery. */
    if (str_equal(db_text(result, 0, "status"), "routed"))
        LOGI("webhook.routed", "event=%" PRId64 " reason=%s", db_int(result, 0, "event_id"), log_quote(db_text(result, 0, "reason")));
    json_set_str(answer, "status", db_text(result, 0, "status"));
    json_set_str(answer, "reason", db_text(result, 0, "reason"));
    if (db_text(result, 0, "event_id"))
        json_set_int(answer, "event_id", db_int(result, 0, "event_id"));
    else
        json_set(answer, "event_id", NULL);
    metric_observe(METRIC_orchd_event_commit_seconds, (double)(clock_mono_us() - http_arrived_us(r)) / 1e6);
    http_reply_text(r, 200, "application/json", json_text(answer));
    json_free(answer);
}

/* --- the spool --------------------------------------------------------------------------------------------------------------------------- */

static void
answer_lost(struct pending *p, const struct err *e)
{
    struct http_request *r = p->request;

    LOGW("webhook.not_stored", "source=%s delivery=%s why=%s", p->in.source, p->in.delivery_key, log_quote(e->text));
    pending_free(p);
    answer_away(r, e->text);
}

static void
on_kept(const struct err *e, void *arg)
{
    struct pending      *p = CHECKED(arg, PENDING_MAGIC);
    struct http_request *r = p->request;

    if (e) {
        answer_lost(p, e);
        return;
    }
    pending_free(p);
    http_reply_text(r, 202, "application/json",
                    "{\"status\":\"spooled\",\"reason\":\"the database is away or slow; the delivery is kept and will be applied\","
                    "\"event_id\":null}");
}

/* p may be gone afterwards. */
static void
keep(struct pending *p)
{
    struct err          e = ERR_INIT;
    size_t              len;
    struct spool_record record = { .lane = inbound_lane(&p->in),
                                   .source = p->in.source,
                                   .delivery_key = p->in.delivery_key,
                                   .kind = p->in.kind,
                                   .facts = json_text(p->in.facts),
                                   .body = http_body(p->request, &len),
                                   .heard_at = p->heard_at.text };

    p->is_put = true;
    loop_timer_stop(give(&p->patience));
    db_forget(give(&p->call));
    if (spool_put(p->webhook->spool, &record, on_kept, p, &e))
        answer_lost(p, &e);
}

/* p, and what else of its lane is in hand: see above. */
static void
keep_lane(struct pending *first)
{
    struct webhook *w = first->webhook;
    char           *lane = xstrdup(inbound_lane(&first->in));
    struct pending *next;

    for (struct pending *p = TAILQ_FIRST(&w->pendings); p; p = next) {
        next = TAILQ_NEXT(p, link);
        if (!p->is_put && str_equal(inbound_lane(&p->in), lane))
            keep(p);
    }
    free(lane);
}

static void
on_patience(void *arg)
{
    struct pending *p = CHECKED(arg, PENDING_MAGIC);

    p->patience = NULL;
    LOGW("webhook.spooled", "source=%s delivery=%s why=%s", p->in.source, p->in.delivery_key, log_quote("the database is slow"));
    keep_lane(p);
}

/* --- Postgres ---------------------------------------------------------------------------------------------------------------------------- */

static void store(struct pending *p);

static void
on_received(struct db_result *result, const struct err *e, void *arg)
{
    struct pending      *p = CHECKED(arg, PENDING_MAGIC);
    struct http_request *r = p->request;

    p->call = NULL;
    if (e && e->code == ERR_RETRY && p->tries < MOST_TRIES && db_is_up(p->webhook->db)) {
        store(p);
    } else if (e && e->code == ERR_RETRY) {
        LOGW("webhook.spooled", "source=%s delivery=%s why=%s", p->in.source, p->in.delivery_key, log_quote(e->text));
        keep_lane(p);
    } else if (!e && db_rows(result) == 1) {
        pending_free(p);
        answer_stored(r, result);
    } else {
        LOGE("webhook.not_stored", "source=%s delivery=%s why=%s", p->in.source, p->in.delivery_key,
             log_quote(e ? e->text : "receive_event gave no row"));
        pending_free(p);
        http_problem(r, 500, "Internal Server Error", "the delivery could not be stored; the log of orchd says why");
    }
}

static void
store(struct pending *p)
{
    size_t            len;
    const char *const params[] = { p->in.source,           p->in.delivery_key,          p->in.kind,
                                   json_text(p->in.facts), http_body(p->request, &len), p->heard_at.text };

    p->tries++;
    p->call = db_call(p->webhook->db, CALL_receive_event, params, on_received, p);
}

/* Takes *in. */
static void
submit(struct webhook *w, struct http_request *r, struct inbound *in)
{
    struct pending *p = xcalloc(1, sizeof *p);

    p->magic = PENDING_MAGIC;
    p->webhook = w;
    p->request = r;
    p->heard_at = clock_text_us(clock_wall_of_mono_us(http_arrived_us(r)));
    p->in = *in;
    *in = (struct inbound){ 0 };
    TAILQ_INSERT_TAIL(&w->pendings, p, link);
    if (spool_holds(w->spool, inbound_lane(&p->in))) {
        keep(p);
        return;
    }
    p->patience = loop_after(w->loop, w->spool_after_ms, on_patience, p);
    store(p);
}

/* --- HTTP -------------------------------------------------------------------------------------------------------------------------------- */

/* Fills s from the headers of the one who signed. Gitea sends GitHub's headers too, so its own are looked for first. The source stays the
 * endpoint's: that is where the sender was told to deliver. */
static void
read_headers(struct signed_request *s, const struct endpoint *p, const struct http_request *r)
{
    bool is_plane = str_equal(p->source, "plane");
    bool is_github = str_equal(p->source, "github") && !http_header(r, "X-Gitea-Event");

    s->source = p->source;
    s->d.body = http_body(r, &s->d.len);
    if (is_plane) {
        s->signature = http_header(r, "X-Plane-Signature");
        s->d.event = http_header(r, "X-Plane-Event");
        s->d.id = http_header(r, "X-Plane-Delivery");
    } else if (is_github) {
        s->signature = http_header(r, "X-Hub-Signature-256");
        s->prefix = "sha256=";
        s->d.event = http_header(r, "X-GitHub-Event");
        s->d.id = http_header(r, "X-GitHub-Delivery");
    } else {
        s->signature = http_header(r, "X-Gitea-Signature");
        s->d.event = http_header(r, "X-Gitea-Event");
        s->d.id = http_header(r, "X-Gitea-Delivery");
    }
}

static void
take_delivery(struct http_request *r, const struct endpoint *p, const struct signed_request *s)
{
    struct inbound in = { 0 };
    struct err     e = ERR_INIT;
    struct json   *body = NULL;

    if (!is_json_type(http_header(r, "Content-Type"))) {
        refuse(r, p, 415, "Unsupported Media Type", "the content type must be application/json");
        goto out;
    }
    body = json_parse(s->d.body, s->d.len, &e);
    if (!body) {
        refuse(r, p, 400, "Bad Request", e.text);
        goto out;
    }
    if (!json_is_object(body)) {
        refuse(r, p, 400, "Bad Request", "the body is no JSON object");
        goto out;
    }
    if (str_equal(s->source, "plane"))
        inbound_from_plane(&in, &s->d, body);
    else
        inbound_from_forge(&in, s->source, &s->d, body);
    submit(p->webhook, r, &in);
out:
    inbound_fini(&in);
    json_free(body);
}

/* False when the request was answered. Before the signature: it is made to be wrong, at their cost and not at ours. */
static bool
is_within_rate(struct webhook *w, struct http_request *r)
{
    int64_t now = clock_mono_ms();
    int64_t wait_ms = rate_take(w->rate, http_peer(r), now);
    char    seconds[24];

    if (!wait_ms)
        return true;
    metric_add(METRIC_orchd_events_limited_total, 1);
    if (now - w->limited_at_ms >= LIMITED_EVERY_MS) {
        LOGW("webhook.limited", "peer=%s", log_quote(http_peer(r)));
        w->limited_at_ms = now;
    }
    snprintf(seconds, sizeof seconds, "%" PRId64, wait_ms / 1000 + 1);
    http_add_header(r, "Retry-After", seconds);
    http_problem(r, 429, "Too Many Requests", "this address sends more deliveries than ORCH_WEBHOOK_RATE_PER_MINUTE allows");
    return false;
}

static void
on_delivery(struct http_request *r, void *arg)
{
    struct endpoint      *p = CHECKED(arg, ENDPOINT_MAGIC);
    struct signed_request s = { 0 };

    if (!is_within_rate(p->webhook, r))
        return;
    if (str_is_blank(p->secrets[0]) && str_is_blank(p->secrets[1])) {
        LOGE("webhook.no_secret", "source=%s setting=%s", p->source, p->setting);
        metric_add(METRIC_orchd_events_refused_total, 1);
        http_problem(r, 503, "Service Unavailable", "no secret is set for this webhook; the log of orchd names the setting");
        return;
    }
    read_headers(&s, p, r);
    if (!signature_holds(s.signature, s.prefix, p->secrets, s.d.body, s.d.len)) {
        refuse(r, p, 401, "Unauthorized", s.signature && *s.signature ? "the signature is wrong" : "the signature is missing");
        return;
    }
    metric_add(METRIC_orchd_events_total, 1);
    take_delivery(r, p, &s);
}

static void
add_endpoint(struct webhook *w, int at, const char *source, const char *setting, const char *secret, const char *old_secret)
{
    struct endpoint *p = &w->endpoints[at];

    *p = (struct endpoint){ ENDPOINT_MAGIC, w, source, setting, { secret, old_secret } };
    if (str_is_blank(secret) && str_is_blank(old_secret))
        LOGW("webhook.no_secret", "source=%s setting=%s", source, setting);
}

static int
open_spool(struct webhook *w, const struct config *config, struct err *e)
{
    bool                 has_own = !str_is_blank(config->spool_dir);
    char                *dir = has_own ? xstrdup(config->spool_dir) : xasprintf("%s/spool", config->data_dir);
    struct spool_options o = { .dir = dir, .max_bytes = config->spool_max_bytes, .max_deliveries = config->spool_max_deliveries };

    spool_open(&w->spool, w->loop, w->db, &o, e);
    free(dir);
    return (int)e->code;
}

int
webhook_open(struct webhook **out, struct loop *loop, struct http *http, struct db *db, const struct config *config, struct err *e)
{
    struct webhook *w = xcalloc(1, sizeof *w);
    const char     *secret = config->gitea_webhook_secret;
    const char     *old = config->gitea_webhook_secret_old;

    w->magic = WEBHOOK_MAGIC;
    w->loop = loop;
    w->http = http;
    w->db = db;
    w->spool_after_ms = config->spool_after;
    w->rate = rate_new(config->webhook_rate_per_minute, MOST_ADDRESSES);
    TAILQ_INIT(&w->pendings);
    if (open_spool(w, config, e))
        goto out;
    add_endpoint(w, PLANE, "plane", "ORCH_PLANE_WEBHOOK_SECRET", config->plane_webhook_secret, config->plane_webhook_secret_old);
    add_endpoint(w, GITEA, "gitea", "ORCH_GITEA_WEBHOOK_SECRET", secret, old);
    /* The forge is one, whichever dialect it speaks: one secret. */
    add_endpoint(w, GITHUB, "github", "ORCH_GITEA_WEBHOOK_SECRET", secret, old);
    http_route(http, "POST", "/webhook/plane", on_delivery, &w->endpoints[PLANE]);
    http_route(http, "POST", "/webhook/gitea", on_delivery, &w->endpoints[GITEA]);
    http_route(http, "POST", "/webhook/github", on_delivery, &w->endpoints[GITHUB]);
    *out = give(&w);
out:
    webhook_close(w);
    return (int)e->code;
}

bool
webhook_show_spool(struct json *into, void *webhook)
{
    const struct webhook *w = CHECKED(webhook, WEBHOOK_MAGIC);

    return spool_show(w->spool, into);
}

void
webhook_close(struct webhook *w)
{
    struct pending *p;

    if (!w)
        return;
    for (int i = 0; i < ENDPOINT_COUNT; i++)
        http_unroute(w->http, &w->endpoints[i]);
    spool_close(w->spool);
    while ((p = TAILQ_FIRST(&w->pendings))) {
        struct http_request *r = p->request;

        db_forget(p->call);
        pending_free(p);
        answer_away(r, NULL);
    }
    rate_free(w->rate);
    w->magic = 0;
    free(w);
}
