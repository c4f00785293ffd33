/* db: asynchronous, pipelined calls of the SQL functions in calls.def, and LISTEN. libpq is seen in this room only.
 * Each call is one statement in its own transaction. A callback fires exactly once, in a later turn, and never after db_forget().
 * When a connection is lost, the calls on it end with ERR_RETRY: the caller cannot know whether they happened, so every function is
 * safe to repeat. Calls made while Postgres is away fail with ERR_RETRY at once or at their deadline; nothing blocks. */
#ifndef ORCH_DB_DB_H
#define ORCH_DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "loop/loop.h"

struct db;
struct db_call;
struct db_result;

enum db_call_id {
#define CALL(name, params, sql) CALL_##name,
#include "db/calls.def"
#undef CALL
    CALL_COUNT
};

struct db_options {
    const char *url;        /* libpq URL or keywords for calls; several hosts are fine */
    const char *listen_url; /* for the LISTEN connection; NULL = url */
    unsigned    connections;
    unsigned    call_timeout_ms; /* a call's deadline, from db_call() on */
    const char *application;     /* application_name */
};

/* e is NULL when the call succeeded. On failure r still answers db_sqlstate(). r is borrowed until the callback returns. */
typedef void db_fn(struct db_result *r, const struct err *e, void *arg);
typedef void db_notify_fn(const char *payload, void *arg);

int  db_open(struct db **out, struct loop *l, const struct db_options *o, struct err *e); /* connects in the background */
void db_close(struct db *db);                                                             /* NULL is fine; silences all */

/* params: as many texts as calls.def says, NULL is SQL null; copied before this returns. */
struct db_call *db_call(struct db *db, enum db_call_id id, const char *const *params, db_fn *fn, void *arg);
void            db_forget(struct db_call *c); /* silences its callback; the statement itself goes on. NULL is fine */

/* Calls fn for each NOTIFY on the channel, and once with payload NULL after each (re)connect, because some may have been missed. */
void db_listen(struct db *db, const char *channel, db_notify_fn *fn, void *arg);

/* As db_call(), but on the connection that listens, for what belongs to its session. ERR_RETRY while that is not up. Answers come in the
 * order of the calls; a loss of the connection is told by their failure first and by payload NULL when it is back. */
struct db_call *db_listener_call(struct db *db, enum db_call_id id, const char *const *params, db_fn *fn, void *arg);

bool db_is_up(const struct db *db);
/* Calls fn(arg) whenever db_is_up() turns true. */
void db_on_up(struct db *db, loop_fn *fn, void *arg);

int         db_rows(const struct db_result *r);
const char *db_text(const struct db_result *r, int row, const char *column); /* NULL for SQL null; unknown column ends the process */
int64_t     db_int(const struct db_result *r, int row, const char *column);  /* 0 for SQL null */
bool        db_bool(const struct db_result *r, int row, const char *column);
const char *db_sqlstate(const struct db_result *r); /* "" when there is none, e.g. on a lost connection */

/* The code for an SQLSTATE that a function gives as a value. */
enum err_code db_code(const char *sqlstate);

#endif
