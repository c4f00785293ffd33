#include "spool_rig.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

int
spool_rig_start(struct spool_rig *w, int64_t max_bytes, int64_t max_deliveries)
{
    struct err           e = ERR_INIT;
    struct spool_options o = { .dir = w->dir, .max_bytes = max_bytes, .max_deliveries = max_deliveries };

    return spool_open(&w->spool, w->loop, w->db, &o, &e);
}

void
spool_rig_restart(struct spool_rig *w)
{
    struct err e = ERR_INIT;

    spool_close(w->spool);
    w->spool = NULL;
    fake_db_free(w->db);
    loop_free(w->loop);
    assert_int_equal(loop_new(&w->loop, &e), 0);
    w->db = fake_db_new(w->loop);
}

int
spool_rig_set_up(void **state)
{
    struct spool_rig *w = xcalloc(1, sizeof *w);
    struct err        e = ERR_INIT;

    log_setup(LOG_ERROR + 1, false);
    snprintf(w->dir, sizeof w->dir, "/tmp/orch-spool-XXXXXX");
    if (!mkdtemp(w->dir) || loop_new(&w->loop, &e))
        return -1;
    w->db = fake_db_new(w->loop);
    fake_db_set_up(w->db, false);
    *state = w;
    return spool_rig_start(w, SPOOL_RIG_NO_LIMIT, SPOOL_RIG_NO_LIMIT);
}

int
spool_rig_tear_down(void **state)
{
    struct spool_rig *w = *state;
    char             *command = xasprintf("rm -rf %s", w->dir);
    int               status;

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
    struct spool_rig *w = arg;

    if (!e) {
        w->kept++;
        return;
    }
    w->lost++;
    snprintf(w->why, sizeof w->why, "%s", e->text);
}

int
spool_rig_put(struct spool_rig *w, const char *lane, const char *key, const char *body)
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
    struct spool_rig *w = arg;

    return w->kept + w->lost >= w->wanted;
}

void
spool_rig_wait_told(struct spool_rig *w, int wanted)
{
    w->wanted = wanted;
    assert_true(until(w->loop, are_told, w));
}

void
spool_rig_put_and_wait(struct spool_rig *w, const char *lane, const char *key)
{
    assert_int_equal(spool_rig_put(w, lane, key, "{}"), 0);
    spool_rig_wait_told(w, w->kept + w->lost + 1);
}

int
spool_rig_count_files(const struct spool_rig *w, const char *below)
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

char *
spool_rig_first_file(const struct spool_rig *w)
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

bool
spool_rig_is_empty(void *arg)
{
    const struct spool_rig *w = arg;

    return spool_rig_count_files(w, ".") == 0;
}

static bool
are_called(void *arg)
{
    struct spool_rig *w = arg;

    return fake_db_count(w->db, CALL_receive_event) >= w->wanted;
}

void
spool_rig_wait_called(struct spool_rig *w, int wanted)
{
    w->wanted = wanted;
    assert_true(until(w->loop, are_called, w));
}

const char *
spool_rig_called_key(struct spool_rig *w, int nth)
{
    return fake_db_param(w->db, CALL_receive_event, nth, 1);
}

int64_t
spool_rig_shown(struct spool_rig *w, const char *what)
{
    struct json *shown = json_new_object();
    int64_t      number = -1;

    spool_show(w->spool, shown);
    json_int(shown, what, &number);
    json_free(shown);
    return number;
}
