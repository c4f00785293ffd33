#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/str.h"

static struct json *
read_text(const char *text)
{
    struct err   e = ERR_INIT;
    struct json *j = json_parse(text, strlen(text), &e);

    assert_int_equal(e.code, ERR_NONE);
    assert_non_null(j);
    return j;
}

static void
json__reads_by_path(void **state)
{
    struct json *j = read_text("{\"data\":{\"state\":{\"id\":\"s1\"},\"n\":7,\"x\":1.5,\"yes\":true,\"no\":false,\"nil\":null,"
                               "\"list\":[1,\"two\",null]},\"12-review.md\":{\"verdict\":\"APPROVED\"}}");
    int64_t      n;
    double       x;

    (void)state;
    assert_string_equal(json_str(j, "data.state.id"), "s1");
    assert_null(json_str(j, "data.n"));
    assert_null(json_str(j, "data.state.id.more"));
    assert_null(json_at(j, "data.nil"));
    assert_null(json_at(j, "nothing"));
    assert_true(json_int(j, "data.n", &n));
    assert_int_equal(n, 7);
    assert_false(json_int(j, "data.x", &n));
    assert_int_equal(n, 0);
    assert_true(json_double(j, "data.x", &x));
    assert_true(x > 1.4 && x < 1.6);
    assert_true(json_bool(j, "data.yes"));
    assert_false(json_bool(j, "data.no"));
    assert_false(json_bool(j, "data.n"));
    assert_int_equal(json_len(json_at(j, "data.list")), 3);
    assert_string_equal(json_str(json_item(json_at(j, "data.list"), 1), ""), "two");
    assert_true(json_is_null(json_item(json_at(j, "data.list"), 2)));
    assert_null(json_item(json_at(j, "data.list"), 3));
    assert_string_equal(json_str(json_at(j, "12-review.md"), "verdict"), "APPROVED");
    assert_ptr_equal(json_at(j, ""), j);
    assert_null(json_str(NULL, "x"));
    json_free(j);
}

static void
json__takes_every_kind_of_value_alone(void **state)
{
    static const char *const texts[] = { "null", "true", "false", "0", "-1", "12", "1.5", "1e3", "\"a\"", "{}", "[]", " [1, 2] " };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        json_free(read_text(texts[i]));
}

static void
json__refuses_what_is_not_json(void **state)
{
    static const char *const texts[] = {
        "",       " ",      "{",       "[1,]", "{\"a\":1,}", "{a:1}", "'a'",   "NaN",       "Infinity", "01",           "1.",
        "-",      "--1",    "+1",      "1e",   "tru",        "nulll", "{} {}", "[1 2]",     "\"a",      "\"\\x\"",      "\"\\u12\"",
        "\"\n\"", "/**/{}", "{\"a\"}", "]",    "{\"a\":}",   "[",     "[1",    "-Infinity", "\"\xFF\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\""
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct err   e = ERR_INIT;
        struct json *j = json_parse(texts[i], strlen(texts[i]), &e);

        if (j)
            fail_msg("\"%s\" was taken", texts[i]);
        assert_int_equal(e.code, ERR_INVALID);
    }
}

static void
json__refuses_a_nul_byte_and_says_where(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    assert_null(json_parse("{\"a\":1}\0", 8, &e));
    assert_string_equal(e.text, "cannot read JSON at byte 8: something follows the value");
    err_clear(&e);
    assert_null(json_parse("\"a\0\"", 4, &e));
    assert_string_equal(e.text, "cannot read JSON at byte 3: a control character in a string");
}

static void
json__is_at_most_64_levels_deep(void **state)
{
    struct err   e = ERR_INIT;
    struct json *j;
    char         text[200];

    (void)state;
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    assert_null(json_parse(text, 130, &e));
    assert_int_equal(e.code, ERR_INVALID);
    assert_non_null(strstr(e.text, "nested too deep"));
    err_clear(&e);
    j = json_parse(text + 1, 128, &e);
    assert_non_null(j);
    json_free(j);
}

static void
json__builds_one_line(void **state)
{
    struct json *j = json_new_object();
    struct json *list = json_new_array();
    struct json *copy;

    (void)state;
    json_push_str(list, "a/b");
    json_push(list, json_new_null());
    json_set(j, "list", list);
    json_set(j, "none", NULL);
    json_set_str(j, "text", "\"q\"\n");
    json_set_str(j, "absent", NULL);
    json_set_int(j, "n", INT64_MAX);
    json_set_bool(j, "yes", true);
    json_set_double(j, "inf", 1e308 * 10);
    json_set(j, "str", json_new_str("s"));
    copy = json_copy(j);
    json_free(j);
    assert_string_equal(json_text(copy), "{\"list\":[\"a/b\",null],\"none\":null,\"text\":\"\\\"q\\\"\\n\",\"absent\":null,"
                                         "\"n\":9223372036854775807,\"yes\":true,\"inf\":null,\"str\":\"s\"}");
    json_free(copy);
    assert_string_equal(json_text(NULL), "null");
}

static void
json__mends_bytes_that_are_not_utf8(void **state)
{
    struct json *j = json_new_object();

    (void)state;
    json_set_str(j, "log", "ok \xFF\xE2\x82");
    assert_true(str_is_utf8(json_text(j), strlen(json_text(j))));
    assert_string_equal(json_str(j, "log"), "ok \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    json_free(j);
}

static void
json__scrubs_nul_escapes_at_every_depth(void **state)
{
    struct json *j = read_text("{\"a\":\"x\\u0000y\",\"b\":[{\"c\":\"\\u0000\"}],\"d\":null}");

    (void)state;
    json_scrub_nul(j);
    assert_string_equal(json_text(j), "{\"a\":\"x\xEF\xBF\xBDy\",\"b\":[{\"c\":\"\xEF\xBF\xBD\"}],\"d\":null}");
    json_free(j);
}

static void
count(const char *key, struct json *value, void *arg)
{
    struct buf *keys = arg;

    buf_printf(keys, "%s%s", key, json_is_null(value) ? "! " : " ");
}

static void
json__walks_members_in_order(void **state)
{
    struct json *j = read_text("{\"b\":1,\"a\":null,\"c\":[]}");
    struct buf   keys = { 0 };

    (void)state;
    json_each(j, count, &keys);
    json_each(json_at(j, "c"), count, &keys);
    assert_string_equal(keys.data, "b a! c ");
    buf_fini(&keys);
    json_free(j);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json__reads_by_path),
        cmocka_unit_test(json__takes_every_kind_of_value_alone),
        cmocka_unit_test(json__refuses_what_is_not_json),
        cmocka_unit_test(json__refuses_a_nul_byte_and_says_where),
        cmocka_unit_test(json__is_at_most_64_levels_deep),
        cmocka_unit_test(json__builds_one_line),
        cmocka_unit_test(json__mends_bytes_that_are_not_utf8),
        cmocka_unit_test(json__scrubs_nul_escapes_at_every_depth),
        cmocka_unit_test(json__walks_members_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
