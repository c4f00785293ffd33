/* R1: presets of coding-agent CLIs in the agents file. */
#include "agents_text.h"

static const char *const names[] = { "aider", "claude-code", "codex", "gemini" };

static const char *
command_line(const struct config_agent *how, struct buf *b)
{
    b->len = 0;
    for (size_t i = 0; how->argv[i]; i++)
        buf_printf(b, "%s<%s>", i ? " " : "", how->argv[i]);
    return b->data;
}

static void
R1_preset__each_makes_a_whole_entry(void **state)
{
    struct buf line = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct config       c;
        struct config_agent how;
        struct err          e = ERR_INIT;
        char               *text = xasprintf("agents: {one: {preset: %s}, two: {preset: %s, args: [--model, big]}}\n", names[i], names[i]);

        assert_int_equal(load_text(&c, text, &e), 0);
        assert_int_equal(config_find_agent(&how, &c, NULL, "one", &e), 0);
        assert_non_null(strstr(command_line(&how, &line), "{prompt"));
        assert_null(strstr(line.data, "{args}"));
        assert_non_null(how.output);
        assert_int_equal(json_len(how.preflight), 2);
        free(how.argv);
        assert_int_equal(config_find_agent(&how, &c, NULL, "two", &e), 0);
        assert_non_null(strstr(command_line(&how, &line), " <--model> <big>"));
        free(how.argv);
        config_fini(&c);
        free(text);
    }
    buf_fini(&line);
}

static void
R1_preset__claude_keeps_the_prompt_out_of_the_list_of_tools(void **state)
{
    struct config       c;
    struct config_agent how;
    struct err          e = ERR_INIT;
    struct buf          line = { 0 };

    (void)state;
    assert_int_equal(load_text(&c, "agents: {developer: {preset: claude-code, args: [--max-turns, '80']}}\n", &e), 0);
    assert_int_equal(config_find_agent(&how, &c, NULL, "developer", &e), 0);
    assert_string_equal(command_line(&how, &line),
                        "<claude> <-p> <--output-format> <stream-json> <--verbose> <--permission-mode> <acceptEdits> "
                        "<--allowedTools> <Bash,Edit,Write,Read,Glob,Grep> <--max-turns> <80> <--> <{prompt}>");
    assert_string_equal(json_str(how.env, "CLAUDE_CODE_MAX_RETRIES"), "2");
    assert_string_equal(how.output, "claude");
    free(how.argv);
    buf_fini(&line);
    config_fini(&c);
}

static void
R1_preset__what_the_entry_says_wins_and_the_rest_is_added(void **state)
{
    static const char   text[] = "agents:\n"
                                 "  developer:\n"
                                 "    preset: claude-code\n"
                                 "    timeout: 3h\n"
                                 "    env: {CLAUDE_CODE_MAX_RETRIES: '7', MINE: yes}\n"
                                 "    transient: [busy]\n"
                                 "    preflight: [/opt/check]\n"
                                 "repos:\n"
                                 "  acme/shop: {developer: {preset: codex, command: [/opt/codex, '{args}', '{prompt}'], args: [-m, x]}}\n";
    struct config       c;
    struct config_agent how;
    struct err          e = ERR_INIT;
    struct buf          line = { 0 };

    (void)state;
    assert_int_equal(load_text(&c, text, &e), 0);
    assert_int_equal(config_find_agent(&how, &c, NULL, "developer", &e), 0);
    assert_string_equal(how.argv[0], "claude");
    assert_int_equal(how.timeout_ms, 3 * 60 * 60 * 1000);
    assert_string_equal(json_str(how.env, "CLAUDE_CODE_MAX_RETRIES"), "7");
    assert_string_equal(json_str(how.env, "MINE"), "yes");
    assert_string_equal(json_str(how.env, "DISABLE_AUTOUPDATER"), "1");
    assert_string_equal(json_str(json_item(how.transient, 0), ""), "busy");
    assert_string_equal(json_str(json_item(how.preflight, 0), ""), "/opt/check");
    free(how.argv);
    assert_int_equal(config_find_agent(&how, &c, "acme/shop", "developer", &e), 0);
    assert_string_equal(command_line(&how, &line), "</opt/codex> <-m> <x> <{prompt}>");
    assert_null(how.preflight); /* of a repo there is none */
    assert_string_equal(how.output, "codex");
    free(how.argv);
    buf_fini(&line);
    config_fini(&c);
}

static void
C2_preset__what_is_wrong_is_named_with_its_line(void **state)
{
    static const struct refusal cases[] = {
        { "{preset: cluade}", "\"agents.developer.preset\" is not known: accepted are aider, claude-code, codex, gemini" },
        { "{preset: ''}", "\"agents.developer.preset\" is not known" },
        { "{preset: [codex]}", "\"agents.developer.preset\" is not known" },
        { "{preset: codex, args: -m}", "\"agents.developer.args\" must be a list of texts" },
        { "{preset: codex, args: [[x]]}", "\"agents.developer.args\" must be a list of texts" },
        { "{preset: codex, command: [/opt/codex, '{prompt}'], args: [-m, x]}",
          "\"agents.developer.args\" would be lost: the command of this entry has no {args}" },
        { "{preset: codex, command: /opt/codex, args: [-m, x]}", "\"agents.developer.command\" must have a command" },
        { "{preset: codex, command: []}", "\"agents.developer.command\" must have a command" },
        { "{preset: codex, env: x}", "\"agents.developer.env\" must be names and texts" },
        { "{preset: codex, transient: x}", "\"agents.developer.transient\" must be a list" },
        { "{preset: codex, timeout: soon}", "\"agents.developer.timeout\" must be a duration" },
        { "{preset: codex, preflight: [[x]]}", "\"agents.developer.preflight\" must be a list" },
        { "{preset: codex, model: x}", "\"agents.developer.model\" is not known here" },
        { "{command: [a], args: [b]}", "\"agents.developer.args\" belongs to an entry with a preset" },
        { "{command: [a], output: xml}", "\"agents.developer.output\" must be claude, codex, gemini or aider" },
    };

    (void)state;
    expect_refused(cases, sizeof(cases) / sizeof(*cases), "agents:\n  developer: ", " line 2: ");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(R1_preset__each_makes_a_whole_entry),
        cmocka_unit_test(R1_preset__claude_keeps_the_prompt_out_of_the_list_of_tools),
        cmocka_unit_test(R1_preset__what_the_entry_says_wins_and_the_rest_is_added),
        cmocka_unit_test(C2_preset__what_is_wrong_is_named_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
