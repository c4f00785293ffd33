#include "agent/runlog.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BLOCK = 4096, /* holes begin and end at blocks */
    CHUNK = 64 * 1024,
    TAKE_MAX = 1024 * 1024,
    REST_MAX = 16, /* MiB taken at the end: a stranger who holds the pipe does not keep us */
    LINE_LEN = 45, /* "\n[orchd: " + 19 + " bytes left out]\n" */
    WORDS_SIZE = 160
};

static char chunk[CHUNK]; /* a warden moves one at a time */

static bool
write_at(int fd, const char *data, size_t len, int64_t at)
{
    ssize_t n;

    for (; len; data += n, len -= (size_t)n, at += n) {
        n = pwrite(fd, data, len, at);
        if (n < 0 && errno == EINTR)
            n = 0;
        else if (n <= 0)
            return false;
    }
    return true;
}

static bool
copy(int to, int64_t to_at, int from, int64_t at, int64_t len)
{
    ssize_t n;

    for (; len > 0; at += n, to_at += n, len -= n) {
        n = pread(from, chunk, len < CHUNK ? (size_t)len : CHUNK, at);
        if (n <= 0 || !write_at(to, chunk, (size_t)n, to_at))
            return false;
    }
    return true;
}

/* --- the gap --- */

static bool
write_line(struct runlog *l)
{
    char line[LINE_LEN + 1];

    snprintf(line, sizeof(line), "\n[orchd: %19lld bytes left out]\n", (long long)l->left_out);
    return write_at(l->file, line, LINE_LEN, l->head - LINE_LEN);
}

/* The part of the file from the head to to goes, and with it the gap. The name ends as a log's does, so that retention finds what a power
 * cut left of it. */
static bool
replace_file(struct runlog *l, int64_t to)
{
    char        path[PATH_MAX];
    struct stat st;
    int         fd = -1;

    if (fstat(l->file, &st) || !st.st_nlink || (size_t)snprintf(path, sizeof(path), "%s.new.log", l->path) >= sizeof(path))
        return false;
    unlink(path);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, st.st_mode & 0777);
    if (fd < 0)
        return false;
    if (!copy(fd, 0, l->file, 0, l->head) || !copy(fd, l->head, l->file, to, l->size - to) || rename(path, l->path)) {
        unlink(path);
        close(fd);
        return false;
    }
    close(l->file);
    l->file = fd;
    l->size -= to - l->head;
    l->gap_to = l->head;
    return true;
}

/* The tail keeps the last half of max. The line first: it must not promise more than there is. */
static bool
fold(struct runlog *l)
{
    int64_t to = (l->size - l->max / 2) / BLOCK * BLOCK;
    int64_t before = l->left_out;

    l->left_out += to - l->gap_to + (before ? 0 : LINE_LEN); /* the line stands on bytes, too */
    if (write_line(l)) {
        if (fallocate(l->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, l->gap_to, to - l->gap_to) == 0) {
            l->gap_to = to;
            return true;
        }
        if (replace_file(l, to))
            return true;
    }
    l->left_out = before;
    return false;
}

/* --- what the command writes --- */

/* At most an eighth of max: then there is room for it after one fold. */
static bool
put(struct runlog *l, const char *data, int64_t len)
{
    if ((l->size + len - l->gap_to > l->max - l->head && !fold(l)) || !write_at(l->file, data, (size_t)len, l->size))
        return false;
    l->size += len;
    return true;
}

static bool
own_up(struct runlog *l)
{
    char words[WORDS_SIZE];
    int len = snprintf(words, sizeof(words), "\n[orchd: %lld bytes could not be written: %s]\n", (long long)l->unwritten, strerror(l->why));

    if (!put(l, words, len))
        return false;
    l->unwritten = 0;
    return true;
}

static void
append(struct runlog *l, const char *data, int64_t len)
{
    int64_t most = l->max / 8;

    for (int64_t n; len > 0; data += n, len -= n) {
        n = len < most ? len : most;
        if ((!l->unwritten || own_up(l)) && put(l, data, n))
            continue;
        l->unwritten += n;
        l->why = errno;
    }
}

void
runlog_take(struct runlog *l)
{
    ssize_t n = 1;

    for (int taken = 0; n > 0 && taken < TAKE_MAX; taken += (int)n) {
        n = read(l->from, chunk, sizeof(chunk));
        if (n > 0)
            append(l, chunk, n);
    }
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        close(l->from);
        l->from = -1;
    }
}

int
runlog_open(struct runlog *l, const char *path, int64_t max)
{
    struct stat st;
    int         ends[2] = { -1, -1 };
    int         file = -1;

    *l = RUNLOG_NONE;
    errno = 0;
    if (max < RUNLOG_MIN)
        return -1;
    file = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0 || fstat(file, &st) || pipe2(ends, O_CLOEXEC) || fcntl(ends[0], F_SETFL, O_NONBLOCK)) {
        if (file >= 0)
            close(file);
        if (ends[0] >= 0) {
            close(ends[0]);
            close(ends[1]);
        }
        return -1;
    }
    *l = (struct runlog){ .from = ends[0], .file = file, .path = path, .max = max, .head = max / 4 / BLOCK * BLOCK, .size = st.st_size };
    l->gap_to = l->head;
    return ends[1];
}

void
runlog_close(struct runlog *l)
{
    if (l->file < 0)
        return;
    for (int i = 0; i < REST_MAX && l->from >= 0; i++)
        runlog_take(l);
    if (l->unwritten)
        own_up(l);
    if (l->gap_to > l->head)
        replace_file(l, l->gap_to);
    if (l->from >= 0)
        close(l->from);
    close(l->file);
    *l = RUNLOG_NONE;
}

bool
runlog_next(int fd, off_t at, off_t *from, off_t *to)
{
    struct stat st;

    /* Again when the hole has grown between the two questions. */
    while ((*from = lseek(fd, at, SEEK_DATA)) >= 0) {
        at = *from;
        *to = lseek(fd, at, SEEK_HOLE);
        if (*to > *from)
            return true;
    }
    /* A file system that knows no holes has none. */
    if (errno != EINVAL || fstat(fd, &st) || at >= st.st_size)
        return false;
    *from = at;
    *to = st.st_size;
    return true;
}
