#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static void
arena__gives_zeroed_memory_that_stays_apart(void **state)
{
    struct arena *a = arena_new();
    char         *blocks[100];

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        blocks[i] = arena_alloc(a, i * 7 + 1);
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        for (size_t at = 0; at < i * 7 + 1; at++)
            assert_int_equal(blocks[i][at], 0);
        memset(blocks[i], (int)i + 1, i * 7 + 1);
    }
    for (size_t i = 0; i < 100; i++)
        for (size_t at = 0; at < i * 7 + 1; at++)
            assert_int_equal(blocks[i][at], (char)(i + 1));
    arena_free(a);
}

static void
arena__copies_and_formats_text(void **state)
{
    struct arena *a = arena_new();
    char          long_text[3000];

    (void)state;
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    assert_null(arena_strdup(a, NULL));
    assert_string_equal(arena_strdup(a, "abc"), "abc");
    assert_string_equal(arena_printf(a, "%s-%d", "run", 7), "run-7");
    assert_string_equal(arena_printf(a, "%s", ""), "");
    assert_string_equal(arena_printf(a, "%s", long_text), long_text);
    arena_free(a);
    arena_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena__gives_zeroed_memory_that_stays_apart),
        cmocka_unit_test(arena__copies_and_formats_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
