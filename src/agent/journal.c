#include "agent/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { JOURNAL_MODE = 0640, LINE_SIZE = 96 };

static const char *const names[] = {
#define WARDEN_NEWS_NAME(news, name) name,
    WARDEN_NEWS(WARDEN_NEWS_NAME)
#undef WARDEN_NEWS_NAME
};

enum { NEWS_COUNT = sizeof(names) / sizeof(*names) };

int
journal_create(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, JOURNAL_MODE);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
        int why = errno;

        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

bool
journal_write(int fd, const struct warden_report *r)
{
    char line[LINE_SIZE];
    int  len = snprintf(line, sizeof(line), "%s %d %lld\n", names[r->news % NEWS_COUNT], (int)r->number, (long long)r->at_us);

    return write(fd, line, (size_t)len) == len && fdatasync(fd) == 0;
}

bool
journal_next(int fd, off_t *at, struct warden_report *out)
{
    char      line[LINE_SIZE + 1];
    char      name[LINE_SIZE + 1];
    int       number;
    long long at_us;
    ssize_t   n = pread(fd, line, LINE_SIZE, *at);
    char     *end = n > 0 ? memchr(line, '\n', (size_t)n) : NULL;

    if (!end)
        return false;
    *end = 0;
    if (sscanf(line, "%96s %d %lld", name, &number, &at_us) != 3)
        return false;
    for (unsigned i = 0; i < NEWS_COUNT; i++) {
        if (strcmp(name, names[i]) != 0)
            continue;
        *out = (struct warden_report){ .news = i, .number = number, .at_us = at_us };
        *at += end + 1 - line;
        return true;
    }
    return false;
}

bool
journal_is_held(int fd)
{
    if (flock(fd, LOCK_SH | LOCK_NB))
        return errno == EWOULDBLOCK;
    flock(fd, LOCK_UN);
    return false;
}
