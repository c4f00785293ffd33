/* M2, M4, M5: what the agents file has under deploys. */
#include "agents_text.h"

static const char good[] = "agents: {deployer: {command: [deploy]}}\n"
                           "deploys:\n"
                           "  acme/shop.js:\n"
                           "    hook: {command: [/opt/deploy, now], timeout: 30m, env: {TARGET: blue}}\n"
                           "    image: {command: [/opt/revision]}\n"
                           "    monitor: {url: 'https://shop.example/health', interval: 10s, failures: 5}\n"
                           "    rollback: {command: [/opt/back], timeout: 5m}\n"
                           "  acme/blog:\n"
                           "    monitor: {command: [/opt/ping, blog], timeout: 3s, window: 1h}\n";

static void
note(const char *repo, const char *agent, const char *command, void *arg)
{
    buf_printf(arg, "%s/%s=%s ", repo ? repo : "*", agent, command);
}

static void
M2_deploys__hook_and_image_are_found_by_repo(void **state)
{
    struct config       c;
    struct config_agent how;
    struct err          e = ERR_INIT;

    (void)state;
    assert_int_equal(load_text(&c, good, &e), 0);
    assert_true(config_find_deploy(&how, &c, "acme/shop.js", "hook"));
    assert_string_equal(how.argv[0], "/opt/deploy");
    assert_string_equal(how.argv[1], "now");
    assert_null(how.argv[2]);
    assert_int_equal(how.timeout_ms, 30 * 60 * 1000);
    assert_string_equal(json_str(how.env, "TARGET"), "blue");
    free(how.argv);
    assert_true(config_find_deploy(&how, &c, "acme/shop.js", "image"));
    assert_int_equal(how.timeout_ms, 60 * 1000);
    free(how.argv);
    assert_false(config_find_deploy(&how, &c, "acme/blog", "hook"));
    assert_false(config_find_deploy(&how, &c, "acme/none", "hook"));
    assert_false(config_find_deploy(&how, &c, NULL, "hook"));
    config_fini(&c);
}

static void
M4_deploys__a_monitor_has_defaults_and_is_published(void **state)
{
    struct config         c;
    struct config_monitor m;
    struct config_agent   command;
    struct json          *shared;
    struct err            e = ERR_INIT;

    (void)state;
    assert_int_equal(load_text(&c, good, &e), 0);
    assert_true(config_find_monitor(&m, &command, &c, "acme/shop.js"));
    assert_string_equal(m.url, "https://shop.example/health");
    assert_null(command.argv);
    assert_int_equal(m.interval_ms, 10 * 1000);
    assert_int_equal(m.window_ms, 15 * 60 * 1000);
    assert_int_equal(m.timeout_ms, 10 * 1000);
    assert_int_equal(m.failures, 5);
    assert_true(m.has_rollback);
    assert_true(config_find_monitor(&m, &command, &c, "acme/blog"));
    assert_null(m.url);
    assert_string_equal(command.argv[1], "blog");
    assert_int_equal(m.interval_ms, 30 * 1000);
    assert_int_equal(m.window_ms, 60 * 60 * 1000);
    assert_int_equal(command.timeout_ms, 3 * 1000);
    assert_int_equal(m.failures, 3);
    assert_false(m.has_rollback);
    free(command.argv);
    shared = config_shared(&c);
    assert_string_equal(json_str(shared, "monitored_repos"), "acme/shop.js,acme/blog");
    json_free(shared);
    config_fini(&c);
}

static void
M4_deploys__a_rollback_is_an_agent_of_its_repo(void **state)
{
    struct config       c;
    struct config_agent how;
    struct err          e = ERR_INIT;
    struct buf          all = { 0 };

    (void)state;
    assert_int_equal(load_text(&c, good, &e), 0);
    assert_int_equal(config_find_agent(&how, &c, "acme/shop.js", "rollback", &e), 0);
    assert_string_equal(how.argv[0], "/opt/back");
    assert_int_equal(how.timeout_ms, 5 * 60 * 1000);
    free(how.argv);
    config_each_agent(&c, note, &all);
    assert_string_equal(all.data, "*/deployer=deploy acme/shop.js/rollback=/opt/back ");
    buf_fini(&all);
    config_each_deploy_command(&c, note, &all);
    assert_string_equal(all.data, "acme/shop.js/hook=/opt/deploy acme/shop.js/image=/opt/revision acme/blog/monitor=/opt/ping ");
    buf_fini(&all);
    config_fini(&c);
}

static void
C2_deploys__what_is_wrong_is_named_with_its_line(void **state)
{
    static const struct refusal cases[] = {
        { "7", "\"deploys.acme/shop\" must have hook, image, monitor or rollback" },
        { "{hok: {command: [a]}}", "\"deploys.acme/shop.hok\" is not known here: a repo's deploys have hook, image, monitor and rollback" },
        { "{hook: [a]}", "\"deploys.acme/shop.hook\" must have a command" },
        { "{hook: {timeout: 1m}}", "\"deploys.acme/shop.hook\" must have a command: a list" },
        { "{hook: {command: a}}", "\"deploys.acme/shop.hook.command\" must have a command: a list" },
        { "{hook: {command: [a], timeout: soon}}", "\"deploys.acme/shop.hook.timeout\" must be a duration" },
        { "{hook: {command: [a], timeout: 0}}", "\"deploys.acme/shop.hook.timeout\" must be a duration" },
        { "{hook: {command: [a], env: {1X: y}}}", "\"deploys.acme/shop.hook.env.1X\" cannot be the name of a variable" },
        { "{hook: {command: [a], url: 'http://x/'}}", "\"deploys.acme/shop.hook.url\" is not known here: accepted are command" },
        { "{monitor: {interval: 1m}}", "\"deploys.acme/shop.monitor\" must have a command" },
        { "{monitor: {url: 'ftp://x/'}}", "\"deploys.acme/shop.monitor.url\" must be an http or https URL" },
        { "{monitor: {url: [x]}}", "\"deploys.acme/shop.monitor.url\" must be an http or https URL" },
        { "{monitor: {url: 'http://x/', command: [a]}}", "\"deploys.acme/shop.monitor\" must have a url or a command, not both" },
        { "{monitor: {url: 'http://x/', failures: 0}}", "\"deploys.acme/shop.monitor.failures\" must be a whole number from 1 to 1000" },
        { "{monitor: {url: 'http://x/', window: never}}", "\"deploys.acme/shop.monitor.window\" must be a duration" },
        { "{monitor: {url: 'http://x/', every: 1m}}",
          "\"deploys.acme/shop.monitor.every\" is not known here: a monitor has url or command" },
        { "{rollback: {command: []}}", "\"deploys.acme/shop.rollback.command\" must have a command" },
    };

    (void)state;
    expect_refused(cases, sizeof(cases) / sizeof(*cases), "agents: {}\ndeploys:\n  acme/shop: ", " line 3: ");
}

static void
C2_deploys__a_rollback_that_is_there_twice_is_refused(void **state)
{
    static const char text[] = "repos: {acme/shop: {rollback: {command: [a]}}}\n"
                               "deploys:\n"
                               "  acme/shop: {rollback: {command: [b]}}\n";
    struct config     c;
    struct err        e = ERR_INIT;

    (void)state;
    assert_int_equal(load_text(&c, text, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "line 3: \"deploys.acme/shop.rollback\" is there twice"));
    config_fini(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(M2_deploys__hook_and_image_are_found_by_repo),
        cmocka_unit_test(M4_deploys__a_monitor_has_defaults_and_is_published),
        cmocka_unit_test(M4_deploys__a_rollback_is_an_agent_of_its_repo),
        cmocka_unit_test(C2_deploys__a_rollback_that_is_there_twice_is_refused),
        cmocka_unit_test(C2_deploys__what_is_wrong_is_named_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
