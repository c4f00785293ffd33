/* R1: what coding-agent CLIs say of their end. The recorded outputs are in tests/fixtures/agents/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/str.h"
#include "worker/output.h"
#include "worker/report.h"

enum { UNTOLD = -1, LONG_LINE = 3 * 1024 * 1024, GROWTH_KIB = 32 * 1024 };

struct recorded {
    const char *format, *file;
    int         exit_status;
    bool        is_success, is_transient;
    int64_t     input, output, cache;
    double      cost_usd; /* below 0: not told */
    const char *words;
};

static int64_t
tokens(const struct report *r, const char *kind)
{
    int64_t n;

    return json_int(r->usage, kind, &n) ? n : UNTOLD;
}

static void
R1_report__of_each_recorded_output(void **state)
{
    static const struct recorded cases[] = {
        { "claude", "claude_stream_success.jsonl", 0, true, false, 4600, 70, 5600, 0.0285, "" },
        { "claude", "claude_stream_429.jsonl", 1, false, true, 0, 0, 0, 0, "API Error: Request rejected (429)" },
        { "claude", "claude_stream_529.jsonl", 1, false, true, 0, 0, 0, 0, "API Error" },
        { "claude", "claude_stream_timeout.jsonl", 1, false, true, 0, 0, 0, 0, "Request timed out" },
        { "claude", "claude_stream_401.jsonl", 1, false, false, 0, 0, 0, 0, "API Error: 401" },
        { "claude", "claude_stream_not_logged_in.jsonl", 1, false, false, 0, 0, 0, 0, "Not logged in" },
        { "claude", "claude_stream_max_turns.jsonl", 1, false, false, 4600, 70, 5600, 0.0285, "Reached maximum number of turns (2)" },
        { "claude", "claude_stream_tool_429_success.jsonl", 0, true, false, 4600, 70, 5600, 0.0285, "" },
        { "claude", "claude_stream_tool_429_max_turns.jsonl", 1, false, false, 4600, 70, 5600, 0.0285, "Reached maximum number" },
        { "claude", "claude_stream_sigterm.jsonl", 143, false, false, UNTOLD, UNTOLD, UNTOLD, UNTOLD, "without its final record" },
        { "codex", "codex_success.jsonl", 0, true, false, 1200, 180, 800, UNTOLD, "" },
        { "codex", "codex_reconnected.jsonl", 0, true, false, 1200, 180, 800, UNTOLD, "" },
        { "codex", "codex_429.jsonl", 1, false, true, UNTOLD, UNTOLD, UNTOLD, UNTOLD, "last status: 429" },
        { "codex", "codex_503.jsonl", 1, false, true, UNTOLD, UNTOLD, UNTOLD, UNTOLD, "status 503" },
        { "codex", "codex_usage_limit.jsonl", 1, false, true, UNTOLD, UNTOLD, UNTOLD, UNTOLD, "try again at 2:08 PM" },
        { "codex", "codex_quota.jsonl", 1, false, false, UNTOLD, UNTOLD, UNTOLD, UNTOLD, "Quota exceeded" },
        { "codex", "codex_401.jsonl", 1, false, false, UNTOLD, UNTOLD, UNTOLD, UNTOLD, "status 401" },
        { "codex", "codex_sigterm.jsonl", -1, false, false, UNTOLD, UNTOLD, UNTOLD, UNTOLD, "without its final record" },
        { "gemini", "gemini_success.jsonl", 0, true, false, 800, 400, 200, UNTOLD, "" },
        { "gemini", "gemini_429.jsonl", 173, false, true, 0, 0, 0, UNTOLD, "Please retry in 57.6s" },
        { "gemini", "gemini_error.jsonl", 144, false, false, 0, 0, 0, UNTOLD, "[API Error: text]" },
        { "gemini", "gemini_error.jsonl", 173, false, true, 0, 0, 0, UNTOLD, "HTTP 429 by its exit status; [API Error: text]" },
        { "gemini", "gemini_sigterm.jsonl", 0, false, false, UNTOLD, UNTOLD, UNTOLD, UNTOLD, "without its final record" },
        { "aider", "aider_success.txt", 0, true, false, UNTOLD, UNTOLD, UNTOLD, UNTOLD, "" },
        { "aider", "aider_recovered.txt", 0, true, false, UNTOLD, UNTOLD, UNTOLD, UNTOLD, "" },
        { "aider", "aider_rate_limit.txt", 0, false, true, UNTOLD, UNTOLD, UNTOLD, UNTOLD, "Please try again in 20s" },
        { "aider", "aider_auth.txt", 0, false, false, UNTOLD, UNTOLD, UNTOLD, UNTOLD, "litellm.AuthenticationError" },
        { "aider", "aider_token_limit.txt", 0, false, false, UNTOLD, UNTOLD, UNTOLD, UNTOLD, "has hit a token limit" },
        { "aider", "aider_nothing.txt", 0, false, false, UNTOLD, UNTOLD, UNTOLD, UNTOLD, "without an answer" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct recorded *c = &cases[i];
        char                  *path = xasprintf("%s/tests/fixtures/agents/%s", ORCH_SOURCE_DIR, c->file);
        struct report          r;

        report_read_log(&r, c->format, path, c->exit_status);
        assert_true(r.is_known);
        if (r.is_success != c->is_success || r.is_transient != c->is_transient || !strstr(r.words, c->words))
            fail_msg("%s: success %d, transient %d, \"%s\"", c->file, r.is_success, r.is_transient, r.words);
        assert_int_equal(tokens(&r, "input"), c->input);
        assert_int_equal(tokens(&r, "output"), c->output);
        assert_int_equal(tokens(&r, "cache"), c->cache);
        assert_true(c->cost_usd < 0 ? r.cost_usd < 0 : r.cost_usd > c->cost_usd - 1e-9 && r.cost_usd < c->cost_usd + 1e-9);
        report_fini(&r);
        free(path);
    }
}

struct said {
    const char *format, *text;
    int         exit_status;
    bool        is_success, is_transient;
    const char *words;
};

#define CLAUDE_OK "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"done\"}\n"
#define CLAUDE_TOOL                                                                                                                        \
    "{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\",\"content\":\"HTTP 429 Too Many Requests\"}]}}\n"
#define CLAUDE_FAILED "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"api_error_status\":"

static void
R1_report__believes_the_final_record_and_nothing_else(void **state)
{
    static const struct said cases[] = {
        /* What a tool wrote is no sign, before a success as before a failure. */
        { "claude", CLAUDE_TOOL CLAUDE_OK, 0, true, false, "" },
        { "claude", CLAUDE_TOOL CLAUDE_FAILED "401,\"result\":\"Invalid API key\"}\n", 1, false, false, "Invalid API key" },
        { "claude", CLAUDE_FAILED "400,\"result\":\"prompt is too long\"}\n", 1, false, false, "prompt is too long" },
        { "claude", CLAUDE_FAILED "503,\"result\":\"x\"}\n", 1, false, true, "x" },
        { "claude", CLAUDE_FAILED "null,\"result\":\"Request timed out\"}\n", 1, false, true, "Request timed out" },
        { "claude", CLAUDE_FAILED "null,\"result\":\"Not logged in\"}\n", 1, false, false, "Not logged in" },
        { "claude", CLAUDE_OK "Error: something on stderr\n\x1b[31mred\n", 0, true, false, "" },
        /* It was stopped half-way, and says 0. */
        { "claude", "{\"type\":\"system\",\"subtype\":\"init\"}\n", 0, false, false, "without its final record" },
        { "claude", "", 0, false, false, "without its final record" },
        { "claude", "{\"type\":\"result\",\"subtype\":\"succ", 0, false, false, "without its final record" },
        { "claude", "{\"type\":\"result\",\"subtype\":\"success\"}\n", 0, false, false, "success" }, /* is_error is not told */
        { "claude", "{\"type\":\"result\",\"subtype\":\"error_during_execution\",\"is_error\":true}\n", 1, false, false,
          "error_during_execution" },
        { "codex", "{\"type\":\"error\",\"message\":\"Reconnecting... 1/5 (429)\"}\n{\"type\":\"turn.completed\",\"usage\":{}}\n", 0, true,
          false, "" },
        { "codex", "{\"type\":\"turn.failed\",\"error\":{\"message\":\"Quota exceeded. Check your plan and billing details.\"}}\n", 1,
          false, false, "Quota exceeded" },
        { "codex", "{\"type\":\"turn.failed\",\"error\":{\"message\":\"unexpected status 503 Service Unavailable: x\"}}\n", 1, false, true,
          "503" },
        { "codex", "{\"type\":\"turn.failed\",\"error\":{\"message\":\"unexpected status 401 Unauthorized: x\"}}\n", 1, false, false,
          "401" },
        { "codex", "{\"type\":\"turn.failed\",\"error\":{\"message\":\"You\xe2\x80\x99ve hit your usage limit. try again at 2:08 PM.\"}}\n",
          1, false, true, "usage limit" },
        { "codex", "{\"type\":\"turn.failed\",\"error\":{\"message\":\"Selected model is at capacity. Please try a different model.\"}}\n",
          1, false, true, "at capacity" },
        { "gemini", "stack trace\n", 0, false, false, "without its final record" },
        { "gemini", "stack trace\n", 247, false, true, "503" },
        { "gemini", "", 41, false, false, "without its final record" },
        { "gemini", "{\"type\":\"result\",\"status\":\"error\",\"error\":{\"message\":\"bad request in line 1502\"}}\n", 144, false, false,
          "line 1502" },
        { "codex", "{\"type\":\"turn.failed\",\"error\":{\"message\":\"Quota exceeded, last status: 429\"}}\n", 1, false, false, "Quota" },
        { "aider", "usage: aider [-h]\n", 2, false, false, "without an answer" },
        { "aider", "Tokens: 1,024 sent, 3 received.\nlitellm.BadRequestError: no\n", 0, false, false, "BadRequestError" },
        /* A word of the model's is no sign of its service. */
        { "aider", "servers may be overloaded\nlitellm.AuthenticationError: no key\n", 0, false, false, "no key" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct said *c = &cases[i];
        struct report      r;

        report_read(&r, c->format, c->text, strlen(c->text), c->exit_status);
        assert_true(r.is_known);
        if (r.is_success != c->is_success || r.is_transient != c->is_transient || !strstr(r.words, c->words))
            fail_msg("case %zu: success %d, transient %d, \"%s\"", i, r.is_success, r.is_transient, r.words);
        report_fini(&r);
    }
}

static void
R1_report__knows_nothing_of_a_command_without_a_format(void **state)
{
    struct report r;

    (void)state;
    report_read(&r, NULL, CLAUDE_OK, strlen(CLAUDE_OK), 0);
    assert_false(r.is_known);
    report_read(&r, "nonsense", CLAUDE_OK, strlen(CLAUDE_OK), 0);
    assert_false(r.is_known);
    report_read_log(&r, "claude", "/nowhere/at/all", 0);
    assert_true(r.is_known);
    assert_false(r.is_success);
}

static void
R1_report__finds_the_final_record_behind_a_line_of_megabytes(void **state)
{
    struct buf    text = { 0 };
    struct report r;

    (void)state;
    buf_add_str(&text, "{\"type\":\"user\",\"content\":\"");
    for (int i = 0; i < LONG_LINE; i++)
        buf_add(&text, "x", 1);
    buf_add_str(&text, "\"}\n" CLAUDE_OK);
    report_read(&r, "claude", text.data, text.len, 0);
    assert_true(r.is_success);
    report_fini(&r);
    buf_fini(&text);
}

static void
R1_report__of_aider_what_an_edit_quotes_is_no_error(void **state)
{
    struct buf    text = { 0 };
    struct report r;

    (void)state;
    buf_add_str(&text,
                "+    except litellm.RateLimitError: # Retrying in a while\nTokens: 2.3k sent, 234 received.\nCommit 1234567 feat: x\n");
    buf_add_str(&text, "shop.py:3: except litellm.RateLimitError: # is never raised\n");
    report_read(&r, "aider", text.data, text.len, 0);
    assert_true(r.is_success);
    buf_add_str(&text, "litellm.RateLimitError: slow down\nRetrying in 0.2 seconds...\n");
    report_read(&r, "aider", text.data, text.len, 0);
    assert_false(r.is_success);
    assert_true(r.is_transient);
    buf_fini(&text);
}

/* What is read back from the end has one success in it: cut anywhere before its end, there is none. */
static void
R1_report__a_success_that_is_cut_is_none(void **state)
{
    static const char *const cases[][2] = { { "claude", "claude_stream_success" },
                                            { "codex", "codex_success" },
                                            { "gemini", "gemini_success" } };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char  *path = xasprintf("%s/tests/fixtures/agents/%s.jsonl", ORCH_SOURCE_DIR, cases[i][1]);
        size_t len;
        char  *text = output_read_tail(path, LONG_LINE, &len);

        assert_true(len > 0 && text[len - 1] == '\n');
        for (size_t n = 0; n < len; n++) {
            struct report r;
            char         *part = xstrndup(text, n); /* its own bytes, so that a read behind them is caught */

            report_read(&r, cases[i][0], part, n, 0);
            assert_int_equal(r.is_success, n == len - 1); /* but for the end of its line it is whole */
            report_fini(&r);
            free(part);
        }
        free(text);
        free(path);
    }
}

static long
peak_kib(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return use.ru_maxrss;
}

static void
R1_report__takes_no_memory_for_what_cannot_be_the_final_record(void **state)
{
    struct buf    text = { 0 };
    struct report r;
    long          before;

    (void)state;
    buf_add_str(&text, "{\"type\":\"user\",\"content\":[0");
    while (text.len < LONG_LINE)
        buf_add_str(&text, ",{\"a\":1,\"b\":[1,2]}");
    buf_add_str(&text, "]}\n");
    before = peak_kib();
    report_read(&r, "claude", text.data, text.len, 0);
    assert_false(r.is_success);
    assert_true(peak_kib() - before < GROWTH_KIB); /* parsed, it takes some 150 MiB, and a second or more */
    buf_fini(&text);
}

static void
R1_report__tokens_that_are_nonsense_are_not_told(void **state)
{
    static const char text[] =
        "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":5,\"cached_input_tokens\":9,\"output_tokens\":\"many\"}}";
    static const char huge[] = "{\"type\":\"result\",\"usage\":{\"input_tokens\":9223372036854775807,\"cache_creation_input_tokens\":"
                               "9223372036854775807,\"cache_read_input_tokens\":-1,\"output_tokens\":7},\"total_cost_usd\":\"much\"}";
    struct report     r;

    (void)state;
    report_read(&r, "codex", text, strlen(text), 0);
    assert_true(r.is_success);
    assert_int_equal(tokens(&r, "input"), UNTOLD);
    assert_int_equal(tokens(&r, "cache"), 9);
    assert_int_equal(tokens(&r, "output"), UNTOLD);
    report_fini(&r);
    report_read(&r, "claude", huge, strlen(huge), 0);
    assert_int_equal(tokens(&r, "input"), UNTOLD);
    assert_int_equal(tokens(&r, "cache"), UNTOLD);
    assert_int_equal(tokens(&r, "output"), 7);
    assert_true(r.cost_usd < 0);
    report_fini(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(R1_report__of_each_recorded_output),
        cmocka_unit_test(R1_report__believes_the_final_record_and_nothing_else),
        cmocka_unit_test(R1_report__knows_nothing_of_a_command_without_a_format),
        cmocka_unit_test(R1_report__finds_the_final_record_behind_a_line_of_megabytes),
        cmocka_unit_test(R1_report__of_aider_what_an_edit_quotes_is_no_error),
        cmocka_unit_test(R1_report__a_success_that_is_cut_is_none),
        cmocka_unit_test(R1_report__takes_no_memory_for_what_cannot_be_the_final_record),
        cmocka_unit_test(R1_report__tokens_that_are_nonsense_are_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
