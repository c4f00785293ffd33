/* migrate_int: migrate.h with files of the caller's choice, for the tests. */
#ifndef ORCH_DB_MIGRATE_INT_H
#define ORCH_DB_MIGRATE_INT_H

#include "base/err.h"
#include "db/sql_files.h"

int migrate_files(const char *url, const struct sql_file *files, struct err *e);
int check_files(const char *url, const struct sql_file *files, struct err *e);

#endif
