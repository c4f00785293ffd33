/* The spool: what cannot be applied, because Postgres refuses it, or somebody has damaged or removed its file. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool_rig.h"

/* --- what cannot be applied -------------------------------------------------------------------------------------------------------------- */

static void
W4_poisoned_record__is_set_aside_and_holds_up_nobody(void **state)
{
    static const struct fake_answer bad = { .code = ERR_BUG };
    static const struct fake_answer good = { 0 };
    struct spool_rig               *w = *state;

    assert_int_equal(spool_rig_put(w, "a", "poison", "{}"), 0);
    spool_rig_wait_told(w, 1);
    /* The second is for the other lane. */
    for (int i = 0; i < 5; i++)
        fake_db_push(w->db, CALL_receive_event, i == 1 ? &good : &bad);
    fake_db_set_up(w->db, true);
    spool_rig_wait_called(w, 1);
    /* Another lane passes while this one rests. */
    spool_rig_put_and_wait(w, "b", "b1");
    spool_rig_wait_called(w, 2);
    assert_string_equal(spool_rig_called_key(w, 1), "b1");
    spool_rig_put_and_wait(w, "a", "a2");
    assert_true(until(w->loop, spool_rig_is_empty, w));
    assert_int_equal(spool_rig_count_files(w, DISK_ASIDE), 1);
    assert_int_equal(spool_rig_shown(w, "set_aside_files"), 1);
    assert_int_equal(fake_db_count(w->db, CALL_receive_event), 6);
    assert_string_equal(spool_rig_called_key(w, 5), "a2");
    /* Seen again by the next start, which leaves it alone. */
    spool_rig_restart(w);
    assert_int_equal(spool_rig_start(w, SPOOL_RIG_NO_LIMIT, SPOOL_RIG_NO_LIMIT), 0);
    assert_int_equal(spool_rig_shown(w, "set_aside_files"), 1);
    assert_int_equal(spool_rig_shown(w, "deliveries"), 0);
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
    return spool_rig_count_files(arg, DISK_ASIDE) == 1 && spool_rig_is_empty(arg);
}

static void
W4_damaged_record__is_named_and_the_others_of_its_file_are_applied(void **state)
{
    struct spool_rig *w = *state;
    char             *path;
    struct stat       st;

    spool_rig_put_and_wait(w, "a", "a0");
    path = spool_rig_first_file(w);
    assert_int_equal(unlink(path), 0);
    free(path);
    spool_rig_put_and_wait(w, "a", "a000");
    spool_rig_put_and_wait(w, "a", "a000");
    spool_rig_restart(w);
    fake_db_set_up(w->db, false);
    assert_int_equal(spool_rig_start(w, SPOOL_RIG_NO_LIMIT, SPOOL_RIG_NO_LIMIT), 0);
    assert_int_equal(spool_rig_shown(w, "deliveries"), 2);
    path = spool_rig_first_file(w);
    damage(path, 100, "????");
    spool_rig_restart(w);
    fake_db_set_up(w->db, false);
    assert_int_equal(spool_rig_start(w, SPOOL_RIG_NO_LIMIT, SPOOL_RIG_NO_LIMIT), 0);
    assert_int_equal(spool_rig_shown(w, "deliveries"), 1);
    fake_db_set_up(w->db, true);
    spool_rig_wait_called(w, 1);
    assert_true(until(w->loop, is_one_aside, w));
    assert_int_equal(stat(path, &st), -1);
    free(path);
}

static void
W4_damage_since_the_start__is_found_when_the_record_is_read(void **state)
{
    struct spool_rig *w = *state;
    char             *path;

    spool_rig_put_and_wait(w, "a", "a1");
    path = spool_rig_first_file(w);
    damage(path, 80, "x");
    fake_db_set_up(w->db, true);
    assert_true(until(w->loop, is_one_aside, w));
    assert_int_equal(fake_db_count(w->db, CALL_receive_event), 0);
    free(path);
}

static void
W4_file_that_somebody_removed__holds_up_nobody(void **state)
{
    struct spool_rig *w = *state;
    char             *path;

    spool_rig_put_and_wait(w, "a", "a1");
    path = spool_rig_first_file(w);
    assert_int_equal(unlink(path), 0);
    spool_rig_put_and_wait(w, "a", "a2");
    fake_db_set_up(w->db, true);
    spool_rig_wait_called(w, 1);
    assert_string_equal(spool_rig_called_key(w, 0), "a2");
    free(path);
}

static void
W4_torn_write__that_a_crash_left_is_forgotten_for_nobody_was_told(void **state)
{
    struct spool_rig *w = *state;
    char             *half = xasprintf("%s/00000000000000000001-1" DISK_SUFFIX ".tmp", w->dir);
    FILE             *f = fopen(half, "we");

    assert_non_null(f);
    fputs("0123456789abcdef {\"heard", f);
    fclose(f);
    spool_rig_restart(w);
    assert_int_equal(spool_rig_start(w, SPOOL_RIG_NO_LIMIT, SPOOL_RIG_NO_LIMIT), 0);
    assert_int_equal(access(half, F_OK), -1);
    assert_int_equal(spool_rig_shown(w, "deliveries"), 0);
    free(half);
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
    struct spool_rig *w = *state;
    unsigned          seed = 20260304;

    for (int i = 0; i < 40; i++) {
        char *path = xasprintf("%s/%020d-1" DISK_SUFFIX, w->dir, i + 1);
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        for (int n = rand_r(&seed) % 5000; n > 0; n--)
            fputc(rand_r(&seed) % (i % 2 ? 256 : 40), f);
        fclose(f);
        free(path);
    }
    spool_rig_restart(w);
    assert_int_equal(spool_rig_start(w, SPOOL_RIG_NO_LIMIT, SPOOL_RIG_NO_LIMIT), 0);
    assert_true(until(w->loop, spool_rig_is_empty, w));
    assert_int_equal(fake_db_count(w->db, CALL_receive_event), 0);
    assert_int_equal(spool_rig_shown(w, "deliveries"), 0);
}

int
main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, spool_rig_set_up, spool_rig_tear_down)
    const struct CMUnitTest tests[] = {
        WITH(W4_poisoned_record__is_set_aside_and_holds_up_nobody),
        WITH(W4_damaged_record__is_named_and_the_others_of_its_file_are_applied),
        WITH(W4_damage_since_the_start__is_found_when_the_record_is_read),
        WITH(W4_file_that_somebody_removed__holds_up_nobody),
        WITH(W4_torn_write__that_a_crash_left_is_forgotten_for_nobody_was_told),
        cmocka_unit_test(W4_record__with_any_byte_changed_or_missing_is_refused),
        WITH(W4_random_files__never_end_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
