#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/str.h"

static void
err__keeps_code_and_text(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    err_set(&e, ERR_GONE, "could not find branch \"%s\"", "main");
    assert_int_equal(e.code, ERR_GONE);
    assert_string_equal(e.text, "could not find branch \"main\"");
    err_prefix(&e, "task %d", 7);
    assert_int_equal(e.code, ERR_GONE);
    assert_string_equal(e.text, "task 7: could not find branch \"main\"");
    err_clear(&e);
    assert_int_equal(e.code, ERR_NONE);
    assert_string_equal(e.text, "");
    assert_string_equal(err_code_name(ERR_RETRY), "retry");
}

static void
err__is_cut_at_a_whole_character_and_stays_utf8(void **state)
{
    struct err e = ERR_INIT;
    char       text[700];

    (void)state;
    for (size_t i = 0; i < sizeof text - 1; i += 3)
        memcpy(text + i, "\xE2\x82\xAC", 3);
    text[699] = '\0';
    for (int shift = 0; shift < 3; shift++) {
        err_clear(&e);
        err_set(&e, ERR_RETRY, "%.*s%s", shift, "ab", text);
        assert_true(str_is_utf8(e.text, strlen(e.text)));
        assert_true(strlen(e.text) > 500);
        err_prefix(&e, "%s", text);
        assert_true(str_is_utf8(e.text, strlen(e.text)));
    }
    err_clear(&e);
    err_set(&e, ERR_RETRY, "peer said \"\xFF\xC0\"");
    assert_string_equal(e.text, "peer said \"??\"");
}

/* The child breaks a promise and must not live to exit. */
static void
assert_ends_by_abort(void (*fn)(void))
{
    int   status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        close(STDERR_FILENO);
        fn();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void
set_twice(void)
{
    struct err e = ERR_INIT;

    err_set(&e, ERR_RETRY, "first");
    err_set(&e, ERR_RETRY, "second");
}

static void
take_a_stranger(void)
{
    uint32_t word = 1;

    CHECKED(&word, 2);
}

static void
err__set_twice_ends_the_process(void **state)
{
    (void)state;
    assert_ends_by_abort(set_twice);
}

static void
check__a_wrong_magic_word_ends_the_process(void **state)
{
    uint32_t word = 0x41424344;

    (void)state;
    assert_ptr_equal(CHECKED(&word, 0x41424344), &word);
    assert_ends_by_abort(take_a_stranger);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(err__keeps_code_and_text),
        cmocka_unit_test(err__is_cut_at_a_whole_character_and_stays_utf8),
        cmocka_unit_test(err__set_twice_ends_the_process),
        cmocka_unit_test(check__a_wrong_magic_word_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
