/* doctor, database: whether it is there, of a version that we can use, and ours; what this role may; whether NOTIFY arrives; the clocks; and
 * what the rows say of the nodes. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/str.h"
#include "ctl/doctor.h"
#include "db/migrate.h"
#include "db/sync.h"

enum {
    POSTGRES_MIN = 150000,
    SKEW_WARN_MS = 2000, /* times in logs and rows no longer agree for a person */
    SKEW_FAIL_MS = 30000,
    RING_WAIT_MS =
        3000, /* below the interval at which a listening connection asks by itself, which a pooler may answer with what it kept */
    CONNECT_WAIT_MS = 6000
};

static struct json *
rows_of(struct doctor *d, enum db_call_id call, struct err *e)
{
    static const char *const none[8];
    struct json             *rows = NULL;

    db_sync_rows(d->cfg->database_url, call, none, NULL, &rows, e);
    return rows;
}

/* --- the server -------------------------------------------------------------------------------------------------------------------------- */

static void
judge_clock(struct doctor *d, int64_t there_ms, int64_t before_ms, int64_t after_ms)
{
    int64_t             ahead = there_ms > after_ms ? there_ms - after_ms : there_ms < before_ms ? there_ms - before_ms : 0;
    int64_t             skew = ahead < 0 ? -ahead : ahead;
    enum doctor_verdict verdict = skew >= SKEW_FAIL_MS ? DOCTOR_FAIL : skew >= SKEW_WARN_MS ? DOCTOR_WARN : DOCTOR_OK;

    if (verdict == DOCTOR_OK) {
        doctor_say(d, verdict, "clock", "this host and Postgres agree");
        return;
    }
    doctor_say(d, verdict, "clock", "Postgres is %" PRId64 " ms %s this host", skew, ahead < 0 ? "behind" : "ahead of");
    doctor_mend(d, "timedatectl set-ntp true   on the host that is wrong");
}

static bool
check_server(struct doctor *d)
{
    struct err   e = ERR_INIT;
    int64_t      before_ms = clock_wall_us() / 1000, number = 0, now_ms = 0;
    struct json *rows = rows_of(d, CALL_doctor_server, &e);
    int64_t      after_ms = clock_wall_us() / 1000;
    struct json *row = json_item(rows, 0);
    bool         is_good = !e.code && json_int(row, "number", &number) && number >= POSTGRES_MIN && !json_bool(row, "is_standby");

    if (e.code) {
        doctor_say(d, DOCTOR_FAIL, "database", "%s", e.text);
        doctor_mend(d, "start Postgres, or correct ORCH_DATABASE_URL");
    } else if (number < POSTGRES_MIN) {
        doctor_say(d, DOCTOR_FAIL, "database", "PostgreSQL %s is too old", json_str(row, "version"));
        doctor_mend(d, "move the database to PostgreSQL 15 or newer");
    } else if (!is_good) {
        doctor_say(d, DOCTOR_FAIL, "database", "it is a standby, where nothing can be written");
        doctor_mend(d, "name all hosts in ORCH_DATABASE_URL, with target_session_attrs=read-write");
    } else {
        doctor_say(d, DOCTOR_OK, "database", "PostgreSQL %s can be reached", json_str(row, "version"));
    }
    if (!e.code && json_int(row, "now_ms", &now_ms))
        judge_clock(d, now_ms, before_ms, after_ms);
    json_free(rows);
    return is_good;
}

static bool
check_schema(struct doctor *d)
{
    struct err e = ERR_INIT;

    if (!db_check_schema(d->cfg->database_url, &e)) {
        doctor_say(d, DOCTOR_OK, "schema", "it is the one of orchd " ORCH_VERSION);
        return true;
    }
    doctor_say(d, DOCTOR_FAIL, "schema", "%s", e.text);
    if (e.code == ERR_GONE)
        doctor_mend(d, "orchd migrate   as the owner of the schema");
    else if (e.code == ERR_DENIED)
        doctor_mend(d, "grant orch_service to the login in ORCH_DATABASE_URL");
    else
        doctor_mend(d, "install the orchd that migrated this database, or a newer one");
    return false;
}

static void
check_rights(struct doctor *d)
{
    struct err   e = ERR_INIT;
    struct json *rows = rows_of(d, CALL_doctor_rights, &e);
    struct json *row = json_item(rows, 0);
    const char  *role = json_str(row, "role"), *lacking = json_str(row, "lacking");

    if (e.code) {
        doctor_say(d, DOCTOR_FAIL, "rights", "they could not be asked: %s", e.text);
        doctor_mend(d, "orchctl doctor   once more");
    } else if (!json_bool(row, "has_roles")) {
        doctor_say(d, DOCTOR_WARN, "rights", "there is no role orch_service, so nobody but the owner can be the service");
        doctor_mend(d, "alter role <owner> createrole; then orchd migrate");
    } else if (lacking) {
        doctor_say(d, DOCTOR_FAIL, "rights", "role \"%s\" may not do what the service does: %.200s", role, lacking);
        doctor_mend(d, "grant orch_service to \"%s\";", role);
    } else if (json_bool(row, "is_superuser")) {
        doctor_say(d, DOCTOR_WARN, "rights", "role \"%s\" is a superuser, which is more than the service needs", role);
        doctor_mend(d, "create role orchd login in role orch_service;   and name it in ORCH_DATABASE_URL");
    } else {
        doctor_say(d, DOCTOR_OK, "rights", "role \"%s\" may do what the service does", role);
    }
    json_free(rows);
}

/* --- NOTIFY ------------------------------------------------------------------------------------------------------------------------------ */

#define RING_MAGIC 0x72696e67u /* "ring" */
#define CHANNEL    "orch_doctor"

struct ring {
    uint32_t           magic;
    struct doctor     *doctor;
    struct db         *db;
    struct loop_timer *timer;
    char               payload[64];
    bool               is_up, is_heard;
};

static void
on_late(void *arg)
{
    struct ring *r = CHECKED(arg, RING_MAGIC);

    r->timer = NULL;
    loop_quit(r->doctor->loop);
}

/* From a connection of its own: a pooler may give that which called the session of that which listens, and hand it the message. */
static void
ring(struct ring *r)
{
    struct err   e = ERR_INIT;
    struct json *rows = NULL;

    db_sync_rows(r->doctor->cfg->database_url, CALL_doctor_ring, (const char *const[]){ CHANNEL, r->payload }, NULL, &rows, &e);
    json_free(rows);
}

static void
on_notify(const char *payload, void *arg)
{
    struct ring *r = CHECKED(arg, RING_MAGIC);

    if (payload && str_equal(payload, r->payload)) {
        r->is_heard = true;
        loop_quit(r->doctor->loop);
    } else if (!payload && !r->is_up) {
        r->is_up = true;
        loop_timer_stop(r->timer);
        r->timer = loop_after(r->doctor->loop, RING_WAIT_MS, on_late, r);
        ring(r);
    }
}

/* A message is sent the one way and has to arrive the other: both lead to one database, and no pooler takes the LISTEN apart. */
static void
check_notify(struct doctor *d)
{
    const struct config *c = d->cfg;
    struct err           e = ERR_INIT;
    struct ring          r = { .magic = RING_MAGIC, .doctor = d };
    struct db_options    options = { .url = *c->listen_url ? c->listen_url : c->database_url,
                                     .connections = 1,
                                     .call_timeout_ms = CONNECT_WAIT_MS,
                                     .application = "orchctl doctor" };

    snprintf(r.payload, sizeof r.payload, "%d-%" PRId64, (int)getpid(), clock_wall_us());
    if (db_open(&r.db, d->loop, &options, &e)) {
        doctor_say(d, DOCTOR_FAIL, "notify", "%s", e.text);
        doctor_mend(d, "correct ORCH_LISTEN_URL");
        return;
    }
    r.timer = loop_after(d->loop, CONNECT_WAIT_MS, on_late, &r);
    db_listen(r.db, CHANNEL, on_notify, &r);
    loop_run(d->loop);
    loop_timer_stop(r.timer);
    db_close(r.db);
    if (r.is_heard) {
        doctor_say(d, DOCTOR_OK, "notify", "a NOTIFY arrives");
    } else if (!r.is_up) {
        doctor_say(d, DOCTOR_FAIL, "notify", "the connection for LISTEN cannot be made");
        doctor_mend(d, "correct ORCH_LISTEN_URL");
    } else {
        doctor_say(d, DOCTOR_FAIL, "notify",
                   "a NOTIFY does not arrive: a transaction pooler is in between, or ORCH_LISTEN_URL is another database");
        doctor_mend(d, "set ORCH_LISTEN_URL to Postgres itself, of the same database");
    }
}

/* --- what the rows say ------------------------------------------------------------------------------------------------------------------- */

static void
check_nodes(struct doctor *d)
{
    int alive = 0;

    for (size_t i = 0; i < json_len(d->nodes); i++) {
        struct json *row = json_item(d->nodes, i);
        const char  *node = json_str(row, "node"), *state = json_str(row, "state"), *version = json_str(row, "version");
        alive += str_equal(state, "alive");
        if (str_equal(state, "gone")) {
            doctor_say(d, DOCTOR_WARN, "nodes", "node \"%s\" is gone: its last heartbeat is %s old", node, json_str(row, "age"));
            doctor_mend(d, "start orchd there; clean-up that only it can do waits for it");
        } else if (str_equal(state, "alive") && !str_equal(version, ORCH_VERSION)) {
            doctor_say(d, DOCTOR_WARN, "nodes", "node \"%s\" runs orchd %s, and this is " ORCH_VERSION, node, version);
            doctor_mend(d, "install orchd " ORCH_VERSION " there");
        }
    }
    if (alive) {
        doctor_say(d, DOCTOR_OK, "nodes", "alive: %d", alive);
    } else {
        doctor_say(d, DOCTOR_WARN, "nodes", "none is alive: no webhook is taken and no job runs");
        doctor_mend(d, "orchd serve   (systemctl start orchd)");
    }
}

static void
check_left(struct doctor *d)
{
    struct err   e = ERR_INIT;
    struct json *rows = rows_of(d, CALL_doctor_left, &e);
    int64_t      dead = 0, stops = 0;

    json_int(json_item(rows, 0), "dead_effects", &dead);
    json_int(json_item(rows, 0), "stops", &stops);
    if (dead) {
        doctor_say(d, DOCTOR_WARN, "effects", "%" PRId64 " effects gave up", dead);
        doctor_mend(d, "orchctl dead-effects   then orchctl retry-effect EFFECT");
    }
    if (stops) {
        doctor_say(d, DOCTOR_WARN, "stops", "%" PRId64 " STOPs need a hand", stops);
        doctor_mend(d, "orchctl stops   then orchctl why TASK");
    }
    if (!e.code && !dead && !stops)
        doctor_say(d, DOCTOR_OK, "effects", "none gave up, and no STOP needs a hand");
    json_free(rows);
}

void
doctor_check_database(struct doctor *d)
{
    struct err e = ERR_INIT;

    if (!check_server(d) || !check_schema(d))
        return;
    check_rights(d);
    check_notify(d);
    d->nodes = rows_of(d, CALL_show_nodes, &e);
    if (!e.code)
        d->projects = rows_of(d, CALL_show_projects, &e);
    if (!e.code)
        d->deliveries = rows_of(d, CALL_doctor_deliveries, &e);
    if (e.code) {
        doctor_say(d, DOCTOR_FAIL, "database", "%s", e.text);
        doctor_mend(d, "grant orch_service to the login in ORCH_DATABASE_URL");
        return;
    }
    check_nodes(d);
    check_left(d);
}
