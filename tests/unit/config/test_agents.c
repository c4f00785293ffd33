#include "agents_text.h"

static const char good[] = "agents:\n"
                           "  developer:\n"
                           "    command: [/usr/bin/dev, --go]\n"
                           "    timeout: 30m\n"
                           "    limits: {memory: 4G, open_files: 1024, processes: '200', cpu: 90, core: 1K}\n"
                           "    env: {KEY: value}\n"
                           "    transient: ['licen[cs]e server', away]\n"
                           "    preflight: [/usr/bin/dev, --check]\n"
                           "  analyst: {command: [analyse]}\n"
                           "repos:\n"
                           "  acme/shop.js:\n"
                           "    developer: {command: [shop-dev]}\n";

static void
note_command(const char *repo, const char *agent, const char *command, void *arg)
{
    buf_printf(arg, "%s/%s=%s ", repo ? repo : "*", agent, command);
}

static void
agents__the_repos_own_entry_wins(void **state)
{
    struct config       c;
    struct config_agent agent;
    struct err          e = ERR_INIT;
    struct buf          all = { 0 };

    (void)state;
    assert_int_equal(load_text(&c, good, &e), 0);
    assert_int_equal(config_find_agent(&agent, &c, "acme/web", "developer", &e), 0);
    assert_string_equal(agent.argv[0], "/usr/bin/dev");
    assert_string_equal(agent.argv[1], "--go");
    assert_null(agent.argv[2]);
    assert_int_equal(agent.timeout_ms, 30 * 60 * 1000);
    assert_string_equal(json_str(agent.env, "KEY"), "value");
    assert_string_equal(json_str(json_item(agent.transient, 0), ""), "licen[cs]e server");
    assert_string_equal(json_str(json_item(agent.preflight, 1), ""), "--check");
    assert_true(agent.limits.memory == INT64_C(4) << 30 && agent.limits.open_files == 1024 && agent.limits.processes == 200);
    assert_true(agent.limits.cpu_ms == 90000 && agent.limits.core == 1024);
    free(agent.argv);
    assert_int_equal(config_find_agent(&agent, &c, "acme/shop.js", "developer", &e), 0);
    assert_string_equal(agent.argv[0], "shop-dev");
    assert_int_equal(agent.timeout_ms, c.agent_timeout);
    assert_true(agent.limits.memory == 0 && agent.limits.core == 0);
    assert_null(agent.env);
    assert_null(agent.transient);
    assert_null(agent.preflight);
    free(agent.argv);
    assert_int_equal(config_find_agent(&agent, &c, NULL, "analyst", &e), 0);
    free(agent.argv);
    config_each_agent(&c, note_command, &all);
    assert_string_equal(all.data, "*/developer=/usr/bin/dev */analyst=analyse acme/shop.js/developer=shop-dev ");
    buf_fini(&all);
    config_fini(&c);
}

static void
agents__an_unknown_one_is_named_with_the_file(void **state)
{
    struct config       c;
    struct config_agent agent;
    struct err          e = ERR_INIT;

    (void)state;
    load_text(&c, good, &e);
    assert_int_equal(config_find_agent(&agent, &c, "acme/web", "tester", &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "cannot find agent \"tester\" in the agents file \"/tmp/orch-agents-"));
    config_fini(&c);
}

static void
agents__a_wrong_file_names_itself_and_the_line(void **state)
{
    static const struct {
        const char *text;
        const char *problem;
    } cases[] = {
        { "agents:\n  a: [\n", " line " },
        { "agents:\n  a: {command: [x]}\n  a: {command: [y]}\n", ": line 3: key \"a\" is there twice" },
        { "agenst: {}\n", "\" line 1: \"agenst\" is not known here: a file has agents, repos and deploys" },
        { "", "\" line 1: must have agents by name" },
        { "agents: 3\n", "\" line 1: \"agents\" must be agents by name" },
        { "agents:\n  a: 3\n", "\" line 2: \"agents.a\" must be an agent with a command" },
        { "agents:\n  a: {}\n", "\" line 2: \"agents.a\" must have a command: a list of the program and its arguments; there is no shell" },
        { "agents:\n  a:\n    command: make all\n",
          "\" line 3: \"agents.a.command\" must have a command: a list of the program and its arguments; there is no shell" },
        { "agents:\n  a:\n    command: [x, [y]]\n", "\" line 3: \"agents.a.command\" must be a list of texts" },
        { "agents:\n  a:\n    command: [x]\n    timeout: soon\n",
          "\" line 4: \"agents.a.timeout\" must be a duration such as 90, 30m or 2h" },
        { "agents:\n  a:\n    command: [x]\n    user: root\n",
          "\" line 4: \"agents.a.user\" is not known here: an agent has command or preset, args, timeout, env, limits, transient, preflight and output" },
        { "agents:\n  a:\n    command: [x]\n    limits: 4G\n",
          "\" line 4: \"agents.a.limits\" must be limits by name: memory, open_files, processes, cpu and core" },
        { "agents:\n  a:\n    command: [x]\n    limits:\n      disk: 4G\n",
          "\" line 5: \"agents.a.limits.disk\" is not known here: accepted are memory, open_files, processes, cpu and core" },
        { "agents:\n  a:\n    command: [x]\n    limits: {memory: 4GB}\n",
          "\" line 4: \"agents.a.limits.memory\" cannot be \"4GB\": accepted is a size such as 512M or 4G, from 1M to 1024T" },
        { "agents:\n  a:\n    command: [x]\n    limits: {memory: 99999999999T}\n",
          "\"agents.a.limits.memory\" cannot be \"99999999999T\"" },
        { "agents:\n  a:\n    command: [x]\n    limits: {open_files: 3}\n",
          "\"agents.a.limits.open_files\" cannot be \"3\": accepted is a whole number from 16 to 1048576" },
        { "agents:\n  a:\n    command: [x]\n    limits: {processes: [1]}\n",
          "\"agents.a.limits.processes\" cannot be \"(no text)\": accepted is a whole number from 1 to 4194304" },
        { "agents:\n  a:\n    command: [x]\n    limits: {cpu: 100ms}\n",
          "\"agents.a.limits.cpu\" cannot be \"100ms\": accepted is a duration such as 90 or 2h, from 1s to 365d" },
        { "agents:\n  a:\n    command: [x]\n    limits: {core: all}\n",
          "\"agents.a.limits.core\" cannot be \"all\": accepted is 0, or a size such as 512M, up to 1024T" },
        { "agents:\n  a:\n    command: [x]\n    env:\n      1X: y\n", "\" line 5: \"agents.a.env.1X\" cannot be the name of a variable" },
        { "agents:\n  a b: {command: [x]}\n",
          "\" line 2: \"agents.a b\" cannot be the name of an agent: accepted are 1 to 64 letters, digits, dots, underscores and hyphens" },
        { "agents:\n  \"\": {command: [x]}\n", "cannot be the name of an agent" },
        { "agents:\n  a:\n    command: [x]\n    transient: overloaded\n",
          "\" line 4: \"agents.a.transient\" must be a list of extended regular expressions" },
        { "agents:\n  a:\n    command: [x]\n    transient: [[x]]\n",
          "\"agents.a.transient\" must be a list of extended regular expressions" },
        { "agents:\n  a:\n    command: [x]\n    transient: ['429', '(429']\n",
          "\" line 4: \"agents.a.transient\" has \"(429\", which is no extended regular expression: " },
        { "agents:\n  a:\n    command: [x]\n    transient: ['x*']\n",
          "\" line 4: \"agents.a.transient\" has \"x*\", which matches every text" },
        { "agents:\n  a:\n    command: [x]\n    preflight: make check\n",
          "\" line 4: \"agents.a.preflight\" must be a list of the program and its arguments; there is no shell" },
        { "agents:\n  a:\n    command: [x]\n    preflight: []\n", "\"agents.a.preflight\" must be a list of the program" },
        { "agents:\n  a:\n    command: [x]\n    preflight: [x, [y]]\n", "\"agents.a.preflight\" must be a list of the program" },
        { "repos:\n  o/r:\n    a:\n      command: [x]\n      preflight: [x]\n",
          "\" line 5: \"repos.o/r.a.preflight\" belongs to the agent's entry under agents: a node takes or leaves an agent, whatever the repo" },
        { "repos:\n  o/r:\n    a:\n      command: [x]\n      env: [x]\n", "\" line 5: \"repos.o/r.a.env\" must be names and texts" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config c;
        struct err    e = ERR_INIT;

        assert_int_equal(load_text(&c, cases[i].text, &e), ERR_INVALID);
        assert_memory_equal(e.text, "agents file \"/tmp/orch-agents-", strlen("agents file \"/tmp/orch-agents-"));
        if (!strstr(e.text, cases[i].problem))
            fail_msg("\"%s\" does not say \"%s\"", e.text, cases[i].problem);
        config_fini(&c);
    }
}

static void
agents__a_missing_file_is_an_error_unless_nobody_named_it(void **state)
{
    struct config c;
    struct err    e = ERR_INIT;

    (void)state;
    strcpy(agents_path, "/nowhere/agents.yaml");
    assert_int_equal(config_load(&c, agents_get_path, NULL, &e), ERR_INVALID);
    assert_string_equal(e.text, "setting ORCH_AGENTS_FILE: could not read file \"/nowhere/agents.yaml\": No such file or directory");
    config_fini(&c);
    err_clear(&e);
    strcpy(agents_path, "");
    assert_int_equal(config_load(&c, agents_get_path, NULL, &e), 0);
    config_fini(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agents__the_repos_own_entry_wins),
        cmocka_unit_test(agents__an_unknown_one_is_named_with_the_file),
        cmocka_unit_test(agents__a_wrong_file_names_itself_and_the_line),
        cmocka_unit_test(agents__a_missing_file_is_an_error_unless_nobody_named_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
