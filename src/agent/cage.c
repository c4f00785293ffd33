/* cage: see cage.h. */
#include "agent/cage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OPEN_DIR = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, CAGE_REFUSED = 126 };

int
cage_open(struct cage *c, const char *path)
{
    int why = 0;

    c->dir = open(path, OPEN_DIR);
    c->events = c->dir < 0 ? -1 : openat(c->dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
    if (c->events < 0) {
        why = errno;
        cage_close(c);
    }
    return why;
}

void
cage_close(struct cage *c)
{
    if (c->dir >= 0)
        close(c->dir);
    if (c->events >= 0)
        close(c->events);
    *c = (struct cage)CAGE_NONE;
}

static bool
put(const struct cage *c, const char *file, const char *text)
{
    int  fd = c->dir < 0 ? -1 : openat(c->dir, file, O_WRONLY | O_CLOEXEC);
    bool is_put = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    int  why = errno;

    if (fd >= 0)
        close(fd);
    errno = why;
    return is_put;
}

/* The child goes there by itself. A move waits for the whole machine, unlike a birth, so this is for kernels and sandboxes without clone3(). */
static int
fork_and_move(const struct cage *c, pid_t *pid)
{
    int ends[2];
    int why = 0;

    if (pipe2(ends, O_CLOEXEC))
        return errno;
    *pid = fork();
    if (*pid == 0) {
        if (put(c, "cgroup.procs", "0")) {
            close(ends[0]);
            close(ends[1]);
            return 0;
        }
        why = errno;
        while (write(ends[1], &why, sizeof(why)) < 0 && errno == EINTR)
            ;
        _exit(CAGE_REFUSED);
    }
    if (*pid < 0)
        why = errno;
    close(ends[1]);
    if (*pid > 0 && read(ends[0], &why, sizeof(why)) != (ssize_t)sizeof(why))
        why = 0;
    close(ends[0]);
    return why;
}

int
cage_fork(const struct cage *c, pid_t *pid)
{
    struct clone_args how = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (unsigned)c->dir };

    if (c->dir >= 0) {
        *pid = (pid_t)syscall(SYS_clone3, &how, sizeof(how));
        return *pid < 0 ? fork_and_move(c, pid) : 0;
    }
    *pid = fork();
    return *pid < 0 ? errno : 0;
}

bool
cage_is_populated(const struct cage *c)
{
    char    text[256];
    ssize_t n = c->events < 0 ? -1 : pread(c->events, text, sizeof(text) - 1, 0);

    if (n <= 0)
        return false;
    text[n] = 0;
    return strstr(text, "populated 1") != NULL;
}

bool
cage_kill(const struct cage *c)
{
    return put(c, "cgroup.kill", "1");
}

/* The next directory, or NULL. */
static const char *
next_child(DIR *d)
{
    struct dirent *entry;

    while (d && (entry = readdir(d)))
        if (entry->d_type == DT_DIR && *entry->d_name != '.')
            return entry->d_name;
    return NULL;
}

/* A second description of the same directory, so that each listing has a position of its own. */
static DIR *
list(int dir)
{
    int  fd = openat(dir, ".", OPEN_DIR);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);

    if (fd >= 0 && !d)
        close(fd);
    return d;
}

static void
mark_listed(int dir, struct tree *t)
{
    int   fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
    pid_t self = getpid();
    char  line[32];

    if (fd >= 0 && !f)
        close(fd);
    while (f && fgets(line, sizeof(line), f)) {
        pid_t                pid = (pid_t)strtol(line, NULL, 10);
        struct tree_process *p = pid > 1 && pid != self ? tree_find(t, pid) : NULL;

        if (p)
            p->is_in = true;
    }
    if (f)
        fclose(f);
}

static void
mark_below(int dir, struct tree *t, int depth)
{
    DIR        *d = depth < CAGE_DEPTH ? list(dir) : NULL;
    const char *name;

    mark_listed(dir, t);
    while ((name = next_child(d))) {
        int below = openat(dir, name, OPEN_DIR);

        if (below < 0)
            continue;
        mark_below(below, t, depth + 1);
        close(below);
    }
    if (d)
        closedir(d);
}

void
cage_mark(const struct cage *c, struct tree *tree)
{
    if (c->dir >= 0)
        mark_below(c->dir, tree, 0);
}

static bool
find_child(int dir, char *name, size_t size)
{
    DIR        *d = list(dir);
    const char *found = next_child(d);

    if (found)
        snprintf(name, size, "%s", found);
    if (d)
        closedir(d);
    return found != NULL;
}

/* Removes one that holds no other. Goes down by descriptors, and only two of them: an agent may have made any depth. */
static bool
remove_leaf(const char *path)
{
    char name[NAME_MAX + 1];
    int  above = -1;
    int  at = open(path, OPEN_DIR);
    bool is_removed;

    while (at >= 0 && find_child(at, name, sizeof(name))) {
        if (above >= 0)
            close(above);
        above = at;
        at = openat(above, name, OPEN_DIR);
    }
    is_removed = at >= 0 && above >= 0 && unlinkat(above, name, AT_REMOVEDIR) == 0;
    if (above >= 0)
        close(above);
    if (at >= 0)
        close(at);
    return is_removed;
}

bool
cage_remove(const char *path)
{
    bool is_removed = rmdir(path) == 0 || errno == ENOENT;

    while (!is_removed && remove_leaf(path))
        is_removed = rmdir(path) == 0 || errno == ENOENT;
    return is_removed;
}
