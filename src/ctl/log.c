/* logs: the log of a run. Over Postgres it is read from the disk, so it must be a disk of this host; over HTTP the node sends it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/runlog.h"
#include "ctl/ctl.h"
#include "db/sync.h"

enum { PARAM_REF, PARAM_TAIL, PARAM_FOLLOW, PART = 64 * 1024, LOOK_MS = 250, ASK_EVERY = 4 /* looks at the file for one question */ };

/* What orch.find_log() tells. Texts are borrowed from rows. */
struct log_place {
    struct json *rows;
    const char  *node, *host, *path;
    int64_t      run;
    bool         is_over;
};

static int
read_tail(const struct ctl_line *line, int64_t *bytes, struct err *e)
{
    const char *text = line->params[PARAM_TAIL];
    long        number = 0;

    if (text && (!str_to_long(text, &number) || number < 0))
        err_set(e, ERR_INVALID, "--tail cannot be \"%s\": accepted is a number of bytes", text);
    *bytes = text ? number : -1;
    return e->code;
}

static void
place_fini(struct log_place *place)
{
    json_free(place->rows);
    *place = (struct log_place){ 0 };
}

static int
find_place(struct log_place *place, const char *url, const char *ref, struct err *e)
{
    const char  *params[] = { ref };
    struct json *row;

    place_fini(place);
    if (db_sync_rows(url, CALL_find_log, params, NULL, &place->rows, e))
        return e->code;
    row = json_item(place->rows, 0);
    place->node = json_str(row, "node");
    place->host = json_str(row, "host");
    place->path = json_str(row, "log_path");
    place->is_over = json_bool(row, "is_over");
    json_int(row, "run_id", &place->run);
    return 0;
}

static int
open_log(int *fd, const struct log_place *place, struct err *e)
{
    char here[256] = { 0 };

    gethostname(here, sizeof here - 1);
    if (!place->path)
        err_set(e, ERR_GONE, "run %lld has no log: it was not started", (long long)place->run);
    else if (place->host && !str_equal(place->host, here))
        err_set(e, ERR_GONE, "the log of run %lld is on node \"%s\", host \"%s\": %s. Ask there, or over HTTP with --url",
                (long long)place->run, place->node, place->host, place->path);
    else if ((*fd = open(place->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK)) < 0)
        err_set(e, ERR_GONE, "could not read the log of run %lld on node \"%s\", \"%s\": %s", (long long)place->run, place->node,
                place->path, strerror(errno));
    return e->code;
}

/* Copies what is there from *at on, without what a cap left out (agent/runlog.h); false at a failure that *e tells. */
static bool
copy_rest(int fd, off_t *at, struct err *e)
{
    static char part[PART];
    ssize_t     got = 0;
    off_t       from, to;

    while (got >= 0 && runlog_next(fd, *at, &from, &to)) {
        got = pread(fd, part, to - from < PART ? (size_t)(to - from) : PART, from);
        if (got > 0) {
            fwrite(part, 1, (size_t)got, stdout);
            *at = from + got;
        }
    }
    fflush(stdout);
    if (got < 0)
        err_set(e, ERR_RETRY, "could not read the log: %s", strerror(errno));
    return got >= 0;
}

/* Until the run has ended and all that it wrote was copied: what was there before the answer "it has ended" is all. */
static void
follow(int fd, off_t at, const char *url, struct log_place *place, struct err *e)
{
    char run[24];
    bool is_over = place->is_over;

    snprintf(run, sizeof run, "%lld", (long long)place->run);
    for (int look = 1; copy_rest(fd, &at, e) && !is_over; look++) {
        poll(NULL, 0, LOOK_MS);
        if (look % ASK_EVERY == 0 && find_place(place, url, run, e))
            return;
        is_over = place->is_over;
    }
}

static int
log_of_this_host(const struct ctl_line *line, int64_t tail, struct err *e)
{
    struct log_place place = { 0 };
    struct stat      st;
    char            *url = NULL;
    int              fd = -1;
    off_t            at = 0;

    if (ctl_database(&url, line, e) || find_place(&place, url, line->params[PARAM_REF], e) || open_log(&fd, &place, e))
        goto out;
    if (tail >= 0 && !fstat(fd, &st) && st.st_size > tail)
        at = (off_t)(st.st_size - tail);
    if (line->params[PARAM_FOLLOW])
        follow(fd, at, url, &place, e);
    else
        copy_rest(fd, &at, e);
out:
    if (fd >= 0)
        close(fd);
    place_fini(&place);
    free(url);
    return e->code;
}

/* --- over HTTP --------------------------------------------------------------------------------------------------------------------------- */

/* A number is a run, all else a task, of which the newest run that has a log is meant. */
static int
find_run(int64_t *run, const struct ctl_line *line, struct err *e)
{
    struct ctl_line asked = { .url = line->url, .params = { line->params[PARAM_REF] } };
    struct json    *report = NULL, *runs;
    long            number;
    int             taken;

    if (str_to_long(line->params[PARAM_REF], &number)) {
        *run = number;
        return 0;
    }
    asked.verb = ctl_find_verb("task", NULL, &taken);
    if (ctl_ask(&asked, NULL, &report, e))
        return e->code;
    runs = json_at(report, "runs");
    for (size_t i = 0; i < json_len(runs); i++)
        if (json_str(json_item(runs, i), "log_path"))
            json_int(json_item(runs, i), "id", run);
    if (!*run)
        err_set(e, ERR_GONE, "no run of %s has a log", line->params[PARAM_REF]);
    json_free(report);
    return e->code;
}

static int
log_of_a_node(const struct ctl_line *line, int64_t tail, struct err *e)
{
    struct ctl_request request = { .method = "GET", .text_to = stdout };
    struct json       *none = NULL;
    struct buf         path = { 0 };
    char               range[40];
    int64_t            run = 0;

    if (find_run(&run, line, e))
        goto out;
    buf_printf(&path, "runs/%lld/log", (long long)run);
    if (line->params[PARAM_FOLLOW]) {
        buf_add_str(&path, "?follow=1");
        if (tail >= 0)
            buf_printf(&path, "&tail=%lld", (long long)tail);
    } else if (tail >= 0) {
        snprintf(range, sizeof range, "bytes=-%lld", (long long)tail);
        request.range = range;
    }
    request.path = path.data;
    ctl_http(&none, NULL, line->url, &request, e);
out:
    json_free(none);
    buf_fini(&path);
    return e->code;
}

int
ctl_logs(const struct ctl_line *line, struct err *e)
{
    int64_t tail;

    if (read_tail(line, &tail, e))
        return CTL_USAGE;
    if (ctl_is_http(line))
        log_of_a_node(line, tail, e);
    else
        log_of_this_host(line, tail, e);
    return ctl_status_of(e);
}
