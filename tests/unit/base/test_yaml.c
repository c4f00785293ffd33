#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/yaml.h"

static void
yaml__becomes_json_with_texts_only(void **state)
{
    static const char text[] = "verdict: APPROVED\ncount: 3\nempty:\nlist: [a, 'b']\ndeep:\n  - x: yes\n";
    struct err        e = ERR_INIT;
    struct json      *j = yaml_parse(text, strlen(text), &e);

    (void)state;
    assert_non_null(j);
    assert_string_equal(json_text(j),
                        "{\"verdict\":\"APPROVED\",\"count\":\"3\",\"empty\":\"\",\"list\":[\"a\",\"b\"],\"deep\":[{\"x\":\"yes\"}]}");
    json_free(j);
}

static void
yaml__an_empty_text_is_a_null(void **state)
{
    struct err   e = ERR_INIT;
    struct json *j = yaml_parse("# nothing\n", 10, &e);

    (void)state;
    assert_int_equal(e.code, ERR_NONE);
    assert_true(json_is_null(j));
    json_free(j);
}

static void
yaml__refuses_what_says_two_things_at_once(void **state)
{
    static const struct {
        const char *text;
        const char *problem;
    } cases[] = {
        { "a: 1\nb: &x 2\n", "line 2: anchors are not accepted" },
        { "a: &x [1]\n", "line 1: anchors are not accepted" },
        { "a: *x\n", "line 1: aliases are not accepted" },
        { "a: !!int 3\n", "line 1: tags are not accepted" },
        { "a: !foo {}\n", "line 1: tags are not accepted" },
        { "a: 1\nb: 2\na: 3\n", "line 3: key \"a\" is there twice" },
        { "x: {a.b: 1, 'a.b': 2}\n", "line 1: key \"a.b\" is there twice" },
        { "a: 1\n---\nb: 2\n", "line 2: a second document is not accepted" },
        { "? [a]\n: 1\n", "line 1: a key must be a plain text" },
        { "a: \"x\\0y\"\n", "line 1: a NUL character is not accepted" },
        { "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", "line 1: nested too deep" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err   e = ERR_INIT;
        struct json *j = yaml_parse(cases[i].text, strlen(cases[i].text), &e);

        assert_null(j);
        assert_int_equal(e.code, ERR_INVALID);
        assert_string_equal(e.text, cases[i].problem);
    }
}

static void
yaml__a_broken_text_names_its_line(void **state)
{
    static const char *const texts[] = { "a: 1\nb: [1\nc: 2\n", "a: 1\n\tb: 2\n", "a: \xFF\n", "a: 'x\n" };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct err e = ERR_INIT;

        assert_null(yaml_parse(texts[i], strlen(texts[i]), &e));
        assert_int_equal(e.code, ERR_INVALID);
        assert_memory_equal(e.text, "line ", 5);
    }
}

static void
yaml__finds_the_line_of_a_key(void **state)
{
    static const char text[] = "agents:\n  a:\n    command: [x]\n\n    timeout: 3\nrepos:\n  o/r.js:\n    a: {}\n";

    (void)state;
    assert_int_equal(yaml_line(text, strlen(text), "agents.a.timeout"), 5);
    assert_int_equal(yaml_line(text, strlen(text), "repos.o/r.js.a"), 8);
    assert_int_equal(yaml_line(text, strlen(text), "agents"), 1);
    assert_int_equal(yaml_line(text, strlen(text), "agents.b"), 0);
    assert_int_equal(yaml_line("a: [", 4, "a"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yaml__becomes_json_with_texts_only),
        cmocka_unit_test(yaml__an_empty_text_is_a_null),
        cmocka_unit_test(yaml__refuses_what_says_two_things_at_once),
        cmocka_unit_test(yaml__a_broken_text_names_its_line),
        cmocka_unit_test(yaml__finds_the_line_of_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
