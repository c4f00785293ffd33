/* The log of a run: within its cap, with head and tail, while the command writes and afterwards. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/runlog.h"
#include "rig.h"

enum { CAP = 256 * 1024, MIB = 1024 * 1024, BLOCK = 4096, LINE_LEN = 45 };

static int64_t
size_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static int64_t
bytes_on_disk(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_blocks * 512;
}

/* What the one line in the log says. */
static long long
left_out(const char *log)
{
    const char *line = strstr(log, "\n[orchd: ");
    long long   bytes = 0;

    assert_non_null(line);
    assert_int_equal(sscanf(line, "\n[orchd: %lld bytes left out]", &bytes), 1);
    assert_null(strstr(line + 2, "[orchd: "));
    return bytes;
}

static void
R3_log__keeps_head_and_tail_and_says_what_it_left_out(void **state)
{
    struct rig *r = *state;
    struct err  e = ERR_INIT;
    char       *log;
    size_t      len;

    r->log_max = CAP;
    assert_int_equal(rig_start(r, "flood", "20", &e), 0);
    rig_wait_end(r);
    assert_int_equal(r->end.exit_status, 0);
    log = rig_log(r);
    len = strlen(log);
    assert_int_equal((int64_t)len, size_of(r->log_path)); /* no zero byte is left */
    assert_true(len <= CAP);
    assert_true(len >= CAP / 4 + CAP / 2);
    assert_memory_equal(log, "the first line\n", 15);
    assert_string_equal(log + len - 14, "the last line\n");
    assert_int_equal(left_out(log) + (long long)len - LINE_LEN, 20LL * MIB + 15 + 14);
    free(log);
}

static void
R3_log__that_fits_is_what_was_written(void **state)
{
    struct rig *r = *state;
    struct err  e = ERR_INIT;

    r->log_max = 2 * MIB;
    assert_int_equal(rig_start(r, "flood", "1", &e), 0);
    rig_wait_end(r);
    assert_int_equal(size_of(r->log_path), MIB + 15 + 14);
}

static bool
is_long(struct rig *r)
{
    return rig_is_started(r) && size_of(r->log_path) > 64 * MIB;
}

/* A reader that holds the file open while it grows, and when it is over. */
static void
R3_log__takes_no_more_of_the_disk_while_a_command_writes_without_end(void **state)
{
    struct rig *r = *state;
    struct err  e = ERR_INIT;
    struct stat st;
    off_t       from, to, tail;
    char        text[16];
    int         fd;

    r->log_max = CAP;
    assert_int_equal(rig_start(r, "endless", NULL, &e), 0);
    assert_true(rig_wait(r, is_long));
    assert_true(bytes_on_disk(r->log_path) <= CAP + 4 * BLOCK);
    fd = open(r->log_path, O_RDONLY | O_CLOEXEC);
    assert_true(runlog_next(fd, 0, &from, &to));
    assert_int_equal(from, 0);
    assert_int_equal(to, CAP / 4);
    assert_int_equal(pread(fd, text, 16, to - 16), 16);
    assert_memory_equal(text, "bytes left out]\n", 16);
    assert_true(runlog_next(fd, to, &tail, &to));
    assert_true(tail > CAP / 4 && to > tail);
    assert_true(fstat(fd, &st) == 0 && !runlog_next(fd, st.st_size + 1024 * (off_t)MIB, &from, &to));
    agent_kill(r->agent, "test");
    rig_wait_end(r);
    assert_true(fstat(fd, &st) == 0);
    assert_int_equal(st.st_nlink, 0);
    assert_true(size_of(r->log_path) <= CAP);
    close(fd);
}

/* The cascade comes to its end though output never does. */
static void
R3_S3_stop__of_a_command_that_writes_without_end(void **state)
{
    struct rig *r = *state;
    struct err  e = ERR_INIT;

    r->log_max = CAP;
    assert_int_equal(rig_start(r, "endless", NULL, &e), 0);
    assert_true(rig_wait(r, is_long));
    agent_stop(r->agent, "test");
    rig_wait_end(r);
    assert_int_equal(r->end.signal, SIGKILL);
    assert_true(r->end.kill_us - r->end.term_us >= r->grace_ms * 1000);
    assert_int_equal(rig_count(r), 0);
}

/* Nobody but the warden is left to look after it. */
static void
R3_M2_log__of_a_detached_command_is_capped_without_orchd(void **state)
{
    struct rig *r = *state;
    struct err  e = ERR_INIT;

    r->log_max = CAP;
    r->journal = r->journal_path;
    r->timeout_ms = RIG_PATIENCE_MS;
    assert_int_equal(rig_start(r, "flood", "50", &e), 0);
    assert_int_equal(rig_adopt(r, &e), 0);
    rig_wait_end(r);
    assert_int_equal(r->end.exit_status, 0);
    assert_true(size_of(r->log_path) <= CAP && size_of(r->log_path) > CAP / 2);
}

/* --- without a command --- */

struct hand {
    struct runlog log;
    int           pen;
};

static void
open_hand(struct hand *h, const char *path, int64_t max)
{
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640));
    h->pen = runlog_open(&h->log, path, max);
    assert_true(h->pen >= 0);
}

static void
write_lines(struct hand *h, const char *line, int count)
{
    for (int i = 0; i < count; i++) {
        assert_int_equal(write(h->pen, line, strlen(line)), strlen(line));
        runlog_take(&h->log);
    }
}

static void
close_hand(struct hand *h)
{
    close(h->pen);
    runlog_close(&h->log);
}

static void
R3_log__tells_what_the_disk_did_not_take_and_goes_on(void **state)
{
    struct rig   *r = *state;
    struct rlimit before, tight;
    struct hand   h;
    char         *log;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = (struct rlimit){ .rlim_cur = 8, .rlim_max = before.rlim_max };
    open_hand(&h, r->log_path, RUNLOG_MIN);
    write_lines(&h, "before\n", 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    write_lines(&h, "lost\n", 2);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    write_lines(&h, "after\n", 1);
    close_hand(&h);
    log = rig_log(r);
    assert_string_equal(log, "before\n\n[orchd: 10 bytes could not be written: File too large]\nafter\n");
    free(log);
}

static bool has_holes = true;

int __real_fallocate(int fd, int mode, off_t at, off_t len);
int __wrap_fallocate(int fd, int mode, off_t at, off_t len);

int
__wrap_fallocate(int fd, int mode, off_t at, off_t len)
{
    if (has_holes)
        return __real_fallocate(fd, mode, at, len);
    errno = EOPNOTSUPP;
    return -1;
}

static void
R3_log__keeps_its_cap_where_a_file_system_has_no_holes(void **state)
{
    struct rig *r = *state;
    struct hand h;
    char       *log;
    char        line[1024] = { 0 };

    memset(line, 'x', sizeof(line) - 2);
    line[sizeof(line) - 2] = '\n';
    has_holes = false;
    open_hand(&h, r->log_path, RUNLOG_MIN);
    write_lines(&h, "the first line\n", 1);
    for (int i = 0; i < 40; i++) {
        write_lines(&h, line, 10);
        assert_true(size_of(r->log_path) <= RUNLOG_MIN);
    }
    write_lines(&h, "the last line\n", 1);
    close_hand(&h);
    has_holes = true;
    log = rig_log(r);
    assert_memory_equal(log, "the first line\n", 15);
    assert_string_equal(log + strlen(log) - 14, "the last line\n");
    assert_int_equal(left_out(log) + (long long)strlen(log) - LINE_LEN, 400LL * 1023 + 15 + 14);
    free(log);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(R3_log__keeps_head_and_tail_and_says_what_it_left_out, rig_set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(R3_log__that_fits_is_what_was_written, rig_set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(R3_log__takes_no_more_of_the_disk_while_a_command_writes_without_end, rig_set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(R3_S3_stop__of_a_command_that_writes_without_end, rig_set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(R3_M2_log__of_a_detached_command_is_capped_without_orchd, rig_set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(R3_log__tells_what_the_disk_did_not_take_and_goes_on, rig_set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(R3_log__keeps_its_cap_where_a_file_system_has_no_holes, rig_set_up, rig_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
