/* How a command is started, and how its own end is told. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rig.h"

static void
R2_start__tells_the_exit_status(void **state)
{
    struct rig *r = *state;
    struct err  e = ERR_INIT;

    assert_int_equal(rig_start(r, "exit", "75", &e), 0);
    assert_int_equal(r->ends, 0); /* not before agent_start() returned */
    rig_wait_end(r);
    assert_true(r->end.is_started);
    assert_int_equal(r->end.exit_status, 75);
    assert_int_equal(r->end.signal, 0);
    assert_false(r->end.is_stopped);
    assert_false(r->end.is_lost);
    assert_int_equal(r->end.tree_size, 0);
    assert_true(r->end.started_us > 0 && r->end.ended_us >= r->end.started_us && r->end.gone_us >= r->end.ended_us);
    assert_true(r->end.term_us == 0 && r->end.kill_us == 0);
}

static void
R2_start__gives_a_clean_environment_closed_files_and_plain_signals(void **state)
{
    struct rig *r = *state;
    struct err  e = ERR_INIT;
    char        cwd[128];
    char       *log;

    setenv("ORCH_GITEA_TOKEN", "hush", 1);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(rig_start(r, "echo", NULL, &e), 0);
    rig_wait_end(r);
    assert_int_equal(r->end.exit_status, 0);
    log = rig_log(r);
    assert_non_null(strstr(log, "env ANSWER=42\n"));
    assert_non_null(strstr(log, r->marker));
    assert_null(strstr(log, "hush"));
    assert_null(strstr(log, "env HOME="));
    assert_non_null(strstr(log, "fd 0\nfd 1\nfd 2\nstdin 0\n"));
    assert_null(strstr(log, "fd 3\n"));
    assert_null(strstr(log, "ignored"));
    assert_null(strstr(log, "blocked"));
    assert_non_null(strstr(log, "sid 1\npgid 1\n"));
    snprintf(cwd, sizeof(cwd), "cwd %s\n", r->dir);
    assert_non_null(strstr(log, cwd));
    assert_non_null(strstr(log, "complaint\n"));
    free(log);
}

static void
R2_start__appends_to_the_log(void **state)
{
    struct rig *r = *state;
    struct err  e = ERR_INIT;
    FILE       *f = fopen(r->log_path, "w");
    char       *log;

    fputs("earlier\n", f);
    fclose(f);
    assert_int_equal(rig_start(r, "echo", NULL, &e), 0);
    rig_wait_end(r);
    log = rig_log(r);
    assert_memory_equal(log, "earlier\n", 8);
    assert_non_null(strstr(log, "complaint\n"));
    free(log);
}

static void
S3_end__sweeps_what_the_command_left_behind(void **state)
{
    struct rig *r = *state;
    struct err  e = ERR_INIT;

    assert_int_equal(rig_start(r, "leave", NULL, &e), 0);
    rig_wait_end(r);
    assert_int_equal(r->end.exit_status, 0);
    assert_false(r->end.is_stopped);
    assert_int_equal(r->end.tree_size, 2);
    assert_true(r->end.kill_us > 0);
    assert_int_equal(rig_count(r), 0);
}

static void
expect_refusal(struct rig *r, const char *const *argv, const char *cwd, enum err_code code, const char *names)
{
    struct err        e = ERR_INIT;
    const char *const env[] = { "PATH=/usr/bin::.:/bin", NULL };
    struct agent_spec spec = { .argv = argv, .env = env, .cwd = cwd, .log_path = r->log_path, .marker = r->marker };

    assert_true(agent_start(&r->agent, r->loop, &spec, NULL, NULL, r, &e) != 0);
    assert_int_equal(e.code, code);
    assert_non_null(strstr(e.text, names));
    assert_null(r->agent);
}

static void
R1_start__refuses_what_cannot_run_and_names_it(void **state)
{
    struct rig       *r = *state;
    const char *const absent[] = { "no-such-agent", NULL };
    const char *const nowhere[] = { "/nowhere/agent", NULL };
    const char *const folder[] = { "/tmp", NULL };
    const char *const fine[] = { "true", NULL };

    expect_refusal(r, absent, r->dir, ERR_INVALID, "no-such-agent");
    expect_refusal(r, nowhere, r->dir, ERR_INVALID, "/nowhere/agent");
    expect_refusal(r, folder, r->dir, ERR_INVALID, "/tmp");
    expect_refusal(r, fine, "/nowhere/tree", ERR_INVALID, "/nowhere/tree");
}

static void
on_failed(const struct agent_end *end, void *arg)
{
    struct rig *r = arg;

    r->end = *end;
    r->ends++;
    agent_free(r->agent);
    r->agent = NULL;
}

static void
R1_start__tells_why_a_file_could_not_be_executed(void **state)
{
    struct rig       *r = *state;
    struct err        e = ERR_INIT;
    char              path[128];
    const char       *argv[] = { path, NULL };
    const char *const env[] = { "PATH=/usr/bin:/bin", NULL };
    struct agent_spec spec = { .argv = argv, .env = env, .cwd = r->dir, .log_path = r->log_path, .marker = r->marker };
    FILE             *f;

    snprintf(path, sizeof(path), "%s/agent", r->dir);
    f = fopen(path, "w");
    fputs("echo a script without its first line is no program\n", f);
    fclose(f);
    chmod(path, 0755);
    assert_int_equal(agent_start(&r->agent, r->loop, &spec, NULL, on_failed, r, &e), 0);
    rig_wait_end(r);
    unlink(path);
    assert_false(r->end.is_started);
    assert_false(r->end.is_lost);
    assert_non_null(strstr(r->end.error, path));
    assert_non_null(strstr(r->end.error, strerror(ENOEXEC)));
}

static void
R1_check_command__says_what_to_do(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(agent_check_command("sh", "/usr/bin:/bin", &e), 0);
    assert_int_equal(agent_check_command("tools/agent.sh", "/usr/bin:/bin", &e), 0);
    assert_int_equal(agent_check_command("no-such-agent", "/usr/bin:/bin", &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "no-such-agent"));
    assert_non_null(strstr(e.text, "install it"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(R2_start__tells_the_exit_status),
        TEST(R2_start__gives_a_clean_environment_closed_files_and_plain_signals),
        TEST(R2_start__appends_to_the_log),
        TEST(S3_end__sweeps_what_the_command_left_behind),
        TEST(R1_start__refuses_what_cannot_run_and_names_it),
        TEST(R1_start__tells_why_a_file_could_not_be_executed),
        TEST(R1_check_command__says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
