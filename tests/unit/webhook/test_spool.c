/* The spool: what is kept, what is applied and in which order, over crashes, and what a full spool and a full disk do. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "spool_rig.h"

enum { PUTS_MAX = 200 };

/* --- keeping and applying ---------------------------------------------------------------------------------------------------------------- */

static void
W4_delivery__is_on_the_disk_before_it_is_said_to_be_and_leaves_after_its_commit(void **state)
{
    struct spool_rig *w = *state;
    struct stat       st;
    char             *path;

    spool_rig_put_and_wait(w, "a", "k1");
    assert_int_equal(w->kept, 1);
    assert_true(spool_holds(w->spool, "a"));
    assert_false(spool_holds(w->spool, "b"));
    path = spool_rig_first_file(w);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    free(path);
    assert_int_equal(spool_rig_shown(w, "deliveries"), 1);
    assert_int_equal(spool_rig_shown(w, "bytes"), st.st_size);
    fake_db_set_up(w->db, true);
    assert_true(until(w->loop, spool_rig_is_empty, w));
    assert_int_equal(fake_db_count(w->db, CALL_receive_event), 1);
    assert_string_equal(fake_db_param(w->db, CALL_receive_event, 0, 0), "plane");
    assert_string_equal(spool_rig_called_key(w, 0), "k1");
    assert_string_equal(fake_db_param(w->db, CALL_receive_event, 0, 2), "issue");
    assert_string_equal(fake_db_param(w->db, CALL_receive_event, 0, 3), "{\"action\":\"updated\"}");
    assert_string_equal(fake_db_param(w->db, CALL_receive_event, 0, 4), "{}");
    assert_string_equal(fake_db_param(w->db, CALL_receive_event, 0, 5), "2026-03-04T10:11:12.345678Z");
    assert_false(spool_holds(w->spool, "a"));
    assert_int_equal(spool_rig_shown(w, "deliveries"), 0);
    assert_int_equal(spool_rig_shown(w, "bytes"), 0);
}

static void
W4_body__comes_back_byte_for_byte(void **state)
{
    struct spool_rig *w = *state;
    const char       *body = "{\"t\":\"\xd0\x9a\xd0\xbe\xd0\xb4 \\u0000 \\n \\\\ \\/ \x7f \xf0\x9f\x90\x98\",\n\t\"n\":1e2}\r\n";

    assert_int_equal(spool_rig_put(w, "a", "k", body), 0);
    spool_rig_wait_told(w, 1);
    fake_db_set_up(w->db, true);
    spool_rig_wait_called(w, 1);
    assert_string_equal(fake_db_param(w->db, CALL_receive_event, 0, 4), body);
}

/* keys[lane] is the last one seen of it. */
static void
check_order(struct spool_rig *w, int from, int to)
{
    int last[3] = { -1, -1, -1 };

    for (int i = from; i < to; i++) {
        int lane = spool_rig_called_key(w, i)[0] - 'a';
        int number = atoi(spool_rig_called_key(w, i) + 1);

        assert_true(number > last[lane]);
        last[lane] = number;
    }
}

static void
put_many(struct spool_rig *w, int count)
{
    for (int i = 0; i < count; i++) {
        char lane[2] = { (char)('a' + i % 3), '\0' };
        char key[16];

        snprintf(key, sizeof key, "%s%03d", lane, i);
        assert_int_equal(spool_rig_put(w, lane, key, "{}"), 0);
    }
    spool_rig_wait_told(w, w->kept + w->lost + count);
}

static void
W4_burst__shares_its_syncs_and_is_applied_in_order_for_each_lane(void **state)
{
    struct spool_rig *w = *state;

    put_many(w, PUTS_MAX);
    assert_int_equal(w->kept, PUTS_MAX);
    /* The first alone, all others while it was being synced. */
    assert_int_equal(spool_rig_count_files(w, "."), 2);
    fake_db_set_up(w->db, true);
    assert_true(until(w->loop, spool_rig_is_empty, w));
    assert_int_equal(fake_db_count(w->db, CALL_receive_event), PUTS_MAX);
    check_order(w, 0, PUTS_MAX);
}

static void
W4_new_delivery__goes_behind_those_of_its_lane_until_it_is_drained(void **state)
{
    const struct fake_answer away = { .code = ERR_RETRY };
    struct spool_rig        *w = *state;

    spool_rig_put_and_wait(w, "a", "a1");
    fake_db_push(w->db, CALL_receive_event, &away);
    fake_db_set_up(w->db, true);
    spool_rig_wait_called(w, 1);
    spool_rig_put_and_wait(w, "a", "a2");
    assert_true(until(w->loop, spool_rig_is_empty, w));
    assert_int_equal(fake_db_count(w->db, CALL_receive_event), 3);
    assert_string_equal(spool_rig_called_key(w, 1), "a1");
    assert_string_equal(spool_rig_called_key(w, 2), "a2");
}

static void
W4_restart__applies_what_was_kept_in_order_and_again_what_was_not_removed(void **state)
{
    struct spool_rig *w = *state;

    put_many(w, PUTS_MAX);
    spool_rig_restart(w);
    assert_int_equal(spool_rig_start(w, SPOOL_RIG_NO_LIMIT, SPOOL_RIG_NO_LIMIT), 0);
    assert_int_equal(spool_rig_shown(w, "deliveries"), PUTS_MAX);
    assert_true(spool_holds(w->spool, "a"));
    /* Killed in the middle, where one lane hangs: nothing of the second file may be gone before all of it was applied. */
    fake_db_hang(w->db, CALL_receive_event, 1);
    spool_rig_wait_called(w, PUTS_MAX / 2);
    spool_rig_restart(w);
    assert_int_equal(spool_rig_start(w, SPOOL_RIG_NO_LIMIT, SPOOL_RIG_NO_LIMIT), 0);
    assert_true(spool_rig_shown(w, "deliveries") >= PUTS_MAX - 1);
    assert_true(until(w->loop, spool_rig_is_empty, w));
    check_order(w, 0, fake_db_count(w->db, CALL_receive_event));
}

static void
W4_new_files__come_behind_the_old_ones_though_the_clock_was_set_back(void **state)
{
    struct spool_rig *w = *state;
    char             *path;
    char             *future = xasprintf("%s/04000000000000000000-1" DISK_SUFFIX, w->dir);

    spool_rig_put_and_wait(w, "a", "a1");
    path = spool_rig_first_file(w);
    assert_int_equal(rename(path, future), 0);
    spool_rig_restart(w);
    fake_db_set_up(w->db, false);
    assert_int_equal(spool_rig_start(w, SPOOL_RIG_NO_LIMIT, SPOOL_RIG_NO_LIMIT), 0);
    spool_rig_put_and_wait(w, "a", "a2");
    spool_rig_restart(w);
    assert_int_equal(spool_rig_start(w, SPOOL_RIG_NO_LIMIT, SPOOL_RIG_NO_LIMIT), 0);
    spool_rig_wait_called(w, 2);
    assert_string_equal(spool_rig_called_key(w, 0), "a1");
    assert_string_equal(spool_rig_called_key(w, 1), "a2");
    free(path);
    free(future);
}

/* --- bounds ------------------------------------------------------------------------------------------------------------------------------ */

static void
W4_full_spool__says_so_and_takes_again_when_there_is_room(void **state)
{
    struct spool_rig *w = *state;
    struct json      *shown_now = json_new_object();

    spool_rig_restart(w);
    fake_db_set_up(w->db, false);
    assert_int_equal(spool_rig_start(w, SPOOL_RIG_NO_LIMIT, 2), 0);
    assert_int_equal(spool_rig_put(w, "a", "a1", "{}"), 0);
    assert_int_equal(spool_rig_put(w, "a", "a2", "{}"), 0);
    assert_int_equal(spool_rig_put(w, "b", "b1", "{}"), ERR_RETRY);
    assert_non_null(strstr(w->why, "the spool is full: 2 deliveries (ORCH_SPOOL_MAX_DELIVERIES)"));
    assert_false(spool_holds(w->spool, "b"));
    spool_rig_wait_told(w, 2);
    assert_int_equal(w->kept, 2);
    fake_db_set_up(w->db, true);
    assert_true(until(w->loop, spool_rig_is_empty, w));
    spool_rig_put_and_wait(w, "b", "b1");
    assert_int_equal(w->kept, 3);
    assert_true(spool_show(w->spool, shown_now));
    json_free(shown_now);
}

static void
W4_full_spool__counts_bytes_too_and_health_tells(void **state)
{
    struct spool_rig *w = *state;
    struct json      *shown_now = json_new_object();

    spool_rig_restart(w);
    fake_db_set_up(w->db, false);
    assert_int_equal(spool_rig_start(w, 400, SPOOL_RIG_NO_LIMIT), 0);
    spool_rig_put_and_wait(w, "a", "a1");
    assert_int_equal(spool_rig_put(w, "a", "a2", "{}"), ERR_RETRY);
    assert_non_null(strstr(w->why, "of 400 bytes are taken (ORCH_SPOOL_MAX_BYTES)"));
    assert_false(spool_show(w->spool, shown_now));
    assert_non_null(strstr(json_str(shown_now, "losing"), "full"));
    json_free(shown_now);
}

static void
W4_spool_of_no_deliveries__is_off_and_applies_what_is_there(void **state)
{
    struct spool_rig *w = *state;

    spool_rig_put_and_wait(w, "a", "a1");
    spool_rig_restart(w);
    assert_int_equal(spool_rig_start(w, SPOOL_RIG_NO_LIMIT, 0), 0);
    assert_int_equal(spool_rig_put(w, "b", "b1", "{}"), ERR_RETRY);
    assert_non_null(strstr(w->why, "ORCH_SPOOL_MAX_DELIVERIES"));
    assert_true(until(w->loop, spool_rig_is_empty, w));
    assert_string_equal(spool_rig_called_key(w, 0), "a1");
}

/* A limit on the size of files stands in for a disk without room: write() fails in the middle. */
static void
W4_full_disk__loses_what_it_says_it_loses_and_leaves_no_half(void **state)
{
    struct spool_rig *w = *state;
    struct rlimit     was;
    struct rlimit     tiny;
    char             *body = xcalloc(1, 30000);

    memset(body, 'x', 29999);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    tiny = was;
    tiny.rlim_cur = 10000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
    assert_int_equal(spool_rig_put(w, "a", "a1", body), 0);
    spool_rig_wait_told(w, 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(w->lost, 1);
    assert_non_null(strstr(w->why, "could not write"));
    assert_int_equal(spool_rig_count_files(w, "."), 0);
    assert_false(spool_holds(w->spool, "a"));
    assert_int_equal(spool_rig_shown(w, "bytes"), 0);
    spool_rig_put_and_wait(w, "a", "a2");
    assert_int_equal(w->kept, 1);
    free(body);
}

static void
W4_directory__that_cannot_be_made_is_an_error_that_names_the_setting(void **state)
{
    struct spool_rig    *w = *state;
    struct spool        *other = NULL;
    struct err           e = ERR_INIT;
    struct spool_options o = { .dir = "/proc/spool", .max_bytes = SPOOL_RIG_NO_LIMIT, .max_deliveries = SPOOL_RIG_NO_LIMIT };

    assert_int_equal(spool_open(&other, w->loop, w->db, &o, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "ORCH_SPOOL_DIR"));
    assert_null(other);
}

int
main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, spool_rig_set_up, spool_rig_tear_down)
    const struct CMUnitTest tests[] = {
        WITH(W4_delivery__is_on_the_disk_before_it_is_said_to_be_and_leaves_after_its_commit),
        WITH(W4_body__comes_back_byte_for_byte),
        WITH(W4_burst__shares_its_syncs_and_is_applied_in_order_for_each_lane),
        WITH(W4_new_delivery__goes_behind_those_of_its_lane_until_it_is_drained),
        WITH(W4_restart__applies_what_was_kept_in_order_and_again_what_was_not_removed),
        WITH(W4_new_files__come_behind_the_old_ones_though_the_clock_was_set_back),
        WITH(W4_full_spool__says_so_and_takes_again_when_there_is_room),
        WITH(W4_full_spool__counts_bytes_too_and_health_tells),
        WITH(W4_spool_of_no_deliveries__is_off_and_applies_what_is_there),
        WITH(W4_full_disk__loses_what_it_says_it_loses_and_leaves_no_half),
        WITH(W4_directory__that_cannot_be_made_is_an_error_that_names_the_setting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
