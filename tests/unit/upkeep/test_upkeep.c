/* upkeep: the duties' clock, kill-switches and report, and the reading of the board's statuses from a scripted board. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/stand.h"
#include "upkeep/upkeep.h"

enum { FAR_MS = 3600000 };
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
} w;

static int
set_up(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    w.cfg.reaper_interval = FAR_MS;
    w.cfg.sweeper_interval = FAR_MS;
    w.cfg.event_retry_interval = FAR_MS;
    w.cfg.board_states_interval = FAR_MS;
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
    assert_int_equal(upkeep_open(&w.upkeep, w.stand.loop, w.stand.db, w.stand.fetch, &w.cfg, &e), 0);
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

/* --- the clock ------------------------------------------------------------------------------------------------------------------------ */

static bool
has_reaped_thrice(void)
{
    return fake_db_count(w.stand.db, CALL_reap) >= 3;
}

static void
L1_upkeep__ticks_at_its_interval_and_only_what_is_enabled(void **state)
{
    (void)state;
    w.cfg.reaper_enabled = true;
    w.cfg.reaper_interval = 20;
    w.cfg.sweeper_interval = 20;
    open_upkeep(NULL, 0);
    run_until(has_reaped_thrice);
    assert_int_equal(fake_db_count(w.stand.db, CALL_sweep_cancels), 0);
    assert_int_equal(fake_db_count(w.stand.db, CALL_retry_events), 0);
}

static bool
has_swept(void)
{
    return fake_db_count(w.stand.db, CALL_sweep_cancels) >= 1;
}

static void
L5_upkeep__obeys_a_switch_that_is_turned_on_later(void **state)
{
    (void)state;
    w.cfg.reaper_enabled = true;
    w.cfg.reaper_interval = 20;
    w.cfg.sweeper_interval = 20;
    open_upkeep(NULL, 0);
    run_until(has_reaped_thrice);
    w.cfg.sweeper_enabled = true;
    run_until(has_swept);
}

static bool
has_retried(void)
{
    return fake_db_count(w.stand.db, CALL_retry_events) >= 1;
}

static bool
has_retried_twice(void)
{
    return fake_db_count(w.stand.db, CALL_retry_events) >= 2;
}

static void
L7_upkeep__retries_events_when_the_doorbell_rings(void **state)
{
    (void)state;
    w.cfg.event_retry_enabled = true;
    open_upkeep(NULL, 0);
    run_until(has_retried);
    assert_string_equal(fake_db_param(w.stand.db, CALL_retry_events, 0, 0), "50");
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
    static const char *const        names[] = { "count" };
    static const char *const        cells[] = { "3" };
    static const struct fake_answer three = { .rows = 1, .columns = 1, .names = names, .cells = cells };
    static const struct fake_answer away = { .code = ERR_RETRY };
    struct json                    *whole, *block;
    int64_t                         count = 0;
    (void)state;
    w.cfg.event_retry_enabled = true;
    fake_db_push(w.stand.db, CALL_retry_events, &away);
    fake_db_push(w.stand.db, CALL_retry_events, &three);
    open_upkeep(NULL, 0);
    run_until(is_retry_idle);
    block = report_of("event_retry", &whole);
    assert_non_null(json_str(block, "last_error"));
    assert_null(json_str(block, "last_ok"));
    assert_true(json_bool(block, "is_enabled"));
    assert_false(json_bool(json_at(whole, "sweeper"), "is_enabled"));
    json_free(whole);
    fake_db_notify(w.stand.db, "orch_changed", "events");
    run_until(is_retry_well);
    block = report_of("event_retry", &whole);
    assert_null(json_str(block, "last_error"));
    assert_true(json_int(block, "last_count", &count));
    assert_int_equal(count, 3);
    json_free(whole);
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
    wants_project(cells, 1, &wanting);
    open_upkeep(NULL, 0);
    run_until(has_failed);
    assert_non_null(strstr(fake_db_param(w.stand.db, CALL_board_states_failed, 0, 1), "ORCH_PLANE_URL"));
}

static bool
is_states_idle(void)
{
    return is_idle("board_states");
}

static void
upkeep__leaves_the_board_alone_when_it_asks_for_patience(void **state)
{
    static const struct http_reply reply = { .status = 429, .headers = "Retry-After: 60\r\n", .body = "{}" };
    static const char *const       cells[] = { "4", "acme", "p-1", "5", "acme", "p-2" };
    struct fake_answer             wanting;
    (void)state;
    w.cfg.board_states_enabled = true;
    wants_project(cells, 2, &wanting);
    open_upkeep(&reply, 1);
    run_until(has_failed);
    run_until(is_states_idle);
    fake_db_notify(w.stand.db, "orch_changed", "states");
    run_until(is_states_idle);
    assert_int_equal(http_server_count(w.stand.server), 1);
    assert_int_equal(fake_db_count(w.stand.db, CALL_board_states_failed), 1);
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
        T(L1_upkeep__ticks_at_its_interval_and_only_what_is_enabled),
        T(L5_upkeep__obeys_a_switch_that_is_turned_on_later),
        T(L7_upkeep__retries_events_when_the_doorbell_rings),
        T(H1_upkeep_report__tells_what_the_last_tick_came_to),
        T(B2_upkeep__stores_the_statuses_and_our_own_user),
        T(B2_upkeep__reads_the_other_projects_when_one_fails),
        T(B2_upkeep__names_the_setting_when_there_is_no_board),
        T(upkeep__leaves_the_board_alone_when_it_asks_for_patience),
        T(B2_upkeep__reads_again_when_a_doorbell_rang_during_the_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
