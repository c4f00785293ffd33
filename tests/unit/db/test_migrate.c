/* The schema that is built in, brought to databases that are empty, up to date, older, newer, edited, or being migrated at this moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "../devdb.h"
#include "db/db_int.h"
#include "db/migrate.h"
#include "db/migrate_int.h"

static void
assert_fine(int code, const struct err *e)
{
    if (code)
        print_error("%s\n", e->text);
    assert_int_equal(code, ERR_NONE);
}

/* The same database as somebody else. */
static char *
url_of(const char *user, const char *url)
{
    return xasprintf("postgresql://%s%s", user, strchr(url, '@'));
}

/* Comes first: roles belong to the cluster, and every later test makes them. */
static void
X3_migrate__an_owner_who_may_not_create_roles_grants_to_those_that_are_there(void **state)
{
    (void)state;
    static const char grantees[] = "select string_agg(r.rolname, ' ' order by r.rolname) from pg_roles as r where r.rolname like 'orch\\_%'"
                                   " and has_schema_privilege(r.oid, 'orch', 'usage')";
    struct err        e = ERR_INIT;

    devdb_do("create role plain login");
    char *all = devdb_new_database("plain owner plain");
    char *url = url_of("plain", all);
    url[strcspn(url, " ")] = '\0';
    devdb_do("create role orch_reader");
    assert_fine(db_migrate(url, &e), &e);
    char *some = devdb_sql(url, grantees);
    assert_string_equal(some, "orch_reader");
    devdb_do("create role orch_service; create role orch_operator; create role orch_producer");
    assert_fine(db_migrate(url, &e), &e);
    char *more = devdb_sql(url, grantees);
    assert_string_equal(more, "orch_operator orch_producer orch_reader orch_service");
    assert_fine(db_check_schema(url, &e), &e);
    free(some);
    free(more);
    free(all);
    free(url);
}

static void
X3_migrate__the_service_and_a_reader_may_ask_how_far_the_schema_is(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    char      *url = devdb_new_database("asked");
    char      *service = url_of("asking_service", url);
    char      *stranger = url_of("asking_stranger", url);

    assert_fine(db_migrate(url, &e), &e);
    devdb_do("create role asking_service login in role orch_service; create role asking_stranger login");
    assert_fine(db_check_schema(service, &e), &e);
    assert_int_equal(db_check_schema(stranger, &e), ERR_DENIED);
    free(service);
    free(stranger);
    free(url);
}

static void
TC_14_D3_migrate__twice_changes_nothing(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    char      *url = devdb_new_database("twice");

    assert_int_equal(db_check_schema(url, &e), ERR_GONE);
    assert_non_null(strstr(e.text, "run orchd migrate"));
    err_clear(&e);
    assert_fine(db_migrate(url, &e), &e);
    assert_fine(db_check_schema(url, &e), &e);
    char *before = devdb_sql(
        url, "select string_agg(m.version || m.digest || m.applied_at, ',' order by 1) from orch.migrations as m where m.version > 0");
    assert_fine(db_migrate(url, &e), &e);
    char *after = devdb_sql(
        url, "select string_agg(m.version || m.digest || m.applied_at, ',' order by 1) from orch.migrations as m where m.version > 0");
    assert_string_equal(before, after);
    assert_fine(db_check_schema(url, &e), &e);
    free(before);
    free(after);
    free(url);
}

static void *
migrate_in_thread(void *url)
{
    struct err *e = xcalloc(1, sizeof *e);

    db_migrate(url, e);
    return e;
}

static void
TC_14_D3_migrate__four_at_one_moment_are_one(void **state)
{
    (void)state;
    pthread_t threads[4];
    char     *url = devdb_new_database("at_once");

    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, migrate_in_thread, url), 0);
    for (int i = 0; i < 4; i++) {
        void *answer = NULL;
        pthread_join(threads[i], &answer);
        assert_fine(((struct err *)answer)->code, answer);
        free(answer);
    }
    free(url);
}

static void
D3_migrate__an_edited_migration_is_refused_by_name(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    char      *url = devdb_new_database("edited");

    assert_fine(db_migrate(url, &e), &e);
    free(devdb_sql(url, "update orch.migrations set digest = repeat('0', 64) where version = 1"));
    assert_int_equal(db_migrate(url, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "\"0001_"));
    err_clear(&e);
    assert_int_equal(db_check_schema(url, &e), ERR_INVALID);
    free(url);
}

static void
D3_migrate__a_database_of_the_future_is_left_alone(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    char      *url = devdb_new_database("newer");

    assert_fine(db_migrate(url, &e), &e);
    free(devdb_sql(url, "insert into orch.migrations (version, name, digest) values (9999, '9999_future.sql', '')"));
    assert_int_equal(db_migrate(url, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "newer"));
    err_clear(&e);
    assert_int_equal(db_check_schema(url, &e), ERR_INVALID);
    free(url);
}

static void
D3_migrate__goes_on_from_an_older_version_and_keeps_the_data(void **state)
{
    (void)state;
    static const struct sql_file one[] = {
        { "migrations", "0001_a.sql", "create table orch.a (id int); insert into orch.a values (1);" },
        { "functions", "f.sql", "create or replace function orch.f() returns bigint language sql as 'select count(*) from orch.a';" },
        { "views", "v.sql", "create or replace view orch.v as select orch.f() as n;" },
        { NULL, NULL, NULL },
    };
    static const struct sql_file two[] = {
        { "migrations", "0001_a.sql", "create table orch.a (id int); insert into orch.a values (1);" },
        { "migrations", "0002_b.sql", "insert into orch.a values (2);" },
        { "functions", "f.sql", "create or replace function orch.f() returns bigint language sql as 'select 10 + count(*) from orch.a';" },
        { "views", "v.sql", "create or replace view orch.v as select orch.f() as n;" },
        { NULL, NULL, NULL },
    };
    struct err e = ERR_INIT;
    char      *url = devdb_new_database("older");

    assert_fine(migrate_files(url, one, &e), &e);
    assert_int_equal(check_files(url, two, &e), ERR_GONE);
    err_clear(&e);
    assert_fine(migrate_files(url, two, &e), &e);
    assert_fine(check_files(url, two, &e), &e);
    char *n = devdb_sql(url, "select n from orch.v");
    assert_string_equal(n, "12");
    free(n);
    free(url);
}

static void
D3_migrate__a_migration_that_fails_leaves_nothing_and_names_file_and_line(void **state)
{
    (void)state;
    static const struct sql_file bad[] = {
        { "migrations", "0001_good.sql", "create table orch.good (id int);" },
        { "migrations", "0002_bad.sql", "create table orch.half (id int);\nselect wrong;" },
        { NULL, NULL, NULL },
    };
    struct err e = ERR_INIT;
    char      *url = devdb_new_database("failing");

    assert_int_equal(migrate_files(url, bad, &e), ERR_BUG);
    assert_non_null(strstr(e.text, "0002_bad.sql"));
    assert_non_null(strstr(e.text, "line 2"));
    char *left = devdb_sql(url, "select concat(to_regclass('orch.good'), to_regclass('orch.half'), max(version)) from orch.migrations");
    assert_string_equal(left, "");
    free(left);
    free(url);
}

static void
migrate__an_unreachable_postgres_is_retry(void **state)
{
    (void)state;
    struct err e = ERR_INIT;

    assert_int_equal(db_migrate("postgresql://nobody@127.0.0.1:1/none", &e), ERR_RETRY);
    err_clear(&e);
    assert_int_equal(db_check_schema("postgresql://nobody@127.0.0.1:1/none", &e), ERR_RETRY);
}

static void
calls_def__every_call_prepares_against_a_fresh_schema(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    char      *url = devdb_new_database("fresh");
    int        bad = 0;

    assert_fine(db_migrate(url, &e), &e);
    PGconn *pg = PQconnectdb(url);
    for (int i = 0; i < CALL_COUNT; i++) {
        const struct call_def *def = &db_call_defs[i];
        PGresult              *res = PQprepare(pg, def->name, def->sql, 0, NULL);
        if (PQresultStatus(res) != PGRES_COMMAND_OK) {
            print_error("%s: %s", def->name, PQresultErrorMessage(res));
            bad++;
        }
        PQclear(res);
        res = PQdescribePrepared(pg, def->name);
        if (PQnparams(res) != def->params || call_def_params(def->sql) != def->params) {
            print_error("%s: %d parameters, not %d\n", def->name, PQnparams(res), def->params);
            bad++;
        }
        PQclear(res);
    }
    PQfinish(pg);
    assert_int_equal(bad, 0);
    free(url);
}

static void
X3_calls_def__the_service_has_the_right_to_each(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    char      *url = devdb_new_database("rights");
    int        bad = 0;

    assert_fine(db_migrate(url, &e), &e);
    PGconn *pg = PQconnectdb(url);
    for (int i = 0; i < CALL_COUNT; i++) {
        const char *params[] = { db_call_defs[i].sql };
        PGresult   *res = PQexecParams(
              pg,
              "select string_agg(m[1], ' ') from regexp_matches($1, 'orch\\.(\\w+)', 'g') as m"
                " where not coalesce(has_table_privilege('orch_service', to_regclass('orch.' || m[1]), 'select'), false) and not exists ("
                "   select from pg_proc as p where p.pronamespace = 'orch'::regnamespace and p.proname = m[1]"
                "                              and has_function_privilege('orch_service', p.oid, 'execute'))",
              1, NULL, params, NULL, NULL, 0);
        if (PQresultStatus(res) != PGRES_TUPLES_OK || !PQgetisnull(res, 0, 0)) {
            print_error("%s: orch_service has no right to \"%s\" %s", db_call_defs[i].name, PQgetvalue(res, 0, 0), PQerrorMessage(pg));
            bad++;
        }
        PQclear(res);
    }
    PQfinish(pg);
    assert_int_equal(bad, 0);
    free(url);
}

static void
migrate__everything_in_the_schema_has_a_comment(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    char      *url = devdb_new_database("comments");

    assert_fine(db_migrate(url, &e), &e);
    char *bare = devdb_sql(
        url, "select string_agg(what, ', ') from ("
             "select p.oid::regprocedure::text as what from pg_proc as p where p.pronamespace = 'orch'::regnamespace"
             "   and obj_description(p.oid, 'pg_proc') is null"
             " union all select c.oid::regclass::text from pg_class as c where c.relnamespace = 'orch'::regnamespace and c.relkind in"
             "   ('r', 'v', 'p')"
             "   and obj_description(c.oid, 'pg_class') is null"
             " union all select c.oid::regclass || '.' || a.attname from pg_class as c join pg_attribute as a on a.attrelid = c.oid"
             "   where c.relnamespace = 'orch'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped"
             "   and col_description(c.oid, a.attnum) is null) as t");
    assert_string_equal(bare, "");
    free(bare);
    free(url);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(X3_migrate__an_owner_who_may_not_create_roles_grants_to_those_that_are_there),
        cmocka_unit_test(X3_migrate__the_service_and_a_reader_may_ask_how_far_the_schema_is),
        cmocka_unit_test(TC_14_D3_migrate__twice_changes_nothing),
        cmocka_unit_test(TC_14_D3_migrate__four_at_one_moment_are_one),
        cmocka_unit_test(D3_migrate__an_edited_migration_is_refused_by_name),
        cmocka_unit_test(D3_migrate__a_database_of_the_future_is_left_alone),
        cmocka_unit_test(D3_migrate__goes_on_from_an_older_version_and_keeps_the_data),
        cmocka_unit_test(D3_migrate__a_migration_that_fails_leaves_nothing_and_names_file_and_line),
        cmocka_unit_test(migrate__an_unreachable_postgres_is_retry),
        cmocka_unit_test(calls_def__every_call_prepares_against_a_fresh_schema),
        cmocka_unit_test(X3_calls_def__the_service_has_the_right_to_each),
        cmocka_unit_test(migrate__everything_in_the_schema_has_a_comment),
    };
    return cmocka_run_group_tests(tests, devdb_start, devdb_stop);
}
