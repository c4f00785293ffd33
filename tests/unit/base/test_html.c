#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/html.h"

static void
html__becomes_what_a_person_reads(void **state)
{
    static const char *const cases[][2] = {
        { "", "" },
        { "<p>One</p><p>Two</p>", "One\nTwo" },
        { "<ul><li>a</li><li>b</li></ul>", "a\nb" },
        { "a<br>b<br/>c", "a\nb\nc" },
        { "  spaces \n and\ttabs  ", "spaces and tabs" },
        { "&lt;b&gt; &amp;amp; &#65;&#x42;&quot;&nbsp;x", "<b> &amp; AB\" x" },
        { "1 < 2 & 3", "1 < 2 & 3" },
        { "<script>alert('x')</script>hi<style>p{}</style>", "hi" },
        { "<!-- no -->yes", "yes" },
        { "<script>never closed", "" },
        { "<p", "<p" },
        { "&#xD800;&#0;&#x110000;", "\uFFFD\uFFFD\uFFFD" },
        { "&#8364;", "\u20ac" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = html_text(cases[i][0]);

        assert_string_equal(text, cases[i][1]);
        free(text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html__becomes_what_a_person_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
