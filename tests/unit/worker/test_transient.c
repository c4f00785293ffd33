/* What coding-agent CLIs were seen to say when the service behind them refuses, and what only looks like it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "worker/output.h"
#include "worker/transient.h"

static struct transient_sign
find(const char *text, const char *patterns)
{
    struct transient_sign sign;
    struct err            e = ERR_INIT;
    struct json          *list = patterns ? json_parse(patterns, strlen(patterns), &e) : NULL;
    char                 *copy = xstrdup(text);

    transient_find(&sign, copy, strlen(copy), list, 1767225600); /* 2026-01-01T00:00:00Z */
    free(copy);
    json_free(list);
    return sign;
}

static void
transient__what_the_clis_say_is_known(void **state)
{
    static const char *const said[] = {
        "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"api_error_status\":429,\"result\":\"API Error\"}",
        "{\"type\":\"result\",\"api_error_status\": 529, \"result\": \"x\"}",
        "{\"type\":\"assistant\",\"error\":\"rate_limit\"}",
        "API Error: 529 {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}",
        "Request timed out",
        "{\"type\":\"turn.failed\",\"error\":{\"message\":\"exceeded retry limit, last status: 429 Too Many Requests\"}}",
        "unexpected status 503 Service Unavailable: no, url: http://x",
        "You\xe2\x80\x99ve hit your usage limit. Upgrade, or try again at 2:08 PM.",
        "Selected model is at capacity. Please try a different model.",
        "ApiError: {\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\"}}",
        "litellm.RateLimitError: RateLimitError: x",
        "HTTP/1.1 429 Too Many Requests",
        "rate limit reached for gpt",
        "first line\nthen: we are overloaded\nlast line",
    };

    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (!find(said[i], NULL).is_found)
            fail_msg("not known: %s", said[i]);
}

static void
transient__what_only_looks_like_it_is_not(void **state)
{
    static const char *const said[] = {
        "",
        "shop.c:429: error: expected ';'",
        "error: 4290 tests failed",
        "429 tests passed, 1 failed",
        "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"allowed\"}}",
        "Quota exceeded. Check your plan and billing details.",
        "unexpected status 401 Unauthorized: bad key",
        "{\"api_error_status\":400,\"terminal_reason\":\"prompt_too_long\"}",
        "the test of the limiter failed",
    };

    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct transient_sign sign = find(said[i], NULL);
        if (sign.is_found)
            fail_msg("taken for transient by \"%s\": %s", sign.words, said[i]);
    }
}

static void
transient__an_agents_own_patterns_add_to_the_known_ones(void **state)
{
    (void)state;
    assert_false(find("the licence server is away", NULL).is_found);
    assert_true(find("The Licence server is AWAY", "[\"no such thing\", \"licen[cs]e server is (away|busy)\"]").is_found);
    assert_true(find("overloaded", "[\"no such thing\"]").is_found);
    assert_false(find("one\nserver", "[\"one.server\"]").is_found);
}

static void
transient__shows_the_line_around_what_was_found(void **state)
{
    struct transient_sign sign = find("before\n\x1b[31mthe service is overloaded\x1b[0m, come back\tlater\nafter", NULL);

    (void)state;
    assert_string_equal(sign.words, "[31mthe service is overloaded[0m, come backlater");
}

static void
transient__knows_how_long_to_wait(void **state)
{
    static const struct {
        const char *text;
        int64_t     ms;
    } cases[] = {
        { "429, retry-after: 20", 20000 },
        { "{\"error\":{\"retry_after_ms\": 1500}}", 1500 },
        { "Rate limit reached. Please try again in 1.5s. Visit us", 1500 },
        { "Please try again in 350ms.", 350 },
        { "try again in 6m", 360000 },
        { "Please retry in 57.6s.]", 57600 },
        { "Please retry in 2h47m56.58s.", 7200000 },
        { "Retrying in 8.0 seconds...", 0 }, /* its own pause, already past */
        { "try again in 500 milliseconds", 500 },
        { "Retry-After: 10 Host: example", 10000 },
        { "try again in 5 more seconds", 5000 },
        { "try again in 2 hours", 7200000 },
        { "retry-after: 5\nretry-after: 7\n", 7000 },
        { "retry-after: 99999999", 86400000 },
        { "usage limit. try again at 2:08 PM.", (14 * 60 + 8) * 60000 },
        { "usage limit. try again at 12:30 am", 30 * 60000 },
        { "try again at 11:50 PM", (23 * 60 + 50) * 60000 },
        { "retry after a while", 0 },
        { "overloaded", 0 },
    };

    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = find(cases[i].text, NULL).wait_ms;
        if (ms != cases[i].ms)
            fail_msg("\"%s\" is %lld ms", cases[i].text, (long long)ms);
    }
}

static void
transient__reads_the_end_of_a_log_and_nothing_but_a_plain_file(void **state)
{
    char                  path[] = "/tmp/orch-transient-XXXXXX", link[64], words[64];
    struct transient_sign sign;
    int                   fd = mkstemp(path);
    FILE                 *f = fdopen(fd, "w");

    (void)state;
    assert_non_null(f);
    fputs("overloaded at first\n", f);
    for (int i = 0; i < 2000; i++)
        fputs("much work\n", f);
    fflush(f);
    transient_find_in_log(&sign, path, NULL);
    assert_false(sign.is_found);
    fwrite("a\0b\nHTTP 503\n\n  \n", 1, 17, f);
    fclose(f);
    transient_find_in_log(&sign, path, NULL);
    assert_true(sign.is_found);
    output_last_words(words, sizeof words, path);
    assert_string_equal(words, "HTTP 503");
    snprintf(link, sizeof link, "%s.link", path);
    assert_int_equal(symlink(path, link), 0);
    transient_find_in_log(&sign, link, NULL);
    assert_false(sign.is_found);
    transient_find_in_log(&sign, "/nowhere/at/all", NULL);
    assert_false(sign.is_found);
    output_last_words(words, sizeof words, "/nowhere/at/all");
    assert_string_equal(words, "");
    unlink(link);
    unlink(path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transient__what_the_clis_say_is_known),
        cmocka_unit_test(transient__what_only_looks_like_it_is_not),
        cmocka_unit_test(transient__an_agents_own_patterns_add_to_the_known_ones),
        cmocka_unit_test(transient__shows_the_line_around_what_was_found),
        cmocka_unit_test(transient__knows_how_long_to_wait),
        cmocka_unit_test(transient__reads_the_end_of_a_log_and_nothing_but_a_plain_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
