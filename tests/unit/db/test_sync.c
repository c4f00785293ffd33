/* The blocking helper of orchctl: a table for people, JSON for programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../devdb.h"
#include "db/sync.h"

/* What a call prints whose view is this query. */
static char *
printed(const char *sql, bool as_json, int *rows)
{
    struct err e = ERR_INIT;
    char      *view = xasprintf("create schema if not exists orch; drop view if exists orch.stops; create view orch.stops as %s", sql);
    char      *text = NULL;
    size_t     len = 0;
    FILE      *out = open_memstream(&text, &len);

    devdb_do(view);
    assert_int_equal(db_sync_table(devdb_url, CALL_show_stops, NULL, out, as_json, rows, &e), 0);
    fclose(out);
    free(view);
    return text;
}

static const char two_rows[] = "select 7 as id, 'größer' as name, null::text as why union all select 1234, E'a\\nb', 'x' order by 1";

static void
sync__prints_an_aligned_table(void **state)
{
    (void)state;
    int   rows = 0;
    char *text = printed(two_rows, false, &rows);

    assert_string_equal(text, "  id  name    why\n"
                              "   7  größer  \n"
                              "1234  a b     x\n");
    assert_int_equal(rows, 2);
    free(text);
}

static void
sync__prints_json_with_types(void **state)
{
    (void)state;
    char *text = printed("select 7 as n, 1.50::numeric as cost, true as yes, null::int as nothing, '{\"a\": [1]}'::jsonb as j, '9' as t",
                         true, NULL);

    assert_string_equal(text, "[{\"n\":7,\"cost\":1.50,\"yes\":true,\"nothing\":null,\"j\":{\"a\":[1]},\"t\":\"9\"}]\n");
    free(text);
}

static void
sync__no_row_is_an_empty_array(void **state)
{
    (void)state;
    int   rows = -1;
    char *text = printed("select 1 as n where false", true, &rows);

    assert_string_equal(text, "[]\n");
    assert_int_equal(rows, 0);
    free(text);
}

static void
sync__cuts_ages_to_seconds(void **state)
{
    (void)state;
    char *text = printed("select interval '26:03:04.567891' as age, interval '3 s' as took", false, NULL);

    assert_string_equal(text, "age       took\n"
                              "26:03:04  00:00:03\n");
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sync__prints_an_aligned_table),
        cmocka_unit_test(sync__prints_json_with_types),
        cmocka_unit_test(sync__no_row_is_an_empty_array),
        cmocka_unit_test(sync__cuts_ages_to_seconds),
    };
    return cmocka_run_group_tests(tests, devdb_start, devdb_stop);
}
