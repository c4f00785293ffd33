/* doctor, host: the warden, the data directory and its disk, the spool, what holds the processes of a run, and the way in from outside. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/agent.h"
#include "api/call.h"
#include "base/check.h"
#include "base/str.h"
#include "ctl/doctor.h"
#include "webhook/disk.h"

enum { SPOOL_WARN_PERCENT = 50 };

static void
check_warden(struct doctor *d)
{
    struct err e = ERR_INIT;

    if (agent_init(*d->cfg->warden ? d->cfg->warden : NULL, &e)) {
        doctor_say(d, DOCTOR_FAIL, "warden", "%s", e.text);
        doctor_mend(d, "install orchd-warden beside orchd, or set ORCH_WARDEN to it");
    } else {
        doctor_say(d, DOCTOR_OK, "warden", "it can be executed");
    }
}

/* --- the data directory ------------------------------------------------------------------------------------------------------------------ */

/* Why it cannot hold the data of a node, an errno; 0 = it can. */
static int
why_not(const char *dir, struct stat *st)
{
    if (stat(dir, st))
        return errno;
    if (!S_ISDIR(st->st_mode))
        return ENOTDIR;
    return access(dir, R_OK | W_OK | X_OK) ? errno : 0;
}

static bool
check_data_dir(struct doctor *d)
{
    const char *dir = d->cfg->data_dir;
    struct stat st = { 0 };
    int         why = why_not(dir, &st);

    if (why) {
        doctor_say(d, DOCTOR_FAIL, "data_dir", "user %d cannot write to \"%s\": %s", (int)geteuid(), dir, strerror(why));
        doctor_mend(d, "install -d -o orchd -g orchd -m 750 %s", dir);
    } else if (geteuid() == 0 && st.st_uid) {
        doctor_say(d, DOCTOR_OK, "data_dir", "\"%s\" is there; it belongs to user %d, and this is root, who may all", dir, (int)st.st_uid);
    } else {
        doctor_say(d, DOCTOR_OK, "data_dir", "\"%s\" can be written", dir);
    }
    return S_ISDIR(st.st_mode);
}

/* As df(1) counts: of what those without privileges may use. */
static int
percent_used(uint64_t total, uint64_t free, uint64_t available)
{
    uint64_t used = total - free, all = used + available;

    return all ? (int)((used * 100 + all - 1) / all) : 0;
}

static void
check_disk(struct doctor *d)
{
    const struct config *c = d->cfg;
    struct statvfs       fs;
    int                  space, inodes;

    if (statvfs(c->data_dir, &fs)) {
        doctor_say(d, DOCTOR_FAIL, "disk", "the disk of \"%s\" cannot be looked at: %s", c->data_dir, strerror(errno));
        doctor_mend(d, "mount it again");
        return;
    }
    space = percent_used(fs.f_blocks, fs.f_bfree, fs.f_bavail);
    inodes = percent_used(fs.f_files, fs.f_ffree, fs.f_ffree);
    if (space >= c->disk_watch_percent || inodes >= c->disk_watch_percent) {
        doctor_say(d, DOCTOR_FAIL, "disk", "of \"%s\" %d %% of the space and %d %% of the inodes are in use", c->data_dir, space, inodes);
        doctor_mend(d, "make room, shorten ORCH_RETENTION_LOGS, or raise ORCH_DISK_WATCH_PERCENT (%" PRId64 ")", c->disk_watch_percent);
    } else {
        doctor_say(d, DOCTOR_OK, "disk", "of \"%s\" %d %% of the space and %d %% of the inodes are in use", c->data_dir, space, inodes);
    }
}

/* --- the spool --------------------------------------------------------------------------------------------------------------------------- */

/* Sums up the files of a directory whose names end so. Answers why it cannot be read, an errno; 0 = it was. */
static int
measure(const char *path, const char *suffix, int64_t *files, int64_t *bytes)
{
    DIR           *dir = opendir(path);
    struct dirent *entry;
    struct stat    st;

    if (!dir)
        return errno;
    while ((entry = readdir(dir))) {
        size_t len = strlen(entry->d_name), end = strlen(suffix);
        if (len < end || strcmp(entry->d_name + len - end, suffix) != 0 || fstatat(dirfd(dir), entry->d_name, &st, 0))
            continue;
        ++*files;
        *bytes += st.st_size;
    }
    closedir(dir);
    return 0;
}

static void
judge_spool(struct doctor *d, const char *path)
{
    const struct config *c = d->cfg;
    int64_t              files = 0, bytes = 0, refused = 0, ignored = 0;
    char                *aside = xasprintf("%s/" DISK_ASIDE, path);
    int                  why = measure(path, DISK_SUFFIX, &files, &bytes);

    if (!why && access(path, W_OK | X_OK))
        why = errno;
    if (measure(aside, DISK_SUFFIX, &refused, &ignored))
        refused = 0; /* nothing was ever refused */
    if (why == ENOENT) {
        doctor_say(d, DOCTOR_OK, "spool", "\"%s\" is not there yet; orchd makes it", path);
    } else if (why) {
        doctor_say(d, DOCTOR_FAIL, "spool", "\"%s\" cannot be written: %s", path, strerror(why));
        doctor_mend(d, "chown orchd: %s", path);
    } else if (bytes * 100 >= c->spool_max_bytes * SPOOL_WARN_PERCENT) {
        doctor_say(d, bytes >= c->spool_max_bytes ? DOCTOR_FAIL : DOCTOR_WARN, "spool", "it holds %" PRId64 " of %" PRId64 " bytes", bytes,
                   c->spool_max_bytes);
        doctor_mend(d, "bring Postgres back, or raise ORCH_SPOOL_MAX_BYTES");
    } else if (refused) {
        doctor_say(d, DOCTOR_WARN, "spool", "Postgres refused the deliveries of %" PRId64 " files", refused);
        doctor_mend(d, "look into %s; moved one level up, a file is tried again at the next start", aside);
    } else {
        doctor_say(d, DOCTOR_OK, "spool", "it holds %" PRId64 " of %" PRId64 " bytes", bytes, c->spool_max_bytes);
    }
    free(aside);
}

static void
check_spool(struct doctor *d)
{
    const struct config *c = d->cfg;
    char                *path = *c->spool_dir ? xstrdup(c->spool_dir) : xasprintf("%s/spool", c->data_dir);

    if (c->spool_max_deliveries) {
        judge_spool(d, path);
    } else {
        doctor_say(d, DOCTOR_WARN, "spool", "it is off: what comes while Postgres is away is lost");
        doctor_mend(d, "set ORCH_SPOOL_MAX_DELIVERIES=100000");
    }
    free(path);
}

/* --- control groups ---------------------------------------------------------------------------------------------------------------------- */

static struct json *
own_node(const struct doctor *d)
{
    for (size_t i = 0; i < json_len(d->nodes); i++)
        if (str_equal(json_str(json_item(d->nodes, i), "node"), d->cfg->node))
            return json_item(d->nodes, i);
    return NULL;
}

/* Whether a group can be made is found out by making one, and orchd at its start may do that alone: it removes what it finds. */
static void
check_containment(struct doctor *d)
{
    struct json *node = own_node(d);
    const char  *by = json_str(node, "containment");

    if (str_equal(d->cfg->cgroup, "off")) {
        doctor_say(d, DOCTOR_OK, "cgroup", "off, as ORCH_CGROUP says");
    } else if (!str_equal(json_str(node, "state"), "alive") || !by) {
        doctor_say(d, DOCTOR_WARN, "cgroup", "whether a run gets a control group is known only while node \"%s\" is alive", d->cfg->node);
        doctor_mend(d, "orchd serve   then orchctl doctor again");
    } else if (str_equal(by, "cgroup")) {
        doctor_say(d, DOCTOR_OK, "cgroup", "each run has a control group of its own");
    } else {
        doctor_say(d, DOCTOR_WARN, "cgroup", "runs of node \"%s\" are held by their wardens alone", d->cfg->node);
        doctor_mend(d, "Delegate=yes in the unit of orchd, or ORCH_CGROUP=off if that is meant");
    }
}

void
doctor_check_host(struct doctor *d)
{
    check_warden(d);
    if (check_data_dir(d)) {
        check_disk(d);
        check_spool(d);
    }
    check_containment(d);
}

/* --- the way in -------------------------------------------------------------------------------------------------------------------------- */

static void
on_health(const struct fetch_response *r, const struct err *failed, void *arg)
{
    struct doctor *d = CHECKED(arg, DOCTOR_MAGIC);
    struct json   *json = NULL;
    struct err     e = ERR_INIT;

    api_judge(&json, r, failed, "orchd", true, &e);
    if (json_at(json, "process") && r->status == 200) {
        doctor_say(d, DOCTOR_OK, "address", "%s leads to orchd %s", d->cfg->public_url, json_str(json, "process.version"));
    } else if (json_at(json, "process")) {
        doctor_say(d, DOCTOR_FAIL, "address", "%s leads to an orchd that cannot do its work", d->cfg->public_url);
        doctor_mend(d, "orchctl health --url %s   tells which block is not ok", d->cfg->public_url);
    } else {
        doctor_say(d, DOCTOR_FAIL, "address", "%s/health is not answered by an orchd: %s", d->cfg->public_url,
                   e.code ? e.text : "the answer is another's");
        doctor_mend(d, "correct ORCH_PUBLIC_URL, or the reverse proxy in front of %s", d->cfg->listen);
    }
    json_free(json);
    loop_quit(d->loop);
}

void
doctor_check_address(struct doctor *d)
{
    char *url;

    if (str_is_blank(d->cfg->public_url)) {
        doctor_say(d, DOCTOR_WARN, "address", "ORCH_PUBLIC_URL is not set: webhooks cannot be compared with it, and messages have no link");
        doctor_mend(d, "set ORCH_PUBLIC_URL to the address at which Plane, Gitea and people reach orchd");
        return;
    }
    url = xasprintf("%s/health", d->cfg->public_url);
    fetch_start(d->fetch, &(struct fetch_request){ .method = "GET", .url = url }, on_health, d);
    loop_run(d->loop);
    free(url);
}
