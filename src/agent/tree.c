/* tree: see tree.h. A failed malloc ends the process: the warden's end is noticed by orchd, and orchd's end by its wardens. */
#include "agent/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    STAT_MAX = 1024,       /* a stat line is below 400 bytes: 52 numbers and a name of at most 64 */
    ENVIRON_MAX = 8 << 20, /* above what execve() accepts with the usual stack limit of 8 MiB */
    GROW_MIN = 256
};

static void *
grow(void *old, size_t size)
{
    void *p = realloc(old, size);

    if (!p)
        abort();
    return p;
}

/* Reads at most size - 1 bytes and ends them with a NUL. -1 when there is no such file. */
static ssize_t
read_small(const char *path, char *into, size_t size)
{
    size_t  len = 0;
    ssize_t n = 0;
    int     fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -1;
    while (len + 1 < size && (n = read(fd, into + len, size - 1 - len)) > 0)
        len += (size_t)n;
    close(fd);
    into[len] = 0;
    return n < 0 ? -1 : (ssize_t)len;
}

bool
tree_read_process(pid_t pid, struct tree_process *out)
{
    char               path[64];
    char               line[STAT_MAX];
    const char        *rest;
    char               state = 0;
    int                ppid = 0;
    long               threads = 0;
    unsigned long long start = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (read_small(path, line, sizeof(line)) <= 0)
        return false;
    /* The name may hold blanks and brackets; the last bracket is the one that ends it. */
    rest = strrchr(line, ')');
    if (!rest || sscanf(rest + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %llu", &state, &ppid,
                        &threads, &start) != 4)
        return false;
    /* A leader that ended before its threads is shown as a zombie too, and is alive. */
    *out = (struct tree_process){ .pid = pid, .ppid = ppid, .start = start, .is_dead = (state == 'Z' && threads <= 1) || state == 'X' };
    return true;
}

static int
by_pid(const void *a, const void *b)
{
    const struct tree_process *x = a;
    const struct tree_process *y = b;

    return (x->pid > y->pid) - (x->pid < y->pid);
}

void
tree_walk(struct tree *t)
{
    DIR           *dir = opendir("/proc");
    struct dirent *entry;

    t->count = 0;
    if (!dir)
        return;
    while ((entry = readdir(dir))) {
        struct tree_process p;
        char               *end;
        long                pid = strtol(entry->d_name, &end, 10);

        if (*end || pid <= 0 || pid > INT_MAX || !tree_read_process((pid_t)pid, &p))
            continue;
        if (t->count == t->cap) {
            t->cap = t->cap ? t->cap * 2 : GROW_MIN;
            t->items = grow(t->items, t->cap * sizeof(*t->items));
        }
        t->items[t->count++] = p;
    }
    closedir(dir);
    if (t->count)
        qsort(t->items, t->count, sizeof(*t->items), by_pid);
}

struct tree_process *
tree_find(const struct tree *t, pid_t pid)
{
    struct tree_process key = { .pid = pid };

    return t->count ? bsearch(&key, t->items, t->count, sizeof(*t->items), by_pid) : NULL;
}

/* A walk takes its time, and a parent's number may have been given anew meanwhile: then its bearer is younger than the child. */
static bool
is_child_of(const struct tree_process *p, const struct tree_process *parent)
{
    return parent && parent->is_in && parent->start <= p->start;
}

void
tree_mark_descendants(struct tree *t, pid_t root)
{
    bool is_changed = true;

    /* Children mostly have higher numbers than their parents, so one round and one that finds nothing is the rule. */
    while (is_changed) {
        is_changed = false;
        for (size_t i = 0; i < t->count; i++) {
            struct tree_process *p = &t->items[i];

            if (p->is_in || p->pid == root)
                continue;
            if (p->ppid == root || is_child_of(p, tree_find(t, p->ppid))) {
                p->is_in = true;
                is_changed = true;
            }
        }
    }
}

void
tree_fini(struct tree *t)
{
    free(t->items);
    *t = (struct tree){ 0 };
}

bool
tree_has_variable(pid_t pid, const char *name_value)
{
    size_t  want = strlen(name_value) + 1; /* with its NUL */
    size_t  cap = 16384;
    size_t  len = 0;
    ssize_t n;
    char    path[64];
    char   *text = NULL;
    bool    is_found = false;
    int     fd;

    snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    text = grow(NULL, cap);
    while ((n = read(fd, text + len, cap - len - 1)) > 0) {
        len += (size_t)n;
        if (len + 1 < cap)
            continue;
        if (cap >= ENVIRON_MAX)
            break;
        cap *= 2;
        text = grow(text, cap);
    }
    close(fd);
    text[len] = 0;
    for (size_t at = 0; at < len && !is_found; at += strlen(text + at) + 1)
        is_found = len - at + 1 >= want && memcmp(text + at, name_value, want) == 0;
    free(text);
    return is_found;
}

bool
tree_signal(const struct tree_process *p, int signo)
{
    struct tree_process seen;
    bool                is_sent = false;
    int                 fd = pidfd_open(p->pid, 0);

    if (fd < 0)
        return false;
    /* The descriptor names one process for good; if it started when the one we mean did, it is the one we mean. */
    if (tree_read_process(p->pid, &seen) && seen.start == p->start)
        is_sent = pidfd_send_signal(fd, signo, NULL, 0) == 0;
    close(fd);
    return is_sent;
}

struct tree_seen_item {
    uint64_t start;
    pid_t    pid; /* 0 = free */
    unsigned flags;
};

static struct tree_seen_item *
seen_find(struct tree_seen *s, pid_t pid, uint64_t start)
{
    size_t at = ((uint64_t)(uint32_t)pid * 0x9e3779b97f4a7c15u) >> 20;

    for (;; at++) {
        struct tree_seen_item *it = &s->items[at & (s->cap - 1)];

        if (!it->pid || (it->pid == pid && it->start == start))
            return it;
    }
}

static void
seen_grow(struct tree_seen *s)
{
    struct tree_seen old = *s;

    s->cap = old.cap ? old.cap * 2 : GROW_MIN;
    s->items = calloc(s->cap, sizeof(*s->items));
    if (!s->items)
        abort();
    for (size_t i = 0; i < old.cap; i++)
        if (old.items[i].pid)
            *seen_find(s, old.items[i].pid, old.items[i].start) = old.items[i];
    free(old.items);
}

bool
tree_seen_add(struct tree_seen *s, const struct tree_process *p, unsigned flag)
{
    struct tree_seen_item *it;

    if ((s->count + 1) * 4 > s->cap * 3)
        seen_grow(s);
    it = seen_find(s, p->pid, p->start);
    if (!it->pid) {
        *it = (struct tree_seen_item){ .start = p->start, .pid = p->pid, .flags = TREE_SEEN };
        s->count++;
        if (flag == TREE_SEEN)
            return true;
    }
    if (it->flags & flag)
        return false;
    it->flags |= flag;
    return true;
}

void
tree_seen_fini(struct tree_seen *s)
{
    free(s->items);
    *s = (struct tree_seen){ 0 };
}

static int
check_executable(const char *file)
{
    struct stat st;

    if (stat(file, &st))
        return errno;
    if (!S_ISREG(st.st_mode) || access(file, X_OK))
        return EACCES;
    return 0;
}

int
tree_find_command(const char *command, const char *path, const char *cwd, char *out, size_t size)
{
    int why = ENOENT;

    if (!command || !*command)
        return ENOENT;
    if (strchr(command, '/')) {
        snprintf(out, size, "%s%s%s", *command == '/' ? "" : cwd, *command == '/' ? "" : "/", command);
        return check_executable(out);
    }
    while (path && *path) {
        size_t len = strcspn(path, ":");

        if (*path == '/') {
            int n = snprintf(out, size, "%.*s/%s", (int)len, path, command);
            int found = n > 0 && (size_t)n < size ? check_executable(out) : ENAMETOOLONG;

            if (!found)
                return 0;
            if (found == EACCES)
                why = EACCES;
        }
        path += len + (path[len] == ':');
    }
    return why;
}
