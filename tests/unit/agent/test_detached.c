/* M2: a command that outlives the orchd that started it, and what is known of it afterwards. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

enum { UNTIL_STATUS = 7 };

/* Starts the command in a process of its own, which plays orchd and is killed when the command runs. Returns the pid of the warden. */
static pid_t
start_and_crash(struct rig *r, const char *manner)
{
    int   ends[2];
    pid_t warden = 0;
    pid_t pid;

    r->journal = r->journal_path;
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        rig_start_ready(r, manner);
        if (write(ends[1], &r->warden, sizeof(r->warden)) == (ssize_t)sizeof(r->warden))
            for (;;)
                pause();
        _exit(1);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &warden, sizeof(warden)), sizeof(warden));
    close(ends[0]);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return warden;
}

static void
adopt(struct rig *r)
{
    struct err e = ERR_INIT;

    assert_int_equal(rig_adopt(r, &e), 0);
}

static void
write_journal(struct rig *r, const char *text)
{
    int fd = open(r->journal_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void
M2_detached__survives_orchd_and_its_exit_status_is_read_by_the_next(void **state)
{
    struct rig *r = *state;

    r->timeout_ms = RIG_PATIENCE_MS;
    start_and_crash(r, "until");
    assert_int_equal(rig_count(r), 1);
    adopt(r);
    kill(rig_command(r), SIGUSR1);
    rig_wait_end(r);
    assert_true(r->end.is_started);
    assert_false(r->end.is_lost);
    assert_false(r->end.is_timeout);
    assert_int_equal(r->end.exit_status, UNTIL_STATUS);
    assert_true(r->end.ended_us >= r->end.started_us && r->end.gone_us >= r->end.ended_us);
}

static void
M2_detached__an_end_that_nobody_watched_is_read_later(void **state)
{
    struct rig *r = *state;
    pid_t       warden;

    r->timeout_ms = RIG_PATIENCE_MS;
    warden = start_and_crash(r, "until");
    kill(rig_command(r), SIGUSR1);
    assert_int_equal(waitpid(warden, NULL, 0), warden); /* ours since the crash: we are its sub-reaper */
    adopt(r);
    rig_wait_end(r);
    assert_false(r->end.is_lost);
    assert_int_equal(r->end.exit_status, UNTIL_STATUS);
}

static void
M2_detached__ends_at_its_time_out_without_any_orchd(void **state)
{
    struct rig *r = *state;
    pid_t       warden;

    r->timeout_ms = 1000;
    warden = start_and_crash(r, "trap");
    assert_int_equal(waitpid(warden, NULL, 0), warden);
    assert_int_equal(rig_count(r), 0);
    adopt(r);
    rig_wait_end(r);
    assert_true(r->end.is_timeout);
    assert_false(r->end.is_lost);
    assert_true(r->end.term_us && r->end.kill_us >= r->end.term_us);
}

static void
M2_detached__takes_no_orders_of_the_orchd_that_started_it(void **state)
{
    struct rig *r = *state;

    r->timeout_ms = RIG_PATIENCE_MS;
    r->journal = r->journal_path;
    rig_start_ready(r, "until");
    agent_stop(r->agent, "test");
    agent_kill(r->agent, "test");
    adopt(r); /* and frees the one that started it */
    assert_int_equal(rig_count(r), 1);
    kill(rig_command(r), SIGUSR1);
    rig_wait_end(r);
    assert_int_equal(r->end.exit_status, UNTIL_STATUS);
    assert_int_equal(r->end.term_us, 0);
}

static void
M2_detached__a_killed_warden_leaves_no_process_and_no_status(void **state)
{
    struct rig *r = *state;
    pid_t       warden;

    r->timeout_ms = RIG_PATIENCE_MS;
    warden = start_and_crash(r, "trap");
    kill(warden, SIGKILL);
    assert_int_equal(waitpid(warden, NULL, 0), warden);
    adopt(r);
    rig_wait_end(r);
    assert_true(r->end.is_lost);
    assert_int_equal(r->end.exit_status, -1);
    assert_int_equal(r->end.ended_us, 0);
    assert_int_equal(rig_count(r), 0);
}

/* What a journal says that nobody holds. */
struct journal_case {
    const char *text;
    bool        is_lost;
    int         exit_status;
};

static void
M2_journal__what_is_not_told_is_not_known(void **state)
{
    struct rig                      *r = *state;
    static const struct journal_case cases[] = {
        { "", true, -1 },
        { "started 12 1000\n", true, -1 },
        { "started 12 1000\nexited 0 20", true, -1 },              /* torn by the end of the machine */
        { "started 12 1000\nexited 0 2000\n", true, 0 },           /* told, but what it left behind was not waited for */
        { "started 12 1000\nexited 768 2000\n", true, 3 },         /* a wait status */
        { "started 12 1000\nnonsense 1 2\ngone 0 5\n", true, -1 }, /* nothing is believed after a line that is none */
        { "started 12 1000\nexited 768 2000\ngone 0 3000\n", false, 3 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        write_journal(r, cases[i].text);
        r->ends = 0;
        adopt(r);
        rig_wait_end(r);
        assert_int_equal(r->end.is_lost, cases[i].is_lost);
        assert_int_equal(r->end.exit_status, cases[i].exit_status);
    }
}

static void
M2_journal__one_that_is_not_there_is_said_to_be_gone(void **state)
{
    struct rig *r = *state;
    struct err  e = ERR_INIT;

    assert_int_not_equal(rig_adopt(r, &e), 0);
    assert_int_equal(e.code, ERR_GONE);
    assert_non_null(strstr(e.text, r->journal_path));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(M2_detached__survives_orchd_and_its_exit_status_is_read_by_the_next),
        TEST(M2_detached__an_end_that_nobody_watched_is_read_later),
        TEST(M2_detached__ends_at_its_time_out_without_any_orchd),
        TEST(M2_detached__takes_no_orders_of_the_orchd_that_started_it),
        TEST(M2_detached__a_killed_warden_leaves_no_process_and_no_status),
        TEST(M2_journal__what_is_not_told_is_not_known),
        TEST(M2_journal__one_that_is_not_there_is_said_to_be_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
