/* migrate: the schema that was built into this binary, brought to a database.
 * Migrations are numbered by the first four digits of their file, without gaps, from 1. orch.migrations remembers each with its digest;
 * version 0 stands for all functions, views and grants together. Everything happens under one advisory lock of the session, so that two
 * migrates at one moment become one after the other. */
#include "db/migrate.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/str.h"
#include "db/db_int.h"
#include "db/migrate_int.h"

/* "orch" in ASCII: a number that nobody else picks by chance. */
#define MIGRATE_LOCK "1869767528"

static const char bootstrap[] =
    "set client_min_messages = warning;\n"
    "create schema if not exists orch;\n"
    "create table if not exists orch.migrations (\n"
    "    version    int primary key,\n"
    "    name       text not null,\n"
    "    digest     text not null,\n"
    "    applied_at timestamptz not null default now());\n"
    "comment on table orch.migrations is\n"
    "    'What orchd migrate has applied. Version 0 stands for the functions, views and grants, which every migrate makes anew.';\n"
    "comment on column orch.migrations.version is 'Number of the migration; 0 = functions, views and grants.';\n"
    "comment on column orch.migrations.name is 'Its file in sql/migrations/.';\n"
    "comment on column orch.migrations.digest is 'SHA-256 of the file as it was applied, in hex. A released migration is never edited.';\n"
    "comment on column orch.migrations.applied_at is 'When it was applied.';\n";

static bool
is_migration(const struct sql_file *f)
{
    return str_equal(f->kind, "migrations");
}

static int
version_of(const struct sql_file *f)
{
    return (int)strtol(f->name, NULL, 10);
}

/* One text of all functions, views and grants, whose digest stands for them. */
static char *
text_of_rest(const struct sql_file *files)
{
    struct buf all = { 0 };

    for (; files->kind; files++)
        if (!is_migration(files))
            buf_add_str(&all, files->text);
    return buf_take(&all);
}

/* What the database says of one version: *is_there, and whether its digest is that of our text. */
static int
compare(PGconn *pg, int version, const char *text, bool *is_there, bool *is_same, struct err *e)
{
    char        number[16];
    const char *params[] = { number, text };
    PGresult   *res = NULL;

    snprintf(number, sizeof number, "%d", version);
    res = sync_exec(
        pg,
        "select m.digest = encode(sha256(convert_to($2, 'UTF8')), 'hex') as is_same from orch.migrations as m where m.version = $1::int", 2,
        params, e);
    if (!res)
        goto out;
    *is_there = PQntuples(res) == 1;
    *is_same = *is_there && PQgetvalue(res, 0, 0)[0] == 't';
out:
    PQclear(res);
    return e->code;
}

static int
newest(PGconn *pg, int *version, struct err *e)
{
    PGresult *res = sync_exec(pg, "select coalesce(max(m.version), 0) from orch.migrations as m", 0, NULL, e);

    if (res)
        *version = (int)strtol(PQgetvalue(res, 0, 0), NULL, 10);
    PQclear(res);
    return e->code;
}

/* Neither an edited past nor a future that this binary does not know. *ours is the newest version built in, *theirs the newest applied. */
static int
check_past(PGconn *pg, const struct sql_file *files, int *ours, int *theirs, struct err *e)
{
    bool is_there = false;
    bool is_same = false;

    *ours = 0;
    if (newest(pg, theirs, e))
        goto out;
    for (const struct sql_file *f = files; f->kind && is_migration(f); f++) {
        *ours = version_of(f);
        if (*ours > *theirs)
            continue;
        if (compare(pg, *ours, f->text, &is_there, &is_same, e))
            goto out;
        if (is_there && !is_same) {
            err_set(e, ERR_INVALID, "migration \"%s\" differs from the one that was applied: a released migration is never edited",
                    f->name);
            goto out;
        }
    }
    if (*theirs > *ours)
        err_set(e, ERR_INVALID, "the database is newer (version %d) than this orchd (version %d): run a newer orchd", *theirs, *ours);
out:
    return e->code;
}

static int
remember(PGconn *pg, int version, const char *name, const char *text, struct err *e)
{
    char        number[16];
    const char *params[] = { number, name, text };

    snprintf(number, sizeof number, "%d", version);
    PGresult *res = sync_exec(
        pg,
        "insert into orch.migrations as m (version, name, digest) values ($1::int, $2, encode(sha256(convert_to($3, 'UTF8')), 'hex'))"
        " on conflict (version) do update set name = excluded.name, digest = excluded.digest, applied_at = now()",
        3, params, e);
    PQclear(res);
    return e->code;
}

static int
apply_migration(PGconn *pg, const struct sql_file *f, struct err *e)
{
    if (sync_run(pg, f->text, e) || remember(pg, version_of(f), f->name, f->text, e))
        err_prefix(e, "could not apply migration \"%s\"", f->name);
    return e->code;
}

/* What a file of sql/ has to say to the person who migrates. */
static void
on_warning(void *arg, const PGresult *res)
{
    (void)arg;
    const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    const char *hint = PQresultErrorField(res, PG_DIAG_MESSAGE_HINT);

    LOGW("db.migrate_warned", "text=%s hint=%s", log_quote(text ? text : ""), log_quote(hint ? hint : ""));
}

/* Bodies are checked when they run, because they may name functions and views that come later. */
static int
recreate(PGconn *pg, const struct sql_file *files, struct err *e)
{
    char *text = text_of_rest(files);

    if (sync_run(pg, "set local check_function_bodies = off", e))
        goto out;
    for (const struct sql_file *f = files; f->kind; f++) {
        if (!is_migration(f) && sync_run(pg, f->text, e)) {
            err_prefix(e, "could not create \"sql/%s/%s\"", f->kind, f->name);
            goto out;
        }
    }
    remember(pg, 0, "functions, views and grants", text, e);
out:
    free(text);
    return e->code;
}

int
migrate_files(const char *url, const struct sql_file *files, struct err *e)
{
    PGconn *pg = NULL;
    int     ours = 0;
    int     theirs = 0;

    if (!(pg = sync_connect(url, "orchd migrate", e)))
        goto out;
    PQsetNoticeReceiver(pg, on_warning, NULL);
    if (sync_run(pg, "select pg_advisory_lock(" MIGRATE_LOCK ")", e) || sync_run(pg, bootstrap, e) ||
        check_past(pg, files, &ours, &theirs, e))
        goto out;
    /* In one transaction: a service that runs meanwhile sees all of the old or all of the new. */
    if (sync_run(pg, "begin", e))
        goto out;
    for (const struct sql_file *f = files; f->kind && is_migration(f); f++)
        if (version_of(f) > theirs && apply_migration(pg, f, e))
            goto out;
    if (recreate(pg, files, e) || sync_run(pg, "commit", e))
        goto out;
    for (const struct sql_file *f = files; f->kind && is_migration(f); f++)
        if (version_of(f) > theirs)
            LOGI("db.migrated", "version=%d name=%s", version_of(f), f->name);
out:
    PQfinish(pg); /* and with it the lock, and a transaction that failed */
    return e->code;
}

static int
has_table(PGconn *pg, bool *out, struct err *e)
{
    PGresult *res = sync_exec(pg, "select to_regclass('orch.migrations') is not null", 0, NULL, e);

    if (res)
        *out = PQgetvalue(res, 0, 0)[0] == 't';
    PQclear(res);
    return e->code;
}

int
check_files(const char *url, const struct sql_file *files, struct err *e)
{
    PGconn *pg = NULL;
    char   *text = NULL;
    bool    is_there = false;
    bool    is_same = false;
    int     ours = 0;
    int     theirs = 0;

    if (!(pg = sync_connect(url, "orchd", e)) || has_table(pg, &is_there, e))
        goto out;
    if (!is_there) {
        err_set(e, ERR_GONE, "the database has no schema \"orch\" yet: run orchd migrate");
        goto out;
    }
    if (check_past(pg, files, &ours, &theirs, e))
        goto out;
    if (theirs < ours) {
        err_set(e, ERR_GONE, "the database is older (version %d) than this orchd (version %d): run orchd migrate", theirs, ours);
        goto out;
    }
    text = text_of_rest(files);
    if (compare(pg, 0, text, &is_there, &is_same, e))
        goto out;
    if (!is_same)
        err_set(e, ERR_GONE, "the database has the functions and views of another orchd: run orchd migrate");
out:
    free(text);
    PQfinish(pg);
    return e->code;
}

int
db_migrate(const char *url, struct err *e)
{
    return migrate_files(url, sql_files, e);
}

int
db_check_schema(const char *url, struct err *e)
{
    return check_files(url, sql_files, e);
}
