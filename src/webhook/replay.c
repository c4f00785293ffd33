/* replay: from the spool back to Postgres. Each lane gives its first entry, and the next one when that is over; lanes take turns. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "webhook/spool_int.h"

#define REPLAY_MAGIC 0x72706c79u

enum {
    /* On their way to Postgres at once. Few, because the node's other calls use the same connections; a lane that hangs, say on a lock that
     * a person holds, takes one of them for one deadline and then backs off. */
    AT_ONCE_MAX = 8,
    BACKOFF_MIN_MS = 1000,
    BACKOFF_DOUBLINGS = 5, /* at most 32 s */
    /* 1 + 2 + 4 s: long enough for whoever is in the middle of a migration, short enough for the next deliveries. */
    REFUSALS_MAX = 4
};

/* An entry on its way to Postgres. */
struct replay {
    uint32_t            magic;
    struct spool       *spool;
    struct lane        *lane;
    struct spool_record record;
    struct db_call     *call;
    LIST_ENTRY(replay) link;
};

/* --- lanes ------------------------------------------------------------------------------------------------------------------------------- */

/* FNV-1a. */
static size_t
lane_number(const char *name)
{
    uint32_t hash = 2166136261u;

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash % LANES;
}

struct lane *
spool_lane(struct spool *s, const char *name)
{
    return &s->lanes[lane_number(name)];
}

void
spool_add_entry(struct spool *s, struct lane *lane, struct spool_file *file, size_t at, size_t len)
{
    struct entry *entry = xcalloc(1, sizeof *entry);

    entry->file = file;
    entry->at = at;
    entry->len = len;
    file->left++;
    if (!lane->is_listed) {
        STAILQ_INIT(&lane->entries);
        TAILQ_INSERT_TAIL(&s->active, lane, link);
        lane->is_listed = true;
    }
    STAILQ_INSERT_TAIL(&lane->entries, entry, link);
}

void
spool_file_done(struct spool *s, struct spool_file *file)
{
    if (file->is_spoiled) {
        s->aside++;
        LOGE("spool.set_aside", "file=%s why=%s", file->name, log_quote("it holds a delivery that cannot be applied; see above"));
        disk_set_aside(s->disk, file->name);
    } else {
        disk_remove(s->disk, file->name);
    }
    TAILQ_REMOVE(&s->kept, file, link);
    s->files--;
    s->bytes -= (int64_t)file->bytes;
    free(file);
}

/* The lane's first entry is over, one way or the other. */
static void
entry_done(struct spool *s, struct lane *lane)
{
    struct entry *entry = STAILQ_FIRST(&lane->entries);

    STAILQ_REMOVE_HEAD(&lane->entries, link);
    lane->count--;
    lane->failures = 0;
    lane->refusals = 0;
    lane->due_ms = 0;
    if (STAILQ_EMPTY(&lane->entries)) {
        TAILQ_REMOVE(&s->active, lane, link);
        lane->is_listed = false;
    }
    s->deliveries--;
    if (--entry->file->left == 0)
        spool_file_done(s, entry->file);
    free(entry);
    spool_note_less(s);
}

/* --- back to Postgres -------------------------------------------------------------------------------------------------------------------- */

static void
replay_free(struct replay *p)
{
    LIST_REMOVE(p, link);
    spool_record_fini(&p->record);
    p->magic = 0;
    free(p);
}

/* The lane may go on; what became of its first entry is the caller's to say, before or after. */
static void
leave(struct replay *p)
{
    p->lane->is_busy = false;
    p->spool->on_their_way--;
    replay_free(p);
}

static void
rest(struct lane *lane)
{
    unsigned doublings = lane->failures < BACKOFF_DOUBLINGS ? lane->failures : BACKOFF_DOUBLINGS;

    lane->failures++;
    lane->due_ms = clock_mono_ms() + ((int64_t)BACKOFF_MIN_MS << doublings);
}

static void
spoil(struct spool *s, struct lane *lane, const char *key, const char *why)
{
    STAILQ_FIRST(&lane->entries)->file->is_spoiled = true;
    LOGE("spool.refused", "delivery=%s why=%s", log_quote(key), log_quote(why));
    entry_done(s, lane);
}

static void
on_replayed(struct db_result *result, const struct err *e, void *arg)
{
    struct replay *p = CHECKED(arg, REPLAY_MAGIC);
    struct spool  *s = p->spool;
    struct lane   *lane = p->lane;

    (void)result;
    p->call = NULL;
    if (!e) {
        metric_add(METRIC_orchd_spool_replayed_total, 1);
        s->replayed++;
        entry_done(s, lane);
    } else if (e->code != ERR_RETRY && ++lane->refusals >= REFUSALS_MAX) {
        spoil(s, lane, p->record.delivery_key, e->text);
    } else {
        LOGW("spool.not_applied", "delivery=%s why=%s", log_quote(p->record.delivery_key), log_quote(e->text));
        rest(lane);
    }
    leave(p);
    replay_pump(s);
}

static void
on_read(const char *text, size_t len, const struct err *e, void *arg)
{
    struct replay       *p = CHECKED(arg, REPLAY_MAGIC);
    struct spool        *s = p->spool;
    struct spool_record *r = &p->record;
    struct err           damage = ERR_INIT;

    if (!e && !spool_decode(r, text, len, &damage)) {
        const char *const params[] = { r->source, r->delivery_key, r->kind, r->facts, r->body, r->heard_at };

        p->call = db_call(s->db, CALL_receive_event, params, on_replayed, p);
        return;
    }
    /* Gone: somebody removed the file, which nobody does by accident. */
    if (e && e->code == ERR_GONE) {
        LOGW("spool.gone", "why=%s", log_quote(e->text));
        entry_done(s, p->lane);
    } else {
        spoil(s, p->lane, "unreadable", e ? e->text : damage.text);
    }
    leave(p);
    replay_pump(s);
}

static void
send_first(struct spool *s, struct lane *lane)
{
    struct replay *p = xcalloc(1, sizeof *p);
    struct entry  *entry = STAILQ_FIRST(&lane->entries);

    p->magic = REPLAY_MAGIC;
    p->spool = s;
    p->lane = lane;
    LIST_INSERT_HEAD(&s->replays, p, link);
    s->on_their_way++;
    lane->is_busy = true;
    /* To the end: each lane gets its turn. */
    TAILQ_REMOVE(&s->active, lane, link);
    TAILQ_INSERT_TAIL(&s->active, lane, link);
    disk_read(s->disk, entry->file->name, entry->at, entry->len, on_read, p);
}

static struct lane *
next_lane(const struct spool *s, int64_t now)
{
    struct lane *lane;

    TAILQ_FOREACH (lane, &s->active, link)
        if (!lane->is_busy && lane->due_ms <= now)
            return lane;
    return NULL;
}

void
replay_pump(struct spool *s)
{
    int64_t      now = clock_mono_ms();
    struct lane *lane;

    while (db_is_up(s->db) && s->on_their_way < AT_ONCE_MAX && (lane = next_lane(s, now)))
        send_first(s, lane);
}

void
replay_on_db_up(void *arg)
{
    struct spool *s = CHECKED(arg, SPOOL_MAGIC);
    struct lane  *lane;

    /* They rested because it was away. */
    TAILQ_FOREACH (lane, &s->active, link)
        lane->due_ms = 0;
    replay_pump(s);
}

static void
free_entries(struct lane *lane)
{
    struct entry *entry;

    while ((entry = STAILQ_FIRST(&lane->entries))) {
        STAILQ_REMOVE_HEAD(&lane->entries, link);
        free(entry);
    }
}

void
replay_fini(struct spool *s)
{
    struct replay     *p;
    struct lane       *lane;
    struct spool_file *file;

    while ((p = LIST_FIRST(&s->replays))) {
        db_forget(p->call);
        replay_free(p);
    }
    TAILQ_FOREACH (lane, &s->active, link)
        free_entries(lane);
    while ((file = TAILQ_FIRST(&s->kept))) {
        TAILQ_REMOVE(&s->kept, file, link);
        free(file);
    }
}
