#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static void
buf__grows_and_hands_over(void **state)
{
    struct buf b = { 0 };
    char      *text;

    (void)state;
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%d,", i);
    assert_int_equal(b.len, 10 * 2 + 90 * 3 + 900 * 4);
    assert_int_equal(strlen(b.data), b.len);
    buf_add(&b, "\0x", 2);
    buf_add_str(&b, NULL);
    assert_int_equal(b.data[b.len - 1], 'x');
    text = buf_take(&b);
    assert_null(b.data);
    free(text);
    text = buf_take(&b);
    assert_string_equal(text, "");
    free(text);
    buf_fini(&b);
}

static void
give__moves_and_leaves_null(void **state)
{
    char *from = xstrdup("x");
    char *to = give(&from);

    (void)state;
    assert_null(from);
    assert_string_equal(to, "x");
    free(to);
}

static void
str__knows_well_formed_utf8(void **state)
{
    static const struct {
        const char *text;
        bool        is_utf8;
    } cases[] = {
        { "", true },
        { "plain", true },
        { "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", true },
        { "\xC0\x80", false },         /* overlong NUL */
        { "\xE0\x80\xAF", false },     /* overlong slash */
        { "\xED\xA0\x80", false },     /* a surrogate */
        { "\xF4\x90\x80\x80", false }, /* past U+10FFFF */
        { "\xE2\x82", false },         /* cut */
        { "\x80", false },
        { "\xFF", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(str_is_utf8(cases[i].text, strlen(cases[i].text)), cases[i].is_utf8);
    assert_false(str_is_utf8("a\0b", 3));
}

static void
str__reads_whole_numbers_and_nothing_else(void **state)
{
    static const char *const bad[] = { "", "-", " 1", "1 ", "+1", "0x1", "1.0", "99999999999999999999", "--1" };
    long                     n = 0;

    (void)state;
    assert_true(str_to_long("-42", &n));
    assert_int_equal(n, -42);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(str_to_long(bad[i], &n));
    assert_false(str_to_long(NULL, &n));
    assert_int_equal(n, -42);
}

static void
str__answers_its_questions(void **state)
{
    (void)state;
    assert_true(str_equal(NULL, NULL));
    assert_false(str_equal(NULL, ""));
    assert_true(str_equal("a", "a"));
    assert_true(str_starts("feature/x", "feature/"));
    assert_false(str_starts("fea", "feature/"));
    assert_true(str_is_blank(NULL));
    assert_true(str_is_blank(" \t\n"));
    assert_false(str_is_blank(" x"));
    assert_true(str_equal_secret("abc", "abd", 2));
    assert_false(str_equal_secret("abc", "abd", 3));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf__grows_and_hands_over),   cmocka_unit_test(give__moves_and_leaves_null),
        cmocka_unit_test(str__knows_well_formed_utf8), cmocka_unit_test(str__reads_whole_numbers_and_nothing_else),
        cmocka_unit_test(str__answers_its_questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
