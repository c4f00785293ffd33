/* db_int: what the files of db/ know of each other.
 * pool.c hands calls to connections, conn.c is one connection, listen.c the one for LISTEN, result.c reads answers, calls.c the table. */
#ifndef ORCH_DB_DB_INT_H
#define ORCH_DB_DB_INT_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "db/db.h"

enum {
    /* Calls sent to one connection and not yet answered. More would only make the ones behind a slow call wait longer. */
    CONN_DEPTH_MAX = 32,
    CONN_BACKOFF_MIN_MS = 50,
    CONN_BACKOFF_MAX_MS = 2000,
    CONN_CONNECT_MS = 5000, /* libpq's connect_timeout does not bind PQconnectPoll() */
    LISTEN_CHECK_MS = 5000, /* a dead peer that sends no reset is noticed after this plus the call's deadline */
    RESOLVE_POLL_MS = 10
};

struct call_def {
    const char *name;
    int         params;
    const char *sql;
};
extern const struct call_def db_call_defs[CALL_COUNT];
int                          call_def_params(const char *sql); /* the highest n of its $n */

struct db_result {
    PGresult *res; /* NULL when the connection was lost */
};
/* Sets *e from a result that is no success; the text is the server's primary message. */
void result_err(const PGresult *res, const char *call, struct err *e);

TAILQ_HEAD(call_list, db_call);

struct conn;

/* waiting (in db->waiting) -> sent (in conn->sent) -> fired; from either -> doomed (in db->doomed, its timer fires at once) -> fired. */
struct db_call {
    uint32_t          magic;
    struct db        *db;
    struct conn      *conn; /* NULL unless sent */
    struct call_list *list;
    TAILQ_ENTRY(db_call) link;
    const char        *name;
    const char        *sql;
    char              *own_sql; /* NULL unless sql is ours */
    int                param_count;
    char             **params;
    struct loop_timer *timer; /* the deadline; when doomed, the next turn */
    PGresult          *res;   /* kept until the sync, because a commit can fail after its rows were sent */
    struct err         why;   /* set when doomed */
    db_fn             *fn;    /* NULL: silenced or fired */
    void              *arg;
};

struct db_call *call_new(struct db *db, const char *name, const char *sql, int param_count, const char *const *params, db_fn *fn,
                         void *arg);
void            call_move(struct db_call *c, struct call_list *to); /* NULL = off every list */
void            call_doom(struct db_call *c, const char *why);      /* ends it with ERR_RETRY in a turn of its own */
void            call_end(struct db_call *c);                        /* fires with what it got and frees */
void            call_free(void *call);

enum conn_state {
    CONN_AWAY,       /* waits for its back-off */
    CONN_RESOLVING,  /* asks for the addresses of its hosts */
    CONN_CONNECTING, /* PQconnectPoll() goes on */
    CONN_UP,
    CONN_CLOSED
};

struct resolve;

struct conn {
    uint32_t           magic;
    struct db         *db;
    const char        *url; /* the pool's */
    bool               is_listener;
    enum conn_state    state;
    PGconn            *pg;      /* NULL unless connecting or up */
    struct resolve    *resolve; /* NULL unless resolving */
    struct loop_watch *watch;
    struct loop_timer *timer;  /* away: back-off; resolving: poll; connecting: deadline */
    int64_t            due_ms; /* resolving: deadline, monotonic */
    struct call_list   sent;
    unsigned           depth;    /* length of sent */
    unsigned           failures; /* attempts to connect that failed since it was up */
    unsigned           turned;   /* hosts to step over: those that did not even answer */
    bool               was_up;
    char               said[256]; /* the last failure logged, so that an outage is one line and not thousands */
};

void conn_init(struct conn *c, struct db *db, const char *url, bool is_listener);
void conn_open(struct conn *c);                       /* starts to connect */
void conn_send(struct conn *c, struct db_call *call); /* only while CONN_UP; takes the call off its list */
void conn_lose(struct conn *c, const char *why);      /* drops it, dooms its calls, and begins anew */
void conn_fini(struct conn *c);                       /* for good; its calls are freed unfired */

/* Called by conn.c */
void pool_on_up(struct db *db, struct conn *c);
void pool_on_away(struct db *db); /* an attempt to connect failed */
void pool_on_room(struct db *db); /* a connection can take more calls */
void listen_on_up(struct db *db);
void listen_on_notify(struct db *db, const PGnotify *n);
void listen_fini(struct db *db);

struct listener {
    uint32_t         magic;
    struct db       *db;
    struct listener *next;
    char            *channel;
    db_notify_fn    *fn;
    void            *arg;
};

struct waiter {
    struct waiter *next;
    loop_fn       *fn;
    void          *arg;
};

struct db {
    uint32_t           magic;
    struct loop       *loop;
    char              *url;
    char              *listen_url;
    char              *application;
    unsigned           call_timeout_ms;
    unsigned           count;
    struct conn       *conns;
    unsigned           up; /* of conns */
    struct call_list   waiting;
    struct call_list   doomed;
    struct waiter     *waiters;
    struct conn       *listener; /* NULL until the first db_listen() */
    struct listener   *listeners;
    struct loop_timer *check; /* of the listener */
    bool               is_closed;
};

#define DB_MAGIC       0x64627000u
#define CALL_MAGIC     0x63616c6cu
#define CONN_MAGIC     0x636f6e6eu
#define LISTENER_MAGIC 0x6c697374u

/* conninfo.c: the keywords for one attempt to connect. */
struct conninfo {
    char **keys; /* NULL-ended, as PQconnectStartParams() wants them */
    char **values;
};

/* Splits a libpq URL or keywords. The error names no part of it, because it may hold a password. */
int         conninfo_parse(struct conninfo *out, const char *url, struct err *e);
const char *conninfo_get(const struct conninfo *c, const char *key); /* NULL when absent */
void        conninfo_set(struct conninfo *c, const char *key, const char *value);
void        conninfo_turn(struct conninfo *c, unsigned by); /* rotates host, hostaddr and port lists */
void        conninfo_fini(struct conninfo *c);

/* resolve.c: addresses for the host names of a conninfo, without blocking: libpq itself would ask the resolver synchronously. */
struct resolve *resolve_start(const struct conninfo *c); /* NULL when there is no name to ask for */
bool            resolve_is_over(struct resolve *r);
bool            resolve_apply(struct resolve *r, struct conninfo *c); /* false: not one address was found */
void            resolve_free(struct resolve *r);                      /* NULL is fine */

/* sync.c: blocking helpers for commands. */
PGconn   *sync_connect(const char *url, const char *application, struct err *e);
PGresult *sync_exec(PGconn *pg, const char *sql, int count, const char *const *params, struct err *e); /* NULL on error; PQclear() it */
int       sync_run(PGconn *pg, const char *sql, struct err *e); /* several statements, no rows wanted */

#endif
