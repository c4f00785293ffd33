/* sync: blocking access for commands. */
#include "db/sync.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "db/db_int.h"
#include "db/migrate.h"

/* Types of pg_type.dat whose text is a JSON number as it stands (but for NaN and infinity), a boolean, or JSON itself. */
enum {
    OID_BOOL = 16,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_JSON = 114,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_NUMERIC = 1700,
    OID_JSONB = 3802
};

PGconn *
sync_connect(const char *url, const char *application, struct err *e)
{
    struct conninfo info = { 0 };
    PGconn         *pg = NULL;
    PGconn         *out = NULL;

    if (conninfo_parse(&info, url, e))
        goto out;
    if (!conninfo_get(&info, "connect_timeout"))
        conninfo_set(&info, "connect_timeout", "5");
    conninfo_set(&info, "client_encoding", "UTF8");
    conninfo_set(&info, "fallback_application_name", application);
    pg = PQconnectdbParams((const char *const *)info.keys, (const char *const *)info.values, 0);
    if (PQstatus(pg) != CONNECTION_OK) {
        char *why = xstrdup(PQerrorMessage(pg));
        why[strcspn(why, "\n")] = '\0';
        err_set(e, ERR_RETRY, "could not connect to Postgres: %s", why);
        free(why);
        goto out;
    }
    out = give(&pg);
out:
    PQfinish(pg);
    conninfo_fini(&info);
    return out;
}

/* The line that Postgres points at, 0 when it points nowhere. It counts characters, we have bytes. */
static int
line_of(const PGresult *res, const char *sql)
{
    const char *text = PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION);
    long        left = text ? strtol(text, NULL, 10) : 0;
    int         line = left > 0;

    for (const char *at = sql; *at && left > 1; at++) {
        left -= (*at & 0xC0) != 0x80;
        line += *at == '\n';
    }
    return line;
}

static void
sync_err(PGconn *pg, const PGresult *res, const char *sql, struct err *e)
{
    const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
    const char *text = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;

    err_set(e, db_code(state ? state : ""), "%s", text ? text : PQerrorMessage(pg));
    int line = res ? line_of(res, sql) : 0;
    if (line > 1)
        err_prefix(e, "line %d", line);
}

PGresult *
sync_exec(PGconn *pg, const char *sql, int count, const char *const *params, struct err *e)
{
    PGresult *res = PQexecParams(pg, sql, count, NULL, params, NULL, NULL, 0);
    PGresult *out = NULL;

    if (PQresultStatus(res) != PGRES_TUPLES_OK && PQresultStatus(res) != PGRES_COMMAND_OK) {
        sync_err(pg, res, sql, e);
        goto out;
    }
    out = give(&res);
out:
    PQclear(res);
    return out;
}

int
sync_run(PGconn *pg, const char *sql, struct err *e)
{
    PGresult *res = PQexec(pg, sql);

    if (PQresultStatus(res) != PGRES_TUPLES_OK && PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_EMPTY_QUERY)
        sync_err(pg, res, sql, e);
    PQclear(res);
    return e->code;
}

static bool
is_number(Oid type)
{
    return type == OID_INT2 || type == OID_INT4 || type == OID_INT8 || type == OID_FLOAT4 || type == OID_FLOAT8 || type == OID_NUMERIC;
}

static struct json *
parsed(const char *text)
{
    struct err e = ERR_INIT;

    return json_parse(text, strlen(text), &e); /* NULL for NaN: JSON cannot say it */
}

static struct json *
names_of(const PGresult *res)
{
    struct json *names = json_new_array();

    for (int at = 0; at < PQnfields(res); at++)
        json_push_str(names, PQfname(res, at));
    return names;
}

static void
set_value(struct json *object, const PGresult *res, int row, int at)
{
    const char *key = PQfname(res, at);
    const char *value = PQgetvalue(res, row, at);
    Oid         type = PQftype(res, at);

    if (PQgetisnull(res, row, at))
        json_set(object, key, NULL);
    else if (type == OID_BOOL)
        json_set_bool(object, key, value[0] == 't');
    else if (is_number(type) || type == OID_JSON || type == OID_JSONB)
        json_set(object, key, parsed(value));
    else
        json_set_str(object, key, value);
}

static struct json *
rows_of(const PGresult *res)
{
    struct json *rows = json_new_array();

    for (int row = 0; row < PQntuples(res); row++) {
        struct json *object = json_new_object();
        for (int at = 0; at < PQnfields(res); at++)
            set_value(object, res, row, at);
        json_push(rows, object);
    }
    return rows;
}

/* A schema of another version lacks what we ask for. That is the reason to tell, and it says what to do. */
static void
blame_schema(const char *url, struct err *e)
{
    struct err why = ERR_INIT;

    if (e->code == ERR_BUG && db_check_schema(url, &why) && why.code != ERR_RETRY)
        *e = why;
}

int
db_sync_rows(const char *url, enum db_call_id id, const char *const *params, struct json **columns, struct json **rows, struct err *e)
{
    const struct call_def *call = &db_call_defs[id];
    PGconn                *pg = NULL;
    PGresult              *res = NULL;

    if (!(pg = sync_connect(url, "orchctl", e)))
        goto out;
    if (!(res = sync_exec(pg, call->sql, call->params, params, e))) {
        blame_schema(url, e);
        goto out;
    }
    if (columns)
        *columns = names_of(res);
    *rows = rows_of(res);
out:
    PQclear(res);
    PQfinish(pg);
    return e->code;
}
