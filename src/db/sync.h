/* sync: blocking access for commands (orchctl, doctor), one connection per call. The service never uses it. */
#ifndef ORCH_DB_SYNC_H
#define ORCH_DB_SYNC_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "db/db.h"

/* Sends one call and prints its rows to out: an aligned table with a header line, in which times that passed are cut to seconds, or a JSON
 * array of objects with numbers, booleans, JSON and null as such and all else as strings. *rows, unless NULL, tells how many there were. Errors as in db.h. */
int db_sync_table(const char *url, enum db_call_id id, const char *const *params, FILE *out, bool as_json, int *rows, struct err *e);

#endif
