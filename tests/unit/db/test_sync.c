/* The blocking helper of orchctl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../devdb.h"
#include "db/sync.h"

/* What a call answers whose view is this query: the columns, then the rows. */
static char *
told(const char *sql)
{
    struct err   e = ERR_INIT;
    char        *view = xasprintf("create schema if not exists orch; drop view if exists orch.stops; create view orch.stops as %s", sql);
    struct json *columns = NULL, *rows = NULL;
    char        *text;

    devdb_do(view);
    assert_int_equal(db_sync_rows(devdb_url, CALL_show_stops, NULL, &columns, &rows, &e), 0);
    text = xasprintf("%s %s", json_text(columns), json_text(rows));
    json_free(columns);
    json_free(rows);
    free(view);
    return text;
}

static void
sync__tells_values_by_their_types(void **state)
{
    (void)state;
    char *text = told("select 7 as n, 1.50::numeric as cost, true as yes, null::int as nothing, '{\"a\": [1]}'::jsonb as j, '9' as t,"
                      " interval '26:03:04.567891' as age");

    assert_string_equal(
        text, "[\"n\",\"cost\",\"yes\",\"nothing\",\"j\",\"t\",\"age\"] "
              "[{\"n\":7,\"cost\":1.50,\"yes\":true,\"nothing\":null,\"j\":{\"a\":[1]},\"t\":\"9\",\"age\":\"26:03:04.567891\"}]");
    free(text);
}

static void
sync__no_row_still_has_columns(void **state)
{
    (void)state;
    char *text = told("select 1 as n where false");

    assert_string_equal(text, "[\"n\"] []");
    free(text);
}

static void
C1_sync__a_database_without_our_schema_says_what_to_do(void **state)
{
    (void)state;
    struct err   e = ERR_INIT;
    struct json *rows = NULL;

    devdb_do("drop schema if exists orch cascade");
    assert_int_equal(db_sync_rows(devdb_url, CALL_show_stops, NULL, NULL, &rows, &e), ERR_GONE);
    assert_string_equal(e.text, "the database has no schema \"orch\" yet: run orchd migrate");
    assert_null(rows);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sync__tells_values_by_their_types),
        cmocka_unit_test(sync__no_row_still_has_columns),
        cmocka_unit_test(C1_sync__a_database_without_our_schema_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, devdb_start, devdb_stop);
}
