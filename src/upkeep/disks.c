/* disks: how full the file systems of this node are. What counts as full, and whether somebody is told, is orch.note_disks()'s to say. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/check.h"
#include "base/str.h"
#include "upkeep/upkeep_int.h"

/* In tenths, rounded up, as df(1) does: what is almost full is not "99.9". */
static double
percent(uint64_t used, uint64_t all)
{
    uint64_t tenths = all ? (used * 1000 + all - 1) / all : 0;
    return (double)tenths / 10;
}

static struct json *
look_at(const char *path, struct err *first)
{
    struct json   *disk = json_new_object();
    struct statvfs fs;
    struct err     e = ERR_INIT;
    json_set_str(disk, "path", path);
    if (statvfs(path, &fs)) {
        err_set(&e, ERR_RETRY, "could not look at the disk of \"%s\": %s", path, strerror(errno));
        json_set_str(disk, "error", e.text);
        if (!first->code)
            *first = e;
        return disk;
    }
    json_set_double(disk, "used_percent", percent(fs.f_blocks - fs.f_bfree, fs.f_blocks - fs.f_bfree + fs.f_bavail));
    if (fs.f_files)
        json_set_double(disk, "inodes_percent", percent(fs.f_files - fs.f_ffree, fs.f_files));
    json_set_int(disk, "free_bytes", (int64_t)(fs.f_bavail * fs.f_frsize));
    return disk;
}

/* paths: separated by commas. */
static struct json *
look(const char *paths, struct err *first)
{
    struct json *disks = json_new_array();
    char        *copy = xstrdup(paths), *rest = copy, *path;
    while ((path = strsep(&rest, ",")))
        if (*path)
            json_push(disks, look_at(path, first));
    free(copy);
    return disks;
}

static void
on_noted(struct db_result *r, const struct err *e, void *arg)
{
    struct duty      *d = CHECKED(arg, DUTY_MAGIC);
    const struct err *unseen = d->own;
    d->call = NULL;
    upkeep_end(d, e ? 0 : db_int(r, 0, "crossed"), e ? e : unseen->code ? unseen : NULL);
}

static void
tick(struct duty *d)
{
    const struct config *cfg = upkeep_config(d);
    struct err          *unseen = d->own = d->own ? d->own : xcalloc(1, sizeof(*unseen));
    char                 threshold[24], hysteresis[24];
    struct json         *disks;
    err_clear(unseen);
    disks = look(str_is_blank(cfg->disk_watch_paths) ? cfg->data_dir : cfg->disk_watch_paths, unseen);
    snprintf(threshold, sizeof threshold, "%" PRId64, cfg->disk_watch_percent);
    snprintf(hysteresis, sizeof hysteresis, "%" PRId64, cfg->disk_watch_hysteresis);
    d->call = db_call(upkeep_db(d), CALL_note_disks, (const char *const[]){ upkeep_node(d), json_text(disks), threshold, hysteresis },
                      on_noted, d);
    json_free(disks);
}

static void
fini(struct duty *d)
{
    free(d->own);
    d->own = NULL;
}

const struct duty_kind duty_disks = {
    .name = "disk_watchdog", .counter = METRIC_orchd_disk_watchdog_crossings_total, .is_everywhere = true, .tick = tick, .fini = fini
};
