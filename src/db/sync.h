/* sync: blocking access for commands (orchctl, doctor), one connection per call. The service never uses it. */
#ifndef ORCH_DB_SYNC_H
#define ORCH_DB_SYNC_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "db/db.h"

/* Sends one call and prints its rows to out: an aligned table with a header line, or a JSON array of objects with
 * numbers, booleans, JSON and null as such and all else as strings. *rows, unless NULL, tells how many there were. Errors as in db.h. */
int db_sync_table(const char *url, enum db_call_id id, const char *const *params, FILE *out, bool as_json, int *rows, struct err *e);

/* The same for a query of the operator's tools, e.g. "select * from orch.queue". */
int db_sync_query(const char *url, const char *sql, int count, const char *const *params, FILE *out, bool as_json, int *rows,
                  struct err *e);

/* The text of the first row's first column, NULL when there is no row or it is null. Caller frees *text. */
int db_sync_text(const char *url, enum db_call_id id, const char *const *params, char **text, struct err *e);

#endif
