/* spool: the index of what the disk keeps, and the way back to Postgres.
 *
 *   put ──▶ waiting ──▶ written, in groups: what came during one fsync() shares the next ──▶ kept (callback) ──▶ entry of its lane
 *                                                                                                                    │
 *   file removed once all its entries are done ◀── done ◀── orch.receive_event() ◀── read back ◀── first of its lane ┘
 *
 * Invariants: lane->count counts what is waiting, written or an entry, so a lane is held from the first put to the last commit. One entry
 * of a lane is on its way at most. An entry leaves its lane when Postgres has it or when it was refused for good; a file leaves the disk
 * when its last entry has left. */
#include "webhook/spool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"
#include "webhook/spool_int.h"

enum {
    /* One group is in memory twice. A larger one would not be written faster. */
    GROUP_BYTES = 4 << 20,
    TICK_MS = 1000
};

static void write_waiting(struct spool *s);

/* --- what others see of it --------------------------------------------------------------------------------------------------------------- */

static double
oldest_seconds(const struct spool *s)
{
    const struct spool_file *oldest = TAILQ_FIRST(&s->kept);
    int64_t                  age_us = oldest ? clock_wall_us() - oldest->made_us : 0;

    return age_us > 0 ? (double)age_us / 1e6 : 0;
}

static void
show_metrics(const struct spool *s)
{
    metric_set(METRIC_orchd_spool_deliveries, (double)s->deliveries);
    metric_set(METRIC_orchd_spool_files, (double)s->files);
    metric_set(METRIC_orchd_spool_bytes, (double)s->bytes);
    metric_set(METRIC_orchd_spool_oldest_seconds, oldest_seconds(s));
    metric_set(METRIC_orchd_spool_set_aside_files, (double)s->aside);
}

bool
spool_show(const struct spool *s, struct json *into)
{
    json_set_int(into, "deliveries", s->deliveries);
    json_set_int(into, "files", s->files);
    json_set_int(into, "bytes", s->bytes);
    json_set_int(into, "max_bytes", s->max_bytes);
    json_set_int(into, "max_deliveries", s->max_deliveries);
    json_set_double(into, "oldest_seconds", oldest_seconds(s));
    json_set_int(into, "set_aside_files", s->aside);
    if (s->is_losing)
        json_set_str(into, "losing", s->why);
    return !s->is_losing;
}

static void
on_tick(void *arg)
{
    struct spool *s = CHECKED(arg, SPOOL_MAGIC);

    spool_note_less(s);
    replay_pump(s);
}

static void
note_more(struct spool *s)
{
    if (s->tick)
        return;
    s->since_ms = clock_mono_ms();
    s->replayed = 0;
    s->tick = loop_every(s->loop, TICK_MS, on_tick, s);
}

/* One line for each time that it begins, not one for each delivery. */
static void
lose(struct spool *s, const char *why)
{
    metric_add(METRIC_orchd_spool_refused_total, 1);
    if (!s->is_losing)
        LOGE("spool.losing", "deliveries=%" PRId64 " bytes=%" PRId64 " why=%s", s->deliveries, s->bytes, log_quote(why));
    s->is_losing = true;
    snprintf(s->why, sizeof s->why, "%s", why);
    note_more(s);
}

static void
lose_no_more(struct spool *s)
{
    if (s->is_losing)
        LOGI("spool.taking_again", "deliveries=%" PRId64 " bytes=%" PRId64, s->deliveries, s->bytes);
    s->is_losing = false;
}

/* The tick goes on while there is something to do, or to complain about. */
void
spool_note_less(struct spool *s)
{
    show_metrics(s);
    if (s->deliveries || !s->tick || (s->is_losing && !db_is_up(s->db)))
        return;
    LOGI("spool.empty", "replayed=%" PRId64 " took_ms=%" PRId64, s->replayed, clock_mono_ms() - s->since_ms);
    loop_timer_stop(give(&s->tick));
    lose_no_more(s);
}

/* --- to the disk ------------------------------------------------------------------------------------------------------------------------- */

static struct spool_file *
file_new(struct spool *s)
{
    struct spool_file *file = xcalloc(1, sizeof *file);

    file->made_us = clock_wall_us();
    /* A clock that was set back must not put the new before the old. */
    s->last_name = file->made_us > s->last_name ? file->made_us : s->last_name + 1;
    snprintf(file->name, sizeof file->name, "%020" PRId64 "-%d" DISK_SUFFIX, s->last_name, (int)getpid());
    return file;
}

static void
put_free(struct put *p)
{
    buf_fini(&p->line);
    free(p);
}

/* The group is safe: its records are entries from here on. */
static void
keep_group(struct spool *s, struct spool_file *file)
{
    struct put *p;
    size_t      at = 0;

    TAILQ_INSERT_TAIL(&s->kept, file, link);
    s->files++;
    STAILQ_FOREACH (p, &s->writing, link) {
        spool_add_entry(s, p->lane, file, at, p->line.len - 1);
        at += p->line.len;
        metric_add(METRIC_orchd_spool_written_total, 1);
    }
    file->bytes = at;
    lose_no_more(s);
}

static void
drop_group(struct spool *s, struct spool_file *file, const struct err *e)
{
    struct put *p;

    STAILQ_FOREACH (p, &s->writing, link) {
        p->lane->count--;
        s->deliveries--;
        s->bytes -= (int64_t)p->line.len;
        lose(s, e->text);
    }
    free(file);
    spool_note_less(s);
}

static void
on_written(const char *text, size_t len, const struct err *e, void *arg)
{
    struct spool *s = CHECKED(arg, SPOOL_MAGIC);
    struct puts   told = STAILQ_HEAD_INITIALIZER(told);
    struct put   *p;

    (void)text;
    (void)len;
    if (e)
        drop_group(s, s->writing_file, e);
    else
        keep_group(s, s->writing_file);
    s->writing_file = NULL;
    STAILQ_CONCAT(&told, &s->writing);
    write_waiting(s);
    show_metrics(s);
    while ((p = STAILQ_FIRST(&told))) {
        STAILQ_REMOVE_HEAD(&told, link);
        p->fn(e, p->arg);
        put_free(p);
    }
    replay_pump(s);
}

static void
write_waiting(struct spool *s)
{
    struct buf  text = { 0 };
    struct put *p;

    if (s->writing_file || STAILQ_EMPTY(&s->waiting))
        return;
    while ((p = STAILQ_FIRST(&s->waiting)) && text.len < GROUP_BYTES) {
        STAILQ_REMOVE_HEAD(&s->waiting, link);
        STAILQ_INSERT_TAIL(&s->writing, p, link);
        buf_add(&text, p->line.data, p->line.len);
    }
    s->writing_file = file_new(s);
    disk_write(s->disk, s->writing_file->name, &text, on_written, s);
}

/* ERR_RETRY when a record of this size finds no room. */
static int
check_room(const struct spool *s, size_t len, struct err *e)
{
    if (s->deliveries >= s->max_deliveries)
        err_set(e, ERR_RETRY, "the spool is full: %" PRId64 " deliveries (ORCH_SPOOL_MAX_DELIVERIES)", s->deliveries);
    else if (s->bytes + (int64_t)len > s->max_bytes)
        err_set(e, ERR_RETRY, "the spool is full: %" PRId64 " of %" PRId64 " bytes are taken (ORCH_SPOOL_MAX_BYTES)", s->bytes,
                s->max_bytes);
    return (int)e->code;
}

bool
spool_holds(const struct spool *s, const char *lane)
{
    return spool_lane((struct spool *)s, lane)->count > 0;
}

int
spool_put(struct spool *s, const struct spool_record *r, spool_kept_fn *fn, void *arg, struct err *e)
{
    struct put *p = xcalloc(1, sizeof *p);

    spool_encode(&p->line, r);
    if (!s->max_deliveries) {
        err_set(e, ERR_RETRY, "the spool is off (ORCH_SPOOL_MAX_DELIVERIES is 0)");
        goto out;
    }
    if (check_room(s, p->line.len, e)) {
        lose(s, e->text);
        goto out;
    }
    p->lane = spool_lane(s, r->lane);
    p->fn = fn;
    p->arg = arg;
    p->lane->count++;
    s->deliveries++;
    s->bytes += (int64_t)p->line.len;
    STAILQ_INSERT_TAIL(&s->waiting, p, link);
    p = NULL;
    note_more(s);
    write_waiting(s);
out:
    if (p)
        put_free(p);
    return (int)e->code;
}

/* --- start and end ----------------------------------------------------------------------------------------------------------------------- */

static void
index_line(struct spool *s, struct spool_file *file, const char *text, size_t at, size_t len)
{
    struct spool_record record = { 0 };
    struct err          e = ERR_INIT;
    struct lane        *lane;

    if (spool_decode(&record, text + at, len, &e)) {
        file->is_spoiled = true;
        LOGE("spool.refused", "file=%s offset=%zu why=%s", file->name, at, log_quote(e.text));
    } else {
        lane = spool_lane(s, record.lane);
        lane->count++;
        s->deliveries++;
        spool_add_entry(s, lane, file, at, len);
    }
    spool_record_fini(&record);
}

static void
on_found(const char *name, const char *text, size_t len, const struct err *e, void *arg)
{
    struct spool      *s = CHECKED(arg, SPOOL_MAGIC);
    struct spool_file *file = xcalloc(1, sizeof *file);
    int64_t            number = strtoll(name, NULL, 10);

    snprintf(file->name, sizeof file->name, "%s", name);
    file->bytes = len;
    file->made_us = number;
    /* Half of all numbers are 146,000 years: who goes beyond did not get his name from us. */
    if (number > s->last_name && number < INT64_MAX / 2)
        s->last_name = number;
    TAILQ_INSERT_TAIL(&s->kept, file, link);
    s->files++;
    s->bytes += (int64_t)len;
    if (e) {
        file->is_spoiled = true;
        LOGE("spool.refused", "file=%s why=%s", name, log_quote(e->text));
    }
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t      line = end ? (size_t)(end - (text + at)) : len - at;

        index_line(s, file, text, at, line);
        at += line + 1;
    }
    if (!file->left)
        spool_file_done(s, file);
}

int
spool_open(struct spool **out, struct loop *l, struct db *db, const struct spool_options *o, struct err *e)
{
    struct spool *s = xcalloc(1, sizeof *s);

    s->magic = SPOOL_MAGIC;
    s->loop = l;
    s->db = db;
    s->max_bytes = o->max_bytes;
    s->max_deliveries = o->max_deliveries;
    STAILQ_INIT(&s->waiting);
    STAILQ_INIT(&s->writing);
    TAILQ_INIT(&s->kept);
    TAILQ_INIT(&s->active);
    LIST_INIT(&s->replays);
    if (disk_open(&s->disk, l, o->dir, e))
        goto out;
    s->aside = disk_count_aside(s->disk);
    disk_scan(s->disk, on_found, s);
    if (s->deliveries) {
        LOGI("spool.found", "deliveries=%" PRId64 " files=%" PRId64 " bytes=%" PRId64, s->deliveries, s->files, s->bytes);
        note_more(s);
    }
    show_metrics(s);
    db_on_up(db, replay_on_db_up, s);
    *out = give(&s);
out:
    spool_close(s);
    return (int)e->code;
}

static void
free_puts(struct puts *puts)
{
    struct put *p;

    while ((p = STAILQ_FIRST(puts))) {
        STAILQ_REMOVE_HEAD(puts, link);
        put_free(p);
    }
}

void
spool_close(struct spool *s)
{
    if (!s)
        return;
    loop_timer_stop(s->tick);
    disk_close(s->disk);
    replay_fini(s);
    free_puts(&s->waiting);
    free_puts(&s->writing);
    free(s->writing_file);
    s->magic = 0;
    free(s);
}
