#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"

/* An environment of a few variables: name, value, name, value, … NULL. */
static const char *
get_from(const char *name, void *arg)
{
    const char *const *pairs = arg;

    for (; *pairs; pairs += 2)
        if (strcmp(pairs[0], name) == 0)
            return pairs[1];
    return NULL;
}

#define ENV(...) ((void *)(const char *const[]){ __VA_ARGS__, NULL })

/* Loads one variable besides those that every test needs. */
static int
load_one(struct config *c, const char *name, const char *value, struct err *e)
{
    return config_load(c, get_from, ENV("ORCH_AGENTS_FILE", "", name, value), e);
}

static void
assert_loads(struct config *c, const char *name, const char *value)
{
    struct err e = ERR_INIT;

    load_one(c, name, value, &e);
    assert_string_equal(e.text, "");
}

static void
assert_refused(const char *name, const char *value, const char *message)
{
    struct config c;
    struct err    e = ERR_INIT;

    load_one(&c, name, value, &e);
    assert_int_equal(e.code, ERR_INVALID);
    assert_string_equal(e.text, message);
    config_fini(&c);
}

static void
C2_config__has_a_default_for_everything(void **state)
{
    struct config c;
    struct err    e = ERR_INIT;
    char          host[99] = { 0 };

    (void)state;
    assert_int_equal(config_load(&c, get_from, ENV("ORCH_AGENTS_FILE", ""), &e), 0);
    gethostname(host, sizeof host - 1);
    assert_string_equal(c.node, host);
    assert_string_equal(c.database_url, "postgresql:///orchd");
    assert_int_equal(c.lease, 30000);
    assert_int_equal(c.max_concurrency, 4);
    assert_true(c.stop_status_enabled);
    assert_true(json_is_object(c.agents));
    config_fini(&c);
}

static void
C2_config__a_wrong_value_names_itself_and_what_is_accepted(void **state)
{
    (void)state;
    assert_refused("ORCH_MAX_ATTEMPTS", "many", "setting ORCH_MAX_ATTEMPTS cannot be \"many\": accepted is a whole number from 1 to 100");
    assert_refused("ORCH_LOG_MAX_BYTES", "4096",
                   "setting ORCH_LOG_MAX_BYTES cannot be \"4096\": accepted is 0, or a whole number from 65536 to 1099511627776");
    assert_refused("ORCH_MAX_ATTEMPTS", "0", "setting ORCH_MAX_ATTEMPTS cannot be \"0\": accepted is a whole number from 1 to 100");
    assert_refused("ORCH_MAX_ATTEMPTS", "", "setting ORCH_MAX_ATTEMPTS cannot be \"\": accepted is a whole number from 1 to 100");
    assert_refused("ORCH_LEASE", "2d",
                   "setting ORCH_LEASE cannot be \"2d\": accepted is a number of seconds, or one with ms, s, m, h or d, from 500ms to 1h");
    assert_refused("ORCH_REAPER_ENABLED", "maybe",
                   "setting ORCH_REAPER_ENABLED cannot be \"maybe\": accepted is on or off (also true, false, yes, no, 1, 0)");
    assert_refused("ORCH_LOG_LEVEL", "loud", "setting ORCH_LOG_LEVEL cannot be \"loud\": accepted is debug info warn error");
    assert_refused("ORCH_LISTEN", "8080",
                   "setting ORCH_LISTEN cannot be \"8080\": accepted is an address and a port such as 127.0.0.1:8080 or [::1]:8080");
    assert_refused("ORCH_PLANE_URL", "plane.example.com",
                   "setting ORCH_PLANE_URL cannot be \"plane.example.com\": accepted is an address that begins with https:// or http://, "
                   "or nothing");
    assert_refused("ORCH_NODE", "a b",
                   "setting ORCH_NODE cannot be \"a b\": accepted is a name of letters, digits, dot, dash and underscore, at most 100");
}

static void
config__reads_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t     ms;
    } cases[] = { { "90", 90000 }, { "1.5", 1500 }, { "500ms", 500 }, { "10m", 600000 }, { "1h", 3600000 }, { "0.5m", 30000 } };
    static const char *const bad[] = { "", "s", "1 m", "1.2.3", "-5", "1w", ".5", "1e3", "99999999999999999999" };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config c;

        assert_loads(&c, "ORCH_LEASE", cases[i].text);
        assert_int_equal(c.lease, cases[i].ms);
        config_fini(&c);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct config c;
        struct err    e = ERR_INIT;

        assert_int_equal(load_one(&c, "ORCH_LEASE", bad[i], &e), ERR_INVALID);
        config_fini(&c);
    }
}

static void
config__drops_bad_names_and_keeps_the_good(void **state)
{
    struct config c;

    (void)state;
    assert_loads(&c, "ORCH_STOP_STATUS_REPOS", " shop , ,we b,bad/one,web-2.x");
    assert_string_equal(c.stop_status_repos, "shop,we,web-2.x");
    config_fini(&c);
}

static void
config__takes_the_last_slash_off_addresses(void **state)
{
    struct config c;

    (void)state;
    assert_loads(&c, "ORCH_GITEA_URL", "https://git.example.com/sub//");
    assert_string_equal(c.gitea_url, "https://git.example.com/sub");
    config_fini(&c);
}

/* A file that is gone at the end of the test; its path is static. */
static const char *
write_file(const char *text, size_t len)
{
    static char path[64];
    int         fd;

    strcpy(path, "/tmp/orch-config-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
    return path;
}

static void
C2_config__reads_a_secret_from_a_file(void **state)
{
    struct config c;
    struct err    e = ERR_INIT;
    const char   *path = write_file("s3cret \r\n", 9);

    (void)state;
    assert_loads(&c, "ORCH_OPERATOR_TOKEN_FILE", path);
    assert_string_equal(c.operator_token, "s3cret ");
    config_fini(&c);
    config_load(&c, get_from, ENV("ORCH_AGENTS_FILE", "", "ORCH_OPERATOR_TOKEN_FILE", path, "ORCH_OPERATOR_TOKEN", "x"), &e);
    assert_string_equal(e.text, "setting ORCH_OPERATOR_TOKEN is there twice: as itself and as ORCH_OPERATOR_TOKEN_FILE");
    config_fini(&c);
    unlink(path);
    assert_refused("ORCH_OPERATOR_TOKEN_FILE", "/nowhere/token",
                   "setting ORCH_OPERATOR_TOKEN_FILE: could not read file \"/nowhere/token\": No such file or directory");
    assert_refused("ORCH_OPERATOR_TOKEN_FILE", "/tmp", "setting ORCH_OPERATOR_TOKEN_FILE: could not read file \"/tmp\": Is a directory");
}

static void
config__a_wrong_secret_stays_secret(void **state)
{
    struct config c;
    struct err    e = ERR_INIT;

    (void)state;
    load_one(&c, "ORCH_OPERATOR_TOKEN", "hush\xFFhush", &e);
    assert_int_equal(e.code, ERR_INVALID);
    assert_non_null(strstr(e.text, "ORCH_OPERATOR_TOKEN"));
    assert_null(strstr(e.text, "hush"));
    config_fini(&c);
}

static void
config__shares_what_sql_reads_in_its_form(void **state)
{
    struct config c;
    struct json  *shared;

    (void)state;
    assert_loads(&c, "ORCH_RETRY_BASE", "50ms");
    shared = config_shared(&c);
    assert_string_equal(json_str(shared, "retry_base"), "50 ms");
    assert_string_equal(json_str(shared, "plane_states_ttl_s"), "300 s");
    assert_string_equal(json_str(shared, "max_attempts"), "2");
    assert_string_equal(json_str(shared, "stop_status_enabled"), "on");
    assert_string_equal(json_str(shared, "stop_status_repos"), "");
    assert_null(json_at(shared, "operator_token"));
    assert_null(json_at(shared, "max_concurrency"));
    json_free(shared);
    config_fini(&c);
}

static void
C2_config__describes_each_setting_in_each_form(void **state)
{
    static const char *const names[] = {
#define OPT(type, field, def, min, max, flags, help) #field,
#include "config/options.def"
#undef OPT
    };

    (void)state;
    for (enum config_format format = CONFIG_HELP; format <= CONFIG_DOTENV; format++) {
        struct buf out = { 0 };

        config_describe(&out, format);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            char variable[80] = "ORCH_";

            for (size_t at = 0; names[i][at]; at++)
                variable[5 + at] = (char)(names[i][at] >= 'a' && names[i][at] <= 'z' ? names[i][at] - 'a' + 'A' : names[i][at]);
            if (!strstr(out.data, variable))
                fail_msg("%s is not described", variable);
        }
        buf_fini(&out);
    }
}

static void
on_wrong(const struct err *e, void *arg)
{
    buf_printf(arg, "%.40s\n", e->text);
}

static void
C3_config__examined_names_every_wrong_setting_and_takes_defaults(void **state)
{
    struct config c;
    struct buf    told = { 0 };

    (void)state;
    config_examine(&c, get_from,
                   ENV("ORCH_MAX_CONCURRENCY", "many", "ORCH_LOG_LEVEL", "loud", "ORCH_NODE", "a b", "ORCH_LEASE", "45s",
                       "ORCH_AGENTS_FILE", "/nowhere"),
                   on_wrong, &told);
    assert_non_null(strstr(told.data, "setting ORCH_NODE cannot be \"a b\""));
    assert_non_null(strstr(told.data, "setting ORCH_MAX_CONCURRENCY cannot be"));
    assert_non_null(strstr(told.data, "setting ORCH_LOG_LEVEL cannot be"));
    assert_non_null(strstr(told.data, "setting ORCH_AGENTS_FILE"));
    assert_int_equal(c.max_concurrency, 4);
    assert_string_equal(c.log_level, "info");
    assert_true(*c.node);
    assert_int_equal(c.lease, 45000);
    assert_string_equal(json_text(c.agents), "{}");
    buf_fini(&told);
    config_fini(&c);
}

static void
C3_config__knows_the_names_of_its_variables(void **state)
{
    (void)state;
    assert_true(config_is_variable("ORCH_LEASE"));
    assert_true(config_is_variable("ORCH_GITEA_TOKEN_FILE"));
    assert_false(config_is_variable("ORCH_LEASE_FILE"));
    assert_false(config_is_variable("ORCH_LEAS"));
    assert_false(config_is_variable("LEASE"));
}

static void
C1_config__one_setting_is_read_whatever_the_others_are(void **state)
{
    struct err e = ERR_INIT;
    char      *text = NULL;

    (void)state;
    assert_int_equal(config_read_text(&text, "database_url", get_from, ENV("ORCH_DATABASE_URL", "host=x", "ORCH_LEASE", "never"), &e), 0);
    assert_string_equal(text, "host=x");
    free(text);
    assert_int_equal(config_read_text(&text, "database_url", get_from, ENV("ORCH_LEASE", "never"), &e), 0);
    assert_string_equal(text, "postgresql:///orchd");
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(C2_config__has_a_default_for_everything),
        cmocka_unit_test(C2_config__a_wrong_value_names_itself_and_what_is_accepted),
        cmocka_unit_test(config__reads_durations),
        cmocka_unit_test(config__drops_bad_names_and_keeps_the_good),
        cmocka_unit_test(config__takes_the_last_slash_off_addresses),
        cmocka_unit_test(C2_config__reads_a_secret_from_a_file),
        cmocka_unit_test(config__a_wrong_secret_stays_secret),
        cmocka_unit_test(config__shares_what_sql_reads_in_its_form),
        cmocka_unit_test(C2_config__describes_each_setting_in_each_form),
        cmocka_unit_test(C3_config__examined_names_every_wrong_setting_and_takes_defaults),
        cmocka_unit_test(C3_config__knows_the_names_of_its_variables),
        cmocka_unit_test(C1_config__one_setting_is_read_whatever_the_others_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
