#include "fake_db.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"

enum { DB_MAGIC = 0x66646200, CALL_MAGIC = 0x66646363, MAX_PARAMS = 6, MAX_CALLS = 512, MAX_ANSWERS = 64, MAX_LISTENERS = 8 };

struct db_result {
    const struct fake_answer *a;
};

struct db_call {
    uint32_t           magic;
    struct db         *db;
    enum db_call_id    id;
    char              *params[MAX_PARAMS];
    db_fn             *fn; /* NULL = silenced */
    void              *arg;
    struct loop_timer *timer;
};

struct db {
    uint32_t     magic;
    struct loop *loop;
    struct {
        enum db_call_id           id;
        const struct fake_answer *a; /* NULL = given */
    } answers[MAX_ANSWERS];
    struct {
        const char   *channel;
        db_notify_fn *fn;
        void         *arg;
    } listeners[MAX_LISTENERS];
    struct {
        loop_fn *fn;
        void    *arg;
    } waiters[MAX_LISTENERS];
    bool            is_down;
    enum db_call_id hanging_id;
    int             hanging;
    int             waiter_count;
    struct db_call *calls[MAX_CALLS];
    int             answer_count, listener_count, call_count;
};

static const int param_counts[] = {
#define CALL(name, params, sql) params,
#include "db/calls.def"
#undef CALL
};

struct db *
fake_db_new(struct loop *l)
{
    struct db *db = xcalloc(1, sizeof(*db));
    db->magic = DB_MAGIC;
    db->loop = l;
    return db;
}

void
fake_db_free(struct db *db)
{
    for (int i = 0; i < db->call_count; i++) {
        loop_timer_stop(db->calls[i]->timer);
        for (int k = 0; k < MAX_PARAMS; k++)
            free(db->calls[i]->params[k]);
        free(db->calls[i]);
    }
    free(db);
}

void
fake_db_push(struct db *db, enum db_call_id id, const struct fake_answer *a)
{
    CHECK(db->answer_count < MAX_ANSWERS);
    db->answers[db->answer_count].id = id;
    db->answers[db->answer_count++].a = a;
}

static const struct fake_answer *
take_answer(struct db *db, enum db_call_id id)
{
    static const struct fake_answer empty = { 0 };
    for (int i = 0; i < db->answer_count; i++) {
        const struct fake_answer *a = db->answers[i].a;
        if (db->answers[i].id != id || !a)
            continue;
        db->answers[i].a = NULL;
        return a;
    }
    return &empty;
}

static void
on_answer(void *arg)
{
    struct db_call  *c = CHECKED(arg, CALL_MAGIC);
    struct db_result r = { .a = take_answer(c->db, c->id) };
    struct err       e = ERR_INIT;
    c->timer = NULL;
    if (r.a->code)
        err_set(&e, r.a->code, "the fake database says so");
    if (c->fn)
        c->fn(&r, e.code ? &e : NULL, c->arg);
}

struct db_call *
db_call(struct db *db, enum db_call_id id, const char *const *params, db_fn *fn, void *arg)
{
    struct db_call *c = xcalloc(1, sizeof(*c));
    CHECK(db->call_count < MAX_CALLS);
    c->magic = CALL_MAGIC;
    c->db = db;
    c->id = id;
    c->fn = fn;
    c->arg = arg;
    for (int i = 0; i < param_counts[id]; i++)
        c->params[i] = xstrdup(params[i]);
    if (db->hanging && db->hanging_id == id)
        db->hanging--;
    else
        c->timer = loop_after(db->loop, 0, on_answer, c);
    db->calls[db->call_count++] = c;
    return c;
}

void
db_forget(struct db_call *c)
{
    if (c)
        c->fn = NULL;
}

void
db_listen(struct db *db, const char *channel, db_notify_fn *fn, void *arg)
{
    CHECK(db->listener_count < MAX_LISTENERS);
    db->listeners[db->listener_count].channel = channel;
    db->listeners[db->listener_count].fn = fn;
    db->listeners[db->listener_count++].arg = arg;
}

void
fake_db_notify(struct db *db, const char *channel, const char *payload)
{
    for (int i = 0; i < db->listener_count; i++)
        if (str_equal(db->listeners[i].channel, channel))
            db->listeners[i].fn(payload, db->listeners[i].arg);
}

void
fake_db_hang(struct db *db, enum db_call_id id, int count)
{
    db->hanging_id = id;
    db->hanging = count;
}

bool
db_is_up(const struct db *db)
{
    return !db->is_down;
}

void
db_on_up(struct db *db, loop_fn *fn, void *arg)
{
    CHECK(db->waiter_count < MAX_LISTENERS);
    db->waiters[db->waiter_count].fn = fn;
    db->waiters[db->waiter_count++].arg = arg;
}

void
fake_db_set_up(struct db *db, bool is_up)
{
    bool was_down = db->is_down;

    db->is_down = !is_up;
    for (int i = 0; was_down && is_up && i < db->waiter_count; i++)
        db->waiters[i].fn(db->waiters[i].arg);
}

static struct db_call *
nth_call(struct db *db, enum db_call_id id, int nth)
{
    for (int i = 0; i < db->call_count; i++)
        if (db->calls[i]->id == id && nth-- == 0)
            return db->calls[i];
    return NULL;
}

int
fake_db_count(struct db *db, enum db_call_id id)
{
    int count = 0;
    while (nth_call(db, id, count))
        count++;
    return count;
}

const char *
fake_db_param(struct db *db, enum db_call_id id, int nth, int param)
{
    struct db_call *c = nth_call(db, id, nth);
    return c ? c->params[param] : NULL;
}

int
db_rows(const struct db_result *r)
{
    return r->a->rows;
}

const char *
db_text(const struct db_result *r, int row, const char *column)
{
    for (int i = 0; i < r->a->columns; i++)
        if (str_equal(r->a->names[i], column))
            return r->a->cells[row * r->a->columns + i];
    return NULL;
}

int64_t
db_int(const struct db_result *r, int row, const char *column)
{
    const char *text = db_text(r, row, column);
    return text ? strtoll(text, NULL, 10) : 0;
}

bool
db_bool(const struct db_result *r, int row, const char *column)
{
    return str_equal(db_text(r, row, column), "t");
}

const char *
db_sqlstate(const struct db_result *r)
{
    (void)r;
    return "";
}
