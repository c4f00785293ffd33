/* Sockets with a deadline. libgit2 waits for ever for a peer that says nothing, and a thread that waits for ever holds its mirror; so
 * connecting, and each read and write, end after TIMEOUT_MS. TLS runs on top of these sockets and inherits that. SSH does not: libssh2
 * reads the socket itself. So stream_sweep() looks, from another thread, for those that are silent, and shuts them down under its feet. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <git2/sys/stream.h>

#include "base/clock.h"
#include "base/str.h"
#include "git/git_int.h"

enum {
    TIMEOUT_MS = 30000,
    /* Of both sides, for SSH. Longer, because we are silent, too, while we pack what is to be pushed. */
    SILENCE_MS = 4 * TIMEOUT_MS
};

struct stream {
    git_stream base; /* first: libgit2 knows us by it */
    char      *host, *port;
    int        fd;      /* in this place: libgit2's SSH looks for it here, as in a stream of its own */
    bool       is_ours; /* read and written through us, so with our deadlines; under streams_lock */
    LIST_ENTRY(stream) link;
};

static pthread_mutex_t streams_lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, stream) streams = LIST_HEAD_INITIALIZER(streams); /* connected; under streams_lock */

static void
claim_stream(struct stream *s)
{
    pthread_mutex_lock(&streams_lock);
    s->is_ours = true;
    pthread_mutex_unlock(&streams_lock);
}

static bool
is_silent(const struct stream *s)
{
    struct tcp_info info = { 0 };
    socklen_t       len = sizeof info;
    return getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_last_data_recv > SILENCE_MS &&
           info.tcpi_last_data_sent > SILENCE_MS;
}

void
stream_sweep(void)
{
    struct stream *s;
    pthread_mutex_lock(&streams_lock);
    LIST_FOREACH (s, &streams, link)
        if (!s->is_ours && is_silent(s))
            shutdown(s->fd, SHUT_RDWR);
    pthread_mutex_unlock(&streams_lock);
}

static int
fail(const struct stream *s, const char *what, const char *why)
{
    char *text = xasprintf("could not %s %s:%s: %s", what, s->host, s->port, why);
    git_error_set_str(GIT_ERROR_NET, text);
    free(text);
    return -1;
}

/* Waits until the socket is ready. Deadlines are absolute, so that a signal does not prolong the wait. */
static int
wait_ready(const struct stream *s, short events, const char *what)
{
    int64_t       until = clock_mono_ms() + TIMEOUT_MS;
    struct pollfd p = { .fd = s->fd, .events = events };
    int           ready;
    do {
        int64_t left = until - clock_mono_ms();
        ready = poll(&p, 1, left > 0 ? (int)left : 0);
    } while (ready < 0 && errno == EINTR);
    if (ready < 0)
        return fail(s, what, strerror(errno));
    return ready ? 0 : fail(s, what, "no answer in time");
}

static int
connect_to(struct stream *s, const struct addrinfo *a)
{
    int       why = 0;
    socklen_t len = sizeof why;
    s->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    if (s->fd < 0)
        return fail(s, "connect to", strerror(errno));
    if (connect(s->fd, a->ai_addr, a->ai_addrlen) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return fail(s, "connect to", strerror(errno));
    if (wait_ready(s, POLLOUT, "connect to"))
        return -1;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &why, &len) || why)
        return fail(s, "connect to", strerror(why ? why : errno));
    return 0;
}

static int
on_connect(git_stream *base)
{
    struct stream   *s = (struct stream *)base;
    struct addrinfo  hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC };
    struct addrinfo *found = NULL;
    int              status = getaddrinfo(s->host, s->port, &hints, &found);

    if (status)
        return fail(s, "find", gai_strerror(status));
    status = -1;
    for (struct addrinfo *a = found; a && status; a = a->ai_next) {
        status = connect_to(s, a);
        if (status && s->fd >= 0) {
            close(s->fd);
            s->fd = -1;
        }
    }
    freeaddrinfo(found);
    if (status)
        return status;
    pthread_mutex_lock(&streams_lock);
    LIST_INSERT_HEAD(&streams, s, link);
    pthread_mutex_unlock(&streams_lock);
    return 0;
}

static ssize_t
on_read(git_stream *base, void *data, size_t len)
{
    struct stream *s = (struct stream *)base;
    claim_stream(s);
    for (;;) {
        ssize_t got = recv(s->fd, data, len, 0);
        if (got >= 0)
            return got;
        if (errno != EAGAIN && errno != EINTR)
            return fail(s, "read from", strerror(errno));
        if (wait_ready(s, POLLIN, "read from"))
            return -1;
    }
}

static ssize_t
on_write(git_stream *base, const char *data, size_t len, int flags)
{
    struct stream *s = (struct stream *)base;
    (void)flags;
    claim_stream(s);
    for (;;) {
        ssize_t sent = send(s->fd, data, len, MSG_NOSIGNAL);
        if (sent >= 0)
            return sent;
        if (errno != EAGAIN && errno != EINTR)
            return fail(s, "write to", strerror(errno));
        if (wait_ready(s, POLLOUT, "write to"))
            return -1;
    }
}

static int
on_close(git_stream *base)
{
    struct stream *s = (struct stream *)base;
    if (s->fd < 0)
        return 0;
    pthread_mutex_lock(&streams_lock);
    LIST_REMOVE(s, link);
    close(s->fd);
    s->fd = -1;
    pthread_mutex_unlock(&streams_lock);
    return 0;
}

static void
on_free(git_stream *base)
{
    struct stream *s = (struct stream *)base;
    on_close(base);
    free(s->host);
    free(s->port);
    free(s);
}

static int
on_init(git_stream **out, const char *host, const char *port)
{
    struct stream *s = xcalloc(1, sizeof *s);
    s->base = (git_stream){
        .version = GIT_STREAM_VERSION, .connect = on_connect, .read = on_read, .write = on_write, .close = on_close, .free = on_free
    };
    s->host = xstrdup(host);
    s->port = xstrdup(port);
    s->fd = -1;
    *out = &s->base;
    return 0;
}

void
stream_register(void)
{
    git_stream_registration r = { .version = GIT_STREAM_VERSION, .init = on_init };
    git_stream_register(GIT_STREAM_STANDARD, &r);
}
