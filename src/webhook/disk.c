#include "webhook/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"

#define DISK_MAGIC     0x6469736bu
#define DISK_JOB_MAGIC 0x64736b6au
#define UNFINISHED     ".tmp" /* behind the name, until all is written */

enum { DIR_MODE = 0700, FILE_MODE = 0600, NAME_SIZE = 64 };

struct disk_job;
typedef void disk_work_fn(struct disk *d, struct disk_job *j); /* on the thread; sets j->err */

struct disk_job {
    uint32_t      magic;
    struct disk  *disk; /* loop thread only; NULL once that is closed */
    disk_work_fn *work;
    disk_fn      *fn; /* loop thread only; NULL: nobody waits */
    void         *arg;
    char          name[NAME_SIZE];
    struct buf    text; /* to be written, or read */
    size_t        at;
    size_t        len;
    struct err    err;
    STAILQ_ENTRY(disk_job) link; /* in disk->jobs, under disk->lock */
    LIST_ENTRY(disk_job) all;    /* in disk->every, loop thread only */
};

struct disk {
    uint32_t        magic;
    struct loop    *loop;
    int             fd; /* of the directory; -1 until it is open */
    int             aside_fd;
    pthread_t       thread;
    bool            has_thread;
    pthread_mutex_t lock;
    pthread_cond_t  wake;
    bool            is_closing;   /* under lock */
    STAILQ_HEAD(, disk_job) jobs; /* under lock */
    LIST_HEAD(, disk_job) every;  /* not answered yet; loop thread only */
};

/* --- what is done with a file, on the thread -------------------------------------------------------------------------------------------- */

static bool
write_whole(int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        len -= (size_t)n;
    }
    return true;
}

/* Bytes, then the name, then the directory: at each moment the name means the whole file or nothing. */
static bool
write_file(const struct disk *d, const char *name, const char *unfinished, const struct buf *text)
{
    int  fd = openat(d->fd, unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    bool is_safe;
    int  why;

    if (fd < 0)
        return false;
    is_safe =
        write_whole(fd, text->data, text->len) && fsync(fd) == 0 && renameat(d->fd, unfinished, d->fd, name) == 0 && fsync(d->fd) == 0;
    why = errno;
    close(fd);
    if (!is_safe) {
        unlinkat(d->fd, unfinished, 0);
        unlinkat(d->fd, name, 0);
    }
    errno = why;
    return is_safe;
}

static void
work_write(struct disk *d, struct disk_job *j)
{
    char unfinished[NAME_SIZE + sizeof UNFINISHED];

    snprintf(unfinished, sizeof unfinished, "%s" UNFINISHED, j->name);
    if (!write_file(d, j->name, unfinished, &j->text))
        err_set(&j->err, ERR_RETRY, "could not write file \"%s\" of the spool: %s", j->name, strerror(errno));
    buf_fini(&j->text);
}

/* len bytes from at on, or an error with the reason in errno; 0: the file ends too early. */
static bool
read_piece(int fd, size_t at, size_t len, struct buf *out)
{
    char piece[16384];

    while (len) {
        ssize_t n = pread(fd, piece, len < sizeof piece ? len : sizeof piece, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = 0;
        if (n <= 0)
            return false;
        buf_add(out, piece, (size_t)n);
        at += (size_t)n;
        len -= (size_t)n;
    }
    return true;
}

static void
read_file(const struct disk *d, const char *name, size_t at, size_t len, struct buf *out, struct err *e)
{
    int fd = openat(d->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 || !read_piece(fd, at, len, out))
        err_set(e, errno == ENOENT ? ERR_GONE : ERR_INVALID, "could not read file \"%s\" of the spool: %s", name,
                errno ? strerror(errno) : "it is shorter than it was");
    if (fd >= 0)
        close(fd);
}

static void
work_read(struct disk *d, struct disk_job *j)
{
    read_file(d, j->name, j->at, j->len, &j->text, &j->err);
}

static void
work_remove(struct disk *d, struct disk_job *j)
{
    if (unlinkat(d->fd, j->name, 0) && errno != ENOENT)
        err_set(&j->err, ERR_RETRY, "could not remove file \"%s\" of the spool: %s", j->name, strerror(errno));
}

static void
work_set_aside(struct disk *d, struct disk_job *j)
{
    if (renameat(d->fd, j->name, d->aside_fd, j->name))
        err_set(&j->err, ERR_RETRY, "could not set file \"%s\" of the spool aside: %s", j->name, strerror(errno));
}

/* --- the thread, and the way to it and back --------------------------------------------------------------------------------------------- */

static void
on_done(void *arg)
{
    struct disk_job *j = CHECKED(arg, DISK_JOB_MAGIC);

    if (j->disk)
        LIST_REMOVE(j, all);
    if (j->fn)
        j->fn(j->text.data, j->text.len, j->err.code ? &j->err : NULL, j->arg);
    else if (j->err.code)
        LOGE("spool.file", "why=%s", log_quote(j->err.text));
    buf_fini(&j->text);
    free(j);
}

static void *
run_jobs(void *arg)
{
    struct disk     *d = CHECKED(arg, DISK_MAGIC);
    struct disk_job *j;

    pthread_mutex_lock(&d->lock);
    while ((j = STAILQ_FIRST(&d->jobs)) || !d->is_closing) {
        if (!j) {
            pthread_cond_wait(&d->wake, &d->lock);
            continue;
        }
        STAILQ_REMOVE_HEAD(&d->jobs, link);
        pthread_mutex_unlock(&d->lock);
        j->work(d, j);
        loop_post(d->loop, on_done, j);
        pthread_mutex_lock(&d->lock);
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

/* text, if any, is taken. */
static void
ask(struct disk *d, disk_work_fn *work, const struct disk_job *what, struct buf *text, disk_fn *fn, void *arg)
{
    struct disk_job *j = xcalloc(1, sizeof *j);

    *j = *what;
    j->magic = DISK_JOB_MAGIC;
    j->disk = d;
    j->work = work;
    j->fn = fn;
    j->arg = arg;
    if (text) {
        j->text = *text;
        *text = (struct buf){ 0 };
    }
    LIST_INSERT_HEAD(&d->every, j, all);
    pthread_mutex_lock(&d->lock);
    STAILQ_INSERT_TAIL(&d->jobs, j, link);
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
}

static struct disk_job
named(const char *name)
{
    struct disk_job what = { 0 };

    snprintf(what.name, sizeof what.name, "%s", name);
    return what;
}

void
disk_write(struct disk *d, const char *name, struct buf *text, disk_fn *fn, void *arg)
{
    struct disk_job what = named(name);

    ask(d, work_write, &what, text, fn, arg);
}

void
disk_read(struct disk *d, const char *name, size_t at, size_t len, disk_fn *fn, void *arg)
{
    struct disk_job what = named(name);

    what.at = at;
    what.len = len;
    ask(d, work_read, &what, NULL, fn, arg);
}

void
disk_remove(struct disk *d, const char *name)
{
    struct disk_job what = named(name);

    ask(d, work_remove, &what, NULL, NULL, NULL);
}

void
disk_set_aside(struct disk *d, const char *name)
{
    struct disk_job what = named(name);

    ask(d, work_set_aside, &what, NULL, NULL, NULL);
}

/* --- the start -------------------------------------------------------------------------------------------------------------------------- */

static bool
ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);

    return len >= strlen(end) && str_equal(text + len - strlen(end), end);
}

static int
is_whole(const struct dirent *entry)
{
    return ends_with(entry->d_name, DISK_SUFFIX) && strlen(entry->d_name) < NAME_SIZE;
}

static int
is_unfinished(const struct dirent *entry)
{
    return ends_with(entry->d_name, DISK_SUFFIX UNFINISHED);
}

static void
free_names(struct dirent **names, int count)
{
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

static void
remove_unfinished(const struct disk *d)
{
    struct dirent **names = NULL;
    int             count = scandirat(d->fd, ".", &names, is_unfinished, NULL);

    for (int i = 0; i < count; i++)
        unlinkat(d->fd, names[i]->d_name, 0);
    free_names(names, count);
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void
show_file(const struct disk *d, const char *name, disk_file_fn *fn, void *arg)
{
    struct buf  text = { 0 };
    struct err  e = ERR_INIT;
    struct stat st = { 0 };

    if (fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
        err_set(&e, ERR_INVALID, "cannot read \"%s\" of the spool: it is no file", name);
    else
        read_file(d, name, 0, (size_t)st.st_size, &text, &e);
    fn(name, text.data, text.len, e.code ? &e : NULL, arg);
    buf_fini(&text);
}

int
disk_count_aside(const struct disk *d)
{
    struct dirent **names = NULL;
    int             count = scandirat(d->aside_fd, ".", &names, is_whole, NULL);

    free_names(names, count);
    return count > 0 ? count : 0;
}

void
disk_scan(const struct disk *d, disk_file_fn *fn, void *arg)
{
    struct dirent **names = NULL;
    int             count;

    remove_unfinished(d);
    count = scandirat(d->fd, ".", &names, is_whole, by_name);
    for (int i = 0; i < count; i++)
        show_file(d, names[i]->d_name, fn, arg);
    free_names(names, count);
}

/* The name of a new directory is bytes of the one above. Without the right to read that one, it is the file system's business. */
static void
sync_above(int fd)
{
    int above = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (above < 0)
        return;
    fsync(above);
    close(above);
}

/* The directory, made if need be and known to the disk; -1 with the reason in errno. */
static int
open_dir(int parent, const char *path)
{
    int fd;

    if (mkdirat(parent, path, DIR_MODE) && errno != EEXIST)
        return -1;
    fd = openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    sync_above(fd);
    if (faccessat(fd, ".", W_OK | X_OK, 0) == 0 && fsync(fd) == 0)
        return fd;
    close(fd);
    return -1;
}

int
disk_open(struct disk **out, struct loop *l, const char *dir, struct err *e)
{
    struct disk *d = xcalloc(1, sizeof *d);

    d->magic = DISK_MAGIC;
    d->loop = l;
    d->aside_fd = -1;
    STAILQ_INIT(&d->jobs);
    LIST_INIT(&d->every);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->wake, NULL);
    d->fd = open_dir(AT_FDCWD, dir);
    if (d->fd >= 0)
        d->aside_fd = open_dir(d->fd, DISK_ASIDE);
    if (d->aside_fd < 0) {
        err_set(e, ERR_INVALID, "cannot use the spool's directory \"%s\": %s; set ORCH_SPOOL_DIR to a place that orchd may write", dir,
                strerror(errno));
        goto out;
    }
    if (pthread_create(&d->thread, NULL, run_jobs, d)) {
        err_set(e, ERR_RETRY, "could not start a thread for the spool");
        goto out;
    }
    d->has_thread = true;
    *out = give(&d);
out:
    disk_close(d);
    return (int)e->code;
}

void
disk_close(struct disk *d)
{
    struct disk_job *j;

    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->is_closing = true;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
    if (d->has_thread)
        pthread_join(d->thread, NULL);
    /* All of them are done and posted; the loop frees them. */
    while ((j = LIST_FIRST(&d->every))) {
        LIST_REMOVE(j, all);
        j->disk = NULL;
        j->fn = NULL;
    }
    if (d->fd >= 0)
        close(d->fd);
    if (d->aside_fd >= 0)
        close(d->aside_fd);
    pthread_cond_destroy(&d->wake);
    pthread_mutex_destroy(&d->lock);
    d->magic = 0;
    free(d);
}
