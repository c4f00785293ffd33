/* devdb: a throw-away Postgres for one test program, and a loop that is run until something is true. */
#ifndef ORCH_TESTS_UNIT_DEVDB_H
#define ORCH_TESTS_UNIT_DEVDB_H

#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/str.h"
#include "db/migrate.h"
#include "support/until.h"

static char devdb_dir[64] = "/tmp/orch-unit.XXXXXX";
static char devdb_url[256];

static inline void
devdb_run(const char *verb)
{
    char *command = xasprintf("%s/tools/devdb %s %s", ORCH_SOURCE_DIR, verb, devdb_dir);
    FILE *out = popen(command, "r");

    CHECK(out);
    if (fgets(devdb_url, sizeof devdb_url, out))
        devdb_url[strcspn(devdb_url, "\n")] = '\0';
    CHECK(pclose(out) == 0);
    free(command);
}

static inline int
devdb_start(void **state)
{
    (void)state;
    CHECK(mkdtemp(devdb_dir));
    /* A test that crashes leaves no cluster behind. */
    char *start = xasprintf("start --fast --for %d", (int)getpid());
    devdb_run(start);
    free(start);
    return 0;
}

static inline int
devdb_stop(void **state)
{
    (void)state;
    devdb_run("stop");
    return 0;
}

/* With orchd's schema in it. */
static inline int
devdb_start_migrated(void **state)
{
    struct err e = ERR_INIT;

    devdb_start(state);
    if (db_migrate(devdb_url, &e))
        fprintf(stderr, "%s\n", e.text);
    return e.code;
}

/* Blocking, on a connection of its own: the test's hand, beside the code under test. Answers the first value, "" when there is none. */
static inline char *
devdb_sql(const char *url, const char *sql)
{
    PGconn   *pg = PQconnectdb(url);
    PGresult *res = PQexec(pg, sql);

    if (PQresultStatus(res) != PGRES_TUPLES_OK && PQresultStatus(res) != PGRES_COMMAND_OK)
        fprintf(stderr, "%s\n%s", sql, PQerrorMessage(pg));
    CHECK(PQresultStatus(res) == PGRES_TUPLES_OK || PQresultStatus(res) == PGRES_COMMAND_OK);
    char *text = xstrdup(PQntuples(res) > 0 ? PQgetvalue(res, 0, 0) : "");
    PQclear(res);
    PQfinish(pg);
    return text;
}

static inline void
devdb_do(const char *sql)
{
    free(devdb_sql(devdb_url, sql));
}

/* A new database of the cluster, and its URL; caller frees. */
static inline char *
devdb_new_database(const char *name)
{
    char *sql = xasprintf("create database %s", name);

    devdb_do(sql);
    free(sql);
    return xasprintf("%.*s/%s", (int)(strrchr(devdb_url, '/') - devdb_url), devdb_url, name);
}

/* Runs the loop until is_true(arg); false when the deadline came first. */
static inline bool
devdb_run_until(struct loop *l, bool (*is_true)(void *arg), void *arg)
{
    return until(l, is_true, arg);
}

#endif
