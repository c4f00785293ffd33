/* R1: what coding-agent CLIs say of their end. The recorded outputs are in tests/fixtures/agents/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "worker/report.h"

enum { UNTOLD = -1, LONG_LINE = 3 * 1024 * 1024 };

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
        { "claude", "claude_stream_success", 0, true, false, 4600, 70, 5600, 0.0285, "" },
        { "claude", "claude_stream_429", 1, false, true, 0, 0, 0, 0, "API Error: Request rejected (429)" },
        { "claude", "claude_stream_529", 1, false, true, 0, 0, 0, 0, "API Error" },
        { "claude", "claude_stream_max_turns", 1, false, false, 4600, 70, 5600, 0.0285, "Reached maximum number of turns (2)" },
        { "codex", "codex_success", 0, true, false, 1200, 180, 800, UNTOLD, "" },
        { "codex", "codex_429", 1, false, true, UNTOLD, UNTOLD, UNTOLD, UNTOLD, "last status: 429" },
        { "gemini", "gemini_success", 0, true, false, 800, 400, 200, UNTOLD, "" },
        { "gemini", "gemini_error", 144, false, false, 0, 0, 0, UNTOLD, "[API Error: text]" },
        { "gemini", "gemini_error", 173, false, true, 0, 0, 0, UNTOLD, "429" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct recorded *c = &cases[i];
        char                  *path = xasprintf("%s/tests/fixtures/agents/%s.jsonl", ORCH_SOURCE_DIR, c->file);
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
        { "aider", "Applied edit to a.c\nCommit 1234567 add\n", 0, true, false, "" },
        { "aider", "litellm.AuthenticationError: OpenAIException - no key\n", 0, false, false, "refused" },
        { "aider", "litellm.RateLimitError: slow down\nRetrying in 0.2 seconds...\n", 0, false, true, "away" },
        { "aider", "usage: aider [-h]\n", 2, false, false, "refused" },
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
R1_report__of_aider_counts_its_last_words_only(void **state)
{
    struct buf    text = { 0 };
    struct report r;

    (void)state;
    buf_add_str(&text, "+    except litellm.RateLimitError: # Retrying in a while\n");
    for (int i = 0; i < 200; i++)
        buf_add_str(&text, "+    more of the change\n");
    report_read(&r, "aider", text.data, text.len, 0);
    assert_true(r.is_success);
    buf_add_str(&text, "litellm.RateLimitError: slow down\n");
    report_read(&r, "aider", text.data, text.len, 0);
    assert_false(r.is_success);
    assert_true(r.is_transient);
    buf_fini(&text);
}

static void
R1_report__tokens_that_are_nonsense_are_not_told(void **state)
{
    static const char text[] =
        "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":5,\"cached_input_tokens\":9,\"output_tokens\":\"many\"}}";
    struct report r;

    (void)state;
    report_read(&r, "codex", text, strlen(text), 0);
    assert_true(r.is_success);
    assert_int_equal(tokens(&r, "input"), UNTOLD);
    assert_int_equal(tokens(&r, "cache"), 9);
    assert_int_equal(tokens(&r, "output"), UNTOLD);
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
        cmocka_unit_test(R1_report__of_aider_counts_its_last_words_only),
        cmocka_unit_test(R1_report__tokens_that_are_nonsense_are_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
