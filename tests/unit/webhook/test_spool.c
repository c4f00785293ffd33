/* The spool with a real directory and a stand-in for Postgres: what is kept, what is applied and in which order, and what a crash, a full
 * disk or a damaged file leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "support/fake_db.h"
#include "support/until.h"
#include "webhook/disk.h"
#include "webhook/spool.h"

enum { PUTS_MAX = 200, NO_LIMIT = 1 << 30 };

struct world {
    struct loop  *loop;
    struct db    *db;
    struct spool *spool;
    char          dir[64];
    int           kept;
    int           lost;
    int           wanted; /* calls or answers that a test waits for */
    char          why[512];
};

static int
start(struct world *w, int64_t max_bytes, int64_t max_deliveries)
{
    struct err           e = ERR_INIT;
    struct spool_options o = { .dir = w->dir, .max_bytes = max_bytes, .max_deliveries = max_deliveries };

    return spool_open(&w->spool, w->loop, w->db, &o, &e);
}

/* As a crash would leave it: what the disk thread has not been asked for stays undone. */
static void
restart(struct world *w)
{
    struct err e = ERR_INIT;

    spool_close(w->spool);
    w->spool = NULL;
    fake_db_free(w->db);
    loop_free(w->loop);
    assert_int_equal(loop_new(&w->loop, &e), 0);
    w->db = fake_db_new(w->loop);
}

static int
setup(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    struct err    e = ERR_INIT;

    log_setup(LOG_ERROR + 1, false);
    snprintf(w->dir, sizeof w->dir, "/tmp/orch-spool-XXXXXX");
    if (!mkdtemp(w->dir) || loop_new(&w->loop, &e))
        return -1;
    w->db = fake_db_new(w->loop);
    fake_db_set_up(w->db, false);
    *state = w;
    return start(w, NO_LIMIT, NO_LIMIT);
}

static int
teardown(void **state)
{
    struct world *w = *state;
    char         *command = xasprintf("rm -rf %s", w->dir);
    int           status;

    spool_close(w->spool);
    fake_db_free(w->db);
    loop_free(w->loop);
    status = system(command);
    free(command);
    free(w);
    return status;
}

static void
on_kept(const struct err *e, void *arg)
{
    struct world *w = arg;

    if (!e) {
        w->kept++;
        return;
    }
    w->lost++;
    snprintf(w->why, sizeof w->why, "%s", e->text);
}

static int
put(struct world *w, const char *lane, const char *key, const char *body)
{
    struct err                e = ERR_INIT;
    const struct spool_record r = { .lane = lane,
                                    .source = "plane",
                                    .delivery_key = key,
                                    .kind = "issue",
                                    .facts = "{\"action\":\"updated\"}",
                                    .body = body,
                                    .heard_at = "2026-03-04T10:11:12.345678Z" };

    if (spool_put(w->spool, &r, on_kept, w, &e))
        snprintf(w->why, sizeof w->why, "%s", e.text);
    return (int)e.code;
}

static bool
are_told(void *arg)
{
    struct world *w = arg;

    return w->kept + w->lost >= w->wanted;
}

static void
wait_told(struct world *w, int wanted)
{
    w->wanted = wanted;
    assert_true(until(w->loop, are_told, w));
}

static void
put_and_wait(struct world *w, const char *lane, const char *key)
{
    assert_int_equal(put(w, lane, key, "{}"), 0);
    wait_told(w, w->kept + w->lost + 1);
}

static int
count_files(const struct world *w, const char *below)
{
    char          *path = xasprintf("%s/%s", w->dir, below);
    DIR           *dir = opendir(path);
    struct dirent *entry;
    int            count = 0;

    free(path);
    if (!dir)
        return -1;
    while ((entry = readdir(dir)))
        count += strstr(entry->d_name, DISK_SUFFIX) != NULL;
    closedir(dir);
    return count;
}

/* The first file, which a test may damage. Caller frees. */
static char *
first_file(const struct world *w)
{
    DIR           *dir = opendir(w->dir);
    struct dirent *entry;
    char          *path = NULL;

    assert_non_null(dir);
    while (!path && (entry = readdir(dir)))
        if (strstr(entry->d_name, DISK_SUFFIX))
            path = xasprintf("%s/%s", w->dir, entry->d_name);
    closedir(dir);
    assert_non_null(path);
    return path;
}

static bool
is_empty(void *arg)
{
    const struct world *w = arg;

    return count_files(w, ".") == 0;
}

static bool
are_called(void *arg)
{
    struct world *w = arg;

    return fake_db_count(w->db, CALL_receive_event) >= w->wanted;
}

static void
wait_called(struct world *w, int wanted)
{
    w->wanted = wanted;
    assert_true(until(w->loop, are_called, w));
}

static const char *
called_key(struct world *w, int nth)
{
    return fake_db_param(w->db, CALL_receive_event, nth, 1);
}

static int64_t
shown(struct world *w, const char *what)
{
    struct json *shown = json_new_object();
    int64_t      number = -1;

    spool_show(w->spool, shown);
    json_int(shown, what, &number);
    json_free(shown);
    return number;
}

/* --- keeping and applying ---------------------------------------------------------------------------------------------------------------- */

static void
W4_delivery__is_on_the_disk_before_it_is_said_to_be_and_leaves_after_its_commit(void **state)
{
    struct world *w = *state;
    struct stat   st;
    char         *path;

    put_and_wait(w, "a", "k1");
    assert_int_equal(w->kept, 1);
    assert_true(spool_holds(w->spool, "a"));
    assert_false(spool_holds(w->spool, "b"));
    path = first_file(w);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    free(path);
    assert_int_equal(shown(w, "deliveries"), 1);
    assert_int_equal(shown(w, "bytes"), st.st_size);
    fake_db_set_up(w->db, true);
    assert_true(until(w->loop, is_empty, w));
    assert_int_equal(fake_db_count(w->db, CALL_receive_event), 1);
    assert_string_equal(fake_db_param(w->db, CALL_receive_event, 0, 0), "plane");
    assert_string_equal(called_key(w, 0), "k1");
    assert_string_equal(fake_db_param(w->db, CALL_receive_event, 0, 2), "issue");
    assert_string_equal(fake_db_param(w->db, CALL_receive_event, 0, 3), "{\"action\":\"updated\"}");
    assert_string_equal(fake_db_param(w->db, CALL_receive_event, 0, 4), "{}");
    assert_string_equal(fake_db_param(w->db, CALL_receive_event, 0, 5), "2026-03-04T10:11:12.345678Z");
    assert_false(spool_holds(w->spool, "a"));
    assert_int_equal(shown(w, "deliveries"), 0);
    assert_int_equal(shown(w, "bytes"), 0);
}

static void
W4_body__comes_back_byte_for_byte(void **state)
{
    struct world *w = *state;
    const char   *body = "{\"t\":\"\xd0\x9a\xd0\xbe\xd0\xb4 \\u0000 \\n \\\\ \\/ \x7f \xf0\x9f\x90\x98\",\n\t\"n\":1e2}\r\n";

    assert_int_equal(put(w, "a", "k", body), 0);
    wait_told(w, 1);
    fake_db_set_up(w->db, true);
    wait_called(w, 1);
    assert_string_equal(fake_db_param(w->db, CALL_receive_event, 0, 4), body);
}

/* keys[lane] is the last one seen of it. */
static void
check_order(struct world *w, int from, int to)
{
    int last[3] = { -1, -1, -1 };

    for (int i = from; i < to; i++) {
        int lane = called_key(w, i)[0] - 'a';
        int number = atoi(called_key(w, i) + 1);

        assert_true(number > last[lane]);
        last[lane] = number;
    }
}

static void
put_many(struct world *w, int count)
{
    for (int i = 0; i < count; i++) {
        char lane[2] = { (char)('a' + i % 3), '\0' };
        char key[16];

        snprintf(key, sizeof key, "%s%03d", lane, i);
        assert_int_equal(put(w, lane, key, "{}"), 0);
    }
    wait_told(w, w->kept + w->lost + count);
}

static void
W4_burst__shares_its_syncs_and_is_applied_in_order_for_each_lane(void **state)
{
    struct world *w = *state;

    put_many(w, PUTS_MAX);
    assert_int_equal(w->kept, PUTS_MAX);
    /* The first alone, all others while it was being synced. */
    assert_int_equal(count_files(w, "."), 2);
    fake_db_set_up(w->db, true);
    assert_true(until(w->loop, is_empty, w));
    assert_int_equal(fake_db_count(w->db, CALL_receive_event), PUTS_MAX);
    check_order(w, 0, PUTS_MAX);
}

static void
W4_new_delivery__goes_behind_those_of_its_lane_until_it_is_drained(void **state)
{
    const struct fake_answer away = { .code = ERR_RETRY };
    struct world            *w = *state;

    put_and_wait(w, "a", "a1");
    fake_db_push(w->db, CALL_receive_event, &away);
    fake_db_set_up(w->db, true);
    wait_called(w, 1);
    put_and_wait(w, "a", "a2");
    assert_true(until(w->loop, is_empty, w));
    assert_int_equal(fake_db_count(w->db, CALL_receive_event), 3);
    assert_string_equal(called_key(w, 1), "a1");
    assert_string_equal(called_key(w, 2), "a2");
}

static void
W4_restart__applies_what_was_kept_in_order_and_again_what_was_not_removed(void **state)
{
    struct world *w = *state;

    put_many(w, PUTS_MAX);
    restart(w);
    assert_int_equal(start(w, NO_LIMIT, NO_LIMIT), 0);
    assert_int_equal(shown(w, "deliveries"), PUTS_MAX);
    assert_true(spool_holds(w->spool, "a"));
    /* Killed in the middle, where one lane hangs: nothing of the second file may be gone before all of it was applied. */
    fake_db_hang(w->db, CALL_receive_event, 1);
    wait_called(w, PUTS_MAX / 2);
    restart(w);
    assert_int_equal(start(w, NO_LIMIT, NO_LIMIT), 0);
    assert_true(shown(w, "deliveries") >= PUTS_MAX - 1);
    assert_true(until(w->loop, is_empty, w));
    check_order(w, 0, fake_db_count(w->db, CALL_receive_event));
}

static void
W4_new_files__come_behind_the_old_ones_though_the_clock_was_set_back(void **state)
{
    struct world *w = *state;
    char         *path;
    char         *future = xasprintf("%s/04000000000000000000-1" DISK_SUFFIX, w->dir);

    put_and_wait(w, "a", "a1");
    path = first_file(w);
    assert_int_equal(rename(path, future), 0);
    restart(w);
    fake_db_set_up(w->db, false);
    assert_int_equal(start(w, NO_LIMIT, NO_LIMIT), 0);
    put_and_wait(w, "a", "a2");
    restart(w);
    assert_int_equal(start(w, NO_LIMIT, NO_LIMIT), 0);
    wait_called(w, 2);
    assert_string_equal(called_key(w, 0), "a1");
    assert_string_equal(called_key(w, 1), "a2");
    free(path);
    free(future);
}

/* --- what cannot be applied -------------------------------------------------------------------------------------------------------------- */

static void
W4_poisoned_record__is_set_aside_and_holds_up_nobody(void **state)
{
    static const struct fake_answer bad = { .code = ERR_BUG };
    static const struct fake_answer good = { 0 };
    struct world                   *w = *state;

    assert_int_equal(put(w, "a", "poison", "{}"), 0);
    wait_told(w, 1);
    /* The second is for the other lane. */
    for (int i = 0; i < 5; i++)
        fake_db_push(w->db, CALL_receive_event, i == 1 ? &good : &bad);
    fake_db_set_up(w->db, true);
    wait_called(w, 1);
    /* Another lane passes while this one rests. */
    put_and_wait(w, "b", "b1");
    wait_called(w, 2);
    assert_string_equal(called_key(w, 1), "b1");
    put_and_wait(w, "a", "a2");
    assert_true(until(w->loop, is_empty, w));
    assert_int_equal(count_files(w, DISK_ASIDE), 1);
    assert_int_equal(shown(w, "set_aside_files"), 1);
    assert_int_equal(fake_db_count(w->db, CALL_receive_event), 6);
    assert_string_equal(called_key(w, 5), "a2");
    /* Seen again by the next start, which leaves it alone. */
    restart(w);
    assert_int_equal(start(w, NO_LIMIT, NO_LIMIT), 0);
    assert_int_equal(shown(w, "set_aside_files"), 1);
    assert_int_equal(shown(w, "deliveries"), 0);
}

static void
damage(const char *path, off_t at, const char *with)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, with, strlen(with), at), (ssize_t)strlen(with));
    close(fd);
}

static bool
is_one_aside(void *arg)
{
    return count_files(arg, DISK_ASIDE) == 1 && is_empty(arg);
}

static void
W4_damaged_record__is_named_and_the_others_of_its_file_are_applied(void **state)
{
    struct world *w = *state;
    char         *path;
    struct stat   st;

    put_and_wait(w, "a", "a0");
    path = first_file(w);
    assert_int_equal(unlink(path), 0);
    free(path);
    put_many(w, 1);
    put_many(w, 1);
    restart(w);
    fake_db_set_up(w->db, false);
    assert_int_equal(start(w, NO_LIMIT, NO_LIMIT), 0);
    assert_int_equal(shown(w, "deliveries"), 2);
    path = first_file(w);
    damage(path, 100, "????");
    restart(w);
    fake_db_set_up(w->db, false);
    assert_int_equal(start(w, NO_LIMIT, NO_LIMIT), 0);
    assert_int_equal(shown(w, "deliveries"), 1);
    fake_db_set_up(w->db, true);
    wait_called(w, 1);
    assert_true(until(w->loop, is_one_aside, w));
    assert_int_equal(stat(path, &st), -1);
    free(path);
}

static void
W4_damage_since_the_start__is_found_when_the_record_is_read(void **state)
{
    struct world *w = *state;
    char         *path;

    put_and_wait(w, "a", "a1");
    path = first_file(w);
    damage(path, 80, "x");
    fake_db_set_up(w->db, true);
    assert_true(until(w->loop, is_one_aside, w));
    assert_int_equal(fake_db_count(w->db, CALL_receive_event), 0);
    free(path);
}

static void
W4_file_that_somebody_removed__holds_up_nobody(void **state)
{
    struct world *w = *state;
    char         *path;

    put_and_wait(w, "a", "a1");
    path = first_file(w);
    assert_int_equal(unlink(path), 0);
    put_and_wait(w, "a", "a2");
    fake_db_set_up(w->db, true);
    wait_called(w, 1);
    assert_string_equal(called_key(w, 0), "a2");
    free(path);
}

static void
W4_torn_write__that_a_crash_left_is_forgotten_for_nobody_was_told(void **state)
{
    struct world *w = *state;
    char         *half = xasprintf("%s/00000000000000000001-1" DISK_SUFFIX ".tmp", w->dir);
    FILE         *f = fopen(half, "we");

    assert_non_null(f);
    fputs("0123456789abcdef {\"heard", f);
    fclose(f);
    restart(w);
    assert_int_equal(start(w, NO_LIMIT, NO_LIMIT), 0);
    assert_int_equal(access(half, F_OK), -1);
    assert_int_equal(shown(w, "deliveries"), 0);
    free(half);
}

/* --- bounds ------------------------------------------------------------------------------------------------------------------------------ */

static void
W4_full_spool__says_so_and_takes_again_when_there_is_room(void **state)
{
    struct world *w = *state;
    struct json  *shown_now = json_new_object();

    restart(w);
    fake_db_set_up(w->db, false);
    assert_int_equal(start(w, NO_LIMIT, 2), 0);
    assert_int_equal(put(w, "a", "a1", "{}"), 0);
    assert_int_equal(put(w, "a", "a2", "{}"), 0);
    assert_int_equal(put(w, "b", "b1", "{}"), ERR_RETRY);
    assert_non_null(strstr(w->why, "the spool is full: 2 deliveries (ORCH_SPOOL_MAX_DELIVERIES)"));
    assert_false(spool_holds(w->spool, "b"));
    wait_told(w, 2);
    assert_int_equal(w->kept, 2);
    fake_db_set_up(w->db, true);
    assert_true(until(w->loop, is_empty, w));
    put_and_wait(w, "b", "b1");
    assert_int_equal(w->kept, 3);
    assert_true(spool_show(w->spool, shown_now));
    json_free(shown_now);
}

static void
W4_full_spool__counts_bytes_too_and_health_tells(void **state)
{
    struct world *w = *state;
    struct json  *shown_now = json_new_object();

    restart(w);
    fake_db_set_up(w->db, false);
    assert_int_equal(start(w, 400, NO_LIMIT), 0);
    put_and_wait(w, "a", "a1");
    assert_int_equal(put(w, "a", "a2", "{}"), ERR_RETRY);
    assert_non_null(strstr(w->why, "of 400 bytes are taken (ORCH_SPOOL_MAX_BYTES)"));
    assert_false(spool_show(w->spool, shown_now));
    assert_non_null(strstr(json_str(shown_now, "losing"), "full"));
    json_free(shown_now);
}

static void
W4_spool_of_no_deliveries__is_off_and_applies_what_is_there(void **state)
{
    struct world *w = *state;

    put_and_wait(w, "a", "a1");
    restart(w);
    assert_int_equal(start(w, NO_LIMIT, 0), 0);
    assert_int_equal(put(w, "b", "b1", "{}"), ERR_RETRY);
    assert_non_null(strstr(w->why, "ORCH_SPOOL_MAX_DELIVERIES"));
    assert_true(until(w->loop, is_empty, w));
    assert_string_equal(called_key(w, 0), "a1");
}

/* A limit on the size of files stands in for a disk without room: write() fails in the middle. */
static void
W4_full_disk__loses_what_it_says_it_loses_and_leaves_no_half(void **state)
{
    struct world *w = *state;
    struct rlimit was;
    struct rlimit tiny;
    char         *body = xcalloc(1, 30000);

    memset(body, 'x', 29999);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    tiny = was;
    tiny.rlim_cur = 10000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
    assert_int_equal(put(w, "a", "a1", body), 0);
    wait_told(w, 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(w->lost, 1);
    assert_non_null(strstr(w->why, "could not write"));
    assert_int_equal(count_files(w, "."), 0);
    assert_false(spool_holds(w->spool, "a"));
    assert_int_equal(shown(w, "bytes"), 0);
    put_and_wait(w, "a", "a2");
    assert_int_equal(w->kept, 1);
    free(body);
}

static void
W4_directory__that_cannot_be_made_is_an_error_that_names_the_setting(void **state)
{
    struct world        *w = *state;
    struct spool        *other = NULL;
    struct err           e = ERR_INIT;
    struct spool_options o = { .dir = "/proc/spool", .max_bytes = NO_LIMIT, .max_deliveries = NO_LIMIT };

    assert_int_equal(spool_open(&other, w->loop, w->db, &o, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "ORCH_SPOOL_DIR"));
    assert_null(other);
}

/* --- the reader of records --------------------------------------------------------------------------------------------------------------- */

static void
encode_one(struct buf *line)
{
    const struct spool_record r = {
        .lane = "a", .source = "gitea", .delivery_key = "k", .kind = "push", .facts = "{}", .body = "{}", .heard_at = "t"
    };

    spool_encode(line, &r);
    assert_int_equal(line->data[line->len - 1], '\n');
}

static void
W4_record__with_any_byte_changed_or_missing_is_refused(void **state)
{
    struct buf          line = { 0 };
    struct spool_record r;

    (void)state;
    encode_one(&line);
    for (size_t i = 0; i < line.len - 1; i++) {
        struct err e = ERR_INIT;

        line.data[i] ^= 1;
        assert_int_equal(spool_decode(&r, line.data, line.len - 1, &e), ERR_INVALID);
        assert_null(r.owner);
        line.data[i] ^= 1;
        err_clear(&e);
        assert_int_equal(spool_decode(&r, line.data, i, &e), ERR_INVALID);
    }
    struct err e = ERR_INIT;
    assert_int_equal(spool_decode(&r, line.data, line.len - 1, &e), 0);
    assert_string_equal(r.source, "gitea");
    spool_record_fini(&r);
    buf_fini(&line);
}

static void
W4_random_files__never_end_the_process(void **state)
{
    struct world *w = *state;
    unsigned      seed = 20260304;

    for (int i = 0; i < 40; i++) {
        char *path = xasprintf("%s/%020d-1" DISK_SUFFIX, w->dir, i + 1);
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        for (int n = rand_r(&seed) % 5000; n > 0; n--)
            fputc(rand_r(&seed) % (i % 2 ? 256 : 40), f);
        fclose(f);
        free(path);
    }
    restart(w);
    assert_int_equal(start(w, NO_LIMIT, NO_LIMIT), 0);
    assert_true(until(w->loop, is_empty, w));
    assert_int_equal(fake_db_count(w->db, CALL_receive_event), 0);
    assert_int_equal(shown(w, "deliveries"), 0);
}

int
main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH(W4_delivery__is_on_the_disk_before_it_is_said_to_be_and_leaves_after_its_commit),
        WITH(W4_body__comes_back_byte_for_byte),
        WITH(W4_burst__shares_its_syncs_and_is_applied_in_order_for_each_lane),
        WITH(W4_new_delivery__goes_behind_those_of_its_lane_until_it_is_drained),
        WITH(W4_restart__applies_what_was_kept_in_order_and_again_what_was_not_removed),
        WITH(W4_new_files__come_behind_the_old_ones_though_the_clock_was_set_back),
        WITH(W4_poisoned_record__is_set_aside_and_holds_up_nobody),
        WITH(W4_damaged_record__is_named_and_the_others_of_its_file_are_applied),
        WITH(W4_damage_since_the_start__is_found_when_the_record_is_read),
        WITH(W4_file_that_somebody_removed__holds_up_nobody),
        WITH(W4_torn_write__that_a_crash_left_is_forgotten_for_nobody_was_told),
        WITH(W4_full_spool__says_so_and_takes_again_when_there_is_room),
        WITH(W4_full_spool__counts_bytes_too_and_health_tells),
        WITH(W4_spool_of_no_deliveries__is_off_and_applies_what_is_there),
        WITH(W4_full_disk__loses_what_it_says_it_loses_and_leaves_no_half),
        WITH(W4_directory__that_cannot_be_made_is_an_error_that_names_the_setting),
        cmocka_unit_test(W4_record__with_any_byte_changed_or_missing_is_refused),
        WITH(W4_random_files__never_end_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
