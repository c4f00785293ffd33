/* migrate: bring the schema up to this binary's version, and ask how far it is. Synchronous: commands use it, the service does not. */
#ifndef ORCH_DB_MIGRATE_H
#define ORCH_DB_MIGRATE_H

#include "base/err.h"

/* Applies what is missing, under an advisory lock, all in one transaction; checks the digest of what was applied before; then
 * re-creates functions and views. Safe to run twice and at the same moment. */
int db_migrate(const char *url, struct err *e);

/* Fails with ERR_GONE and what to do ("run orchd migrate") when the database is older, ERR_INVALID when it is newer or was edited,
 * ERR_RETRY when Postgres cannot be reached. */
int db_check_schema(const char *url, struct err *e);

#endif
