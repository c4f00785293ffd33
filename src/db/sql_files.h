/* sql_files: the files of sql/ inside the binary: migrations, functions, views and grants, each in the order of their names. */
#ifndef ORCH_DB_SQL_FILES_H
#define ORCH_DB_SQL_FILES_H

struct sql_file {
    const char *kind; /* the directory: "migrations", "functions", "views", "grants" */
    const char *name; /* "0001_tables.sql" */
    const char *text;
};
extern const struct sql_file sql_files[]; /* ends with a kind of NULL */

#endif
