/* The control group of a run. Where this machine lets nobody make one, these tests are skipped and say why. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/cage.h"
#include "base/str.h"
#include "rig.h"

static struct rig *
contained(void **state)
{
    struct rig *r = *state;
    struct err  e = ERR_INIT;
    const char *detail;

    assert_int_equal(agent_contain(AGENT_CONTAIN_AUTO, "test", r->dir, &e), 0);
    if (strcmp(agent_containment(&detail), "cgroup") != 0) {
        print_message("no control group can be made here: %s\n", detail);
        skip();
    }
    r->cage = "run-1";
    return r;
}

static int
uncontain(void **state)
{
    int failed = rig_tear_down(state);

    agent_contain_end();
    return failed;
}

static char *
cage_of(struct rig *r)
{
    assert_non_null(agent_cage(r->agent));
    return xstrdup(agent_cage(r->agent));
}

static bool
is_in_group(pid_t pid, const char *dir)
{
    struct tree tree = { 0 };
    struct cage c = CAGE_NONE;
    bool        is_in;

    assert_int_equal(cage_open(&c, dir), 0);
    tree_walk(&tree);
    cage_mark(&c, &tree);
    is_in = tree_find(&tree, pid) && tree_find(&tree, pid)->is_in;
    cage_close(&c);
    tree_fini(&tree);
    return is_in;
}

static void
expect_ended(struct rig *r, char *cage)
{
    rig_wait_end(r);
    assert_int_equal(rig_count(r), 0);
    assert_int_equal(access(cage, F_OK), -1);
    assert_int_equal(errno, ENOENT);
    free(cage);
}

static void
R2_cage__holds_the_command_and_not_its_warden(void **state)
{
    struct rig *r = contained(state);
    char       *cage;

    rig_start_ready(r, "sleep");
    cage = cage_of(r);
    assert_true(is_in_group(rig_command(r), cage));
    assert_false(is_in_group(r->warden, cage));
    agent_stop(r->agent, "test");
    rig_wait_end(r);
    assert_int_equal(r->end.signal, SIGTERM);
    assert_true(r->end.kill_us == 0);
    assert_false(r->end.is_lost);
    assert_int_equal(access(cage, F_OK), -1);
    free(cage);
}

static void
S3_cage__is_killed_at_once_after_the_grace(void **state)
{
    struct rig *r = contained(state);
    char       *cage;

    rig_start_ready(r, "trap");
    cage = cage_of(r);
    agent_stop(r->agent, "test");
    expect_ended(r, cage);
    assert_true(r->end.term_us > 0);
    assert_true(r->end.kill_us > 0);
    assert_true(r->end.tree_size >= 3);
    assert_false(r->end.is_lost);
}

static void
S3_cage__ends_hoppers(void **state)
{
    struct rig *r = contained(state);
    char       *cage;

    rig_start_ready(r, "hoppers");
    cage = cage_of(r);
    agent_stop(r->agent, "test");
    expect_ended(r, cage);
}

static void
S3_cage__ends_a_bomb(void **state)
{
    struct rig *r = contained(state);
    char       *cage;

    rig_start_ready(r, "bomb");
    cage = cage_of(r);
    agent_kill(r->agent, "test");
    expect_ended(r, cage);
}

/* A group that the agent made inside, and a process in it that is no descendant of the warden: put there by somebody else. */
static void
S3_cage__counts_groups_inside_and_strangers_in_them(void **state)
{
    struct rig *r = contained(state);
    char       *cage;
    char       *inner;
    struct cage c = CAGE_NONE;
    pid_t       stranger = 0;

    rig_start_ready(r, "sleep");
    cage = cage_of(r);
    inner = xasprintf("%s/inner", cage);
    assert_int_equal(mkdir(inner, 0755), 0);
    assert_int_equal(cage_open(&c, inner), 0);
    assert_int_equal(cage_fork(&c, &stranger), 0);
    if (stranger == 0) {
        signal(SIGTERM, SIG_IGN);
        for (;;)
            pause();
    }
    cage_close(&c);
    assert_true(is_in_group(stranger, cage));
    agent_kill(r->agent, "test");
    expect_ended(r, cage);
    /* agent.c reaps what is given to it; a child that it did not start counts as that. */
    assert_int_equal(waitpid(stranger, NULL, WNOHANG), -1);
    free(inner);
}

static void
S3_cage__is_ended_when_the_warden_was_killed(void **state)
{
    struct rig *r = contained(state);
    char       *cage;

    rig_start_ready(r, "clear");
    cage = cage_of(r);
    kill(r->warden, SIGKILL);
    expect_ended(r, cage);
    assert_true(r->end.is_lost);
}

static void
Q7_contain__ends_what_an_earlier_life_left(void **state)
{
    struct rig *r = contained(state);
    struct err  e = ERR_INIT;
    const char *dir;
    char       *left;
    struct cage c = CAGE_NONE;
    pid_t       pid = 0;
    int         status = 0;

    agent_containment(&dir);
    left = xasprintf("%s/run-77", dir);
    assert_int_equal(mkdir(left, 0755), 0);
    assert_int_equal(cage_open(&c, left), 0);
    assert_int_equal(cage_fork(&c, &pid), 0);
    if (pid == 0)
        for (;;)
            pause();
    cage_close(&c);
    assert_int_equal(agent_contain(AGENT_CONTAIN_AUTO, "test", r->dir, &e), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(access(left, F_OK), -1);
    free(left);
}

static void
Q7_sweep__takes_no_group_that_is_not_of_this_node(void **state)
{
    struct rig *r = contained(state);
    const char *dir;
    char       *other;
    char       *around;
    struct cage c = CAGE_NONE;
    pid_t       pid = 0;
    int         status = 0;
    int         left = -1;

    agent_containment(&dir);
    other = xasprintf("%s-other", dir);
    around = xasprintf("%s/../%s-other", dir, strrchr(dir, '/') + 1);
    assert_int_equal(mkdir(other, 0755), 0);
    assert_int_equal(cage_open(&c, other), 0);
    assert_int_equal(cage_fork(&c, &pid), 0);
    if (pid == 0)
        for (;;)
            pause();
    cage_close(&c);
    assert_int_equal(agent_sweep(0, NULL, NULL, r->marker, other, 100, &left), 0);
    assert_int_equal(agent_sweep(0, NULL, NULL, r->marker, around, 100, &left), 0);
    assert_int_equal(agent_sweep(0, NULL, NULL, r->marker, dir, 100, &left), 0);
    assert_int_equal(waitpid(pid, &status, WNOHANG | WUNTRACED), 0);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    assert_true(cage_remove(other));
    free(other);
    free(around);
}

static void
R2_contain__off_is_the_warden_alone(void **state)
{
    struct rig *r = *state;
    struct err  e = ERR_INIT;
    const char *why;

    assert_int_equal(agent_contain(AGENT_CONTAIN_OFF, "test", r->dir, &e), 0);
    assert_string_equal(agent_containment(&why), "warden");
    assert_non_null(strstr(why, "switched off"));
    r->cage = "run-1";
    rig_start_ready(r, "sleep");
    assert_null(agent_cage(r->agent));
    agent_stop(r->agent, "test");
    rig_wait_end(r);
}

static void
R2_contain__require_refuses_where_it_cannot(void **state)
{
    struct rig *r = *state;
    struct err  e = ERR_INIT;
    char       *nowhere = xasprintf("%s/nowhere", r->dir);

    assert_int_equal(agent_contain(AGENT_CONTAIN_REQUIRE, "test", nowhere, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "control group"));
    free(nowhere);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, uncontain)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(R2_cage__holds_the_command_and_not_its_warden),
        TEST(S3_cage__is_killed_at_once_after_the_grace),
        TEST(S3_cage__ends_hoppers),
        TEST(S3_cage__ends_a_bomb),
        TEST(S3_cage__counts_groups_inside_and_strangers_in_them),
        TEST(S3_cage__is_ended_when_the_warden_was_killed),
        TEST(Q7_contain__ends_what_an_earlier_life_left),
        TEST(Q7_sweep__takes_no_group_that_is_not_of_this_node),
        TEST(R2_contain__off_is_the_warden_alone),
        TEST(R2_contain__require_refuses_where_it_cannot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
