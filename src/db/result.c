/* result: reading what Postgres answered. All values travel as text; null and absent are different things. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "db/db_int.h"

enum err_code
db_code(const char *sqlstate)
{
    /* First match wins; two characters are a class. What is not listed is a broken promise of ours.
     * 57014: a statement_timeout or an operator's pg_cancel_backend(). 25006: the primary became a standby under us. */
    static const struct {
        const char   *prefix;
        enum err_code code;
    } map[] = {
        { "OR410", ERR_GONE },   { "OR404", ERR_GONE },  { "OR409", ERR_INVALID }, { "OR422", ERR_INVALID },
        { "08", ERR_RETRY },     { "57P0", ERR_RETRY },  { "57014", ERR_RETRY },   { "25006", ERR_RETRY },
        { "40001", ERR_RETRY },  { "40P01", ERR_RETRY }, { "55P03", ERR_RETRY },   { "53", ERR_RETRY },
        { "42501", ERR_DENIED }, { "28", ERR_DENIED },   { "22", ERR_INVALID },    { "23", ERR_INVALID },
    };

    if (!sqlstate[0])
        return ERR_RETRY; /* libpq's own: the connection is gone */
    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        if (str_starts(sqlstate, map[i].prefix))
            return map[i].code;
    return ERR_BUG;
}

static const char *
field(const PGresult *res, int code)
{
    const char *text = res ? PQresultErrorField(res, code) : NULL;

    return text ? text : "";
}

void
result_err(const PGresult *res, const char *call, struct err *e)
{
    const char *state = field(res, PG_DIAG_SQLSTATE);
    const char *text = field(res, PG_DIAG_MESSAGE_PRIMARY);

    if (!text[0] && res)
        text = PQresultErrorMessage(res);
    if (!text[0])
        text = "the connection to Postgres was lost";
    err_set(e, db_code(state), "%s", text);
    /* Ours to repair, so it says where; what people may cause keeps the words that the function chose for them. */
    if (e->code == ERR_BUG)
        err_prefix(e, "call \"%s\" (%s)", call, state);
    size_t len = strlen(e->text);
    if (len && e->text[len - 1] == '\n')
        e->text[len - 1] = '\0';
}

int
db_rows(const struct db_result *r)
{
    return r->res && PQresultStatus(r->res) == PGRES_TUPLES_OK ? PQntuples(r->res) : 0;
}

const char *
db_text(const struct db_result *r, int row, const char *column)
{
    CHECK(row >= 0 && row < db_rows(r));
    int at = PQfnumber(r->res, column);
    CHECK(at >= 0);
    return PQgetisnull(r->res, row, at) ? NULL : PQgetvalue(r->res, row, at);
}

int64_t
db_int(const struct db_result *r, int row, const char *column)
{
    const char *text = db_text(r, row, column);

    return text ? (int64_t)strtoll(text, NULL, 10) : 0;
}

bool
db_bool(const struct db_result *r, int row, const char *column)
{
    const char *text = db_text(r, row, column);

    return text && text[0] == 't';
}

const char *
db_sqlstate(const struct db_result *r)
{
    return field(r->res, PG_DIAG_SQLSTATE);
}
