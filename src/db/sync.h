/* sync: blocking access for commands (orchctl and its doctor), one connection per call. The service never uses it. */
#ifndef ORCH_DB_SYNC_H
#define ORCH_DB_SYNC_H

#include "base/err.h"
#include "base/json.h"
#include "db/db.h"

/* Sends one call. *rows is an array of objects with numbers, booleans, JSON and null as such and all else as strings; *columns, unless that
 * is NULL, an array of the names. Caller frees both. Errors as in db.h; a call that the schema does not know of is ERR_GONE or ERR_INVALID
 * with what to do, as in migrate.h. */
int db_sync_rows(const char *url, enum db_call_id id, const char *const *params, struct json **columns, struct json **rows, struct err *e);

#endif
