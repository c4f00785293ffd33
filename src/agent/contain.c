/* contain: whether this node can hold each run in a control group, and where. Found out by doing it, because what the mounts, the modes of
 * files and the version of the kernel promise is not what a container's sandbox keeps.
 * All groups of this node lie in one, <our own>/orchd-<node>-<device and number of its data directory>: the node holds a lock there, so
 * whatever is found in a group of that name at the start was left by an earlier life of the same node. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/agent_int.h"
#include "agent/cage.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

enum {
    GROUP_MODE = 0755,
    EMPTY_WAIT_MS = 5000, /* for killed ones to end, at the start */
    EMPTY_LOOK_MS = 5
};

#define PROBE "probe"

static struct {
    bool is_able;
    bool is_required;
    char name[NAME_MAX + 1]; /* of the group that holds all of this node's */
    char path[PATH_MAX];     /* its directory */
    char why[512];           /* not able */
} contain = { .why = "nobody asked for it" };

static void
say_why(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(contain.why, sizeof(contain.why), fmt, args);
    va_end(args);
}

/* /proc/self/cgroup: the line "0::<path>" is that of cgroup v2. */
static bool
read_own_group(char *out, size_t size)
{
    char  line[PATH_MAX];
    FILE *f = fopen("/proc/self/cgroup", "re");
    bool  is_found = false;

    while (f && !is_found && fgets(line, sizeof(line), f))
        if (str_starts(line, "0::/")) {
            line[strcspn(line, "\n")] = 0;
            snprintf(out, size, "%s", line + 3);
            is_found = true;
        }
    if (f)
        fclose(f);
    return is_found;
}

/* /proc/self/mountinfo: "… root mountpoint options [optional…] - type source options". */
static bool
read_mount(char *root, char *point, size_t size)
{
    char  *line = NULL;
    size_t cap = 0;
    FILE  *f = fopen("/proc/self/mountinfo", "re");
    bool   is_found = false;

    while (f && !is_found && getline(&line, &cap, f) > 0) {
        char *fields[5] = { 0 };
        char *rest = line;

        if (!strstr(line, " - cgroup2 "))
            continue;
        for (int i = 0; i < 5; i++)
            fields[i] = strsep(&rest, " ");
        if (!fields[4])
            continue;
        snprintf(root, size, "%s", fields[3]);
        snprintf(point, size, "%s", fields[4]);
        is_found = true;
    }
    free(line);
    if (f)
        fclose(f);
    return is_found;
}

/* Where our own group is in the file system; the mount may show only a part of the hierarchy. */
static bool
find_own_dir(char *out, size_t size)
{
    char   own[PATH_MAX], root[PATH_MAX], point[PATH_MAX];
    size_t len;

    if (!read_own_group(own, sizeof(own)) || !read_mount(root, point, sizeof(point))) {
        say_why("there is no cgroup v2 here");
        return false;
    }
    len = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(own, root, len) != 0 || (own[len] && own[len] != '/') || strstr(own, "/..")) {
        say_why("our own control group \"%s\" is not in what is mounted at \"%s\"", own, point);
        return false;
    }
    if ((size_t)snprintf(out, size, "%s%s", point, strcmp(own + len, "/") == 0 ? "" : own + len) >= size) {
        say_why("the path of our own control group is too long");
        return false;
    }
    return true;
}

/* Kills what a group holds, and waits; then removes it. */
static bool
end_group(const char *path)
{
    struct cage c = CAGE_NONE;
    int64_t     deadline_ms = clock_mono_ms() + EMPTY_WAIT_MS;
    bool        is_killed = false;

    if (cage_open(&c, path))
        return cage_remove(path);
    while (cage_is_populated(&c) && clock_mono_ms() < deadline_ms) {
        is_killed = true;
        if (!cage_kill(&c))
            break;
        nanosleep(&(struct timespec){ .tv_nsec = EMPTY_LOOK_MS * 1000000L }, NULL);
    }
    cage_close(&c);
    if (is_killed)
        LOGW("agent.group_ended", "path=%s why=%s", log_quote(path), log_quote("an earlier life of this node left processes in it"));
    return cage_remove(path);
}

static void
end_leftovers(void)
{
    DIR           *d = opendir(contain.path);
    struct dirent *entry;
    char           path[PATH_MAX + NAME_MAX + 2];

    while (d && (entry = readdir(d))) {
        if (entry->d_type != DT_DIR || *entry->d_name == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", contain.path, entry->d_name);
        if (!end_group(path))
            LOGE("agent.group_left", "path=%s why=%s", log_quote(path), log_quote(strerror(errno)));
    }
    if (d)
        closedir(d);
}

/* A process is born in a group, and killed with it. */
static bool
try_group(const char *path)
{
    struct cage c = CAGE_NONE;
    pid_t       pid = 0;
    int         status = 0;
    int         why = cage_open(&c, path);

    if (!why)
        why = cage_fork(&c, &pid);
    if (!why && pid == 0)
        for (;;)
            pause();
    if (why)
        say_why("no process can be put into \"%s\": %s", path, strerror(why));
    else if (!cage_is_populated(&c))
        say_why("a process that was put into \"%s\" is not there", path);
    else if (!cage_kill(&c))
        say_why("\"%s\" cannot be killed at once (cgroup.kill needs Linux 5.14): %s", path, strerror(errno));
    else
        contain.is_able = true;
    if (pid > 0) {
        if (!contain.is_able)
            kill(pid, SIGKILL); /* a child that nobody has reaped: the number is its own */
        waitpid(pid, &status, 0);
    }
    cage_close(&c);
    return contain.is_able;
}

static bool
probe(const char *node, const char *data_dir)
{
    char        own[PATH_MAX], path[PATH_MAX + sizeof(PROBE) + 1];
    struct stat st;

    if (!find_own_dir(own, sizeof(own)))
        return false;
    if (stat(data_dir, &st)) {
        say_why("\"%s\": %s", data_dir, strerror(errno));
        return false;
    }
    snprintf(contain.name, sizeof(contain.name), "orchd-%s-%llx-%llx", node, (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    if ((size_t)snprintf(contain.path, sizeof(contain.path), "%s/%s", own, contain.name) >= sizeof(contain.path)) {
        say_why("the path of our own control group is too long");
        return false;
    }
    if (mkdir(contain.path, GROUP_MODE) && errno != EEXIST) {
        say_why("\"%s\": %s", contain.path, strerror(errno));
        return false;
    }
    end_leftovers();
    snprintf(path, sizeof(path), "%s/" PROBE, contain.path);
    if (mkdir(path, GROUP_MODE))
        say_why("\"%s\": %s", path, strerror(errno));
    else
        try_group(path);
    cage_remove(path);
    if (!contain.is_able)
        rmdir(contain.path);
    return contain.is_able;
}

int
agent_contain(enum agent_contain_mode mode, const char *node, const char *data_dir, struct err *e)
{
    contain.is_able = false;
    contain.is_required = mode == AGENT_CONTAIN_REQUIRE;
    *contain.path = 0;
    *contain.name = 0;
    if (mode == AGENT_CONTAIN_OFF)
        say_why("it is switched off");
    else if (!probe(node, data_dir) && contain.is_required)
        err_set(e, ERR_INVALID, "cannot hold agents in control groups: %s", contain.why);
    if (!e->code)
        LOGI("agent.containment", "by=%s %s=%s", contain.is_able ? "cgroup" : "warden", contain.is_able ? "path" : "why",
             log_quote(contain.is_able ? contain.path : contain.why));
    return e->code;
}

const char *
agent_containment(const char **detail)
{
    if (detail)
        *detail = contain.is_able ? contain.path : contain.why;
    return contain.is_able ? "cgroup" : "warden";
}

void
agent_contain_end(void)
{
    if (contain.is_able)
        rmdir(contain.path);
    contain.is_able = false;
}

int
contain_make(char **out, const char *name, struct err *e)
{
    char *path;

    if (!contain.is_able || !name)
        return e->code;
    path = xasprintf("%s/%s", contain.path, name);
    /* No two runs have one name: a group that is there already was left by something that did not end in time. */
    if (mkdir(path, GROUP_MODE) == 0 || (errno == EEXIST && cage_remove(path) && mkdir(path, GROUP_MODE) == 0))
        *out = give(&path);
    else if (contain.is_required)
        err_set(e, ERR_RETRY, "could not make control group \"%s\": %s", path, strerror(errno));
    else
        LOGW("agent.uncaged", "path=%s why=%s", log_quote(path), log_quote(strerror(errno)));
    free(path);
    return e->code;
}

/* <anywhere>/<our group>/<one name>: the place of our own group may have changed since, its name has not. */
bool
contain_is_ours(const char *path)
{
    const char *last = path && *path == '/' ? strrchr(path, '/') : NULL;
    size_t      len = strlen(contain.name);

    return last && contain.is_able && last[1] && last[1] != '.' && !strstr(path, "/../") && (size_t)(last - path) > len &&
           last[-(ptrdiff_t)len - 1] == '/' && strncmp(last - len, contain.name, len) == 0;
}
