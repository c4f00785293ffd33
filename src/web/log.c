/* log: the log of a run over HTTP: whole, a range of its bytes, or followed until the run has ended.
 * The file is read when the client has taken what it was sent before, in pieces, so that a slow client costs one piece of memory. Logs are
 * files of the node that ran the agent: they are served by whoever sees that file, which is that node, or one that shares its directory. */
#include "web/web_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/runlog.h"
#include "base/check.h"
#include "base/log.h"
#include "base/str.h"

#define READER_MAGIC 0x72656164u

enum { PIECE = 65536, LOOK_MS = 200, ASK_EVERY = 5 /* looks */ };

/* What the client wants, until Postgres has told where the log is. */
struct wish {
    char   *run;
    char   *range; /* as sent; NULL = none */
    bool    is_followed;
    int64_t offset; /* -1 = not given */
    int64_t tail;   /* -1 = not given */
};

struct reader {
    uint32_t             magic;
    struct web          *web;
    struct http_request *request;
    char                *run;
    int                  fd;
    int64_t              at;
    int64_t              end; /* of what was promised; -1 = as much as there is, without what runlog.h left out */
    bool                 is_ended;
    int                  looks; /* in vain, since the last byte */
    struct loop_timer   *timer;
    struct db_call      *call;
    LIST_ENTRY(reader) link;
};

static void
wish_free(void *arg)
{
    struct wish *wish = arg;

    free(wish->run);
    free(wish->range);
    free(wish);
}

static void
reader_end(struct reader *rd)
{
    LIST_REMOVE(rd, link);
    rd->web->streams--;
    loop_timer_stop(rd->timer);
    db_forget(rd->call);
    close(rd->fd);
    http_end(rd->request);
    free(rd->run);
    rd->magic = 0;
    free(rd);
}

void
web_end_readers(struct web *w)
{
    struct reader *rd;

    while ((rd = LIST_FIRST(&w->readers)))
        reader_end(rd);
}

static void
on_asked(struct db_result *result, const struct err *e, void *arg)
{
    struct reader *rd = CHECKED(arg, READER_MAGIC);

    rd->call = NULL;
    rd->is_ended = !e && (db_rows(result) != 1 || db_bool(result, 0, "is_ended"));
}

static void read_on(struct reader *rd);

static void
on_look(void *arg)
{
    struct reader *rd = CHECKED(arg, READER_MAGIC);

    rd->timer = NULL;
    read_on(rd);
}

/* All that is there was sent. Whether the run goes on is asked now and then; after it has ended the file is read once more. */
static void
wait_for_more(struct reader *rd)
{
    if (rd->looks++ % ASK_EVERY == 0 && !rd->call)
        rd->call = db_call(rd->web->db, CALL_run_log, (const char *const[]){ rd->run }, on_asked, rd);
    rd->timer = loop_after(rd->web->loop, LOOK_MS, on_look, rd);
}

/* How many bytes are there next, a piece at most; moves over what was left out. */
static size_t
next_piece(struct reader *rd)
{
    off_t from = (off_t)rd->at;
    off_t to = (off_t)rd->end;

    if (rd->end < 0 && !runlog_next(rd->fd, (off_t)rd->at, &from, &to))
        return 0;
    rd->at = from;
    return to - from < PIECE ? (size_t)(to - from) : PIECE;
}

/* One piece; 0 = there is none. What is left out while it is read would be read as zeros: it is looked for again afterwards. */
static ssize_t
read_piece(struct reader *rd, char piece[PIECE])
{
    int64_t at;
    size_t  most;
    ssize_t got;

    do {
        most = next_piece(rd);
        at = rd->at;
        got = most ? pread(rd->fd, piece, most, (off_t)at) : 0;
    } while (got > 0 && (next_piece(rd) < (size_t)got || rd->at != at));
    return got;
}

static void
read_on(struct reader *rd)
{
    char    piece[PIECE];
    bool    was_ended = rd->is_ended; /* before the look, so that nothing written since is missed */
    ssize_t got = read_piece(rd, piece);

    if (got < 0)
        LOGW("web.log_unreadable", "run=%s why=%s", rd->run, log_quote(strerror(errno)));
    if (got > 0) {
        rd->at += got;
        rd->looks = 0;
        http_write(rd->request, piece, (size_t)got);
    } else if (got == 0 && rd->end < 0 && !was_ended) {
        wait_for_more(rd);
    } else {
        reader_end(rd); /* less than was promised, if the file is shorter by now: the client sees it by the length */
    }
}

static void
on_pull(struct http_request *r, void *arg)
{
    struct reader *rd = CHECKED(arg, READER_MAGIC);

    if (http_is_gone(r))
        reader_end(rd);
    else if (!rd->timer)
        read_on(rd);
}

static struct reader *
reader_begin(struct web *w, struct http_request *r, int status, const struct wish *wish, int fd, int64_t at, int64_t end)
{
    struct reader *rd = xcalloc(1, sizeof *rd);

    rd->magic = READER_MAGIC;
    rd->web = w;
    rd->request = r;
    rd->run = xstrdup(wish->run);
    rd->fd = fd;
    rd->at = at;
    rd->end = end;
    LIST_INSERT_HEAD(&w->readers, rd, link);
    http_add_header(r, "X-Accel-Buffering", "no");
    http_begin(r, status, "text/plain; charset=utf-8", on_pull, rd);
    return rd;
}

/* Takes the value. */
static void
add_header(struct http_request *r, const char *name, char *value)
{
    http_add_header(r, name, value);
    free(value);
}

/* "bytes=0-99", "bytes=100-" or "bytes=-100" of a file of so many bytes (RFC 9110, 14.1.2); end is behind the last one. */
static bool
read_range(const char *text, int64_t size, int64_t *at, int64_t *end)
{
    char *copy = xstrdup(text + strlen("bytes="));
    char *dash = strchr(copy, '-');
    long  first = 0;
    long  last = 0;
    bool  is_good = false;

    if (!dash)
        goto out;
    *dash++ = '\0';
    if (!*copy) {
        is_good = str_to_long(dash, &last) && last > 0 && size > 0;
        *at = last < size ? size - last : 0;
        *end = size;
    } else {
        is_good = str_to_long(copy, &first) && first >= 0 && first < size && (!*dash || (str_to_long(dash, &last) && last >= first));
        *at = first;
        *end = *dash && last < size ? last + 1 : size;
    }
out:
    free(copy);
    return is_good;
}

static bool
has_gap(int fd, int64_t size)
{
    off_t from = 0;
    off_t to = 0;

    return size && (!runlog_next(fd, 0, &from, &to) || from > 0 || to < size);
}

static void
send_part(struct web *w, struct http_request *r, const struct wish *wish, int fd, int64_t size, bool is_ended)
{
    int64_t at = 0;
    int64_t end = size;

    http_add_header(r, "Accept-Ranges", "bytes");
    if (wish->range && !read_range(wish->range, size, &at, &end)) {
        add_header(r, "Content-Range", xasprintf("bytes */%lld", (long long)size));
        http_problem(r, 416, "Range Not Satisfiable",
                     "accepted is one range that begins within the log, such as bytes=0-999, bytes=1000- or bytes=-1000");
        close(fd);
        w->streams--;
        return;
    }
    /* While a run goes on, a range holds zeros for what is left out of its log: offsets are those of the file. The whole leaves it out, and has
     * no length that could be promised. */
    if (!wish->range && (!is_ended || has_gap(fd, size))) {
        reader_begin(w, r, 200, wish, fd, 0, -1)->is_ended = true;
        return;
    }
    if (wish->range)
        add_header(r, "Content-Range", xasprintf("bytes %lld-%lld/%lld", (long long)at, (long long)end - 1, (long long)size));
    add_header(r, "Content-Length", xasprintf("%lld", (long long)(end - at)));
    reader_begin(w, r, wish->range ? 206 : 200, wish, fd, at, end);
}

static void
send_rest(struct web *w, struct http_request *r, const struct wish *wish, int fd, int64_t size)
{
    int64_t at = wish->offset >= 0 ? wish->offset : wish->tail >= 0 && wish->tail < size ? size - wish->tail : 0;

    reader_begin(w, r, 200, wish, fd, at, -1);
}

/* An agent may write where its log is: no link of its making is followed, and nothing but a file is read. */
static int
open_file(const char *path, struct stat *st)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd >= 0 && (fstat(fd, st) || !S_ISREG(st->st_mode) || st->st_nlink > 1)) {
        close(fd);
        fd = -1;
        errno = EACCES;
    }
    return fd;
}

/* Again when the file was put together, as runlog.h tells, between the two steps. */
static int
open_log(const char *path, int64_t *size)
{
    struct stat st = { 0 };
    int         fd = open_file(path, &st);

    if (fd >= 0 && st.st_nlink == 0) {
        close(fd);
        fd = open_file(path, &st);
    }
    if (fd >= 0)
        *size = st.st_size;
    return fd;
}

static void
refuse(struct http_request *r, char *detail)
{
    http_problem(r, 404, "Not Found", detail);
    free(detail);
}

static void
answer_log(struct web *w, struct http_request *r, struct db_result *result, void *arg)
{
    const struct wish *wish = arg;
    const char        *path = db_rows(result) == 1 ? db_text(result, 0, "log_path") : NULL;
    int64_t            size = 0;
    int                fd = path ? open_log(path, &size) : -1;

    if (db_rows(result) != 1) {
        refuse(r, xasprintf("there is no run %s: it never was, or retention has deleted it", wish->run));
    } else if (!path) {
        refuse(r, xasprintf("run %s has no log: it has not started", wish->run));
    } else if (fd < 0) {
        refuse(r, xasprintf("the log of run %s is not here: node %s wrote it to %s (%s)", wish->run, db_text(result, 0, "node"), path,
                            strerror(errno)));
    } else if (!web_take_stream(w, r)) {
        close(fd);
    } else if (wish->is_followed) {
        send_rest(w, r, wish, fd, size);
    } else {
        send_part(w, r, wish, fd, size, db_bool(result, 0, "is_ended"));
    }
}

/* A unit that is not ours is as if it were not there (RFC 9110, 14.2). */
static const char *
range_of(const struct http_request *r)
{
    const char *range = http_header(r, "Range");

    return range && str_starts(range, "bytes=") ? range : NULL;
}

void
web_on_log(struct http_request *r, void *arg)
{
    struct web  *w = CHECKED(arg, WEB_MAGIC);
    const char  *id = web_read_id(r, "run");
    struct wish *wish;
    int64_t      follow = 0;
    int64_t      offset = 0;
    int64_t      tail = 0;

    if (!id || !web_read_number(r, "follow", 0, &follow) || !web_read_number(r, "offset", -1, &offset) ||
        !web_read_number(r, "tail", -1, &tail))
        return;
    if ((!follow && (offset >= 0 || tail >= 0)) || (follow && range_of(r)) || (offset >= 0 && tail >= 0)) {
        http_problem(r, 400, "Bad Request", "accepted is a Range header, or follow=1 with at most one of offset and tail");
        return;
    }
    wish = xcalloc(1, sizeof *wish);
    *wish = (struct wish){ xstrdup(id), xstrdup(range_of(r)), follow == 1, offset, tail };
    web_ask_with(w, r, CALL_run_log, (const char *const[]){ id }, answer_log, wish, wish_free);
}
