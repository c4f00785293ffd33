/* Rows of JSON as a table for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/table.h"

static struct json *
parsed(const char *text)
{
    struct err   e = ERR_INIT;
    struct json *out = json_parse(text, strlen(text), &e);

    assert_non_null(out);
    return out;
}

static void
shows(const char *columns, const char *rows, const char *wanted)
{
    struct json *names = columns ? parsed(columns) : NULL;
    struct json *list = parsed(rows);
    struct buf   out = { 0 };

    table_render(&out, names, list);
    assert_string_equal(out.data, wanted);
    buf_fini(&out);
    json_free(names);
    json_free(list);
}

static void
C1_table__is_aligned_with_numbers_at_the_right(void **state)
{
    (void)state;
    shows(NULL, "[{\"id\":7,\"name\":\"größer\",\"why\":null},{\"id\":1234,\"name\":\"a\\nb\",\"why\":\"x\"}]",
          "  id  name    why\n"
          "   7  größer  \n"
          "1234  a b     x\n");
}

static void
C1_table__has_a_header_also_without_a_row(void **state)
{
    (void)state;
    shows("[\"id\",\"name\"]", "[]", "id  name\n");
    shows("[]", "[]", "");
}

static void
C1_table__shows_the_named_columns_only(void **state)
{
    (void)state;
    shows("[\"b\",\"c\"]", "[{\"a\":1,\"b\":{\"x\":[1]},\"c\":true}]", "b          c\n{\"x\":[1]}  true\n");
}

static void
C1_table__cuts_fractions_of_a_second_and_of_nothing_else(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        { "26:03:04.567891", "26:03:04" },
        { "-1 days +02:03:04.5", "-1 days +02:03:04" },
        { "2026-11-25 03:12:40.123456+00", "2026-11-25 03:12:40+00" },
        { "2026-11-25T03:12:40.123456+05:30", "2026-11-25 03:12:40+05:30" },
        { "2026-11-25T03:12:40Z", "2026-11-25 03:12:40Z" },
        { "1.25", "1.25" },
        { "port 127.0.0.1:80.5", "port 127.0.0.1:80.5" },
        { "at 03:12:40.5 it ended", "at 03:12:40.5 it ended" },
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct json *rows = json_new_array(), *row = json_new_object();
        char        *wanted = xasprintf("t\n%s\n", texts[i][1]);
        struct buf   out = { 0 };

        json_set_str(row, "t", texts[i][0]);
        json_push(rows, row);
        table_render(&out, NULL, rows);
        assert_non_null(strstr(out.data, wanted + 1));
        buf_fini(&out);
        free(wanted);
        json_free(rows);
    }
}

static void
C1_table__of_one_object_leaves_out_what_is_not_there(void **state)
{
    (void)state;
    struct json *names = parsed("[\"id\",\"title\",\"reason\",\"files\"]");
    struct json *object = parsed("{\"id\":7,\"title\":\"Add\",\"reason\":null,\"files\":{}}");
    struct buf   out = { 0 };

    table_render_object(&out, names, object);
    assert_string_equal(out.data, "id      7\ntitle   Add\n");
    buf_fini(&out);
    json_free(names);
    json_free(object);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(C1_table__is_aligned_with_numbers_at_the_right),
        cmocka_unit_test(C1_table__has_a_header_also_without_a_row),
        cmocka_unit_test(C1_table__shows_the_named_columns_only),
        cmocka_unit_test(C1_table__cuts_fractions_of_a_second_and_of_nothing_else),
        cmocka_unit_test(C1_table__of_one_object_leaves_out_what_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
