/* sync: blocking access for commands. */
#include "db/sync.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "db/db_int.h"

/* Types of pg_type.dat whose text is a JSON number as it stands (but for NaN and infinity), a boolean, or JSON itself. */
enum {
    OID_BOOL = 16,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_JSON = 114,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_INTERVAL = 1186,
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

static void
print_json(const PGresult *res, FILE *out)
{
    struct json *rows = json_new_array();

    for (int row = 0; row < PQntuples(res); row++) {
        struct json *object = json_new_object();
        for (int at = 0; at < PQnfields(res); at++) {
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
        json_push(rows, object);
    }
    fprintf(out, "%s\n", json_text(rows));
    json_free(rows);
}

/* What a person reads of a value. Nobody reads the microseconds of an age. */
static size_t
length(const PGresult *res, int row, int at)
{
    const char *text = PQgetvalue(res, row, at);

    return PQftype(res, at) == OID_INTERVAL ? strcspn(text, ".") : strlen(text);
}

/* Columns on a terminal: a character that starts no new code point takes no room. */
static int
width(const char *text, size_t len)
{
    int n = 0;

    for (size_t i = 0; i < len; i++)
        n += (text[i] & 0xC0) != 0x80;
    return n;
}

/* One line a row: a line break or a tab would tear the table. */
static void
print_cell(const char *text, size_t len, int to, bool is_right, bool is_last, FILE *out)
{
    int pad = to - width(text, len);

    if (is_right)
        fprintf(out, "%*s", pad, "");
    for (size_t i = 0; i < len; i++)
        fputc((unsigned char)text[i] < ' ' || text[i] == 0x7F ? ' ' : text[i], out);
    if (!is_last)
        fprintf(out, "%*s", is_right ? 2 : pad + 2, "");
}

static void
print_table(const PGresult *res, FILE *out)
{
    int  fields = PQnfields(res);
    int *wide = xcalloc((size_t)fields + 1, sizeof *wide);

    for (int at = 0; at < fields; at++) {
        wide[at] = width(PQfname(res, at), strlen(PQfname(res, at)));
        for (int row = 0; row < PQntuples(res); row++) {
            int w = width(PQgetvalue(res, row, at), length(res, row, at));
            wide[at] = w > wide[at] ? w : wide[at];
        }
    }
    for (int row = -1; row < PQntuples(res); row++) {
        for (int at = 0; at < fields; at++) {
            const char *text = row < 0 ? PQfname(res, at) : PQgetvalue(res, row, at);
            size_t      len = row < 0 ? strlen(text) : length(res, row, at);
            print_cell(text, len, wide[at], is_number(PQftype(res, at)), at == fields - 1, out);
        }
        fputc('\n', out);
    }
    free(wide);
}

int
db_sync_table(const char *url, enum db_call_id id, const char *const *params, FILE *out, bool as_json, int *rows, struct err *e)
{
    const struct call_def *call = &db_call_defs[id];
    PGconn                *pg = NULL;
    PGresult              *res = NULL;

    if (!(pg = sync_connect(url, "orchctl", e)) || !(res = sync_exec(pg, call->sql, call->params, params, e)))
        goto out;
    if (as_json)
        print_json(res, out);
    else
        print_table(res, out);
    if (rows)
        *rows = PQntuples(res);
out:
    PQclear(res);
    PQfinish(pg);
    return e->code;
}
