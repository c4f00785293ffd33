/* logs: deletes the logs of this node's runs that nobody has written to for the time that retention_logs says. One walk through the directory,
 * a batch a tick, so that a hundred thousand files do not hold up the loop. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/str.h"
#include "upkeep/upkeep_int.h"

/* A stat and an unlink take some ten microseconds each: a batch is a turn of a few milliseconds. */
enum { BATCH = 200, US_PER_MS = 1000, US_PER_S = 1000000 };

struct walk {
    DIR *dir; /* NULL between walks */
};

static bool
is_log(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && str_equal(dot, ".log");
}

/* 1 when it was old and is gone. A file that vanished meanwhile is nobody's failure. */
static int
drop_if_old(int dir, const char *name, int64_t limit_us, struct err *e)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode) || (int64_t)st.st_mtime * US_PER_S >= limit_us)
        return 0;
    if (!unlinkat(dir, name, 0))
        return 1;
    if (errno != ENOENT && !e->code)
        err_set(e, ERR_RETRY, "could not delete the log \"%s\": %s", name, strerror(errno));
    return 0;
}

static int
open_walk(struct walk *w, const char *data_dir, struct err *e)
{
    char *path = xasprintf("%s/logs", data_dir);
    w->dir = opendir(path);
    if (!w->dir && errno != ENOENT)
        err_set(e, ERR_RETRY, "could not read the directory \"%s\": %s", path, strerror(errno));
    free(path);
    return e->code;
}

static void
tick(struct duty *d)
{
    const struct config *cfg = upkeep_config(d);
    struct walk         *w = d->own = d->own ? d->own : xcalloc(1, sizeof(*w));
    struct dirent       *entry = NULL;
    struct err           e = ERR_INIT;
    int                  seen = 0, gone = 0;
    if (!cfg->retention_logs || (!w->dir && open_walk(w, cfg->data_dir, &e)) || !w->dir)
        goto out;
    while (seen++ < BATCH && (entry = readdir(w->dir)))
        if (is_log(entry->d_name))
            gone += drop_if_old(dirfd(w->dir), entry->d_name, clock_wall_us() - cfg->retention_logs * US_PER_MS, &e);
    if (entry) {
        upkeep_go_on(d);
    } else {
        closedir(w->dir);
        w->dir = NULL;
    }
out:
    upkeep_end(d, gone, e.code ? &e : NULL);
}

static void
fini(struct duty *d)
{
    struct walk *w = d->own;
    if (w && w->dir)
        closedir(w->dir);
    free(w);
    d->own = NULL;
}

const struct duty_kind duty_logs = {
    .name = "logs", .counter = METRIC_orchd_logs_deleted_total, .is_everywhere = true, .tick = tick, .fini = fini
};
