/* upkeep: the duties' clock, kill-switches and report, who has a duty, old logs, and the reading of the board's statuses from a scripted board. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "support/stand.h"
#include "upkeep/upkeep.h"

enum { FAR_MS = 3600000, MANY = 50 };
#define ME                                                                                                                                 \
    {                                                                                                                                      \
        .status = 200, .body = "{\"id\":\"bot-1\"}"                                                                                        \
    }
#define STATES                                                                                                                             \
    {                                                                                                                                      \
        .status = 200, .body = "{\"next_page_results\":false,\"results\":[{\"id\":\"a\",\"name\":\"STOP\",\"group\":\"cancelled\"}]}"      \
    }

static struct {
    struct stand   stand;
    struct upkeep *upkeep;
    struct config  cfg;
    char           data_dir[256];
} w;

static int
set_up(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    w.cfg.reaper_interval = FAR_MS;
    w.cfg.sweeper_interval = FAR_MS;
    w.cfg.reconcile_interval = FAR_MS;
    w.cfg.event_retry_interval = FAR_MS;
    w.cfg.board_states_interval = FAR_MS;
    w.cfg.schedules_interval = FAR_MS;
    w.cfg.holds_interval = FAR_MS;
    w.cfg.retention_interval = FAR_MS;
    return stand_open(&w.stand);
}

static int
tear_down(void **state)
{
    (void)state;
    upkeep_close(w.upkeep);
    stand_close(&w.stand);
    return 0;
}

static void
open_upkeep(const struct http_reply *replies, size_t count)
{
    static char key[] = "k";
    struct err  e = ERR_INIT;
    if (replies) {
        w.cfg.plane_url = stand_serve(&w.stand, replies, count);
        w.cfg.plane_token = key;
    }
    assert_int_equal(upkeep_open(&w.upkeep, w.stand.loop, w.stand.db, w.stand.fetch, &w.cfg, "n1", &e), 0);
}

static void
run_until(stand_fn *is_over)
{
    stand_run_until(&w.stand, is_over);
}

static struct json *
report_of(const char *duty, struct json **whole)
{
    *whole = upkeep_report(w.upkeep);
    return json_at(*whole, duty);
}

static bool
is_idle(const char *duty)
{
    struct json *whole, *block = report_of(duty, &whole);
    bool         idle = json_str(block, "last_tick") && !json_bool(block, "is_under_way");
    json_free(whole);
    return idle;
}

static void
wants_project(const char *const *cells, int rows, struct fake_answer *a)
{
    static const char *const names[] = { "project_id", "workspace", "plane_project_id" };
    *a = (struct fake_answer){ .rows = rows, .columns = 3, .names = names, .cells = cells };
    fake_db_push(w.stand.db, CALL_projects_wanting_states, a);
}

/* --- rounds --------------------------------------------------------------------------------------------------------------------------- */

static const char *const round_names[] = { "is_ours", "holder", "count", "goes_on", "failed", "skipped" };

/* The answers of orch.run_duty(), whichever duty asks. */
#define ROUND(...)                                                                                                                         \
    (&(const struct fake_answer){ .rows = 1, .columns = 6, .names = round_names, .cells = (const char *const[]){ __VA_ARGS__ } })
#define OURS ROUND("t", "n1", "0", "f", NULL, "0")

static void
push_rounds(const struct fake_answer *a, int count)
{
    for (int i = 0; i < count; i++)
        fake_db_push(w.stand.db, CALL_run_duty, a);
}

static int
rounds_of(const char *duty)
{
    int count = 0;
    for (int i = 0; i < fake_db_count(w.stand.db, CALL_run_duty); i++)
        count += !strcmp(fake_db_param(w.stand.db, CALL_run_duty, i, 0), duty);
    return count;
}

static bool
has_reaped_thrice(void)
{
    return rounds_of("reaper") >= 3;
}

static void
L1_upkeep__ticks_at_its_interval_and_only_what_is_enabled(void **state)
{
    (void)state;
    w.cfg.reaper_enabled = true;
    w.cfg.reaper_interval = 20;
    w.cfg.sweeper_interval = 20;
    push_rounds(OURS, MANY);
    open_upkeep(NULL, 0);
    run_until(has_reaped_thrice);
    assert_int_equal(rounds_of("reaper"), fake_db_count(w.stand.db, CALL_run_duty));
    assert_string_equal(fake_db_param(w.stand.db, CALL_run_duty, 0, 1), "n1");
    assert_string_equal(fake_db_param(w.stand.db, CALL_run_duty, 0, 2), "2060");
}

static bool
has_swept(void)
{
    return rounds_of("sweeper") >= 1;
}

static void
L5_upkeep__obeys_a_switch_that_is_turned_on_later(void **state)
{
    (void)state;
    w.cfg.reaper_enabled = true;
    w.cfg.reaper_interval = 20;
    w.cfg.sweeper_interval = 20;
    push_rounds(OURS, MANY);
    open_upkeep(NULL, 0);
    run_until(has_reaped_thrice);
    w.cfg.sweeper_enabled = true;
    run_until(has_swept);
}

static bool
has_retried(void)
{
    return rounds_of("event_retry") >= 1;
}

static bool
has_retried_twice(void)
{
    return rounds_of("event_retry") >= 2;
}

static void
L7_upkeep__retries_events_when_the_doorbell_rings(void **state)
{
    (void)state;
    w.cfg.event_retry_enabled = true;
    push_rounds(OURS, MANY);
    open_upkeep(NULL, 0);
    run_until(has_retried);
    fake_db_notify(w.stand.db, "orch_changed", "states"); /* another duty's */
    fake_db_notify(w.stand.db, "orch_changed", "events");
    run_until(has_retried_twice);
}

static bool
is_retry_idle(void)
{
    return is_idle("event_retry");
}

static bool
is_reconciler_idle(void)
{
    return is_idle("reconciler");
}

static bool
is_retry_well(void)
{
    struct json *whole, *block = report_of("event_retry", &whole);
    bool         is_well = json_str(block, "last_ok") != NULL;
    json_free(whole);
    return is_well;
}

static void
H1_upkeep_report__tells_what_the_last_tick_came_to(void **state)
{
    struct json *whole, *block;
    int64_t      count = 0;
    (void)state;
    w.cfg.event_retry_enabled = true;
    push_rounds(&(const struct fake_answer){ .code = ERR_RETRY }, 1);
    push_rounds(ROUND("t", "n1", "3", "f", NULL, "0"), 1);
    open_upkeep(NULL, 0);
    run_until(is_retry_idle);
    block = report_of("event_retry", &whole);
    assert_non_null(json_str(block, "last_error"));
    assert_null(json_str(block, "last_ok"));
    assert_null(json_str(block, "node"));
    assert_true(json_bool(block, "is_enabled"));
    assert_false(json_bool(json_at(whole, "sweeper"), "is_enabled"));
    json_free(whole);
    fake_db_notify(w.stand.db, "orch_changed", "events");
    run_until(is_retry_well);
    block = report_of("event_retry", &whole);
    assert_null(json_str(block, "last_error"));
    assert_string_equal(json_str(block, "node"), "n1");
    assert_true(json_int(block, "last_count", &count));
    assert_int_equal(count, 3);
    json_free(whole);
}

static void
H1_upkeep_report__tells_why_a_round_came_to_nothing_in_sql(void **state)
{
    struct json *whole, *block;
    (void)state;
    w.cfg.event_retry_enabled = true;
    push_rounds(ROUND("t", "n1", "0", "f", "division by zero", "0"), 1);
    open_upkeep(NULL, 0);
    run_until(is_retry_idle);
    block = report_of("event_retry", &whole);
    assert_string_equal(json_str(block, "last_error"), "division by zero");
    assert_null(json_str(block, "last_ok"));
    json_free(whole);
}

static void
L2_upkeep__counts_what_the_reconciler_left_alone(void **state)
{
    struct json *whole, *block;
    struct buf   metrics = { 0 };
    int64_t      count = 0;
    (void)state;
    w.cfg.reconcile_enabled = true;
    push_rounds(ROUND("t", "n1", "2", "f", NULL, "5"), 1);
    open_upkeep(NULL, 0);
    run_until(is_reconciler_idle);
    block = report_of("reconciler", &whole);
    assert_true(json_int(block, "last_count", &count));
    assert_int_equal(count, 2);
    json_free(whole);
    metrics_render(&metrics);
    assert_non_null(strstr(metrics.data, "\norchd_reconciler_skips_total 5\n"));
    buf_fini(&metrics);
}

static bool
has_pruned_twice(void)
{
    return rounds_of("retention") >= 2;
}

static void
L6_upkeep__goes_on_at_once_while_more_is_waiting(void **state)
{
    (void)state;
    w.cfg.retention_enabled = true;
    push_rounds(ROUND("t", "n1", "1000", "t", NULL, "0"), 1);
    push_rounds(OURS, 1);
    open_upkeep(NULL, 0);
    run_until(has_pruned_twice);
}

static bool
is_states_idle(void)
{
    return is_idle("board_states");
}

static void
L_upkeep__does_nothing_of_a_duty_that_another_node_has(void **state)
{
    struct json *whole;
    (void)state;
    w.cfg.board_states_enabled = true;
    push_rounds(ROUND("f", "n2", "0", "f", NULL, "0"), 1);
    open_upkeep(NULL, 0);
    run_until(is_states_idle);
    assert_int_equal(fake_db_count(w.stand.db, CALL_projects_wanting_states), 0);
    assert_string_equal(json_str(report_of("board_states", &whole), "node"), "n2");
    json_free(whole);
}

/* --- logs ----------------------------------------------------------------------------------------------------------------------------- */

enum { OLD_LOGS = 500 };

static void
write_file(const char *name, time_t written_at)
{
    struct timespec times[2] = { { .tv_sec = written_at }, { .tv_sec = written_at } };
    char            path[sizeof w.data_dir + 64];
    int             fd;
    snprintf(path, sizeof path, "%s/logs/%s", w.data_dir, name);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static bool
has_file(const char *name)
{
    char path[sizeof w.data_dir + 64];
    snprintf(path, sizeof path, "%s/logs/%s", w.data_dir, name);
    return !access(path, F_OK);
}

static bool
are_old_logs_gone(void)
{
    char name[32];
    for (int i = 0; i < OLD_LOGS; i++) {
        snprintf(name, sizeof name, "%d.log", i);
        if (has_file(name))
            return false;
    }
    return true;
}

static void
R3_upkeep__deletes_old_logs_of_this_node_and_nothing_else(void **state)
{
    static const char *const stay[] = { "young.log", "old.txt" };
    char                     name[32], path[sizeof w.data_dir + 64];
    (void)state;
    snprintf(w.data_dir, sizeof w.data_dir, "%s/upkeep-logs.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(w.data_dir));
    snprintf(path, sizeof path, "%s/logs", w.data_dir);
    assert_int_equal(mkdir(path, 0700), 0);
    for (int i = 0; i < OLD_LOGS; i++) {
        snprintf(name, sizeof name, "%d.log", i);
        write_file(name, time(NULL) - 120);
    }
    write_file("young.log", time(NULL));
    write_file("old.txt", time(NULL) - 120);
    w.cfg.data_dir = w.data_dir;
    w.cfg.retention_logs = 60000;
    w.cfg.retention_enabled = true;
    push_rounds(ROUND("f", "n2", "0", "f", NULL, "0"), 1); /* the rows are another node's, the logs are ours */
    open_upkeep(NULL, 0);
    run_until(are_old_logs_gone);
    for (size_t i = 0; i < 2; i++) {
        assert_true(has_file(stay[i]));
        snprintf(path, sizeof path, "%s/logs/%s", w.data_dir, stay[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/logs", w.data_dir);
    rmdir(path);
    rmdir(w.data_dir);
}

/* --- the board's statuses ------------------------------------------------------------------------------------------------------------- */

static bool
has_put(void)
{
    return fake_db_count(w.stand.db, CALL_put_board_states) >= 1;
}

static void
B2_upkeep__stores_the_statuses_and_our_own_user(void **state)
{
    static const struct http_reply replies[] = { ME, STATES };
    static const char *const       cells[] = { "4", "acme", "p-1" };
    struct fake_answer             wanting;
    (void)state;
    w.cfg.board_states_enabled = true;
    push_rounds(OURS, MANY);
    wants_project(cells, 1, &wanting);
    open_upkeep(replies, 2);
    run_until(has_put);
    assert_string_equal(fake_db_param(w.stand.db, CALL_put_board_states, 0, 0), "4");
    assert_non_null(strstr(fake_db_param(w.stand.db, CALL_put_board_states, 0, 1), "\"name\":\"STOP\""));
    assert_string_equal(fake_db_param(w.stand.db, CALL_put_board_states, 0, 2), "bot-1");
}

static bool
has_failed_and_put(void)
{
    return has_put() && fake_db_count(w.stand.db, CALL_board_states_failed) >= 1;
}

static void
B2_upkeep__reads_the_other_projects_when_one_fails(void **state)
{
    static const struct http_reply replies[] = { ME, { .status = 403, .body = "{\"detail\":\"You do not have permission\"}" }, STATES };
    static const char *const       cells[] = { "4", "acme", "p-1", "5", "acme", "p-2" };
    struct fake_answer             wanting;
    (void)state;
    w.cfg.board_states_enabled = true;
    push_rounds(OURS, MANY);
    wants_project(cells, 2, &wanting);
    open_upkeep(replies, 3);
    run_until(has_failed_and_put);
    assert_string_equal(fake_db_param(w.stand.db, CALL_board_states_failed, 0, 0), "4");
    assert_non_null(strstr(fake_db_param(w.stand.db, CALL_board_states_failed, 0, 1), "permission"));
    assert_string_equal(fake_db_param(w.stand.db, CALL_put_board_states, 0, 0), "5");
}

static bool
has_failed(void)
{
    return fake_db_count(w.stand.db, CALL_board_states_failed) >= 1;
}

static void
B2_upkeep__names_the_setting_when_there_is_no_board(void **state)
{
    static const char *const cells[] = { "4", "acme", "p-1" };
    struct fake_answer       wanting;
    (void)state;
    w.cfg.board_states_enabled = true;
    push_rounds(OURS, MANY);
    wants_project(cells, 1, &wanting);
    open_upkeep(NULL, 0);
    run_until(has_failed);
    assert_non_null(strstr(fake_db_param(w.stand.db, CALL_board_states_failed, 0, 1), "ORCH_PLANE_URL"));
}

static void
upkeep__leaves_the_board_alone_when_it_asks_for_patience(void **state)
{
    static const struct http_reply reply = { .status = 429, .headers = "Retry-After: 60\r\n", .body = "{}" };
    static const char *const       cells[] = { "4", "acme", "p-1", "5", "acme", "p-2" };
    struct fake_answer             wanting;
    (void)state;
    w.cfg.board_states_enabled = true;
    push_rounds(OURS, MANY);
    wants_project(cells, 2, &wanting);
    open_upkeep(&reply, 1);
    run_until(has_failed);
    run_until(is_states_idle);
    fake_db_notify(w.stand.db, "orch_changed", "states");
    run_until(is_states_idle);
    assert_int_equal(http_server_count(w.stand.server), 1);
    assert_int_equal(fake_db_count(w.stand.db, CALL_board_states_failed), 1);
    assert_in_range(atol(fake_db_param(w.stand.db, CALL_board_states_failed, 0, 2)), 1, 60000);
}

static bool
has_asked_twice(void)
{
    return fake_db_count(w.stand.db, CALL_projects_wanting_states) >= 2;
}

static void
B2_upkeep__reads_again_when_a_doorbell_rang_during_the_round(void **state)
{
    static const struct http_reply replies[] = { { .status = 200, .body = "{\"id\":\"bot-1\"}", .is_dripped = true }, STATES };
    static const char *const       cells[] = { "4", "acme", "p-1" };
    struct fake_answer             wanting;
    (void)state;
    w.cfg.board_states_enabled = true;
    push_rounds(OURS, MANY);
    wants_project(cells, 1, &wanting);
    open_upkeep(replies, 2);
    fake_db_notify(w.stand.db, "orch_changed", "states");
    run_until(has_put);
    fake_db_notify(w.stand.db, "orch_changed", "states");
    run_until(has_asked_twice);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(L1_upkeep__ticks_at_its_interval_and_only_what_is_enabled),  T(L5_upkeep__obeys_a_switch_that_is_turned_on_later),
        T(L7_upkeep__retries_events_when_the_doorbell_rings),          T(H1_upkeep_report__tells_what_the_last_tick_came_to),
        T(H1_upkeep_report__tells_why_a_round_came_to_nothing_in_sql), T(L2_upkeep__counts_what_the_reconciler_left_alone),
        T(L6_upkeep__goes_on_at_once_while_more_is_waiting),           T(L_upkeep__does_nothing_of_a_duty_that_another_node_has),
        T(R3_upkeep__deletes_old_logs_of_this_node_and_nothing_else),  T(B2_upkeep__stores_the_statuses_and_our_own_user),
        T(B2_upkeep__reads_the_other_projects_when_one_fails),         T(B2_upkeep__names_the_setting_when_there_is_no_board),
        T(upkeep__leaves_the_board_alone_when_it_asks_for_patience),   T(B2_upkeep__reads_again_when_a_doorbell_rang_during_the_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
